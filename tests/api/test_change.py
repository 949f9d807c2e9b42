import pytest
from client import ID_MAX, JSON, MERGE_PATCH, assert_invalid, assert_problem, encode, new_email, new_fields

BAD_CONTENT_TYPES = [None, "text/plain", "application/json; charset=latin1", "application/json-patch+json"]
UNCHANGEABLE = ["id", "version", "created_at", "updated_at"]


def assert_next_version(before, answer, **members):
    """The answer is the user one change later, with these members, and so is the user from now on."""
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["ETag"] == f'"{after["version"]}"'
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, **members, "version": before["version"] + 1, "updated_at": after["updated_at"]}
    return after


def test_put_replaces_the_user(api, user):
    fields = new_fields(name="Grace Hopper")
    after = assert_next_version(user, api.put(user["id"], fields), **fields)
    assert api.read(user["id"]) == after


def test_each_put_counts(api, user):
    for name in ("One", "Two", "Three"):
        answer = api.put(user["id"], new_fields(email=user["email"], name=name))
        user = assert_next_version(user, answer, name=name)


def test_put_adds_nobody(api):
    fields = new_fields()
    assert_problem(api.put(ID_MAX, fields), 404, "user_not_found")
    assert_problem(api.put(0, fields), 404)
    api.assert_free(fields["email"])


def test_put_takes_the_email_address_of_nobody_else(api, user):
    other = api.create()
    for email in (other["email"], other["email"].upper()):
        assert_problem(api.put(user["id"], {"name": "Thief", "email": email}), 409, "email_taken")
    api.assert_unchanged(user)
    api.assert_unchanged(other)


def test_put_may_change_the_case_of_the_email_address(api, user):
    fields = {"name": user["name"], "email": user["email"].upper()}
    assert_next_version(user, api.put(user["id"], fields), **fields)


def test_a_left_email_address_is_free(api, user):
    assert api.put(user["id"], new_fields()).status_code == 200
    api.assert_free(user["email"])


@pytest.mark.parametrize("missing", ["name", "email"])
def test_put_wants_the_whole_user(api, user, missing):
    fields = new_fields()
    del fields[missing]
    assert_invalid(api.put(user["id"], fields), missing)
    api.assert_unchanged(user)


@pytest.mark.parametrize("member", UNCHANGEABLE)
def test_put_refuses_what_cannot_be_set(api, user, member):
    assert_invalid(api.put(user["id"], {**new_fields(), member: user[member]}), member)
    api.assert_unchanged(user)


def test_put_names_every_bad_field(api, user):
    assert_invalid(api.put(user["id"], {"name": "", "email": "x", "y": 1}), "name", "email", "y")
    api.assert_unchanged(user)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("content_type", BAD_CONTENT_TYPES)
def test_another_content_type_is_refused(api, user, method, content_type):
    answer = api.send(method, f"/users/{user['id']}", new_fields(), content_type)
    assert_problem(answer, 415, "unsupported_media_type")
    assert JSON in answer.headers["Accept"]
    assert (MERGE_PATCH in answer.headers["Accept"]) == (method == "PATCH")
    api.assert_unchanged(user)


def test_put_takes_no_patch(api, user):
    answer = api.send("PUT", f"/users/{user['id']}", new_fields(), MERGE_PATCH)
    assert_problem(answer, 415, "unsupported_media_type")
    api.assert_unchanged(user)


@pytest.mark.parametrize("content_type", [MERGE_PATCH, JSON, "Application/Merge-Patch+JSON; charset=UTF-8"])
def test_patch_changes_one_member(api, user, content_type):
    answer = api.patch(user["id"], {"name": "Grace Hopper"}, content_type)
    after = assert_next_version(user, answer, name="Grace Hopper")
    assert api.read(user["id"]) == after


def test_patch_changes_the_email_address_alone(api, user):
    email = new_email()
    assert_next_version(user, api.patch(user["id"], {"email": email}), email=email)
    api.assert_free(user["email"])


def test_patch_changes_both(api, user):
    fields = new_fields(name="Both")
    assert_next_version(user, api.patch(user["id"], fields), **fields)


def test_an_empty_patch_changes_nothing(api, user):
    answer = api.patch(user["id"], {})
    assert answer.status_code == 200
    assert answer.json() == user
    assert answer.headers["ETag"] == '"1"'
    api.assert_unchanged(user)


def test_patch_adds_nobody(api):
    assert_problem(api.patch(ID_MAX, {"name": "Nobody"}), 404, "user_not_found")
    assert_problem(api.patch(ID_MAX, {}), 404, "user_not_found")


@pytest.mark.parametrize("member", ["name", "email"])
def test_patch_cannot_remove_a_member(api, user, member):
    assert_invalid(api.patch(user["id"], {member: None}), member)
    api.assert_unchanged(user)


@pytest.mark.parametrize("member", UNCHANGEABLE + ["age", "Name"])
@pytest.mark.parametrize("value", [1, None], ids=["set", "remove"])
def test_patch_refuses_members_that_it_cannot_change(api, user, member, value):
    assert_invalid(api.patch(user["id"], {"name": "Ada B.", member: value}), member)
    api.assert_unchanged(user)


def test_patch_names_every_bad_field(api, user):
    assert_invalid(api.patch(user["id"], {"name": 1, "email": "x", "y": 1}), "name", "email", "y")
    api.assert_unchanged(user)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"name"', b"7", b"true"])
def test_a_patch_that_is_no_object_is_refused(api, user, body):
    assert_invalid(api.patch(user["id"], body), "")
    api.assert_unchanged(user)


def test_patch_refuses_a_duplicate_member(api, user):
    assert_invalid(api.patch(user["id"], b'{"name": "One", "name": "Two"}'), "name")
    api.assert_unchanged(user)


def test_patch_takes_the_email_address_of_nobody_else(api, user):
    other = api.create()
    assert_problem(api.patch(user["id"], {"email": other["email"].upper()}), 409, "email_taken")
    api.assert_unchanged(user)


def test_patch_may_change_the_case_of_the_email_address(api, user):
    email = user["email"].upper()
    assert_next_version(user, api.patch(user["id"], {"email": email}), email=email)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("body", [b"", b"{", b'{"name": "x"', b"{'name': 'x'}", encode({"name": "x"}) + b"x"])
def test_malformed_json_changes_nothing(api, user, method, body):
    assert_problem(api.send(method, f"/users/{user['id']}", body), 400, "malformed_json")
    api.assert_unchanged(user)


def test_changing_one_user_leaves_the_others(api, user):
    other = api.create()
    assert api.patch(user["id"], {"name": "Grace"}).status_code == 200
    api.assert_unchanged(other)
