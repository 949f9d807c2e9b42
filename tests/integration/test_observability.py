"""What the admin listener, the ledgers and the metrics of the running service tell."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import uuid

import pytest

from metrics import scrape
from postgres import PostgresServer
from raw_client import RawClient
from service import BINARY, PHASES, Background, Service, clean_environment, migrate, wait_until

TOOL = pathlib.Path(__file__).parents[2] / ".dev/tools/usr/bin/promtool"
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool") or str(TOOL)
USER_ROUTE = "/users/{id}"


@pytest.fixture(scope="module")
def serving(shared):
    with Service(shared.url, "--workers=2", "--access-log=all", "--request-timeout-ms=1000",
                 "--db-lock-timeout-ms=5000", "--head-timeout-ms=1000") as service:
        service.wait_until_ready()
        yield service


def counted(service, **labels):
    return scrape(service).sum("http_server_request_duration_seconds_count", **labels)


def problems(service, code):
    return scrape(service).sum("splits_problems_total", code=code)


def unready_workers(service):
    """How many, by the reason."""
    family = "splits_unready_workers"
    metrics = scrape(service)
    return {code: metrics.sum(family, code=code) for code in metrics.labels(family, "code")
            if metrics.sum(family, code=code)}


def wait_for_a_locked_out_query(shared):
    """Inside shared.locked(); gives the process id of its backend."""
    return wait_until(lambda: shared.query("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                           "AND application_name = 'splits'"), what="a query that waits")[0][0]


# Ledgers


def send_raw(service, data):
    with RawClient(service) as client:
        client.send(data)
        return client.answer()


def leave_before_the_answer(service, shared):
    """Gives the request's id, when it is over."""
    request_id = f"leaver-{uuid.uuid4()}"
    with shared.locked():
        with RawClient(service) as client:
            client.get("/users/4", f"X-Request-Id: {request_id}")
            wait_for_a_locked_out_query(shared)
            client.reset()
        service.request_record(request_id) # before the lock is gone
    return request_id


