#include "service/config.h"

#include "base/clock.h"
#include "postgres/database_url_file.h"
#include "service/config_mask.h"
#include "service/config_print.h"
#include "service/config_table.h"
#include "service/cpus.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS_MAX          256
#define ENVIRONMENT_PREFIX   "SPLITS_"
#define SHOWN_VALUE_SIZE_MAX 80 /* bytes of a wrong value that are repeated */
#define OPTION_HELP          SETTING_COUNT
#define SOURCE_NAME_SIZE_MAX (SETTING_NAME_SIZE_MAX + 2)

/* Where a setting's value comes from: the last one of those that have one. */
enum rank { RANK_DEFAULT, RANK_SHORT_ENVIRONMENT, RANK_ENVIRONMENT, RANK_OPTION };

struct source {
    enum rank rank;
    const char *value;               /* NULL for RANK_DEFAULT */
    char name[SOURCE_NAME_SIZE_MAX]; /* as the user knows it: "--port", "SPLITS_PORT" */
};

/* What the command line says, by the index in settings; NULL where it says nothing. */
struct options {
    const char *values[SETTING_COUNT];
};

/* One line, whatever the value holds. */
static void print_wrong(const char *name, const char *value, const char *reason)
{
    char shown[SHOWN_VALUE_SIZE_MAX];
    (void)snprintf(shown, sizeof shown, "%s", value);
    for (char *at = shown; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '\x7F') *at = '?';
    }
    (void)fprintf(stderr, "splits: %s=%s: %s\n", name, shown, reason);
}

/* A Kubernetes Service with the name "splits" sets SPLITS_PORT=tcp://… in every pod beside it. */
static bool is_service_link(const char *value)
{
    return strncmp(value, "tcp://", 6) == 0 || strncmp(value, "udp://", 6) == 0;
}

static const char *environment_value(const char *name)
{
    const char *value = getenv(name);
    return value && *value != '\0' && !is_service_link(value) ? value : NULL;
}

static void find_source(const struct setting *setting, const char *option, struct source *ret_source)
{
    *ret_source = (struct source){.rank = RANK_OPTION, .value = option};
    (void)snprintf(ret_source->name, SOURCE_NAME_SIZE_MAX, "--%s", setting->name);
    if (option) return;

    ret_source->rank = RANK_ENVIRONMENT;
    setting_environment_name(setting, ret_source->name);
    ret_source->value = environment_value(ret_source->name);
    if (ret_source->value) return;

    ret_source->rank = RANK_DEFAULT;
    if (!setting->short_environment) return;
    ret_source->value = environment_value(setting->short_environment);
    if (!ret_source->value) return;
    ret_source->rank = RANK_SHORT_ENVIRONMENT;
    (void)snprintf(ret_source->name, SOURCE_NAME_SIZE_MAX, "%s", setting->short_environment);
}

static bool apply(const struct setting *setting, const struct source *source, struct config *config)
{
    if (source->rank == RANK_DEFAULT) {
        setting_set_default(setting, config);
        return true;
    }
    if (setting_parse(setting, source->value, config)) return true;
    char reason[SETTING_REQUIREMENT_SIZE_MAX];
    setting_requirement(setting, reason);
    print_wrong(source->name, source->value, reason);
    return false;
}

static enum config_outcome refuse_option(int answer, char **arguments)
{
    const char *last = arguments[optind - 1];
    if (answer == ':')
        (void)fprintf(stderr, "splits: %s: needs a value\n", last);
    else if (optopt == OPTION_HELP)
        (void)fprintf(stderr, "splits: --help: takes no value\n");
    else if (optopt != 0)
        (void)fprintf(stderr, "splits: -%c: unknown option; --help lists them\n", optopt);
    else
        (void)fprintf(stderr, "splits: %.*s: unknown option; --help lists them\n", (int)strcspn(last, "=\n"),
                      last);
    return CONFIG_WRONG;
}

static void list_options(struct option list[SETTING_COUNT + 2])
{
    for (int i = 0; i < SETTING_COUNT; i++)
        list[i] = (struct option){settings[i].name, required_argument, NULL, i};
    list[SETTING_COUNT] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    list[SETTING_COUNT + 1] = (struct option){0};
}

static enum config_outcome read_options(int argc, char **arguments, struct options *ret_options)
{
    struct option list[SETTING_COUNT + 2];
    list_options(list);
    opterr = 0;
    optind = 0; /* makes glibc start anew, also after an earlier call */
    for (;;) {
        int answer = getopt_long(argc, arguments, ":h", list, NULL);
        if (answer == -1) return CONFIG_OK;
        if (answer == ':' || answer == '?') return refuse_option(answer, arguments);
        if (answer == 'h' || answer == OPTION_HELP) {
            config_print_help(stdout);
            return CONFIG_HELP;
        }
        ret_options->values[answer] = optarg;
    }
}

static bool is_setting_variable(const char *variable, size_t name_size)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char name[SETTING_NAME_SIZE_MAX];
        setting_environment_name(&settings[i], name);
        if (strlen(name) == name_size && memcmp(variable, name, name_size) == 0) return true;
    }
    return false;
}

