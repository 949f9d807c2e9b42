"""What the running service writes to stderr."""

import contextlib
import json
import os
import pty
import re
import time

import pytest

from raw_client import RawClient
from service import PHASES, Background, Service, wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@contextlib.contextmanager
def serving(shared, *options, **named):
    with Service(shared.url, *options, **named) as service:
        service.wait_until_ready()
        yield service


def requests_logged(service, path):
    """After the end of the service, when all of its log is written."""
    if service.process.poll() is None:
        assert service.terminate() == 0
    return [record for record in service.records("request") if record["path"] == path]


def test_every_line_is_an_object_with_time_level_and_event(shared):
    with serving(shared, "--access-log=all") as service:
        service.get("/users/1")
        service.get("/nowhere")
        assert service.terminate() == 0
        lines = service.log_text().split("\n")
        assert lines.pop() == ""
        assert len(lines) > 5
        for line in lines:
            record = json.loads(line)
            assert list(record)[:3] == ["time", "level", "event"]
            assert TIME.fullmatch(record["time"])
            assert record["level"] in ("debug", "info", "warning", "error")


def test_the_start_is_logged_with_its_settings_and_without_secrets(shared):
    url = shared.server.url(shared.NAME, password="s3cr%t&1")
    with Service(url, "--workers=2", "--connections-max=77") as service:
        service.wait_until_ready()
        assert service.terminate() == 0
        configuration = service.wait_for_record("configuration")
        assert configuration["connections_max"] == 77
        assert configuration["workers"] == 2
        assert "***" in configuration["database_url"]
        assert "s3cr" not in service.log_text()
        started, = service.records("server_started")
        assert started["port"] == service.port
        assert started["pid"] == service.process.pid
        assert started["workers"] == 2
        assert service.events()[0] == "configuration"
        assert service.events()[-1] == "server_stopped"


@pytest.mark.parametrize("access_log", ["off", "errors", "all"])
def test_the_access_log_has_the_requests_that_are_asked_for(shared, access_log):
    options = [f"--access-log={access_log}", "--request-timeout-ms=200", "--db-lock-timeout-ms=5000"]
    with serving(shared, *options) as service:
        assert service.get("/users/1").status == 200
        assert service.get("/nowhere").status == 404
        with shared.locked():
            assert service.get("/users/2").status == 504
        logged = {path: requests_logged(service, path) for path in ("/users/1", "/nowhere", "/users/2")}
    expected = {"off": [0, 0, 0], "errors": [0, 0, 1], "all": [1, 1, 1]}[access_log]
    assert [len(records) for records in logged.values()] == expected


def test_a_request_is_logged_with_what_it_was_and_came_to(shared):
    with serving(shared, "--access-log=all") as service:
        answer = service.request("GET", "/users/7?x", X_Request_Id="seven")
        record, = requests_logged(service, "/users/7")
    assert record["level"] == "info"
    assert record["method"] == "GET"
    assert record["route"] == "/users/{id}"
    assert record["status"] == answer.status
    assert record["bytes"] == len(answer.body)
    assert 0 < record["total_ns"] < 5 * 1000 ** 3
    assert record["total_ns"] == sum(record[f"{phase}_ns"] for phase in PHASES)
    assert record["outcome"] == "sent"
    assert record["request_id"] == "seven" == answer.headers["X-Request-Id"]


def test_a_problem_is_logged_with_its_code(shared):
    with serving(shared, "--access-log=all") as service:
        answer = service.get("/users/999999999")
        record, = requests_logged(service, "/users/999999999")
    assert (record["status"], record["code"]) == (404, "user_not_found")
    assert record["bytes"] == len(answer.body)


HOSTILE_LINES = [
    b'GET /"}\n{"event":"forged"} HTTP/1.1\r\nHost: a\r\n\r\n',
    b"GET /%0a%22%7d{\x22event\x22:1} HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%0A%0D%22,%22status%22:200 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\xff\xfe\x80 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%e2%80%a8%e2%80%ae%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /" + b"x" * 7000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b'GET /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: "},{"event":"forged"\r\n\r\n',
    b"GET /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\nb\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: \x1b[31m\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + b"i" * 5000 + b"\r\n\r\n",
    b"\x00\x01\x02\r\n\r\n",
]


def test_hostile_requests_cannot_break_or_forge_a_line(shared):
    with serving(shared, "--access-log=all") as service:
        before = len(service.records("request"))
        for line in HOSTILE_LINES:
            with RawClient(service) as client:
                client.send(line)
                assert 400 <= client.answer().status < 600
        wait_until(lambda: len(service.records("request")) >= before + len(HOSTILE_LINES), what="the lines")
        assert service.terminate() == 0
        assert service.records("forged") == []
        log = service.log_text()
        assert log.replace("\n", "").isprintable()
        for record in service.records("request"):
            assert re.fullmatch(r"[A-Za-z0-9._:/+=@-]{1,128}", record["request_id"])


def read_all(descriptor):
    """Until nobody writes to it any more."""
    parts = []
    with contextlib.suppress(OSError):  # the end of a terminal
        while data := os.read(descriptor, 65536):
            parts.append(data)
    os.close(descriptor)
    return b"".join(parts).decode("utf-8")


def test_a_log_that_nobody_reads_holds_up_nothing_and_drops_are_counted(shared):
    reading, writing = os.pipe()
    service = Service(shared.url, "--access-log=all", "--workers=1", stderr=writing)
    os.close(writing)
    with service, RawClient(service) as client:
        slowest = 0
        for _ in range(3000):
            started = time.monotonic()
            assert client.ask("/health", "X-Request-Id: " + "i" * 128).status == 200
            slowest = max(slowest, time.monotonic() - started)
        assert slowest < 1
        log = Background(read_all, reading)
        wait_until(lambda: client.ask("/health").status == 200)
        time.sleep(0.3)
        assert client.ask("/health", "X-Request-Id: after-the-gap").status == 200
        time.sleep(0.3)
        assert service.terminate() == 0
    records = [json.loads(line) for line in log.result().splitlines()]
    dropped = sum(record["count"] for record in records if record["event"] == "log_lines_dropped")
    logged = sum(record["event"] == "request" and record["request_id"] == "i" * 128 for record in records)
    assert 0 < logged < 3000
    assert dropped >= 3000 - logged
    assert any(record.get("request_id") == "after-the-gap" for record in records)


def test_a_full_log_does_not_hold_up_the_end(shared):
    reading, writing = os.pipe()
    service = Service(shared.url, "--access-log=all", "--workers=1", stderr=writing)
    os.close(writing)
    with service, RawClient(service) as client:
        for _ in range(1500):
            client.ask("/health", "X-Request-Id: " + "i" * 128)
        started = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - started < 10
    os.close(reading)


def test_on_a_terminal_lines_are_for_people(shared):
    reading, writing = pty.openpty()
    service = Service(shared.url, "--log-format=auto", "--access-log=all", stderr=writing)
    os.close(writing)
    log = Background(read_all, reading)
    with service:
        service.request("GET", "/users/1", X_Request_Id="on-a-terminal")
        assert service.terminate() == 0
    lines = log.result().splitlines()
    assert not any(line.startswith("{") for line in lines)
    assert any("server_started" in line and "port" in line for line in lines)
    assert any("/users/1" in line and "on-a-terminal" in line for line in lines)


def test_only_lines_of_the_level_are_written(shared):
    with serving(shared, "--log-level=error", "--access-log=all") as service:
        service.get("/users/1")
        assert service.terminate() == 0
        assert service.events() == []
