#include "users/user.h"

#include "suite.h"

#include <string.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* count times what, terminated; borrowed until the next call. */
static const char *repeat(const char *what, size_t count)
{
    static char buffer[4096];
    size_t size = strlen(what);
    ck_assert_uint_lt(size * count, sizeof(buffer));
    for (size_t i = 0; i < count; i++)
        memcpy(buffer + i * size, what, size);
    buffer[size * count] = '\0';
    return buffer;
}

static void assert_flaw(const char *flaw, const char *expected)
{
    if (expected)
        ck_assert_pstr_eq(flaw, expected);
    else
        ck_assert_msg(!flaw, "unexpected flaw: %s", flaw ? flaw : "");
}

static const char *const good_names[] = {
    "A",        "Ada Lovelace",       "Łukasz Żółć", "李小龍", "O'Brien \"Bob\" \\",
    " padded ", "👩‍👩‍👧", "\u00A0x",     "1",
};

START_TEST(a_name_of_visible_characters_is_valid)
{
    assert_flaw(user_name_flaw(text_of(good_names[_i])), NULL);
}
END_TEST

START_TEST(an_empty_name_is_refused)
{
    assert_flaw(user_name_flaw(TEXT("")), "must not be empty");
    assert_flaw(user_name_flaw((struct text){NULL, 0}), "must not be empty");
}
END_TEST

START_TEST(a_name_has_at_most_200_characters_of_any_size)
{
    assert_flaw(user_name_flaw(text_of(repeat("x", 199))), NULL);
    assert_flaw(user_name_flaw(text_of(repeat("x", 200))), NULL);
    assert_flaw(user_name_flaw(text_of(repeat("x", 201))), "must not have more than 200 characters");
    assert_flaw(user_name_flaw(text_of(repeat("😀", 200))), NULL);
    assert_flaw(user_name_flaw(text_of(repeat("😀", 201))), "must not have more than 200 characters");
}
END_TEST

static const struct text control_names[] = {
    {"a\0b", 3}, {"\n", 1}, {"tab\t", 4}, {"\x1F", 1}, {"x\x7F", 2}, {"x\xC2\x80", 3}, {"x\xC2\x9F", 3},
};

START_TEST(a_name_with_a_control_character_is_refused)
{
    assert_flaw(user_name_flaw(control_names[_i]), "must not have control characters");
}
END_TEST

static const char *const blank_names[] = {
    " ", "   ", "\u00A0", "\u1680", "\u2000\u200A", "\u2028", "\u202F \u205F", "\u3000",
};

START_TEST(a_name_of_white_space_alone_is_refused)
{
    assert_flaw(user_name_flaw(text_of(blank_names[_i])), "must not be blank");
}
END_TEST

START_TEST(a_name_that_is_not_utf8_is_refused)
{
    assert_flaw(user_name_flaw(TEXT("\xFF")), "must be UTF-8");
    assert_flaw(user_name_flaw(TEXT("\xED\xA0\x80")), "must be UTF-8");
}
END_TEST

static const char *const good_emails[] = {
    "a@b",
    "ada@example.org",
    "first.last+tag@sub.example.co.uk",
    "!#$%&'*+-/=?^_`{|}~@example.org",
    "1@2.3",
    "x@xn--mller-kva.example",
    "jörg@müller.example",
    "用户@例子.广告",
    "a-b@c-d.e--f",
};

START_TEST(an_address_is_valid)
{
    assert_flaw(user_email_flaw(text_of(good_emails[_i])), NULL);
}
END_TEST

