#!/usr/bin/env python3
"""Instances replaced, rolled back and killed under load, for longer than CI has time: ./dev rolling [PART…]

Prints a table for docs/operations.md. Exit code 1 when a request failed that must not, a write was lost, doubled or
denied, or a control, which breaks a rule of the manifests on purpose, went unnoticed.
"""

import argparse
import dataclasses
import sys
import tempfile
import time
from pathlib import Path

import paths  # noqa: F401
from fronts import Haproxy, KubernetesService
from rehearsal import Database, Rehearsal
from rollout import MIGRATIONS, PRODUCTION

from postgres import PostgresServer
from service import migrate

KILLS = 10
NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"
LATER_MIGRATION = "ALTER TABLE users ADD COLUMN nickname text;\n"
HEAD = ("what", "instances", "seconds", "requests", "failed", "slowest, ms", "writes acknowledged", "of unknown outcome",
        "lost", "doubled")


@dataclasses.dataclass(frozen=True)
class Part:
    what: str
    play: object                 # called with the rehearsal and the number of rollouts; gives how many instances went
    front: type = Haproxy
    rules: object = PRODUCTION
    may_fail: object = None      # None: no request; True: some; "must": a control


def rolls(beside, **named):
    def play(rehearsal, rollouts):
        for _ in range(rollouts):
            rehearsal.fleet.roll(rehearsal.rules, beside=beside, **named)
        return 2 * rollouts
    return play


def migration(rehearsal, _):
    """A newer schema under the old version, the new version, and back to the old one, which the schema is ahead of."""
    with tempfile.TemporaryDirectory(prefix="splits-migrations-") as folder:
        newer = Path(folder)
        files = sorted(MIGRATIONS.glob("*.sql"))
        for file in files:
            (newer / file.name).write_bytes(file.read_bytes())
        (newer / f"{len(files) + 1:04}_later.sql").write_text(LATER_MIGRATION, encoding="utf-8")
        migrate(rehearsal.database.url, newer)
        rehearsal.fleet.roll(rehearsal.rules, beside=True, migrations=newer)
        rehearsal.fleet.roll(rehearsal.rules, beside=True)
    return 4


def kills(rehearsal, _):
    fleet = rehearsal.fleet
    for number in range(KILLS):
        place = ("one", "two")[number % 2]
        fleet.kill(place)
        time.sleep(1)
        fleet.launch([place], rehearsal.rules)
    return KILLS


AT_ONCE = dataclasses.replace(PRODUCTION, pre_stop=(), drain_delay_ms=0, ready_for_seconds=0)
UNASKED = dataclasses.replace(PRODUCTION, pre_stop=(), drain_delay_ms=1000, ready_for_seconds=0, awaits_readiness=False)

PARTS = {
    "haproxy": Part("HAProxy, each in the place of the old one", rolls(beside=False)),
    "kubernetes": Part("as a Kubernetes Service, the new one beside the old one", rolls(beside=True), KubernetesService),
    "migration": Part("as a Kubernetes Service: a migration, the new version, back to the old one", migration,
                      KubernetesService),
    "kill": Part("HAProxy, `kill -9`", kills, may_fail=True),
    "no-drain": Part("control: no drain delay", rolls(beside=True), KubernetesService, AT_ONCE, "must"),
    "no-readiness": Part("control: a broken release, readiness not awaited", rolls(beside=True, url=NOWHERE),
                         KubernetesService, UNASKED, "must"),
}


def run(server, part, options):
    with Rehearsal(Database(server), part.rules, front=part.front, connections=options.connections,
                   pause_ms=options.pause_ms) as rehearsal:
        count = part.play(rehearsal, 1 if part.may_fail == "must" else options.rollouts)
    verdict = rehearsal.verdict
    print("| " + " | ".join(str(cell) for cell in (
        part.what, count, f"{rehearsal.seconds:.0f}", f"{rehearsal.requests:,}", f"{rehearsal.failed:,}",
        f"{rehearsal.slowest_ms:.0f}", f"{verdict.acknowledged:,}", verdict.unknown, len(verdict.lost),
        len(verdict.doubled))) + " |", flush=True)
    for flaw in (verdict.lost + verdict.doubled + verdict.denied + verdict.stale)[:10]:
        print(f"    {flaw}", file=sys.stderr)
    is_expected = {None: rehearsal.failed == 0, True: True, "must": rehearsal.failed > 0}[part.may_fail]
    if rehearsal.failed and part.may_fail != "must":
        print(f"    {rehearsal.readers.report} {verdict.failed[:5]}", file=sys.stderr)
    return is_expected and verdict.is_clean()


def main():
    parser = argparse.ArgumentParser(prog="./dev rolling", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", metavar="PART", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--rollouts", type=int, default=3, help="one after the other (default 3)")
    parser.add_argument("--connections", type=int, default=32, help="of the readers (default 32)")
    parser.add_argument("--pause-ms", type=int, default=10, help="longest pause of a reader (default 10)")
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    with PostgresServer(fsync=True) as server:
        is_well = [run(server, PARTS[name], options) for name in options.parts]
    sys.exit(0 if all(is_well) else 1)


if __name__ == "__main__":
    main()
