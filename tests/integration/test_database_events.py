"""What database events mean for clients, on a real PostgreSQL: the rows of docs/database-events.md."""

import contextlib
import os
import signal
import socket
import subprocess
import time

import psycopg2
import pytest

from postgres import PostgresServer
from proxy import Proxy
from service import BINARY, MIGRATIONS, Background, Load, Service, clean_environment, migrate, wait_until

RAISE = """
CREATE SEQUENCE attempts;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('attempts') <= {times} THEN
        RAISE EXCEPTION 'raised by a test' USING ERRCODE = '{state}', CONSTRAINT = '{constraint}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION fail();
"""
ALWAYS = 1000000
PATIENT = ["--db-statement-timeout-ms=15000", "--request-timeout-ms=15000"]


@pytest.fixture(scope="module")
def shared_server():
    with PostgresServer(tcp=True) as server:
        yield server


def accepts_connections(server):
    try:
        server.connect().close()
        return True
    except psycopg2.OperationalError:
        return False


@pytest.fixture
def server(shared_server):
    if not shared_server.running():
        shared_server.start()
    wait_until(lambda: accepts_connections(shared_server), what="the server's recovery")
    yield shared_server


class Database:
    """A migrated database with 100 users, ids from 1."""

    NAME = "events"

    def __init__(self, server):
        self.server = server
        self.url = server.create_database(self.NAME)
        migrate(self.url)
        self.query("INSERT INTO users (name, email) SELECT 'U' || i, i || '@old.example' FROM generate_series(1, 100) i")

    def query(self, sql, *parameters):
        return self.server.query(sql, *parameters, database=self.NAME)

    def raise_in_writes(self, state, times=ALWAYS, constraint="users_email_key"):
        self.query(RAISE.format(state=state, times=times, constraint=constraint))

    def attempts(self):
        return self.query("SELECT last_value FROM attempts")[0][0]

    def backends(self, condition="true"):
        """The service's backends."""
        rows = self.query(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            f"AND application_name = 'splits' AND {condition} ORDER BY pid"
        )
        return [pid for pid, in rows]

    def wait_for_connections(self, count):
        """Until so many are set up: a lock on the table would hold up those that still prepare statements."""
        last_prepared = "state = 'idle' AND query LIKE '%erased%'"
        wait_until(lambda: len(self.backends(last_prepared)) == count)

    def waiting_backends(self):
        return self.backends("wait_event_type = 'Lock'")

    def terminate_backends(self):
        self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE datname = current_database() AND application_name = 'splits'")

    def emails(self):
        return [email for email, in self.query("SELECT email FROM users WHERE email LIKE '%@new.example'")]

    @contextlib.contextmanager
    def transaction(self, sql):
        """Holds what sql locks."""
        connection = self.server.connect(self.NAME)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                yield cursor
        finally:
            connection.close()

    def locked(self):
        """Nobody reads or writes users meanwhile; nor are connections set up, which prepares statements."""
        return self.transaction("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")

    def locked_for_writes(self):
        return self.transaction("LOCK TABLE users IN EXCLUSIVE MODE")

    def locked_user(self, number):
        return self.transaction(f"SELECT 1 FROM users WHERE id = {number} FOR UPDATE")


@pytest.fixture
def database(server):
    return Database(server)


@contextlib.contextmanager
def serving(database, *options, **named):
    with Service(database.url, *options, **named) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture
def service(database):
    with serving(database, "--workers=1", "--db-connections=2") as service:
        database.wait_for_connections(2)
        yield service


def read(client, number):
    return client.request("GET", f"/users/{number % 100 + 1}")


def write(client, number):
    answer = client.request("POST", "/users", {"name": "New", "email": f"{number}@new.example"})
    answer.email = f"{number}@new.example"
    return answer


