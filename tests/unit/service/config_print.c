#include "service/config_print.h"

#include "base/text.h"
#include "service/config_table.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define DOCUMENT         SPLITS_SOURCE_DIR "/docs/configuration.md"
#define HELP_LINES_MAX   50
#define HELP_COLUMNS_MAX 100

/* What print writes, on the heap. */
static char *printed_by(void (*print)(FILE *))
{
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(stream);
    print(stream);
    (void)fclose(stream);
    return text;
}

static char *read_document(void)
{
    char *text = calloc(1, 65536);
    FILE *stream = fopen(DOCUMENT, "r");
    ck_assert_ptr_nonnull(text);
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_lt(fread(text, 1, 65535, stream), 65535);
    (void)fclose(stream);
    return text;
}

/* The document is that of the usual build. */
START_TEST(the_document_has_the_table_of_the_code)
{
    char *document = read_document();
    char *table = printed_by(config_print_markdown);
    const char *at = strstr(document, "| Option |");
    ck_assert_ptr_nonnull(at);
    char *rest = table;
    for (char *line; *rest != '\0' && (line = strsep(&rest, "\n")) != NULL;) {
        size_t size = strlen(line);
        ck_assert_msg(strncmp(at, line, size) == 0 && at[size] == '\n',
                      "docs/configuration.md needs here: %s", line);
        at += size + 1;
    }
    ck_assert_msg(*at != '|', "docs/configuration.md has a row too many");
    free(table);
    free(document);
}
END_TEST

START_TEST(help_fits_a_screen)
{
    char *help = printed_by(config_print_help);
    size_t lines = 0;
    char *rest = help;
    for (char *line; *rest != '\0' && (line = strsep(&rest, "\n")) != NULL; lines++) {
        size_t columns;
        ck_assert(text_is_utf8(text_of(line), &columns));
        ck_assert_msg(columns <= HELP_COLUMNS_MAX, "%s", line);
    }
    ck_assert_uint_le(lines, HELP_LINES_MAX);
    free(help);
}
END_TEST

START_TEST(help_has_every_setting_with_its_default)
{
    char *help = printed_by(config_print_help);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char option[64];
        (void)snprintf(option, sizeof option, "\n  --%s=", settings[i].name);
        ck_assert_msg(strstr(help, option) != NULL, "no %s", option);
    }
    ck_assert_ptr_nonnull(strstr(help, "[8080]\n"));
    ck_assert_ptr_nonnull(strstr(help, "[127.0.0.1]\n"));
    ck_assert_ptr_nonnull(strstr(help, "[pipelined]\n"));
    ck_assert_ptr_nonnull(strstr(help, "[on]\n"));
    free(help);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("config_print");
    TCase *tcase = tcase_create("config_print");
    if (SPLITS_LAB) tcase_add_test(tcase, the_document_has_the_table_of_the_code);
    tcase_add_test(tcase, help_fits_a_screen);
    tcase_add_test(tcase, help_has_every_setting_with_its_default);
    suite_add_tcase(suite, tcase);
    return suite;
}
