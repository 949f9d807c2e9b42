#include "service/commands.h"

#include "base/clock.h"
#include "lab/selftest.h"
#include "postgres/database_check.h"
#include "postgres/migrations.h"
#include "service/build_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_PAUSE_MS 200

/* Prints the line that explains fault, and frees message. */
static int fail(enum fault fault, char *message)
{
    (void)fprintf(stderr, "splits: %s\n", message ? message : fault_code(fault));
    free(message);
    return COMMAND_FAILED;
}

static const char *describe(const struct migration_status *item)
{
    switch (item->state) {
    case MIGRATION_APPLIED:
        return item->applied_now ? "applied now" : "applied";
    case MIGRATION_PENDING:
        return "pending";
    case MIGRATION_CHANGED:
        return "changed after it was applied";
    case MIGRATION_UNKNOWN:
        return "applied, but there is no such file";
    }
    return "";
}

static void print_report(const struct migration_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct migration_status *item = &report->items[i];
        (void)printf("%04u_%s: %s\n", item->version, item->name, describe(item));
    }
}

static bool is_current(const struct migration_report *report)
{
    return report->pending == 0 && report->changed == 0 && report->unknown == 0;
}

static int migrate_status(const struct config *config, const struct migrations *migrations)
{
    struct migration_report report;
    char *message;
    enum fault fault =
        migrations_status(config->database_url, config->db_connect_timeout_ms, migrations, &report, &message);
    if (fault) return fail(fault, message);
    print_report(&report);
    bool current = is_current(&report);
    migration_report_release(&report);
    return current ? COMMAND_OK : COMMAND_NOT_CURRENT;
}

static void sleep_ms(unsigned ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * (long)NS_PER_MS};
    (void)nanosleep(&pause, NULL);
}

/* Milliseconds from now to the deadline; 0 when it has passed. */
static unsigned ms_until(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_now_ns();
    return now_ns < deadline_ns ? (unsigned)((deadline_ns - now_ns) / NS_PER_MS) : 0;
}

/* migrations_up, again and again while the database is not there and time is left. */
static enum fault upgrade(const struct config *config, const struct migrations *migrations,
                          struct migration_report *ret_report, char **ret_message)
{
    uint64_t deadline_ns = clock_now_ns() + config->db_connect_timeout_ms * NS_PER_MS;
    unsigned left_ms = config->db_connect_timeout_ms;
    for (bool told = false;; told = true) {
        enum fault fault = migrations_up(config->database_url, left_ms, migrations, ret_report, ret_message);
        if (fault != FAULT_DATABASE_UNAVAILABLE) return fault;
        left_ms = ms_until(deadline_ns);
        if (left_ms <= RETRY_PAUSE_MS) return fault;
        if (!told)
            (void)fprintf(stderr, "splits: waiting up to %u s for the database\n", (left_ms + 999) / 1000);
        free(*ret_message);
        migration_report_release(ret_report);
        sleep_ms(RETRY_PAUSE_MS);
        left_ms -= RETRY_PAUSE_MS;
    }
}

static int migrate_up(const struct config *config, const struct migrations *migrations)
{
    struct migration_report report;
    char *message;
    enum fault fault = upgrade(config, migrations, &report, &message);
    print_report(&report);
    migration_report_release(&report);
    return fault ? fail(fault, message) : COMMAND_OK;
}

int command_migrate(const struct config *config, int argc, char **arguments)
{
    bool up = argc == 1 && strcmp(arguments[0], "up") == 0;
    bool status = argc == 1 && strcmp(arguments[0], "status") == 0;
    if (!up && !status) {
        (void)fprintf(stderr, "splits: migrate: needs one argument, up or status\n");
        return COMMAND_USAGE;
    }
    struct migrations migrations;
    char *message;
    enum fault fault = migrations_read(config->migrations_dir, &migrations, &message);
    if (fault) return fail(fault, message);
    int code = up ? migrate_up(config, &migrations) : migrate_status(config, &migrations);
    migrations_release(&migrations);
    return code;
}

