"""The service behind PgBouncer, which hands out a session for a transaction: --db-prepared=off."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import paths  # noqa: F401
import pytest

from postgres import PostgresServer, free_port, server_user
from service import Service, migrate, wait_until

API = Path(__file__).parents[2] / "api"
API_TESTS = [API / f"test_{name}.py" # the rest is about HTTP
             for name in ("create", "read", "list", "change", "conditional", "delete", "idempotency")]
NAME = "pooled"
SESSIONS = 3      # of PgBouncer with the server
CONNECTIONS = 16  # of the service with PgBouncer

CONFIGURATION = """
[databases]
{name} = host={host} port={server_port} dbname={name} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
"""


def program():
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


pytestmark = pytest.mark.skipif(not program(), reason="needs pgbouncer")


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as server:
        migrate(server.create_database(NAME))
        yield server


@contextlib.contextmanager
def pgbouncer(server):
    """Gives the URL through it."""
    port, user = free_port(), server_user()
    options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    with tempfile.TemporaryDirectory(prefix="splits-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(CONFIGURATION.format(name=NAME, host=server.folder, server_port=server.port, port=port,
                                             sessions=SESSIONS), encoding="utf-8")
        with open(Path(folder) / "log", "wb") as log:
            process = subprocess.Popen([program(), file], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, **options)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/{NAME}"
        finally:
            process.kill()
            process.wait()


def test_the_api_is_the_same_behind_a_transaction_pooler(server):
    with pgbouncer(server) as url, Service(url, "--workers=2", f"--db-connections={CONNECTIONS // 2}",
                                           "--db-prepared=off") as service:
        service.wait_until_ready()
        tests = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                                f"--base-url={service.base_url}", *API_TESTS], capture_output=True, text=True, check=False)
        sessions = server.query("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", NAME)[0][0]
    assert tests.returncode == 0, tests.stdout[-4000:]
    assert 0 < sessions <= SESSIONS


def test_prepared_statements_do_not_work_behind_an_old_one(server):
    """Why there is the option: a session without the statements, or with somebody else's."""
    version = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, version.split()[1].split(".")[:2])) >= (1, 21):
        pytest.skip("this PgBouncer knows prepared statements")
    with pgbouncer(server) as url, Service(url, "--workers=2", f"--db-connections={CONNECTIONS // 2}") as service:
        time.sleep(1)
        wait_until(lambda: "database_connect_failed" in service.events() or service.get("/users/1").status >= 500, 5,
                   "a failure")
