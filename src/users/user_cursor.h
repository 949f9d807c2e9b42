/*
 * Opaque cursors of pages of users: where the next page starts. 16 characters of base64url (RFC 4648,
 * section 5), of which no two mean the same place. A checksum makes mistyped ones fail.
 */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

#define USER_CURSOR_SIZE 16 /* characters */

/* Writes USER_CURSOR_SIZE characters at `at` for the page after the user with this id; gives the new end. */
char *user_cursor_encode(char *at, int64_t id);

/* False, and *ret_id untouched, when text is nothing that user_cursor_encode writes for an id from 1. */
bool user_cursor_decode(struct text text, int64_t *ret_id);
