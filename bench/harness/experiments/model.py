"""Blocking against pipelined: the same program, the same database connections, a worker that waits and one that does not."""

from harness.contestants import BLOCKING, SPLITS
from harness.race import Measurement

DELAYS_MS = (0, 1, 5, 15)
LOADS = (64, 256)
DB_CONNECTIONS = 64
SECONDS = 1.5


def measurements(arena):
    """A blocking worker uses one connection at a time: it gets as many workers as the other has connections."""
    return [cell(arena, contestant, delay_ms, connections, number)
            for contestant in (SPLITS, BLOCKING) if contestant in arena.contestants
            for delay_ms in DELAYS_MS for connections in LOADS for number in range(arena.settings.cell_rounds)]


def cell(arena, contestant, delay_ms, connections, number):
    def run():
        options, environment = ("--lab=on",), {}
        if contestant is BLOCKING:
            options += (f"--workers={DB_CONNECTIONS}",)
            environment["SPLITS_DB_CONNECTIONS"] = "1"
        with arena.server(contestant, *options, db_connections=DB_CONNECTIONS, environment=environment) as server:
            return arena.loaded(server, f"/lab/users?rows=1&delay_ms={delay_ms}", connections=connections,
                                seconds=SECONDS)

    return Measurement(run, arena.seconds_of(SECONDS), experiment="model", contestant=contestant.name,
                       delay_ms=delay_ms, connections=connections, db_connections=DB_CONNECTIONS, round=number)
