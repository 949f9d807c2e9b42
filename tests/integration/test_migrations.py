"""splits migrate and splits check against a real PostgreSQL."""

import contextlib
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import psycopg2
import pytest

from postgres import PostgresServer, free_port

BINARY = os.environ.get("SPLITS_BINARY", "build/splits")
OWN_MIGRATIONS = Path(__file__).parents[2] / "migrations"
TIMEOUT_SECONDS = 60


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as server:
        yield server


@pytest.fixture
def database(server):
    """The URL of an empty database."""
    return server.create_database("migrations_test")


@pytest.fixture
def folder(tmp_path):
    """A folder with two migrations."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_one.sql").write_text("CREATE TABLE one (id int);\nINSERT INTO one VALUES (1);\n")
    (folder / "0002_two.sql").write_text("CREATE TABLE two (id int);\n")
    return folder


def command(*words, url, folder=OWN_MIGRATIONS):
    return [BINARY, *words, f"--database-url={url}", f"--migrations-dir={folder}"]


def clean_environment():
    """Without the variables that set something for the program under test, or for libpq."""
    foreign = re.compile("SPLITS_|PG|DATABASE_URL|PORT$")
    return {name: value for name, value in os.environ.items() if not foreign.match(name)}


def splits(*words, url, folder=OWN_MIGRATIONS):
    return subprocess.run(
        command(*words, url=url, folder=folder),
        env=clean_environment(), capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
    )


@contextlib.contextmanager
def started(*words, url, folder):
    """The process of a command, which ends with the with statement at the latest."""
    with subprocess.Popen(command(*words, url=url, folder=folder), env=clean_environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def answer(result):
    return result.returncode, result.stdout, result.stderr


def query(server, sql):
    return server.query(sql, database="migrations_test")


def tables(server):
    rows = query(server, "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
                         " WHERE nspname = 'public' AND relkind = 'r' ORDER BY relname")
    return [name for (name,) in rows]


def applied(server):
    return [version for (version,) in query(server, "SELECT version FROM schema_migrations ORDER BY version")]


class TestUp:
    def test_applies_what_is_pending_once(self, server, database, folder):
        first = splits("migrate", "up", url=database, folder=folder)
        assert answer(first) == (0, "0001_one: applied now\n0002_two: applied now\n", "")
        (folder / "0003_three.sql").write_text("CREATE TABLE three (id int)")
        second = splits("migrate", "up", url=database, folder=folder)
        assert answer(second) == (0, "0001_one: applied\n0002_two: applied\n0003_three: applied now\n", "")
        third = splits("migrate", "up", url=database, folder=folder)
        assert answer(third) == (0, "0001_one: applied\n0002_two: applied\n0003_three: applied\n", "")
        assert tables(server) == ["one", "schema_migrations", "three", "two"]
        assert query(server, "SELECT count(*) FROM one") == [(1,)]

    def test_remembers_name_checksum_and_time(self, server, database, folder):
        (folder / "0001_one.sql").write_bytes(b"SELECT 1")
        splits("migrate", "up", url=database, folder=folder)
        columns = "version, name, checksum, now() - applied_at < '1 minute'"
        rows = query(server, f"SELECT {columns} FROM schema_migrations")
        checksum = "e004ebd5b5532a4b85984a62f8ad48a81aa3460c1ca07701f386135d72cdecf5"
        assert rows[0] == (1, "one", checksum, True)

    def test_ten_at_once_apply_once(self, server, database, folder):
        # Applied twice at once, it would raise; the pause makes sure that the others come meanwhile.
        (folder / "0001_one.sql").write_text("SELECT pg_sleep(0.3); CREATE TABLE one (id int);")
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(started("migrate", "up", url=database, folder=folder)) for _ in range(10)]
            outputs = [process.communicate(timeout=TIMEOUT_SECONDS) for process in processes]
        assert [process.returncode for process in processes] == [0] * 10, outputs
        assert sum(out.count("0001_one: applied now\n") for out, _ in outputs) == 1
        assert sum(out.count("0002_two: applied now\n") for out, _ in outputs) == 1
        assert applied(server) == [1, 2]

    def test_an_edited_file_is_refused_and_nothing_applied(self, server, database, folder):
        splits("migrate", "up", url=database, folder=folder)
        (folder / "0001_one.sql").write_text("CREATE TABLE one (id int);\n-- changed\n")
        (folder / "0003_three.sql").write_text("CREATE TABLE three (id int)")
        result = splits("migrate", "up", url=database, folder=folder)
        assert answer(result) == (
            1, "0001_one: changed after it was applied\n0002_two: applied\n0003_three: pending\n",
            "splits: 0001_one.sql was changed after it was applied; nothing is applied now\n")
        assert applied(server) == [1, 2]

    def test_a_newer_version_is_left_alone(self, server, database, folder):
        splits("migrate", "up", url=database, folder=folder)
        (folder / "0002_two.sql").unlink()
        result = splits("migrate", "up", url=database, folder=folder)
        assert answer(result) == (0, "0001_one: applied\n0002_two: applied, but there is no such file\n", "")

    def test_an_unknown_version_behind_a_pending_one_is_refused(self, server, database, folder):
        splits("migrate", "up", url=database, folder=folder)
        query(server, "UPDATE schema_migrations SET version = 3, name = 'other' WHERE version = 2")
        result = splits("migrate", "up", url=database, folder=folder)
        assert answer(result) == (
            1, "0001_one: applied\n0002_two: pending\n0003_other: applied, but there is no such file\n",
            "splits: the database has 0003_other, which is unknown here, and lacks earlier ones: another line of "
            "versions was at work; nothing is applied now\n")
        assert applied(server) == [1, 3]

    def test_a_failure_rolls_back_its_file_and_keeps_the_earlier_ones(self, server, database, folder):
        (folder / "0002_two.sql").write_text(
            "CREATE TABLE two (id int);\n-- ü\nINSERT INTO two VALUES ('x');\n")
        (folder / "0003_three.sql").write_text("CREATE TABLE three (id int)")
        result = splits("migrate", "up", url=database, folder=folder)
        assert answer(result) == (
            1, "0001_one: applied now\n0002_two: pending\n0003_three: pending\n",
            "splits: 0002_two.sql: line 3: ERROR: "
            'invalid input syntax for type integer: "x" (SQLSTATE 22P02)\n')
        assert tables(server) == ["one", "schema_migrations"]
        assert applied(server) == [1]

    def test_a_deferred_failure_at_the_commit_counts_as_well(self, server, database, folder):
        (folder / "0002_two.sql").write_text(
            "CREATE TABLE two (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);\n"
            "INSERT INTO two VALUES (1), (1);\n")
        result = splits("migrate", "up", url=database, folder=folder)
        assert result.returncode == 1
        assert "0002_two.sql: ERROR: duplicate key" in result.stderr
        assert tables(server) == ["one", "schema_migrations"]

    @pytest.mark.parametrize("sql", [
        "COMMIT;", "CREATE TABLE x (id int); COMMIT; BEGIN; SELECT 1;", "ROLLBACK;",
    ])
    def test_a_file_that_ends_its_transaction_fails(self, server, database, folder, sql):
        (folder / "0002_two.sql").write_text(sql)
        result = splits("migrate", "up", url=database, folder=folder)
        assert result.returncode == 1
        assert result.stderr == (
            "splits: 0002_two.sql: must not hold BEGIN, COMMIT or ROLLBACK; what it has committed stays\n")
        assert applied(server) == [1]

    def test_what_cannot_run_in_a_transaction_fails(self, server, database, folder):
        (folder / "0002_two.sql").write_text("CREATE INDEX CONCURRENTLY two ON one (id);")
        result = splits("migrate", "up", url=database, folder=folder)
        assert result.returncode == 1
        assert "0002_two.sql: ERROR: CREATE INDEX CONCURRENTLY cannot" in result.stderr
        assert applied(server) == [1]

    def test_copy_from_the_client_fails(self, server, database, folder):
        (folder / "0002_two.sql").write_text("COPY one FROM stdin;")
        result = splits("migrate", "up", url=database, folder=folder)
        assert (result.returncode, result.stderr) == (
            1, "splits: 0002_two.sql: COPY from or to the client is not possible here\n")
        assert applied(server) == [1]

    def test_limits_meant_for_requests_do_not_hold(self, server, database, folder):
        query(server, "ALTER DATABASE migrations_test SET statement_timeout = '50ms'")
        query(server, "ALTER DATABASE migrations_test SET default_transaction_isolation = 'repeatable read'")
        (folder / "0002_two.sql").write_text("SELECT pg_sleep(0.2);")
        assert splits("migrate", "up", url=database, folder=folder).returncode == 0

    def test_a_gap_is_refused_before_the_database_is_asked(self, folder):
        (folder / "0004_four.sql").write_text("SELECT 1")
        result = splits("migrate", "up", url="postgresql://nowhere.invalid/x", folder=folder)
        assert answer(result) == (
            1, "", f"splits: {folder}/0004_four.sql: number 0003 is missing before it\n")

    def test_needs_no_right_to_create_when_nothing_is_pending(self, server, database, folder):
        splits("migrate", "up", url=database, folder=folder)
        query(server, "DROP ROLE IF EXISTS reader")
        query(server, "CREATE ROLE reader LOGIN")
        query(server, "GRANT SELECT ON schema_migrations TO reader")
        result = splits("migrate", "up", url=server.url("migrations_test", user="reader"), folder=folder)
        assert answer(result) == (0, "0001_one: applied\n0002_two: applied\n", "")


class TestStatus:
    def test_lists_and_changes_nothing(self, server, database, folder):
        result = splits("migrate", "status", url=database, folder=folder)
        assert answer(result) == (3, "0001_one: pending\n0002_two: pending\n", "")
        assert tables(server) == []
        splits("migrate", "up", url=database, folder=folder)
        result = splits("migrate", "status", url=database, folder=folder)
        assert answer(result) == (0, "0001_one: applied\n0002_two: applied\n", "")

    def test_tells_changed_and_unknown(self, database, folder):
        splits("migrate", "up", url=database, folder=folder)
        (folder / "0001_one.sql").write_text("SELECT 2")
        (folder / "0002_two.sql").unlink()
        result = splits("migrate", "status", url=database, folder=folder)
        assert answer(result) == (
            3, "0001_one: changed after it was applied\n0002_two: applied, but there is no such file\n", "")

    def test_a_renamed_file_is_the_same(self, database, folder):
        splits("migrate", "up", url=database, folder=folder)
        (folder / "0002_two.sql").rename(folder / "0002_zwei.sql")
        result = splits("migrate", "status", url=database, folder=folder)
        assert answer(result) == (0, "0001_one: applied\n0002_zwei: applied\n", "")


class TestUnavailable:
    def test_up_waits_for_a_database_that_comes(self, folder):
        with PostgresServer(tcp=True) as server:
            server.stop()
            with started("migrate", "up", "--db-connect-timeout-ms=20000", url=server.url(), folder=folder) as process:
                time.sleep(0.5)
                server.start()
                out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 0
        assert out == "0001_one: applied now\n0002_two: applied now\n"
        assert re.fullmatch(r"splits: waiting up to \d+ s for the database\n", err)

    def test_up_waits_and_then_fails_with_one_line(self, folder):
        url = f"postgresql://ann:geheim@127.0.0.1:{free_port()}/users"
        start = time.monotonic()
        result = splits("migrate", "up", "--db-connect-timeout-ms=700", url=url, folder=folder)
        seconds = time.monotonic() - start
        assert result.returncode == 1 and result.stdout == ""
        waiting, failure = result.stderr.splitlines()
        assert waiting == "splits: waiting up to 1 s for the database"
        assert failure.startswith("splits: database: connection to server at ") and "refused" in failure
        assert "geheim" not in result.stderr
        assert 0.4 < seconds < 10

    def test_a_server_that_never_answers_takes_no_longer_than_the_timeout(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            url = f"postgresql://ann@127.0.0.1:{mute.getsockname()[1]}/users"
            start = time.monotonic()
            result = splits("migrate", "status", "--db-connect-timeout-ms=300", url=url, folder=folder)
            seconds = time.monotonic() - start
        assert answer(result) == (1, "", "splits: database: no connection within 300 ms\n")
        assert 0.3 <= seconds < 10

    def test_who_falls_silent_hides_nothing_of_what_was_wrong_before(self, folder):
        """Time cuts the last attempt short, whatever it would have come to."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(TIMEOUT_SECONDS)
            url = f"postgresql://ann@127.0.0.1:{listener.getsockname()[1]}/users?sslmode=disable"
            # Long enough for the first connection to be closed in time on a machine that is busy.
            with started("migrate", "up", "--db-connect-timeout-ms=5000", url=url, folder=folder) as process:
                listener.accept()[0].close()
                _, err = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 1
        assert re.fullmatch(r"splits: database: no connection within \d+ ms; before that: database: connection to server at .*"
                            r"(closed the connection unexpectedly|reset by peer).*", err.splitlines()[-1])

    def test_status_does_not_wait(self, folder):
        url = f"postgresql://ann@127.0.0.1:{free_port()}/users"
        result = splits("migrate", "status", url=url, folder=folder)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1

    def test_a_wrong_password_is_not_shown(self, folder):
        with PostgresServer(tcp=True, password="right") as server:
            url = server.url(password="geheim")
            result = splits("migrate", "status", url=url, folder=folder)
            assert result.returncode == 1
            assert "password authentication failed" in result.stderr and "geheim" not in result.stderr
            assert len(result.stderr.splitlines()) == 1
            assert splits("migrate", "status", url=server.url(), folder=folder).returncode == 3

    @pytest.mark.parametrize("url", [
        "postgresql://ann:geheim@[::1/users", "postgresql://ann:ge/geheim@db/users",
        "postgresql://ann:%zzgeheim@db/users", "postgresql:/ann:geheim@db", "ann:geheim@db",
        "host=db password=a geheim", "host=db password='geheim", "host=db passwort=geheim",
    ])
    def test_a_malformed_url_is_not_shown(self, folder, url):
        result = splits("migrate", "up", url=url, folder=folder)
        assert result.returncode == 1
        assert result.stderr.startswith("splits: database-url: malformed")
        assert "geheim" not in result.stderr and len(result.stderr.splitlines()) == 1


