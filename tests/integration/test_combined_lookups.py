"""--db-combine=all: the look-ups of one tick are one query, and no client can tell."""

import contextlib
import random
import time

import pytest

from combining import (TOGETHER, USERS, Database, assert_ledgers_add_up, clients_of, database_server, one_tick, operations,
                       serving, wait_for_leavers)
from proxy import Proxy
from service import Background, wait_until

COMBINED = "query LIKE '%ANY($1)%'"
FAIL_AT_13 = """
CREATE FUNCTION fail_at(id bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF id = 13 THEN RAISE EXCEPTION 'raised by a test' USING ERRCODE = '{}'; END IF; RETURN true; END $$;
ALTER TABLE users RENAME TO kept;
CREATE VIEW users AS SELECT * FROM kept WHERE fail_at(id)
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
    with serving(database.url, "--db-combine=all") as service:
        yield service


def ask_at_once(service, clients, ids, *fields):
    """Each client for one id."""
    with one_tick(service):
        for client, number in zip(clients, ids, strict=True):
            client.get(f"/users/{number}", *fields)


def what_is_said(answer):
    """All but what differs from one request to the next."""
    return answer.status, answer.headers.get("etag"), answer.code or answer.body


def assert_right(answers, ids):
    for answer, number in zip(answers, ids, strict=True):
        assert answer.status == (200 if 1 <= number <= USERS else 404), (number, answer.body)
        if answer.status == 200:
            assert b'{"id":%d,"name":"U%d",' % (number, number) in answer.body


# What is answered


@pytest.mark.parametrize("prepared", ["on", "off"])
def test_the_answers_are_those_of_single_queries(database, prepared):
    """A thousand ids: some absent, some the smallest and largest there are, and many of them several times."""
    chosen = random.Random(4)
    ids = [chosen.choice([chosen.randrange(1, USERS + 1), chosen.randrange(1, 9), chosen.randrange(USERS, 2 * USERS),
                          2**63 - 1]) for _ in range(25 * TOGETHER)]
    answers = {}
    for combine in ("off", "all"):
        with serving(database.url, f"--db-combine={combine}", f"--db-prepared={prepared}") as service, \
             clients_of(service) as clients:
            answers[combine] = []
            for start in range(0, len(ids), TOGETHER):
                ask_at_once(service, clients, ids[start : start + TOGETHER])
                answers[combine] += [client.answer() for client in clients]
            single, many = operations(service, "user_find"), operations(service, "user_find_many")
        if combine == "all":
            assert 0 < many <= single + many < len(ids) / 2
        else:
            assert (single, many) == (len(ids), 0)
    assert_right(answers["all"], ids)
    for off, on in zip(answers["off"], answers["all"], strict=True):
        assert what_is_said(off) == what_is_said(on)


def test_one_look_up_at_a_time_is_the_ordinary_query(service):
    with clients_of(service, 1) as clients:
        for number in range(1, 21):
            assert clients[0].ask(f"/users/{number}").status == 200
    assert (operations(service, "user_find"), operations(service, "user_find_many")) == (20, 0)


def test_in_blocking_mode_there_is_nothing_to_combine(database):
    ids = range(1, TOGETHER + 1)
    with serving(database.url, "--db-combine=all", "--db-mode=blocking") as service, clients_of(service) as clients:
        ask_at_once(service, clients, ids)
        assert_right([client.answer() for client in clients], ids)
        assert (operations(service, "user_find"), operations(service, "user_find_many")) == (TOGETHER, 0)


# What happens to one of them


def test_clients_that_go_away_do_not_disturb_the_others(database, service):
    ids = range(1, TOGETHER + 1)
    with clients_of(service) as clients:
        with database.locked():
            ask_at_once(service, clients, ids)
            database.wait_for_combined()
            for client in clients[::2]:
                client.reset()
            wait_for_leavers(service, TOGETHER // 2)
        assert_right([client.answer() for client in clients[1::2]], ids[1::2])
    records = assert_ledgers_add_up(service, "/users/{id}", TOGETHER)
    assert sorted({record["status"] for record in records}) == [200, 499]


def test_nobody_is_left_and_the_next_are_served(database, service):
    with database.locked(), clients_of(service) as clients:
        ask_at_once(service, clients, range(1, TOGETHER + 1))
        database.wait_for_combined()
        for client in clients:
            client.reset()
        wait_for_leavers(service, TOGETHER)
    with clients_of(service) as clients:
        ask_at_once(service, clients, range(1, TOGETHER + 1))
        assert_right([client.answer() for client in clients], range(1, TOGETHER + 1))


def test_each_has_its_own_deadline(database):
    """
    Two waves of look-ups, a second apart, wait behind one that holds the only place on the connection; a
    second lock, next in line, holds up the query that they become.
    """
    options = ["--db-connections=1", "--db-in-flight-max=1", "--request-timeout-ms=2500", "--db-queue-timeout-ms=10000"]
    with serving(database.url, "--db-combine=all", *options) as service, clients_of(service, 21) as clients:
        holder, early, late = clients[0], clients[1:11], clients[11:]
        with contextlib.ExitStack() as second:
            with database.locked():
                holder.get("/users/1")
                wait_until(lambda: database.backends("wait_event_type = 'Lock'"))
                second_lock = database.server.connect(database.NAME)
                second.callback(second_lock.close)
                taking = Background(second_lock.cursor().execute, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
                wait_until(lambda: database.query("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] == 2)
                ask_at_once(service, early, range(1, 11))
                time.sleep(1)
                ask_at_once(service, late, range(11, 21))
                time.sleep(0.1)
            assert holder.answer().status == 200
            taking.result()
            database.wait_for_combined()
            assert {client.answer().code for client in early} == {"request_timeout"}
        assert_right([client.answer() for client in late], range(11, 21))
        assert operations(service, "user_find_many") == 1
        assert_ledgers_add_up(service, "/users/{id}", 21)


# What happens to all of them


def test_a_terminated_backend_goes_unnoticed(database, service):
    ids = range(USERS - 20, USERS - 20 + TOGETHER)
    with clients_of(service) as clients:
        with database.locked():
            ask_at_once(service, clients, ids)
            database.query("SELECT pg_terminate_backend(%s)", database.wait_for_combined())
            service.wait_for_record("database_connection_lost")
        assert_right([client.answer() for client in clients], ids)
    assert_ledgers_add_up(service, "/users/{id}", TOGETHER)


def test_a_connection_that_is_cut_goes_unnoticed(database, server):
    ids = range(1, TOGETHER + 1)
    with Proxy(server.port) as proxy:
        url = database.url.replace(f":{server.port}/", f":{proxy.port}/")
        with serving(url, "--db-combine=all") as service, clients_of(service) as clients:
            with database.locked():
                ask_at_once(service, clients, ids)
                database.wait_for_combined()
                proxy.cut()
                service.wait_for_record("database_connection_lost")
            assert_right([client.answer() for client in clients], ids)
            assert_ledgers_add_up(service, "/users/{id}", TOGETHER)


@pytest.mark.parametrize(("option", "status", "code"), [
    ("--db-lock-timeout-ms=300", 503, "lock_timeout"),
    ("--db-statement-timeout-ms=300", 504, "statement_timeout"),
    ("--request-timeout-ms=300", 504, "request_timeout"),
])
def test_a_wait_in_the_server_is_limited_for_all(database, option, status, code):
    with serving(database.url, "--db-combine=all", option) as service, clients_of(service) as clients:
        with database.locked():
            ask_at_once(service, clients, range(1, TOGETHER + 1))
            answers = [client.answer() for client in clients]
        assert {(answer.status, answer.code) for answer in answers} == {(status, code)}
        assert_ledgers_add_up(service, "/users/{id}", TOGETHER)


@pytest.mark.parametrize(("state", "status"), [("22003", 400), ("XX001", 500)])
def test_a_failing_id_takes_no_other_with_it(database, state, status):
    """A value that is refused; a row that is damaged."""
    database.query(FAIL_AT_13.format(state))
    with serving(database.url, "--db-combine=all") as service, clients_of(service) as clients:
        with database.locked("kept"):
            ask_at_once(service, clients, range(1, TOGETHER + 1))
            database.wait_for_combined()
        statuses = [client.answer().status for client in clients]
    assert statuses == [status if number == 13 else 200 for number in range(1, TOGETHER + 1)]


# What operators see


def test_the_time_in_the_database_is_booked_for_each(database, service):
    with clients_of(service) as clients:
        with database.locked():
            ask_at_once(service, clients, range(1, TOGETHER + 1))
            database.wait_for_combined()
            time.sleep(0.3)
        assert {client.answer().status for client in clients} == {200}
    for record in assert_ledgers_add_up(service, "/users/{id}", TOGETHER):
        assert record["db_ns"] > 300e6, record
        assert record["total_ns"] - record["db_ns"] < 500e6, record


def test_the_databases_figures_are_compared(database):
    database.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    with serving(database.url, "--db-combine=all") as service, clients_of(service) as clients:
        wait_until(lambda: service.admin("/debug/database").json()["absence"] is None, what="the comparison")
        for _ in range(10):
            ask_at_once(service, clients, range(1, TOGETHER + 1))
            assert {client.answer().status for client in clients} == {200}
        report = service.admin("/debug/database").json()
        many = next(one for one in report["statements"] if one["name"] == "user_find_many")
        assert many["client"]["calls"] == many["server"]["calls"] == operations(service, "user_find_many") > 0
        assert 0 < many["server"]["mean_us"] < many["client"]["mean_us"]
        assert all(value >= 0 for value in many["split"].values())
