"""Bounds and deadlines of the running service, and clients that misbehave."""

import contextlib
import time
from pathlib import Path

import pytest

from raw_client import RawClient
from service import BINARY, Background, Service, wait_until

POST = b"POST /users HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"

# For tests that hold a lock, and want nothing else to end the wait.
PATIENT = ["--db-lock-timeout-ms=30000", "--db-statement-timeout-ms=30000", "--request-timeout-ms=30000"]


@contextlib.contextmanager
def serving(shared, *options):
    with Service(shared.url, *options) as service:
        service.wait_until_ready()
        yield service


def settled_descriptors(service):
    """How many there are once those of the start have come and gone."""

    def settled():
        count = service.descriptors()
        time.sleep(0.1)
        return count == service.descriptors() and count

    return wait_until(settled, what="rest")


def is_sanitized():
    """Sanitizers keep freed memory for a while."""
    program = Path(BINARY).read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


@contextlib.contextmanager
def clients(service, count):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(RawClient(service)) for _ in range(count)]


# Connections


def test_one_connection_too_many_is_told_at_once_and_slots_are_freed(shared):
    with serving(shared, "--workers=1", "--connections-max=4") as service:
        settled_descriptors(service)
        with clients(service, 4) as held:
            assert [client.ask("/health").status for client in held] == [200] * 4
            with RawClient(service) as late:
                answer = late.answer()
                assert (answer.status, answer.code) == (503, "too_many_connections")
                assert answer.closes() and answer.headers["retry-after"]
                late.expect_end()
            assert [client.ask("/health").status for client in held] == [200] * 4
            held[1].close()
            wait_until(lambda: service.get("/health").status == 200, what="a free slot")


def test_connections_spread_evenly_over_workers(shared):
    """Each of four workers takes 16 of 64: an uneven spread would have one of them refuse."""
    with serving(shared, "--workers=4", "--connections-max=64") as service:
        before = settled_descriptors(service)
        for _ in range(3):
            with clients(service, 64) as all_of_them:
                assert [client.ask("/health").status for client in all_of_them] == [200] * 64
                with RawClient(service) as late:
                    assert late.answer().status == 503
            wait_until(lambda: settled_descriptors(service) <= before, what="the end of the connections")