def provoke_every_end(service, shared):
    """Requests that end in as many ways as can be; gives their log lines."""
    answers = [
        service.get("/users/1"), service.get("/users?limit=1000"), service.get("/users/999999999"),
        service.get("/nowhere"), service.request("DELETE", "/health"), service.request("POST", "/users", {"name": ""}),
        service.request("PATCH", "/users/2", {"name": "Ada"}), service.create(f"{uuid.uuid4()}@shared.example"),
        send_raw(service, b"nonsense\r\n\r\n"), send_raw(service, b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
        send_raw(service, b"GET / HTTP/1.1\r\nHos"),
    ]
    with shared.locked():
        answers.append(service.get("/users/3"))
    statuses = [200, 200, 404, 404, 405, 422, 200, 201, 400, 501, 408, 504, 499]
    assert [answer.status for answer in answers] == statuses[:-1]
    ids = [answer.headers["x-request-id"] for answer in answers]
    records = [service.request_record(request_id) for request_id in (*ids, leave_before_the_answer(service, shared))]
    assert [record["status"] for record in records] == statuses
    return records


def test_phases_sum_to_the_total_however_a_request_ends(serving, shared):
    for record in provoke_every_end(serving, shared):
        assert sum(record[f"{phase}_ns"] for phase in PHASES) == record["total_ns"] > 0, record


def test_waiting_for_the_database_is_booked_as_that(serving, shared):
    with shared.locked():
        answer = serving.get("/users/1")
    assert answer.status == 504
    record = serving.request_record(answer.headers["X-Request-Id"])
    assert record["db_ns"] > 750e6
    assert record["total_ns"] - record["db_ns"] < 500e6


def test_a_read_that_is_repeated_after_a_lost_connection_still_adds_up(shared):
    with Service(shared.url, "--workers=1", "--db-connections=2", "--access-log=all",
                 "--request-timeout-ms=5000", "--db-lock-timeout-ms=5000") as service:
        service.wait_until_ready()
        with shared.locked():
            waiting = Background(service.get, "/users/1")
            backend = wait_for_a_locked_out_query(shared)
            time.sleep(0.1)
            shared.query("SELECT pg_terminate_backend(%s)", backend)
            time.sleep(0.2)
        answer = waiting.result()
        assert answer.status == 200
        record = service.request_record(answer.headers["X-Request-Id"])
        assert sum(record[f"{phase}_ns"] for phase in PHASES) == record["total_ns"]
        assert record["db_ns"] + record["queue_ns"] > 200e6 # queue: while no other connection is up
        assert scrape(service).sum("splits_db_connections_lost_total") >= 1


@pytest.mark.parametrize("path", ["/users/1", "/users/0", "/users?limit=x", "/nowhere", "/health", "/lab/users",
                                  "/lab/users?rows=0", "/lab/verdict", "/lab/nothing"])
def test_server_timing_is_off_for_the_public(serving, path):
    assert "Server-Timing" not in serving.get(path).headers
    assert "Server-Timing" not in serving.request("POST", path, {}).headers


def test_server_timing_adds_up_and_agrees_with_the_log(shared):
    with Service(shared.url, "--server-timing=on", "--access-log=all", "--lab=off") as service:
        service.wait_until_ready()
        for path in ("/users/1", "/users?limit=1000", "/nowhere", "/health"):
            answer = service.request("GET", path, X_Request_Id=f"timed{path.partition('?')[0]}")
            timing = answer.timing_us
            assert list(timing) == ["read", "parse", "queue", "db", "json", "other", "total"]
            assert sum(timing.values()) == 2 * timing["total"]
            record = service.request_record(answer.headers["X-Request-Id"])
            for phase in ("read", "parse", "queue", "db", "json"):
                assert abs(timing[phase] - record[f"{phase}_ns"] / 1000) <= 1, phase


# Metrics


@pytest.mark.skipif(not os.access(PROMTOOL, os.X_OK), reason="no promtool")
def test_promtool_finds_nothing_to_say_about_the_metrics(serving, shared):
    provoke_every_end(serving, shared)
    body = serving.admin("/metrics").body
    outcome = subprocess.run([PROMTOOL, "check", "metrics"], input=body, capture_output=True, check=False)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, b"", b"")


@pytest.fixture
def counting(shared):
    """A service of the test's own, asked for one user 40 times."""
    with Service(shared.url, "--workers=2") as service:
        service.wait_until_ready()
        for _ in range(40):
            assert service.get("/users/1").status == 200
        wait_until(lambda: counted(service, http_route=USER_ROUTE) >= 40, what="the count")
        time.sleep(0.1) # for what is counted twice
        yield service


def test_every_request_is_counted_once(counting):
    assert counted(counting, http_route=USER_ROUTE) == 40
    assert counted(counting, http_route=USER_ROUTE, http_request_method="GET", http_response_status_code="200") == 40


def test_phases_and_overhead_sum_to_the_duration(counting):
    metrics = scrape(counting)
    duration = metrics.sum("http_server_request_duration_seconds_sum", http_route=USER_ROUTE)
    phases = {phase: metrics.sum("splits_request_phase_seconds_sum", http_route=USER_ROUTE, phase=phase)
              for phase in PHASES}
    overhead = metrics.sum("splits_request_overhead_seconds_sum", http_route=USER_ROUTE)
    count = metrics.sum("http_server_request_duration_seconds_count", http_route=USER_ROUTE)
    rounding = 1e-6 * (len(PHASES) + 2) * 2
    assert abs(sum(phases.values()) - duration) <= rounding
    assert abs(overhead + phases["db"] + phases["queue"] - duration) <= rounding
    for phase in PHASES:
        assert metrics.sum("splits_request_phase_seconds_count", http_route=USER_ROUTE, phase=phase) == count