static void print_connections(const struct config *config, const struct database_facts *facts)
{
    unsigned wanted = config->workers * config->db_connections;
    unsigned given = facts->connections_max > facts->connections_kept
                         ? facts->connections_max - facts->connections_kept
                         : 0;
    (void)printf("connections: %u (%u workers × %u), the server has %u for everybody (%u less %u kept)\n",
                 wanted, config->workers, config->db_connections, given, facts->connections_max,
                 facts->connections_kept);
    if (wanted > given)
        (void)fprintf(stderr, "splits: warning: %u connections are more than the server's %u\n", wanted,
                      given);
}

static int check_database(const struct config *config)
{
    struct database_facts facts;
    char *message;
    enum fault fault = database_check(config->database_url, config->db_connect_timeout_ms, &facts, &message);
    if (fault) return fail(fault, message);
    (void)printf("database: PostgreSQL %s%s\n", facts.server_version, facts.read_only ? ", read-only" : "");
    print_connections(config, &facts);
    if (!facts.read_only) return COMMAND_OK;
    (void)fprintf(stderr, "splits: the database is read-only: writes would be refused\n");
    return COMMAND_FAILED;
}

static int judge_schema(const struct migration_report *report)
{
    if (is_current(report)) {
        (void)printf("schema: current, %zu migrations\n", report->count);
        return COMMAND_OK;
    }
    (void)fprintf(stderr, "splits: schema: %zu migrations pending, %zu changed, %zu unknown\n",
                  report->pending, report->changed, report->unknown);
    return COMMAND_FAILED;
}

static int check_schema(const struct config *config)
{
    struct migrations migrations;
    struct migration_report report;
    char *message;
    enum fault fault = migrations_read(config->migrations_dir, &migrations, &message);
    if (fault) return fail(fault, message);
    fault = migrations_status(config->database_url, config->db_connect_timeout_ms, &migrations, &report,
                              &message);
    migrations_release(&migrations);
    if (fault) return fail(fault, message);
    int code = judge_schema(&report);
    migration_report_release(&report);
    return code;
}

int command_check(const struct config *config)
{
    (void)printf("configuration: valid\n");
    if (config->grace_period_ms < config->request_timeout_ms)
        (void)fprintf(stderr,
                      "splits: warning: grace-period-ms (%u) is less than request-timeout-ms (%u): a stop "
                      "may cut requests off\n",
                      config->grace_period_ms, config->request_timeout_ms);
    int code = check_database(config);
    return code == COMMAND_OK ? check_schema(config) : code;
}

#if SPLITS_LAB
int command_selftest(const struct config *config, int argc, char **arguments)
{
    bool is_quick = argc == 1 && strcmp(arguments[0], "quick") == 0;
    if (argc > 0 && !is_quick) {
        (void)fprintf(stderr, "splits: selftest: takes no argument, or \"quick\"\n");
        return COMMAND_USAGE;
    }
    struct selftest_config selftest = {
        .program = "/proc/self/exe",
        .database_url = config->database_url,
        .migrations_dir = config->migrations_dir,
        .is_quick = is_quick,
    };
    return selftest_run(&selftest) == 0 ? COMMAND_OK : COMMAND_FAILED;
}
#else
int command_selftest(const struct config *config, int argc, char **arguments)
{
    (void)config, (void)argc, (void)arguments;
    (void)fprintf(stderr, "splits: selftest: this build has no laboratory\n");
    return COMMAND_USAGE;
}
#endif

int command_version(void)
{
    int libpq = database_library_version();
    (void)printf("splits %s\n", SPLITS_VERSION);
    (void)printf("compiler: %s\n", BUILD_COMPILER);
    (void)printf("libpq: %d.%d\n", libpq / 10000, libpq % 10000);
    return COMMAND_OK;
}
