"""A private PostgreSQL server for tests, in a temporary folder of its own.

    with PostgresServer() as server:
        url = server.create_database("splits")
        server.query("SELECT 1", database="splits")

It listens on a Unix socket in its folder, and on 127.0.0.1 as well with tcp=True. Nothing of it
outlives the process that made it, however that ends: a guard waits on a pipe from it.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql as psycopg2_sql

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30

# Ends the server and removes its folder when the pipe on its standard input closes.
GUARD = """
trap '' INT TERM HUP
read -r _
pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
tries=0
while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ $tries -lt 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
rm -rf "$0"
"""


def program_folder():
    """The folder of the newest installed server's programs."""
    pg_ctl = shutil.which("pg_ctl")
    if pg_ctl:
        return Path(pg_ctl).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if not folders:
        raise RuntimeError("no PostgreSQL server is installed")
    return folders[-1]


def server_user():
    """Whom to run as: PostgreSQL refuses root. None: as the current user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("neither user postgres nor user nobody exists")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class PostgresServer:
    """One server. Superuser "postgres"; a with statement starts and removes it."""

    def __init__(self, *, tcp=False, fsync=False, password=None, statements=False, settings=None):
        """
        tcp: also on 127.0.0.1, on self.port. fsync: survive power loss (slower; a crash of the
        server alone is survived anyway). password: ask for it, by SCRAM, and use it in url().
        statements: load pg_stat_statements. settings: more lines for postgresql.conf, as a dict.
        """
        self.password = password
        self.tcp = tcp
        self.port = free_port() if tcp else 5432
        self.process = None
        self._user = server_user()
        self._programs = program_folder()
        # Not below $TMPDIR: the path of a Unix socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="splits-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, str(self.folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            self._create(fsync, statements, settings or {})
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    # Life cycle

    def start(self):
        """Starts the server and returns when it takes connections."""
        assert self.process is None, "already started"
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            with open(self.log, "ab") as log:
                self.process = self._run_as_user([self._programs / "postgres", "-D", self.data], log)
            if self._wait_until_ready(deadline):
                return
            self.process.send_signal(signal.SIGQUIT)
            code = self._reap()
            # After kill() the old backends may hold the shared memory for a moment.
            if time.monotonic() > deadline or "is still in use" not in self._log_tail():
                raise RuntimeError(f"PostgreSQL did not start (exit code {code}):\n{self._log_tail()}")
            time.sleep(0.1)

    def stop(self, mode="fast"):
        """Stops the server: "smart" waits for clients, "fast" aborts them, "immediate" crashes."""
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        if self.process is None:
            return
        self.process.send_signal(signals[mode])
        self._reap()

    def kill(self):
        """Kills the postmaster at once (SIGKILL); its children notice and end."""
        assert self.process is not None, "not started"
        self.process.kill()
        self._reap()

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def remove(self):
        """Stops the server, whatever its state, and deletes its folder."""
        try:
            self.stop("immediate")
        finally:
            self._guard.stdin.close()
            self._guard.wait()

    def running(self):
        return self.process is not None and self.process.poll() is None

    # Use

    def url(self, database="postgres", *, user="postgres", password=None, tcp=None):
        """A connection URI. tcp: over 127.0.0.1, not the socket; by default what the server has."""
        tcp = self.tcp if tcp is None else tcp
        password = self.password if password is None else password
        secret = f":{quote(password, safe='')}" if password else ""
        if tcp:
            return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}"
        host = quote(str(self.folder), safe="")
        return f"postgresql://{user}{secret}@/{database}?host={host}&port={self.port}"

    def connect(self, database="postgres"):
        """A psycopg2 connection; the caller closes it."""
        return psycopg2.connect(self.url(database), connect_timeout=5)

    def query(self, sql, *parameters, database="postgres"):
        """Runs one statement outside a transaction block; gives its rows, [] when it has none."""
        connection = self.connect(database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def create_database(self, name):
        """Makes an empty database, in place of an old one of this name; gives its URI."""
        identifier = psycopg2_sql.Identifier(name)
        self.query(psycopg2_sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
        self.query(psycopg2_sql.SQL("CREATE DATABASE {}").format(identifier))
        return self.url(name)

    # Private

    def _create(self, fsync, statements, settings):
        self.log.touch()
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
            os.chown(self.log, self._user.pw_uid, self._user.pw_gid)
        # Open to others than the server's user: clients of another user must reach the socket.
        self.folder.chmod(0o755)
        self._initdb()
        lines = {
            "listen_addresses": "127.0.0.1" if self.tcp else "",
            "port": self.port,
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if fsync else "off",
            "log_min_messages": "warning",
        }
        if statements:
            lines["shared_preload_libraries"] = "pg_stat_statements"
        lines.update(settings)
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            for name, value in lines.items():
                escaped = str(value).replace("'", "''")
                file.write(f"{name} = '{escaped}'\n")

    def _initdb(self):
        command = [self._programs / "initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        if self.password:
            file = self.folder / "password"
            file.write_text(self.password, encoding="utf-8")
            file.chmod(0o644)
            command += ["--auth=scram-sha-256", f"--pwfile={file}"]
        else:
            command += ["--auth=trust"]
        with open(self.log, "ab") as log:
            code = self._run_as_user(command, log).wait()
        if code != 0:
            raise RuntimeError(f"initdb failed (exit code {code}):\n{self._log_tail()}")

    def _run_as_user(self, command, log):
        # A session of its own: Ctrl-C must reach the tests alone, which then stop the server.
        options = {"cwd": self.folder, "stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        if self._user:
            options |= {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return subprocess.Popen([str(part) for part in command], start_new_session=True, **options)

    def _wait_until_ready(self, deadline):
        file = self.data / "postmaster.pid"
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):
                lines = file.read_text(encoding="utf-8").splitlines()
                # The last line is the server's state; a stale file has another process id.
                if len(lines) >= 8 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready":
                    return True
            time.sleep(0.01)
        return False

    def _reap(self):
        try:
            code = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            code = self.process.wait(STOP_SECONDS_MAX)
        self.process = None
        return code

    def _log_tail(self):
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
