/*
 * The resources /health and /health/ready: is the process alive, and may it be sent requests?
 */
#pragma once

#include "http/router.h"

/* What these handlers need: the services of their route table. */
struct health_services {
    enum fault (*readiness)(void *argument); /* FAULT_NONE when requests can be served, else why not */
    enum fault (*liveness)(void *argument);  /* FAULT_NONE while the process works; NULL: it always does */
    const char *liveness_detail;             /* of what liveness gives; NULL: the fault's usual sentence */
    void *argument;                          /* for the use of both */
};

/*
 * GET /health: 200 {"status":"ok"}, or the fault that liveness gives. GET /health/ready: 200
 * {"status":"ready"}, or the fault that readiness gives. Ends with a NULL path.
 */
extern const struct route health_routes[];
