"""How the running service stops."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from raw_client import RawClient
from service import Background, Service, wait_until

PATIENT = ["--db-lock-timeout-ms=30000", "--db-statement-timeout-ms=30000", "--request-timeout-ms=30000"]


@contextlib.contextmanager
def serving(shared, *options):
    with Service(shared.url, *options) as service:
        service.wait_until_ready()
        yield service


def is_refused(service):
    """No new connection is taken."""
    try:
        RawClient(service).close()
        return False
    except (ConnectionRefusedError, ConnectionResetError): # reset: connected, and not accepted any more
        return True


class KeepAliveClients:
    """Threads that ask without a pause, each over one connection, until no new one is to be had."""

    def __init__(self, service, count):
        self.service = service
        self.answers = self.closing = 0
        self.lock = threading.Lock()
        self.clients = [Background(self.run) for _ in range(count)]

    def run(self):
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                self.use_one_connection(RawClient(self.service))

    def use_one_connection(self, client):
        with client:
            answer, paths = None, ("/users/1", "/health", "/users?limit=5")
            while answer is None or not answer.closes():
                answer = client.ask(paths[self.answers % 3])
                assert answer.status == 200
                with self.lock:
                    self.answers += 1
                    self.closing += answer.closes()
            client.expect_end()

    def check(self):
        for client in self.clients:
            client.result()
        assert self.answers > 100
        assert self.closing >= len(self.clients)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_no_request_fails_when_the_service_stops_under_load(shared, number):
    for _ in range(3):
        with serving(shared, "--workers=2") as service:
            load = KeepAliveClients(service, 8)
            wait_until(lambda: load.answers > 500, what="the load")
            assert service.terminate(number) == 0
            load.check()
            assert "drain_started" in service.events()
            assert service.events()[-1] == "server_stopped"
    wait_until(lambda: shared.clients() == 0, what="the end of the database connections")


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed")
def test_wrk_sees_no_request_fail(shared):
    with serving(shared, "--workers=2") as service:
        command = ["wrk", "-t1", "-c32", "-d2", service.base_url + "/users/7"]
        wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        assert service.terminate() == 0
        report = wrk.communicate(timeout=20)[0]
    # Connections that are refused at the end count as errors of writing.
    errors = re.search(r"Socket errors: connect \d+, read (\d+), write \d+, timeout (\d+)", report)
    assert errors is None or errors.groups() == ("0", "0"), report
    assert "Non-2xx" not in report
    assert int(re.search(r"(\d+) requests in", report)[1]) > 100


def test_clients_that_were_not_accepted_yet_are_answered(shared):
    """The kernel has taken their connections, so they count on an answer."""
    with serving(shared, "--workers=2") as service, contextlib.ExitStack() as stack:
        service.process.send_signal(signal.SIGSTOP)
        clients = [stack.enter_context(RawClient(service)) for _ in range(300)]
        for client in clients:
            client.get("/health")
        service.process.send_signal(signal.SIGTERM)
        service.process.send_signal(signal.SIGCONT)
        for client in clients:
            assert client.answer().status == 200
        assert service.process.wait(20) == 0


def test_a_drain_delay_leaves_time_to_notice(shared):
    with serving(shared, "--drain-delay-ms=3000") as service, RawClient(service) as kept:
        assert kept.ask("/health").status == 200
        started = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not service.is_ready(), what="an unready answer")
        answer = service.get("/health/ready")
        assert (answer.status, answer.code) == (503, "draining")
        assert time.monotonic() - started < 1
        assert service.get("/users/1").status == 200
        answer = kept.ask("/users/1")
        assert answer.status == 200
        assert not answer.closes()
        wait_until(lambda: is_refused(service), what="the end of the delay")
        assert time.monotonic() - started > 2.7
        assert service.process.wait(20) == 0


def test_in_the_second_half_of_a_drain_delay_answers_end_their_connections(shared):
    """So that few are left to be closed at its end, when a request may be on its way."""
    with serving(shared, "--drain-delay-ms=3000") as service, contextlib.ExitStack() as stack:
        asking, idle = (stack.enter_context(RawClient(service)) for _ in range(2))
        assert idle.ask("/users/1").status == 200
        started = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        while not asking.ask("/users/1").closes():
            time.sleep(0.02)
        assert time.monotonic() - started > 1.3
        asking.expect_end()
        time.sleep(0.8)  # longer than idle connections live after the delay
        answer = idle.ask("/users/1")
        assert answer.status == 200 and answer.closes()
        assert not is_refused(service)
        assert service.process.wait(20) == 0


def test_requests_in_flight_are_answered(shared):
    with serving(shared, "--workers=2", *PATIENT) as service, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(service)) for _ in range(6)]
        with shared.locked():
            for client in clients:
                client.get("/users/1")
            time.sleep(0.2)
            service.process.send_signal(signal.SIGTERM)
            wait_until(lambda: is_refused(service), what="the end of listening")
            time.sleep(0.3)
            assert service.process.poll() is None
        for client in clients:
            answer = client.answer()
            assert answer.status == 200
            assert answer.closes()
            client.expect_end()
        assert service.process.wait(20) == 0


def test_a_request_that_is_being_sent_is_waited_for(shared):
    with serving(shared) as service, RawClient(service) as client:
        client.send(b"GET /users/1 HTTP/1.1\r\nHo")
        time.sleep(0.1)
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(service), what="the end of listening")
        time.sleep(0.8)
        client.send(b"st: a\r\n\r\n")
        answer = client.answer()
        assert answer.status == 200
        assert answer.closes()
        assert service.process.wait(20) == 0


def test_idle_connections_do_not_hold_up_the_end(shared):
    with serving(shared) as service, RawClient(service) as client:
        assert client.ask("/health").status == 200
        started = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - started < 5
        client.expect_end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_the_wait_short(shared, number):
    with serving(shared, *PATIENT) as service, RawClient(service) as client, shared.locked():
        client.get("/users/1")
        time.sleep(0.2)
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(service), what="the end of listening")
        started = time.monotonic()
        assert service.terminate(number) == 0
        assert time.monotonic() - started < 5
        answer = client.answer()
        assert (answer.status, answer.code) == (503, "draining")
        client.expect_end()
        assert "drain_cut_short" in service.events()


def test_a_change_that_is_cut_short_is_not_denied(shared):
    body = b'{"name":"Ada","email":"cut.short@tests.example"}'
    with serving(shared, *PATIENT) as service, RawClient(service) as client, shared.locked():
        client.send(b"POST /users HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        time.sleep(0.2)
        service.process.send_signal(signal.SIGTERM)
        assert service.terminate() == 0
        answer = client.answer()
        assert (answer.status, answer.code) == (503, "outcome_unknown")
        assert "retry-after" not in answer.headers


def test_a_burst_that_is_cut_short_ends_in_order(shared):
    """More requests than may be parked are about to be read when the workers end."""
    with serving(shared, "--workers=2", *PATIENT) as service, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(service)) for _ in range(3000)]
        for client in clients:
            assert client.ask("/health").status == 200
        with shared.locked():
            service.process.send_signal(signal.SIGTERM)
            for client in clients:
                with contextlib.suppress(OSError):
                    client.get("/users/1")
            assert service.terminate() == 0


def test_a_worker_that_was_away_for_long_loses_no_request(shared):
    """In blocking mode a tick lasts as long as all its queries together."""
    with serving(shared, "--workers=1", "--db-mode=blocking") as service, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(service)) for _ in range(20)]
        for client in clients:
            assert client.ask("/users/1").status == 200
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(service), what="the end of listening")
        service.process.send_signal(signal.SIGSTOP)
        time.sleep(0.8)
        for client in clients:
            client.get("/users/1")
        service.process.send_signal(signal.SIGCONT)
        for client in clients:
            answer = client.answer()
            assert answer.status == 200 and answer.closes()
            client.expect_end()
        assert service.process.wait(20) == 0


def test_a_second_signal_cuts_the_delay_short(shared):
    with serving(shared, "--drain-delay-ms=60000") as service:
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not service.is_ready(), what="an unready answer")
        started = time.monotonic()
        assert service.terminate() == 0
        assert time.monotonic() - started < 5


def test_the_grace_period_ends_the_wait(shared):
    with serving(shared, "--grace-period-ms=500", *PATIENT) as service, RawClient(service) as client, shared.locked():
        client.get("/users/1")
        time.sleep(0.2)
        started = time.monotonic()
        assert service.terminate() == 0
        assert 0.4 < time.monotonic() - started < 5
        answer = client.answer()
        assert (answer.status, answer.code) == (503, "draining")
        assert "grace_period_over" in service.events()


def test_a_hang_up_is_ignored(shared):
    with serving(shared) as service:
        for count in (1, 2, 3):
            service.process.send_signal(signal.SIGHUP)
            service.wait_for_record("signal_ignored", count)
        assert service.is_ready()


def test_nothing_is_left_running(shared):
    with serving(shared) as service:
        group = service.process.pid  # it leads a session of its own
        assert service.terminate() == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(group, 0)
        assert is_refused(service)
    wait_until(lambda: shared.clients() == 0, what="the end of the database connections")
