#include "base/log.h"

#include "base/log_line.h"
#include "base/log_ring.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { NAP_MS = 10, STOP_MS_MAX = 1000 };

/* A ring fuller than this is not left to the end of the writer's nap. */
#define RING_SIZE_URGENT (LOG_RING_SIZE / 4)

enum mode {
    MODE_DIRECT,    /* no writer thread: whoever logs writes */
    MODE_RINGS,     /* through the rings to the writer thread */
    MODE_ABANDONED, /* the writer thread hangs in write(2), and so would everybody else */
};

/* What the writer thread is about: decides who must wake it. */
enum writer_state { WRITER_AWAKE, WRITER_NAPPING, WRITER_ASLEEP };

static struct {
    enum log_level level;
    struct log_line_style style;
    _Atomic enum mode mode;
    _Atomic uint64_t dropped;
    _Atomic(struct log_ring *) new_rings; /* a stack; threads push, the writer takes all */

    pthread_t writer;
    pthread_key_t ring_key; /* tells when a thread ends */
    bool prepared; /* the key and the two descriptors are there, and stay for the life of the process */
    int wake;      /* eventfd: ends the writer's rest */
    int finished;  /* eventfd: the writer has written all, and ends */
    _Atomic bool stopping;
    _Atomic enum writer_state writer_state;

    struct log_ring *rings;    /* the writer's own */
    uint64_t dropped_reported; /* the writer's own */
} logger = {.level = LOG_LEVEL_INFO, .style = {.json = true}};

static _Thread_local struct log_ring *own_ring;

/* What stderr refuses for good is lost: there is nowhere to say so. */
static void write_all(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, bytes, size);
        if (written >= 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT};
            (void)poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return;
        }
    }
}

/* The writer thread. */

static void adopt_new_rings(void)
{
    struct log_ring *ring = atomic_exchange(&logger.new_rings, NULL);
    while (ring) {
        struct log_ring *next = ring->next;
        ring->next = logger.rings;
        logger.rings = ring;
        ring = next;
    }
}

/* Writes what is there at the call: it ends with a line, while a later part might end at the ring's edge. */
static bool drain_ring(struct log_ring *ring)
{
    size_t size = log_ring_size(ring);
    for (size_t left = size; left > 0;) {
        struct text part = log_ring_peek(ring);
        size_t part_size = part.size < left ? part.size : left;
        write_all(part.bytes, part_size);
        log_ring_skip(ring, part_size);
        left -= part_size;
    }
    return size > 0;
}

static bool drain_rings(void)
{
    bool wrote = false;
    adopt_new_rings();
    for (struct log_ring **link = &logger.rings; *link;) {
        struct log_ring *ring = *link;
        bool ended = atomic_load(&ring->ended); /* asked first, so that what is drained then is the last */
        if (drain_ring(ring)) wrote = true;
        if (ended) {
            *link = ring->next;
            free(ring);
        } else {
            link = &ring->next;
        }
    }
    return wrote;
}

static bool report_dropped(void)
{
    uint64_t dropped = atomic_load(&logger.dropped);
    if (dropped == logger.dropped_reported) return false;
    const struct log_field fields[] = {LOG_INT("count", (int64_t)(dropped - logger.dropped_reported)), {0}};
    struct log_line line;
    log_line_write(&line, &logger.style, LOG_LEVEL_WARNING, "log_lines_dropped", fields);
    write_all(line.bytes, line.size);
    logger.dropped_reported = dropped;
    return true;
}

static bool has_work(void)
{
    if (atomic_load(&logger.new_rings) || atomic_load(&logger.dropped) != logger.dropped_reported)
        return true;
    for (struct log_ring *ring = logger.rings; ring; ring = ring->next)
        if (log_ring_size(ring) > 0 || atomic_load(&ring->ended)) return true;
    return false;
}

/*
 * Lines seldom come alone: after some were written the writer naps, and nobody has to wake it, which
 * would cost a system call a line. If none came meanwhile it sleeps until the next one's thread
 * wakes it. It looks for work once more after it has said that it sleeps, and threads look whether
 * it sleeps after they have put their line, so that at least one of the two sees the other.
 */
static void rest(bool wrote)
{
    atomic_store(&logger.writer_state, wrote ? WRITER_NAPPING : WRITER_ASLEEP);
    if (wrote || !has_work()) {
        struct pollfd woken = {.fd = logger.wake, .events = POLLIN};
        (void)poll(&woken, 1, wrote ? NAP_MS : -1);
    }
    atomic_store(&logger.writer_state, WRITER_AWAKE);
    eventfd_t count;
    (void)eventfd_read(logger.wake, &count);
}

static void *run_writer(void *unused)
{
    (void)unused;
    bool stopping;
    do {
        stopping = atomic_load(&logger.stopping);
        bool wrote = drain_rings();
        if (report_dropped()) wrote = true;
        if (!stopping) rest(wrote);
    } while (!stopping);
    (void)eventfd_write(logger.finished, 1);
    return NULL;
}

/* The threads that log. */

