/*
 * SHA-256 (FIPS 180-4): for comparing content, not for secrets.
 */
#pragma once

#include <stddef.h>

#define SHA256_SIZE 32 /* bytes of a digest */

/* The digest of size bytes; bytes may be NULL when size is 0. */
void sha256(const void *bytes, size_t size, unsigned char ret_digest[SHA256_SIZE]);
