/*
 * The table of settings: what can be set, to what, and what it means. Everything that knows the settings
 * goes through it.
 */
#pragma once

#include "service/config.h"

#include <stdbool.h>
#include <stddef.h>

enum setting_kind {
    SETTING_NUMBER,  /* unsigned, from minimum to maximum */
    SETTING_WORD,    /* an enum: the index in words */
    SETTING_SWITCH,  /* bool: "off" or "on" */
    SETTING_ADDRESS, /* a numeric IPv4 or IPv6 address */
    SETTING_PATH,    /* any text but "" */
    SETTING_SECRET,  /* any text; never shown as it is */
    SETTING_FILE     /* the path of a file with a secret; "" for none */
};

struct setting {
    const char *name;              /* of the option, without "--" */
    const char *short_environment; /* a customary name beside the derived one, or NULL */
    enum setting_kind kind;
    size_t offset;             /* of its member in struct config */
    unsigned minimum, maximum; /* of a number */
    unsigned default_number;   /* of a number, word (index) or switch */
    const char *const *words;  /* ends with NULL; of a word or switch */
    const char *default_text;  /* of the others */
    const char *default_note;  /* what documentation says in place of a default that varies, or NULL */
    const char *meaning;       /* for people, one line */
};

#define SETTING_COUNT                37
#define SETTING_NAME_SIZE_MAX        32 /* bytes with the end, also of names made from it */
#define SETTING_RANGE_SIZE_MAX       64 /* bytes with the end */

#define SETTING_REQUIREMENT_SIZE_MAX (SETTING_RANGE_SIZE_MAX + 16)

extern const struct setting settings[SETTING_COUNT];

/* The environment variable: "SPLITS_" and the name in capitals with "_". */
void setting_environment_name(const struct setting *setting, char name[SETTING_NAME_SIZE_MAX]);

/* The name with "_" for "-", as logs have it. */
void setting_field_name(const struct setting *setting, char name[SETTING_NAME_SIZE_MAX]);

/* What it may be, for people: "0…65535", "off|on", "PATH". */
void setting_range(const struct setting *setting, char range[SETTING_RANGE_SIZE_MAX]);

/* The same as a requirement: "must be 0…65535". */
void setting_requirement(const struct setting *setting, char requirement[SETTING_REQUIREMENT_SIZE_MAX]);

/* Sets config's member to value, of which it borrows. False, and nothing set, when value is not allowed. */
bool setting_parse(const struct setting *setting, const char *value, struct config *config);

void setting_set_default(const struct setting *setting, struct config *config);

/* The member's value: for numbers and words (the index) and switches; for the others. */
unsigned setting_number(const struct setting *setting, const struct config *config);
const char *setting_text(const struct setting *setting, const struct config *config);

bool setting_is_text(const struct setting *setting);