static void wake_writer(bool urgent)
{
    enum writer_state state = atomic_load(&logger.writer_state);
    if (state == WRITER_AWAKE || (state == WRITER_NAPPING && !urgent)) return;
    if (atomic_exchange(&logger.writer_state, WRITER_AWAKE) != WRITER_AWAKE)
        (void)eventfd_write(logger.wake, 1);
}

/* Runs when the thread of a ring ends. */
static void end_ring(void *ended_ring)
{
    struct log_ring *ring = ended_ring;
    own_ring = NULL;
    atomic_store(&ring->ended, true);
    wake_writer(false);
}

static struct log_ring *make_own_ring(void)
{
    struct log_ring *ring = log_ring_new();
    if (!ring) return NULL;
    if (pthread_setspecific(logger.ring_key, ring) != 0) {
        free(ring);
        return NULL;
    }
    ring->next = atomic_load(&logger.new_rings);
    while (!atomic_compare_exchange_weak(&logger.new_rings, &ring->next, ring))
        continue;
    return ring;
}

static void put_in_ring(const struct log_line *line)
{
    if (!own_ring) own_ring = make_own_ring();
    if (own_ring && log_ring_put(own_ring, line->bytes, line->size))
        wake_writer(log_ring_size(own_ring) > RING_SIZE_URGENT);
    else
        atomic_fetch_add(&logger.dropped, 1);
}

static void submit(const struct log_line *line)
{
    switch (atomic_load(&logger.mode)) {
    case MODE_DIRECT:
        write_all(line->bytes, line->size);
        break;
    case MODE_RINGS:
        put_in_ring(line);
        break;
    case MODE_ABANDONED:
        atomic_fetch_add(&logger.dropped, 1);
        break;
    }
}

bool log_enabled(enum log_level level)
{
    return level >= logger.level;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
    if (!log_enabled(level)) return;
    int caller_errno = errno;
    struct log_line line;
    log_line_write(&line, &logger.style, level, event, fields);
    submit(&line);
    errno = caller_errno;
}

uint64_t log_dropped(void)
{
    return atomic_load(&logger.dropped);
}

/* Start and stop. */

static int64_t local_utc_offset_us(void)
{
    time_t now = time(NULL);
    struct tm local;
    tzset();
    return localtime_r(&now, &local) ? (int64_t)local.tm_gmtoff * 1000000 : 0;
}

void log_configure(enum log_level level, enum log_format format)
{
    bool for_people = format == LOG_FORMAT_TEXT || (format == LOG_FORMAT_AUTO && isatty(STDERR_FILENO) == 1);
    logger.level = level;
    logger.style = (struct log_line_style){.json = !for_people, .utc_offset_us = local_utc_offset_us()};
}

static enum fault log_failure(int error)
{
    log_event(LOG_LEVEL_ERROR, "log_start_failed", LOG_STRING("error", strerrordesc_np(error)));
    return FAULT_INTERNAL;
}

static enum fault prepare(void)
{
    if (logger.prepared) return FAULT_NONE;
    int error = pthread_key_create(&logger.ring_key, end_ring);
    if (error != 0) return log_failure(error);
    logger.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (logger.wake == -1) goto delete_key;
    logger.finished = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (logger.finished == -1) goto close_wake;
    logger.prepared = true;
    return FAULT_NONE;

close_wake:
    (void)close(logger.wake);
delete_key:
    (void)pthread_key_delete(logger.ring_key);
    return log_failure(errno);
}

static enum fault start_writer(void)
{
    sigset_t all, callers;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &callers);
    int error = pthread_create(&logger.writer, NULL, run_writer, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &callers, NULL);
    if (error != 0) return log_failure(error);
    (void)pthread_setname_np(logger.writer, "log");
    return FAULT_NONE;
}

enum fault log_start(void)
{
    assert(atomic_load(&logger.mode) != MODE_RINGS);
    if (atomic_load(&logger.mode) == MODE_ABANDONED) return log_failure(EBUSY);
    enum fault fault = prepare();
    if (fault) return fault;
    atomic_store(&logger.stopping, false);
    fault = start_writer();
    if (fault) return fault;
    atomic_store(&logger.mode, MODE_RINGS);
    return FAULT_NONE;
}

/* Signals are held back meanwhile: one of them must not cut the wait short. */
static bool wait_for_writer(void)
{
    sigset_t all;
    sigfillset(&all);
    struct pollfd finished = {.fd = logger.finished, .events = POLLIN};
    struct timespec patience = {.tv_sec = STOP_MS_MAX / 1000, .tv_nsec = STOP_MS_MAX % 1000 * 1000000L};
    return ppoll(&finished, 1, &patience, &all) == 1;
}

void log_stop(void)
{
    if (atomic_load(&logger.mode) != MODE_RINGS) return;
    atomic_store(&logger.stopping, true);
    (void)eventfd_write(logger.wake, 1);
    if (wait_for_writer()) {
        eventfd_t count;
        (void)eventfd_read(logger.finished, &count);
        (void)pthread_join(logger.writer, NULL);
        atomic_store(&logger.mode, MODE_DIRECT);
    } else {
        (void)pthread_detach(logger.writer);
        atomic_store(&logger.mode, MODE_ABANDONED);
    }
}
