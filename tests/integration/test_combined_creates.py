"""--db-combine=creates, the default: the creates of one tick share a transaction, and no client can tell."""

import contextlib
import json
import random
import time

import pytest

from combining import (TOGETHER, Database, assert_ledgers_add_up, clients_of, database_server, one_tick, operations,
                       serving, wait_for_leavers)
from proxy import Proxy
from service import wait_until

COMBINED = "query LIKE '%unnest%'"
HELD = "7@new.example" # somebody else's transaction has it
HOLD = "INSERT INTO users (name, email) VALUES ('Holder', %s)"
NEW = [f"{number}@new.example" for number in range(TOGETHER)]
TRIGGER = """
CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN new; END $$;
CREATE TRIGGER interfere BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION interfere()
"""


@pytest.fixture(scope="module")
def server():
    with database_server() as server:
        yield server


@pytest.fixture
def database(server):
    return Database(server, COMBINED)


@pytest.fixture
def service(database):
    with serving(database.url) as service:
        yield service


def create_at_once(service, clients, emails, *fields):
    with one_tick(service):
        for client, email in zip(clients, emails, strict=True):
            client.post("/users", {"name": f"Name of {email}", "email": email}, *fields)


def answers_of(clients, emails):
    """By address; each has got its own user, or a problem."""
    answers = [client.answer() for client in clients]
    for answer, email in zip(answers, emails, strict=True):
        if answer.status == 201:
            user = json.loads(answer.body)
            assert (user["email"], user["name"]) == (email, f"Name of {email}")
            assert answer.headers["location"] == f"/users/{user['id']}"
    return answers


def statuses(clients, emails):
    return [answer.status for answer in answers_of(clients, emails)]


def count_of(database, email):
    return database.query("SELECT count(*) FROM users WHERE lower(email) = lower(%s)", email)[0][0]


def assert_made(database, emails, times=1):
    rows = database.query("SELECT lower(email), count(*) FROM users WHERE lower(email) = ANY(%s) GROUP BY 1",
                          [email.lower() for email in emails])
    assert dict(rows) == ({email.lower(): times for email in emails} if times else {})


# What is answered


@pytest.mark.parametrize("options", [[], ["--db-prepared=off"], ["--db-combine=all"], ["--db-combine=off"]])
def test_each_address_is_created_once_and_everybody_else_is_told(database, options):
    """A thousand creates, many of them of the same addresses, in upper or lower case, or taken before."""
    chosen = random.Random(4)
    emails = [chosen.choice([f"{chosen.randrange(400)}@new.example", f"{chosen.randrange(400)}@NEW.example",
                             f"{chosen.randrange(1, 90)}@combined.example"]) for _ in range(25 * TOGETHER)]
    with serving(database.url, *options) as service, clients_of(service) as clients:
        answers = []
        for start in range(0, len(emails), TOGETHER):
            wave = emails[start : start + TOGETHER]
            create_at_once(service, clients, wave)
            answers += answers_of(clients, wave)
        single, many = operations(service, "user_create"), operations(service, "user_create_many")
    assert (many > 0) == ("--db-combine=off" not in options)
    assert {(answer.status, answer.code) for answer in answers} == {(201, None), (409, "email_taken")}
    winners = [email.lower() for answer, email in zip(answers, emails, strict=True) if answer.status == 201]
    assert sorted(winners) == sorted({email.lower() for email in emails if "new" in email.lower()})
    assert_made(database, winners)
    refused = len(emails) - len(winners)
    # By themselves go those without a row, and a wave's first when the service sees it alone.
    assert refused <= single <= refused + 25 if many else single == len(emails)


def test_one_create_at_a_time_is_the_ordinary_statement(service):
    with clients_of(service, 1) as clients:
        for email in NEW:
            create_at_once(service, clients, [email])
            assert statuses(clients, [email]) == [201]
    assert (operations(service, "user_create"), operations(service, "user_create_many")) == (TOGETHER, 0)


