#include "service/command_migrate.h"

#include "base/clock.h"
#include "postgres/migrations.h"
#include "service/command_failure.h"
#include "service/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_PAUSE_MS 200

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

static int migrate_status(const struct config *config, const struct migrations *migrations)
{
    struct migration_report report;
    char *message;
    enum fault fault =
        migrations_status(config->database_url, config->db_connect_timeout_ms, migrations, &report, &message);
    if (fault) return command_fail(fault, message);
    print_report(&report);
    bool current = migration_report_is_current(&report);
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

/* An attempt that time has cut short says nothing but that: why the one before it failed is told, too. */
static void add_cause(char **message, const char *last_message)
{
    char *both;
    if (*message == NULL || last_message == NULL || strcmp(*message, last_message) == 0) return;
    if (asprintf(&both, "%s; before that: %s", *message, last_message) < 0) return;
    free(*message);
    *message = both;
}

/* migrations_up, again and again while the database is not there and time is left. */
static enum fault upgrade(const struct config *config, const struct migrations *migrations,
                          struct migration_report *ret_report, char **ret_message)
{
    const char *url = config->database_url;
    uint64_t deadline_ns = clock_now_ns() + config->db_connect_timeout_ms * NS_PER_MS;
    char *last_message = NULL; /* of the attempt before */
    bool is_told = false;
    enum fault fault = migrations_up(url, config->db_connect_timeout_ms, migrations, ret_report, ret_message);
    unsigned left_ms = ms_until(deadline_ns);
    while (fault == FAULT_DATABASE_UNAVAILABLE && left_ms > RETRY_PAUSE_MS) {
        if (!is_told)
            (void)fprintf(stderr, "splits: waiting up to %u s for the database\n", (left_ms + 999) / 1000);
        is_told = true;
        free(last_message);
        last_message = *ret_message;
        *ret_message = NULL;
        migration_report_release(ret_report);
        sleep_ms(RETRY_PAUSE_MS);
        fault = migrations_up(url, left_ms - RETRY_PAUSE_MS, migrations, ret_report, ret_message);
        left_ms = ms_until(deadline_ns);
    }
    if (fault == FAULT_DATABASE_UNAVAILABLE && left_ms == 0) add_cause(ret_message, last_message);
    free(last_message);
    return fault;
}

static int migrate_up(const struct config *config, const struct migrations *migrations)
{
    struct migration_report report;
    char *message;
    enum fault fault = upgrade(config, migrations, &report, &message);
    print_report(&report);
    migration_report_release(&report);
    return fault ? command_fail(fault, message) : COMMAND_OK;
}

int command_migrate(struct config *config, int argc, char **arguments)
{
    bool up = argc == 1 && strcmp(arguments[0], "up") == 0;
    bool status = argc == 1 && strcmp(arguments[0], "status") == 0;
    if (!up && !status) {
        (void)fprintf(stderr, "splits: migrate: needs one argument, up or status\n");
        return COMMAND_USAGE;
    }
    if (!command_load_url(config)) return COMMAND_USAGE;
    struct migrations migrations;
    char *message;
    enum fault fault = migrations_read(config->migrations_dir, &migrations, &message);
    if (fault) return command_fail(fault, message);
    int code = up ? migrate_up(config, &migrations) : migrate_status(config, &migrations);
    migrations_release(&migrations);
    return code;
}
