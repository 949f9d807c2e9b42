#!/usr/bin/env python3
"""Measures the JSON of users by the service's own writer beside jansson's, in one process: ./dev bench json

Both write the same bytes, which is checked first. They take turns, on one processor where that can be had. Prints a
table of goals and figures; exit code 1 when a goal is missed.

ROUNDS is how often each is measured (20).
"""

import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness.experiments.json_cost import stay_on_one_processor  # noqa: E402
from harness.preparation import machine  # noqa: E402
from harness.settings import ROOT  # noqa: E402
from harness.table import Table  # noqa: E402

BINARY = pathlib.Path(os.environ.get("BENCH_JSON", ROOT / "build/release/bench_json"))
ROUNDS = int(os.environ.get("ROUNDS", "20"))


def measure():
    """The figures of each round: {"one": {"direct": ns, "jansson": ns}, "hundred": …}."""
    process = subprocess.run([BINARY, str(ROUNDS)], stdout=subprocess.PIPE, text=True, preexec_fn=stay_on_one_processor)
    if process.returncode != 0:
        sys.exit(process.returncode)
    return [json.loads(line) for line in process.stdout.splitlines()]


def print_table(rounds):
    def figures(what, contestant, unit_ns=1):
        return [figure[what][contestant] / unit_ns for figure in rounds]

    def ratios(what):
        return [figure[what]["jansson"] / figure[what]["direct"] for figure in rounds]

    table = Table()
    table.add("one user, own writer", figures("one", "direct"), "ns", "≤ 40 ns", lambda ns: ns <= 40)
    table.add("one user, jansson", figures("one", "jansson"), "ns")
    table.add("one user, jansson / own writer", ratios("one"), "", "≥ 30", lambda ratio: ratio >= 30)
    table.add("100 users, own writer", figures("hundred", "direct", 1000), "µs", "≤ 4 µs", lambda us: us <= 4)
    table.add("100 users, jansson", figures("hundred", "jansson", 1000), "µs")
    table.add("100 users, jansson / own writer", ratios("hundred"), "", "≥ 30", lambda ratio: ratio >= 30)
    table.print()
    return table.missed


def main():
    found = machine()
    print(f"{found['processor']}; Linux {found['kernel']}; {ROUNDS} rounds", flush=True)
    return 1 if print_table(measure()) else 0


if __name__ == "__main__":
    sys.exit(main())
