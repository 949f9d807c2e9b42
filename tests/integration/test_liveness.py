"""What /health of the admin listener tells whoever restarts an instance that does not work: this one, and no other."""

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

import pytest

from metrics import scrape
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


def main_thread(service):
    return service.process.pid


def a_worker(service):
    tasks = Path(f"/proc/{service.process.pid}/task").iterdir()
    return next(int(task.name) for task in tasks if (task / "comm").read_text(encoding="ascii") == "worker\n")


@contextlib.contextmanager
def standing_still(thread):
    """It runs no further meanwhile; all other threads do. Gives why not, where no thread can be stopped."""
    if trace(PTRACE_SEIZE, thread, 0, 0) != 0:
        yield os.strerror(ctypes.get_errno())
        return
    assert trace(PTRACE_INTERRUPT, thread, 0, 0) == 0
    os.waitpid(thread, WAIT_ALL)
    try:
        yield None
    finally:
        trace(PTRACE_DETACH, thread, 0, 0)


def test_a_full_instance_is_alive(shared):
    with Service(shared.url, "--workers=1", "--connections-max=4") as service, contextlib.ExitStack() as stack:
        fill(service, stack, 4)
        assert service.get("/health").code == "too_many_connections"
        answer = service.admin("/health")
        assert (answer.status, answer.json()) == (200, {"status": "ok"})


class Watched:
    """A service, and what its admin listener has said, and when: codes of problems, and None for 200."""

    def __init__(self, service):
        self.service = service
        self.codes = []
        self.times = []
        self.answer = None
        self.ages = None # as the metrics have them
        self.obstacle = None # why none of its threads stands still

    def ask(self):
        self.times.append(time.monotonic())
        self.answer = self.service.admin("/health")
        self.codes.append(self.answer.code)

    def stand_still(self, stack, thread):
        self.times.append(time.monotonic())
        self.codes.append(None)
        self.obstacle = stack.enter_context(standing_still(thread))


def ask_for(seconds, services):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for one in services:
            one.ask()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def watched(shared):
    """Several services for longer than the limit, all at once."""
    with contextlib.ExitStack() as stack:
        def start(*options):
            service = stack.enter_context(Service(shared.url, "--workers=2", "--db-connections=2", *options))
            service.wait_until_ready()
            return Watched(service)

        services = {"idle": start(), "waiting": start("--db-mode=blocking", *PATIENT),
                    "stopping": start("--grace-period-ms=60000", *PATIENT), "worker": start(), "main": start()}
        paused = start()
        with shared.locked(), contextlib.ExitStack() as standing:
            asking = [Background(services[name].service.get, "/users/1") for name in ("waiting", "stopping")]
            time.sleep(0.5)
            services["stopping"].service.process.send_signal(signal.SIGTERM)
            services["worker"].stand_still(standing, a_worker(services["worker"].service))
            services["main"].stand_still(standing, main_thread(services["main"].service))
            # One of its workers is not back for a while when the process is.
            paused.stand_still(standing, a_worker(paused.service))
            standing.callback(paused.service.process.send_signal, signal.SIGCONT) # also when something fails meanwhile
            paused.service.process.send_signal(signal.SIGSTOP)
            ask_for(LIMIT_SECONDS + 4, services.values())
            paused.service.process.send_signal(signal.SIGCONT)
            ask_for(1, [paused])
            for name in ("worker", "main"):
                services[name].ages = scrape(services[name].service)
        services["asked"] = [one.result().status for one in asking]
        yield services | {"paused": paused}


@pytest.mark.parametrize("name", ["idle", "waiting", "stopping"])
def test_who_is_idle_or_waits_or_stops_is_alive(watched, name):
    """Idle; with --db-mode=blocking and one worker in a query; one worker ended, and one with an open request."""
    assert watched[name].times[-1] - watched[name].times[0] > LIMIT_SECONDS
    assert set(watched[name].codes) == {None}
    assert watched["asked"] == [200, 200]


def skip_unless_it_stood_still(one):
    if one.obstacle:
        pytest.skip(f"no thread can be stopped here: {one.obstacle}")


@pytest.mark.parametrize("name", ["worker", "main"])
def test_a_loop_that_stands_still_is_told_until_it_goes_on(watched, name):
    one = watched[name]
    skip_unless_it_stood_still(one)
    calm = one.codes.index("worker_stalled")
    assert set(one.codes[:calm]) == {None} and set(one.codes[calm:]) == {"worker_stalled"}
    stopped, told = one.times[0], one.times[calm]
    # The loop came round a second before at most: what an idle one sleeps, of a store without pings as well.
    assert told - stopped >= LIMIT_SECONDS - 1, "told too early"
    assert one.times[-1] - stopped >= LIMIT_SECONDS
    assert one.answer.status == 503 and one.answer.headers["Content-Type"] == "application/problem+json"
    assert one.answer.json()["detail"] == "The loop of a worker, or the main one, has not come round for more than 10 s."
    wait_until(lambda: one.service.admin("/health").status == 200, 2, "its going on")


@pytest.mark.parametrize("name", ["worker", "main"])
def test_the_log_says_once_who_stood_still(watched, name):
    skip_unless_it_stood_still(watched[name])
    service = watched[name].service
    service.wait_for_record(f"{name}_went_on")
    stalled, = service.records(f"{name}_stalled")
    went_on, = service.records(f"{name}_went_on")
    assert stalled["level"] == "error"
    assert LIMIT_SECONDS * 1000 < stalled["since_ms"] < (LIMIT_SECONDS + 3) * 1000
    assert stalled.get("worker") == went_on.get("worker")
    assert stalled.get("worker") in {"worker": (0, 1), "main": (None,)}[name]
    other = {"worker": "main", "main": "worker"}[name]
    assert not service.records(f"{other}_stalled")


def test_metrics_have_the_age_of_every_loop(watched):
    for name in ("worker", "main"):
        skip_unless_it_stood_still(watched[name])
    worker, main = watched["worker"].ages, watched["main"].ages
    assert worker.values("splits_turn_age_max_seconds") == [LIMIT_SECONDS]
    calm, late = sorted(worker.values("splits_worker_turn_age_seconds"))
    assert calm < 5 and late > LIMIT_SECONDS
    assert worker.values("splits_main_turn_age_seconds")[0] < 5
    assert main.values("splits_main_turn_age_seconds")[0] > LIMIT_SECONDS
    assert max(main.values("splits_worker_turn_age_seconds")) < 5


def test_after_a_pause_of_the_whole_process_it_is_alive(watched):
    skip_unless_it_stood_still(watched["paused"])
    assert watched["paused"].times[-1] - watched["paused"].times[0] > LIMIT_SECONDS
    assert set(watched["paused"].codes) == {None}
    assert not watched["paused"].service.records("worker_stalled")