def test_what_clients_write_becomes_no_label(serving):
    for path in ("/users/1%22%7d", "/%0aevil", "/a\\b", "/x{y=\"z\"}", "/users/abc", "/users/-1"):
        with RawClient(serving) as client:
            client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert client.answer().status in (400, 404)
    for number in range(100):
        serving.get(f"/no-such-thing-{number}")
    metrics = scrape(serving)
    routes = metrics.labels("http_server_request_duration_seconds_count", "http_route")
    assert routes <= {"", "/users", USER_ROUTE, "/health", "/health/ready", "/lab/users", "/lab/verdict"}
    assert metrics.labels("splits_request_phase_seconds_count", "http_route") == routes
    assert len(metrics.text.splitlines()) < 3000


def test_clients_that_are_refused_at_the_door_are_counted(shared):
    with Service(shared.url, "--workers=1", "--connections-max=2") as service, contextlib.ExitStack() as stack:
        assert scrape(service).sum("splits_worker_connections_max") == 2
        wait_until(lambda: scrape(service).sum("splits_worker_connections") == 0)
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", service.port))) for _ in range(2)]
        wait_until(lambda: scrape(service).sum("splits_worker_connections") == len(held))
        before = counted(service, http_route="", http_response_status_code="503")
        for _ in range(3):
            with RawClient(service) as client:
                assert client.answer().status == 503
        wait_until(lambda: counted(service, http_route="", http_response_status_code="503") == before + 3)
        assert counted(service, http_request_method="_OTHER", http_response_status_code="503") == before + 3
        assert problems(service, "too_many_connections") == 3


def test_methods_that_are_not_known_are_labelled_other(shared):
    with Service(shared.url, "--workers=1", "--access-log=all") as service:
        for data, status in ((b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501), (b"nonsense\r\n\r\n", 400)):
            answer = send_raw(service, data)
            assert answer.status == status
            assert service.request_record(answer.headers["x-request-id"])["method"] == "_OTHER"
            labels = {"http_response_status_code": str(status)}
            wait_until(lambda: counted(service, **labels) == 1)
            assert counted(service, http_request_method="_OTHER", **labels) == 1


def test_the_connections_to_the_database_are_counted_by_state(serving, shared):
    wait_until(lambda: scrape(serving).sum("db_client_connection_open") == 16, what="all connections")
    metrics = scrape(serving)
    assert metrics.sum("db_client_connection_create_time_seconds_count") >= 16
    assert metrics.sum("db_client_connection_max") == 16
    assert metrics.sum("splits_db_pending_requests_max") == 2 * 4096
    assert metrics.sum("splits_ready") == 1
    with shared.locked():
        asking = [Background(serving.get, f"/users/{number}") for number in range(1, 5)]
        wait_until(lambda: scrape(serving).sum("db_client_connection_open", db_client_connection_state="used") >= 1)
        for one in asking:
            assert one.result().status == 504


def test_problems_are_counted_by_their_code(shared):
    with Service(shared.url, "--workers=2", "--request-timeout-ms=1000", "--db-lock-timeout-ms=5000") as service:
        service.wait_until_ready()
        assert problems(service, "internal") == 0
        assert service.get("/users/999999999").status == 404
        with shared.locked():
            assert service.get("/users/1").status == 504
            assert problems(service, "request_timeout") == 1
            assert scrape(service).sum("splits_outcomes_unknown_total") == 0 # it changes nothing
            answer = service.create("late@shared.example")
            assert (answer.status, answer.json()["outcome"]) == (504, "unknown")
        wait_until(lambda: problems(service, "request_timeout") == 2)
        assert problems(service, "user_not_found") == 1
        assert scrape(service).sum("splits_outcomes_unknown_total") == 1


def test_the_queries_are_counted_by_operation(counting):
    operations = "db_client_operation_duration_seconds_count"
    assert scrape(counting).sum(operations, db_operation_name="user_find") == 40
    assert scrape(counting).sum(operations, db_operation_name="user_list") == 0


def test_the_process_tells_of_itself(serving):
    metrics = scrape(serving)
    assert 0 < metrics.sum("process_cpu_seconds_total") < 600
    assert 1e6 < metrics.sum("process_resident_memory_bytes") < 1e9
    assert metrics.sum("process_open_fds") >= 10
    assert abs(metrics.sum("process_start_time_seconds") - time.time()) < 600
    assert metrics.sum("splits_build_info") == 1


