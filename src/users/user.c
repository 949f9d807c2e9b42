#include "users/user.h"

#define LOCAL_PART_BYTES_MAX 64 /* RFC 5321, section 4.5.3.1.1 */
#define LABEL_BYTES_MAX      63 /* RFC 1035, section 2.3.4 */

/* Unicode's White_Space beyond ASCII, without the control and separator characters that are ruled out. */
static bool is_wide_space(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } spaces[] = {
        {0x00A0, 0x00A0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
        {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
    };
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
        if (character >= spaces[i].first && character <= spaces[i].last) return true;
    return false;
}

/* Takes the first character from *rest, which is UTF-8 and not empty. */
static uint32_t take_character(struct text *rest)
{
    const unsigned char *at = (const unsigned char *)rest->bytes;
    unsigned size = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    uint32_t character = size == 1 ? at[0] : at[0] & (0x7Fu >> size);
    for (unsigned i = 1; i < size; i++)
        character = character << 6 | (at[i] & 0x3Fu);
    *rest = (struct text){rest->bytes + size, rest->size - size};
    return character;
}

static bool is_blank(struct text text)
{
    while (text.size > 0) {
        uint32_t character = take_character(&text);
        if (character != ' ' && !is_wide_space(character)) return false;
    }
    return true;
}

const char *user_name_flaw(struct text name)
{
    size_t count;
    if (name.size == 0) return "must not be empty";
    if (!text_is_utf8(name, &count)) return "must be UTF-8";
    if (count > USER_NAME_CHARACTERS_MAX) return "must not have more than 200 characters";
    if (text_has_control(name)) return "must not have control characters";
    if (is_blank(name)) return "must not be blank";
    return NULL;
}

static bool is_letter_or_digit(uint32_t character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9');
}

/* What RFC 6531 adds to letters: all of Unicode beyond ASCII, of which we take what can be seen. */
static bool is_wide_letter(uint32_t character)
{
    return character >= 0xA0 && !is_wide_space(character);
}

/* atext of RFC 5322, section 3.2.3, as widened by RFC 6531. */
static bool is_atom_character(uint32_t character)
{
    if (is_letter_or_digit(character) || is_wide_letter(character)) return true;
    return character > ' ' && character < 0x7F && strchr("!#$%&'*+-/=?^_`{|}~", (int)character);
}

static bool is_atom(struct text atom)
{
    if (atom.size == 0) return false;
    while (atom.size > 0)
        if (!is_atom_character(take_character(&atom))) return false;
    return true;
}

static bool is_label(struct text label)
{
    if (label.size == 0 || label.size > LABEL_BYTES_MAX) return false;
    if (label.bytes[0] == '-' || label.bytes[label.size - 1] == '-') return false;
    while (label.size > 0) {
        uint32_t character = take_character(&label);
        if (character != '-' && !is_letter_or_digit(character) && !is_wide_letter(character)) return false;
    }
    return true;
}

/* Is list one or more parts with single dots between? */
static bool is_dotted(struct text list, bool (*is_part)(struct text part))
{
    for (;;) {
        const char *dot = list.size > 0 ? memchr(list.bytes, '.', list.size) : NULL;
        size_t size = dot ? (size_t)(dot - list.bytes) : list.size;
        if (!is_part((struct text){list.bytes, size})) return false;
        if (!dot) return true;
        list = (struct text){dot + 1, list.size - size - 1};
    }
}

const char *user_email_flaw(struct text email)
{
    if (email.size == 0) return "must not be empty";
    if (email.size > USER_EMAIL_BYTES_MAX) return "must not be longer than 254 bytes";
    if (!text_is_utf8(email, NULL)) return "must be UTF-8";
    const char *at = memchr(email.bytes, '@', email.size);
    if (!at) return "must have an @";
    struct text local = {email.bytes, (size_t)(at - email.bytes)};
    struct text domain = {at + 1, email.size - local.size - 1};
    if (local.size > LOCAL_PART_BYTES_MAX) return "must not have more than 64 bytes before the @";
    if (!is_dotted(local, is_atom)) return "must have a valid mailbox name before the @";
    if (!is_dotted(domain, is_label)) return "must have a valid domain name after the @";
    return NULL;
}
