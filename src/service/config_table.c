#include "service/config_table.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char *const db_modes[] = {"pipelined", "blocking", NULL};
static const char *const db_combines[] = {"off", "creates", "all", NULL};
static const char *const switches[] = {"off", "on", NULL};
#if SPLITS_LAB
#define LAB_SWITCHES switches
#define LAB_MEANING  "on: serves /lab/…; not for production"
#else
static const char *const lab_switches[] = {"off", NULL};
#define LAB_SWITCHES lab_switches
#define LAB_MEANING  "this build has no laboratory"
#endif
static const char *const log_levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const log_formats[] = {"auto", "json", "text", NULL};
static const char *const access_logs[] = {"off", "errors", "all", NULL};

#define TIME_MS_MAX 3600000 /* an hour */

#define NUMBER(option, member, low, high, initial, text)                                                     \
    {                                                                                                        \
        .name = (option), .kind = SETTING_NUMBER, .offset = offsetof(struct config, member),                 \
        .minimum = (low), .maximum = (high), .default_number = (initial), .meaning = (text)                  \
    }
#define TIME_MS(option, member, initial, text) NUMBER(option, member, 1, TIME_MS_MAX, initial, text)
#define WORD(option, member, choices, initial, text)                                                         \
    {                                                                                                        \
        .name = (option), .kind = SETTING_WORD, .offset = offsetof(struct config, member),                   \
        .words = (choices), .default_number = (initial), .meaning = (text)                                   \
    }
#define SWITCH(option, member, initial, text)                                                                \
    {                                                                                                        \
        .name = (option), .kind = SETTING_SWITCH, .offset = offsetof(struct config, member),                 \
        .words = switches, .default_number = (initial), .meaning = (text)                                    \
    }

