#!/usr/bin/env python3
"""Faults under load, counted: ./dev faults [KIND…]

Backends, postmasters and instances are killed, the network cut, a standby promoted in the place of a primary that is
gone, while writers with a journal go on. Prints a table for docs/operations.md. Exit code 1 when an acknowledged write
was lost, one was made twice, or one was denied that was made.
"""

import argparse
import os
import random
import signal
import sys
import time

import paths  # noqa: F401
from cluster import Cluster
from rehearsal import Database, Rehearsal
from rollout import PRODUCTION

from service import wait_until

WRITERS = 6
WRITES_BETWEEN = 30 # acknowledged, before each fault
RECOVERY_SECONDS_MAX = 30
HEAD = ("fault", "times", "seconds", "requests", "without a 2xx answer", "writes acknowledged", "of unknown outcome",
        "lost", "doubled", "denied")


def kill_backend(cluster, _):
    """PostgreSQL ends all its backends and recovers."""
    rows = cluster.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'splits'")
    pid, = random.choice(rows)
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1) # a connection that is just being made would have libpq print what the crash has to say
    # Listed until the postmaster has noticed.
    wait_until(lambda: cluster.count("pg_stat_activity WHERE pid = %s", pid) == 0, RECOVERY_SECONDS_MAX, "the recovery")
    cluster.await_standby()


def kill_postmaster(cluster, _):
    cluster.primary.restart_killed()
    cluster.await_standby()


def kill_instance(_, fleet):
    place = random.choice(list(fleet.instances))
    fleet.kill(place)
    fleet.launch([place], PRODUCTION)


def cut_network(cluster, _):
    cluster.cut()


def promote_standby(cluster, _):
    cluster.promote()


KINDS = {
    "backend": (kill_backend, "`kill -9` of a backend", 60),
    "postmaster": (kill_postmaster, "`kill -9` of the postmaster, started again", 40),
    "instance": (kill_instance, "`kill -9` of an instance of the service", 50),
    "network": (cut_network, "all connections to the database cut", 50),
    "promotion": (promote_standby, "`kill -9` of the primary, promotion of the standby", 15),
}


def run(cluster, kind, times):
    """The rehearsal, over; times faults of this kind were survived."""
    inflict = KINDS[kind][0]
    with Rehearsal(Database(cluster), PRODUCTION, connections=2, writers=WRITERS) as rehearsal:
        fleet, writers = rehearsal.fleet, rehearsal.writers
        for _ in range(times):
            target = writers.acknowledged() + WRITES_BETWEEN
            wait_until(lambda: writers.acknowledged() >= target, RECOVERY_SECONDS_MAX, "more writes")
            inflict(cluster, fleet)
        wait_until(lambda: all(instance.is_ready() for instance in fleet.instances.values()), RECOVERY_SECONDS_MAX,
                   "readiness after the last fault")
    return rehearsal


def report(kind, times, rehearsal):
    verdict = rehearsal.verdict
    cells = (KINDS[kind][1], times, f"{rehearsal.seconds:.0f}", f"{rehearsal.requests:,}", f"{rehearsal.failed:,}",
             f"{verdict.acknowledged:,}", verdict.unknown, len(verdict.lost), len(verdict.doubled), len(verdict.denied))
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    for flaw in (verdict.lost + verdict.doubled + verdict.denied + verdict.stale)[:10]:
        print(f"    {flaw}", file=sys.stderr)
    return verdict.is_clean()


def main():
    parser = argparse.ArgumentParser(prog="./dev faults", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", metavar="KIND", nargs="*", default=list(KINDS), help=", ".join(KINDS))
    parser.add_argument("--times", type=int, help="of each kind (default: " +
                        ", ".join(f"{name} {times}" for name, (_, _, times) in KINDS.items()) + ")")
    options = parser.parse_args()
    unknown = [kind for kind in options.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"no kind {unknown[0]}; there are {', '.join(KINDS)}")
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    is_well = True
    with Cluster() as cluster:
        for kind in options.kinds:
            times = options.times or KINDS[kind][2]
            is_well &= report(kind, times, run(cluster, kind, times))
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
