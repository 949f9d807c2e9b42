#include "postgres/query.h"

#include <endian.h>

void query_set_number(struct query *query, int parameter, int64_t value)
{
    uint64_t *number = &query->numbers[parameter];
    *number = htobe64((uint64_t)value);
    query->values[parameter] = (const char *)number;
    query->sizes[parameter] = (int)sizeof *number;
}

void query_set_text(struct query *query, int parameter, struct text text)
{
    query->values[parameter] = text.bytes;
    query->sizes[parameter] = (int)text.size;
}

void query_fail(struct query *query, enum fault fault)
{
    if (query->ledger != NULL) ledger_enter(query->ledger, PHASE_OTHER);
    query->state = QUERY_DONE;
    query->done(query, fault, NULL);
}
