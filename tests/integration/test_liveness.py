"""What /health of the admin listener tells whoever restarts an instance that does not work: this one, and no other."""

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

import pytest

from raw_client import fill
from service import Background, Service, wait_until

LIMIT_SECONDS = 10
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WAIT_ALL = 0x40000000 # __WALL: for threads, too

# For those that wait for a lock, and want nothing else to end the wait.
PATIENT = ["--db-lock-timeout-ms=60000", "--db-statement-timeout-ms=60000", "--request-timeout-ms=60000"]

trace = ctypes.CDLL(None, use_errno=True).ptrace
trace.argtypes = [ctypes.c_long] * 4
trace.restype = ctypes.c_long


def ask_to_trace(what, thread):
    if trace(what, thread, 0, 0) != 0:
        pytest.skip(f"no thread can be stopped here: {os.strerror(ctypes.get_errno())}")


@contextlib.contextmanager
def standing_still(service):
    """One of the workers runs no further meanwhile; all other threads do."""
    tasks = Path(f"/proc/{service.process.pid}/task").iterdir()
    worker = next(int(task.name) for task in tasks if (task / "comm").read_text(encoding="ascii") == "worker\n")
    ask_to_trace(PTRACE_SEIZE, worker)
    ask_to_trace(PTRACE_INTERRUPT, worker)
    os.waitpid(worker, WAIT_ALL)
    try:
        yield
    finally:
        trace(PTRACE_DETACH, worker, 0, 0)


def test_a_full_instance_is_alive(shared):
    with Service(shared.url, "--workers=1", "--connections-max=4") as service, contextlib.ExitStack() as stack:
        fill(service, stack, 4)
        assert service.get("/health").code == "too_many_connections"
        answer = service.admin("/health")
        assert (answer.status, answer.json()) == (200, {"status": "ok"})


class Watched:
    """A service, and what its admin listener has said: codes of problems, and None for 200."""

    def __init__(self, service):
        self.service = service
        self.codes = []
        self.answer = None

    def ask(self):
        self.answer = self.service.admin("/health")
        self.codes.append(self.answer.code)


@pytest.fixture(scope="module")
def watched(shared):
    """Several services for longer than the limit, all at once."""
    with contextlib.ExitStack() as stack:
        def start(*options):
            service = stack.enter_context(Service(shared.url, "--workers=2", *options))
            service.wait_until_ready()
            return Watched(service)

        services = {"idle": start(), "waiting": start("--db-mode=blocking", *PATIENT),
                    "stopping": start("--grace-period-ms=60000", *PATIENT), "standing": start()}
        with shared.locked(), standing_still(services["standing"].service):
            asking = [Background(services[name].service.get, "/users/1") for name in ("waiting", "stopping")]
            time.sleep(0.5)
            services["stopping"].service.process.send_signal(signal.SIGTERM)
            ends = time.monotonic() + LIMIT_SECONDS + 1
            while time.monotonic() < ends:
                for one in services.values():
                    one.ask()
                time.sleep(0.2)
        services["asked"] = [one.result().status for one in asking]
        yield services


@pytest.mark.parametrize("name", ["idle", "waiting", "stopping"])
def test_who_is_idle_or_waits_or_stops_is_alive(watched, name):
    """Idle; with --db-mode=blocking and one worker in a query; one worker ended, and one with an open request."""
    assert len(watched[name].codes) > LIMIT_SECONDS
    assert set(watched[name].codes) == {None}
    assert watched["asked"] == [200, 200]


def test_a_worker_that_stands_still_is_told_until_it_goes_on(watched):
    codes = watched["standing"].codes
    calm = codes.index("worker_stalled")
    assert calm > len(codes) / 2, "told too early"
    assert set(codes[:calm]) == {None} and set(codes[calm:]) == {"worker_stalled"}
    answer = watched["standing"].answer
    assert answer.status == 503 and answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "A worker's loop has not come round for more than 10000 ms."
    wait_until(lambda: watched["standing"].service.admin("/health").status == 200, 2, "the worker's going on")
