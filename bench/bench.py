#!/usr/bin/env python3
"""The goals of speed and cost, measured beside Go, Rust, nginx and pgbench in about five minutes: ./dev bench

Prints a table with goal, measured figure and verdict; exit code 1 when a goal is missed. The numbers of database
connections are those that the last contest found best (docs/report/results.json).

USERS (100000), ROUNDS (5), SECONDS (1.5), WARM_UP (0.5) and CONNECTIONS (64) make it shorter or longer.
"""

import contextlib
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import goals, preparation  # noqa: E402
from harness.arena import Arena  # noqa: E402
from harness.contestants import COMBINED, GO, RUST, SPLITS  # noqa: E402
from harness.database import Database  # noqa: E402
from harness.experiments import closed, cost, json_cost, neighbour, spread  # noqa: E402
from harness.race import Race  # noqa: E402
from harness.settings import SettingError, Settings  # noqa: E402
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
    found += closed.repeated(arena, SPLITS, "read", 4096, min(3, arena.settings.rounds))
    found += [one for one in closed.limits(arena, connections=(None,)) if one.parameters["contestant"] != "pgbench-pipeline"]
    found += json_cost.measurements(arena, languages, rounds=min(3, arena.settings.rounds))
    found += spread.measurements(arena)
    found += neighbour.measurements(arena, names=(SPLITS.name,), rounds=1)
    ours = Arena(arena.settings, arena.database, arena.store, [SPLITS])
    return found + cost.measurements(ours)


def run():
    preparation.check_machine()
    cost.raise_descriptor_limit()
    settings = Settings.from_environment(rounds=5, seconds=1.5)
    built, absent = preparation.build([SPLITS, COMBINED, GO[0], *RUST], say)
    languages = json_cost.build(say)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="splits-bench-"))
        database = stack.enter_context(Database(settings.users))
        arena = Arena(settings, database, Store(folder, {}), built, absent)
        kept, refused = preparation.admit(built, database, say)
        arena.contestants = [one for one in built if one.name in kept]
        race = Race(arena.store, say)
        sweep = [one for one in closed.pgbench_sweep(arena, rounds=1) if one.parameters["contestant"] == "pgbench"]
        todo = measurements(arena, languages)
        race.later_seconds = sum(one.seconds for one in todo)
        race.run(sweep)
        race.later_seconds = 0
        race.run(todo)
        machine = preparation.machine()
    say(f"\n{machine['processor']}, {machine['processors']} processors for all of it, Linux {machine['kernel']}; "
        f"{settings.users:,} users, {settings.connections} connections, {settings.rounds} rounds of {settings.seconds:g} s\n")
    table = goals.table(arena.store, settings.connections)
    table.print()
    say(f"\n{table.missed} goals missed; a ratio is that of the medians, with the range that the rounds allow")
    return 1 if table.missed else 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run()
    except SettingError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
