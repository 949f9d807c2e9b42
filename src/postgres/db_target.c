#include "postgres/db_target.h"

#include "base/clock.h"
#include "postgres/database_url_file.h"
#include "postgres/db_lookup.h"
#include "postgres/db_url.h"

#include <arpa/inet.h>
#include <stdio.h>
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

static void set_list(struct db_target *target)
{
    const struct host_list *list = &target->list;
    if (list->hosts[0] != '\0') set_parameter(target, "host", list->hosts);
    if (list->addresses[0] != '\0') set_parameter(target, "hostaddr", list->addresses);
    if (list->ports[0] != '\0') set_parameter(target, "port", list->ports);
}

static void set_hosts(struct db_target *target)
{
    const char *hosts = option_or_environment(target, "host", "PGHOST");
    const char *addresses = option_or_environment(target, "hostaddr", "PGHOSTADDR");
    const char *ports = option_or_environment(target, "port", "PGPORT");
    bool has_service = option_or_environment(target, "service", "PGSERVICE") != NULL;
    bool is_looked_up = !has_service && addresses == NULL && has_name(hosts);
    target->hosts = is_looked_up ? hosts : NULL;
    target->ports = ports == NULL ? "" : ports;
    bool has_several = (hosts != NULL && strchr(hosts, ',') != NULL) ||
                       (addresses != NULL && strchr(addresses, ',') != NULL);
    if (has_several && !is_looked_up && !has_service &&
        host_list_set(&target->list, hosts == NULL ? "" : hosts, addresses == NULL ? "" : addresses,
                      target->ports))
        set_list(target);
}

enum fault db_target_init(struct db_target *target, const char *database_url, const char *application_name)
{
    *target = (struct db_target){.application_name = application_name};
    enum fault fault = db_url_parse(database_url, &target->options);
    if (fault) return fault;
    for (const PQconninfoOption *at = target->options; at->keyword != NULL; at++)
        if (at->val != NULL && at->val[0] != '\0') set_parameter(target, at->keyword, at->val);
    set_parameter(target, "client_encoding", "UTF8");
    set_default(target, "fallback_application_name", application_name);
    /* A server that is gone without a word is noticed in seconds rather than in hours. */
    set_default(target, "keepalives_idle", "10");
    set_default(target, "keepalives_interval", "3");
    set_default(target, "keepalives_count", "3");
    set_default(target, "tcp_user_timeout", "10000");

    set_hosts(target);
    return FAULT_NONE;
}

void db_target_init_from_file(struct db_target *target, const char *path, const char *application_name)
{
    *target = (struct db_target){.url_file = path, .application_name = application_name};
}

void db_target_release(struct db_target *target)
{
    db_lookup_let_go(target->lookup);
    PQconninfoFree(target->options);
    free(target->url);
    *target = (struct db_target){0};
}

/* libpq has copied what the connections that are being opened were given. */
static void take_url(struct db_target *target, char *url)
{
    struct db_target fresh;
    if (target->url != NULL && strcmp(target->url, url) == 0) {
        free(url);
    } else if (db_target_init(&fresh, url, target->application_name)) {
        target->flaw = DB_URL_MALFORMED;
        free(url);
    } else {
        fresh.url_file = target->url_file;
        fresh.url = url;
        db_target_release(target);
        *target = fresh;
    }
}

/* False: there has never been a URL. */
static bool read_file(struct db_target *target)
{
    char *url;
    if (!database_url_file_read(target->url_file, &url, &target->flaw)) take_url(target, url);
    return target->url != NULL;
}

enum db_target_state db_target_refresh(struct db_target *target, uint64_t now_ns)
{
    bool is_looking = target->lookup != NULL && db_lookup_poll(target->lookup) == NULL;
    if (target->url_file != NULL && !is_looking && !read_file(target)) return DB_TARGET_NO_URL;
    if (target->hosts == NULL) return DB_TARGET_READY;
    const struct db_lookup_answer *answer = target->lookup == NULL ? NULL : db_lookup_poll(target->lookup);
    if (target->lookup != NULL && answer == NULL) return DB_TARGET_PENDING;
    /* However long it took, the answer is new when it comes: else a slow name server would never be heard. */
    if (answer != NULL && target->answered_ns == 0) target->answered_ns = now_ns;
    if (answer == NULL || now_ns - target->answered_ns > NS_PER_S) {
        db_lookup_let_go(target->lookup);
        target->lookup = NULL;
        target->answered_ns = 0;
        enum fault fault = db_lookup_start(target->hosts, target->ports, &target->lookup);
        return fault ? DB_TARGET_FAILED : DB_TARGET_PENDING;
    }
    if (!answer->found) return DB_TARGET_FAILED;
    target->list = answer->list;
    host_list_begin_after(&target->list, &target->silent);
    set_list(target);
    return DB_TARGET_READY;
}

static void copy(char *field, size_t size, const char *text)
{
    (void)snprintf(field, size, "%s", text == NULL ? "" : text);
}

void db_target_pass_over(struct db_target *target, const PGconn *connection)
{
    struct host_entry *silent = &target->silent;
    copy(silent->host, sizeof silent->host, PQhost(connection));
    copy(silent->address, sizeof silent->address, PQhostaddr(connection));
    copy(silent->port, sizeof silent->port, PQport(connection));
    host_list_begin_after(&target->list, silent);
}
