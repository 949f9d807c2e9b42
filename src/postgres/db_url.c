#include "postgres/db_url.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * In a URI whose password holds a bare "/", libpq takes the user for the host and a part of the password
 * for the port, and would then print them.
 */
static bool is_misread_uri(const char *url)
{
    bool is_uri = strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
    if (!is_uri) return false;
    const char *authority = strstr(url, "://") + 3;
    const char *end = authority + strcspn(authority, "/@?");
    return *end == '/' && end[strcspn(end, "@?")] == '@';
}

/* What PQconninfoFree frees, it frees with free. */
static enum fault set_name(PQconninfoOption *options, const char *name)
{
    for (PQconninfoOption *at = options; at->keyword != NULL; at++) {
        if (strcmp(at->keyword, "dbname") != 0) continue;
        at->val = strdup(name);
        return at->val == NULL ? FAULT_MEMORY : FAULT_NONE;
    }
    return FAULT_INTERNAL;
}

enum fault db_url_parse(const char *database_url, PQconninfoOption **ret_options)
{
    bool is_name = database_url[0] != '\0' && strpbrk(database_url, "=:@/") == NULL;
    char *message = NULL;
    if (is_misread_uri(database_url)) return FAULT_VALIDATION;
    PQconninfoOption *options = PQconninfoParse(is_name ? "" : database_url, &message);
    if (options == NULL) {
        enum fault fault = message == NULL ? FAULT_MEMORY : FAULT_VALIDATION;
        PQfreemem(message);
        return fault;
    }
    enum fault fault = is_name ? set_name(options, database_url) : FAULT_NONE;
    if (fault)
        PQconninfoFree(options);
    else
        *ret_options = options;
    return fault;
}
