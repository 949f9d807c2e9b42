"""The protocol between the service and a service manager, sd_notify(3): the manager's side is here."""

import contextlib
import os
import signal
import socket
import time

import pytest

from postgres import free_port
from service import Background, Service, wait_until


class Manager:
    """A socket that takes what the service tells; name is its NOTIFY_SOCKET."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.messages = []

    def read(self, seconds=0.0):
        """All that has come so far, and within so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                self.messages.append(self.socket.recv(4096).decode())
            except TimeoutError:
                return self.messages

    def wait_for(self, message):
        wait_until(lambda: message in self.read(), what=message)

    def count(self, message, seconds):
        """How often it comes in so many seconds."""
        self.read()
        before = self.messages.count(message)
        return self.read(seconds).count(message) - before


@contextlib.contextmanager
def managed(name, url, *options, **environment):
    manager = Manager(name)
    with contextlib.closing(manager.socket), \
            Service(url, *options, environment={"NOTIFY_SOCKET": name, **environment}) as service:
        yield manager, service


@pytest.mark.parametrize("is_abstract", [False, True])
def test_the_manager_is_told_of_the_start_the_status_and_the_stop(shared, tmp_path, is_abstract):
    name = f"@splits-test-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with managed(name, shared.url, "--drain-delay-ms=200") as (manager, service):
        wait_until(lambda: manager.read(), what="a message")
        assert manager.messages[0].startswith("READY=1\nSTATUS=")
        wait_until(lambda: manager.read()[-1].endswith("STATUS=ready"), what="readiness")
        service.process.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1\nSTATUS=draining")
        assert service.process.wait(10) == 0


def test_a_start_without_the_database_is_a_start(tmp_path):
    name = str(tmp_path / "notify")
    with managed(name, f"postgresql://postgres@127.0.0.1:{free_port()}/none") as (manager, _):
        manager.wait_for("READY=1\nSTATUS=database_unavailable")


def test_a_service_that_does_not_listen_is_not_ready(shared, tmp_path):
    manager = Manager(str(tmp_path / "notify"))
    with contextlib.closing(manager.socket), socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service = Service(shared.url, f"--port={port}", environment={"NOTIFY_SOCKET": manager.name}, listens=False)
        assert service.process.wait(20) == 1
        assert manager.read() == []


def test_a_worker_that_hangs_is_the_watchdogs_business(shared, tmp_path):
    """In blocking mode a worker waits for the database, which here does not answer."""
    limits = ["--db-statement-timeout-ms=60000", "--db-lock-timeout-ms=60000", "--request-timeout-ms=60000"]
    with managed(str(tmp_path / "notify"), shared.url, "--workers=2", "--db-mode=blocking", *limits,
                 WATCHDOG_USEC="400000") as (manager, service):
        service.wait_until_ready()
        manager.wait_for("WATCHDOG=1")
        assert manager.count("WATCHDOG=1", 2) >= 5
        with shared.locked():
            waiting = Background(service.get, "/users/1")
            time.sleep(0.5)
            assert manager.count("WATCHDOG=1", 1.5) == 0
        assert waiting.result().status == 200
        assert manager.count("WATCHDOG=1", 2) >= 5


def test_a_socket_that_is_not_there_is_a_warning(shared):
    with Service(shared.url, environment={"NOTIFY_SOCKET": "/nowhere/notify"}) as service:
        record = service.wait_for_record("notify_failed")
        assert (record["level"], record["message"]) == ("warning", "No such file or directory")
