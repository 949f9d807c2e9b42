#include "base/text.h"

#include "suite.h"

#include <stdlib.h>

/* A copy on the heap that ends where the text does, so that the sanitizer sees a step beyond. */
static struct text exact_copy(struct text text)
{
    char *bytes = malloc(text.size > 0 ? text.size : 1);
    ck_assert_ptr_nonnull(bytes);
    if (text.size > 0) memcpy(bytes, text.bytes, text.size);
    return (struct text){bytes, text.size};
}

static void discard(struct text copy)
{
    free((void *)(uintptr_t)copy.bytes);
}

START_TEST(equality_is_of_size_and_bytes)
{
    ck_assert(text_equal(TEXT("abc"), TEXT("abc")));
    ck_assert(!text_equal(TEXT("abc"), TEXT("abd")));
    ck_assert(!text_equal(TEXT("abc"), TEXT("ab")));
    ck_assert(!text_equal(TEXT("a\0b"), TEXT("a\0c")));
    ck_assert(text_equal((struct text){0}, TEXT("")));
}
END_TEST

START_TEST(letters_are_equal_whatever_their_case)
{
    ck_assert(text_equal_nocase(TEXT("Content-Length"), TEXT("cONTENT-lENGTH")));
    ck_assert(text_equal_nocase(TEXT("azAZ"), TEXT("AZaz")));
    ck_assert(text_equal_nocase((struct text){0}, TEXT("")));
    ck_assert(!text_equal_nocase(TEXT("chunked"), TEXT("chunked\0")));
}
END_TEST

START_TEST(bytes_that_are_no_letters_have_no_case)
{
    ck_assert(!text_equal_nocase(TEXT("@"), TEXT("`")));
    ck_assert(!text_equal_nocase(TEXT("["), TEXT("{")));
    ck_assert(!text_equal_nocase(TEXT("\xC4"), TEXT("\xE4")));
    /* KELVIN SIGN is a K for Unicode, but not here. */
    ck_assert(!text_equal_nocase(TEXT("\u212A"), TEXT("k\xE2\x84")));
}
END_TEST

START_TEST(trimming_takes_blanks_and_tabs_at_both_ends_only)
{
    ck_assert(text_equal(text_trim(TEXT(" \t a b\t \t")), TEXT("a b")));
    ck_assert(text_equal(text_trim(TEXT("a")), TEXT("a")));
    ck_assert(text_equal(text_trim(TEXT("\ra\n")), TEXT("\ra\n")));
    ck_assert_uint_eq(text_trim(TEXT(" \t ")).size, 0);
    ck_assert_uint_eq(text_trim((struct text){0}).size, 0);
}
END_TEST

START_TEST(parts_are_taken_up_to_each_separator)
{
    struct text rest = TEXT("a,,b\0c");
    ck_assert(text_equal(text_take_until(&rest, ','), TEXT("a")));
    ck_assert(text_equal(text_take_until(&rest, ','), TEXT("")));
    ck_assert(text_equal(text_take_until(&rest, ','), TEXT("b\0c")));
    ck_assert_uint_eq(rest.size, 0);
    ck_assert_uint_eq(text_take_until(&rest, ',').size, 0);

    struct text ends_with_one = TEXT("a,");
    ck_assert(text_equal(text_take_until(&ends_with_one, ','), TEXT("a")));
    ck_assert_uint_eq(ends_with_one.size, 0);

    struct text nothing = {0};
    ck_assert_uint_eq(text_take_until(&nothing, ',').size, 0);
}
END_TEST

static void check_number(struct text text, uint64_t limit, uint64_t expected)
{
    uint64_t value = 99;
    ck_assert(text_to_uint64(text, limit, &value));
    ck_assert_uint_eq(value, expected);
}

static void check_no_number(struct text text, uint64_t limit)
{
    uint64_t value = 99;
    ck_assert(!text_to_uint64(text, limit, &value));
    ck_assert_uint_eq(value, 99);
}

START_TEST(numbers_go_up_to_their_limit)
{
    check_number(TEXT("999"), 1000, 999);
    check_number(TEXT("1000"), 1000, 1000);
    check_no_number(TEXT("1001"), 1000);
    check_no_number(TEXT("10000"), 1000);
    check_number(TEXT("0"), 0, 0);
    check_no_number(TEXT("1"), 0);
    check_number(TEXT("7"), 7, 7);
    check_no_number(TEXT("8"), 7);
    check_number(TEXT("9223372036854775807"), INT64_MAX, INT64_MAX);
    check_no_number(TEXT("9223372036854775808"), INT64_MAX);
    check_number(TEXT("18446744073709551615"), UINT64_MAX, UINT64_MAX);
    check_no_number(TEXT("18446744073709551616"), UINT64_MAX);
    check_no_number(TEXT("99999999999999999999999"), UINT64_MAX);
}
END_TEST

START_TEST(leading_zeros_count_for_nothing)
{
    check_number(TEXT("000000000000000000000000000000000000042"), 42, 42);
}
END_TEST

