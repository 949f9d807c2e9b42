"""Limits of the system that are too low: the service says so, and serves as long as it can."""

import os

import pytest

from cgroups import limited
from service import Service

# The address sanitizer's leak detector would need a thread of its own at the end.
WITHOUT_LEAK_DETECTOR = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def assert_warned_and_alive(service, event, limit, needed):
    record = service.wait_for_record(event)
    assert (record["level"], record["limit"], record["needed"]) == ("warning", limit, needed)
    assert service.get("/health").status == 200
    service.wait_until_ready()


def test_little_memory_is_told(shared):
    with limited("memory", memory__limit_in_bytes="67108864", memory__max="67108864") as group, \
            Service(shared.url, "--workers=1", prefix=group) as service:
        assert_warned_and_alive(service, "memory_limit_low", 64 << 20, (7 << 20) + (1 << 20) + 10000 * 8192)


def test_enough_memory_is_not_mentioned(shared):
    with limited("memory", memory__limit_in_bytes="67108864", memory__max="67108864") as group, \
            Service(shared.url, "--workers=1", "--connections-max=4000", prefix=group) as service:
        service.wait_until_ready()
        assert not [event for event in service.events() if event.endswith("_limit_low")]


def test_few_threads_are_told(shared):
    with limited("pids", pids__max="6") as group, Service(shared.url, "--workers=1", prefix=group) as service:
        assert_warned_and_alive(service, "thread_limit_low", 6, 10)


@pytest.mark.parametrize(("limit", "thread"), [("1", None), ("2", "worker"), ("3", "admin")])
def test_too_few_threads_are_an_end_with_a_reason(shared, limit, thread):
    with limited("pids", pids__max=limit) as group:
        service = Service(shared.url, "--workers=1", prefix=group, listens=False,
                          environment=WITHOUT_LEAK_DETECTOR)
        assert service.process.wait(20) == 1
        if thread is None:
            record = service.records("log_start_failed")[0]
            assert record["error"] == "Resource temporarily unavailable"
        else:
            record = service.records("thread_not_started")[0]
            assert (record["thread"], record["message"]) == (thread, "Resource temporarily unavailable")
            assert "pids.max" in record["hint"]


def test_little_cpu_time_is_told(shared):
    quota = {"cpu__cfs_period_us": "100000", "cpu__cfs_quota_us": "50000", "cpu__max": "50000 100000"}
    with limited("cpu", **quota) as group, Service(shared.url, prefix=group) as service:
        assert service.wait_for_record("configuration")["workers"] == 1
        assert_warned_and_alive(service, "cpu_limit_low", 500, 1000)


def test_few_descriptors_are_told(shared):
    limit = ["sh", "-c", 'ulimit -n 200 && exec "$@"', "sh"]
    with Service(shared.url, "--workers=1", "--connections-max=1000", prefix=limit) as service:
        assert_warned_and_alive(service, "descriptor_limit_low", 200, 32 + 1000 + 16 + 8 + 16 + 64)
