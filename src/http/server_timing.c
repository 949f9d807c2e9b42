#include "http/server_timing.h"

#include "base/json_writer.h"

#include <string.h>

/* Rounds half up; the sum of all the time there is does not overflow. */
static uint64_t round_to_us(uint64_t ns)
{
    return ns / NS_PER_US + (ns % NS_PER_US >= NS_PER_US / 2);
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static char *write_duration(char *at, const char *name, uint64_t duration_us)
{
    at = json_writer_raw(at, name, strlen(name));
    at = JSON_WRITER_LITERAL(at, ";dur=");
    at = json_writer_int64(at, (int64_t)(duration_us / 1000));
    *at++ = '.';
    *at++ = (char)('0' + duration_us / 100 % 10);
    *at++ = (char)('0' + duration_us / 10 % 10);
    *at++ = (char)('0' + duration_us % 10);
    return at;
}

/* Each phase is the difference of two rounded times, so that what one loses by rounding another one gains. */
void server_timing_write(const struct ledger *ledger, char value[SERVER_TIMING_SIZE_MAX])
{
    char *at = value;
    uint64_t end_ns = 0, start_us = 0;
    for (size_t phase = 0; phase < PHASE_COUNT; phase++) {
        if (phase == PHASE_SEND) continue;
        end_ns = add_saturating(end_ns, ledger->spent_ns[phase]);
        uint64_t end_us = round_to_us(end_ns);
        at = write_duration(at, phase_name((enum phase)phase), end_us - start_us);
        at = JSON_WRITER_LITERAL(at, ", ");
        start_us = end_us;
    }
    at = write_duration(at, "total", start_us);
    *at = '\0';
}