def test_scrapes_under_load_are_consistent(serving):
    def ask_often():
        with serving.client() as client:
            return sum(client.request("GET", "/users/1").status == 200 for _ in range(300))

    asking = [Background(ask_often) for _ in range(4)]
    last = 0
    for _ in range(20):
        metrics = scrape(serving)
        count = metrics.sum("http_server_request_duration_seconds_count")
        assert count >= last
        last = count
        for status in metrics.labels("http_server_request_duration_seconds_count", "http_response_status_code"):
            labels = {"http_route": USER_ROUTE, "http_request_method": "GET", "http_response_status_code": status}
            buckets = metrics.values("http_server_request_duration_seconds_bucket", **labels)
            assert buckets == sorted(buckets)
            assert buckets[-1:] == metrics.values("http_server_request_duration_seconds_count", **labels)
    assert sum(one.result() for one in asking) == 1200


# The admin listener


def test_the_admin_pages_are_not_there_for_the_public(serving):
    for path in ("/metrics", "/debug/slowest", "/debug/database"):
        assert serving.get(path).code == "not_found"
        assert serving.admin(path).status == 200
    assert serving.admin("/users/1").code == "not_found"


def test_the_admin_knows_whether_every_worker_can_serve(shared):
    with PostgresServer() as server:
        url = server.create_database("splits")
        migrate(url)
        with Service(url, "--workers=2") as service:
            wait_until(lambda: service.admin("/health/ready").status == 200)
            server.kill()
            wait_until(lambda: unready_workers(service) == {"database_unavailable": 2})
            assert service.admin("/health/ready").code == "database_unavailable"
            assert service.admin("/health").status == 200
            assert scrape(service).sum("splits_ready") == 0
            server.start()
            wait_until(lambda: service.admin("/health/ready").status == 200)


def test_the_admin_answers_until_the_end_of_a_drain(shared):
    with Service(shared.url, "--workers=2", "--drain-delay-ms=1500") as service:
        service.wait_until_ready()
        assert service.admin("/health/ready").status == 200
        service.process.terminate()
        wait_until(lambda: service.admin("/health/ready").code == "draining")
        # The first worker that hears of it makes the whole unready; the second one is a moment behind.
        wait_until(lambda: unready_workers(service) == {"draining": 2}, 1, "the other worker's draining")
        assert scrape(service).sum("splits_ready") == 0
        assert service.admin("/debug/slowest").status == 200
        assert service.process.wait(10) == 0


def worker_cpu_seconds(service):
    """By worker; None when the service has ended."""
    try:
        return scrape(service).values("splits_worker_cpu_seconds_total")
    except (OSError, http.client.HTTPException):
        return None


def not_less(values, before):
    assert all(value >= old for value, old in zip(values, before, strict=True)), (before, values)
    return values


def test_the_cpu_time_of_a_worker_that_has_ended_stays(shared):
    with Service(shared.url, "--workers=2", "--request-timeout-ms=20000", "--db-lock-timeout-ms=20000") as service:
        service.wait_until_ready()
        with shared.locked():
            waiting = Background(service.get, "/users/1") # one worker waits, the other one ends
            wait_for_a_locked_out_query(shared)
            before = worker_cpu_seconds(service)
            assert len(before) == 2 and min(before) > 0
            service.process.terminate()
            service.wait_for_record("drain_started")
            seen = 0
            ends = time.monotonic() + 1
            while time.monotonic() < ends or seen < 5:
                before, seen = not_less(worker_cpu_seconds(service), before), seen + 1
        assert waiting.result().status == 200
        while (after := worker_cpu_seconds(service)) is not None:
            before = not_less(after, before)


def test_without_an_admin_listener_there_is_none(shared):
    with Service(shared.url, "--admin=off") as service:
        service.wait_until_ready()
        assert "admin_port" not in service.wait_for_record("server_started")


