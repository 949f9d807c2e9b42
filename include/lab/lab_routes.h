/*
 * The resources /lab/users and /lab/verdict.
 */
#pragma once

#include "http/router.h"
#include "lab/constant_json.h"
#include "lab/experiments.h"
#include "lab/lab_store.h"
#include "lab/verdict.h"

/* What the handlers need: the services of their route table. NULL services: the laboratory is off. */
struct lab_services {
    struct lab_store *store;
    struct experiments *experiments; /* this worker's */
    struct experiments_group all;    /* every worker's */
    struct constant_json constant;   /* this worker's; zeroed, and released after the last answer is sent */
    /* How busy the machine is. */
    void (*observe)(void *argument, struct verdict_machine *ret_machine);
    /* Calls each with the routes of the API and their ledgers. */
    void (*each_route)(void *argument,
                       void (*each)(void *each_argument, const char *route,
                                    const struct ledger_profile *profile),
                       void *each_argument);
    void *argument; /* of both */
};

/*
 * "/lab/users": users from the first one on, fetched and serialized as the knobs say; and the ledger of each
 * request that succeeds goes to its experiment. FAULT_VALIDATION names what is wrong with the knobs, or that
 * there are fewer users than they ask for.
 *
 * "/lab/verdict": the verdict on every route and experiment, as JSON or plain text.
 *
 * FAULT_LABORATORY_OFF without services. Ends with a NULL path.
 */
extern const struct route lab_routes[];
