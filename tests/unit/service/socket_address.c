#include "service/socket_address.h"

#include "suite.h"

#include <arpa/inet.h>

static const char *reached(const char *text)
{
    static char shown[INET6_ADDRSTRLEN];
    union socket_address address;
    socklen_t size = socket_address_make(text, 8080, &address);
    bool is_v4 = address.any.sa_family == AF_INET;
    ck_assert_uint_eq(size, is_v4 ? sizeof address.v4 : sizeof address.v6);
    socket_address_reach(&address);
    ck_assert_uint_eq(socket_address_port(&address), 8080);
    const void *bytes = is_v4 ? (const void *)&address.v4.sin_addr : (const void *)&address.v6.sin6_addr;
    return inet_ntop(address.any.sa_family, bytes, shown, sizeof shown);
}

START_TEST(an_address_is_reached_by_itself)
{
    ck_assert_str_eq(reached("127.0.0.1"), "127.0.0.1");
    ck_assert_str_eq(reached("10.1.2.3"), "10.1.2.3");
    ck_assert_str_eq(reached("::1"), "::1");
    ck_assert_str_eq(reached("2001:db8::7"), "2001:db8::7");
}
END_TEST

START_TEST(all_addresses_are_reached_by_the_loopback_of_the_family)
{
    ck_assert_str_eq(reached("0.0.0.0"), "127.0.0.1");
    ck_assert_str_eq(reached("::"), "::1");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("socket_address");
    TCase *tcase = tcase_create("socket_address");
    tcase_add_test(tcase, an_address_is_reached_by_itself);
    tcase_add_test(tcase, all_addresses_are_reached_by_the_loopback_of_the_family);
    suite_add_tcase(suite, tcase);
    return suite;
}
