import pytest
from client import ID_MAX, JSON, assert_problem, assert_user, media_type
from wire import request

NO_IDS = [
    "0", "01", "-1", "+1", "1x", "x1", "1.0", "1e3", "0x1", "%201", "1%20", "1;v=2", "1,2", "*",
    "9223372036854775808", "18446744073709551617", "9" * 100, "", "null", "%D9%A1", "1/", "1/2", "./1",
    "1%2F",
]


@pytest.mark.core
def test_a_user_is_read_by_id(api, user):
    answer = api.get(f"/users/{user['id']}")
    assert answer.status_code == 200
    assert media_type(answer) == JSON
    assert answer.json() == user
    assert_user(user)


def test_a_user_comes_with_its_validator(api, user):
    answer = api.get(f"/users/{user['id']}")
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["ETag"] == '"1"'


@pytest.mark.core
def test_reading_changes_nothing(api, user):
    assert api.read(user["id"]) == api.read(user["id"]) == user


@pytest.mark.core
def test_an_id_without_user_is_not_found(api):
    assert_problem(api.get(f"/users/{ID_MAX}"), 404, "user_not_found")


@pytest.mark.core
def test_a_word_is_no_id(api):
    assert api.get("/users/somebody").status_code in (400, 404)


@pytest.mark.parametrize("no_id", NO_IDS)
def test_what_is_no_id_is_not_found(connect, no_id):
    connection = connect()
    answer = connection.ask(request("GET", f"/users/{no_id}"))
    assert answer.assert_problem(404)["code"] in ("not_found", "user_not_found")
    connection.assert_open()


def test_the_query_of_a_user_is_ignored(api, user):
    assert api.get(f"/users/{user['id']}?limit=0&x=1").json() == user


def test_escaped_unreserved_characters_are_what_they_stand_for(connect, user):
    path = "/%75s%65rs/" + "".join(f"%{ord(digit):x}" for digit in str(user["id"]))
    assert connect().ask(request("GET", path)).json() == user


@pytest.mark.parametrize("path", ["/users%2F1", "/users%2f", "/%2Fusers", "/users%3Flimit=1"])
def test_escaped_reserved_characters_are_not_what_they_stand_for(connect, path):
    connect().ask(request("GET", path)).assert_problem(404)


@pytest.mark.parametrize("path", ["/", "/user", "/Users", "/USERS/1", "/users1", "/.env", "/~root"])
def test_an_unknown_path_is_not_found(api, path):
    assert_problem(api.get(path), 404, "not_found")
