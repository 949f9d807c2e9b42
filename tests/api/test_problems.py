import pytest
from client import ID_MAX, PROBLEM, assert_problem, encode, new_email, new_fields

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}

PROVOCATIONS = {
    "not_found": lambda api, user: api.get("/nothing"),
    "user_not_found": lambda api, user: api.get(f"/users/{ID_MAX}"),
    "method_not_allowed": lambda api, user: api.call("DELETE", "/health"),
    "method_not_implemented": lambda api, user: api.call("PROPFIND", "/users"),
    "unexpected_body": lambda api, user: api.send("GET", "/health", b"x"),
    "unsupported_media_type": lambda api, user: api.post({}, "text/plain"),
    "malformed_json": lambda api, user: api.post(b"{"),
    "json_too_deep": lambda api, user: api.post(b"[" * 33 + b"]" * 33),
    "validation_failed": lambda api, user: api.post({}),
    "email_taken": lambda api, user: api.post(new_fields(email=user["email"])),
    "precondition_failed": lambda api, user: api.delete(user["id"], if_match='"7"'),
    "bad_idempotency_key": lambda api, user: api.post(new_fields(), idempotency_key="k" * 256),
    "body_too_large": lambda api, user: api.post(b" " * 16385),
}

ODD_NAMES = ['quo"te', "back\\slash", "line\nbreak", "\u0001", "ünï", "\U0001f600", "/"]
SECRETS = ["sqlstate", "postgres", "constraint", "relation", "libpq", "duplicate key value", "src/"]

STATUSES = {
    "not_found": 404,
    "user_not_found": 404,
    "method_not_allowed": 405,
    "method_not_implemented": 501,
    "unsupported_media_type": 415,
    "validation_failed": 422,
    "email_taken": 409,
    "precondition_failed": 412,
    "body_too_large": 413,
}


@pytest.mark.parametrize("code", PROVOCATIONS)
def test_a_problem_says_what_and_where(api, user, code):
    answer = PROVOCATIONS[code](api, user)
    problem = assert_problem(answer, STATUSES.get(code, 400), code)
    assert answer.headers["Content-Type"] == PROBLEM
    assert set(problem) == MEMBERS | ({"errors"} if code == "validation_failed" else set())
    assert problem["type"] == f"/problems/{code}"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["detail"] and isinstance(problem["detail"], str)
    api.assert_unchanged(user)


def test_a_problem_names_the_clients_request_id(api):
    answer = api.get("/nothing", x_request_id="trace-7")
    assert assert_problem(answer, 404)["request_id"] == "trace-7"


@pytest.mark.core
def test_an_unknown_path_is_a_problem(api):
    assert api.get("/nothing").status_code == 404


@pytest.mark.parametrize("member", ODD_NAMES)
def test_the_names_of_unknown_members_come_back_as_they_were(api, member):
    body = encode({**new_fields(), member: 1})
    problem = assert_problem(api.post(body), 422, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [member]


def test_a_member_whose_name_holds_nul_is_unknown(api):
    fields = new_fields()
    problem = assert_problem(api.post({**fields, "name\u0000": 1}), 422, "validation_failed")
    assert len(problem["errors"]) == 1
    api.assert_free(fields["email"])


@pytest.mark.parametrize("count", [17, 300])
def test_very_many_bad_fields_are_still_one_problem(api, count):
    email = new_email()
    body = {"name": "Ada", "email": email, **{f"unknown{number}": 0 for number in range(count)}}
    problem = assert_problem(api.post(body), 422, "validation_failed")
    assert problem["errors"]
    assert {error["field"] for error in problem["errors"]} <= set(body) - {"name", "email"}
    api.assert_free(email)


def test_a_very_long_member_name_is_still_a_problem(api):
    fields = new_fields()
    assert_problem(api.post({**fields, "k" * 15000: 0}), 422, "validation_failed")
    api.assert_free(fields["email"])


def test_internals_stay_inside(api, user):
    for code in PROVOCATIONS:
        text = PROVOCATIONS[code](api, user).text.lower()
        assert [secret for secret in SECRETS if secret in text] == []
