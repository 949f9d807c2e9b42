"""Instances for reading alone, on a standby."""

import paths  # noqa: F401
import pytest
from cluster import Cluster

from service import Service, migrate, wait_until

NAME = "standby"


@pytest.fixture(scope="module")
def cluster():
    with Cluster() as cluster:
        yield cluster


def test_an_instance_on_a_standby_reads_and_refuses_writes_until_it_is_promoted(cluster):
    url = cluster.create_database(NAME)
    migrate(url)
    standby = url.replace("target_session_attrs=read-write", "target_session_attrs=prefer-standby")
    with Service(url, "--workers=1") as writing, Service(standby, "--workers=1") as reading:
        writing.wait_until_ready()
        reading.wait_until_ready()
        created = writing.create("a@standby.example").json()
        wait_until(lambda: reading.get(f"/users/{created['id']}").status == 200, what="the replication")
        answer = reading.create("b@standby.example")
        assert (answer.status, answer.code, answer.retry_after) == (503, "database_read_only", 1)
        cluster.promote()
        wait_until(lambda: writing.create("c@standby.example").status in (201, 409), 10, "the new primary")
        wait_until(lambda: reading.get(f"/users/{created['id']}").status == 200, 10, "reading")