@pytest.mark.parametrize("setting", ["port", "admin-port"])
def test_a_port_in_use_is_told_with_its_setting(shared, setting):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = {"port": "0", "admin-port": "0"} | {setting: str(port)}
        outcome = subprocess.run([BINARY, "serve", f"--database-url={shared.url}", "--migrations-dir=migrations",
                                  *(f"--{name}={value}" for name, value in options.items())],
                                 env=clean_environment(), capture_output=True, text=True, timeout=20, check=False,
                                 cwd=pathlib.Path(__file__).parents[2])
    assert outcome.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port} (--{setting}): Address already in use" in outcome.stderr


# The flight recorder


def test_the_slowest_requests_are_kept_with_their_ledgers(serving, shared):
    with shared.locked():
        assert serving.request("GET", "/users/17", X_Request_Id="the-slow-one").status == 504
    for _ in range(50):
        serving.get("/users/1")
    report = wait_until(lambda: next((report for report in [serving.admin("/debug/slowest?limit=100").json()] if any(
        request["request_id"] == "the-slow-one" for request in report["requests"])), None), what="the record")
    totals = [request["total_ns"] for request in report["requests"]]
    assert totals == sorted(totals, reverse=True)
    for request in report["requests"]:
        assert sum(request[f"{phase}_ns"] for phase in PHASES) == request["total_ns"]
    route, = (route for route in report["routes"] if route["route"] == USER_ROUTE)
    assert route["requests"] >= 50
    assert route["p50"]["total_ns"] <= route["p99"]["total_ns"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "other=1", "limit=1&limit=2"])
def test_a_wrong_limit_is_named(serving, query):
    answer = serving.admin(f"/debug/slowest?{query}")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


# The database's own figures


def reported(service, name):
    report = service.admin("/debug/database").json()
    return report, next(statement for statement in report["statements"] if statement["name"] == name)


def wait_for_beginning(service):
    wait_until(lambda: service.admin("/debug/database").json()["absence"] is None, what="the comparison")


def test_the_databases_figures_stand_beside_the_workers():
    with PostgresServer(statements=True) as server:
        url = server.create_database("splits")
        migrate(url)
        server.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", database="splits")
        server.query("INSERT INTO users (name, email) SELECT 'Ada', i || '@example.org' FROM generate_series(1, 500) i",
                     database="splits")
        with Service(url) as service:
            service.wait_until_ready()
            wait_for_beginning(service)
            _, before = reported(service, "user_find")
            with service.client() as client:
                for number in range(1, 301):
                    assert client.request("GET", f"/users/{number}").status == 200
                    assert client.request("PATCH", f"/users/{number}", {"name": "Eve"}).status == 200
            report, find = reported(service, "user_find")
            assert report["since"]
            assert find["client"]["calls"] - (before["client"]["calls"] or 0) >= 300
            assert find["server"]["calls"] == find["client"]["calls"]
            assert 0 < find["server"]["mean_us"] < find["client"]["mean_us"]
            split = find["split"]
            assert all(value >= 0 for value in split.values())
            assert abs(sum(split.values()) - find["client"]["mean_us"]) < 1
            assert split["execution_us"] == pytest.approx(find["server"]["mean_us"], abs=0.01)
            _, change = reported(service, "user_change")
            assert change["server"]["calls"] == change["client"]["calls"] == 300
            server.query("SELECT pg_stat_statements_reset()", database="splits")
            assert "reset" in service.admin("/debug/database").json()["absence"]
            wait_for_beginning(service)


def test_without_the_extension_the_answer_says_so(serving):
    report = serving.admin("/debug/database").json()
    assert "pg_stat_statements" in report["absence"]
    assert all(statement["server"] is None for statement in report["statements"])
    assert json.dumps(report).count("s3cr") == 0


@pytest.fixture(scope="module")
def recording():
    """A server that counts statements in its database "splits", and writes each one to its log, behind its sender."""
    with PostgresServer(statements=True, settings={"log_statement": "all", "log_line_prefix": "%p %a "}) as server:
        migrate(server.create_database("splits"))
        server.query("CREATE EXTENSION pg_stat_statements", database="splits")
        yield server