START_TEST(only_digits_make_a_number)
{
    const struct text wrong[] = {TEXT(""),    TEXT("-1"),   TEXT("+1"),     TEXT(" 1"), TEXT("1 "),
                                 TEXT("1a"),  TEXT("0x1"),  TEXT("1.0"),    TEXT("/"),  TEXT(":"),
                                 TEXT("1\0"), TEXT("\xB2"), TEXT("\u0661"), {0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_no_number(wrong[i], UINT64_MAX);
}
END_TEST

static bool is_utf8(struct text text, size_t *ret_count)
{
    struct text copy = exact_copy(text);
    bool result = text_is_utf8(copy, ret_count);
    discard(copy);
    return result;
}

START_TEST(well_formed_utf8_is_counted_in_code_points)
{
    const struct {
        struct text text;
        size_t count;
    } cases[] = {
        {TEXT(""), 0},
        {TEXT("a\0b"), 3},
        {TEXT("\x7F"), 1},
        {TEXT("\xC2\x80"), 1},
        {TEXT("\xDF\xBF"), 1},
        {TEXT("\xE0\xA0\x80"), 1},
        {TEXT("\xED\x9F\xBF"), 1},
        {TEXT("\xEE\x80\x80"), 1},
        {TEXT("\xEF\xBF\xBF"), 1},
        {TEXT("\xF0\x90\x80\x80"), 1},
        {TEXT("\xF4\x8F\xBF\xBF"), 1},
        {TEXT("0123456789abcdef"), 16},
        {TEXT("0123456789abcde\u00e9"), 16},
        {TEXT("J\u00fcrgen \u4e2d\u6587 \U0001F600"), 11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = 99;
        ck_assert(is_utf8(cases[i].text, &count));
        ck_assert_uint_eq(count, cases[i].count);
        ck_assert(is_utf8(cases[i].text, NULL));
    }
}
END_TEST

START_TEST(malformed_utf8_is_refused_wherever_it_stands)
{
    const struct text wrong[] = {
        TEXT("\x80"),             /* a continuation alone */
        TEXT("\xC3"),             /* cut off */
        TEXT("\xE4\xB8"),         /* cut off */
        TEXT("\xF0\x9F\x98"),     /* cut off */
        TEXT("\xC3("),            /* no continuation */
        TEXT("\xE4(\xAD"),        /* no continuation */
        TEXT("\xE4\xB8("),        /* no continuation */
        TEXT("\xF0\x9F\x98("),    /* no continuation */
        TEXT("\xC0\x80"),         /* overlong */
        TEXT("\xC1\xBF"),         /* overlong */
        TEXT("\xE0\x9F\xBF"),     /* overlong */
        TEXT("\xF0\x8F\xBF\xBF"), /* overlong */
        TEXT("\xED\xA0\x80"),     /* a surrogate */
        TEXT("\xED\xBF\xBF"),     /* a surrogate */
        TEXT("\xF4\x90\x80\x80"), /* U+110000 */
        TEXT("\xF5\x80\x80\x80"), /* beyond Unicode */
        TEXT("\xFE"),             /* never used */
        TEXT("\xFF"),             /* never used */
    };
    char padded[64];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        for (size_t before = 0; before < 40; before++) {
            size_t count = 99;
            memset(padded, 'a', sizeof padded);
            memcpy(padded + before, wrong[i].bytes, wrong[i].size);
            ck_assert(!is_utf8((struct text){padded, before + wrong[i].size}, &count));
            ck_assert(!is_utf8((struct text){padded, sizeof padded}, &count));
            ck_assert_uint_eq(count, 99);
        }
    }
}
END_TEST

/* Encodes as RFC 3629 says, for any number below 2^21. */
static size_t encode(uint32_t code_point, char *bytes)
{
    if (code_point < 0x80) {
        bytes[0] = (char)code_point;
        return 1;
    }
    size_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code_point >>= 6)
        bytes[i] = (char)(0x80 | (code_point & 0x3F));
    bytes[0] = (char)((0xF00 >> size & 0xFF) | code_point);
    return size;
}

START_TEST(exactly_the_scalar_values_are_utf8)
{
    for (uint32_t code_point = 0; code_point < 0x200000; code_point++) {
        char bytes[4];
        size_t count = 0;
        size_t size = encode(code_point, bytes);
        bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
        bool expected = code_point <= 0x10FFFF && !surrogate;
        if (text_is_utf8((struct text){bytes, size}, &count) != expected || count != expected)
            ck_abort_msg("U+%X", code_point);
    }
}
END_TEST

START_TEST(exactly_c0_del_and_c1_are_controls)
{
    for (uint32_t code_point = 0; code_point < 0x3000; code_point++) {
        char bytes[6] = "ab";
        size_t size = 2 + encode(code_point, bytes + 2);
        bool expected = code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F);
        if (text_has_control((struct text){bytes, size}) != expected) ck_abort_msg("U+%X", code_point);
    }
    ck_assert(!text_has_control((struct text){0}));
    ck_assert(text_has_control(TEXT("a\nb")));
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *texts = tcase_create("texts");
    tcase_add_test(texts, equality_is_of_size_and_bytes);
    tcase_add_test(texts, letters_are_equal_whatever_their_case);
    tcase_add_test(texts, bytes_that_are_no_letters_have_no_case);
    tcase_add_test(texts, trimming_takes_blanks_and_tabs_at_both_ends_only);
    tcase_add_test(texts, parts_are_taken_up_to_each_separator);
    suite_add_tcase(suite, texts);

    TCase *numbers = tcase_create("numbers");
    tcase_add_test(numbers, numbers_go_up_to_their_limit);
    tcase_add_test(numbers, leading_zeros_count_for_nothing);
    tcase_add_test(numbers, only_digits_make_a_number);
    suite_add_tcase(suite, numbers);

    TCase *unicode = tcase_create("unicode");
    tcase_set_timeout(unicode, 30);
    tcase_add_test(unicode, well_formed_utf8_is_counted_in_code_points);
    tcase_add_test(unicode, malformed_utf8_is_refused_wherever_it_stands);
    tcase_add_test(unicode, exactly_the_scalar_values_are_utf8);
    tcase_add_test(unicode, exactly_c0_del_and_c1_are_controls);
    suite_add_tcase(suite, unicode);
    return suite;
}
