"""Black-box tests of the API: pytest tests/api --base-url=http://127.0.0.1:8080

Markers: `core` is what every implementation of the subset must do (GET /health, GET /users/{id},
GET /users?limit&after, POST /users); `lab` is what every laboratory must do (GET /lab/users), and runs with
--lab=SERIALIZER,… only; `wire` is HTTP framing over raw sockets; `full` is all the rest.
"""

import os
import pathlib

import pytest

pytest.register_assert_rewrite("client", "wire", "contract", "refusal")

from client import Api  # noqa: E402
from refusal import Refusal  # noqa: E402
from wire import Connection  # noqa: E402

MARKERS = {
    "core": "the subset that every implementation has",
    "full": "the whole API",
    "lab": "the laboratory's subset",
    "wire": "HTTP framing over raw sockets",
}


def pytest_addoption(parser):
    parser.addoption(
        "--base-url",
        default=os.environ.get("SPLITS_BASE_URL"),
        help="where the service is, such as http://127.0.0.1:8080 (default: SPLITS_BASE_URL)",
    )
    parser.addoption(
        "--lab",
        metavar="SERIALIZER,…",
        type=lambda names: names.split(","),
        help="the serializers of its laboratory, which is not tested otherwise",
    )


def pytest_configure(config):
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if not config.getoption("--base-url") and not config.option.collectonly:
        raise pytest.UsageError("where is the service? give --base-url or set SPLITS_BASE_URL")


def pytest_generate_tests(metafunc):
    if "serializer" in metafunc.fixturenames:
        metafunc.parametrize("serializer", metafunc.config.getoption("--lab") or [])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Gives each test exactly one of the markers: core and lab say so, wire is named so, the rest is full."""
    here = pathlib.Path(__file__).parent
    for item in items:
        if here not in item.path.parents or item.get_closest_marker("core") or item.get_closest_marker("lab"):
            continue
        item.add_marker("wire" if item.path.name.startswith("test_wire_") else "full")
    if not config.getoption("--lab"):
        deselect(config, items, "lab")


def deselect(config, items, marker):
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker(marker)])
    items[:] = [item for item in items if not item.get_closest_marker(marker)]


@pytest.fixture(scope="session")
def base_url(request):
    return request.config.getoption("--base-url").rstrip("/")


@pytest.fixture(scope="session")
def shared_api(base_url):
    return Api(base_url)


@pytest.fixture
def api(shared_api):
    yield shared_api
    shared_api.tidy_up()


@pytest.fixture(autouse=True)
def the_service_survives(shared_api):
    """Whatever a test did, the service answers afterwards."""
    yield
    shared_api.assert_alive()


@pytest.fixture
def user(api):
    """A user of the test's own."""
    return api.create()


@pytest.fixture
def connect(base_url):
    """Opens raw connections, and closes them in the end."""
    opened = []

    def open_connection():
        opened.append(Connection(base_url))
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()


@pytest.fixture
def refuse(api, connect):
    """Checks that raw bytes are refused; see refusal.py."""
    return Refusal(api, connect)
