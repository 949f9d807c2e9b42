"""Instances are replaced under load, and nobody notices; and that this test would notice."""

import dataclasses

import pytest

import fronts
import paths  # noqa: F401
import traffic
from rehearsal import Database, Rehearsal
from rollout import PRODUCTION, NeverReady

from postgres import PostgresServer

pytestmark = pytest.mark.skipif(not fronts.program() or not traffic.program(), reason="needs haproxy and wrk")

REQUESTS_MIN = 1000
SHORT = dataclasses.replace(PRODUCTION, ready_for_seconds=0) # which only waits; ./dev rolling does that


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as server:
        yield server


@pytest.fixture
def database(server):
    return Database(server)


def assert_unnoticed(rehearsal):
    verdict = rehearsal.verdict
    assert rehearsal.failed == 0, (rehearsal.readers.report, verdict.failed[:5])
    assert rehearsal.requests > REQUESTS_MIN and verdict.acknowledged > REQUESTS_MIN / 10
    assert verdict.unknown == 0 and verdict.is_clean(), verdict


@pytest.mark.parametrize(("front", "beside"), [(fronts.Haproxy, False), (fronts.KubernetesService, True)],
                         ids=["haproxy, in place", "kubernetes, beside"])
def test_a_rollout_fails_no_request_and_loses_no_write(database, front, beside):
    with Rehearsal(database, SHORT, front=front) as rehearsal:
        before = [instance.process.pid for instance in rehearsal.fleet.instances.values()]
        rehearsal.fleet.roll(SHORT, beside=beside)
        after = [instance.process.pid for instance in rehearsal.fleet.instances.values()]
    assert len(after) == 2 and not set(before) & set(after)
    assert_unnoticed(rehearsal)


def test_a_release_that_never_becomes_ready_stops_the_rollout(database):
    rules = dataclasses.replace(SHORT, ready_seconds_max=2)
    with Rehearsal(database, SHORT) as rehearsal:
        with pytest.raises(NeverReady):
            rehearsal.fleet.roll(rules, beside=True, url="postgresql://nobody@127.0.0.1:1/nowhere")
    assert_unnoticed(rehearsal)


def test_without_a_drain_delay_requests_fail(database):
    """The control: what tells instances apart that stop at once is noticed here."""
    rules = dataclasses.replace(SHORT, pre_stop=(), drain_delay_ms=0)
    with Rehearsal(database, rules, front=fronts.KubernetesService) as rehearsal:
        rehearsal.fleet.roll(rules, beside=True)
    assert rehearsal.failed > 0
    assert rehearsal.verdict.is_clean(), rehearsal.verdict


def test_without_awaiting_readiness_a_broken_release_fails_requests(database):
    """The other control."""
    rules = dataclasses.replace(SHORT, pre_stop=(), drain_delay_ms=1000, awaits_readiness=False)
    with Rehearsal(database, rules, front=fronts.KubernetesService) as rehearsal:
        rehearsal.fleet.roll(rules, beside=True, url="postgresql://nobody@127.0.0.1:1/nowhere")
    assert rehearsal.failed > 0
    assert rehearsal.verdict.is_clean(), rehearsal.verdict
