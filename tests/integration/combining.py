"""What tests of combined queries have in common: requests that a worker sees in one tick."""

import contextlib
import os
import signal

from metrics import scrape
from postgres import PostgresServer
from raw_client import RawClient
from service import PHASES, Service, migrate, wait_until

USERS = 300
TOGETHER = 40 # clients that ask at once: fewer than one query takes (src/postgres/query_batch.h)


class Database:
    """Migrated, with users of the ids 1 to USERS. combined: a condition on pg_stat_activity."""

    NAME = "combined"

    def __init__(self, server, combined):
        self.server = server
        self.combined = combined
        self.url = server.create_database(self.NAME)
        migrate(self.url)
        self.query("INSERT INTO users (name, email) SELECT 'U' || i, i || '@combined.example' "
                   f"FROM generate_series(1, {USERS}) i")

    def query(self, sql, *parameters):
        return self.server.query(sql, *parameters, database=self.NAME)

    @contextlib.contextmanager
    def transaction(self, sql, *parameters):
        """Somebody else's, which is rolled back."""
        connection = self.server.connect(self.NAME)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
            yield
        finally:
            connection.close()

    def locked(self, table="users"):
        """Nobody reads or writes users meanwhile."""
        return self.transaction(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")

    def backends(self, condition):
        rows = self.query("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                          f"AND application_name = 'splits' AND {condition}")
        return [pid for pid, in rows]

    def wait_for_combined(self):
        """Until a combined query waits for a lock; gives its backend."""
        return wait_until(lambda: self.backends(f"{self.combined} AND state = 'active' AND wait_event_type = 'Lock'"),
                          what="a combined query")[0]


def database_server():
    return PostgresServer(tcp=True, statements=True)


@contextlib.contextmanager
def serving(url, *options):
    with Service(url, "--workers=1", "--db-connections=2", "--access-log=all", "--db-lock-timeout-ms=10000",
                 "--db-statement-timeout-ms=10000", *options) as service:
        service.wait_until_ready()
        yield service


@contextlib.contextmanager
def clients_of(service, count=TOGETHER):
    """Clients whose connections the service knows."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(service)) for _ in range(count)]
        for client in clients:
            assert client.ask("/health").status == 200
        yield clients


@contextlib.contextmanager
def one_tick(service):
    """The service sees all the requests that are sent meanwhile in one tick: it is stopped."""
    os.kill(service.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(service.process.pid, signal.SIGCONT)


def operations(service, name):
    return scrape(service).sum("db_client_operation_duration_seconds_count", db_operation_name=name)


def assert_ledgers_add_up(service, route, count):
    """Those of the route; gives their records."""
    def of_route():
        return [record for record in service.records("request") if record["route"] == route]

    wait_until(lambda: len(of_route()) == count, what=f"the log of {count} requests")
    records = of_route()
    for record in records:
        assert sum(record[f"{phase}_ns"] for phase in PHASES) == record["total_ns"] > 0, record
    return records


def wait_for_leavers(service, count):
    """Until the service has noticed that so many clients went away."""
    wait_until(lambda: [record["status"] for record in service.records("request")].count(499) == count,
               what=f"the end of {count} requests")