@contextlib.contextmanager
def stopped(*pids):
    """Suspends processes with SIGSTOP."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def assert_refused(answer, status, code, retry_after=None):
    assert (answer.status, answer.code, answer.retry_after) == (status, code, retry_after), answer


def assert_nothing_lost(database, answers):
    """Acknowledged writes are there, refused ones are not, and none is there twice."""
    stored = database.emails()
    assert len(stored) == len(set(stored))
    unknown = set()
    for answer in answers:
        assert answer.status in (201, 503), answer
        if answer.status == 201:
            assert answer.email in stored, f"lost: {answer}"
        elif answer.json().get("outcome") == "unknown":
            assert answer.retry_after is None, answer
            unknown.add(answer.email)
        else:
            assert answer.email not in stored, f"applied, though: {answer}"
    # What is stored was acknowledged, or said to be unknown.
    assert set(stored) <= {answer.email for answer in answers if answer.status == 201} | unknown


# Bounds


def test_a_full_queue_is_refused_at_once(database):
    options = ["--workers=1", "--db-connections=1", "--db-in-flight-max=1", "--db-queue-max=2"]
    with serving(database, *options) as service, database.locked():
        waiting = [Background(service.get, "/users/1")]
        wait_until(database.waiting_backends)
        waiting += [Background(service.get, "/users/1") for _ in range(2)]

        # Until both are in the queue a third may be taken as well: that one gets its answer later.
        def refused():
            answer = Background(service.get, "/users/1")
            waiting.append(answer)
            with contextlib.suppress(AssertionError):
                wait_until(answer.is_done, 0.2)
            return answer.is_done() and answer.result()

        answer = wait_until(refused)
        assert_refused(answer, 503, "overloaded", 1)
        assert answer.seconds < 0.1


def test_who_waits_too_long_in_the_queue_is_refused(database):
    options = ["--workers=1", "--db-connections=1", "--db-in-flight-max=1", "--db-queue-timeout-ms=200"]
    with serving(database, *options) as service, database.locked():
        first = Background(service.get, "/users/1")
        wait_until(database.waiting_backends)
        answer = service.get("/users/2")
        assert_refused(answer, 503, "overloaded", 1)
        assert 0.19 < answer.seconds < 0.5
        assert_refused(first.result(), 503, "lock_timeout", 1)


# No database


def test_without_a_server_requests_are_refused_at_once_and_served_soon_after_its_return(server, database):
    with serving(database, "--workers=1") as service:
        server.stop()
        assert service.wait_until_unready(1)
        assert_refused(service.get("/health/ready"), 503, "database_unavailable", 1)
        assert service.get("/health").status == 200
        for answer in [service.get("/users/1"), service.create("1@new.example")]:
            assert_refused(answer, 503, "database_unavailable", 1)
            assert answer.seconds < 0.1
        server.start()
        service.wait_until_ready(2)
        assert service.get("/users/1").status == 200
        assert service.create("1@new.example").status == 201
        wait_until(lambda: service.events()[-1] == "database_connected")
        service.wait_for_record("database_connection_lost")


def test_a_service_waits_for_a_database_that_starts_later_and_says_so(server, database):
    server.stop()
    with Service(database.url, "--workers=1") as service:
        assert service.get("/health").status == 200
        assert_refused(service.get("/health/ready"), 503, "database_unavailable", 1)
        wait_until(lambda: "database_connect_failed" in service.events())
        server.start()
        service.wait_until_ready(2)
        service.wait_for_record("database_connected")


def test_too_many_connections_are_made_later(server, database):
    """53300, at the connection: the ones that are up serve meanwhile."""
    database.query("ALTER DATABASE events CONNECTION LIMIT 2")
    database.query("CREATE ROLE limited LOGIN")
    try:
        database.query("GRANT ALL ON ALL TABLES IN SCHEMA public TO limited")
        with Service(server.url("events", user="limited"), "--workers=1", "--db-connections=4") as service:
            service.wait_until_ready()
            assert service.get("/users/1").status == 200
            assert len(database.backends()) <= 2
            database.query("ALTER DATABASE events CONNECTION LIMIT -1")
            wait_until(lambda: len(database.backends()) == 4, 3)
    finally:
        database.query("DROP OWNED BY limited")
        database.query("DROP ROLE limited")


def test_a_database_may_be_named_by_its_bare_name(server, database):
    environment = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres"}
    with Service(database.NAME, "--workers=1", environment=environment) as service:
        service.wait_until_ready()
        assert service.get("/users/1").status == 200


@pytest.mark.parametrize("url", ["postgresql://localhost:secret/2@127.0.0.1/events", "no_such_keyword=secret"])
def test_a_malformed_url_is_told_in_one_line_without_it(url):
    command = [BINARY, "serve", "--port=0", "--admin-port=0", f"--database-url={url}", f"--migrations-dir={MIGRATIONS}"]
    result = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=10, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("splits: database-url: malformed") and result.stderr.count("\n") == 1
    assert "secret" not in result.stderr


# Lost connections


def test_no_reader_notices_that_all_backends_are_terminated(database):
    with serving(database, "--workers=2", "--db-connections=4") as service:
        with Load(service, read, clients=8) as load:
            for _ in range(5):
                database.terminate_backends()
                load.wait_for_more()
        assert load.statuses() == {200}


def test_no_write_is_lost_or_doubled_when_all_backends_are_terminated(database):
    with serving(database, "--workers=2", "--db-connections=4") as service:
        with Load(service, write, clients=8) as load:
            for _ in range(5):
                database.terminate_backends()
                load.wait_for_more()
        assert 201 in load.statuses()
        assert_nothing_lost(database, load.answers)


def test_a_killed_backend_crashes_all_of_them_and_no_write_is_lost(database):
    """SIGKILL of one backend: the others say 57P02, and the server recovers from its log."""
    with serving(database, "--workers=1", "--db-connections=4") as service:
        with Load(service, write, clients=8) as load:
            os.kill(database.backends()[0], signal.SIGKILL)
            wait_until(lambda: "database_connection_lost" in service.events())
            wait_until(lambda: accepts_connections(database.server), what="the server's recovery")
            service.wait_until_ready(2)
            load.wait_for_more()
        assert 201 in load.statuses()
        assert_nothing_lost(database, load.answers)


def test_a_killed_server_loses_no_acknowledged_write(server, database):
    with serving(database, "--workers=1", "--db-connections=4") as service:
        with Load(service, write, clients=8) as load:
            load.wait_for_more(200)
            server.kill()
            service.wait_until_unready(5)
            server.start()
            service.wait_until_ready(5)
            load.wait_for_more()
        assert {201, 503} <= load.statuses()
        assert_nothing_lost(database, load.answers)


def test_a_write_that_was_cut_off_is_of_unknown_outcome(database, service):
    """The backend is killed while the write waits for a lock: nobody can tell."""
    with database.locked_for_writes():
        answer = Background(service.create, "1@new.example")
        backend, = wait_until(database.waiting_backends)
        os.kill(backend, signal.SIGKILL)
        answer = answer.result()
    assert_refused(answer, 503, "outcome_unknown")
    assert answer.json()["outcome"] == "unknown"


def test_a_write_whose_backend_is_terminated_before_its_end_is_not_applied(database, service):
    """57P01 in band."""
    with database.locked_for_writes():
        answer = Background(service.create, "1@new.example")
        backend, = wait_until(database.waiting_backends)
        database.query("SELECT pg_terminate_backend(%s)", backend)
        answer = answer.result()
    assert_refused(answer, 503, "database_unavailable", 1)
    assert database.emails() == []


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("DELETE", 204)])
def test_a_change_that_was_cut_off_is_made_again(server, database, method, status):
    """A proxy loses the connection alone: killing the backend would take all others with it."""
    value = {"name": "New", "email": "1@new.example"} if method == "PUT" else None
    with Proxy(server.port) as proxy:
        url = database.url.replace(f":{server.port}/", f":{proxy.port}/")
        with Service(url, "--workers=1", "--db-connections=1", "--db-lock-timeout-ms=5000") as service:
            service.wait_until_ready()
            with database.locked_user(1):
                answer = Background(service.request, method, "/users/1", value)
                wait_until(database.waiting_backends)
                proxy.cut()
                # Sent again, it waits beside the first attempt, which the server has not given up.
                wait_until(lambda: len(database.waiting_backends()) == 2)
            answer = answer.result()
    assert answer.status == status, answer
    expected = [("1@new.example", 3)] if method == "PUT" else []
    assert database.query("SELECT email, version FROM users WHERE id = 1") == expected


def test_a_repeated_change_that_fails_says_nothing_of_its_first_attempt(server, database):
    """The second attempt runs into the lock timeout; whether the first did, too, it cannot know."""
    with Proxy(server.port) as proxy:
        url = database.url.replace(f":{server.port}/", f":{proxy.port}/")
        with Service(url, "--workers=1", "--db-connections=1", "--db-lock-timeout-ms=300") as service:
            service.wait_until_ready()
            with database.locked_user(1):
                answer = Background(service.request, "PATCH", "/users/1", {"name": "New"})
                wait_until(database.waiting_backends)
                proxy.cut()
                answer = answer.result()
    assert_refused(answer, 503, "outcome_unknown")


def test_an_idempotency_key_makes_a_cut_off_creation_happen_once(database):
    with serving(database, "--workers=1") as service:
        def create_once(client, number):
            key = f'"{number}"'
            value = {"name": "New", "email": f"{number}@new.example"}
            for _ in range(50):
                answer = client.request("POST", "/users", value, Idempotency_Key=key)
                if answer.status not in (409, 503):
                    break
                time.sleep(0.02)
            answer.email = value["email"]
            return answer

        with Load(service, create_once, clients=8) as load:
            for _ in range(5):
                database.terminate_backends()
                load.wait_for_more(30)
        assert load.statuses() == {201}
        stored = database.emails()
        assert sorted(stored) == sorted(answer.email for answer in load.answers)


def test_connections_that_the_server_closes_when_idle_are_replaced_unnoticed(server, database):
    """57P05"""
    database.query("ALTER DATABASE events SET idle_session_timeout = '100ms'")
    with serving(database, "--workers=1", "--db-connections=2") as service:
        first = set(wait_until(lambda: len(database.backends()) == 2 and database.backends()))
        wait_until(lambda: not first & set(database.backends()))
        for _ in range(20):
            assert service.get("/users/1").status == 200


# A server that is stopped and closes nothing


def test_a_stopped_backend_is_given_up_and_replaced(database):
    options = ["--workers=1", "--db-connections=2", "--db-statement-timeout-ms=300"]
    with serving(database, *options) as service:
        with Load(service, read, clients=4) as load:
            backends = database.backends()
            with stopped(backends[0]):
                wait_until(lambda: len(set(database.backends()) - {backends[0]}) == 2, 5)
                load.wait_for_more()
        assert load.statuses() == {200}
        assert max(answer.seconds for answer in load.answers) < 2.5


def test_a_stopped_server_makes_the_service_unready_until_it_goes_on(server, database):
    with serving(database, "--workers=1", "--db-connections=2", "--db-connect-timeout-ms=500") as service:
        postmaster = server.process.pid
        with stopped(postmaster, *children(postmaster)):
            service.wait_until_unready(2)
            assert service.get("/health").status == 200
            answer = service.get("/users/1")
            assert answer.status == 503 and answer.seconds < 0.1, answer
        service.wait_until_ready(3)
        assert service.get("/users/1").status == 200


def test_a_write_that_a_stopped_backend_still_holds_is_not_repeated_over_later_ones(database):
    """The silent backend applies it when it goes on, over whatever came since: only the client can decide."""
    with serving(database, "--workers=1", "--db-connections=2", "--db-statement-timeout-ms=300") as service:
        database.wait_for_connections(2)
        with stopped(writing_backend(database, service)):
            answer = service.request("PATCH", "/users/1", {"name": "First"})
            assert_refused(answer, 503, "outcome_unknown")
            assert database.query("SELECT name FROM users WHERE id = 1") == [("U1",)]


def test_a_conditional_write_that_a_stopped_backend_holds_is_made_by_another(database):
    """Applied late, the first attempt would meet another version."""
    with serving(database, "--workers=1", "--db-connections=2", "--db-statement-timeout-ms=300") as service:
        database.wait_for_connections(2)
        with stopped(writing_backend(database, service)):
            answer = service.request("PATCH", "/users/1", {"name": "First"}, If_Match='"1"')
            assert answer.status == 200, answer
        wait_until(lambda: len(database.backends()) == 2)  # the first one has gone on, and has ended
        assert database.query("SELECT name, version FROM users WHERE id = 1") == [("First", 2)]


def writing_backend(database, service):
    """The backend that the next write will be sent to."""
    assert service.request("PATCH", "/users/100", {"name": "Probe"}).status == 200
    backend, = database.backends("query LIKE 'UPDATE%'")
    return backend


@pytest.mark.parametrize("silent", ["drops packets", "accepts and says nothing"])
def test_a_host_that_is_silent_does_not_hide_the_next(server, database, silent):
    with contextlib.ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        hole.bind(("127.0.0.1", 0))
        hole.listen(0 if silent == "drops packets" else 64)
        if silent == "drops packets":  # a full backlog
            for _ in range(4):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(hole.getsockname())
        hosts = f"127.0.0.1:{hole.getsockname()[1]},127.0.0.1:{server.port}"
        url = database.url.replace(f"127.0.0.1:{server.port}", hosts)
        assert url != database.url
        with Service(url, "--workers=1", "--db-connections=2", "--db-connect-timeout-ms=500") as service:
            service.wait_until_ready(3)


# Errors of a statement


@pytest.mark.parametrize(
    ("limits", "status", "code", "retry_after"),
    [
        (["--db-statement-timeout-ms=200", "--db-lock-timeout-ms=5000"], 504, "statement_timeout", None),  # 57014
        (["--db-statement-timeout-ms=5000", "--db-lock-timeout-ms=200"], 503, "lock_timeout", 1),  # 55P03
    ],
    ids=["57014", "55P03"],
)
def test_a_wait_in_the_server_is_limited(database, limits, status, code, retry_after):
    with serving(database, "--workers=1", "--db-connections=2", *limits) as service:
        database.wait_for_connections(2)
        with database.locked():
            for answer in [service.get("/users/1"), service.create("1@new.example")]:
                assert_refused(answer, status, code, retry_after)
                assert 0.19 < answer.seconds < 1
        assert database.emails() == []
        assert service.get("/users/1").status == 200


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_serialization_failure_that_passes_goes_unnoticed(database, service, state):
    database.raise_in_writes(state, times=2)
    assert service.create("1@new.example").status == 201
    assert database.attempts() == 3
    assert database.emails() == ["1@new.example"]


@pytest.mark.parametrize(
    ("state", "status", "code", "retry_after", "attempts"),
    [
        ("40001", 503, "serialization_failure", 1, 3),
        ("40P01", 503, "serialization_failure", 1, 3),
        ("23505", 409, "email_taken", None, 1),
        ("23514", 422, "constraint_violated", None, 1),
        ("23502", 422, "constraint_violated", None, 1),
        ("22001", 422, "constraint_violated", None, 1),
        ("22021", 400, "value_refused", None, 1),
        ("22P05", 400, "value_refused", None, 1),
        ("22003", 400, "value_refused", None, 1),
        ("53100", 503, "database_resources", 30, 1),
        ("53200", 503, "database_resources", 30, 1),
        ("XX000", 500, "internal", None, 1),
    ],
)
def test_an_error_of_a_write_has_its_answer(database, service, state, status, code, retry_after, attempts):
    database.raise_in_writes(state)
    assert_refused(service.create("1@new.example"), status, code, retry_after)
    assert database.attempts() == attempts
    assert database.emails() == []
    database.query("DROP TRIGGER fail ON users")
    assert service.create("1@new.example").status == 201


def test_a_duplicate_of_an_index_of_the_operators_own_is_no_taken_address(database, service):
    database.raise_in_writes("23505", constraint="users_name_key")
    assert_refused(service.create("1@new.example"), 500, "internal")


def test_writes_are_read_committed_whatever_the_databases_default(database):
    """The statements rely on it: after a lock they must see what its last holder committed."""
    database.query(
        "ALTER DATABASE events SET default_transaction_isolation = 'serializable';"
        "CREATE FUNCTION name_level() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "NEW.name = current_setting('transaction_isolation'); RETURN NEW; END $$;"
        "CREATE TRIGGER name_level BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION name_level()"
    )
    with serving(database, "--workers=1") as service:
        assert service.create("1@new.example").json()["name"] == "read committed"


# The first attempt goes on when somebody waits for what it holds: from then on the circle is closed.
LOCK_OTHER_ONCE = """
CREATE SEQUENCE attempts;
CREATE FUNCTION lock_other() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('attempts') = 1 THEN
        WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted) LOOP
            PERFORM pg_sleep(0.01);
        END LOOP;
        PERFORM 1 FROM users WHERE id = 2 FOR UPDATE;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lock_other AFTER UPDATE ON users FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION lock_other();