class TestCheck:
    def test_a_current_database_is_fine(self, database):
        splits("migrate", "up", url=database)
        result = splits("check", "--workers=2", "--db-connections=3", url=database)
        assert result.returncode == 0 and result.stderr == ""
        assert re.search(r"^database: PostgreSQL \d+", result.stdout, re.M)
        assert ("connections: 6 (1 replicas × 2 workers × 3), the server has 97 for everybody (100 less 3 kept)\n"
                in result.stdout)
        assert re.search(r"^schema: current, \d+ migrations$", result.stdout, re.M)

    def test_too_many_connections_are_a_warning(self, database):
        splits("migrate", "up", url=database)
        result = splits("check", "--replicas=7", "--workers=2", "--db-connections=7", url=database)
        assert (result.returncode, result.stderr) == (
            0, "splits: warning: 98 connections are more than the server's 97: lower replicas, workers or "
               "db-connections, raise max_connections, or put a pooler in between\n")

    @pytest.mark.parametrize("lock_timeout_ms", [699, 700])
    def test_a_lock_timeout_that_hides_deadlocks_is_a_warning(self, server, database, lock_timeout_ms):
        splits("migrate", "up", url=database)
        query(server, "ALTER DATABASE migrations_test SET deadlock_timeout = 700")
        result = splits("check", f"--db-lock-timeout-ms={lock_timeout_ms}", url=database)
        assert (result.returncode, result.stderr) == (
            0, f"splits: warning: db-lock-timeout-ms ({lock_timeout_ms}) is not more than the server's "
               "deadlock_timeout (700 ms): deadlocks end as lock_timeout instead of being tried again: raise "
               "db-lock-timeout-ms, or lower deadlock_timeout\n")

    @pytest.mark.parametrize("options", [["--db-lock-timeout-ms=701"], ["--db-lock-timeout-ms=1", "--db-prepared=off"]])
    def test_a_lock_timeout_that_hides_no_deadlocks_is_fine(self, server, database, options):
        """With db-prepared=off the setting has no effect."""
        splits("migrate", "up", url=database)
        query(server, "ALTER DATABASE migrations_test SET deadlock_timeout = 700")
        result = splits("check", *options, url=database)
        assert (result.returncode, result.stderr) == (0, "")

    def test_a_short_grace_period_is_a_warning(self, database):
        splits("migrate", "up", url=database)
        result = splits("check", "--grace-period-ms=4999", url=database)
        assert result.returncode == 0
        assert result.stderr.startswith("splits: warning: grace-period-ms (4999) is less than")

    def test_a_schema_that_is_behind_fails(self, database):
        result = splits("check", url=database)
        assert result.returncode == 1
        assert re.fullmatch(r"splits: schema: \d+ migrations pending, 0 changed, 0 unknown: run splits migrate up\n", result.stderr)

    def test_a_read_only_database_fails(self, server, database):
        splits("migrate", "up", url=database)
        query(server, "ALTER DATABASE migrations_test SET default_transaction_read_only = on")
        result = splits("check", url=database)
        assert (result.returncode, result.stderr) == (
            1, "splits: the database is read-only: writes would be refused\n")

    def test_no_database_fails(self):
        result = splits("check", url=f"postgresql://ann@127.0.0.1:{free_port()}/users")
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1

    def test_a_wrong_setting_is_exit_code_2(self):
        result = splits("check", "--port=70000", url="x")
        assert answer(result) == (2, "", "splits: --port=70000: must be 0…65535\n")


