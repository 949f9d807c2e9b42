#include "http/request_target.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#define LITERAL(literal)                                                                                     \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_text(struct text actual, const char *expected)
{
    ck_assert_msg(text_equal(actual, text_of(expected)), "'%.*s', not '%s'", (int)actual.size, actual.bytes,
                  expected);
}

/* Parses a copy that ends with its memory, so that a read behind it is seen. It lives until the next call. */
static enum fault parse(struct text target, enum method method, struct request_target *ret_target)
{
    static char *memory;
    free(memory);
    memory = malloc(1 + target.size);
    ck_assert_ptr_nonnull(memory);
    memcpy(memory + 1, target.bytes, target.size);
    return request_target_parse((struct text){memory + 1, target.size}, method, ret_target);
}

START_TEST(sound_targets_are_taken_apart)
{
    static const struct {
        const char *target, *path, *query;
    } cases[] = {
        {"/", "/", ""},
        {"/users/12345", "/users/12345", ""},
        {"/users?limit=5&after=x", "/users", "limit=5&after=x"},
        {"/users?", "/users", ""},
        {"/?a?b/c", "/", "a?b/c"},
        {"//", "//", ""},
        {"//users//1/", "//users//1/", ""},
        {"/a/../b/./c", "/a/../b/./c", ""},
        {"/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@", ""},
        {"/%2f%C3%A4?%20=%ff", "/%2f%C3%A4", "%20=%ff"},
        {"/http://x/", "/http://x/", ""},
        {"http://example.com", "", ""},
        {"http://example.com/", "/", ""},
        {"HTTP://example.com/a", "/a", ""},
        {"https://example.com:8443/a/b?c=d", "/a/b", "c=d"},
        {"http://example.com?c=d", "", "c=d"},
        {"http://example.com:/a", "/a", ""},
        {"http://[::1]:8080/a", "/a", ""},
        {"http://127.0.0.1/a", "/a", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct request_target target;
        ck_assert_msg(parse(text_of(cases[i].target), METHOD_GET, &target) == FAULT_NONE, "%s",
                      cases[i].target);
        assert_text(target.path, cases[i].path);
        assert_text(target.query, cases[i].query);
        ck_assert(!target.is_asterisk);
    }
}
END_TEST

START_TEST(unsound_targets_are_refused)
{
    static const struct text targets[] = {
        LITERAL(""),
        LITERAL("users"),
        LITERAL("?a"),
        LITERAL("*"),
        LITERAL("*/"),
        LITERAL("/a#b"),
        LITERAL("/?a#b"),
        LITERAL("/a b"),
        LITERAL("/a\tb"),
        LITERAL("/a\0b"),
        LITERAL("/a\x7f"),
        LITERAL("/\xC3\xA4"),
        LITERAL("/?\xC3\xA4"),
        LITERAL("/\""),
        LITERAL("/<"),
        LITERAL("/>"),
        LITERAL("/\\"),
        LITERAL("/^"),
        LITERAL("/`"),
        LITERAL("/{"),
        LITERAL("/|"),
        LITERAL("/}"),
        LITERAL("/["),
        LITERAL("/?]"),
        LITERAL("/%"),
        LITERAL("/%2"),
        LITERAL("/%zz"),
        LITERAL("/%2g"),
        LITERAL("/%%20"),
        LITERAL("/%00"),
        LITERAL("/?%00"),
        LITERAL("/?%"),
        LITERAL("/?%a"),
        LITERAL("http:"),
        LITERAL("http:/"),
        LITERAL("http://"),
        LITERAL("http:///a"),
        LITERAL("http://?a"),
        LITERAL("http://:80/"),
        LITERAL("http:a"),
        LITERAL("http://user@example.com/"),
        LITERAL("http://user:pw@example.com/"),
        LITERAL("http://example.com:65536/"),
        LITERAL("http://example.com:8a/"),
        LITERAL("http://example.com/a#b"),
        LITERAL("http://example.com/%"),
        LITERAL("http://[::1/"),
        LITERAL("ftp://example.com/"),
        LITERAL("httpx://example.com/"),
        LITERAL("example.com:80"),
        LITERAL("example.com"),
    };
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct request_target target;
        ck_assert_msg(parse(targets[i], METHOD_GET, &target) == FAULT_TARGET, "%s", targets[i].bytes);
    }
}
END_TEST

