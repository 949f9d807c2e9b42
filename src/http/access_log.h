/*
 * One log line per request.
 */
#pragma once

#include "http/exchange.h"
#include "http/server.h"

#include <stdbool.h>

/*
 * Logs exchange, which is over, with its ledger, if `which` asks for it. is_sent: the whole answer was sent.
 */
void access_log_write(enum access_log which, const struct exchange *exchange, bool is_sent);
