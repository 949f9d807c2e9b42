"""The load generators: wrk (closed loop), oha (open loop, at a constant rate), pgbench (PostgreSQL alone).

Each gives a dict of figures: rate (1/s), count, failed, percentiles in milliseconds, CPU time per request in
microseconds of each process that is watched.
"""

import json
import math
import os
import re
import signal
import subprocess
import tempfile
import time
import uuid

from harness.builds import tool
from harness.settings import LOAD_PROCESSORS, LOAD_THREADS, PROCESSORS, ROOT
from harness.watch import Watch

from postgres import program_folder

SLACK_SECONDS = 30
KEPT_UP_SHARE = 0.98 # of the requests that a constant rate asks for; with less it was another rate
SCRIPTS = ROOT / "bench/load"


class LoadError(Exception):
    """A line for the user."""


def pinned(command):
    """To the processors of the load generator; the rest of the race has left them (see preparation.pin)."""
    return ["taskset", "-c", ",".join(map(str, LOAD_PROCESSORS)), *command]


def output_of(command, seconds, environment=None, during=None, interrupt=False):
    """The program's output; during() is called in the midst of it. interrupt: it ends by Ctrl-C, after seconds."""
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, pinned(command))], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=os.environ | (environment or {}))
    try:
        if during:
            time.sleep(seconds * 0.75)
            during()
        if interrupt:
            time.sleep(seconds * 0.25 if during else seconds)
            process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=seconds + SLACK_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{command[0]} did not end") from error
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise LoadError(f"{command[0]}: {(errors or output).strip().splitlines()[-1:]}")
    return output


def watched(pids, measure):
    """What measure() gives, and the CPU time per request meanwhile."""
    with Watch(pids) as watch:
        figures = measure()
    return figures | watch.cpu_us_per(figures["count"])


# wrk


def wrk(url, pids, *, script="plain", seconds, connections, users, memory=None):
    """memory: gives figures of the service's memory, asked for while all connections are open."""
    seen = {}
    # wrk knows whole seconds; at Ctrl-C it stops and reports.
    interrupt = seconds != int(seconds)
    timeout = max(1, int(seconds) // 2) # an answer that took longer makes the run no result
    command = ["wrk", f"-t{min(LOAD_THREADS, connections)}", f"-c{connections}", f"-d{math.ceil(seconds)}s",
               "--timeout", f"{timeout}s", "-s", SCRIPTS / f"{script}.lua", url]
    environment = {"USERS": str(users), "RUN": uuid.uuid4().hex[:12]}

    def measure():
        output = output_of(command, seconds, environment, memory and (lambda: seen.update(memory())), interrupt)
        lines = output.strip().splitlines()
        if not lines or not lines[-1].startswith("{"):
            raise LoadError("wrk gave no figures")
        last = json.loads(lines[-1])
        failed = sum(last[kind] for kind in ("non2xx", "connect", "read", "write", "timeout"))
        return {"rate": last["count"] / (last["duration_us"] / 1e6), "count": last["count"], "failed": failed,
                **{name: last[name] for name in ("p50", "p90", "p99", "p999", "max", "mean")}}

    return watched(pids, measure) | seen


# oha


def oha(url, pids, *, rate, seconds, connections):
    """
    Latency counts from when the pacer released a request, whether or not a connection was free: a service that stalls
    is charged for what waits meanwhile (coordinated omission). url may hold a regular expression. rate None: as fast
    as it can, a closed loop.
    """
    pace = ["-q", f"{rate:.0f}", "--latency-correction"] if rate else []
    command = [tool("oha"), "--no-tui", "--output-format", "json", "-z", f"{seconds:g}s", *pace, "-c", connections,
               "-w", "--disable-compression", "--rand-regex-url", url]

    def measure():
        report = json.loads(output_of(command, seconds))
        statuses = report["statusCodeDistribution"]
        failed = sum(count for status, count in statuses.items() if not status.startswith("2"))
        failed += sum(report["errorDistribution"].values())
        count = sum(statuses.values())
        if not count:
            raise LoadError("no answers")
        if rate and count < KEPT_UP_SHARE * rate * seconds:
            raise LoadError(f"did not keep up: {count / seconds:,.0f}/s of {rate:,.0f}/s")
        ms = {name: value * 1000 for name, value in report["latencyPercentiles"].items()}
        curve = [[float(name[1:]) / 100, value] for name, value in ms.items()]
        return {"rate": count / report["summary"]["total"], "count": count, "failed": failed, "curve": curve,
                "p50": ms["p50"], "p90": ms["p90"], "p99": ms["p99"], "p999": ms["p99.9"], "max": report["summary"]["slowest"] * 1000}

    return watched(pids, measure)


# pgbench


PIPELINED = 64 # queries per pipeline

FIND = "SELECT id, name, email, created_at, updated_at, version FROM users WHERE id = :id;"


def pgbench(database_url, pids, *, users, seconds, clients, is_pipelined=False):
    query = f"\\set id random(1, {users})\n{FIND}\n"
    script = f"\\startpipeline\n{query * PIPELINED}\\endpipeline\n" if is_pipelined else query
    per_transaction = PIPELINED if is_pipelined else 1
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [program_folder() / "pgbench", "-M", "prepared", "-n", f"-c{clients}",
                   f"-j{min(clients, PROCESSORS)}", f"-T{max(1, round(seconds))}", "-f", file.name, database_url]

        def measure():
            output = output_of(command, seconds)
            count = int(re.search(r"number of transactions actually processed: (\d+)", output)[1])
            tps = float(re.search(r"tps = ([\d.]+)", output)[1])
            failed = int(re.search(r"number of failed transactions: (\d+)", output)[1])
            return {"rate": tps * per_transaction, "count": count * per_transaction, "failed": failed}

        return watched(pids, measure)