/* clang-format off */
const struct setting settings[] = {
    {.name = "address", .kind = SETTING_ADDRESS, .offset = offsetof(struct config, address),
     .default_text = "127.0.0.1", .meaning = "where to listen; 0.0.0.0 or :: for all"},
    {.name = "port", .short_environment = "PORT", .kind = SETTING_NUMBER,
     .offset = offsetof(struct config, port), .minimum = 0, .maximum = 65535, .default_number = 8080,
     .meaning = "TCP port to listen on; 0: any free one"},
    NUMBER("workers", workers, 0, 256, 0, "worker threads; 0: one per CPU it may use"),
    NUMBER("connections-max", connections_max, 1, 1000000, 10000, "open client connections; then 503"),
    NUMBER("target-size-max", target_size_max, 256, 65536, 8000, "bytes of a request's target; then 414"),
    NUMBER("head-size-max", head_size_max, 1024, 1048576, 16384, "bytes of line and headers; then 431"),
    NUMBER("body-size-max", body_size_max, 1024, 1048576, 16384, "bytes of a request's body; then 413"),
    TIME_MS("idle-timeout-ms", idle_timeout_ms, 60000, "between two requests; then closed"),
    TIME_MS("head-timeout-ms", head_timeout_ms, 10000, "for the whole head; then 408"),
    TIME_MS("body-timeout-ms", body_timeout_ms, 10000, "for the whole body; then 408"),
    TIME_MS("request-timeout-ms", request_timeout_ms, 5000, "from then on to the answer; then 504"),
    TIME_MS("send-timeout-ms", send_timeout_ms, 30000, "for the client to take the answer; then closed"),
    {.name = "database-url", .short_environment = "DATABASE_URL", .kind = SETTING_SECRET,
     .offset = offsetof(struct config, database_url), .default_text = "", .default_note = "libpq's own",
     .meaning = "postgresql://… or key=value; else PG*"},
    {.name = "database-url-file", .short_environment = "DATABASE_URL_FILE", .kind = SETTING_FILE,
     .offset = offsetof(struct config, database_url_file), .default_text = "", .default_note = "none",
     .meaning = "file that holds the database-url"},
    WORD("db-mode", db_mode, db_modes, DB_MODE_PIPELINED, "blocking: a worker waits for each answer"),
    NUMBER("db-connections", db_connections, 1, 1000, 8, "connections per worker"),
    NUMBER("replicas", replicas, 1, 10000, 1, "instances that share the database, with this one"),
    NUMBER("db-queue-max", db_queue_max, 1, 1000000, 4096, "waiting queries per worker; then 503"),
    NUMBER("db-in-flight-max", db_in_flight_max, 1, 10000, 256, "queries sent ahead per connection"),
    TIME_MS("db-queue-timeout-ms", db_queue_timeout_ms, 1000, "in the queue; then 503"),
    TIME_MS("db-statement-timeout-ms", db_statement_timeout_ms, 3000, "for a query in the server; then 504"),
    /* Longer than the deadlock_timeout of PostgreSQL, 1 s: only who is told of a deadlock is tried again. */
    TIME_MS("db-lock-timeout-ms", db_lock_timeout_ms, 1500, "for a lock in the server; then 503"),
    TIME_MS("db-connect-timeout-ms", db_connect_timeout_ms, 5000, "for a connection to open"),
    TIME_MS("db-reconnect-max-ms", db_reconnect_max_ms, 1000, "longest pause between attempts to connect"),
    SWITCH("db-prepared", db_prepared, 1, "off: for PgBouncer before 1.21"),
    WORD("db-combine", db_combine, db_combines, DB_COMBINE_CREATES,
         "creates of a tick as one; all: look-ups, too"),
    {.name = "migrations-dir", .kind = SETTING_PATH, .offset = offsetof(struct config, migrations_dir),
     .default_text = SPLITS_MIGRATIONS_DIR, .default_note = "as built",
     .meaning = "folder of the migrations"},
    NUMBER("drain-delay-ms", drain_delay_ms, 0, TIME_MS_MAX, 0,
           "not ready but serving: for load balancers to notice"),
    TIME_MS("grace-period-ms", grace_period_ms, 10000, "for open requests after that, at a stop"),
    SWITCH("admin", admin, 1, "a listener of its own for metrics and health"),
    {.name = "admin-address", .kind = SETTING_ADDRESS, .offset = offsetof(struct config, admin_address),
     .default_text = "127.0.0.1", .meaning = "where that listens"},
    NUMBER("admin-port", admin_port, 0, 65535, 8081, "its TCP port; 0: any free one"),
    SWITCH("server-timing", server_timing, 0, "on: every answer tells its phases: discloses"),
    {.name = "lab", .kind = SETTING_SWITCH, .offset = offsetof(struct config, lab), .words = LAB_SWITCHES,
     .default_number = 0, .meaning = LAB_MEANING},
    WORD("log-level", log_level, log_levels, LOG_LEVEL_INFO, "the least level to log"),
    WORD("log-format", log_format, log_formats, LOG_FORMAT_AUTO, "auto: text on a terminal, else JSON"),
    WORD("access-log", access_log, access_logs, ACCESS_LOG_ERRORS, "errors: what the service did not manage"),
};
/* clang-format on */

/* Members that are enums are read and written as what GCC and Clang make of them. */
_Static_assert(sizeof(enum db_mode) == sizeof(unsigned) && sizeof(enum log_level) == sizeof(unsigned) &&
                   sizeof(enum log_format) == sizeof(unsigned) && sizeof(enum access_log) == sizeof(unsigned),
               "enums are unsigned ints");

static void copy_name(const char *from, char *to)
{
    for (; *from != '\0'; from++)
        *to++ = *from == '-' ? '_' : *from;
    *to = '\0';
}

void setting_environment_name(const struct setting *setting, char name[SETTING_NAME_SIZE_MAX])
{
    static const char prefix[] = "SPLITS_";
    memcpy(name, prefix, sizeof prefix);
    copy_name(setting->name, name + sizeof prefix - 1);
    for (; *name != '\0'; name++)
        *name = (char)toupper((unsigned char)*name);
}

void setting_field_name(const struct setting *setting, char name[SETTING_NAME_SIZE_MAX])
{
    copy_name(setting->name, name);
}

static void join_words(const char *const *words, char range[SETTING_RANGE_SIZE_MAX])
{
    size_t size = 0;
    for (const char *const *word = words; *word; word++) {
        int added =
            snprintf(range + size, SETTING_RANGE_SIZE_MAX - size, "%s%s", word == words ? "" : "|", *word);
        size += (size_t)added;
    }
}

