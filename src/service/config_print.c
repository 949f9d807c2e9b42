#include "service/config_print.h"

#include "base/text.h"
#include "service/config_table.h"

#include <string.h>

#define HELP_COLUMN 40

static const char help_head[] =
    "usage: splits COMMAND [OPTION]…\n"
    "  serve             runs the service until SIGTERM or SIGINT\n"
    "  migrate up        applies the migrations that the database lacks\n"
    "  migrate status    lists the migrations; exit code 3 when any is pending, changed or unknown\n"
    "  check             tells whether the service could serve: configuration, database, schema\n"
    "  check live|ready  asks the instance that runs with these settings\n"
    "  sleep SECONDS     waits, for a hook before a stop where there is no shell\n"
    "  selftest          proves what it says about where time goes, with this database; needs curl\n"
    "  version           tells the version\n"
    "\n"
    "Each --some-option=value is also the environment variable SPLITS_SOME_OPTION; the option wins.\n"
    "PORT, DATABASE_URL and DATABASE_URL_FILE count as well. The defaults are in brackets.\n"
    "\n";

static const char *word_or_text(const struct setting *setting)
{
    if (setting->default_note) return setting->default_note;
    return setting->words ? setting->words[setting->default_number] : setting->default_text;
}

static void print_default(const struct setting *setting, FILE *stream)
{
    if (setting->kind == SETTING_NUMBER)
        (void)fprintf(stream, "%u", setting->default_number);
    else
        (void)fprintf(stream, "%s", word_or_text(setting));
}

static void print_help_line(const struct setting *setting, FILE *stream)
{
    char left[2 * SETTING_RANGE_SIZE_MAX];
    char range[SETTING_RANGE_SIZE_MAX];
    setting_range(setting, range);
    (void)snprintf(left, sizeof left, "  --%s=%s", setting->name, range);
    /* printf pads by bytes; "…" is three of them. */
    size_t width = 0;
    (void)text_is_utf8(text_of(left), &width);
    int padding = width < HELP_COLUMN ? (int)(HELP_COLUMN - width) : 1;
    (void)fprintf(stream, "%s%*s%s [", left, padding, "", setting->meaning);
    print_default(setting, stream);
    (void)fputs("]\n", stream);
}

void config_print_help(FILE *stream)
{
    (void)fputs(help_head, stream);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        print_help_line(&settings[i], stream);
}

/* A bar would end the table's cell. */
static void print_escaped(const char *text, FILE *stream)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') (void)fputc('\\', stream);
        (void)fputc(*text, stream);
    }
}

static void print_row(const struct setting *setting, FILE *stream)
{
    char environment[SETTING_NAME_SIZE_MAX];
    char range[SETTING_RANGE_SIZE_MAX];
    setting_environment_name(setting, environment);
    setting_range(setting, range);
    (void)fprintf(stream, "| `--%s` | `%s`", setting->name, environment);
    if (setting->short_environment) (void)fprintf(stream, ", `%s`", setting->short_environment);
    (void)fputs(" | ", stream);
    print_escaped(range, stream);
    (void)fputs(" | ", stream);
    print_default(setting, stream);
    (void)fputs(" | ", stream);
    print_escaped(setting->meaning, stream);
    (void)fputs(" |\n", stream);
}

void config_print_markdown(FILE *stream)
{
    (void)fputs("| Option | Environment | Allowed | Default | Meaning |\n|---|---|---|---|---|\n", stream);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        print_row(&settings[i], stream);
}