@pytest.fixture
def schema(server, database):
    assert splits("migrate", "up", url=database).returncode == 0
    return server


CREATE = "SELECT * FROM create_user_once(%s, %s, %s, %s)"
HASH = b"\1" * 32
CREATED, REPLAYED, REUSED, RUNNING = range(4)


def create(server, key="key", request_hash=HASH, name="Ann", email="ann@example.org"):
    return server.query(CREATE, key, request_hash, name, email, database="migrations_test")[0]


class TestCreateUserOnce:
    def test_the_first_creates_and_the_second_replays(self, schema):
        first, second = create(schema), create(schema)
        assert first[0] == CREATED and second[0] == REPLAYED
        assert first[1:] == second[1:]
        _, user_id, name, email, created_at, updated_at, version = first
        assert (user_id, name, email, version) == (1, "Ann", "ann@example.org", 1)
        assert created_at == updated_at
        assert query(schema, "SELECT * FROM users") == [(1, name, email, created_at, updated_at, 1)]

    def test_a_replay_tells_the_user_as_it_was_created(self, schema):
        first = create(schema)
        query(schema, "UPDATE users SET name = 'Bea', version = 2")
        assert create(schema)[1:] == first[1:]
        query(schema, "DELETE FROM users")
        assert create(schema)[1:] == first[1:]

    def test_another_request_under_the_same_key_is_refused(self, schema):
        create(schema)
        assert create(schema, request_hash=b"\2" * 32) == (REUSED,) + (None,) * 6
        assert query(schema, "SELECT count(*) FROM users") == [(1,)]

    def test_a_taken_address_raises_and_leaves_the_key_unused(self, schema):
        create(schema)
        with pytest.raises(psycopg2.errors.UniqueViolation) as error:
            create(schema, key="other", email="ANN@example.org")
        assert error.value.diag.constraint_name == "users_email_key"
        assert create(schema, key="other", email="bea@example.org")[0] == CREATED

    def test_a_key_in_use_is_told_and_not_waited_for(self, schema):
        connection = schema.connect("migrations_test")
        try:
            cursor = connection.cursor()
            cursor.execute(CREATE, ("key", HASH, "Ann", "ann@example.org"))
            assert create(schema) == (RUNNING,) + (None,) * 6
            assert create(schema, key="other", email="bea@example.org")[0] == CREATED
            connection.commit()
        finally:
            connection.close()
        assert create(schema)[0] == REPLAYED

    def test_a_key_is_forgotten_after_24_hours(self, schema):
        create(schema)
        query(schema, "UPDATE idempotency_keys SET created_at = now() - interval '23 hours 59 minutes'")
        assert create(schema)[0] == REPLAYED
        query(schema, "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'")
        again = create(schema, request_hash=b"\2" * 32, email="bea@example.org")
        assert again[0] == CREATED
        assert create(schema, request_hash=b"\2" * 32, email="bea@example.org")[1:] == again[1:]

    def test_an_expired_key_that_is_not_deleted_yet_is_used_anew(self, schema):
        create(schema)
        # Ten that are older stand before it.
        query(schema, "UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
        self.add_expired(schema, 10)
        assert create(schema, email="bea@example.org")[0] == CREATED
        assert query(schema, "SELECT key, email FROM idempotency_keys") == [("key", "bea@example.org")]

    def test_each_call_deletes_at_most_ten_expired_keys(self, schema):
        self.add_expired(schema, 12)
        create(schema)
        assert query(schema, "SELECT count(*) FROM idempotency_keys") == [(3,)]
        create(schema)
        assert query(schema, "SELECT count(*) FROM idempotency_keys") == [(1,)]

    @staticmethod
    def add_expired(server, count):
        server.query("INSERT INTO idempotency_keys"
                     " SELECT 'old' || i, %s, 1, 'a', 'b', now() - interval '2 days'"
                     " FROM generate_series(1, %s) i", HASH, count, database="migrations_test")


class TestUsers:
    @pytest.mark.parametrize("name, email, allowed", [
        ("ü" * 200, "a@b", True), ("ü" * 201, "a@b", False), ("", "a@b", False),
        ("a", "a" * 254, True), ("a", "a" * 255, False), ("a", "", False),
    ])
    def test_the_limits_hold_in_the_database_too(self, schema, name, email, allowed):
        insert = "INSERT INTO users (name, email) VALUES (%s, %s)"
        if allowed:
            schema.query(insert, name, email, database="migrations_test")
            return
        with pytest.raises(psycopg2.errors.CheckViolation):
            schema.query(insert, name, email, database="migrations_test")
