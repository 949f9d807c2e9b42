#include "service/config.h"

#include "service/config_print.h"
#include "service/config_table.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 8

static char printed[8192]; /* what the last call of read_with wrote to stderr, or out_of to its stream */

static void take_stream(FILE *stream)
{
    rewind(stream);
    size_t size = fread(printed, 1, sizeof printed - 1, stream);
    printed[size] = '\0';
    (void)fclose(stream);
}

/* config_read with these arguments, split at blanks. */
static enum config_outcome read_with(const char *line, struct config *config)
{
    static char words[256];
    (void)snprintf(words, sizeof words, "splits %s", line);
    char *arguments[ARGUMENTS_MAX + 1] = {0};
    int argc = 0;
    char *rest = words;
    for (char *word; argc < ARGUMENTS_MAX && (word = strsep(&rest, " ")) != NULL;) {
        if (*word != '\0') arguments[argc++] = word;
    }

    FILE *original = stderr;
    stderr = tmpfile();
    int first;
    enum config_outcome outcome = config_read(argc, arguments, config, &first);
    FILE *capture = stderr;
    stderr = original;
    take_stream(capture);
    return outcome;
}

static struct config read_well(const char *line)
{
    struct config config;
    ck_assert_int_eq(read_with(line, &config), CONFIG_OK);
    return config;
}

static void assert_wrong(const char *line, const char *message)
{
    struct config config;
    ck_assert_int_eq(read_with(line, &config), CONFIG_WRONG);
    ck_assert_str_eq(printed, message);
}

static void clear_environment(void)
{
    (void)clearenv();
}

/* A file with this content; the caller unlinks it. */
static void write_file(char path[32], const char *bytes, size_t size)
{
    memcpy(path, "/tmp/splits-config-XXXXXX", 26);
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, bytes, size), (ssize_t)size);
    ck_assert_int_eq(close(file), 0);
}

START_TEST(without_options_and_environment_there_are_the_defaults)
{
    struct config config = read_well("");
    ck_assert_str_eq(config.address, "127.0.0.1");
    ck_assert_uint_eq(config.port, 8080);
    ck_assert_uint_eq(config.connections_max, 10000);
    ck_assert_uint_eq(config.target_size_max, 8000);
    ck_assert_uint_eq(config.head_size_max, 16384);
    ck_assert_uint_eq(config.body_size_max, 16384);
    ck_assert_uint_eq(config.idle_timeout_ms, 60000);
    ck_assert_uint_eq(config.head_timeout_ms, 10000);
    ck_assert_uint_eq(config.body_timeout_ms, 10000);
    ck_assert_uint_eq(config.request_timeout_ms, 5000);
    ck_assert_uint_eq(config.send_timeout_ms, 30000);
    ck_assert_str_eq(config.database_url, "");
    ck_assert_int_eq(config.db_mode, DB_MODE_PIPELINED);
    ck_assert_uint_eq(config.db_connections, 8);
    ck_assert_uint_eq(config.db_queue_max, 4096);
    ck_assert_uint_eq(config.db_in_flight_max, 256);
    ck_assert_uint_eq(config.db_queue_timeout_ms, 1000);
    ck_assert_uint_eq(config.db_statement_timeout_ms, 3000);
    ck_assert_uint_eq(config.db_lock_timeout_ms, 1500);
    ck_assert_uint_eq(config.db_connect_timeout_ms, 5000);
    ck_assert_uint_eq(config.db_reconnect_max_ms, 1000);
    ck_assert(config.db_prepared);
    ck_assert_int_eq(config.db_combine, DB_COMBINE_CREATES);
    ck_assert_str_eq(config.migrations_dir, SPLITS_MIGRATIONS_DIR);
    ck_assert_uint_eq(config.drain_delay_ms, 0);
    ck_assert_uint_eq(config.grace_period_ms, 10000);
    ck_assert_int_eq(config.log_level, LOG_LEVEL_INFO);
    ck_assert_int_eq(config.log_format, LOG_FORMAT_AUTO);
    ck_assert_int_eq(config.access_log, ACCESS_LOG_ERRORS);
    ck_assert_str_eq(printed, "");
}
END_TEST

START_TEST(an_option_wins_over_the_environment_and_that_over_the_customary_name)
{
    (void)setenv("PORT", "1", 1);
    ck_assert_uint_eq(read_well("").port, 1);
    (void)setenv("SPLITS_PORT", "2", 1);
    ck_assert_uint_eq(read_well("").port, 2);
    ck_assert_uint_eq(read_well("--port=3").port, 3);
    ck_assert_uint_eq(read_well("--port 4").port, 4);
    ck_assert_uint_eq(read_well("--port=3 --port=5").port, 5);
}
END_TEST

