#include "postgres/sqlstate.h"

#include <stddef.h>
#include <string.h>

/* A state that ends in "*" stands for its whole class; the first match counts. */
static const struct {
    const char *state;
    struct sqlstate_meaning meaning;
} meanings[] = {
    {"23505", {.fault = FAULT_EMAIL_TAKEN}},
    {"23514", {.fault = FAULT_CONSTRAINT}},
    {"23502", {.fault = FAULT_CONSTRAINT}},
    {"22001", {.fault = FAULT_CONSTRAINT}},
    {"54000", {.fault = FAULT_CONSTRAINT}}, /* an index entry over 2,704 bytes */
    {"22021", {.fault = FAULT_VALUE_REFUSED}},
    {"22P05", {.fault = FAULT_VALUE_REFUSED}},
    {"22003", {.fault = FAULT_VALUE_REFUSED}},
    {"57014", {.fault = FAULT_STATEMENT_TIMEOUT}},
    {"55P03", {.fault = FAULT_LOCK_TIMEOUT}},
    {"40001", {.fault = FAULT_SERIALIZATION, .try_again = true}},
    {"40P01", {.fault = FAULT_SERIALIZATION, .try_again = true}},
    {"25006", {.fault = FAULT_DATABASE_READ_ONLY, .retire_all = true}},
    {"08*", {.fault = FAULT_DATABASE_UNAVAILABLE, .lost = true}}, /* a pooler has lost the server */
    {"25P02", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_again = true, .retire = true, .unexpected = true}},
    {"26000", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_again = true, .retire = true}},
    {"0A000", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_again = true, .retire = true}},
    {"57P01", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_reads_again = true, .retire = true}},
    {"57P02", {.fault = FAULT_DATABASE_UNAVAILABLE, .lost = true}},
    {"57P03", {.fault = FAULT_DATABASE_UNAVAILABLE, .retire = true}},
    {"57P05", {.fault = FAULT_DATABASE_UNAVAILABLE, .try_again = true, .retire = true}},
    {"53300", {.fault = FAULT_DATABASE_UNAVAILABLE, .retire = true}},
    {"53*", {.fault = FAULT_DATABASE_RESOURCES, .unexpected = true}},
    {"42P01", {.fault = FAULT_SCHEMA_BEHIND, .retire_all = true, .unexpected = true}},
    {"42703", {.fault = FAULT_SCHEMA_BEHIND, .retire_all = true, .unexpected = true}},
    {"42883", {.fault = FAULT_SCHEMA_BEHIND, .retire_all = true, .unexpected = true}},
};

/* A unique index of the operator's own is none of the client's business. */
static bool is_unknown_constraint(struct sqlstate_error error)
{
    return strcmp(error.state, "23505") == 0 &&
           (error.constraint == NULL || strcmp(error.constraint, "users_email_key") != 0);
}

/* The session is over, and how far it came nobody has said. */
static bool is_end(struct sqlstate_error error)
{
    return error.severity != NULL &&
           (strcmp(error.severity, "FATAL") == 0 || strcmp(error.severity, "PANIC") == 0);
}

struct sqlstate_meaning sqlstate_meaning(struct sqlstate_error error)
{
    bool is_known = error.state != NULL && !is_unknown_constraint(error);
    for (size_t i = 0; is_known && i < sizeof meanings / sizeof meanings[0]; i++) {
        size_t size = strcspn(meanings[i].state, "*");
        if (strncmp(meanings[i].state, error.state, size) == 0) return meanings[i].meaning;
    }
    if (is_end(error))
        return (struct sqlstate_meaning){
            .fault = FAULT_DATABASE_UNAVAILABLE, .lost = true, .unexpected = true};
    return (struct sqlstate_meaning){.fault = FAULT_INTERNAL, .unexpected = true};
}
