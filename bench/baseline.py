#!/usr/bin/env python3
"""Measures the service beside pgbench and nginx, in one run on one machine: ./dev bench

Everything is private and on loopback: PostgreSQL with sample users, the service, nginx. The contestants take turns
in random order. Prints a table of goals and figures; exit code 1 when a goal is missed.

USERS, ROUNDS and SECONDS as in measuring.py.
"""

import contextlib
import pathlib
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

from measuring import (BINARY, CONNECTIONS, ROOT, SECONDS, USERS, Table, Watch, load_users, machine, measure, memory_kib,
                       wrk)

from postgres import PostgresServer, program_folder
from service_process import Service, free_port

IDLE_CONNECTIONS = 4000

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
