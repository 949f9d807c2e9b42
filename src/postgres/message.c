#include "postgres/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum fault message_set(char **ret_message, enum fault fault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(ret_message, format, arguments) < 0) *ret_message = NULL;
    va_end(arguments);
    return fault;
}
