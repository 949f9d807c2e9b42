#!/usr/bin/env python3
"""Measures the service beside pgbench and nginx, in one run on one machine: ./dev bench

Everything is private and on loopback: PostgreSQL with sample users, the service, nginx. The contestants take turns
in random order. Prints a table of goals and figures; exit code 1 when a goal is missed.

USERS is the number of sample users (100000), ROUNDS how often each is measured (5), SECONDS for how long (4).
"""

import contextlib
import os
import pathlib
import platform
import random
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests/ci"), str(ROOT / "tests/integration")]

from postgres import PostgresServer, program_folder  # noqa: E402
from service_process import Service, free_port  # noqa: E402

BINARY = ROOT / "build/release/splits"
USERS = int(os.environ.get("USERS", "100000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "4"))
CONNECTIONS = 64
IDLE_CONNECTIONS = 4000
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

NGINX_CONFIGURATION = """
worker_processes auto;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{ return 200 '{{"status":"ok"}}'; }}
    }}
}}
"""

PGBENCH_SCRIPT = f"""\\set id random(1, {USERS})
SELECT id, name, email, created_at, updated_at, version FROM users WHERE id = :id;
"""


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


@contextlib.contextmanager
def nginx():
    """Gives its base URL and process id."""
    with tempfile.TemporaryDirectory(prefix="splits-nginx-") as folder:
        port = free_port()
        configuration = pathlib.Path(folder) / "nginx.conf"
        configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, port=port))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [program, "-e", "stderr", "-p", folder, "-c", configuration, "-g", "daemon off;"]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port, process)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait()


def wait_for_port(port, process):
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError("nginx did not start")


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


def pgbench(url, pids, script, seconds=SECONDS):
    command = [program_folder() / "pgbench", "-M", "prepared", "-n", f"-c{CONNECTIONS}", "-j2", f"-T{seconds}",
               "-f", script, url]
    with Watch(pids) as watch:
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    count = int(re.search(r"number of transactions actually processed: (\d+)", output)[1])
    return {"rate": float(re.search(r"tps = ([\d.]+)", output)[1]), "failed": 0} | watch.cpu_us_per(count)


def one_answer(connection):
    connection.sendall(b"GET /users/42 HTTP/1.1\r\nHost: bench\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):
        received = connection.recv(4096)
        assert received, "the service closed a connection"
        answer += received
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def idle_connection_kib(database_url):
    """What a connection costs that has had an answer and is kept open, in a service of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    service = Service(BINARY, database_url)
    with contextlib.ExitStack() as connections:
        connections.callback(service.stop)
        service.wait_until_ready()

        def open_connections(count):
            for _ in range(count):
                connection = connections.enter_context(socket.create_connection(("127.0.0.1", service.port)))
                one_answer(connection)

        open_connections(CONNECTIONS)
        before = memory_kib(service.process.pid, "Rss")
        open_connections(IDLE_CONNECTIONS)
        time.sleep(1)
        return (memory_kib(service.process.pid, "Rss") - before) / IDLE_CONNECTIONS


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


def print_table(results, idle_kib):
    users, health = results["users"], results["health"]
    pgbench_rate = statistics.median(results["pgbench"]["rate"])
    nginx_rate = statistics.median(results["nginx"]["rate"])
    nginx_cpu = statistics.median(results["nginx"]["cpu nginx"])
    failed = sum(sum(contestant["failed"]) for contestant in results.values())
    both = [sum(pair) for pair in zip(users["cpu service"], users["cpu postgres"])]
    table = Table()
    table.add("GET /users/{id}", users["rate"], "/s", "≥ pgbench", lambda rate: rate >= pgbench_rate)
    table.add("pgbench -M prepared, the same query", results["pgbench"]["rate"], "/s")
    table.add("GET /users/{id}, p50", users["p50"], "ms")
    table.add("GET /users/{id}, p99", users["p99"], "ms")
    table.add("GET /users/{id}, CPU of the service", users["cpu service"], "µs")
    table.add("GET /users/{id}, CPU of PostgreSQL", users["cpu postgres"], "µs")
    table.add("GET /users/{id}, CPU of both", both, "µs")
    table.add("pgbench, CPU of PostgreSQL", results["pgbench"]["cpu postgres"], "µs")
    table.add("GET /health", health["rate"], "/s", "≥ nginx", lambda rate: rate >= nginx_rate)
    table.add("nginx return 200, the same body", results["nginx"]["rate"], "/s")
    table.add("GET /health, p99", health["p99"], "ms")
    table.add("GET /health, CPU of the service", health["cpu service"], "µs", "≤ nginx", lambda cpu: cpu <= nginx_cpu)
    table.add("nginx return 200, CPU", results["nginx"]["cpu nginx"], "µs")
    table.add(f"resident, {CONNECTIONS} connections", users["Rss"], "MiB", "≤ 12 MiB", lambda size: size <= 12)
    table.add(f"resident, {CONNECTIONS} connections, its share (PSS)", users["Pss"], "MiB")
    table.add("resident, per idle connection", idle_kib, "KiB", "≤ 5 KiB", lambda size: size <= 5)
    table.add("failed requests", float(failed), "", "0", lambda count: count == 0)
    table.print()
    return table.missed


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


def run():
    print(machine(), flush=True)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(PostgresServer(fsync=True, settings={"shared_buffers": "256MB"}))
        database_url = server.create_database("splits")
        service = Service(BINARY, database_url)
        stack.callback(service.stop)
        load_users(database_url)
        service.wait_until_ready()
        nginx_url, nginx_pid = stack.enter_context(nginx())
        script = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="splits-bench-"))) / "find.sql"
        script.write_text(PGBENCH_SCRIPT)

        postgres_pid = server.process.pid
        pids = {"service": service.process.pid, "postgres": postgres_pid}
        results = measure({
            "users": lambda seconds: wrk(service.base_url, pids, ROOT / "bench/random_ids.lua", seconds),
            "pgbench": lambda seconds: pgbench(database_url, {"postgres": postgres_pid}, script, seconds),
            "health": lambda seconds: wrk(service.base_url + "/health", pids, None, seconds),
            "nginx": lambda seconds: wrk(nginx_url + "/health", {"nginx": nginx_pid}, None, seconds),
        })
        idle_kib = idle_connection_kib(database_url)
    return 1 if print_table(results, idle_kib) else 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
