"""A few faults of each kind under load; ./dev faults has many."""

import faults
import fronts
import pytest
import traffic
from cluster import Cluster

pytestmark = pytest.mark.skipif(not fronts.program() or not traffic.program(), reason="needs haproxy and wrk")


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as cluster:
        yield cluster


@pytest.mark.parametrize(("kind", "times"), [("backend", 2), ("postmaster", 1), ("instance", 2), ("network", 3),
                                             ("promotion", 1)])
def test_no_acknowledged_write_is_lost_or_doubled(cluster, kind, times):
    verdict = faults.run(cluster, kind, times).verdict
    assert verdict.acknowledged > faults.WRITES_BETWEEN * times
    assert verdict.is_clean(), verdict