"""


def test_a_deadlock_is_resolved_unnoticed(database):
    """
    40P01: the service's transaction is the victim, and succeeds when tried again. The server looks for deadlocks when
    somebody has waited for its deadlock_timeout: that and the service's lock timeout are left as they are by default.
    """
    database.query(LOCK_OTHER_ONCE)
    with serving(database, "--workers=1", *PATIENT) as service, database.locked_user(2) as cursor:
        cursor.execute("SET deadlock_timeout = '1min'")
        answer = Background(service.request, "PATCH", "/users/1", {"name": "New"})
        wait_until(lambda: database.backends("wait_event = 'PgSleep'"))
        cursor.execute("SELECT 1 FROM users WHERE id = 1 FOR UPDATE")
        cursor.connection.rollback()
        answer = answer.result()
    assert answer.status == 200, answer
    assert database.attempts() == 2
    assert database.query("SELECT name, version FROM users WHERE id = 1") == [("New", 2)]


def test_constraints_of_the_operators_own_are_answered(database, service):
    database.query("ALTER TABLE users ADD CONSTRAINT no_x CHECK (name <> 'x')")
    assert_refused(service.create("1@new.example", name="x"), 422, "constraint_violated")
    database.query("ALTER TABLE users ALTER COLUMN name TYPE varchar(10)")
    assert_refused(service.create("1@new.example", name="longer than ten"), 422, "constraint_violated")
    assert database.emails() == []


def test_a_failing_read_takes_no_other_read_with_it(database):
    """All share one Sync: the server aborts those behind the failing one, and they are sent again."""
    database.query(
        "CREATE FUNCTION fail_at(id bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
        "IF id = 13 THEN RAISE EXCEPTION 'raised by a test' USING ERRCODE = '22003'; END IF; RETURN true; END $$;"
        "ALTER TABLE users RENAME TO kept;"
        "CREATE VIEW users AS SELECT * FROM kept WHERE fail_at(id)"
    )
    with serving(database, "--workers=1", "--db-connections=1") as service:
        # A lock gathers the reads behind one another, whatever the timing.
        with database.transaction("LOCK TABLE kept IN ACCESS EXCLUSIVE MODE"):
            answers = [Background(service.get, f"/users/{number}") for number in range(5, 20)]
            wait_until(database.waiting_backends)
        statuses = [answer.result().status for answer in answers]
    assert statuses == [400 if number == 13 else 200 for number in range(5, 20)]


# A server that is no longer what it was


def test_a_demoted_server_refuses_writes_until_it_is_promoted(database, service):
    """25006"""
    database.query("ALTER DATABASE events SET default_transaction_read_only = on")
    database.terminate_backends()
    assert_refused(wait_until(lambda: refused_write(service)), 503, "database_read_only", 1)
    assert service.get("/users/1").status == 200
    database.server.query("ALTER DATABASE events SET default_transaction_read_only = off")
    # The refused write had all connections replaced: nobody terminates them this time.
    wait_until(lambda: service.create("1@new.example").status == 201, 3)
    assert database.emails() == ["1@new.example"]


def test_a_server_that_stays_read_only_does_not_have_connections_replaced_by_every_write(database):
    database.query("ALTER DATABASE events SET default_transaction_read_only = on")
    with serving(database, "--workers=1", "--db-connections=4") as service:
        database.wait_for_connections(4)
        assert_refused(service.create("1@new.example"), 503, "database_read_only", 1)
        seen = set()
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            assert_refused(service.create("1@new.example"), 503, "database_read_only", 1)
            seen |= set(database.backends())
        assert len(seen) <= 8  # those of the beginning, and those that replaced them at once


def refused_write(service):
    answer = service.create("1@new.example")
    return answer if answer.status == 503 and answer.code == "database_read_only" else None


def test_forgotten_statements_are_prepared_again_unnoticed(database):
    """26000"""
    database.query(
        "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NEW; END $$;"
        "CREATE TRIGGER forget AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION forget()"
    )
    with serving(database, "--workers=1", "--db-connections=2") as service:
        for number in range(10):
            assert service.create(f"{number}@new.example").status == 201
            assert service.get("/users/1").status == 200
    assert len(database.emails()) == 10


def test_a_changed_type_of_a_column_goes_unnoticed(database):
    """0A000: cached plan must not change result type"""
    with serving(database, "--workers=1", "--db-connections=6") as service:
        with Load(service, read, clients=6) as readers, Load(service, write, clients=6) as writers:
            for kind in ["varchar(200)", "text", "varchar(100)"]:
                database.query(f"ALTER TABLE users ALTER COLUMN name TYPE {kind}")
                readers.wait_for_more()
                writers.wait_for_more()
        assert readers.statuses() == {200}
        assert writers.statuses() == {201}
        assert_nothing_lost(database, writers.answers)


# The schema


def test_a_missing_schema_makes_the_service_unready_until_it_is_there(server):
    url = server.create_database("events")
    with Service(url, "--workers=1") as service:
        wait_until(lambda: service.get("/health/ready").code == "schema_behind")
        assert_refused(service.get("/users/1"), 503, "schema_behind", 5)
        migrate(url)
        service.wait_until_ready(3)
        assert service.create("1@new.example").status == 201


def test_missing_rights_are_not_a_missing_schema(server, database):
    """42501: migrating would not help, and the log says what is wrong."""
    database.query("CREATE ROLE stranger LOGIN")
    try:
        with Service(server.url("events", user="stranger"), "--workers=1") as service:
            records = wait_until(lambda: service.records("database_connect_failed"))
            assert "permission denied" in records[0]["message"]
            assert_refused(service.get("/health/ready"), 503, "database_unavailable", 1)
    finally:
        database.query("DROP ROLE stranger")


def test_a_schema_that_is_behind_makes_the_service_unready_until_it_is_migrated(server, tmp_path):
    newest = sorted(MIGRATIONS.glob("*.sql"))[-1]
    for file in MIGRATIONS.glob("*.sql"):
        if file != newest:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    url = server.create_database("events")
    migrate(url, tmp_path)
    with Service(url, "--workers=1") as service:
        wait_until(lambda: service.get("/health/ready").code == "schema_behind")
        migrate(url)
        service.wait_until_ready(3)


# Other ways to talk to the database


@pytest.mark.parametrize(
    ("option", "timeout"),
    # A pooler would hand the session's settings to somebody else: without prepared statements it has none.
    [("--db-mode=blocking", "statement_timeout"), ("--db-prepared=off", "request_timeout")],
)
def test_other_modes_do_the_same(database, option, timeout):
    limits = ["--db-statement-timeout-ms=300", "--request-timeout-ms=1000"]
    with serving(database, "--workers=2", "--db-connections=2", option, *limits) as service:
        answer = service.create("a@new.example")
        assert answer.status == 201
        created = answer.json()["id"]
        assert_refused(service.create("A@new.example"), 409, "email_taken")
        assert service.get("/users/1").status == 200
        assert service.get("/users/999999").status == 404
        assert service.request("DELETE", f"/users/{created}").status == 204
        with database.locked():
            assert_refused(service.get("/users/1"), 504, timeout)
        with Load(service, read, clients=4) as load:
            database.terminate_backends()
            load.wait_for_more()
        assert load.statuses() == {200}
