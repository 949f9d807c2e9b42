"""What the benchmarks share: processes watched, load by wrk, rounds in random order, the table.

USERS is the number of sample users (100000), ROUNDS how often each is measured (5), SECONDS for how long (4).
"""

import contextlib
import os
import pathlib
import platform
import random
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests/ci"), str(ROOT / "tests/integration")]

from postgres import program_folder  # noqa: E402

BINARY = ROOT / "build/release/splits"
USERS = int(os.environ.get("USERS", "100000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "4"))
CONNECTIONS = 64
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


# Processes


def children_of(pid):
    """The direct children; all that PostgreSQL and nginx have."""
    with contextlib.suppress(FileNotFoundError):
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def cpu_ticks(pid, with_ended_children=False):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15 if with_ended_children else 13])
    return 0


def cpu_seconds(pid):
    """CPU time of a process and its children, those included that have ended."""
    ticks = cpu_ticks(pid, with_ended_children=True) + sum(cpu_ticks(child) for child in children_of(pid))
    return ticks / TICKS_PER_SECOND


def memory_kib(pid, field):
    """Rss or Pss of a process."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1])


# Measurements


class Watch:
    """CPU time of named processes and memory of one of them, over a with statement."""

    def __init__(self, pids):
        self.pids = pids

    def __enter__(self):
        self.before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        return self

    def __exit__(self, *_):
        self.cpu = {name: cpu_seconds(pid) - self.before[name] for name, pid in self.pids.items()}

    def cpu_us_per(self, count):
        return {f"cpu {name}": seconds / count * 1e6 for name, seconds in self.cpu.items()}


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


def parse_wrk(output):
    failed = sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", output))
    for numbers in re.findall(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output):
        failed += sum(int(number) for number in numbers)
    return {
        "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
        "count": int(re.search(r"(\d+) requests in", output)[1]),
        "p50": milliseconds(re.search(r"^\s+50%\s+(\S+)", output, re.M)[1]),
        "p99": milliseconds(re.search(r"^\s+99%\s+(\S+)", output, re.M)[1]),
        "failed": failed,
    }


def wrk(url, pids, script=None, seconds=SECONDS):
    """One round; memory is that of the service, while the connections are open."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", *(["-s", script] if script else []), url]
    with Watch(pids) as watch:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"USERS": str(USERS)})
        try:
            time.sleep(seconds * 0.75)
            memory = {kind: memory_kib(pids["service"], kind) / 1024 for kind in ("Rss", "Pss")} if "service" in pids else {}
            output = process.communicate(timeout=seconds + 30)[0]
        finally:
            process.kill()
            process.wait()
    result = parse_wrk(output)
    return result | watch.cpu_us_per(result["count"]) | memory


def measure(contestants):
    """Rounds in random order; per contestant, and per figure, the list of what was measured."""
    results = {name: {} for name in contestants}
    for run in contestants.values():
        run(seconds=1)
    for number in range(ROUNDS):
        order = list(contestants)
        random.shuffle(order)
        for name in order:
            for figure, value in contestants[name](seconds=SECONDS).items():
                results[name].setdefault(figure, []).append(value)
        print(f"round {number + 1} of {ROUNDS}: " +
              ", ".join(f"{name} {results[name]['rate'][-1]:,.0f}/s" for name in contestants), flush=True)
    return results


# The table


class Table:
    def __init__(self):
        self.rows = []
        self.missed = 0

    def add(self, what, values, unit="", goal="", reached=None):
        """values: one figure or those of all rounds; reached: of the median, None without a goal."""
        values = values if isinstance(values, list) else [values]
        median = statistics.median(values)
        places = 0 if median >= 1000 else 2
        measured = f"{median:,.{places}f}"
        if len(values) > 1:
            measured += f" ({min(values):,.{places}f}–{max(values):,.{places}f})"
        verdict = "" if reached is None else "reached" if reached(median) else "MISSED"
        self.missed += verdict == "MISSED"
        self.rows.append((what, goal, f"{measured} {unit}".rstrip(), verdict))

    def print(self):
        rows = [("what", "goal", "measured: median (min–max)", "verdict"), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        rows.insert(1, tuple("-" * width for width in widths))
        for row in rows:
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")


def machine():
    model = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    postgres = subprocess.run([program_folder() / "postgres", "--version"], capture_output=True, text=True).stdout
    return (f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} processors for all of it; "
            f"Linux {platform.release()}; {postgres.strip()}; {USERS:,} users, {CONNECTIONS} connections, "
            f"{ROUNDS} rounds of {SECONDS} s")


def load_users(url):
    command = [program_folder() / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-v", f"users={USERS}",
               "-f", ROOT / "bench/sample_users.sql", url]
    subprocess.run(command, check=True)
