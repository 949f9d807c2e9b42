/*
 * A user, and what makes one valid. Knows no HTTP, no JSON and no SQL.
 */
#pragma once

#include "base/fault.h"
#include "base/text.h"

#include <stdint.h>

#define USER_NAME_CHARACTERS_MAX 200 /* code points */
#define USER_EMAIL_BYTES_MAX     254 /* RFC 5321, section 4.5.3.1.3, without the angle brackets */

struct user {
    int64_t id;            /* from 1; 0 until stored */
    struct text name;      /* UTF-8, 1 to 200 code points, no control characters, not all blank */
    struct text email;     /* UTF-8, 1 to 254 bytes, one address */
    int64_t created_at_us; /* microseconds since 1970, UTC */
    int64_t updated_at_us; /* the same */
    int64_t version;       /* from 1, one more with each change */
};

/* NULL when name is valid, else a phrase that says what it must be: "must not be empty". */
const char *user_name_flaw(struct text name);

/*
 * NULL when email is one address: local@domain, the local part a dot-atom of at most 64 bytes (RFC
 * 5321, 5322; any UTF-8 letter, RFC 6531), the domain labels of letters, digits and inner hyphens of
 * at most 63 bytes. No quoted local part, no address literal, no comment, no display name.
 */
const char *user_email_flaw(struct text email);
