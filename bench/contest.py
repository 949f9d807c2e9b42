#!/usr/bin/env python3
"""Splits beside Go and Rust, in every experiment, with a report at the end: ./dev contest

What was measured is kept in build/contest: an interrupted contest goes on where it stopped, unless programs, settings
or the machine have changed. Exit code 0: everything was measured; 3: something gave no result, see the report.

USERS (100000), ROUNDS (5), CELL_ROUNDS (2, of the experiments with many cells), SECONDS (2), WARM_UP (0.5) and
CONNECTIONS (64) make it shorter or longer.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import command, goals, preparation, results  # noqa: E402
from harness.arena import Arena, now  # noqa: E402
from harness.contestants import BLOCKING, COMBINED, LIMITS, PEER_CONTESTANTS, SPLITS  # noqa: E402
from harness.database import Database  # noqa: E402
from harness.experiments import (closed, cost, crossover, fan_out, json_cost, model, neighbour, open_loop,  # noqa: E402
                                 phases, spread, sweep)
from harness.race import Race, minutes  # noqa: E402
from harness.settings import BUILD, ROOT, Settings  # noqa: E402
from harness.store import Store, is_result  # noqa: E402

FOLDER = BUILD / "contest"


def say(text):
    print(text, flush=True)


EXPERIMENTS = ("sweep", "finals", "tunings", "closed", "spread", "json", "phases", "crossover", "model", "fan_out",
               "open_peak", "open", "neighbour", "cost", "builds")


def stages(arena, languages):
    """(name, its measurements), in order; each list is made when its turn comes, for it may need the ones before."""
    return [
        ("sweep", lambda: sweep.measurements(arena) + closed.pgbench_sweep(arena)),
        ("finals", lambda: sweep.finals(arena)),
        ("tunings", lambda: sweep.tunings(arena)),
        ("closed", lambda: closed.measurements(arena)),
        ("spread", lambda: spread.measurements(arena)),
        ("json", lambda: json_cost.measurements(arena, languages)),
        ("phases", lambda: phases.measurements(arena)),
        ("crossover", lambda: crossover.measurements(arena)),
        ("model", lambda: model.measurements(arena)),
        ("fan_out", lambda: fan_out.measurements(arena)),
        ("open_peak", lambda: open_loop.peaks(arena)),
        ("open", lambda: open_loop.measurements(arena)),
        ("neighbour", lambda: neighbour.measurements(arena)),
        ("cost", lambda: cost.measurements(arena, ("start", "size", "idle"))),
        ("builds", lambda: cost.measurements(arena, ("build",))),
    ]


def run_stages(arena, languages, only):
    chosen = [(name, make) for name, make in stages(arena, languages) if not only or name in only]
    race = Race(arena.store, say)
    for number, (name, make) in enumerate(chosen):
        race.later_seconds = sum(one.seconds for _, later in chosen[number + 1:] for one in race.missing(later()))
        todo = race.missing(make())
        say(f"{name}: {len(todo)} measurements, about {minutes(sum(one.seconds for one in todo))}; "
            f"then about {minutes(race.later_seconds)}")
        race.run(make())


def hold(arena, contestants):
    """Leaves only those who keep the contract; a contest that goes on believes what it found of the same programs."""
    path = arena.store.folder / "contract.json"
    kept = results.read(path) if path.exists() else {}
    found, absent = preparation.admit([one for one in contestants if one.name not in kept], arena.database, say)
    kept |= found
    results.write(path, kept)
    arena.contestants = [one for one in contestants if one.name in kept]
    arena.absent += absent
    return kept


def write_report(document, folder):
    folder.mkdir(parents=True, exist_ok=True)
    source = FOLDER / "results.json"
    results.write(source, document)
    subprocess.run([sys.executable, ROOT / "bench/report/report.py", source, folder], check=True)
    say(f"\nThe report: {folder / 'index.html'}")


def measure(arena, languages, only):
    """Whether it came to its end."""
    try:
        run_stages(arena, languages, only)
    except KeyboardInterrupt:
        say("\nInterrupted: ./dev contest goes on from here. The report is of what there is.")
        return False
    return True


def run(options):
    settings = Settings.from_environment(rounds=5, seconds=2)
    commit = preparation.commit()
    if options.fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    built, absent = preparation.build([SPLITS, COMBINED, BLOCKING, *PEER_CONTESTANTS], say)
    languages = json_cost.build(say)
    with Database(settings.users) as database:
        versions, machine = preparation.versions(database), preparation.machine()
        identity = {"programs": preparation.fingerprint(built), "settings": vars(settings), "versions": versions,
                    "machine": machine}
        store = Store(FOLDER, identity, say)
        started = results.remembered(FOLDER / "started.json", now)
        arena = Arena(settings, database, store, built, absent)
        kept = hold(arena, built)
        came_to_its_end = measure(arena, languages, options.only)
        facts = {"started": started, "ended": now(), "commit": commit, "machine": machine, "versions": versions}
        document = results.document(arena, kept, facts, came_to_its_end and not options.only)
    document["contestants"] += LIMITS
    write_report(document, Path(options.report))
    goals.table(store, settings.connections).print()
    without = [record for record in store.records if not is_result(record)]
    say(f"{len(store.records) - len(without)} results, {len(without)} measurements without result, "
        f"{len(arena.absent)} contestants left out")
    if not came_to_its_end:
        return command.EXIT_INTERRUPTED
    return 3 if without or arena.absent else 0


def main():
    parser = argparse.ArgumentParser(prog="./dev contest", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="EXPERIMENT", choices=EXPERIMENTS,
                        help=f"only these of {', '.join(EXPERIMENTS)}")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--report", default=str(FOLDER / "report"), metavar="FOLDER", help="where the report goes")
    options = parser.parse_args()
    return command.run("contest", lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
