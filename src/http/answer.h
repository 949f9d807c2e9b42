/*
 * Turns a finished response into the library's form and hands it over.
 */
#pragma once

#include "http/exchange.h"

#include <microhttpd.h>

/*
 * Queues exchange's answer on its connection; `close` ends the connection with it. MHD_NO when the
 * library has no memory for it: returned by the handler, that closes the connection.
 */
enum MHD_Result answer_queue(const struct exchange *exchange, struct MHD_Connection *library, bool close);