START_TEST(a_wrong_value_that_is_overridden_does_no_harm)
{
    (void)setenv("SPLITS_PORT", "wrong", 1);
    ck_assert_uint_eq(read_well("--port=3").port, 3);
    assert_wrong("", "splits: SPLITS_PORT=wrong: must be 0…65535\n");
}
END_TEST

START_TEST(an_empty_variable_counts_as_unset)
{
    (void)setenv("SPLITS_PORT", "", 1);
    (void)setenv("SPLITS_NO_SUCH_SETTING", "", 1);
    ck_assert_uint_eq(read_well("").port, 8080);
    (void)setenv("PORT", "7", 1);
    ck_assert_uint_eq(read_well("").port, 7);
    ck_assert_str_eq(printed, "");
}
END_TEST

START_TEST(what_is_no_option_is_left_to_the_caller)
{
    char program[] = "splits", command[] = "migrate", option[] = "--port=1", direction[] = "up";
    char *arguments[] = {program, command, option, direction, NULL};
    struct config config;
    int first;
    ck_assert_int_eq(config_read(4, arguments, &config, &first), CONFIG_OK);
    ck_assert_int_eq(first, 2);
    ck_assert_str_eq(arguments[2], "migrate");
    ck_assert_str_eq(arguments[3], "up");
    ck_assert_uint_eq(config.port, 1);
}
END_TEST

START_TEST(a_wrong_value_is_one_line_with_its_name_and_what_is_allowed)
{
    assert_wrong("--port=70000", "splits: --port=70000: must be 0…65535\n");
    assert_wrong("--port=-1", "splits: --port=-1: must be 0…65535\n");
    assert_wrong("--port=", "splits: --port=: must be 0…65535\n");
    assert_wrong("--port=12x", "splits: --port=12x: must be 0…65535\n");
    assert_wrong("--port=+1", "splits: --port=+1: must be 0…65535\n");
    assert_wrong("--port=99999999999999999999999",
                 "splits: --port=99999999999999999999999: must be 0…65535\n");
    assert_wrong("--address=localhost", "splits: --address=localhost: must be a numeric IP address\n");
    assert_wrong("--address=", "splits: --address=: must be a numeric IP address\n");
    assert_wrong("--db-mode=Blocking", "splits: --db-mode=Blocking: must be pipelined|blocking\n");
    assert_wrong("--db-prepared=1", "splits: --db-prepared=1: must be off|on\n");
    assert_wrong("--migrations-dir=", "splits: --migrations-dir=: must not be empty\n");
    (void)setenv("PORT", " 5", 1);
    assert_wrong("", "splits: PORT= 5: must be 0…65535\n");
    (void)setenv("PORT", "1\n2", 1);
    assert_wrong("", "splits: PORT=1?2: must be 0…65535\n");
}
END_TEST

