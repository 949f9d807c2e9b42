"""A primary and a synchronous standby, each behind a proxy of its own that can lose connections.

    with Cluster() as cluster:
        url = cluster.create_database("splits")     # both hosts; whoever takes writes is the one
        cluster.promote()                           # the primary is killed, the standby takes over

With synchronous replication a commit that was acknowledged is on both, so losing the primary must lose nothing.
"""

import contextlib

import paths  # noqa: F401
import psycopg2

from postgres import PostgresServer, free_port
from proxy import Proxy
from service import wait_until

REPLICA_SECONDS_MAX = 20


class Member(PostgresServer):
    """On a port that others know; a copy of source, following it, when there is one."""

    def __init__(self, port, source=None):
        self._source = source
        super().__init__(tcp=True, settings={"port": port, "wal_retrieve_retry_interval": "100ms"})
        self.port = port

    def _initdb(self):
        if self._source is None:
            super()._initdb()
            return
        command = [self._programs / "pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync",
                   "-d", self._source.url()]
        with open(self.log, "ab") as log:
            if self._run_as_user(command, log).wait() != 0:
                raise RuntimeError(f"pg_basebackup failed:\n{self._log_tail()}")
        # The source's own settings come with the copy; alone, the copy must not wait for a standby.
        with open(self.data / "postgresql.auto.conf", "a", encoding="utf-8") as file:
            file.write("synchronous_standby_names = ''\n")

    def restart_killed(self):
        self.kill()
        self.start()


class Cluster:
    def __init__(self):
        self._stack = contextlib.ExitStack()
        self.ports = [free_port(), free_port()]
        self.members = [None, None] # by place; a standby is beside the primary unless one is being made
        self.primary = None
        self.proxies = []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self._remove)
            self.proxies = [stack.enter_context(Proxy(port)) for port in self.ports]
            self.members[0] = self.primary = Member(self.ports[0])
            self.primary.start()
            self._add_standby(1)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self._stack.__exit__(*exception)

    def _remove(self):
        for member in self.members:
            if member is not None:
                member.remove()

    def _add_standby(self, place):
        self.members[place] = Member(self.ports[place], self.primary)
        self.members[place].start()
        self.await_standby()
        self.primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.query("SELECT pg_reload_conf()")
        wait_until(lambda: self._standby_is("sync"), REPLICA_SECONDS_MAX, "a synchronous standby")

    def _standby_is(self, state):
        return self.count("pg_stat_replication WHERE state = 'streaming' AND sync_state LIKE %s", state) == 1

    def await_standby(self):
        """It has caught up with the primary; until then commits wait."""
        wait_until(lambda: self._standby_is("%"), REPLICA_SECONDS_MAX, "the standby")

    # As PostgresServer

    def query(self, sql, *parameters, database="postgres"):
        return self.primary.query(sql, *parameters, database=database)

    def create_database(self, name):
        self.primary.create_database(name)
        hosts = ",".join(f"127.0.0.1:{proxy.port}" for proxy in self.proxies)
        return f"postgresql://postgres@{hosts}/{name}?target_session_attrs=read-write"

    def count(self, source, *parameters):
        """Rows of FROM source; None while the primary recovers."""
        with contextlib.suppress(psycopg2.OperationalError):
            return self.query(f"SELECT count(*) FROM {source}", *parameters)[0][0]
        return None

    # Faults

    def cut(self):
        """The network loses all connections to the databases."""
        for proxy in self.proxies:
            proxy.cut()

    def promote(self):
        """The primary is gone for good; then a new standby is made in its place."""
        old = self.members.index(self.primary)
        self.primary.kill()
        self.primary = self.members[1 - old]
        self.primary.query("SELECT pg_promote()")
        self.members[old].remove()
        self.members[old] = None
        self._add_standby(old)