/* More of what Kubernetes sets for a Service with the name "splits". */
static bool is_service_variable(const char *variable)
{
    return strncmp(variable, "SPLITS_SERVICE_", 15) == 0 || strncmp(variable, "SPLITS_PORT_", 12) == 0;
}

/* A misspelt variable would be ignored in silence otherwise. */
static void warn_of_unknown_variables(void)
{
    for (char **variable = environ; variable && *variable; variable++) {
        size_t name_size = strcspn(*variable, "=");
        bool is_ours = strncmp(*variable, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) == 0;
        bool is_empty = (*variable)[name_size] == '\0' || (*variable)[name_size + 1] == '\0';
        if (!is_ours || is_empty || is_service_variable(*variable) ||
            is_setting_variable(*variable, name_size))
            continue;
        (void)fprintf(stderr, "splits: warning: %.*s: no such setting\n", (int)name_size, *variable);
    }
}

/* Of the URL and the file that holds one, the higher source wins; the file, when both are given alike. */
static void choose_url(const struct source *url, const struct source *file, struct config *config)
{
    bool file_wins = *config->database_url_file != '\0' && file->rank >= url->rank;
    if (file_wins)
        config->database_url = "";
    else
        config->database_url_file = "";
}

static unsigned at_most(unsigned value, unsigned limit)
{
    return value < limit ? value : limit;
}

static bool check_together(struct config *config)
{
    if (config->target_size_max > config->head_size_max) {
        (void)fprintf(stderr, "splits: target-size-max (%u) must be at most head-size-max (%u)\n",
                      config->target_size_max, config->head_size_max);
        return false;
    }
    if (config->workers == 0)
        config->workers = at_most(at_most(config_cpus(), WORKERS_MAX), config->connections_max);
    if (config->workers > config->connections_max) {
        (void)fprintf(stderr, "splits: workers (%u) must be at most connections-max (%u)\n", config->workers,
                      config->connections_max);
        return false;
    }
    return true;
}

static bool apply_all(const struct options *options, struct config *config)
{
    struct source url = {0};
    struct source file = {0};
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct source source;
        find_source(&settings[i], options->values[i], &source);
        if (!apply(&settings[i], &source, config)) return false;
        if (settings[i].kind == SETTING_SECRET) url = source;
        if (settings[i].kind == SETTING_FILE) file = source;
    }
    choose_url(&url, &file, config);
    return true;
}

enum config_outcome config_read(int argc, char **arguments, struct config *ret_config, int *ret_first)
{
    struct options options = {0};
    enum config_outcome outcome = read_options(argc, arguments, &options);
    if (outcome != CONFIG_OK) return outcome;

    struct config config = {0};
    warn_of_unknown_variables();
    if (!apply_all(&options, &config) || !check_together(&config)) {
        config_release(&config);
        return CONFIG_WRONG;
    }
    *ret_config = config;
    *ret_first = optind;
    return CONFIG_OK;
}

const char *config_load_url(struct config *config)
{
    const char *flaw = NULL;
    if (*config->database_url_file == '\0' || config->file_content) return NULL;
    if (database_url_file_read(config->database_url_file, &config->file_content, &flaw)) return flaw;
    config->database_url = config->file_content;
    return NULL;
}

void config_release(struct config *config)
{
    free(config->file_content);
    config->file_content = NULL;
    config->database_url = "";
}

static struct log_field make_field(const struct setting *setting, const struct config *config,
                                   const char *name)
{
    if (setting_is_text(setting)) return LOG_STRING(name, setting_text(setting, config));
    unsigned number = setting_number(setting, config);
    if (setting->words) return LOG_STRING(name, setting->words[number]);
    return LOG_INT(name, number);
}

void config_log(const struct config *config)
{
    char names[SETTING_COUNT][SETTING_NAME_SIZE_MAX];
    struct log_field fields[SETTING_COUNT + 1] = {0};
    char *url = config_mask_secret(config->database_url);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        setting_field_name(&settings[i], names[i]);
        fields[i] = settings[i].kind == SETTING_SECRET ? LOG_STRING(names[i], url ? url : "***")
                                                       : make_field(&settings[i], config, names[i]);
    }
    log_fields(LOG_LEVEL_INFO, "configuration", fields);
    free(url);
}

struct server_limits config_server_limits(const struct config *config, unsigned connections_max)
{
    return (struct server_limits){
        .connections_max = connections_max,
        .target_size_max = config->target_size_max,
        .head_size_max = config->head_size_max,
        .body_size_max = config->body_size_max,
        .idle_timeout_ns = config->idle_timeout_ms * NS_PER_MS,
        .head_timeout_ns = config->head_timeout_ms * NS_PER_MS,
        .body_timeout_ns = config->body_timeout_ms * NS_PER_MS,
        .request_timeout_ns = config->request_timeout_ms * NS_PER_MS,
        .send_timeout_ns = config->send_timeout_ms * NS_PER_MS,
    };
}

unsigned config_database_connections(const struct config *config)
{
    return config->replicas * config->workers * config->db_connections;
}

unsigned config_cpus(void)
{
    return cpus_allowed("");
}