@contextlib.contextmanager
def locked_users(server):
    """A look into the statistics stands still meanwhile."""
    with contextlib.closing(server.connect("splits")) as connection:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        yield


def wait_for_look(server):
    wait_until(lambda: server.query("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                    "AND application_name = 'splits-statistics'"), what="the look")


def looks(server):
    """What each session of a look has sent, in order."""
    sessions = {}
    for line in server.log.read_text(encoding="utf-8").splitlines():
        if sent := re.match(r"(\d+) splits-statistics LOG: +(?:execute \S+|statement): (.*)", line):
            sessions.setdefault(sent[1], []).append(sent[2])
    return list(sessions.values())


def assert_in_one_transaction(statements):
    assert (statements[0], statements[-1]) == ("BEGIN READ ONLY", "ROLLBACK")
    assert not any(re.match("BEGIN|COMMIT|ROLLBACK|END|SET", statement) for statement in statements[1:-1])


def test_a_look_at_the_databases_figures_leaves_no_setting_behind(recording):
    """As behind a pooler, where the next user of the session is another program."""
    with Service(recording.url("splits")) as service:
        service.wait_until_ready()
        wait_for_beginning(service)
        recording.query("ALTER TABLE users RENAME TO guests", database="splits")
        assert "refused to explain" in service.admin("/debug/database").json()["absence"]
        recording.query("ALTER TABLE guests RENAME TO users", database="splits")
        recording.query("ALTER EXTENSION pg_stat_statements SET SCHEMA pg_catalog", database="splits")
        assert service.admin("/debug/database").json()["absence"] is None
        recording.query("DROP EXTENSION pg_stat_statements", database="splits")
        assert "not installed" in service.admin("/debug/database").json()["absence"]
        recording.query("CREATE EXTENSION pg_stat_statements", database="splits")
    sessions = looks(recording)
    assert len(sessions) >= 4
    for statements in sessions:
        assert any("set_config" in statement for statement in statements)
        assert_in_one_transaction(statements)


def test_who_asks_the_database_at_the_same_time_gets_the_same_answer(recording):
    with Service(recording.url("splits")) as service:
        service.wait_until_ready()
        wait_for_beginning(service)
        before = len(looks(recording))
        with locked_users(recording):
            asking = [Background(service.admin, "/debug/database") for _ in range(3)]
            wait_for_look(recording)
            with socket.create_connection(("127.0.0.1", service.admin_port)) as leaver:
                leaver.sendall(b"GET /debug/database HTTP/1.1\r\nHost: a\r\n\r\n")
                time.sleep(0.2) # all have asked by now
        answers = [one.result() for one in asking]
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert answers[0].body == answers[1].body == answers[2].body
        assert answers[0].json()["absence"] is None
        assert len(looks(recording)) == before + 1


def test_a_look_is_ended_properly_when_the_service_stops(recording):
    with Service(recording.url("splits")) as service:
        service.wait_until_ready()
        wait_for_beginning(service)
        with locked_users(recording):
            asking = Background(service.admin, "/debug/database")
            wait_for_look(recording)
            begun = time.monotonic()
            assert service.terminate() == 0
            assert time.monotonic() - begun < 3
        with contextlib.suppress(OSError, http.client.HTTPException):
            asking.result()
    wait_until(lambda: not recording.query("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'splits%'"))
    assert "unexpected EOF" not in recording.log.read_text(encoding="utf-8")


def startup_of(connection):
    """What a client says first."""
    connection.settimeout(10)
    return connection.recv(1000)


def test_a_look_at_a_silent_database_does_not_hold_up_the_end():
    with socket.create_server(("127.0.0.1", 0)) as silent, contextlib.ExitStack() as stack:
        silent.settimeout(10)
        url = f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/splits?sslmode=disable&gssencmode=disable"
        with Service(url) as service:
            wait_until(lambda: b"splits-statistics" in startup_of(stack.enter_context(silent.accept()[0])))
            begun = time.monotonic()
            assert service.terminate() == 0
            assert time.monotonic() - begun < 3
