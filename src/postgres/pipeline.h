/*
 * One database connection in libpq's pipeline mode, once it is up: sends queries, groups them under
 * Syncs, and brings each result to its asker.
 *
 * Invariants: entries are in the order in which they were sent; each query entry is followed, sooner
 * or later, by a Sync entry. Reads are answered when their result is there. Writes are alone under
 * their Sync and answered when it has come back: only then are they durable, and rows that came
 * before it prove nothing.
 *
 * A pipeline never decides to send a query again: it gives it back to its owner, the connection set,
 * through `returned`. Nothing here blocks. Belongs to one worker's thread.
 */
#pragma once

#include "base/fault.h"
#include "postgres/query.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a query comes back unanswered. */
enum query_return {
    QUERY_RETURN_ABORTED, /* another query under the same Sync failed: not applied */
    QUERY_RETURN_AGAIN,   /* the server refused it in a way that passes: not applied */
    QUERY_RETURN_MOVED,   /* the connection is to blame, and is replaced: not applied */
    QUERY_RETURN_LOST,    /* the connection is lost: it may have been applied */
    QUERY_RETURN_SILENT   /* given up while the server still has it: it may even be applied later */
};

struct pipeline_owner {
    /* query is the owner's again; fault is what to tell the asker if it is not sent again. */
    void (*returned)(void *owner, struct query *query, enum query_return why, enum fault fault);
    /* An error of the server's that says more than "this query failed": see sqlstate.h. */
    void (*troubled)(void *owner, struct pipeline *pipeline, bool all_connections);
    /*
     * count queries, the first of them this statement, came back together, elapsed_ns after they were
     * sent or the last ones came back, without what was known beforehand (query.known_ns). count 0: a
     * ping, which takes a round trip and nothing else.
     */
    void (*measured)(void *owner, enum statement statement, unsigned count, uint64_t elapsed_ns);
    /* query is answered, by what came at received_ns; its done is called next. */
    void (*answered)(void *owner, const struct query *query, uint64_t received_ns);
    void *owner;
};

enum pipeline_entry_kind { PIPELINE_QUERY, PIPELINE_SYNC };

struct pipeline_entry {
    enum pipeline_entry_kind kind;
    bool answered; /* its result has come */
    bool ended;    /* and the NULL behind it */
    bool is_write;
    bool is_ping;         /* a Sync that was sent while nothing else was on its way */
    struct query *query;  /* NULL: nobody waits for it */
    PGresult *held;       /* a write's result, kept until its Sync is back */
    uint64_t expected_ns; /* counted in the pipeline's backlog until it is over */
    uint64_t known_ns;    /* the query's */
};

struct pipeline {
    PGconn *connection; /* owned from pipeline_open to pipeline_close; NULL when closed */
    const struct pipeline_owner *owner;
    bool prepared;                  /* use prepared statements, else send the text each time */
    struct pipeline_entry *entries; /* a ring */
    unsigned capacity;              /* a power of two */
    unsigned in_flight_max;         /* queries at most */
    unsigned first, count;          /* first entry, number of entries */
    unsigned queries;               /* entries that are queries */
    unsigned writes;                /* of these, writes */
    bool sync_is_due;               /* reads were sent and have no Sync yet */
    bool has_unsent;                /* pipeline_flush has something to do */
    bool wants_writable;            /* libpq could not send all it has */
    bool is_broken;                 /* a Sync could not be sent: pipeline_flush fails */
    bool is_retired;                /* takes no more queries: close it when it is empty */
    uint64_t backlog_ns;            /* expected time until it is empty */
    uint64_t progress_ns;           /* when something last came back, or an empty pipeline was used */
    uint64_t received_ns;           /* when what was read last had come */
    uint64_t read_ns;               /* when it was read */
    uint64_t known_ns;              /* of the queries that came back since then */
    uint64_t busy_ns;               /* time with queries, ever */
    uint64_t busy_until_ns;         /* up to when that is counted */
    uint64_t charged_ns;            /* up to when it has been charged to a query's ledger */
};

/* An empty, closed pipeline with room for in_flight_max queries. FAULT_MEMORY. */
enum fault pipeline_init(struct pipeline *pipeline, unsigned in_flight_max,
                         const struct pipeline_owner *owner);
void pipeline_release(struct pipeline *pipeline);

/* Takes over a connection that is up, non-blocking and in pipeline mode. */
void pipeline_open(struct pipeline *pipeline, PGconn *connection, bool prepared, uint64_t now_ns);

/* Closes the connection and returns every live query for this reason: LOST or SILENT. Harmless when closed.
 */
void pipeline_close(struct pipeline *pipeline, enum query_return why);

/* Can one more query be sent? */
bool pipeline_has_room(const struct pipeline *pipeline);

/*
 * Sends query, expected to take expected_ns in the server; a write or an `alone` one with its own Sync.
 * Its ledger enters PHASE_DB. False when libpq refuses because the connection is broken: the query
 * stays the caller's.
 */
bool pipeline_submit(struct pipeline *pipeline, struct query *query, uint64_t expected_ns, uint64_t now_ns);

/* Sends a Sync alone: answered by any server that is alive. False as pipeline_submit. */
bool pipeline_ping(struct pipeline *pipeline, uint64_t now_ns);

/* Ends the tick: one Sync for the reads since the last, and all bytes to the socket. False when broken. */
bool pipeline_flush(struct pipeline *pipeline);

/*
 * Reads the socket, whose bytes came at received_ns, and answers what is complete. False when the
 * connection is lost: then close it. A ledger whose result has come leaves PHASE_DB at received_ns: for
 * PHASE_OTHER, until it has its turn, then for PHASE_PARSE, in which done is called.
 */
bool pipeline_receive(struct pipeline *pipeline, uint64_t received_ns, uint64_t now_ns);

/* When the query that is answered next was sent; UINT64_MAX when there is none that anybody waits for. */
uint64_t pipeline_oldest_ns(struct pipeline *pipeline);

/* For how long it had queries, ever: up to now_ns. */
uint64_t pipeline_busy_ns(struct pipeline *pipeline, uint64_t now_ns);

/* Nobody waits for query any more: its done will not be called. */
void pipeline_abandon(struct pipeline *pipeline, struct query *query);
