/*
 * Fuzzes user_json_read (libFuzzer). The first byte chooses the form, the rest is the body. What is read
 * must be valid, and must read the same after it was written; what is refused must say why in UTF-8.
 */
#include "users/user_json.h"

#include <stdint.h>
#include <stdlib.h>

static _Alignas(16) char memory[1 << 16];

static void require(bool condition)
{
    if (!condition) abort();
}

static void check_user(const struct user *user, enum user_json_form form)
{
    require(form == USER_JSON_PATCH || (user->name.bytes && user->email.bytes));
    require(!user->name.bytes || !user_name_flaw(user->name));
    require(!user->email.bytes || !user_email_flaw(user->email));
}

static void check_flaws(enum fault fault, const struct user_json_flaws *flaws)
{
    require(fault == FAULT_JSON || fault == FAULT_JSON_TOO_DEEP || fault == FAULT_VALIDATION);
    require((fault == FAULT_JSON) == (flaws->detail != NULL));
    require((fault == FAULT_VALIDATION) == (flaws->count > 0));
    require(flaws->count <= USER_JSON_ERRORS_MAX);
    require(!flaws->detail || text_is_utf8(text_of(flaws->detail), NULL));
    for (size_t i = 0; i < flaws->count; i++)
        require(flaws->errors[i].reason && text_is_utf8(flaws->errors[i].field, NULL));
}

static void append(struct text *body, char *buffer, struct text piece)
{
    memcpy(buffer + body->size, piece.bytes, piece.size);
    *body = (struct text){buffer, body->size + piece.size};
}

/* Takes name and email out of the written user, which has members besides that no client may set. */
static void check_round_trip(struct arena *arena, const struct user *user)
{
    char written[8192], buffer[8192];
    struct text body = {buffer, 0};
    struct user again;
    struct user_json_flaws flaws;
    require(user_json_size_max(user) <= sizeof(written));
    char *end = user_json_write(written, user);
    const char *name = memmem(written, (size_t)(end - written), "\"name\":", 7);
    const char *rest = memmem(name, (size_t)(end - name), ",\"created_at\":", 14);
    append(&body, buffer, TEXT("{"));
    append(&body, buffer, (struct text){name, (size_t)(rest - name)});
    append(&body, buffer, TEXT("}"));
    require(user_json_read(arena, body, USER_JSON_WHOLE, &again, &flaws) == FAULT_NONE);
    require(text_equal(user->name, again.name) && text_equal(user->email, again.email));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct user user = {.id = 1, .version = 1};
    struct user_json_flaws flaws;
    if (size == 0) return 0;
    enum user_json_form form = data[0] & 1 ? USER_JSON_PATCH : USER_JSON_WHOLE;
    arena_init(&arena, memory, sizeof(memory), 1 << 20);
    struct text body = {(const char *)data + 1, size - 1};
    enum fault fault = user_json_read(&arena, body, form, &user, &flaws);
    if (fault)
        check_flaws(fault, &flaws);
    else
        check_user(&user, form);
    if (!fault && user.name.bytes && user.email.bytes) check_round_trip(&arena, &user);
    arena_release(&arena);
    return 0;
}