void setting_range(const struct setting *setting, char range[SETTING_RANGE_SIZE_MAX])
{
    const char *text = NULL;
    switch (setting->kind) {
    case SETTING_NUMBER:
        (void)snprintf(range, SETTING_RANGE_SIZE_MAX, "%u…%u", setting->minimum, setting->maximum);
        return;
    case SETTING_WORD:
    case SETTING_SWITCH:
        join_words(setting->words, range);
        return;
    case SETTING_ADDRESS:
        text = "IP";
        break;
    case SETTING_PATH:
    case SETTING_FILE:
        text = "PATH";
        break;
    case SETTING_SECRET:
        text = "URL";
        break;
    }
    (void)snprintf(range, SETTING_RANGE_SIZE_MAX, "%s", text);
}

void setting_requirement(const struct setting *setting, char requirement[SETTING_REQUIREMENT_SIZE_MAX])
{
    char range[SETTING_RANGE_SIZE_MAX];
    setting_range(setting, range);
    if (setting->kind == SETTING_ADDRESS)
        (void)snprintf(requirement, SETTING_REQUIREMENT_SIZE_MAX, "must be a numeric IP address");
    else if (setting->kind == SETTING_PATH)
        (void)snprintf(requirement, SETTING_REQUIREMENT_SIZE_MAX, "must not be empty");
    else
        (void)snprintf(requirement, SETTING_REQUIREMENT_SIZE_MAX, "must be %s", range);
}

static void set_number(const struct setting *setting, unsigned number, struct config *config)
{
    char *member = (char *)config + setting->offset;
    bool is_on = number != 0;
    if (setting->kind == SETTING_SWITCH)
        memcpy(member, &is_on, sizeof is_on);
    else
        memcpy(member, &number, sizeof number);
}

static void set_text(const struct setting *setting, const char *text, struct config *config)
{
    memcpy((char *)config + setting->offset, &text, sizeof text);
}

static bool parse_number(const struct setting *setting, const char *value, struct config *config)
{
    uint64_t number;
    if (!text_to_uint64(text_of(value), setting->maximum, &number) || number < setting->minimum) return false;
    set_number(setting, (unsigned)number, config);
    return true;
}

static bool parse_word(const struct setting *setting, const char *value, struct config *config)
{
    for (unsigned i = 0; setting->words[i]; i++) {
        if (strcmp(value, setting->words[i]) != 0) continue;
        set_number(setting, i, config);
        return true;
    }
    return false;
}

static bool is_address(const char *value)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, value, address) == 1 || inet_pton(AF_INET6, value, address) == 1;
}

bool setting_parse(const struct setting *setting, const char *value, struct config *config)
{
    switch (setting->kind) {
    case SETTING_NUMBER:
        return parse_number(setting, value, config);
    case SETTING_WORD:
    case SETTING_SWITCH:
        return parse_word(setting, value, config);
    case SETTING_ADDRESS:
        if (!is_address(value)) return false;
        break;
    case SETTING_PATH:
        if (*value == '\0') return false;
        break;
    case SETTING_SECRET:
    case SETTING_FILE:
        break;
    }
    set_text(setting, value, config);
    return true;
}

bool setting_is_text(const struct setting *setting)
{
    return setting->default_text != NULL;
}

void setting_set_default(const struct setting *setting, struct config *config)
{
    if (setting_is_text(setting))
        set_text(setting, setting->default_text, config);
    else
        set_number(setting, setting->default_number, config);
}

unsigned setting_number(const struct setting *setting, const struct config *config)
{
    const char *member = (const char *)config + setting->offset;
    if (setting->kind == SETTING_SWITCH) {
        bool is_on;
        memcpy(&is_on, member, sizeof is_on);
        return is_on;
    }
    unsigned number;
    memcpy(&number, member, sizeof number);
    return number;
}

const char *setting_text(const struct setting *setting, const struct config *config)
{
    const char *text;
    memcpy(&text, (const char *)config + setting->offset, sizeof text);
    return text;
}
