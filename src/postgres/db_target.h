/*
 * Where to connect: the database URL, taken apart once, with host names looked up on a thread of their
 * own. libpq would look them up in PQconnectPoll, which blocks for seconds when a name server is away.
 *
 * One per connection set; used by its thread. A connection string that names a libpq service file or
 * only numeric addresses and sockets needs no look-up and gets none.
 */
#pragma once

#include "base/fault.h"
#include "postgres/host_list.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define DB_TARGET_PARAMETERS_MAX 64

enum db_target_state {
    DB_TARGET_READY,   /* keywords and values are good to connect with */
    DB_TARGET_PENDING, /* a look-up is under way: ask again in a few milliseconds */
    DB_TARGET_FAILED,  /* the last look-up found nothing; refresh tries again */
    DB_TARGET_NO_URL   /* the file has no URL: flaw says why; refresh reads it again */
};

struct db_lookup;

struct db_target {
    const char *url_file; /* borrowed: read anew for each attempt to connect; NULL: the URL never changes */
    const char *application_name;                       /* borrowed */
    char *url;                                          /* what url_file held at last; NULL: nothing yet */
    const char *flaw;                                   /* why that is so */
    PQconninfoOption *options;                          /* the parsed URL */
    const char *keywords[DB_TARGET_PARAMETERS_MAX + 1]; /* for PQconnectStartParams; NULL ends */
    const char *values[DB_TARGET_PARAMETERS_MAX + 1];
    const char *hosts;        /* names to look up; NULL: nothing to look up */
    const char *ports;        /* "" for the default */
    struct db_lookup *lookup; /* under way, or the latest answer */
    uint64_t answered_ns;     /* when the look-up's answer was first seen; 0 not yet */
    struct host_list list;    /* what is given to libpq when there are names or several hosts */
    struct host_entry silent; /* the host that let a connection attempt hang; all empty: none */
};

/* FAULT_VALIDATION when the URL is malformed: see db_url.h. FAULT_MEMORY. */
enum fault db_target_init(struct db_target *target, const char *database_url, const char *application_name);
void db_target_release(struct db_target *target);

/*
 * The same with the URL in a file, which may not be there yet, and may change: a secret that is mounted late,
 * or rotated. What was read last counts while there is nothing better. path is borrowed.
 */
void db_target_init_from_file(struct db_target *target, const char *path, const char *application_name);

/*
 * Reads the file, if there is one; starts a look-up when the latest answer is a second old, and collects its
 * answer.
 */
enum db_target_state db_target_refresh(struct db_target *target, uint64_t now_ns);

/*
 * The host that connection is connecting to does not answer: of several hosts, the next attempts begin with
 * the one behind it. libpq itself goes on to the next host only after an error.
 */
void db_target_pass_over(struct db_target *target, const PGconn *connection);
