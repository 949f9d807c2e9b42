#include "service/command_check.h"

#include "postgres/database_check.h"
#include "postgres/migrations.h"
#include "service/command_failure.h"
#include "service/commands.h"
#include "service/probe.h"

#include <stdio.h>
#include <string.h>

static void print_connections(const struct config *config, const struct database_facts *facts)
{
    unsigned wanted = config_database_connections(config);
    unsigned given = facts->connections_max > facts->connections_kept
                         ? facts->connections_max - facts->connections_kept
                         : 0;
    (void)printf("connections: %u (%u replicas × %u workers × %u), the server has %u for everybody (%u less "
                 "%u kept)\n",
                 wanted, config->replicas, config->workers, config->db_connections, given,
                 facts->connections_max, facts->connections_kept);
    if (wanted > given)
        (void)fprintf(
            stderr,
            "splits: warning: %u connections are more than the server's %u: lower replicas, workers or "
            "db-connections, raise max_connections, or put a pooler in between\n",
            wanted, given);
}

/* Without prepared statements the service sets no limits in its sessions: those of the role count. */
static void judge_lock_timeout(const struct config *config, const struct database_facts *facts)
{
    if (!config->db_prepared || config->db_lock_timeout_ms > facts->deadlock_timeout_ms) return;
    (void)fprintf(stderr,
                  "splits: warning: db-lock-timeout-ms (%u) is not more than the server's deadlock_timeout "
                  "(%u ms): deadlocks end as lock_timeout instead of being tried again: raise "
                  "db-lock-timeout-ms, or lower deadlock_timeout\n",
                  config->db_lock_timeout_ms, facts->deadlock_timeout_ms);
}

static int check_database(const struct config *config)
{
    struct database_facts facts;
    char *message;
    enum fault fault = database_check(config->database_url, config->db_connect_timeout_ms, &facts, &message);
    if (fault) return command_fail(fault, message);
    (void)printf("database: PostgreSQL %s%s\n", facts.server_version, facts.read_only ? ", read-only" : "");
    print_connections(config, &facts);
    judge_lock_timeout(config, &facts);
    if (!facts.read_only) return COMMAND_OK;
    (void)fprintf(stderr, "splits: the database is read-only: writes would be refused\n");
    return COMMAND_FAILED;
}

static int judge_schema(const struct migration_report *report)
{
    size_t known = report->count - report->unknown;
    if (report->pending == 0 && report->changed == 0) {
        (void)printf("schema: current, %zu migrations", known);
        if (report->unknown > 0) (void)printf(", and %zu of a newer version", report->unknown);
        (void)printf("\n");
        return COMMAND_OK;
    }
    (void)fprintf(stderr, "splits: schema: %zu migrations pending, %zu changed, %zu unknown%s\n",
                  report->pending, report->changed, report->unknown,
                  report->pending == 0 ? "" : ": run splits migrate up");
    return COMMAND_FAILED;
}

static int check_schema(const struct config *config)
{
    struct migrations migrations;
    struct migration_report report;
    char *message;
    enum fault fault = migrations_read(config->migrations_dir, &migrations, &message);
    if (fault) return command_fail(fault, message);
    fault = migrations_status(config->database_url, config->db_connect_timeout_ms, &migrations, &report,
                              &message);
    migrations_release(&migrations);
    if (fault) return command_fail(fault, message);
    int code = judge_schema(&report);
    migration_report_release(&report);
    return code;
}

/* The admin listener knows more, and answers when the other one is full; but its port may not be known. */
static int check_live(const struct config *config)
{
    if (config->admin && config->admin_port != 0)
        return probe_run("check live", config->admin_address, config->admin_port, "/health");
    return probe_run("check live", config->address, config->port, "/health");
}

/* With the running instance. */
static int check_instance(const struct config *config, int argc, char **arguments)
{
    if (argc == 1 && strcmp(arguments[0], "live") == 0) return check_live(config);
    if (argc == 1 && strcmp(arguments[0], "ready") == 0)
        return probe_run("check ready", config->address, config->port, "/health/ready");
    (void)fprintf(stderr, "splits: check: takes no argument, or live, or ready\n");
    return COMMAND_USAGE;
}

int command_check(struct config *config, int argc, char **arguments)
{
    if (argc > 0) return check_instance(config, argc, arguments);
    if (!command_load_url(config)) return COMMAND_USAGE;
    (void)printf("configuration: valid\n");
    if (config->grace_period_ms < config->request_timeout_ms)
        (void)fprintf(stderr,
                      "splits: warning: grace-period-ms (%u) is less than request-timeout-ms (%u): a stop "
                      "may cut requests off\n",
                      config->grace_period_ms, config->request_timeout_ms);
    int code = check_database(config);
    return code == COMMAND_OK ? check_schema(config) : code;
}
