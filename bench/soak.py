#!/usr/bin/env python3
"""Does memory grow? 20 million requests of every kind, and the resident size meanwhile: ./dev bench soak

Exit code 1 when the size after the warm-up changes by more than 1 MiB, or a request fails. REQUESTS (20000000) and the
rest as in ./dev bench.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import command, load, preparation  # noqa: E402
from harness.arena import WORKLOADS, Arena  # noqa: E402
from harness.contestants import SPLITS  # noqa: E402
from harness.database import Database  # noqa: E402
from harness.settings import Settings, number  # noqa: E402
from harness.table import Table  # noqa: E402

# Mostly what is most frequent; a list of 100 and a write now and then.
MIX = ("read", "health", "read", "mixed", "read", "list")
WARM_UP_TURNS = 2
GROWTH_MAX_MIB = 1


def turn(arena, server, seconds):
    """One pass over all workloads: requests made, requests failed."""
    count = failed = 0
    for workload in MIX:
        path, script, _ = WORKLOADS[workload]
        figures = load.wrk(server.base_url + path, {}, script=script, seconds=seconds,
                           connections=arena.settings.connections, users=arena.settings.users)
        count += figures["count"]
        failed += figures["failed"]
    return count, failed


def run():
    settings = Settings.from_environment(rounds=1, seconds=5)
    wanted = number("REQUESTS", 20000000, 1)
    total = failures = 0
    sizes = []
    with Database(settings.users) as database:
        arena = Arena(settings, database, None, [SPLITS])
        with arena.server(SPLITS, db_connections=16, writes=True) as server:
            while total < wanted or len(sizes) <= WARM_UP_TURNS:
                count, failed = turn(arena, server, settings.seconds)
                total, failures = total + count, failures + failed
                sizes.append(server.memory()["rss_mib"])
                print(f"{total / 1e6:6.1f} of {wanted / 1e6:.1f} million requests, {sizes[-1]:.2f} MiB resident", flush=True)
    flat = sizes[WARM_UP_TURNS - 1:]
    machine = preparation.machine()
    print(f"\n{machine['processor']}, {machine['processors']} processors, Linux {machine['kernel']}\n")
    table = Table()
    table.add("requests", float(total))
    table.add("resident after the warm-up", flat, "MiB")
    table.add("largest change after the warm-up", max(flat) - min(flat), "MiB", f"≤ {GROWTH_MAX_MIB} MiB",
              lambda growth: growth <= GROWTH_MAX_MIB)
    table.add("failed requests", float(failures), "", "0", lambda count: count == 0)
    table.print()
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(command.run("bench", run))
