#include "asking.h"

#include "base/clock.h"
#include "postgres/connection_upkeep.h"
#include "suite.h"

#include <string.h>

struct asked asked[ASKED_MAX];
struct asking asking;

/* Connections that are up without having connected: they all answer from the one script. */
void asking_begin(void)
{
    memset(asked, 0, sizeof asked);
    asking.done_count = 0;
    asking.leaves_when_next_is_done = NULL;
    ck_assert_int_eq(event_loop_new(&asking.loop), FAULT_NONE);
    asking.config = (struct postgres_config){.database_url = "host=/nowhere",
                                             .application_name = "test",
                                             .prepared = true,
                                             .combine_lookups = true,
                                             .combine_creates = true,
                                             .connections = 2,
                                             .queue_max = ASKED_MAX,
                                             .in_flight_max = 8,
                                             .queue_timeout_ns = NS_PER_S,
                                             .statement_timeout_ns = NS_PER_S,
                                             .connect_timeout_ns = NS_PER_S,
                                             .reconnect_max_ns = NS_PER_S,
                                             .loop = asking.loop};
    ck_assert_int_eq(connection_set_new(&asking.config, &asking.set), FAULT_NONE);
    pipeline_open(&asking.set->slots[0].pipeline, scripted_libpq_start(), true, asking.set->now_ns);
    asking.set->slots[0].state = SLOT_UP;
    asking.set->up_count = 1;
    asking.set->fault = FAULT_NONE;
    asking.set->pinged_ns = asking.set->now_ns + NS_PER_S; /* no ping gets in between */
}

void asking_end(void)
{
    connection_set_free(asking.set);
    event_loop_free(asking.loop);
    ck_assert_uint_eq(scripted_libpq.results_alive, 0);
}

static void take_done(struct query *query, enum fault fault, const PGresult *result)
{
    struct asked *one = (struct asked *)((char *)query - offsetof(struct asked, query));
    one->done++;
    one->fault = fault;
    one->row = query->row;
    one->rows = result != NULL ? PQntuples(result) : 0;
    one->phase = one->ledger.phase;
    asking.order[asking.done_count++] = (unsigned)(one - asked);
    struct asked *other = asking.leaves_when_next_is_done;
    asking.leaves_when_next_is_done = NULL;
    if (other != NULL) connection_set_abandon(asking.set, &other->query);
}

/* In the queue, without parameters. */
static void submit(struct asked *one, enum statement statement)
{
    one->query.statement = statement;
    one->query.done = take_done;
    one->query.deadline_ns = UINT64_MAX;
    one->query.ledger = &one->ledger;
    ledger_start(one->query.ledger, clock_now_ns());
    ledger_enter(one->query.ledger, PHASE_OTHER);
    connection_set_submit(asking.set, &one->query);
}

void asking_submit(unsigned number, enum statement statement, int64_t id)
{
    query_set_number(&asked[number].query, 0, id);
    submit(&asked[number], statement);
}

void asking_create(unsigned number, const char *email)
{
    struct query *query = &asked[number].query;
    query_set_text(query, 0, TEXT(SCRIPTED_NAME));
    query_set_text(query, 1, text_of(email));
    query->repeat = QUERY_REPEAT_NEVER;
    submit(&asked[number], STATEMENT_USER_CREATE);
}

void asking_flush(void)
{
    connection_set_flush(asking.set, clock_now_ns());
}

void asking_receive(void)
{
    connection_upkeep_ready(&asking.set->slots[0].source, 0);
}

void asking_receive_fault(const char *state)
{
    scripted_libpq_result(PGRES_FATAL_ERROR, state);
    scripted_libpq_null();
    scripted_libpq_sync();
    asking_receive();
}

void asking_assert_ledger_is_whole(const struct ledger *ledger)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        sum += ledger->spent_ns[i];
    ck_assert_uint_eq(sum, ledger_total_ns(ledger));
}

void asking_assert_done(unsigned number, enum fault fault)
{
    const struct asked *one = &asked[number];
    ck_assert_uint_eq(one->done, 1);
    ck_assert_int_eq(one->fault, fault);
    asking_assert_ledger_is_whole(&one->ledger);
}

void asking_assert_found(unsigned number, int row)
{
    asking_assert_done(number, FAULT_NONE);
    ck_assert_int_lt(asked[number].row, asked[number].rows);
    ck_assert_int_eq(asked[number].row, row);
}

void asking_assert_absent(unsigned number)
{
    asking_assert_done(number, FAULT_NONE);
    ck_assert_int_ge(asked[number].row, asked[number].rows);
}

void asking_assert_phase(unsigned number, enum phase phase)
{
    if (SPLITS_LEDGER) ck_assert_str_eq(phase_name(asked[number].ledger.phase), phase_name(phase));
}

uint64_t asking_operations_of(enum statement statement)
{
    struct histogram_counts counts = {0};
    histogram_read(&connection_set_statistics(asking.set)->operations[statement], &counts);
    return histogram_count(&counts);
}

void asking_spin(uint64_t ns)
{
    for (uint64_t begin_ns = clock_now_ns(); clock_now_ns() - begin_ns < ns;)
        continue;
}