def test_in_blocking_mode_there_is_nothing_to_combine(database):
    with serving(database.url, "--db-mode=blocking") as service, clients_of(service) as clients:
        create_at_once(service, clients, NEW)
        assert set(statuses(clients, NEW)) == {201}
        assert operations(service, "user_create_many") == 0


def test_creates_with_a_key_stay_alone(database, service):
    with clients_of(service) as clients:
        for _ in range(2):
            with one_tick(service):
                for client, email in zip(clients, NEW, strict=True):
                    client.post("/users", {"name": f"Name of {email}", "email": email}, f"Idempotency-Key: {email}")
            assert set(statuses(clients, NEW)) == {201}
    assert operations(service, "user_create_once") == 2 * TOGETHER
    assert operations(service, "user_create_many") == 0
    assert_made(database, NEW)


def test_a_trigger_may_rewrite_addresses(database, service):
    database.query(TRIGGER.format("new.email := replace(new.email, 'new', 'rewritten');"))
    with clients_of(service) as clients:
        create_at_once(service, clients, NEW)
        users = [json.loads(client.answer().body) for client in clients]
    assert [(user["name"], user["email"]) for user in users] == \
        [(f"Name of {email}", email.replace("new", "rewritten")) for email in NEW]


# What happens to one of them


@pytest.mark.parametrize(("state", "status"), [("23514", 422), ("23502", 422), ("22001", 422), ("22021", 400),
                                                ("22003", 400), ("XX001", 500)])
def test_a_failing_create_takes_no_other_with_it(database, service, state, status):
    database.query(TRIGGER.format(f"IF new.email = '{HELD}' THEN RAISE EXCEPTION 'raised by a test' "
                                  f"USING ERRCODE = '{state}'; END IF;"))
    with clients_of(service) as clients:
        create_at_once(service, clients, NEW)
        assert statuses(clients, NEW) == [status if email == HELD else 201 for email in NEW]
    assert_made(database, [email for email in NEW if email != HELD])


def test_clients_that_go_away_do_not_disturb_the_others(database, service):
    with clients_of(service) as clients:
        with database.locked():
            create_at_once(service, clients, NEW)
            database.wait_for_combined()
            for client in clients[::2]:
                client.reset()
            wait_for_leavers(service, TOGETHER // 2)
        assert set(statuses(clients[1::2], NEW[1::2])) == {201}
    assert_ledgers_add_up(service, "/users", TOGETHER)


def test_who_waits_for_another_transaction_holds_the_others_up_for_the_lock_time_out_and_once(database):
    with serving(database.url, "--db-lock-timeout-ms=300") as service, clients_of(service) as clients:
        with database.transaction(HOLD, HELD):
            start = time.monotonic()
            create_at_once(service, clients, NEW)
            answers = [client.answer() for client in clients[:7] + clients[8:]]
            assert {answer.status for answer in answers} == {201}
            assert 0.3 <= time.monotonic() - start < 1.5
            held = clients[7].answer()
            assert (held.status, held.code) == (503, "lock_timeout")

            again = [HELD if email == HELD else "again." + email for email in NEW]
            start = time.monotonic()
            create_at_once(service, clients, again)
            assert {client.answer().status for client in clients[:7]} == {201}
            # They go by themselves now: those on the connection of the one that waits are behind him, no others.
            assert clients[7].answer().code == "lock_timeout"
            assert {client.answer().status for client in clients[8:]} == {201}
        assert operations(service, "user_create_many") == 1
        assert_ledgers_add_up(service, "/users", 2 * TOGETHER)


def test_who_waits_for_another_transaction_that_commits_is_told_that_the_address_is_taken(database, service):
    holder = database.server.connect(database.NAME)
    with contextlib.closing(holder), clients_of(service) as clients:
        holder.autocommit = False
        holder.cursor().execute(HOLD, [HELD])
        create_at_once(service, clients, NEW)
        database.wait_for_combined()
        holder.commit()
        assert statuses(clients, NEW) == [409 if email == HELD else 201 for email in NEW]
    assert_made(database, NEW)


def test_two_batches_with_the_same_addresses_do_not_deadlock(database):
    """Two services, one in ascending and one in descending order; each row takes a while."""
    database.query(TRIGGER.format("PERFORM pg_sleep(0.002);"))
    with serving(database.url) as one, serving(database.url) as other, \
         clients_of(one) as ones, clients_of(other) as others:
        for wave in range(5):
            emails = [f"{wave}.{email}" for email in NEW]
            create_at_once(one, ones, emails)
            create_at_once(other, others, [email.upper() for email in reversed(emails)])
            made = [answer.status for answer in [client.answer() for client in ones + others]]
            assert sorted(made) == [201] * TOGETHER + [409] * TOGETHER
            assert_made(database, emails)
        assert min(operations(each, "user_create_many") for each in (one, other)) >= 5
    assert database.query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]


