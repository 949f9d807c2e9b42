"""From which database latency on do language and serializer stop to matter? Delay × rows × serializer × contestant, for
one connection (latency) and for many (capacity). All have the same number of database connections."""

import contextlib
import subprocess
import tempfile

from harness.contestants import BLOCKING, COMBINED
from harness.database import READING
from harness.race import Measurement
from harness.servers import StartError, start_bound_to_us
from harness.settings import BUILD

DELAYS_MS = (0, 1, 5, 15, 50)               # the database sleeps whole milliseconds
WIRE_DELAYS_MS = (0, 0.5, 1, 5, 15, 50)
ROWS = (1, 10, 100, 1000)
WIRE_ROWS = (100,)
DB_CONNECTIONS = 16
LOADS = (1, 64)
SECONDS = 0.8
PROXY = BUILD / "release/delay_proxy"

# These for all cells; the others for some.
MAIN_SERIALIZERS = {"splits": ("direct", "jansson")}
OTHER_SERIALIZERS_ROWS = 100
OTHER_SERIALIZERS_DELAYS_MS = (0, 15)
# What the verdict is about is measured more often; the rest shows where things go.
HEADLINE = (15, 100)
HEADLINE_FACTOR = 3


def serializers_of(contestant, rows, delay_ms):
    if rows == OTHER_SERIALIZERS_ROWS and delay_ms in OTHER_SERIALIZERS_DELAYS_MS:
        return contestant.serializers
    return MAIN_SERIALIZERS.get(contestant.name, contestant.serializers[:1])


def rounds_of(arena, delay_ms, rows):
    return arena.settings.cell_rounds * (HEADLINE_FACTOR if (delay_ms, rows) == HEADLINE else 1)


def cells(contestant):
    """(side, delay_ms, rows, serializer)"""
    for rows in ROWS:
        for delay_ms in DELAYS_MS:
            for serializer in serializers_of(contestant, rows, delay_ms):
                yield "server", delay_ms, rows, serializer
    for rows in WIRE_ROWS:
        for delay_ms in WIRE_DELAYS_MS:
            yield "wire", delay_ms, rows, contestant.serializers[0]


def measurements(arena, names=("splits", "go-nethttp", "go-fasthttp", "rust-axum-postgres")):
    found = []
    for contestant in arena.contestants:
        if contestant in (BLOCKING, COMBINED) or contestant.name not in names:
            continue
        for side, delay_ms, rows, serializer in cells(contestant):
            for connections in LOADS:
                for number in range(rounds_of(arena, delay_ms, rows)):
                    found.append(cell(arena, contestant, side=side, delay_ms=delay_ms, rows=rows,
                                      serializer=serializer, connections=connections, round=number))
    return found


def cell(arena, contestant, side, delay_ms, rows, serializer, connections, round):
    path = f"/lab/users?rows={rows}&delay_ms={delay_ms if side == 'server' else 0}&serializer={serializer}"

    def run():
        proxy = delayed(arena.database, delay_ms) if side == "wire" else contextlib.nullcontext()
        with proxy as environment:
            with arena.server(contestant, *lab_options(contestant), db_connections=DB_CONNECTIONS,
                              environment=environment) as server:
                return arena.loaded(server, path, connections=connections, seconds=SECONDS)

    return Measurement(run, arena.seconds_of(SECONDS), experiment="crossover", contestant=contestant.name, side=side,
                       delay_ms=delay_ms, rows=rows, serializer=serializer, connections=connections, round=round)


def lab_options(contestant):
    return ("--lab=on",) if contestant.family == "c" else ()


@contextlib.contextmanager
def delayed(database, delay_ms):
    """Gives the environment of a database whose wire is so much slower: both ways together."""
    with tempfile.TemporaryDirectory(prefix="splits-wire-") as folder:
        socket = f"{folder}/.s.PGSQL.{database.server.port}"
        target = database.server.folder / f".s.PGSQL.{database.server.port}"
        process = start_bound_to_us([PROXY, socket, target, round(delay_ms * 1000)], stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout.readline().strip() != "ready":
                raise StartError("the delaying proxy did not start")
            yield {"DATABASE_URL": database.url(READING, folder)}
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()
