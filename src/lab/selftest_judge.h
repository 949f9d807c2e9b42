/*
 * Does the ledger tell the truth? Judges what was measured against what was injected. Pure: numbers in,
 * checks out.
 *
 * What is injected is known; what a request costs besides is not. So each experiment has a reference, the
 * same with less injected, and what is judged is what the difference in injection makes: each phase must be
 *
 *     the reference's + what was added to this phase ± 3 % of that, or 50 µs, whichever is more
 *
 * An added delay is added to db, an added spin to json, and nothing to any other phase. The reference has a
 * little of what is added rather than nothing: after a pause caches are cold and CPUs asleep, and all that
 * follows takes tens of microseconds longer, in which phase ever it is; both shall have that. At concurrency
 * 1 this is asked of all phases, and of what is outside of the ledger, the client's latency − total.
 *
 * At a higher concurrency requests wait for each other, and there it is known where:
 *
 * - for the database, in queue. With more requests under way than there are connections to the database, each
 *   waits for concurrency / connections − 1 others to take their turns: that is what queue must have, ± one
 *   turn, and nothing of it may be in db.
 * - for the worker, while it spins for others: in db when a result has come meanwhile, in other, or outside
 *   when a request has. None of that is known, and with a spin only json is asked.
 *
 * Outside of the ledger is what it cannot see: the way of the request to the worker, and of the answer back.
 *
 * - at concurrency 1, with nothing injected, that is at most 100 µs: two ways through the loopback device,
 * two wake-ups, and the client's own work.
 * - at a higher one, waiting as well: for the client, which has one thread, and for a worker that is busy
 * with others. Nobody needs to wait longer than until all others had their turn, and the turns are known: the
 *   client's CPU time per request for all, the worker's serialization for all of its own. That is a bound
 *   and no prediction; it shows that no delay of the database's is hidden there.
 */
#pragma once

#include "lab/selftest_summary.h"

#include <stdbool.h>
#include <stddef.h>

#define SELFTEST_CHECKS_MAX        16
#define SELFTEST_TEXT_SIZE_MAX     64 /* bytes with the end */
#define SELFTEST_TOLERANCE_PERCENT 3
#define SELFTEST_TOLERANCE_NS      50000
#define SELFTEST_OUTSIDE_NS_MAX    100000

struct selftest_check {
    bool is_passed;
    bool is_exact; /* a rule without exceptions: a busy machine is no excuse */
    char what[SELFTEST_TEXT_SIZE_MAX];
    char expected[SELFTEST_TEXT_SIZE_MAX];
    char measured[SELFTEST_TEXT_SIZE_MAX];
};

struct selftest_checks {
    struct selftest_check items[SELFTEST_CHECKS_MAX];
    size_t count;
};

/* Judges an experiment by itself: what needs no reference. */
void selftest_judge_alone(const struct selftest_summary *summary, struct selftest_checks *ret_checks);

/* Judges both, and what was added to reference, which is of the same concurrency. */
void selftest_judge(const struct selftest_summary *summary, const struct selftest_summary *reference,
                    struct selftest_checks *ret_checks);
