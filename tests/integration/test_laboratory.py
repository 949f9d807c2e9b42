"""The laboratory of the running service, against a real database."""

import functools
import json
import pathlib
import random
import re
import statistics
import subprocess
import time
import unicodedata

import pytest

from service import BINARY, MIGRATIONS, Background, Service, clean_environment, migrate, wait_until

SERIALIZERS = ("direct", "jansson", "postgres")
DEAR = "/lab/users?rows=1000&delay_ms=0&serializer=jansson"
FREE = "/lab/users?rows=1000&delay_ms=0&serializer=none"
SEED = 20240229


@pytest.fixture(scope="module")
def usual(shared):
    """The URL of a database with users of the usual size."""
    url = shared.server.create_database("usual")
    migrate(url)
    shared.server.query("INSERT INTO users (name, email) SELECT 'Zoë Example ' || i, 'zoe.example' || i || '@example.org' "
                        "FROM generate_series(1, 2000) i", database="usual")
    return url


@pytest.fixture(scope="module")
def laboratory(shared):
    with Service(shared.url, "--workers=2", "--lab=on") as service:
        service.wait_until_ready()
        yield service


@functools.cache
def is_instrumented():
    """The service's own code is several times as slow as it will be: jansson's, a library's, is not."""
    program = pathlib.Path(BINARY).read_bytes()
    return any(mark in program for mark in (b"__asan_init", b"__tsan_init", b"__msan_init", b"__gcov_"))


def users_of(answer):
    assert answer.status == 200, answer
    return answer.json()["users"]


# Experiments


def test_an_experiment_answers_with_users_and_its_ledger(laboratory):
    answer = laboratory.get("/lab/users?rows=100&delay_ms=15&serializer=jansson")
    assert [user["id"] for user in users_of(answer)] == list(range(1, 101))
    assert answer.timing_us["db"] >= 15_000
    assert sum(answer.timing_us.values()) == 2 * answer.timing_us["total"]


def test_jansson_takes_far_longer_than_the_direct_writer(laboratory):
    def json_us(serializer):
        path = f"/lab/users?rows=1000&serializer={serializer}"
        return statistics.median(laboratory.get(path).timing_us["json"] for _ in range(9))

    assert json_us("jansson") > (3 if is_instrumented() else 10) * json_us("direct")
    assert json_us("none") < json_us("direct")


@pytest.mark.parametrize("parameter", ["rows=1000", "fan_out=500", "rows=1", "fan_out=1"])
def test_every_serializer_gives_the_same_bytes(laboratory, parameter):
    bodies = {laboratory.get(f"/lab/users?{parameter}&serializer={serializer}").body for serializer in SERIALIZERS}
    assert len(bodies) == 1
    constant = laboratory.get(f"/lab/users?{parameter}&serializer=none")
    assert len(constant.body) == len(bodies.pop())
    constant.json()


def test_queries_that_fan_out_are_gathered_in_order(laboratory):
    one_query = laboratory.get("/lab/users?rows=300").body
    assert laboratory.get("/lab/users?fan_out=300").body == one_query
    assert laboratory.get("/lab/users?fan_out=64&delay_ms=2").body == laboratory.get("/lab/users?rows=64").body


def test_slow_queries_that_fan_out_share_the_connections(laboratory):
    timing = laboratory.get("/lab/users?fan_out=32&delay_ms=20").timing_us
    assert 20_000 * 32 / 8 <= timing["total"] < 20_000 * 32


def test_a_spin_is_found_in_the_serialization(laboratory):
    timing = laboratory.get("/lab/users?rows=1&spin_us=20000").timing_us
    assert timing["json"] >= 20_000
    assert timing["total"] - timing["json"] < 500_000


def test_a_slow_experiment_does_not_stand_before_a_quick_request(laboratory):
    asking = [Background(laboratory.get, "/lab/users?rows=1&delay_ms=500") for _ in range(6)]
    time.sleep(0.1)
    with laboratory.client() as client:
        seconds = [client.request("GET", "/users/1").seconds for _ in range(20)]
    assert statistics.median(seconds) < 0.1
    for one in asking:
        assert one.result().status == 200


def test_queries_that_fan_out_and_wait_too_long_for_connections_are_refused(shared):
    with Service(shared.url, "--workers=1", "--db-connections=2", "--lab=on", "--db-queue-timeout-ms=200") as service:
        service.wait_until_ready()
        answer = service.get("/lab/users?fan_out=20&delay_ms=100")
        assert (answer.status, answer.code) == (503, "overloaded")
        assert answer.seconds < 1 # all of them take as long
        wait_until(lambda: service.get("/lab/users?fan_out=2&delay_ms=1").status == 200)


def test_queries_that_fan_out_end_at_the_deadline_also_when_they_block(shared):
    with Service(shared.url, "--workers=1", "--db-mode=blocking", "--lab=on", "--request-timeout-ms=500") as service:
        service.wait_until_ready()
        answer = service.get("/lab/users?fan_out=20&delay_ms=200")
        assert answer.status == 504
        assert answer.seconds < 2 # all of them take 4
        assert service.get("/users/1").status == 200


