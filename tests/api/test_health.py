import pytest
from client import JSON, media_type
from wire import request


@pytest.mark.core
def test_health_says_ok(api):
    answer = api.get("/health")
    assert answer.status_code == 200
    assert media_type(answer) == JSON
    assert answer.json() == {"status": "ok"}


def test_a_service_with_its_database_is_ready(api):
    answer = api.get("/health/ready")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == JSON
    assert answer.json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
@pytest.mark.parametrize("query", ["?", "?verbose", "?a=b&a=c", "?limit=0", "?%20", "?/?:@"])
def test_health_ignores_the_query(api, path, query):
    assert api.get(path + query).status_code == 200


@pytest.mark.parametrize("path", ["/health/", "/Health", "/healthz", "/health/ready/", "//health"])
def test_paths_that_only_look_like_health_are_unknown(connect, path):
    answer = connect().ask(request("GET", path))
    assert answer.assert_problem(404)["code"] == "not_found"