START_TEST(only_options_asks_for_the_server_as_a_whole)
{
    static const struct {
        const char *target;
        bool is_asterisk;
    } cases[] = {{"*", true},   {"http://example.com", true},    {"http://example.com/", false},
                 {"/*", false}, {"http://example.com?a", false}, {"/", false}};
    struct request_target target;
    for (size_t i = 0; i < COUNT(cases); i++) {
        ck_assert_int_eq(parse(text_of(cases[i].target), METHOD_OPTIONS, &target), FAULT_NONE);
        ck_assert_msg(target.is_asterisk == cases[i].is_asterisk, "%s", cases[i].target);
    }
    for (unsigned method = 0; method < METHOD_COUNT; method++) {
        enum fault fault = parse(TEXT("*"), (enum method)method, &target);
        ck_assert_int_eq(fault, method == METHOD_OPTIONS ? FAULT_NONE : FAULT_TARGET);
    }
}
END_TEST

START_TEST(an_unknown_method_may_have_any_form_of_target)
{
    static const char *const sound[] = {"*", "/", "http://a/", "example.com:443", "[::1]:443"};
    static const char *const unsound[] = {"example.com", ":443", "example.com:", "a@b:443", "[::1]",
                                          "/%",          "**"};
    struct request_target target;
    for (size_t i = 0; i < COUNT(sound); i++)
        ck_assert_msg(parse(text_of(sound[i]), METHOD_COUNT, &target) == FAULT_NONE, "%s", sound[i]);
    for (size_t i = 0; i < COUNT(unsound); i++)
        ck_assert_msg(parse(text_of(unsound[i]), METHOD_COUNT, &target) == FAULT_TARGET, "%s", unsound[i]);
}
END_TEST

START_TEST(a_refused_target_leaves_the_result_untouched)
{
    struct request_target target = {.path = TEXT("kept")};
    ck_assert_int_eq(request_target_parse(TEXT("/a?%"), METHOD_GET, &target), FAULT_TARGET);
    assert_text(target.path, "kept");
}
END_TEST

