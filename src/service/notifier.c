#include "service/notifier.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_PERIOD_NS (1 * NS_PER_S)
#define PETS             4 /* in the watchdog's interval: one that is late or lost does no harm */
#define STATE_SIZE_MAX   128
#define WATCHDOG_US_MAX  (UINT64_C(86400) * 1000 * 1000)

/* Nothing is waited for, and nothing lost but a message: the manager may be restarting. */
static void send_state(const struct notifier *notifier, const char *state)
{
    (void)send(notifier->socket, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_status(struct notifier *notifier, const char *prefix, const char *status)
{
    char state[STATE_SIZE_MAX];
    notifier->status = status;
    (void)snprintf(state, sizeof state, "%sSTATUS=%s", prefix, status);
    send_state(notifier, state);
}

/* A path, or behind "@" a name in the abstract name space. errno when there is no way to it. */
static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);
    if ((*name != '/' && *name != '@') || size >= sizeof address.sun_path) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    memcpy(address.sun_path, name, size);
    if (*name == '@') address.sun_path[0] = '\0';
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, address_size) == 0)
        return descriptor;
    int error = errno;
    (void)close(descriptor);
    errno = error;
    return -1;
}

/* 0: not watched; WATCHDOG_PID may say that another process is. */
static uint64_t watchdog_ns(void)
{
    const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t number;
    if (pid != NULL && (!text_to_uint64(text_of(pid), INT32_MAX, &number) || number != (uint64_t)getpid()))
        return 0;
    if (interval == NULL || !text_to_uint64(text_of(interval), WATCHDOG_US_MAX, &number)) return 0;
    return number * NS_PER_US;
}

void notifier_open(struct notifier *notifier, const struct observation *observation)
{
    const char *name = getenv("NOTIFY_SOCKET");
    *notifier = (struct notifier){.socket = -1, .observation = observation, .period_ns = STATUS_PERIOD_NS};
    if (name == NULL || *name == '\0') return;
    notifier->socket = connect_to(name);
    if (notifier->socket < 0) {
        log_event(LOG_LEVEL_WARNING, "notify_failed", LOG_STRING("socket", name),
                  LOG_STRING("message", strerrordesc_np(errno)));
        return;
    }
    uint64_t interval_ns = watchdog_ns();
    notifier->is_watched = interval_ns != 0;
    if (interval_ns != 0 && interval_ns / PETS < notifier->period_ns)
        notifier->period_ns = interval_ns / PETS;
}

void notifier_close(struct notifier *notifier)
{
    if (notifier->socket >= 0) (void)close(notifier->socket);
    notifier->socket = -1;
}

static const char *status_of(const struct notifier *notifier)
{
    enum fault fault = observation_readiness(notifier->observation);
    return fault ? fault_code(fault) : "ready";
}

void notifier_ready(struct notifier *notifier, uint64_t now_ns)
{
    if (notifier->socket < 0) return;
    send_status(notifier, "READY=1\n", status_of(notifier));
    notifier->next_ns = now_ns + notifier->period_ns;
    notifier->seen_ns = now_ns;
}

void notifier_stopping(struct notifier *notifier)
{
    if (notifier->socket < 0 || notifier->is_stopping) return;
    notifier->is_stopping = true;
    send_status(notifier, "STOPPING=1\n", "draining");
}

/* Every worker's loop, since this was last seen to be so. */
static bool have_all_turned(const struct notifier *notifier)
{
    return observation_turned_ns(notifier->observation) > notifier->seen_ns;
}

void notifier_tick(struct notifier *notifier, uint64_t now_ns)
{
    if (notifier->next_ns == 0 || now_ns < notifier->next_ns) return;
    notifier->next_ns = now_ns + notifier->period_ns;
    bool have_turned = have_all_turned(notifier);
    if (have_turned) notifier->seen_ns = now_ns;
    /* While it stops, a limit of its own ends what hangs. */
    if (notifier->is_watched && (notifier->is_stopping || have_turned)) send_state(notifier, "WATCHDOG=1");
    const char *status = status_of(notifier);
    if (!notifier->is_stopping && strcmp(status, notifier->status) != 0) send_status(notifier, "", status);
}

int notifier_sleep_ms(const struct notifier *notifier, uint64_t now_ns)
{
    if (notifier->next_ns == 0) return -1;
    return notifier->next_ns <= now_ns ? 0 : (int)((notifier->next_ns - now_ns) / NS_PER_MS) + 1;
}
