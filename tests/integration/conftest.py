"""A database that tests share which only need one."""

import contextlib

import pytest

from postgres import PostgresServer
from service import migrate


class SharedDatabase:
    """Migrated, with 1,200 users whose names are long: a page of 1,000 of them has more than a megabyte."""

    NAME = "shared"
    USERS = 1200

    def __init__(self, server):
        self.server = server
        self.url = server.create_database(self.NAME)
        migrate(self.url)
        self.query("INSERT INTO users (name, email) SELECT repeat('🙂', 200), i || '@shared.example' "
                   f"FROM generate_series(1, {self.USERS}) i")

    def query(self, sql, *parameters):
        return self.server.query(sql, *parameters, database=self.NAME)

    @contextlib.contextmanager
    def locked(self):
        """Nobody reads or writes users meanwhile."""
        connection = self.server.connect(self.NAME)
        try:
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            yield
        finally:
            connection.close()

    def clients(self):
        """How many connections services have open."""
        return self.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                          "AND application_name = 'splits'")[0][0]


@pytest.fixture(scope="session")
def shared():
    with PostgresServer() as server:
        yield SharedDatabase(server)
