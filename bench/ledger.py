#!/usr/bin/env python3
"""What the ledger costs: a build without it beside the usual one, in pairs whose order is random: ./dev bench ledger

Each pair gives one ratio and one difference, whose medians count. Exit code 1 when a goal is missed. ROUNDS (15),
SECONDS (3), USERS, WARM_UP and CONNECTIONS as in ./dev bench.
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import command, preparation  # noqa: E402
from harness.arena import WORKLOADS, Arena  # noqa: E402
from harness.contestants import SPLITS, WITHOUT_LEDGER  # noqa: E402
from harness.database import Database  # noqa: E402
from harness.servers import StartError  # noqa: E402
from harness.settings import Settings  # noqa: E402
from harness.table import Table  # noqa: E402

THROUGHPUT_LOSS_MAX_PERCENT = 2
CPU_MAX_US = 0.2
ROUTES = {"GET /users/{id}": "read", "GET /health": "health"}
BUILDS = {"on": SPLITS, "off": WITHOUT_LEDGER}


def measure_pair(arena, servers, workload):
    path, script, _ = WORKLOADS[workload]
    return {name: arena.loaded(servers[name], path, script) for name in random.sample(sorted(servers), len(servers))}


def measure(arena, servers, route, workload, rounds):
    pairs = []
    for number in range(rounds):
        pairs.append(measure_pair(arena, servers, workload))
        print(f"{route}, round {number + 1} of {rounds}: " + ", ".join(
            f"{name} {pairs[-1][name]['rate']:,.0f}/s {pairs[-1][name]['cpu_service_us']:.2f} µs" for name in servers),
            flush=True)
    return pairs


def add_rows(table, route, pairs):
    """Pairs with errors count as none."""
    failed = sum(figures["failed"] for pair in pairs for figures in pair.values())
    pairs = [pair for pair in pairs if not any(figures["failed"] for figures in pair.values())]
    if not pairs:
        raise StartError(f"{route}: no pair without failed requests")
    for name in BUILDS:
        table.add(f"{route}, ledger {name}", [pair[name]["rate"] for pair in pairs], "/s")
        table.add(f"{route}, ledger {name}, CPU", [pair[name]["cpu_service_us"] for pair in pairs], "µs")
    table.add(f"{route}: throughput lost", [100 * (1 - pair["on"]["rate"] / pair["off"]["rate"]) for pair in pairs],
              "%", f"≤ {THROUGHPUT_LOSS_MAX_PERCENT} %", lambda loss: loss <= THROUGHPUT_LOSS_MAX_PERCENT)
    table.add(f"{route}: CPU added", [pair["on"]["cpu_service_us"] - pair["off"]["cpu_service_us"] for pair in pairs],
              "µs", f"≤ {CPU_MAX_US} µs", lambda cpu: cpu <= CPU_MAX_US)
    table.add(f"{route}: failed requests", float(failed), "", "0", lambda count: count == 0)


def run():
    settings = Settings.from_environment(rounds=15, seconds=3)
    table = Table()
    with Database(settings.users) as database:
        arena = Arena(settings, database, None, list(BUILDS.values()))
        with arena.server(SPLITS, db_connections=16) as on, arena.server(WITHOUT_LEDGER, db_connections=16) as off:
            for route, workload in ROUTES.items():
                add_rows(table, route, measure(arena, {"on": on, "off": off}, route, workload, settings.rounds))
    machine = preparation.machine()
    print(f"\n{machine['processor']}, {machine['processors']} processors for all of it, Linux {machine['kernel']}\n")
    table.print()
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(command.run("bench", run))
