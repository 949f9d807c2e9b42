#include "postgres/db_target.h"

#include "base/clock.h"
#include "postgres/db_lookup.h"
#include "postgres/db_url.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct db_target target;

static void clean_environment(void)
{
    static const char *const names[] = {"PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_int_eq(unsetenv(names[i]), 0);
}

static void release(void)
{
    db_target_release(&target);
}

static void init(const char *url)
{
    ck_assert_int_eq(db_target_init(&target, url, "splits"), FAULT_NONE);
}

/* The value that libpq would be given; NULL when none. Fails when a keyword is there twice. */
static const char *value_of(const char *keyword)
{
    const char *value = NULL;
    for (unsigned i = 0; target.keywords[i] != NULL; i++) {
        if (strcmp(target.keywords[i], keyword) != 0) continue;
        ck_assert_ptr_null(value);
        value = target.values[i];
    }
    return value;
}

/* Asks until the look-up is over. */
static enum db_target_state refreshed(uint64_t now_ns)
{
    enum db_target_state state;
    while ((state = db_target_refresh(&target, now_ns)) == DB_TARGET_PENDING)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return state;
}

/* ---- parameters ---- */

START_TEST(a_malformed_url_is_refused)
{
    ck_assert_int_eq(db_target_init(&target, "postgresql://[::1/x", "splits"), FAULT_VALIDATION);
    ck_assert_int_eq(db_target_init(&target, "no_such_keyword=1", "splits"), FAULT_VALIDATION);
}
END_TEST

START_TEST(a_bare_name_is_the_databases)
{
    init("events");
    ck_assert_str_eq(value_of("dbname"), "events");
    ck_assert_ptr_null(value_of("host"));
}
END_TEST

START_TEST(what_the_url_says_is_passed_on)
{
    init("postgresql://ada:secret@10.0.0.1:6432/users?sslmode=require");
    ck_assert_str_eq(value_of("host"), "10.0.0.1");
    ck_assert_str_eq(value_of("port"), "6432");
    ck_assert_str_eq(value_of("user"), "ada");
    ck_assert_str_eq(value_of("password"), "secret");
    ck_assert_str_eq(value_of("dbname"), "users");
    ck_assert_str_eq(value_of("sslmode"), "require");
}
END_TEST

START_TEST(the_url_wins_over_the_defaults)
{
    init("host=10.0.0.1 keepalives_idle=99 tcp_user_timeout=5 fallback_application_name=other");
    ck_assert_str_eq(value_of("keepalives_idle"), "99");
    ck_assert_str_eq(value_of("tcp_user_timeout"), "5");
    ck_assert_str_eq(value_of("fallback_application_name"), "other");
}
END_TEST

START_TEST(a_dead_peer_is_noticed_in_seconds_by_default)
{
    init("");
    ck_assert_str_eq(value_of("keepalives_idle"), "10");
    ck_assert_str_eq(value_of("keepalives_interval"), "3");
    ck_assert_str_eq(value_of("keepalives_count"), "3");
    ck_assert_str_eq(value_of("tcp_user_timeout"), "10000");
    ck_assert_str_eq(value_of("fallback_application_name"), "splits");
}
END_TEST

START_TEST(texts_are_utf_8_whatever_the_url_says)
{
    init("client_encoding=LATIN1");
    ck_assert_str_eq(value_of("client_encoding"), "UTF8");
}
END_TEST

/* ---- looking up ---- */

START_TEST(what_has_no_name_needs_no_look_up)
{
    static const char *const urls[] = {
        "",
        "host=127.0.0.1",
        "host=::1",
        "host=/run/postgresql",
        "host=@abstract",
        "host=127.0.0.1,::1,/tmp",
        "host=db.invalid hostaddr=127.0.0.1",
        "service=elsewhere host=db.invalid",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        init(urls[i]);
        ck_assert_int_eq(db_target_refresh(&target, NS_PER_S), DB_TARGET_READY);
        ck_assert_ptr_null(target.lookup);
        db_target_release(&target);
    }
}
END_TEST

START_TEST(a_name_is_looked_up_and_kept_for_tls)
{
    init("host=localhost port=6432");
    ck_assert_int_eq(db_target_refresh(&target, NS_PER_S), DB_TARGET_PENDING);
    ck_assert_int_eq(refreshed(NS_PER_S), DB_TARGET_READY);
    ck_assert_int_eq(strncmp(value_of("host"), "localhost", 9), 0);
    const char *address = value_of("hostaddr");
    ck_assert_msg(strncmp(address, "127.0.0.1", 9) == 0 || strncmp(address, "::1", 3) == 0, "%s", address);
    ck_assert_int_eq(strncmp(value_of("port"), "6432", 4), 0);
}
END_TEST

START_TEST(a_name_of_the_environment_is_looked_up_as_well)
{
    ck_assert_int_eq(setenv("PGHOST", "localhost", 1), 0);
    init("");
    ck_assert_int_eq(db_target_refresh(&target, NS_PER_S), DB_TARGET_PENDING);
    ck_assert_int_eq(refreshed(NS_PER_S), DB_TARGET_READY);
    ck_assert_ptr_nonnull(value_of("hostaddr"));
}
END_TEST

START_TEST(each_of_several_hosts_keeps_its_port)
{
    init("host=127.0.0.2,localhost,/tmp port=1,2,3");
    ck_assert_int_eq(refreshed(NS_PER_S), DB_TARGET_READY);
    const char *ports = value_of("port"), *hosts = value_of("host"), *addresses = value_of("hostaddr");
    size_t ports_size = strlen(ports), hosts_size = strlen(hosts), addresses_size = strlen(addresses);
    ck_assert_int_eq(strncmp(hosts, "127.0.0.2,localhost", 19), 0);
    ck_assert_int_eq(strncmp(addresses, "127.0.0.2,", 10), 0);
    ck_assert_int_eq(strncmp(ports, "1,2,", 4), 0);
    ck_assert_str_eq(hosts + hosts_size - 5, ",/tmp");
    ck_assert_int_eq(addresses[addresses_size - 1], ','); /* a socket directory has no address */
    ck_assert_str_eq(ports + ports_size - 2, ",3");
}
END_TEST

START_TEST(an_unknown_name_fails_and_is_tried_again_after_a_second)
{
    init("host=no-such-host.invalid");
    ck_assert_int_eq(refreshed(NS_PER_S), DB_TARGET_FAILED);
    ck_assert_int_eq(db_target_refresh(&target, 2 * NS_PER_S), DB_TARGET_FAILED);
    ck_assert_int_eq(db_target_refresh(&target, 2 * NS_PER_S + 1), DB_TARGET_PENDING);
    ck_assert_int_eq(refreshed(2 * NS_PER_S + 1), DB_TARGET_FAILED);
}
END_TEST

START_TEST(an_answer_is_good_for_a_second)
{
    init("host=localhost");
    ck_assert_int_eq(refreshed(NS_PER_S), DB_TARGET_READY);
    ck_assert_int_eq(db_target_refresh(&target, 2 * NS_PER_S), DB_TARGET_READY);
    ck_assert_int_eq(db_target_refresh(&target, 2 * NS_PER_S + 1), DB_TARGET_PENDING);
}
END_TEST

START_TEST(an_answer_that_was_long_in_coming_is_good)
{
    init("host=localhost");
    ck_assert_int_eq(db_target_refresh(&target, NS_PER_S), DB_TARGET_PENDING);
    while (db_lookup_poll(target.lookup) == NULL)
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    ck_assert_int_eq(db_target_refresh(&target, 10 * NS_PER_S), DB_TARGET_READY);
    ck_assert_int_eq(db_target_refresh(&target, 11 * NS_PER_S), DB_TARGET_READY);
}
END_TEST

START_TEST(more_addresses_than_fit_are_not_found)
{
    char url[HOST_LIST_SIZE_MAX + 64] = "host=localhost";
    for (size_t size = strlen(url); size < HOST_LIST_SIZE_MAX + 32; size += 10)
        memcpy(url + size, ",127.0.0.1", 11);
    init(url);
    ck_assert_int_eq(refreshed(NS_PER_S), DB_TARGET_FAILED);
}
END_TEST

START_TEST(a_target_may_be_released_while_it_is_looked_up)
{
    init("host=localhost");
    ck_assert_int_eq(db_target_refresh(&target, NS_PER_S), DB_TARGET_PENDING);
    db_target_release(&target);
    ck_assert_ptr_null(target.lookup);
}
END_TEST

/* ---- a file ---- */

static char path[32];

static void write_url(const char *url)
{
    FILE *stream = fopen(path, "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fputs(url, stream), 0);
    ck_assert_int_eq(fclose(stream), 0);
}

static void init_from_file(void)
{
    memcpy(path, "/tmp/splits-target-XXXXXX", 26);
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    (void)close(file);
    (void)unlink(path);
    db_target_init_from_file(&target, path, "splits");
}

START_TEST(a_file_that_comes_late_is_found)
{
    init_from_file();
    ck_assert_int_eq(refreshed(1), DB_TARGET_NO_URL);
    ck_assert_str_eq(target.flaw, "No such file or directory");
    write_url("postgresql://ada:secret@10.0.0.1/users");
    ck_assert_int_eq(refreshed(2), DB_TARGET_READY);
    ck_assert_str_eq(value_of("password"), "secret");
    ck_assert_str_eq(value_of("fallback_application_name"), "splits");
    (void)unlink(path);
}
END_TEST

START_TEST(a_file_that_changes_counts_from_then_on)
{
    init_from_file();
    write_url("postgresql://ada:old@10.0.0.1/users?connect_timeout=3\n");
    ck_assert_int_eq(refreshed(1), DB_TARGET_READY);
    write_url("postgresql://ada:new@10.0.0.2/users\n");
    ck_assert_int_eq(refreshed(2), DB_TARGET_READY);
    ck_assert_str_eq(value_of("password"), "new");
    ck_assert_str_eq(value_of("host"), "10.0.0.2");
    ck_assert_ptr_null(value_of("connect_timeout"));
    (void)unlink(path);
}
END_TEST

START_TEST(what_was_read_last_counts_while_the_file_is_gone_or_malformed)
{
    init_from_file();
    write_url("postgresql://ada:old@10.0.0.1/users");
    ck_assert_int_eq(refreshed(1), DB_TARGET_READY);
    write_url("postgresql://[::1/x");
    ck_assert_int_eq(refreshed(2), DB_TARGET_READY);
    (void)unlink(path);
    ck_assert_int_eq(refreshed(3), DB_TARGET_READY);
    ck_assert_str_eq(value_of("password"), "old");
}
END_TEST

START_TEST(a_malformed_file_is_no_url)
{
    init_from_file();
    write_url("postgresql://[::1/x");
    ck_assert_int_eq(refreshed(1), DB_TARGET_NO_URL);
    ck_assert_str_eq(target.flaw, DB_URL_MALFORMED);
    (void)unlink(path);
}
END_TEST

static TCase *parameters_case(void)
{
    TCase *tcase = tcase_create("parameters");
    tcase_add_checked_fixture(tcase, clean_environment, release);
    tcase_add_test(tcase, a_malformed_url_is_refused);
    tcase_add_test(tcase, a_bare_name_is_the_databases);
    tcase_add_test(tcase, what_the_url_says_is_passed_on);
    tcase_add_test(tcase, the_url_wins_over_the_defaults);
    tcase_add_test(tcase, a_dead_peer_is_noticed_in_seconds_by_default);
    tcase_add_test(tcase, texts_are_utf_8_whatever_the_url_says);
    return tcase;
}

static TCase *looking_up_case(void)
{
    TCase *tcase = tcase_create("looking up");
    tcase_add_checked_fixture(tcase, clean_environment, release);
    tcase_add_test(tcase, what_has_no_name_needs_no_look_up);
    tcase_add_test(tcase, a_name_is_looked_up_and_kept_for_tls);
    tcase_add_test(tcase, a_name_of_the_environment_is_looked_up_as_well);
    tcase_add_test(tcase, each_of_several_hosts_keeps_its_port);
    tcase_add_test(tcase, an_unknown_name_fails_and_is_tried_again_after_a_second);
    tcase_add_test(tcase, an_answer_is_good_for_a_second);
    tcase_add_test(tcase, an_answer_that_was_long_in_coming_is_good);
    tcase_add_test(tcase, more_addresses_than_fit_are_not_found);
    tcase_add_test(tcase, a_target_may_be_released_while_it_is_looked_up);
    tcase_add_test(tcase, a_file_that_comes_late_is_found);
    tcase_add_test(tcase, a_file_that_changes_counts_from_then_on);
    tcase_add_test(tcase, what_was_read_last_counts_while_the_file_is_gone_or_malformed);
    tcase_add_test(tcase, a_malformed_file_is_no_url);
    return tcase;
}

Suite *make_suite(void)
{
    Suite *suite = suite_create("db_target");
    suite_add_tcase(suite, parameters_case());
    suite_add_tcase(suite, looking_up_case());
    return suite;
}
