"""Two instances behind a front, with readers and journaled writers; what happens to them meanwhile is the caller's."""

import contextlib
import tempfile
import time

import journal
import paths  # noqa: F401
import rollout
from fronts import Haproxy
from traffic import Readers

from service import migrate

USERS = 1000
NAME = "rehearsal"
SETTLE_SECONDS = 0.5 # of load before and after


class Database:
    """Migrated, with users to read, and a trigger that keeps every change."""

    def __init__(self, server):
        self.server = server
        self.url = server.create_database(NAME)
        migrate(self.url)
        self.query("INSERT INTO users (name, email) SELECT 'U' || i, i || '@readers.example' "
                   f"FROM generate_series(1, {USERS}) i")
        journal.audit(self.query)

    def query(self, sql, *parameters):
        return self.server.query(sql, *parameters, database=NAME)


class Rehearsal:
    """
    with Rehearsal(database, rules) as rehearsal:
        rehearsal.fleet.roll(rules, beside=True)
    print(rehearsal.requests, rehearsal.failed, rehearsal.verdict)
    """

    def __init__(self, database, rules, *options, front=Haproxy, connections=16, pause_ms=20, writers=4):
        self.database = database
        self.fleet = rollout.Fleet(database.url, *options)
        self.verdict = self.readers = self.writers = None
        self.seconds = 0
        self._front = front
        self.rules = rules
        self._load = {"connections": connections, "pause_ms": pause_ms}
        self._writer_count = writers
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="splits-journal-"))
            self.fleet.front = stack.enter_context(self._front(self.fleet.ports.values()))
            stack.enter_context(self.fleet)
            self.fleet.launch(("one", "two"), self.rules)
            url = self.fleet.front.base_url
            self._clients = stack.enter_context(contextlib.ExitStack())
            self.readers = self._clients.enter_context(Readers(url, USERS, **self._load))
            self.writers = self._clients.enter_context(journal.Writers(url, self._folder, self._writer_count))
            self._stack = stack.pop_all()
        self._started = time.monotonic()
        time.sleep(SETTLE_SECONDS)
        return self

    def __exit__(self, kind, *_):
        with self._stack:
            time.sleep(SETTLE_SECONDS)
            self._clients.close()
            self.seconds = time.monotonic() - self._started
            if kind is None:
                self.verdict = journal.judge(self._folder, self.database.query)

    # Readers and writers together

    @property
    def requests(self):
        return self.readers.count + self.verdict.requests

    @property
    def failed(self):
        return self.readers.failed + len(self.verdict.failed)

    @property
    def slowest_ms(self):
        return max(self.readers.slowest_ms, self.verdict.slowest_seconds * 1000)
