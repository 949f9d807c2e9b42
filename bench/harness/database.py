"""The private PostgreSQL of a contest: durable, with sample users, over a Unix socket."""

import os
import subprocess
from urllib.parse import quote

from harness.settings import BUILD, ROOT

from postgres import PostgresServer, program_folder

SPLITS = BUILD / "release/splits"

# Of a developer's machine, the same for all. Durability as PostgreSQL comes: fsync and synchronous_commit are on.
SERVER_SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "400",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "jit": "off",
}
SAMPLE, READING, WRITING = "sample", "reading", "writing"


class Database:
    """Two databases with the same users: one that is only read, and a copy for each measurement that writes."""

    def __init__(self, users):
        self.users = users
        self.server = PostgresServer(fsync=True, settings=SERVER_SETTINGS)

    def __enter__(self):
        self.server.__enter__()
        try:
            self._fill()
        except BaseException:
            self.server.__exit__(None, None, None)
            raise
        return self

    def _fill(self):
        self.sample_url = self.server.create_database(SAMPLE)
        subprocess.run([SPLITS, "migrate", "up", f"--database-url={self.sample_url}",
                        f"--migrations-dir={ROOT}/migrations"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([program_folder() / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-v", f"users={self.users}",
                        "-f", ROOT / "bench/sample_users.sql", self.sample_url], check=True)
        self.reading_url = self._copy(READING)

    def __exit__(self, *exception):
        self.server.__exit__(*exception)

    @property
    def pid(self):
        return self.server.process.pid

    def fresh_url(self):
        """A new copy for a measurement that writes, in place of the last one; its connections must be closed."""
        return self._copy(WRITING)

    def _copy(self, name):
        self.server.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.server.query(f"CREATE DATABASE {name} TEMPLATE {SAMPLE} STRATEGY file_copy")
        self.server.query("SELECT pg_stat_reset()", database=name)
        return self.url(name)

    def url(self, name, folder=None):
        """In the one form that all drivers take; folder: of another socket that leads there."""
        return (f"postgresql:///{name}?host={quote(str(folder or self.server.folder), safe='')}"
                f"&port={self.server.port}&user=postgres")

    def version(self):
        return self.server.query("SHOW server_version")[0][0].split()[0]


def bare_environment():
    """Nothing that would set something for a contestant, its runtime or its driver."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
