#include "http/characters.h"

#include "suite.h"

#include <stddef.h>
#include <string.h>

#define ALPHA      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT      "0123456789"
#define UNRESERVED ALPHA DIGIT "-._~"
#define SUB_DELIMS "!$&'()*+,;="

/* The members of each class below U+0080, as the RFCs list them. */
static const struct {
    enum character_class class;
    const char *members;
} classes[] = {
    {CHARACTER_TOKEN, "!#$%&'*+-.^_`|~" DIGIT ALPHA},
    {CHARACTER_TARGET, UNRESERVED SUB_DELIMS ":@/?%[]"},
    {CHARACTER_PATH, UNRESERVED SUB_DELIMS ":@/"},
    {CHARACTER_QUERY, UNRESERVED SUB_DELIMS ":@/?"},
    {CHARACTER_REG_NAME, UNRESERVED SUB_DELIMS},
    {CHARACTER_UNRESERVED, UNRESERVED},
    {CHARACTER_HEX, DIGIT "abcdefABCDEF"},
};

START_TEST(each_class_has_the_members_that_its_rfc_lists_and_no_other)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        for (int code = 0; code < 256; code++) {
            bool expected = code != 0 && strchr(classes[i].members, code) != NULL && code < 0x80;
            ck_assert_msg(character_is((char)code, classes[i].class) == expected, "class %u, byte %d",
                          (unsigned)classes[i].class, code);
        }
    }
}
END_TEST

START_TEST(field_values_have_visible_characters_blanks_and_obs_text)
{
    for (int code = 0; code < 256; code++) {
        bool expected = code == '\t' || (code >= ' ' && code != 0x7F);
        ck_assert_msg(character_is((char)code, CHARACTER_FIELD) == expected, "byte %d", code);
    }
}
END_TEST

START_TEST(hexadecimal_digits_have_their_values_in_either_case)
{
    static const char lower[] = "0123456789abcdef";
    static const char upper[] = "0123456789ABCDEF";
    for (unsigned value = 0; value < 16; value++) {
        ck_assert_uint_eq(character_hex_value(lower[value]), value);
        ck_assert_uint_eq(character_hex_value(upper[value]), value);
    }
}
END_TEST

START_TEST(only_space_and_tab_are_blanks)
{
    for (int code = 0; code < 256; code++)
        ck_assert_int_eq(character_is_blank((char)code), code == ' ' || code == '\t');
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("characters");
    TCase *test_case = tcase_create("all");
    tcase_add_test(test_case, each_class_has_the_members_that_its_rfc_lists_and_no_other);
    tcase_add_test(test_case, field_values_have_visible_characters_blanks_and_obs_text);
    tcase_add_test(test_case, hexadecimal_digits_have_their_values_in_either_case);
    tcase_add_test(test_case, only_space_and_tab_are_blanks);
    suite_add_tcase(suite, test_case);
    return suite;
}