@pytest.mark.parametrize("query, field", [
    ("rows=0", "rows"), ("rows=1001", "rows"), ("rows=1.5", "rows"), ("rows=", "rows"), ("rows=-1", "rows"),
    ("rows=1&rows=1", "rows"), ("rows=5&fan_out=5", "rows"), ("delay_ms=1001", "delay_ms"),
    ("delay_ms=x", "delay_ms"), ("serializer=json", "serializer"), ("serializer=DIRECT", "serializer"),
    ("spin_us=100001", "spin_us"), ("fan_out=0", "fan_out"), ("fan_out=501", "fan_out"), ("speed=9", "speed"),
])
def test_a_wrong_knob_is_named(laboratory, query, field):
    answer = laboratory.get(f"/lab/users?{query}")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_more_users_than_there_are_is_told(shared):
    name = "small_laboratory"
    url = shared.server.create_database(name)
    migrate(url)
    shared.server.query("INSERT INTO users (name, email) SELECT 'Ada', i || '@example.org' FROM generate_series(1, 5) i",
                        database=name)
    with Service(url, "--lab=on") as service:
        service.wait_until_ready()
        assert len(users_of(service.get("/lab/users?rows=5"))) == 5
        for parameter in ("rows", "fan_out"):
            for serializer in (*SERIALIZERS, "none"):
                answer = service.get(f"/lab/users?{parameter}=6&serializer={serializer}")
                assert answer.status == 422
                error, = answer.json()["errors"]
                assert error["field"] == parameter
                assert "5" in error["reason"]


# Every kind of character


def random_character(generator, most=0x10FFFF):
    while True:
        character = chr(generator.randint(0x20, most))
        if unicodedata.category(character) not in ("Cc", "Cs"):
            return character


def random_name(generator):
    kinds = [
        lambda: random_character(generator), lambda: random_character(generator, 0x7E),
        lambda: random_character(generator, 0x24F), lambda: generator.choice("\"\\/'<>&\u2028\u2029\ufeff\u0301🙂"),
        lambda: " ",
    ]
    name = "".join(generator.choice(kinds)() for _ in range(generator.choice([1, 2, 15, 16, 17, 33, 200])))
    return name if name.strip() else "x" + name[1:]


def test_the_database_writes_what_the_service_writes_for_every_kind_of_character(shared):
    generator = random.Random(SEED)
    name = "characters"
    url = shared.server.create_database(name)
    migrate(url)
    rows = [(random_name(generator), f"user{number}!#$%&'*+/=?^_`{{|}}~é@example.org") for number in range(1000)]
    times = ["0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999+00", "2024-02-29 12:34:56.000001+00",
             "1969-12-31 23:59:59.999999+00", "1970-01-01 00:00:00+00", "2000-02-29 00:00:00.1+00", "1582-10-10 00:00+00"]
    connection = shared.server.connect(name)
    with connection, connection.cursor() as cursor:
        for number, (user_name, email) in enumerate(rows):
            cursor.execute("INSERT INTO users (name, email, created_at, updated_at, version) VALUES (%s, %s, %s, %s, %s)",
                           (user_name, email, times[number % len(times)], times[(number + 3) % len(times)],
                            generator.choice([1, 9, 10, 99, 2**31, 2**63 - 1])))
    connection.close()
    with Service(url, "--lab=on") as service:
        service.wait_until_ready()
        bodies = {serializer: service.get(f"/lab/users?rows=1000&serializer={serializer}").body
                  for serializer in SERIALIZERS}
    assert [user["name"] for user in json.loads(bodies["direct"])["users"]] == [row[0] for row in rows]
    assert bodies["jansson"] == bodies["direct"]
    assert bodies["postgres"] == bodies["direct"]


# Off


def test_the_laboratory_is_off_unless_it_is_asked_for(shared):
    with Service(shared.url) as service:
        service.wait_until_ready()
        for path in ("/lab/users", "/lab/users?rows=1", "/lab/verdict"):
            answer = service.get(path)
            assert (answer.status, answer.code) == (403, "laboratory_off")
            assert "--lab" in answer.json()["detail"]


# The verdict


def experiment(verdict, target):
    return next(item for item in verdict["experiments"] if item["target"] == target)


def repeat(service, path, count):
    with service.client() as client:
        for _ in range(count):
            assert client.request("GET", path).status == 200


def rate_of(service, path, clients, count):
    """Requests per second that so many clients get, with count requests each."""
    started = time.monotonic()
    asking = [Background(repeat, service, path, count) for _ in range(clients)]
    for one in asking:
        one.result()
    return clients * count / (time.monotonic() - started)


def verdict_after(service, path, count):
    """The verdict when it rests on count requests of this path."""
    return wait_until(lambda: next((verdict for verdict in [service.get("/lab/verdict").json()]
                                    if experiment(verdict, path)["requests"] == count), None), what="the ledgers")


