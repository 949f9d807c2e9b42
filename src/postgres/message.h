/*
 * Messages for people that go with a fault.
 */
#pragma once

#include "base/fault.h"

/*
 * Sets *ret_message to the formatted text, on the heap for the caller to free (NULL when memory is short),
 * and gives fault, so that a failing function can end with it.
 */
[[gnu::format(printf, 3, 4)]] enum fault message_set(char **ret_message, enum fault fault, const char *format,
                                                     ...);
