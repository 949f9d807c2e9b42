#include "service/config_mask.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MASK   "***"
#define BLANKS " \t\r\n\f\v"

/* What may be shown. A list of secrets would miss those of later libpq versions, and the misspelt ones. */
static const char *const harmless_names[] = {
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "port",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
    NULL,
};

/* Appends bytes, and gives the new end. */
static char *copy(char *at, const char *bytes, size_t size)
{
    memcpy(at, bytes, size);
    at[size] = '\0';
    return at + size;
}

static char *copy_mask(char *at)
{
    return copy(at, MASK, strlen(MASK));
}

static bool is_name(const char *bytes, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(bytes, name, size) == 0;
}

static bool is_harmless(const char *name, size_t size)
{
    for (const char *const *harmless = harmless_names; *harmless; harmless++) {
        if (is_name(name, size, *harmless)) return true;
    }
    return false;
}

/* A parameter: name_size bytes of name, "=" and value, size bytes in all. */
static char *copy_parameter(char *at, const char *name, size_t name_size, size_t size)
{
    static const char password[] = "password";
    if (is_harmless(name, name_size)) return copy(at, name, size);
    if (is_name(name, name_size, password)) at = copy(at, "password=", sizeof password);
    return copy_mask(at);
}

/* The query part of a URI, from its "?". */
static char *mask_query(char *at, const char *query)
{
    while (*query != '\0') {
        at = copy(at, query++, 1); /* "?" or "&" */
        size_t size = strcspn(query, "&");
        if (size > 0) at = copy_parameter(at, query, strcspn(query, "=&"), size);
        query += size;
    }
    return at;
}

/*
 * From the first mark to the last "@": a password that nobody has encoded may hold "@", "/" and "?" as
 * well.
 */
static void mask_uri(char *at, const char *uri)
{
    const char *authority = strstr(uri, "://") + strlen("://");
    const char *mark = authority + strcspn(authority, ":@/?#");
    const char *last = strrchr(authority, '@');
    if (last && mark < last) {
        at = copy(at, uri, (size_t)(mark + 1 - uri));
        at = copy_mask(at);
        uri = last;
    }
    size_t size = strcspn(uri, "?");
    at = copy(at, uri, size);
    (void)mask_query(at, uri + size);
}

/* The size of a value in a key=value string, quoted or not, as libpq reads it. */
static size_t value_size(const char *value)
{
    bool is_quoted = *value == '\'';
    const char *at = value + (is_quoted ? 1 : 0);
    while (*at != '\0' && (is_quoted ? *at != '\'' : !strchr(BLANKS, *at)))
        at += *at == '\\' && at[1] != '\0' ? 2 : 1;
    return (size_t)(at - value) + (is_quoted && *at == '\'' ? 1 : 0);
}

static void mask_pairs(char *at, const char *pairs)
{
    for (;;) {
        size_t lead_size = strspn(pairs, BLANKS);
        at = copy(at, pairs, lead_size);
        const char *name = pairs + lead_size;
        if (*name == '\0') return;

        size_t name_size = strcspn(name, "=" BLANKS);
        const char *equals = name + name_size + strspn(name + name_size, BLANKS);
        /* No pair: the rest of a password, perhaps, with a blank in it that nobody has quoted. */
        if (*equals != '=') {
            (void)copy_mask(at);
            return;
        }
        const char *value = equals + 1 + strspn(equals + 1, BLANKS);
        const char *end = value + value_size(value);
        at = copy_parameter(at, name, name_size, (size_t)(end - name));
        pairs = end;
    }
}

char *config_mask_secret(const char *database_url)
{
    size_t size = strlen(database_url);
    /* Each mask but the first comes with a byte of its own at least: "=", "&", or a password's. */
    char *masked = malloc(size * (1 + strlen(MASK)) + strlen(MASK) + 1);
    if (!masked) return NULL;
    if (strstr(database_url, "://"))
        mask_uri(masked, database_url);
    else if (strchr(database_url, '='))
        mask_pairs(masked, database_url);
    else if (strpbrk(database_url, ":@/"))
        (void)copy_mask(masked);
    else
        (void)copy(masked, database_url, size);
    return masked;
}
