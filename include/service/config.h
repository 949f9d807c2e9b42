/*
 * The settings: one table in config_table.c, from which the options, the environment variables, --help and
 * docs/configuration.md come. An option wins over its environment variable, that over the default.
 *
 * A wrong setting is one line on stderr that names the setting, the value and what is allowed.
 */
#pragma once

#include "base/fault.h"
#include "base/log.h"
#include "http/server.h"

#include <stdbool.h>

enum db_combine {
    DB_COMBINE_OFF,
    DB_COMBINE_CREATES, /* creates without a key share a transaction */
    DB_COMBINE_ALL      /* and look-ups of single users a query */
};

enum db_mode {
    DB_MODE_PIPELINED, /* requests wait without holding the worker */
    DB_MODE_BLOCKING   /* the worker waits for each answer: the thread-pool model, for comparison */
};

struct config {
    /* listening */
    const char *address; /* IP address to listen on; 127.0.0.1 */
    unsigned port;       /* 0…65535, 0 picks a free one; 8080 */
    unsigned workers;    /* from 1; when none are asked for, config_cpus() */
    /* HTTP bounds; connections over all workers */
    unsigned connections_max;
    unsigned target_size_max; /* bytes */
    unsigned head_size_max;   /* bytes */
    unsigned body_size_max;   /* bytes */
    unsigned idle_timeout_ms;
    unsigned head_timeout_ms;
    unsigned body_timeout_ms;
    unsigned request_timeout_ms;
    unsigned send_timeout_ms;
    /* database */
    const char *database_url;      /* "" means libpq's own PG* variables and defaults */
    const char *database_url_file; /* holds it in place of database_url; "" for none */
    char *file_content;            /* of that file: database_url's memory, or NULL */
    enum db_mode db_mode;
    unsigned db_connections;          /* per worker */
    unsigned replicas;                /* instances that share the database, this one included */
    unsigned db_queue_max;            /* queries that wait for a connection, per worker */
    unsigned db_in_flight_max;        /* queries sent and not answered, per connection */
    unsigned db_queue_timeout_ms;     /* in the queue; then 503 */
    unsigned db_statement_timeout_ms; /* in the server; then 504 */
    unsigned db_lock_timeout_ms;      /* in the server; then 503 */
    unsigned db_connect_timeout_ms;
    unsigned db_reconnect_max_ms; /* upper bound of the backoff */
    bool db_prepared;             /* off: for PgBouncer before 1.21 in transaction mode */
    enum db_combine db_combine;   /* what of one tick goes as one query */
    const char *migrations_dir;
    /* stopping */
    unsigned drain_delay_ms;  /* not ready, but still served */
    unsigned grace_period_ms; /* for requests in flight, after the delay */
    /* being observed */
    bool admin;                /* whether there is an admin listener */
    const char *admin_address; /* IP address; 127.0.0.1 */
    unsigned admin_port;       /* 0…65535, 0 picks a free one; 8081 */
    bool server_timing;        /* Server-Timing in every answer; the laboratory's have it anyway */
    bool lab;                  /* the laboratory: /lab/… */
    /* logs */
    enum log_level log_level;
    enum log_format log_format;
    enum access_log access_log;
};

enum config_outcome {
    CONFIG_OK,
    CONFIG_HELP, /* --help was asked for and printed to stdout */
    CONFIG_WRONG /* the one line was printed to stderr */
};

/*
 * Reads the environment and the options in arguments; arguments that are no options are moved behind the
 * options and left to the caller: *ret_first is the index of the first of them (argc when there is none). An
 * option that is given twice counts as given last. Strings are borrowed from both; release ret_config with
 * config_release after CONFIG_OK. For the main thread, before others start.
 */
enum config_outcome config_read(int argc, char **arguments, struct config *ret_config, int *ret_first);
void config_release(struct config *config);

/*
 * Sets database_url from database_url_file, where there is one; it may be there only later, so config_read
 * does not do it. NULL when that went well, else why not, in words that live for ever.
 */
const char *config_load_url(struct config *config);

/* Logs the resolved settings at level info, one line, secrets masked. */
void config_log(const struct config *config);

/* The bounds of a server with so many connections at most. */
struct server_limits config_server_limits(const struct config *config, unsigned connections_max);

/* Connections that all instances together may open to the database. */
unsigned config_database_connections(const struct config *config);

/* CPUs that this process may use: of the affinity mask or the cgroup quota, whichever is less; from 1. */
unsigned config_cpus(void);
