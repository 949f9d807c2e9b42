#!/usr/bin/env python3
"""Measures what the ledger costs: a build without it beside the usual one, in one run: ./dev bench ledger

Both builds serve from one private PostgreSQL, in turns whose order is random; each round gives one ratio and one
difference, whose medians count. Exit code 1 when a goal is missed. USERS, ROUNDS (here 15) and SECONDS (here 3) as in
measuring.py.
"""

import contextlib
import os
import random
import signal
import sys

os.environ.setdefault("ROUNDS", "15")
os.environ.setdefault("SECONDS", "3")

from measuring import BINARY, ROOT, ROUNDS, SECONDS, Table, load_users, machine, wrk  # noqa: E402

from postgres import PostgresServer  # noqa: E402
from service_process import Service  # noqa: E402

WITHOUT = ROOT / "build/no-ledger/splits"
THROUGHPUT_LOSS_MAX_PERCENT = 2
CPU_MAX_US = 0.2
ROUTES = {
    "GET /users/{id}": ("", ROOT / "bench/random_ids.lua"),
    "GET /health": ("/health", None),
}


def measure_round(services, postgres_pid, path, script):
    """One figure dict per build."""
    results = {}
    for name in random.sample(sorted(services), len(services)):
        pids = {"service": services[name].process.pid, "postgres": postgres_pid}
        results[name] = wrk(services[name].base_url + path, pids, script, SECONDS)
    return results


def run():
    print(machine(), flush=True)
    table = Table()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(PostgresServer(fsync=True, settings={"shared_buffers": "256MB"}))
        database_url = server.create_database("splits")
        services = {name: Service(binary, database_url) for name, binary in (("on", BINARY), ("off", WITHOUT))}
        for service in services.values():
            stack.callback(service.stop)
        load_users(database_url)
        for service in services.values():
            service.wait_until_ready()
        for route, (path, script) in ROUTES.items():
            measure_round(services, server.process.pid, path, script) # warms up
            rounds = []
            for number in range(ROUNDS):
                rounds.append(measure_round(services, server.process.pid, path, script))
                print(f"{route}, round {number + 1} of {ROUNDS}: " +
                      ", ".join(f"{name} {rounds[-1][name]['rate']:,.0f}/s {rounds[-1][name]['cpu service']:.2f} µs"
                                for name in services), flush=True)
            for name in services:
                table.add(f"{route}, ledger {name}", [figures[name]["rate"] for figures in rounds], "/s")
                table.add(f"{route}, ledger {name}, CPU of the service",
                          [figures[name]["cpu service"] for figures in rounds], "µs")
            table.add(f"{route}: throughput lost", [100 * (1 - pair["on"]["rate"] / pair["off"]["rate"]) for pair in rounds],
                      "%", f"≤ {THROUGHPUT_LOSS_MAX_PERCENT} %", lambda loss: loss <= THROUGHPUT_LOSS_MAX_PERCENT)
            table.add(f"{route}: CPU added", [pair["on"]["cpu service"] - pair["off"]["cpu service"] for pair in rounds],
                      "µs", f"≤ {CPU_MAX_US} µs", lambda cpu: cpu <= CPU_MAX_US)
            failed = sum(figures[name]["failed"] for figures in rounds for name in services)
            table.add(f"{route}: failed requests", float(failed), "", "0", lambda count: count == 0)
    table.print()
    return 1 if table.missed else 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