def test_many_slow_clients_do_not_slow_others(shared):
    with serving(shared, "--workers=2", "--head-timeout-ms=120000") as service, clients(service, 300) as slow:
        head, seconds = b"GET / HTTP/1.1\r\nHost: a\r\nX: ", []
        for i in range(120):
            for client in slow[i % 3 :: 3]:
                client.send(head[i : i + 1] or b"x")
            started = time.monotonic()
            assert service.get("/users/1").status == 200
            seconds.append(time.monotonic() - started)
        seconds.sort()
        assert seconds[len(seconds) // 2] < 0.1
        assert seconds[-1] < 2


def test_connections_leave_neither_descriptors_nor_memory_behind(shared):
    def cycles(service, count):
        for i in range(count):
            with RawClient(service) as client:
                assert client.ask("/health", f"X-Request-Id: cycle-{i}").status == 200
                if i % 5 == 0:
                    client.reset()

    with serving(shared, "--workers=2") as service:
        cycles(service, 1000)
        descriptors, memory = settled_descriptors(service), service.resident_bytes()
        cycles(service, 5000)
        wait_until(lambda: service.descriptors() <= descriptors, what="the end of the connections")
        if not is_sanitized():
            assert service.resident_bytes() < memory + 1024 * 1024


# Time


def test_an_idle_connection_is_closed_without_a_word(shared):
    with serving(shared, "--idle-timeout-ms=300") as service, clients(service, 2) as (new, used):
        assert used.ask("/health").status == 200
        started = time.monotonic()
        new.expect_end()
        used.expect_end()
        assert 0.2 < time.monotonic() - started < 5


def expect_timeout(client, code):
    answer = client.answer()
    assert (answer.status, answer.code) == (408, code)
    assert answer.closes()
    assert answer.headers["content-type"] == "application/problem+json"
    client.expect_end()


def test_a_head_that_does_not_end_is_told(shared):
    with serving(shared, "--head-timeout-ms=300") as service, RawClient(service) as client:
        started = time.monotonic()
        client.send(b"GET /health HTTP/1.1\r\nHost: a\r\n")
        expect_timeout(client, "head_timeout")
        assert 0.25 < time.monotonic() - started < 5


def trickle(client, byte, seconds):
    """A byte every few milliseconds, as long as the service takes them."""
    end = time.monotonic() + seconds
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < end:
            client.send(byte)
            time.sleep(0.02)


def test_a_head_that_comes_byte_by_byte_has_no_more_time(shared):
    with serving(shared, "--head-timeout-ms=400") as service, RawClient(service) as client:
        client.send(b"GET /health HTTP/1.1\r\nX: ")
        trickling = Background(trickle, client, b"x", 1)
        expect_timeout(client, "head_timeout")
        trickling.result()


@pytest.mark.parametrize("framing", [b"Content-Length: 5000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1000\r\n"])
def test_a_body_that_comes_byte_by_byte_has_no_more_time(shared, framing):
    with serving(shared, "--body-timeout-ms=400") as service, RawClient(service) as client:
        client.send(POST + framing)
        trickling = Background(trickle, client, b" ", 1)
        expect_timeout(client, "body_timeout")
        trickling.result()


def test_a_request_that_waits_too_long_for_the_database_is_told(shared):
    options = ["--workers=1", "--db-connections=2", "--db-lock-timeout-ms=20000", "--request-timeout-ms=300"]
    with serving(shared, *options) as service:
        with shared.locked():
            for _ in range(3):
                answer = service.get("/users/1")
                assert (answer.status, answer.code) == (504, "request_timeout")
                assert 0.25 < answer.seconds < 5
                assert service.get("/health").status == 200
        wait_until(lambda: service.get("/users/1").status == 200, what="the database's recovery")
        assert all(service.get(f"/users/{i}").status == 200 for i in range(1, 30))


def test_a_client_that_does_not_read_is_cut_off(shared):
    with serving(shared, "--send-timeout-ms=500") as service:
        before = settled_descriptors(service)
        with RawClient(service, receive_buffer=4096) as client:
            for _ in range(4):
                client.get("/users?limit=1000")
            wait_until(lambda: service.descriptors() > before, what="the connection")
            wait_until(lambda: service.descriptors() <= before, what="its end")
            received = 0
            with contextlib.suppress(ConnectionResetError):
                while data := client.socket.recv(65536):
                    received += len(data)
            assert received < 4 * 1000 * 1000


def test_a_client_that_reads_slowly_but_in_time_gets_all(shared):
    with serving(shared, "--send-timeout-ms=10000") as service, RawClient(service, receive_buffer=65536) as client:
        client.get("/users?limit=1000")
        time.sleep(0.5)
        answer = client.answer()
        assert answer.status == 200
        assert len(answer.body) > 800 * 1000


# Clients that leave


def test_clients_that_vanish_are_noticed_while_they_wait(shared):
    with serving(shared, "--workers=1", *PATIENT) as service:
        before = settled_descriptors(service)
        with shared.locked():
            with clients(service, 60) as asking:
                for i, client in enumerate(asking):
                    client.get(f"/users/{i + 1}")
                time.sleep(0.2)
                assert service.descriptors() >= before + 60
                for client in asking:
                    client.reset()
            wait_until(lambda: service.descriptors() <= before, what="the end of the connections")
        assert service.get("/users/1").status == 200
        # Still asleep when nothing happens: no request is counted that does not exist.
        ticks = cpu_ticks(service)
        time.sleep(0.5)
        assert cpu_ticks(service) - ticks < 10 or is_sanitized()


def cpu_ticks(service):
    fields = Path(f"/proc/{service.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_a_half_closed_client_gets_its_answers(shared):
    with serving(shared, "--workers=1", *PATIENT) as service, RawClient(service) as client:
        with shared.locked():
            client.get("/users/1")
            client.get("/health")
            client.half_close()
            time.sleep(0.2)
        assert client.answer().status == 200
        assert client.answer().status == 200
        client.expect_end()


def test_half_closed_clients_with_half_a_request_are_closed(shared):
    with serving(shared, "--workers=1") as service:
        for sent in (b"", b"GET /he", POST + b"Content-Length: 10\r\n\r\n{"):
            with RawClient(service) as client:
                client.send(sent)
                client.half_close()
                client.expect_end()
