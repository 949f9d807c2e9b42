#include "postgres/db_target.h"

#include "base/clock.h"
#include "postgres/db_lookup.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const char *option_value(const struct db_target *target, const char *keyword)
{
    for (const PQconninfoOption *at = target->options; at != NULL && at->keyword != NULL; at++)
        if (strcmp(at->keyword, keyword) == 0 && at->val != NULL && at->val[0] != '\0') return at->val;
    return NULL;
}

static const char *option_or_environment(const struct db_target *target, const char *keyword,
                                         const char *variable)
{
    const char *value = option_value(target, keyword);
    if (value == NULL) value = getenv(variable);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void set_parameter(struct db_target *target, const char *keyword, const char *value)
{
    for (unsigned i = 0; i < DB_TARGET_PARAMETERS_MAX; i++) {
        if (target->keywords[i] != NULL && strcmp(target->keywords[i], keyword) != 0) continue;
        target->keywords[i] = keyword;
        target->values[i] = value;
        return;
    }
}

static void set_default(struct db_target *target, const char *keyword, const char *value)
{
    if (option_value(target, keyword) == NULL) set_parameter(target, keyword, value);
}

/* A name is what is neither a socket directory nor a numeric address. */
static bool has_name(const char *hosts)
{
    while (hosts != NULL) {
        char host[256] = {0};
        unsigned char address[16];
        size_t size = strcspn(hosts, ",");
        if (size < sizeof host) memcpy(host, hosts, size);
        if (host[0] != '\0' && host[0] != '/' && host[0] != '@' && inet_pton(AF_INET, host, address) != 1 &&
            inet_pton(AF_INET6, host, address) != 1)
            return true;
        hosts = hosts[size] == ',' ? hosts + size + 1 : NULL;
    }
    return false;
}

enum fault db_target_init(struct db_target *target, const char *database_url, const char *application_name)
{
    *target = (struct db_target){0};
    char *message = NULL;
    target->options = PQconninfoParse(database_url, &message);
    if (target->options == NULL) {
        enum fault fault = message == NULL ? FAULT_MEMORY : FAULT_VALIDATION;
        PQfreemem(message);
        return fault;
    }
    for (const PQconninfoOption *at = target->options; at->keyword != NULL; at++)
        if (at->val != NULL && at->val[0] != '\0') set_parameter(target, at->keyword, at->val);
    set_parameter(target, "client_encoding", "UTF8");
    set_default(target, "fallback_application_name", application_name);
    /* A server that is gone without a word is noticed in seconds rather than in hours. */
    set_default(target, "keepalives_idle", "10");
    set_default(target, "keepalives_interval", "3");
    set_default(target, "keepalives_count", "3");
    set_default(target, "tcp_user_timeout", "10000");

    const char *hosts = option_or_environment(target, "host", "PGHOST");
    bool is_given_elsewhere = option_or_environment(target, "hostaddr", "PGHOSTADDR") != NULL ||
                              option_or_environment(target, "service", "PGSERVICE") != NULL;
    const char *ports = option_or_environment(target, "port", "PGPORT");
    target->hosts = !is_given_elsewhere && has_name(hosts) ? hosts : NULL;
    target->ports = ports == NULL ? "" : ports;
    return FAULT_NONE;
}

void db_target_release(struct db_target *target)
{
    db_lookup_let_go(target->lookup);
    PQconninfoFree(target->options);
    *target = (struct db_target){0};
}

enum db_target_state db_target_refresh(struct db_target *target, uint64_t now_ns)
{
    if (target->hosts == NULL) return DB_TARGET_READY;
    const struct db_lookup_answer *answer = target->lookup == NULL ? NULL : db_lookup_poll(target->lookup);
    if (target->lookup == NULL || (answer != NULL && now_ns - target->looked_up_ns > NS_PER_S)) {
        db_lookup_let_go(target->lookup);
        target->lookup = NULL;
        target->looked_up_ns = now_ns;
        enum fault fault = db_lookup_start(target->hosts, target->ports, &target->lookup);
        return fault ? DB_TARGET_FAILED : DB_TARGET_PENDING;
    }
    if (answer == NULL) return DB_TARGET_PENDING;
    if (!answer->found) return DB_TARGET_FAILED;
    set_parameter(target, "host", answer->hosts);
    set_parameter(target, "hostaddr", answer->addresses);
    set_parameter(target, "port", answer->ports);
    return DB_TARGET_READY;
}
