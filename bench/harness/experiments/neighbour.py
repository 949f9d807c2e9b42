"""A query that takes 15 ms, asked for by 256 connections: how many answers come, and what others notice of it."""

import contextlib
import threading

from harness import load
from harness.builds import tool
from harness.contestants import BLOCKING, COMBINED
from harness.experiments.crossover import lab_options
from harness.race import Measurement

DELAY_MS = 15
SLOW_CONNECTIONS = 256
DB_CONNECTIONS = 64
RATE = 1000
CONNECTIONS = 16
SECONDS = 3
SLOW_PATH = f"/lab/users?rows=1&delay_ms={DELAY_MS}"


def measurements(arena, names=None):
    return [cell(arena, one, state, number) for one in arena.contestants
            if one not in (BLOCKING, COMBINED) and (not names or one.name in names) for state in ("idle", "busy")
            for number in range(arena.settings.rounds)] if tool("oha") else []


class Slow:
    """Keeps the slow route busy over a with statement; figures is what it got."""

    def __init__(self, arena, server):
        self.figures = {}
        self.error = None
        self._thread = threading.Thread(target=self._run, args=(arena, server))

    def _run(self, arena, server):
        try:
            self.figures = load.wrk(server.base_url + SLOW_PATH, {}, seconds=SECONDS + 2,
                                    connections=SLOW_CONNECTIONS, users=arena.settings.users)
        except load.LoadError as error:
            self.error = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()


def cell(arena, contestant, state, number):
    def run():
        with arena.server(contestant, *lab_options(contestant), db_connections=DB_CONNECTIONS) as server:
            url = f"{server.base_url}/health"
            load.oha(url, {}, rate=RATE, seconds=1, connections=CONNECTIONS)
            with Slow(arena, server) if state == "busy" else contextlib.nullcontext() as slow:
                if slow:
                    threading.Event().wait(1) # until all of its connections are open
                figures = load.oha(url, {}, rate=RATE, seconds=SECONDS, connections=CONNECTIONS)
        if not slow:
            return figures
        if slow.error:
            raise slow.error
        possible = DB_CONNECTIONS / (DELAY_MS / 1000)
        return figures | {"db_connections": DB_CONNECTIONS, "slow_rate": slow.figures["rate"], "slow_share": slow.figures["rate"] / possible,
                          "failed": figures["failed"] + slow.figures["failed"]}

    return Measurement(run, SECONDS + 4, experiment="neighbour", contestant=contestant.name, workload="health",
                       state=state, rate_target=RATE, round=number)
