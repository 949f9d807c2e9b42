#!/usr/bin/env python3
"""The goals of speed and cost, measured beside Go, Rust, nginx and pgbench in about five minutes: ./dev bench

Prints a table with goal, measured figure and verdict; exit code 1 when a goal is missed. The numbers of database
connections are those that the last contest found best (docs/report/results.json).

USERS (100000), ROUNDS (5), SECONDS (1.5), WARM_UP (0.5) and CONNECTIONS (64) make it shorter or longer.
"""

import contextlib
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import command, goals, preparation  # noqa: E402
from harness.arena import Arena  # noqa: E402
from harness.contestants import COMBINED, GO, RUST, SPLITS  # noqa: E402
from harness.database import Database  # noqa: E402
from harness.experiments import closed, cost, json_cost, neighbour, spread  # noqa: E402
from harness.race import Race  # noqa: E402
from harness.settings import Settings  # noqa: E402
from harness.store import Store  # noqa: E402

RACES = {
    "read": [SPLITS, COMBINED, GO[0], *RUST],
    "health": [SPLITS],
    "list": [SPLITS, GO[0], *RUST],
    "create": [SPLITS, GO[0]],
}


def say(text):
    print(text, flush=True)


def measurements(arena, languages):
    usual = arena.settings.connections
    found = [one for workload, contestants in RACES.items() for contestant in contestants
             if contestant in arena.contestants
             for one in closed.repeated(arena, contestant, workload, usual, arena.settings.rounds)]
    for connections in (512, 4096):
        found += closed.repeated(arena, SPLITS, "read", connections, arena.settings.rounds)
    found += [one for one in closed.limits(arena, connections=(None,)) if one.parameters["contestant"] != "pgbench-pipeline"]
    found += json_cost.measurements(arena, languages)
    found += spread.measurements(arena)
    found += neighbour.measurements(arena, names=(SPLITS.name,))
    ours = Arena(arena.settings, arena.database, arena.store, [SPLITS])
    return found + cost.measurements(ours)


def show_tunings(arena):
    for one in arena.contestants:
        connections, label = arena.tuning(one.name, "read")
        say(f"{one.title}: {connections} database connections{f', {label}' if label else ''}")


def show_results(arena):
    settings, machine = arena.settings, preparation.machine()
    say(f"\n{machine['processor']}, {machine['processors']} processors for all of it, Linux {machine['kernel']}; "
        f"{settings.users:,} users, {settings.connections} connections, {settings.rounds} rounds of {settings.seconds:g} s\n")
    table = goals.table(arena.store, settings.connections)
    table.print()
    say(f"\n{table.missed} goals missed; a ratio is that of the medians, with the range that the rounds allow")
    return table.missed


def run():
    settings = Settings.from_environment(rounds=5, seconds=1.5)
    built, absent = preparation.build([SPLITS, COMBINED, GO[0], *RUST], say)
    languages = json_cost.build(say)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="splits-bench-"))
        database = stack.enter_context(Database(settings.users))
        arena = Arena(settings, database, Store(folder, {}), built, absent)
        kept, _ = preparation.admit(built, database, say)
        arena.contestants = [one for one in built if one.name in kept]
        show_tunings(arena)
        race = Race(arena.store, say)
        todo = measurements(arena, languages)
        race.later_seconds = sum(one.seconds for one in todo)
        race.run([one for one in closed.pgbench_sweep(arena, rounds=1) if one.parameters["contestant"] == "pgbench"])
        race.later_seconds = 0
        race.run(todo)
        return 1 if show_results(arena) else 0


if __name__ == "__main__":
    sys.exit(command.run("bench", run))