START_TEST(a_long_wrong_value_is_cut)
{
    char value[200];
    memset(value, '1', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    (void)setenv("PORT", value, 1);
    struct config config;
    ck_assert_int_eq(read_with("", &config), CONFIG_WRONG);
    ck_assert_uint_lt(strlen(printed), 130);
}
END_TEST

START_TEST(an_unusable_option_is_one_line)
{
    assert_wrong("--prot=1", "splits: --prot: unknown option; --help lists them\n");
    assert_wrong("-x", "splits: -x: unknown option; --help lists them\n");
    assert_wrong("--port", "splits: --port: needs a value\n");
    assert_wrong("--help=1", "splits: --help: takes no value\n");
}
END_TEST

START_TEST(an_unknown_variable_is_named_in_a_warning)
{
    (void)setenv("SPLITS_PROT", "1", 1);
    (void)read_well("");
    ck_assert_str_eq(printed, "splits: warning: SPLITS_PROT: no such setting\n");
}
END_TEST

START_TEST(what_kubernetes_sets_for_a_service_of_this_name_is_ignored)
{
    (void)setenv("SPLITS_PORT", "tcp://10.0.0.1:80", 1);
    (void)setenv("SPLITS_PORT_80_TCP_ADDR", "10.0.0.1", 1);
    (void)setenv("SPLITS_SERVICE_HOST", "10.0.0.1", 1);
    ck_assert_uint_eq(read_well("").port, 8080);
    ck_assert_str_eq(printed, "");
}
END_TEST

START_TEST(sizes_and_counts_that_contradict_each_other_are_refused)
{
    ck_assert_uint_eq(read_well("--head-size-max=8000").head_size_max, 8000);
    assert_wrong("--head-size-max=7999",
                 "splits: target-size-max (8000) must be at most head-size-max (7999)\n");
    ck_assert_uint_eq(read_well("--connections-max=3 --workers=3").workers, 3);
    assert_wrong("--connections-max=3 --workers=4",
                 "splits: workers (4) must be at most connections-max (3)\n");
}
END_TEST

START_TEST(no_workers_asked_for_means_as_many_as_cpus)
{
    unsigned cpus = config_cpus();
    ck_assert_uint_ge(cpus, 1);
    ck_assert_uint_eq(read_well("--workers=0").workers, cpus < 256 ? cpus : 256);
    ck_assert_uint_eq(read_well("--connections-max=1").workers, 1);
}
END_TEST

/* What the URL is once the file is read, where one counts. */
static void assert_url(const char *options, const char *url, const char *file)
{
    struct config config = read_well(options);
    ck_assert_str_eq(config.database_url_file, file);
    if (*file != '\0') ck_assert_str_eq(config.database_url, "");
    ck_assert_ptr_null(config_load_url(&config));
    ck_assert_str_eq(config.database_url, url);
    config_release(&config);
}

START_TEST(the_url_comes_from_the_highest_source_that_has_one)
{
    char path[32];
    write_file(path, "url-of-file", 11);
    (void)setenv("DATABASE_URL", "short", 1);
    assert_url("", "short", "");
    (void)setenv("DATABASE_URL_FILE", path, 1);
    assert_url("", "url-of-file", path);

    (void)setenv("SPLITS_DATABASE_URL", "long", 1);
    assert_url("", "long", "");
    assert_url("--database-url=option", "option", "");
    (void)setenv("SPLITS_DATABASE_URL_FILE", path, 1);
    assert_url("--database-url=option", "option", "");
    assert_url("--database-url=", "", "");
    assert_url("", "url-of-file", path);
    (void)unlink(path);
}
END_TEST

START_TEST(a_file_that_is_missing_is_told_when_it_is_needed)
{
    struct config config = read_well("--database-url-file=/nowhere");
    ck_assert_str_eq(config_load_url(&config), "No such file or directory");
    ck_assert_str_eq(config.database_url, "");
    config_release(&config);
}
END_TEST

START_TEST(the_log_has_every_setting_and_no_password)
{
    struct config config = read_well("--database-url=postgresql://ann:geheim@db/users --workers=3");
    char path[32];
    write_file(path, "", 0);
    ck_assert_ptr_nonnull(freopen(path, "w", stderr));
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    config_log(&config);
    FILE *stream = fopen(path, "r");
    ck_assert_ptr_nonnull(stream);
    take_stream(stream);
    (void)unlink(path);

    ck_assert_ptr_null(strstr(printed, "geheim"));
    ck_assert_ptr_nonnull(strstr(printed, "\"event\":\"configuration\""));
    ck_assert_ptr_nonnull(strstr(printed, "\"database_url\":\"postgresql://ann:***@db/users\""));
    ck_assert_ptr_nonnull(strstr(printed, "\"workers\":3"));
    ck_assert_ptr_nonnull(strstr(printed, "\"db_mode\":\"pipelined\""));
    ck_assert_ptr_nonnull(strstr(printed, "\"db_prepared\":\"on\""));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char name[SETTING_NAME_SIZE_MAX];
        setting_field_name(&settings[i], name);
        ck_assert_msg(strstr(printed, name) != NULL, "no %s", name);
    }
}
END_TEST

START_TEST(the_laboratory_is_off_and_cannot_be_on_where_it_was_left_out)
{
    ck_assert(!read_well("").lab);
    if (SPLITS_LAB)
        ck_assert(read_well("--lab=on").lab);
    else
        assert_wrong("--lab=on", "splits: --lab=on: must be off\n");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");
    tcase_add_checked_fixture(tcase, clear_environment, NULL);
    tcase_add_test(tcase, without_options_and_environment_there_are_the_defaults);
    tcase_add_test(tcase, an_option_wins_over_the_environment_and_that_over_the_customary_name);
    tcase_add_test(tcase, a_wrong_value_that_is_overridden_does_no_harm);
    tcase_add_test(tcase, an_empty_variable_counts_as_unset);
    tcase_add_test(tcase, what_is_no_option_is_left_to_the_caller);
    tcase_add_test(tcase, a_wrong_value_is_one_line_with_its_name_and_what_is_allowed);
    tcase_add_test(tcase, a_long_wrong_value_is_cut);
    tcase_add_test(tcase, an_unusable_option_is_one_line);
    tcase_add_test(tcase, an_unknown_variable_is_named_in_a_warning);
    tcase_add_test(tcase, what_kubernetes_sets_for_a_service_of_this_name_is_ignored);
    tcase_add_test(tcase, sizes_and_counts_that_contradict_each_other_are_refused);
    tcase_add_test(tcase, no_workers_asked_for_means_as_many_as_cpus);
    tcase_add_test(tcase, the_url_comes_from_the_highest_source_that_has_one);
    tcase_add_test(tcase, a_file_that_is_missing_is_told_when_it_is_needed);
    tcase_add_test(tcase, the_log_has_every_setting_and_no_password);
    tcase_add_test(tcase, the_laboratory_is_off_and_cannot_be_on_where_it_was_left_out);
    suite_add_tcase(suite, tcase);
    return suite;
}
