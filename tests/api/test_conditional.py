import pytest
from client import ID_MAX, assert_problem, new_fields
from wire import request

MATCHING = ['"1"', '"7", "1"', '"1","7"', '"1" , "1"', '"a,b", "1"', "*"]
WEAKLY_MATCHING = ['W/"1"', '"x", W/"1"', 'W/"2", W/"1"']
OTHERS = ['"2"', '"0"', '"01"', '"11"', '""', '"2", "3"', 'W/"2"', '"*"']
MALFORMED = ["1", "'1'", '"1', 'w/"1"', '"1 "']

CHANGES = {
    "put": lambda api, user_id, condition: api.put(user_id, new_fields(), if_match=condition),
    "patch": lambda api, user_id, condition: api.patch(user_id, {"name": "Other"}, if_match=condition),
    "delete": lambda api, user_id, condition: api.delete(user_id, if_match=condition),
}

each_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())


@pytest.mark.parametrize("condition", MATCHING + WEAKLY_MATCHING)
def test_a_current_copy_is_not_sent_again(api, user, condition):
    answer = api.get(f"/users/{user['id']}", if_none_match=condition)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["ETag"] == '"1"'


@pytest.mark.parametrize("condition", OTHERS)
def test_another_version_is_sent(api, user, condition):
    answer = api.get(f"/users/{user['id']}", if_none_match=condition)
    assert (answer.status_code, answer.json()) == (200, user)


def test_a_connection_goes_on_behind_304(connect, user):
    connection = connect()
    for method in ("GET", "HEAD", "GET"):
        answer = connection.ask(request(method, f"/users/{user['id']}", 'If-None-Match: "1"'), method)
        assert answer.status == 304
    connection.assert_open()


def test_a_changed_user_is_sent_again(api, user):
    assert api.patch(user["id"], {"name": "Changed"}).headers["ETag"] == '"2"'
    answer = api.get(f"/users/{user['id']}", if_none_match='"1"')
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert api.get(f"/users/{user['id']}", if_none_match='"2"').status_code == 304


@pytest.mark.parametrize("condition", ['"1"', "*"])
def test_nobody_is_not_found_whatever_the_client_has(api, condition):
    assert_problem(api.get(f"/users/{ID_MAX}", if_none_match=condition), 404, "user_not_found")


@each_change
@pytest.mark.parametrize("condition", MATCHING)
def test_a_change_of_the_expected_version_is_made(api, user, change, condition):
    assert change(api, user["id"], condition).status_code in (200, 204)


@each_change
@pytest.mark.parametrize("condition", WEAKLY_MATCHING + OTHERS)
def test_a_change_of_another_version_is_not_made(api, user, change, condition):
    assert_problem(change(api, user["id"], condition), 412, "precondition_failed")
    api.assert_unchanged(user)


@each_change
@pytest.mark.parametrize("condition", MALFORMED)
def test_a_malformed_condition_never_matches(api, user, change, condition):
    answer = change(api, user["id"], condition)
    assert_problem(answer, 400 if answer.status_code == 400 else 412)
    api.assert_unchanged(user)


@each_change
@pytest.mark.parametrize("condition", ['"1"', "*"])
def test_a_condition_on_nobody_is_not_found(api, change, condition):
    assert_problem(change(api, ID_MAX, condition), 404, "user_not_found")


def test_an_empty_patch_has_a_condition_too(api, user):
    assert_problem(api.patch(user["id"], {}, if_match='"2"'), 412, "precondition_failed")
    assert api.patch(user["id"], {}, if_match='"1"').json() == user


def test_conditions_may_come_on_several_lines(connect, user):
    lines = ['If-Match: "7"', 'If-Match: "1"']
    answer = connect().ask(request("DELETE", f"/users/{user['id']}", *lines))
    assert answer.status == 204


def test_of_two_changes_of_one_version_one_is_made(api, user):
    first = api.patch(user["id"], {"name": "First"}, if_match='"1"')
    second = api.patch(user["id"], {"name": "Second"}, if_match='"1"')
    assert first.status_code == 200
    assert_problem(second, 412, "precondition_failed")
    api.assert_unchanged(first.json())
    assert api.patch(user["id"], {"name": "Second"}, if_match=first.headers["ETag"]).status_code == 200


def test_a_304_announces_the_length_of_the_200_or_none(connect, user):
    """RFC 9110, section 8.6."""
    connection = connect()
    path = f"/users/{user['id']}"
    whole = connection.ask(request("GET", path))
    answer = connection.ask(request("GET", path, f"If-None-Match: {whole.header('etag')}"), "HEAD")
    assert answer.status == 304
    assert answer.header("content-length") in (None, whole.header("content-length"))
    connection.assert_open()