def test_the_verdict_tells_where_the_serializer_matters(usual):
    with Service(usual, "--workers=1", "--lab=on") as service:
        service.wait_until_ready()
        # Slower than the 15 ms of the documents: jansson takes five times as long under a sanitizer.
        slow = "/lab/users?rows=100&delay_ms=60&serializer=jansson"
        repeat(service, slow, 25)
        repeat(service, DEAR, 100)
        verdict = verdict_after(service, DEAR, 100)
        assert "does not matter" in experiment(verdict, slow)["sentence"]
        assert not experiment(verdict, slow)["matters"]
        assert "serializer matters" in experiment(verdict, DEAR)["sentence"]
        assert experiment(verdict, DEAR)["matters"]
        assert experiment(verdict, slow)["p50"]["database_share"] > 0.9
        answer = service.request("GET", "/lab/verdict", Accept="text/plain")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        text = answer.body.decode()
        assert slow in text and "does not matter here" in text and "The serializer matters here" in text
        assert service.get("/lab/verdict?x=1").status == 422


def test_the_verdict_on_the_example_of_the_documents(usual):
    if is_instrumented():
        pytest.skip("the serializer takes longer than it will")
    with Service(usual, "--workers=1", "--lab=on") as service:
        service.wait_until_ready()
        path = "/lab/users?rows=100&delay_ms=15&serializer=jansson"
        repeat(service, path, 100)
        judged = experiment(verdict_after(service, path, 100), path)
        assert "does not matter" in judged["sentence"]
        assert not judged["matters"]
        assert judged["capacity"]["binding"] == "connections"


def test_the_verdict_predicts_what_free_serialization_brings(usual):
    with Service(usual, "--workers=1", "--lab=on") as service:
        service.wait_until_ready()
        for _ in range(10): # by turns: a busy machine is busy for both
            repeat(service, DEAR, 30)
            repeat(service, FREE, 30)
        verdict = verdict_after(service, FREE, 300)
        before, after = (experiment(verdict, target)["p50"]["total_ms"] for target in (DEAR, FREE))
        predicted_change = before - experiment(verdict, DEAR)["p50"]["free_total_ms"]
        assert predicted_change > 0.2 * before
        # The change is at least what is predicted: the tree costs the others' caches, too; and, where others
        # take the processor, whoever needs it for longer is interrupted more often.
        assert 0.33 * (before - after) <= predicted_change <= 1.15 * (before - after)


def test_the_verdict_sees_that_the_serializer_uses_up_the_cpu(usual):
    with Service(usual, "--workers=1", "--lab=on") as service:
        service.wait_until_ready()
        measured, measured_free = rate_of(service, DEAR, 16, 40), rate_of(service, FREE, 16, 40)
        judged = experiment(verdict_after(service, FREE, 640), DEAR)
        assert judged["matters"]
        assert judged["capacity"]["binding"] in ("cpus", "loops")
        # These clients wait for jansson. Without it they may be the slower ones: then there is only a least rate.
        assert 0.5 * measured <= judged["capacity"]["request_rate"] <= 2 * measured
        assert judged["capacity_free"]["request_rate"] >= 0.5 * measured_free


def test_the_verdict_predicts_the_rate_at_which_the_connections_are_used_up(usual):
    with Service(usual, "--workers=1", "--db-connections=4", "--lab=on", "--db-queue-timeout-ms=5000") as service:
        service.wait_until_ready()
        path = "/lab/users?rows=1&delay_ms=20&serializer=direct"
        repeat(service, path, 30)
        judged = experiment(verdict_after(service, path, 30), path)
        predicted = judged["capacity"]["request_rate"]
        assert judged["capacity"]["binding"] == "connections"
        measured = rate_of(service, path, 16, 25)
        assert measured == pytest.approx(predicted, rel=0.15)
        assert service.get("/lab/verdict").json()["binding_now"]["resource"] == "connections"


# The self-test


def selftest(url, *arguments, environment=None):
    command = [BINARY, "selftest", *arguments, f"--database-url={url}", f"--migrations-dir={MIGRATIONS}"]
    return subprocess.run(command, env=clean_environment() | (environment or {}), capture_output=True, text=True,
                          timeout=120, check=False)


def test_the_self_test_proves_the_ledger(usual):
    outcome = selftest(usual, "quick")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert re.search(r"^\d+ passed, 0 failed$", outcome.stdout, re.M)


def test_the_self_test_says_what_it_lacks(usual, tmp_path):
    outcome = selftest(usual, "quick", environment={"PATH": str(tmp_path)})
    assert outcome.returncode == 1
    assert "curl" in outcome.stderr and outcome.stderr.count("\n") == 1
    outcome = selftest("postgresql://127.0.0.1:1/nowhere", "quick")
    assert outcome.returncode == 1
    assert outcome.stderr.strip()
    assert selftest(usual, "sideways").returncode == 2
