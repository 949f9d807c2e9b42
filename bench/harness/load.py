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
from harness.settings import PROCESSORS, ROOT
from harness.watch import Watch

from postgres import program_folder

SLACK_SECONDS = 30
SCRIPTS = ROOT / "bench/load"


class LoadError(Exception):
    """A line for the user."""


def pinned(command):
    """On four processors or more the load has the last quarter for itself; on fewer all share all."""
    if PROCESSORS < 4:
        return command
    last = sorted(os.sched_getaffinity(0))[-(PROCESSORS // 4):]
    return ["taskset", "-c", ",".join(map(str, last)), *command]


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
    command = ["wrk", "-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s", "--timeout", "10s",
               "-s", SCRIPTS / f"{script}.lua", url]
    environment = {"USERS": str(users), "RUN": uuid.uuid4().hex[:12]}

    def measure():
        output = output_of(command, seconds, environment, memory and (lambda: seen.update(memory())), interrupt)
        last = json.loads(output.strip().splitlines()[-1])
        failed = sum(last[kind] for kind in ("non2xx", "connect", "read", "write", "timeout"))
        return {"rate": last["count"] / (last["duration_us"] / 1e6), "count": last["count"], "failed": failed,
                **{name: last[name] for name in ("p50", "p90", "p99", "p999", "max", "mean")}}

    return watched(pids, measure) | seen


# oha


def oha(url, pids, *, rate, seconds, connections):
    """
    Latency counts from when a request was due, not from when it was sent: a service that stalls is charged for all
    that should have been sent meanwhile (coordinated omission). url may hold a regular expression. rate None: as fast
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
            return {"rate": tps * per_transaction, "count": count * per_transaction, "failed": 0}

        return watched(pids, measure)
