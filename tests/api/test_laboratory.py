"""GET /lab/users: what every implementation of the laboratory must do.

`none` gives no users, in as many bytes as the others; by it the others are not judged.
"""

import time

import pytest
from client import JSON, assert_invalid, assert_user, media_type

pytestmark = pytest.mark.lab

USERS_MIN = 20
COUNTS = [1, 2, USERS_MIN]


@pytest.fixture(autouse=True)
def enough_users(api):
    """The laboratory refuses to give more users than there are."""
    for _ in range(USERS_MIN - len(api.page(f"limit={USERS_MIN}")["users"])):
        api.create()


@pytest.fixture(scope="session")
def serializers(request):
    """Those that give users; the service's own comes first."""
    return [name for name in request.config.getoption("--lab") if name != "none"]


def ask(api, query):
    answer = api.get(f"/lab/users?{query}")
    assert answer.status_code == 200, answer.text
    assert media_type(answer) == JSON
    return answer


def users_of(api, query):
    document = ask(api, query).json()
    assert set(document) == {"users"}
    return document["users"]


def first_users(api, count):
    return api.page(f"limit={count}")["users"]


def skip_none(serializer):
    if serializer == "none":
        pytest.skip("gives no users")


@pytest.mark.parametrize("count", COUNTS)
def test_rows_are_the_users_with_the_smallest_ids(api, serializer, count):
    skip_none(serializer)
    assert users_of(api, f"rows={count}&serializer={serializer}") == first_users(api, count)


def test_a_row_is_the_user_as_it_is_read_by_id(api, serializer):
    skip_none(serializer)
    for user in users_of(api, f"rows={USERS_MIN}&serializer={serializer}")[::7]:
        assert_user(user)
        assert user == api.read(user["id"])


def test_every_serializer_gives_the_same_value(api, serializers):
    values = [users_of(api, f"rows={USERS_MIN}&serializer={serializer}") for serializer in serializers]
    assert values == [users_of(api, f"rows={USERS_MIN}")] * len(serializers)


def test_no_serializer_gives_as_many_bytes_as_the_others(api, serializer, serializers):
    if serializer != "none":
        pytest.skip("gives users")
    for parameter in (f"rows={USERS_MIN}", "fan_out=7"):
        answer = ask(api, f"{parameter}&serializer=none")
        assert answer.json() == {"users": []}
        assert len(answer.content) == len(ask(api, f"{parameter}&serializer={serializers[0]}").content)


def test_the_database_sleeps_before_it_answers(api, serializer):
    started = time.monotonic()
    answer = ask(api, f"rows=3&delay_ms=50&serializer={serializer}")
    assert time.monotonic() - started >= 0.05
    if serializer != "none":
        assert answer.json()["users"] == first_users(api, 3)


@pytest.mark.parametrize("delay_ms", [0, 2])
def test_users_by_a_query_each_come_in_order(api, serializer, delay_ms):
    skip_none(serializer)
    assert users_of(api, f"fan_out=7&delay_ms={delay_ms}&serializer={serializer}") == first_users(api, 7)


@pytest.mark.parametrize("query, field", [
    ("rows=0", "rows"), ("rows=1001", "rows"), ("delay_ms=1001", "delay_ms"), ("fan_out=0", "fan_out"),
    ("fan_out=501", "fan_out"), ("serializer=unknown", "serializer"),
])
def test_a_wrong_value_is_refused(api, query, field):
    assert_invalid(api.get(f"/lab/users?{query}"), field)
