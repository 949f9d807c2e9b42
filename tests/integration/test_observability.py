"""What the admin listener, the ledgers and the metrics of the running service tell."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import time

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
    with Service(shared.url, "--workers=2", "--access-log=all", "--request-timeout-ms=300",
                 "--db-lock-timeout-ms=5000", "--head-timeout-ms=300") as service:
        service.wait_until_ready()
        yield service


def counted(service, **labels):
    return scrape(service).sum("http_server_request_duration_seconds_count", **labels)


def timing_of(answer):
    """Server-Timing as a dict, in thousandths of a millisecond."""
    entries = re.findall(r"(\w+);dur=(\d+)\.(\d{3})(?:, |$)", answer.headers["Server-Timing"])
    return {name: int(whole) * 1000 + int(part) for name, whole, part in entries}


# Ledgers


def provoke_every_end(service, shared):
    """Requests that end in as many ways as can be; gives how many."""
    service.get("/users/1")
    service.get("/users?limit=1000")
    service.get("/users/999999999")
    service.get("/nowhere")
    service.request("DELETE", "/health")
    service.request("POST", "/users", {"name": ""})
    service.request("PATCH", "/users/2", {"name": "Ada"})
    service.create("ledger@shared.example")
    with RawClient(service) as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.answer().status == 400
    with RawClient(service) as client:
        client.send(b"GET / HTTP/1.1\r\nHos")
        assert client.answer().status == 408
    with shared.locked():
        assert service.get("/users/3").status == 504
        with socket.create_connection(("127.0.0.1", service.port)) as leaver:
            leaver.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)) # closing resets
            leaver.sendall(b"GET /users/4 HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.05)
        time.sleep(0.1) # the reset comes before the lock is gone
    return 12


def test_phases_sum_to_the_total_however_a_request_ends(serving, shared):
    before = len(serving.records("request"))
    count = provoke_every_end(serving, shared)
    wait_until(lambda: len(serving.records("request")) >= before + count, what="the log lines")
    records = serving.records("request")[before:]
    statuses = sorted({record["status"] for record in records})
    assert statuses == [200, 201, 400, 404, 405, 408, 422, 499, 504]
    for record in records:
        assert sum(record[f"{phase}_ns"] for phase in PHASES) == record["total_ns"] > 0, record


def test_waiting_for_the_database_is_booked_as_that(serving, shared):
    with shared.locked():
        assert serving.get("/users/1").status == 504
    record = wait_until(lambda: [record for record in serving.records("request") if record["status"] == 504][-1:],
                        what="the log line")[0]
    assert record["db_ns"] > 250e6
    assert record["total_ns"] - record["db_ns"] < 200e6


def test_a_read_that_is_repeated_after_a_lost_connection_still_adds_up(shared):
    with Service(shared.url, "--workers=1", "--db-connections=2", "--access-log=all",
                 "--request-timeout-ms=5000", "--db-lock-timeout-ms=5000") as service:
        service.wait_until_ready()
        with shared.locked():
            waiting = Background(service.get, "/users/1")
            backends = wait_until(lambda: shared.query(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'splits'"))
            time.sleep(0.1)
            shared.query("SELECT pg_terminate_backend(%s)", backends[0][0])
            time.sleep(0.2)
        assert waiting.result().status == 200
        record = wait_until(lambda: [record for record in service.records("request") if record["path"] == "/users/1"],
                            what="the log line")[0]
        assert sum(record[f"{phase}_ns"] for phase in PHASES) == record["total_ns"]
        assert record["db_ns"] > 200e6
        assert scrape(service).sum("splits_db_connections_lost_total") >= 1


def test_server_timing_is_off_for_the_public(serving):
    assert "Server-Timing" not in serving.get("/users/1").headers
    assert "Server-Timing" not in serving.get("/nowhere").headers


def test_server_timing_adds_up_and_agrees_with_the_log(shared):
    with Service(shared.url, "--server-timing=on", "--access-log=all", "--lab=off") as service:
        service.wait_until_ready()
        for path in ("/users/1", "/users?limit=1000", "/nowhere", "/health"):
            answer = service.request("GET", path, X_Request_Id=f"timed{path.partition('?')[0]}")
            timing = timing_of(answer)
            assert list(timing) == ["read", "parse", "queue", "db", "json", "other", "total"]
            assert sum(timing.values()) == 2 * timing["total"]
            record = wait_until(lambda: [record for record in service.records("request")
                                         if record["request_id"] == answer.headers["X-Request-Id"]], what="the line")[0]
            for phase in ("read", "parse", "queue", "db", "json"):
                assert abs(timing[phase] - record[f"{phase}_ns"] / 1000) <= 1, phase


# Metrics


@pytest.mark.skipif(not os.access(PROMTOOL, os.X_OK), reason="no promtool")
def test_promtool_finds_nothing_to_say_about_the_metrics(serving, shared):
    provoke_every_end(serving, shared)
    body = serving.admin("/metrics").body
    outcome = subprocess.run([PROMTOOL, "check", "metrics"], input=body, capture_output=True, check=False)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, b"", b"")


def test_every_request_is_counted_once(serving):
    before = counted(serving)
    for _ in range(40):
        serving.get("/users/1")
    wait_until(lambda: counted(serving) == before + 40, what="the count")
    time.sleep(0.1)
    assert counted(serving) == before + 40


def test_phases_and_overhead_sum_to_the_duration(serving):
    for _ in range(20):
        serving.get("/users/1")
    wait_until(lambda: counted(serving, http_route=USER_ROUTE) >= 20)
    metrics = scrape(serving)
    duration = metrics.sum("http_server_request_duration_seconds_sum", http_route=USER_ROUTE)
    phases = {phase: metrics.sum("splits_request_phase_seconds_sum", route=USER_ROUTE, phase=phase) for phase in PHASES}
    overhead = metrics.sum("splits_request_overhead_seconds_sum", route=USER_ROUTE)
    count = metrics.sum("http_server_request_duration_seconds_count", http_route=USER_ROUTE)
    rounding = 1e-6 * (len(PHASES) + 2) * 2
    assert abs(sum(phases.values()) - duration) <= rounding
    assert abs(overhead + phases["db"] + phases["queue"] - duration) <= rounding
    for phase in PHASES:
        assert metrics.sum("splits_request_phase_seconds_count", route=USER_ROUTE, phase=phase) == count


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
    assert metrics.labels("splits_request_phase_seconds_count", "route") == routes
    assert len(metrics.text.splitlines()) < 3000


def test_clients_that_are_refused_at_the_door_are_counted(shared):
    with Service(shared.url, "--workers=1", "--connections-max=2") as service, contextlib.ExitStack() as stack:
        wait_until(lambda: scrape(service).sum("splits_worker_connections") == 0)
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", service.port))) for _ in range(2)]
        wait_until(lambda: scrape(service).sum("splits_worker_connections") == len(held))
        before = counted(service, http_route="", http_response_status_code="503")
        for _ in range(3):
            with RawClient(service) as client:
                assert client.answer().status == 503
        wait_until(lambda: counted(service, http_route="", http_response_status_code="503") == before + 3)


def test_the_connections_to_the_database_are_counted_by_state(serving, shared):
    metrics = scrape(serving)
    assert metrics.sum("db_client_connection_open") == 16
    assert metrics.sum("db_client_connection_create_time_seconds_count") >= 16
    assert metrics.sum("splits_ready") == 1
    with shared.locked():
        asking = [Background(serving.get, f"/users/{number}") for number in range(1, 5)]
        wait_until(lambda: scrape(serving).sum("db_client_connection_open", db_client_connection_state="used") >= 1)
        for one in asking:
            assert one.result().status == 504
    assert metrics.sum("db_client_operation_duration_seconds_count", db_operation_name="user_find") >= 1


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
            wait_until(lambda: service.admin("/health/ready").code == "database_unavailable")
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
        assert scrape(service).sum("splits_ready") == 0
        assert service.admin("/debug/slowest").status == 200
        assert service.process.wait(10) == 0


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
