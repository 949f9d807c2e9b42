"""A database that is far away: the way takes long, the queries do not."""

import pytest
from test_delay_proxy import SOCKET, delay_proxy

from service import Service

WAY_MS = 20
LOOK_UPS = 300 # many times as many as connections


@pytest.fixture
def far_url(shared, tmp_path):
    with delay_proxy(tmp_path / SOCKET, shared.server.folder / SOCKET, WAY_MS):
        yield shared.url.replace(str(shared.server.folder).replace("/", "%2F"), str(tmp_path))


def test_look_ups_share_the_way(far_url):
    """One after the other on each of eight connections they would take 300 / 8 × 20 ms = 750 ms."""
    with Service(far_url, "--workers=1", "--db-connections=8", "--lab=on") as service:
        service.wait_until_ready()
        with service.client() as client: # from these it learns how long a look-up takes
            for _ in range(50):
                assert client.request("GET", "/lab/users?fan_out=1").status == 200
        answer = service.get(f"/lab/users?fan_out={LOOK_UPS}")
        assert answer.status == 200, answer
        assert WAY_MS / 1000 <= answer.seconds < 0.3, answer
