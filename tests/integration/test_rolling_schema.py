"""An older program beside a newer schema: rolling updates and roll-backs."""

import shutil
import subprocess

import pytest

from postgres import PostgresServer
from service import BINARY, MIGRATIONS, Service, clean_environment, migrate, wait_until

NEWEST = max(int(file.name[:4]) for file in MIGRATIONS.glob("*.sql"))
EXPAND = "ALTER TABLE users ADD COLUMN nickname text;\nCREATE INDEX users_nickname ON users (nickname);\n"
CONTRACT = "ALTER TABLE users RENAME COLUMN name TO full_name;\n"


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as server:
        yield server


@pytest.fixture
def url(server):
    url = server.create_database("rolling")
    migrate(url)
    return url


def newer(folder, sql):
    """The migrations of a newer version: one more."""
    shutil.copytree(MIGRATIONS, folder, dirs_exist_ok=True)
    (folder / f"{NEWEST + 1:04}_newer.sql").write_text(sql, encoding="utf-8")
    return folder


def splits(*words, url):
    return subprocess.run([BINARY, *words, f"--database-url={url}", f"--migrations-dir={MIGRATIONS}"],
                          env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)


def end_connections(server):
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'splits'")


def connections(server, condition="true"):
    rows = server.query(f"SELECT pid FROM pg_stat_activity WHERE application_name = 'splits' AND {condition}")
    return {pid for pid, in rows}


def unused_connections(server):
    """Not yet asked: the last statement is prepared, which was sent together with the question for the schema."""
    return connections(server, "state = 'idle' AND query LIKE '%erased%'")


def serving(url):
    return Service(url, "--workers=1", "--db-connections=2", "--db-reconnect-max-ms=100")


def test_an_older_program_stays_ready_while_a_newer_schema_suits_it(server, url, tmp_path):
    with serving(url) as service:
        service.wait_until_ready()
        assert service.create("before@new.example").status == 201
        migrate(url, newer(tmp_path, EXPAND))
        end_connections(server)
        record = service.wait_for_record("schema_ahead")
        assert (record["level"], record["schema_version"], record["known"]) == ("warning", NEWEST + 1, NEWEST)
        service.wait_until_ready()
        assert service.create("after@new.example").status == 201
        assert service.get("/users/1").json()["email"] == "before@new.example"
        # One may be back before the other's end is seen: then no log line says that the database was away.
        ended = connections(server)
        end_connections(server)
        wait_until(lambda: len(unused_connections(server) - ended) == 2)
        assert service.get("/users/1").status == 200
        assert len(service.records("schema_ahead")) == 1


def test_an_older_program_starts_with_a_newer_schema_that_suits_it(url, tmp_path):
    migrate(url, newer(tmp_path, EXPAND))
    with serving(url) as service:
        service.wait_until_ready()
        assert service.create("a@new.example").status == 201


def test_an_older_program_says_that_a_newer_schema_does_not_suit_it(url, tmp_path):
    migrate(url, newer(tmp_path, CONTRACT))
    with serving(url) as service:
        record = service.wait_for_record("database_connect_failed")
        assert record["message"].startswith(
            f"the schema is at version {NEWEST + 1}, and no longer works with this program, which knows {NEWEST}")
        assert service.get("/health").status == 200
        assert service.get("/health/ready").code == "schema_unknown"
        assert service.get("/users/1").code == "schema_unknown"


def test_a_schema_that_stops_to_suit_makes_the_running_program_unready(url, tmp_path):
    with serving(url) as service:
        service.wait_until_ready()
        migrate(url, newer(tmp_path, CONTRACT))
        wait_until(lambda: service.get("/users/1").status == 503)
        wait_until(lambda: service.get("/health/ready").code == "schema_unknown")


def test_a_missing_schema_is_told_with_the_remedy(server):
    with serving(server.create_database("rolling")) as service:
        message = service.wait_for_record("database_connect_failed")["message"]
        assert message == f"the schema is at version 0, expected is {NEWEST}: run splits migrate up"


def test_a_roll_back_has_nothing_to_migrate(url, tmp_path):
    migrate(url, newer(tmp_path, EXPAND))
    result = splits("migrate", "up", url=url)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"{NEWEST + 1:04}_newer: applied, but there is no such file\n" in result.stdout
    assert splits("migrate", "status", url=url).returncode == 3
    result = splits("check", url=url)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith(f"schema: current, {NEWEST} migrations, and 1 of a newer version\n")
