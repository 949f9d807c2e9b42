"""What it costs to have: start, size, build, memory of idle connections."""

import contextlib
import re
import resource
import socket
import subprocess
import time

from harness import builds
from harness.contestants import BLOCKING, COMBINED
from harness.database import foreign_variables_removed
from harness.race import Measurement
from harness.servers import StartError, status_of
from harness.settings import SettingError
from harness.watch import memory_mib

from service_process import free_port

IDLE_CONNECTIONS = 2000
DESCRIPTORS_NEEDED = 9000
START_SECONDS_MAX = 20
DB_CONNECTIONS = 8


def raise_descriptor_limit(needed=DESCRIPTORS_NEEDED):
    """Of this process and all that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SettingError(f"open files (ulimit -Hn) are limited to {hard}: {needed} are needed for 4,096 connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measurements(arena, parts=("start", "size", "idle", "build"), rounds=None):
    found = []
    for one in arena.contestants:
        if one in (BLOCKING, COMBINED):
            continue
        if "start" in parts:
            found += [measurement(lambda one=one: start(arena, one), 0.6, one, "start", number)
                      for number in range(rounds or arena.settings.rounds)]
        if "size" in parts:
            found.append(measurement(lambda one=one: {"binary_bytes": builds.stripped_size(one.program)}, 0.2, one, "size"))
        if "idle" in parts:
            found.append(measurement(lambda one=one: idle(arena, one), 4, one, "idle"))
        if "build" in parts:
            found.append(measurement(lambda one=one: builds.time_build(one), 60 if one.family != "c" else 12, one, "build"))
    return found


def measurement(run, seconds, contestant, part, number=0):
    return Measurement(run, seconds, experiment="cost", contestant=contestant.name, part=part, round=number)


def ready_path(contestant):
    """The peers listen only when their database is there."""
    return "/health/ready" if contestant.family == "c" else "/health"


def start(arena, contestant):
    """From exec to the first 200."""
    port = free_port()
    environment = foreign_variables_removed() | contestant.connections_environment(DB_CONNECTIONS) | {
        "PORT": str(port), "DATABASE_URL": arena.database.reading_url}
    path = ready_path(contestant)
    began = time.perf_counter()
    process = subprocess.Popen([contestant.program, *contestant.arguments], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while status_of(port, path) != 200:
            if time.perf_counter() - began > START_SECONDS_MAX or process.poll() is not None:
                raise StartError(f"{contestant.title} did not become ready")
            time.sleep(0.0003)
        return {"start_ms": (time.perf_counter() - began) * 1000}
    finally:
        process.terminate()
        process.wait()


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
                connection = connections.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                one_answer(connection)

        open_connections(arena.settings.connections)
        before = memory_mib(server.pid)["rss_mib"]
        open_connections(IDLE_CONNECTIONS)
        time.sleep(1)
        after = memory_mib(server.pid)["rss_mib"]
        return {"idle_mib": idle_mib, "idle_connection_kib": (after - before) * 1024 / IDLE_CONNECTIONS}
