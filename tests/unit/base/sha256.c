#include "base/sha256.h"

#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_digest(const void *bytes, size_t size, const char *expected)
{
    unsigned char digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    sha256(bytes, size, digest);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    ck_assert_str_eq(hex, expected);
}

START_TEST(nothing_has_the_standards_digest)
{
    assert_digest(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(one_block_has_the_standards_digest)
{
    assert_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(two_blocks_have_the_standards_digest)
{
    const char *message = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    assert_digest(message, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

START_TEST(a_million_letters_have_the_standards_digest)
{
    char *message = malloc(1000000);
    ck_assert_ptr_nonnull(message);
    memset(message, 'a', 1000000);
    assert_digest(message, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(message);
}
END_TEST

/* The lengths around which padding needs another block. */
static const struct {
    size_t size;
    const char *digest;
} padded[] = {
    {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
    {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
    {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
    {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
    {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
    {119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
    {120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
    {128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"},
};

START_TEST(padding_is_right_at_every_edge_of_a_block)
{
    char message[129];
    memset(message, 'a', sizeof(message));
    assert_digest(message, padded[_i].size, padded[_i].digest);
}
END_TEST

Suite *make_suite(void)
{
    Suite *suite = suite_create("base/sha256");
    TCase *tests = tcase_create("digest");
    tcase_add_test(tests, nothing_has_the_standards_digest);
    tcase_add_test(tests, one_block_has_the_standards_digest);
    tcase_add_test(tests, two_blocks_have_the_standards_digest);
    tcase_add_test(tests, a_million_letters_have_the_standards_digest);
    tcase_add_loop_test(tests, padding_is_right_at_every_edge_of_a_block, 0,
                        (int)(sizeof(padded) / sizeof(padded[0])));
    suite_add_tcase(suite, tests);
    return suite;
}
