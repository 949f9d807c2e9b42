#include "postgres/host_list.h"

#include "suite.h"

#include <string.h>

static struct host_list list;

static void set(const char *hosts, const char *addresses, const char *ports)
{
    ck_assert(host_list_set(&list, hosts, addresses, ports));
}

static void assert_lists(const char *hosts, const char *addresses, const char *ports)
{
    ck_assert_str_eq(list.hosts, hosts);
    ck_assert_str_eq(list.addresses, addresses);
    ck_assert_str_eq(list.ports, ports);
}

START_TEST(the_host_behind_the_silent_one_comes_first)
{
    set("a,b,c", "", "1,2,3");
    host_list_begin_after(&list, &(struct host_entry){"a", "10.0.0.1", "1"});
    assert_lists("b,c,a", "", "2,3,1");
    host_list_begin_after(&list, &(struct host_entry){"c", "10.0.0.3", "3"});
    assert_lists("a,b,c", "", "1,2,3");
}
END_TEST

START_TEST(the_same_silent_host_twice_changes_nothing_more)
{
    set("a,b", "", "");
    host_list_begin_after(&list, &(struct host_entry){"a", "10.0.0.1", "5432"});
    host_list_begin_after(&list, &(struct host_entry){"a", "10.0.0.1", "5432"});
    assert_lists("b,a", "", "");
}
END_TEST

START_TEST(addresses_of_one_name_are_told_apart)
{
    set("a,a,/tmp", "::1,10.0.0.1,", "5432");
    host_list_begin_after(&list, &(struct host_entry){"a", "10.0.0.1", "5432"});
    assert_lists("/tmp,a,a", ",::1,10.0.0.1", "5432");
}
END_TEST

START_TEST(hosts_on_one_address_are_told_apart_by_port)
{
    set("a,a", "", "1,2");
    host_list_begin_after(&list, &(struct host_entry){"a", "10.0.0.1", "2"});
    assert_lists("a,a", "", "1,2");
    host_list_begin_after(&list, &(struct host_entry){"a", "10.0.0.1", "1"});
    assert_lists("a,a", "", "2,1");
}
END_TEST

START_TEST(addresses_without_names_move_as_well)
{
    set("", "10.0.0.1,10.0.0.2", "");
    host_list_begin_after(&list, &(struct host_entry){"10.0.0.1", "10.0.0.1", "5432"});
    assert_lists("", "10.0.0.2,10.0.0.1", "");
}
END_TEST

START_TEST(an_unknown_host_and_unequal_lists_change_nothing)
{
    set("a,b", "", "1,2");
    host_list_begin_after(&list, &(struct host_entry){"c", "", "1"});
    host_list_begin_after(&list, &(struct host_entry){0});
    assert_lists("a,b", "", "1,2");
    set("a,b", "", "1,2,3");
    host_list_begin_after(&list, &(struct host_entry){"a", "", "1"});
    assert_lists("a,b", "", "1,2,3");
    set("a,b", "10.0.0.1,10.0.0.2,10.0.0.3", "");
    host_list_begin_after(&list, &(struct host_entry){"a", "10.0.0.1", ""});
    assert_lists("a,b", "10.0.0.1,10.0.0.2,10.0.0.3", "");
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    char text[HOST_LIST_SIZE_MAX + 1];
    memset(text, 'a', sizeof text);
    text[HOST_LIST_SIZE_MAX] = '\0';
    ck_assert(!host_list_set(&list, text, "", ""));
    text[HOST_LIST_SIZE_MAX - 1] = '\0';
    set(text, "", "");
    ck_assert(!host_list_append(&list, &(struct host_entry){"", "", ""}, false));
    text[HOST_LIST_SIZE_MAX - 3] = '\0';
    set(text, "", "");
    ck_assert(host_list_append(&list, &(struct host_entry){"b", "", ""}, false));
    ck_assert(!host_list_append(&list, &(struct host_entry){"b", "", ""}, false));
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("host_list");
    TCase *tcase = tcase_create("host_list");
    tcase_add_test(tcase, the_host_behind_the_silent_one_comes_first);
    tcase_add_test(tcase, the_same_silent_host_twice_changes_nothing_more);
    tcase_add_test(tcase, addresses_of_one_name_are_told_apart);
    tcase_add_test(tcase, hosts_on_one_address_are_told_apart_by_port);
    tcase_add_test(tcase, addresses_without_names_move_as_well);
    tcase_add_test(tcase, an_unknown_host_and_unequal_lists_change_nothing);
    tcase_add_test(tcase, what_does_not_fit_is_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}
