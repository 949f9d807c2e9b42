/*
 * The Server-Timing field (W3C): the ledger, as far as it goes when the answer is queued.
 */
#pragma once

#include "base/ledger.h"

#include <stddef.h>

#define SERVER_TIMING_SIZE_MAX 256 /* bytes with the end */

/*
 * Writes "read;dur=0.012, parse;dur=0.000, …, other;dur=…, total;dur=…": milliseconds with three digits
 * behind the point. Every phase but send, which has not happened, in the order of enum phase; rounded in such
 * a way that those printed sum to the total printed, exactly.
 */
void server_timing_write(const struct ledger *ledger, char value[SERVER_TIMING_SIZE_MAX]);