static const struct {
    const char *email;
    const char *flaw;
} bad_emails[] = {
    {"", "must not be empty"},
    {"example.org", "must have an @"},
    {"\xFF@example.org", "must be UTF-8"},
    {"@example.org", "must have a valid mailbox name before the @"},
    {".a@example.org", "must have a valid mailbox name before the @"},
    {"a.@example.org", "must have a valid mailbox name before the @"},
    {"a..b@example.org", "must have a valid mailbox name before the @"},
    {"a b@example.org", "must have a valid mailbox name before the @"},
    {" a@example.org", "must have a valid mailbox name before the @"},
    {"\"a\"@example.org", "must have a valid mailbox name before the @"},
    {"a\\b@example.org", "must have a valid mailbox name before the @"},
    {"Ada <ada@example.org>", "must have a valid mailbox name before the @"},
    {"a(b)@example.org", "must have a valid mailbox name before the @"},
    {"a,b@example.org", "must have a valid mailbox name before the @"},
    {"a;b@example.org", "must have a valid mailbox name before the @"},
    {"a:b@example.org", "must have a valid mailbox name before the @"},
    {"a[b]@example.org", "must have a valid mailbox name before the @"},
    {"a\x7F@example.org", "must have a valid mailbox name before the @"},
    {"a\nb@example.org", "must have a valid mailbox name before the @"},
    {"a\xC2\x85"
     "b@example.org",
     "must have a valid mailbox name before the @"},
    {"a\u00A0b@example.org", "must have a valid mailbox name before the @"},
    {"a@", "must have a valid domain name after the @"},
    {"a@b@c", "must have a valid domain name after the @"},
    {"a@.b", "must have a valid domain name after the @"},
    {"a@b.", "must have a valid domain name after the @"},
    {"a@b..c", "must have a valid domain name after the @"},
    {"a@-b", "must have a valid domain name after the @"},
    {"a@b-", "must have a valid domain name after the @"},
    {"a@b-.c", "must have a valid domain name after the @"},
    {"a@b_c", "must have a valid domain name after the @"},
    {"a@b c", "must have a valid domain name after the @"},
    {"a@b ", "must have a valid domain name after the @"},
    {"a@[127.0.0.1]", "must have a valid domain name after the @"},
    {"a@b,c@d", "must have a valid domain name after the @"},
    {"a@b\u3000c", "must have a valid domain name after the @"},
};

START_TEST(what_is_not_one_address_is_refused)
{
    assert_flaw(user_email_flaw(text_of(bad_emails[_i].email)), bad_emails[_i].flaw);
}
END_TEST

START_TEST(an_address_with_a_nul_is_refused)
{
    assert_flaw(user_email_flaw(TEXT("a\0@b")), "must have a valid mailbox name before the @");
    assert_flaw(user_email_flaw(TEXT("a@b\0")), "must have a valid domain name after the @");
}
END_TEST

START_TEST(a_local_part_has_at_most_64_bytes)
{
    char email[80];
    memset(email, 'x', sizeof(email));
    memcpy(email + 64, "@b", 2);
    assert_flaw(user_email_flaw((struct text){email, 66}), NULL);
    memcpy(email + 64, "x@b", 3);
    assert_flaw(user_email_flaw((struct text){email, 67}), "must not have more than 64 bytes before the @");
}
END_TEST

START_TEST(a_label_has_at_most_63_bytes)
{
    char email[80] = "a@";
    memset(email + 2, 'x', sizeof(email) - 2);
    assert_flaw(user_email_flaw((struct text){email, 65}), NULL);
    assert_flaw(user_email_flaw((struct text){email, 66}), "must have a valid domain name after the @");
}
END_TEST

START_TEST(an_address_has_at_most_254_bytes)
{
    char email[256];
    memset(email, 'x', sizeof(email));
    email[1] = '@';
    for (size_t dot = 50; dot < sizeof(email); dot += 50)
        email[dot] = '.';
    assert_flaw(user_email_flaw((struct text){email, 253}), NULL);
    assert_flaw(user_email_flaw((struct text){email, 254}), NULL);
    assert_flaw(user_email_flaw((struct text){email, 255}), "must not be longer than 254 bytes");
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("users/user");
    TCase *names = tcase_create("names");
    tcase_add_loop_test(names, a_name_of_visible_characters_is_valid, 0, COUNT_OF(good_names));
    tcase_add_test(names, an_empty_name_is_refused);
    tcase_add_test(names, a_name_has_at_most_200_characters_of_any_size);
    tcase_add_loop_test(names, a_name_with_a_control_character_is_refused, 0, COUNT_OF(control_names));
    tcase_add_loop_test(names, a_name_of_white_space_alone_is_refused, 0, COUNT_OF(blank_names));
    tcase_add_test(names, a_name_that_is_not_utf8_is_refused);
    suite_add_tcase(suite, names);
    TCase *emails = tcase_create("emails");
    tcase_add_loop_test(emails, an_address_is_valid, 0, COUNT_OF(good_emails));
    tcase_add_loop_test(emails, what_is_not_one_address_is_refused, 0, COUNT_OF(bad_emails));
    tcase_add_test(emails, an_address_with_a_nul_is_refused);
    tcase_add_test(emails, a_local_part_has_at_most_64_bytes);
    tcase_add_test(emails, a_label_has_at_most_63_bytes);
    tcase_add_test(emails, an_address_has_at_most_254_bytes);
    suite_add_tcase(suite, emails);
    return suite;
}