START_TEST(sound_authorities_are_taken_apart)
{
    static const struct {
        const char *text, *host, *port;
    } cases[] = {
        {"", "", ""},
        {"localhost", "localhost", ""},
        {"localhost:", "localhost", ""},
        {"localhost:0", "localhost", "0"},
        {"localhost:65535", "localhost", "65535"},
        {"localhost:00080", "localhost", "00080"},
        {"127.0.0.1:8080", "127.0.0.1", "8080"},
        {"999.1.1.1.1", "999.1.1.1.1", ""}, /* no IPv4 address, but a reg-name */
        {"a_b-c.d~e!$&'()*+,;=", "a_b-c.d~e!$&'()*+,;=", ""},
        {"%41%c3%A4.example", "%41%c3%A4.example", ""},
        {"[::]", "[::]", ""},
        {"[::1]:8080", "[::1]", "8080"},
        {"[::1]:", "[::1]", ""},
        {"[2001:DB8:0:1:2:3:4:5]", "[2001:DB8:0:1:2:3:4:5]", ""},
        {"[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]", ""},
        {"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]", "1"},
        {"[0000:0000:0000:0000:0000:ffff:255.255.255.255]", "[0000:0000:0000:0000:0000:ffff:255.255.255.255]",
         ""},
        {"[v1.a:b]", "[v1.a:b]", ""},
        {"[vAf.~]:1", "[vAf.~]", "1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct authority authority;
        ck_assert_msg(authority_parse(text_of(cases[i].text), &authority), "%s", cases[i].text);
        assert_text(authority.host, cases[i].host);
        assert_text(authority.port, cases[i].port);
    }
}
END_TEST

START_TEST(unsound_authorities_are_refused)
{
    static const struct text texts[] = {
        LITERAL(":"),
        LITERAL(":80"),
        LITERAL("a:65536"),
        LITERAL("a:99999999999999999999"),
        LITERAL("a:-1"),
        LITERAL("a:+1"),
        LITERAL("a:1a"),
        LITERAL("a: 1"),
        LITERAL("a:1:2"),
        LITERAL("a::1"),
        LITERAL("::1"),
        LITERAL("a b"),
        LITERAL("a, b"),
        LITERAL("a/"),
        LITERAL("a/b"),
        LITERAL("a?b"),
        LITERAL("a#b"),
        LITERAL("a\\b"),
        LITERAL("user@a"),
        LITERAL("user:pw@a"),
        LITERAL("@a"),
        LITERAL("http://a"),
        LITERAL("\"a\""),
        LITERAL("<a>"),
        LITERAL("a%"),
        LITERAL("a%2"),
        LITERAL("a%zz"),
        LITERAL("a%00"),
        LITERAL("a\0b"),
        LITERAL("\xC3\xA4"),
        LITERAL("["),
        LITERAL("[]"),
        LITERAL("]"),
        LITERAL("[::1"),
        LITERAL("::1]"),
        LITERAL("[::1]a"),
        LITERAL("[::1]80"),
        LITERAL("[::1]:x"),
        LITERAL("[::1]:65536"),
        LITERAL("[::1]]"),
        LITERAL("[[::1]]"),
        LITERAL("a[::1]"),
        LITERAL("[1]"),
        LITERAL("[a]"),
        LITERAL("[127.0.0.1]"),
        LITERAL("[1::2::3]"),
        LITERAL("[:1]"),
        LITERAL("[12345::]"),
        LITERAL("[1:2:3:4:5:6:7]"),
        LITERAL("[1:2:3:4:5:6:7:8:9]"),
        LITERAL("[::g]"),
        LITERAL("[fe80::1%eth0]"),
        LITERAL("[fe80::1%25eth0]"),
        LITERAL("[::1\0]"),
        LITERAL("[::0000000000000000000000000000000000000000000001]"),
        LITERAL("[00000:0000:0000:0000:0000:ffff:255.255.255.255]"),
        LITERAL("[v.a]"),
        LITERAL("[v1]"),
        LITERAL("[v1.]"),
        LITERAL("[vg.a]"),
        LITERAL("[v1.a%41]"),
        LITERAL("[v1.a/]"),
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct authority authority;
        ck_assert_msg(!authority_parse(texts[i], &authority), "%s", texts[i].bytes);
    }
}
END_TEST

START_TEST(escapes_of_unreserved_characters_are_decoded_and_no_others)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"/", "/"},
        {"/users", "/users"},
        {"/%75sers/%31", "/users/1"},
        {"/%41%5a%61%7A%30%39%2D%2e%5F%7e", "/AZaz09-._~"},
        {"/%2e%2E/a", "/../a"},
        {"/%2F%2f", "/%2F%2f"},
        {"/%20%25%3f%23%3A%40%21%c3%A4%ff%01%7F", "/%20%25%3f%23%3A%40%21%c3%A4%ff%01%7F"},
        {"/%2541", "/%2541"},
        {"/%25%34%31", "/%2541"},
        {"/a%2Fb%63d%20", "/a%2Fbcd%20"},
        {"%61", "a"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[64];
        size_t size = strlen(cases[i][0]);
        memcpy(path, cases[i][0], size);
        assert_text((struct text){path, request_target_normalize(path, size)}, cases[i][1]);
    }
}
END_TEST

START_TEST(every_octet_is_decoded_exactly_if_it_is_unreserved)
{
    static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (int code = 1; code < 256; code++) {
        char path[8];
        (void)snprintf(path, sizeof path, "/%%%02x/", (unsigned)code);
        bool is_decoded = request_target_normalize(path, 5) == 3;
        ck_assert_msg(is_decoded == (code < 0x80 && strchr(unreserved, code) != NULL), "octet %d", code);
        if (is_decoded) ck_assert_int_eq(path[1], code);
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("request_target");
    TCase *test_case = tcase_create("all");
    tcase_add_test(test_case, sound_targets_are_taken_apart);
    tcase_add_test(test_case, unsound_targets_are_refused);
    tcase_add_test(test_case, only_options_asks_for_the_server_as_a_whole);
    tcase_add_test(test_case, an_unknown_method_may_have_any_form_of_target);
    tcase_add_test(test_case, a_refused_target_leaves_the_result_untouched);
    tcase_add_test(test_case, sound_authorities_are_taken_apart);
    tcase_add_test(test_case, unsound_authorities_are_refused);
    tcase_add_test(test_case, escapes_of_unreserved_characters_are_decoded_and_no_others);
    tcase_add_test(test_case, every_octet_is_decoded_exactly_if_it_is_unreserved);
    suite_add_tcase(suite, test_case);
    return suite;
}
