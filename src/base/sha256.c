#include "base/sha256.h"

#include <stdint.h>
#include <string.h>

#define BLOCK_SIZE    64
#define LENGTH_OFFSET 56 /* where the last block holds the message's length in bits */

/* FIPS 180-4, section 4.2.2: from the cube roots of the first 64 primes. */
static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* FIPS 180-4, section 5.3.3: from the square roots of the first 8 primes. */
static const uint32_t initial_state[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t rotate_right(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

static uint32_t read_big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_big_endian(unsigned char *at, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (unsigned char)(word >> (24 - 8 * i));
}

/* The message schedule: section 6.2.2, step 1. */
static void expand_block(const unsigned char *block, uint32_t schedule[64])
{
    for (size_t i = 0; i < 16; i++)
        schedule[i] = read_big_endian(block + 4 * i);
    for (size_t i = 16; i < 64; i++) {
        uint32_t old = schedule[i - 15], recent = schedule[i - 2];
        uint32_t sigma0 = rotate_right(old, 7) ^ rotate_right(old, 18) ^ old >> 3;
        uint32_t sigma1 = rotate_right(recent, 17) ^ rotate_right(recent, 19) ^ recent >> 10;
        schedule[i] = sigma1 + schedule[i - 7] + sigma0 + schedule[i - 16];
    }
}

/* Section 6.2.2, steps 2 to 4; s[0] to s[7] are the standard's a to h. */
static void digest_block(uint32_t state[8], const unsigned char *block)
{
    uint32_t schedule[64], s[8];
    expand_block(block, schedule);
    memcpy(s, state, sizeof(s));
    for (size_t i = 0; i < 64; i++) {
        uint32_t sum1 = rotate_right(s[4], 6) ^ rotate_right(s[4], 11) ^ rotate_right(s[4], 25);
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t first = s[7] + sum1 + choice + round_constants[i] + schedule[i];
        uint32_t sum0 = rotate_right(s[0], 2) ^ rotate_right(s[0], 13) ^ rotate_right(s[0], 22);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += first;
        s[0] = first + sum0 + majority;
    }
    for (size_t i = 0; i < 8; i++)
        state[i] += s[i];
}

/* The rest of the message, a bit 1, zeros, and the length in bits: section 5.1.1. */
static void digest_end(uint32_t state[8], const unsigned char *rest, size_t rest_size, uint64_t total_size)
{
    unsigned char blocks[2 * BLOCK_SIZE] = {0};
    size_t padded_size = rest_size < LENGTH_OFFSET ? BLOCK_SIZE : 2 * BLOCK_SIZE;
    if (rest_size > 0) memcpy(blocks, rest, rest_size);
    blocks[rest_size] = 0x80;
    write_big_endian(blocks + padded_size - 8, (uint32_t)(total_size >> 29));
    write_big_endian(blocks + padded_size - 4, (uint32_t)(total_size << 3));
    for (size_t done = 0; done < padded_size; done += BLOCK_SIZE)
        digest_block(state, blocks + done);
}

void sha256(const void *bytes, size_t size, unsigned char ret_digest[SHA256_SIZE])
{
    const unsigned char *rest = bytes;
    size_t rest_size = size;
    uint32_t state[8];
    memcpy(state, initial_state, sizeof(state));
    for (; rest_size >= BLOCK_SIZE; rest_size -= BLOCK_SIZE, rest += BLOCK_SIZE)
        digest_block(state, rest);
    digest_end(state, rest, rest_size, size);
    for (size_t i = 0; i < 8; i++)
        write_big_endian(ret_digest + 4 * i, state[i]);
}
