/*
 * What an SQLSTATE (PostgreSQL, appendix A) means for the asker and for the connection; the table of
 * docs/database-events.md in code.
 */
#pragma once

#include "base/fault.h"

#include <stdbool.h>

struct sqlstate_meaning {
    enum fault fault;     /* what the asker is told when nothing more can be tried */
    bool try_again;       /* not applied, and may well succeed when sent again */
    bool lost;            /* as good as a connection that broke: what was sent may have been applied */
    bool try_reads_again; /* the same for reads only */
    bool retire;          /* the connection must be replaced before it is used further */
    bool retire_all;      /* and so must all others: the server is not what it was */
    bool unexpected;      /* a defect or an unknown state: worth a log line */
};

/* An error's fields, each NULL when it has none. */
struct sqlstate_error {
    const char *state;      /* five characters */
    const char *severity;   /* "ERROR", "FATAL", "PANIC", whatever the server's language */
    const char *constraint; /* the name of the one that is broken */
};

struct sqlstate_meaning sqlstate_meaning(struct sqlstate_error error);