# What happens to all of them


def test_a_connection_that_is_cut_leaves_every_outcome_unknown(database, server):
    with Proxy(server.port) as proxy:
        url = database.url.replace(f":{server.port}/", f":{proxy.port}/")
        with serving(url) as service, clients_of(service) as clients:
            with database.locked():
                create_at_once(service, clients, NEW)
                database.wait_for_combined()
                proxy.cut()
                answers = [client.answer() for client in clients]
            assert {(answer.status, answer.code) for answer in answers} == {(503, "outcome_unknown")}
            assert not any("retry-after" in answer.headers for answer in answers)
            assert_ledgers_add_up(service, "/users", TOGETHER)
    # The server did not know, and has made them: all or none, and nobody twice.
    wait_until(lambda: not database.backends(f"{COMBINED} AND state = 'active'"))
    assert len({count_of(database, email) for email in NEW}) == 1
    assert count_of(database, HELD) <= 1


def test_a_backend_that_is_terminated_has_made_nothing(database, service):
    with clients_of(service) as clients:
        with database.locked():
            create_at_once(service, clients, NEW)
            database.query("SELECT pg_terminate_backend(%s)", database.wait_for_combined())
            answers = [client.answer() for client in clients]
        assert {(answer.status, answer.code) for answer in answers} == {(503, "database_unavailable")}
        assert_made(database, NEW, times=0)


@pytest.mark.parametrize(("option", "status", "code"), [
    ("--db-lock-timeout-ms=300", 503, "lock_timeout"),
    ("--db-statement-timeout-ms=300", 504, "statement_timeout"),
    ("--request-timeout-ms=300", 504, "request_timeout"),
])
def test_a_wait_in_the_server_is_limited_for_all(database, option, status, code):
    with serving(database.url, "--db-in-flight-max=64", option, "--db-queue-timeout-ms=60000") as service, \
         clients_of(service, 4) as clients:
        with database.locked():
            create_at_once(service, clients, NEW[:4])
            answers = [client.answer() for client in clients]
        assert {(answer.status, answer.code) for answer in answers} == {(status, code)}
        assert_ledgers_add_up(service, "/users", 4)


# What operators see


def test_the_time_in_the_database_is_booked_for_each(database, service):
    with clients_of(service) as clients:
        with database.locked():
            create_at_once(service, clients, NEW)
            database.wait_for_combined()
            time.sleep(0.3)
        assert set(statuses(clients, NEW)) == {201}
    for record in assert_ledgers_add_up(service, "/users", TOGETHER):
        assert record["db_ns"] > 300e6, record
        assert record["total_ns"] - record["db_ns"] < 500e6, record


def test_the_databases_figures_are_compared(database):
    database.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    with serving(database.url) as service, clients_of(service) as clients:
        wait_until(lambda: service.admin("/debug/database").json()["absence"] is None, what="the comparison")
        for wave in range(10):
            emails = [f"{wave}.{email}" for email in NEW]
            create_at_once(service, clients, emails)
            assert set(statuses(clients, emails)) == {201}
        report = service.admin("/debug/database").json()
        many = next(one for one in report["statements"] if one["name"] == "user_create_many")
        assert many["client"]["calls"] == many["server"]["calls"] == operations(service, "user_create_many") > 0
        assert 0 < many["server"]["mean_us"] < many["client"]["mean_us"]
        assert all(value >= 0 for value in many["split"].values())
