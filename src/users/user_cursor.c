#include "users/user_cursor.h"

#include "base/sha256.h"

#define VERSION      1
#define ID_OFFSET    1
#define CHECK_OFFSET 9
#define CURSOR_BYTES                                                                                         \
    12 /* version, id (big-endian), check: a multiple of 3, so that base64 has no spare bits */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void make_bytes(uint64_t id, unsigned char bytes[CURSOR_BYTES])
{
    unsigned char digest[SHA256_SIZE];
    bytes[0] = VERSION;
    for (unsigned i = 0; i < 8; i++)
        bytes[ID_OFFSET + i] = (unsigned char)(id >> (56 - 8 * i));
    sha256(bytes, CHECK_OFFSET, digest);
    memcpy(bytes + CHECK_OFFSET, digest, CURSOR_BYTES - CHECK_OFFSET);
}

char *user_cursor_encode(char *at, int64_t id)
{
    unsigned char bytes[CURSOR_BYTES];
    make_bytes((uint64_t)id, bytes);
    for (size_t i = 0; i < CURSOR_BYTES; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];
        for (unsigned shift = 24; shift > 0; shift -= 6)
            *at++ = alphabet[group >> (shift - 6) & 63];
    }
    return at;
}

/* The id that the characters hold, whatever else is wrong with them. */
static bool extract_id(struct text text, uint64_t *ret_id)
{
    unsigned char bytes[CURSOR_BYTES];
    for (size_t i = 0, byte = 0; i < USER_CURSOR_SIZE; i += 4, byte += 3) {
        unsigned group = 0;
        for (size_t j = i; j < i + 4; j++) {
            const char *found = memchr(alphabet, text.bytes[j], sizeof(alphabet) - 1);
            if (!found) return false;
            group = group << 6 | (unsigned)(found - alphabet);
        }
        bytes[byte] = (unsigned char)(group >> 16);
        bytes[byte + 1] = (unsigned char)(group >> 8);
        bytes[byte + 2] = (unsigned char)group;
    }
    uint64_t id = 0;
    for (size_t i = 0; i < 8; i++)
        id = id << 8 | bytes[ID_OFFSET + i];
    *ret_id = id;
    return true;
}

bool user_cursor_decode(struct text text, int64_t *ret_id)
{
    uint64_t id;
    char canonical[USER_CURSOR_SIZE];
    if (text.size != USER_CURSOR_SIZE || !extract_id(text, &id)) return false;
    if (id == 0 || id > INT64_MAX) return false;
    (void)user_cursor_encode(canonical, (int64_t)id);
    if (memcmp(canonical, text.bytes, USER_CURSOR_SIZE) != 0) return false;
    *ret_id = (int64_t)id;
    return true;
}
