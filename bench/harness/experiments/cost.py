"""What it costs to have: start, size, build, memory of idle connections."""

import contextlib
import re
import resource
import socket
import subprocess
import time
from pathlib import Path

from harness import builds
from harness.contestants import BLOCKING, COMBINED
from harness.race import Measurement
from harness.servers import Server, StartError, status_of
from harness.settings import SettingError
from harness.watch import memory_mib

IDLE_CONNECTIONS = 2000
DESCRIPTORS_NEEDED = 9000
START_SECONDS_MAX = 20
DB_CONNECTIONS = 8


def raise_descriptor_limit(needed=DESCRIPTORS_NEEDED):
    """Of this process and all that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SettingError(f"open files (ulimit -Hn) are limited to {hard}: {needed} are needed for 4,096 connections")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def measurements(arena, parts=("start", "size", "idle", "build"), rounds=None):
    found = []
    for one in arena.contestants:
        if one in (BLOCKING, COMBINED):
            continue
        if "start" in parts:
            found += [measurement(lambda one=one: start(arena, one), 0.6, one, "start", number)
                      for number in range(rounds or arena.settings.rounds)]
        if "size" in parts:
            found.append(measurement(lambda one=one: size(one), 0.2, one, "size"))
        if "idle" in parts:
            found.append(measurement(lambda one=one: idle(arena, one), 4, one, "idle"))
        if "build" in parts:
            found.append(measurement(lambda one=one: builds.time_build(one), 60 if one.family != "c" else 12, one, "build"))
    return found


def measurement(run, seconds, contestant, part, number=0):
    return Measurement(run, seconds, is_timed=part in ("start", "build"), experiment="cost", contestant=contestant.name, part=part, round=number)


class StartedServer(Server):
    """Measures from the start of the process to the first 200, without a wrapper around it."""

    path = "/users/1"

    def __enter__(self):
        began = time.perf_counter()
        self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            while status_of(self.port, self.path) != 200:
                if time.perf_counter() - began > START_SECONDS_MAX or self.process.poll() is not None:
                    raise StartError(f"{self.contestant.title} did not become ready")
                time.sleep(0.0003)
        except BaseException:
            self._end()
            raise
        self.start_ms = (time.perf_counter() - began) * 1000
        return self


class ReadyServer(StartedServer):
    path = "/health/ready"


def start(arena, contestant):
    """start_ms: to the first user, for everybody; ready_ms: until Splits says that it is ready."""
    url = arena.database.reading_url
    with StartedServer(contestant, url, DB_CONNECTIONS) as server:
        figures = {"start_ms": server.start_ms}
    if contestant.family == "c":
        with ReadyServer(contestant, url, DB_CONNECTIONS) as server:
            figures["ready_ms"] = server.start_ms
    return figures


def size(contestant):
    """Stripped; and with the shared libraries that it loads, for others hold theirs."""
    listed = subprocess.run(["ldd", contestant.program], capture_output=True, text=True).stdout
    libraries = re.findall(r"(?:=> )?(/\S+) \(0x", listed)
    binary = builds.stripped_size(contestant.program)
    return {"binary_bytes": binary,
            "with_libraries_bytes": binary + sum(Path(library).stat().st_size for library in libraries)}


def one_answer(connection):
    connection.sendall(b"GET /users/42 HTTP/1.1\r\nHost: bench\r\n\r\n")
    answer = b""
    while not complete(answer):
        received = connection.recv(4096)
        if not received:
            raise StartError("a connection was closed")
        answer += received


def complete(answer):
    head, found, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.M)
    return bool(found) and (len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n"))


def idle(arena, contestant):
    """What a connection costs that has had an answer and is kept open; and the service with none."""
    with arena.server(contestant, db_connections=DB_CONNECTIONS) as server, contextlib.ExitStack() as connections:
        idle_mib = memory_mib(server.pid)["rss_mib"]

        def open_connections(count):
            for _ in range(count):
                connection = connections.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
                one_answer(connection)

        open_connections(arena.settings.connections)
        before = memory_mib(server.pid)["rss_mib"]
        open_connections(IDLE_CONNECTIONS)
        time.sleep(1)
        after = memory_mib(server.pid)["rss_mib"]
        return {"idle_mib": idle_mib, "idle_connection_kib": (after - before) * 1024 / IDLE_CONNECTIONS}
