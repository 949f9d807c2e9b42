#include "service/config_table.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parses(const struct setting *setting, unsigned long value)
{
    char text[32];
    struct config config = {0};
    (void)snprintf(text, sizeof text, "%lu", value);
    bool parsed = setting_parse(setting, text, &config);
    ck_assert_uint_eq(setting_number(setting, &config), parsed ? value : 0);
    return parsed;
}

START_TEST(every_number_is_taken_from_its_minimum_to_its_maximum)
{
    for (const struct setting *setting = settings; setting < settings + SETTING_COUNT; setting++) {
        if (setting->kind != SETTING_NUMBER) continue;
        ck_assert(setting->minimum == 0 || !parses(setting, setting->minimum - 1UL));
        ck_assert(parses(setting, setting->minimum));
        ck_assert(parses(setting, setting->maximum));
        ck_assert(!parses(setting, setting->maximum + 1UL));
        ck_assert(parses(setting, setting->default_number));
    }
}
END_TEST

START_TEST(every_word_is_taken_and_no_other)
{
    for (const struct setting *setting = settings; setting < settings + SETTING_COUNT; setting++) {
        if (!setting->words) continue;
        struct config config = {0};
        for (unsigned i = 0; setting->words[i]; i++) {
            ck_assert(setting_parse(setting, setting->words[i], &config));
            ck_assert_uint_eq(setting_number(setting, &config), i);
        }
        ck_assert(!setting_parse(setting, "", &config));
        ck_assert(!setting_parse(setting, "no-such-word", &config));
    }
}
END_TEST

START_TEST(an_address_is_numeric)
{
    const struct setting *setting = &settings[0];
    ck_assert_int_eq(setting->kind, SETTING_ADDRESS);
    static const char *const right[] = {"127.0.0.1", "0.0.0.0", "::", "::1", "2001:db8::1", "::ffff:1.2.3.4"};
    static const char *const wrong[] = {"",          "localhost", "127.0.0.1:80", "[::1]",
                                        "256.0.0.1", "1.2.3",     "::1%lo"};
    struct config config = {0};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        ck_assert(setting_parse(setting, right[i], &config) && strcmp(config.address, right[i]) == 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_msg(!setting_parse(setting, wrong[i], &config), "%s is taken", wrong[i]);
}
END_TEST

/* Were two to share one, or one to write past it, setting all in turn would show it. */
START_TEST(every_setting_has_a_member_of_its_own)
{
    struct config config = {0};
    for (size_t i = 0; i < SETTING_COUNT; i++)
        setting_set_default(&settings[i], &config);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &settings[i];
        if (setting_is_text(setting))
            ck_assert_str_eq(setting_text(setting, &config), setting->default_text);
        else
            ck_assert_uint_eq(setting_number(setting, &config), setting->default_number);
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(setting->offset, settings[j].offset);
    }
}
END_TEST

START_TEST(names_are_unique_and_fit)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        ck_assert_uint_le(strlen("SPLITS_") + strlen(settings[i].name), SETTING_NAME_SIZE_MAX - 1);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(settings[i].name, settings[j].name);
    }
    char name[SETTING_NAME_SIZE_MAX];
    setting_environment_name(&(struct setting){.name = "db-queue-max"}, name);
    ck_assert_str_eq(name, "SPLITS_DB_QUEUE_MAX");
    setting_field_name(&(struct setting){.name = "db-queue-max"}, name);
    ck_assert_str_eq(name, "db_queue_max");
}
END_TEST

START_TEST(ranges_fit)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char range[SETTING_RANGE_SIZE_MAX];
        setting_range(&settings[i], range);
        ck_assert_uint_lt(strlen(range), SETTING_RANGE_SIZE_MAX - 1);
        ck_assert_str_ne(range, "");
    }
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("config_table");
    TCase *tcase = tcase_create("config_table");
    tcase_add_test(tcase, every_number_is_taken_from_its_minimum_to_its_maximum);
    tcase_add_test(tcase, every_word_is_taken_and_no_other);
    tcase_add_test(tcase, an_address_is_numeric);
    tcase_add_test(tcase, every_setting_has_a_member_of_its_own);
    tcase_add_test(tcase, names_are_unique_and_fit);
    tcase_add_test(tcase, ranges_fit);
    suite_add_tcase(suite, tcase);
    return suite;
}
