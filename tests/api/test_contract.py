"""docs/openapi.yaml is sound in itself, and every operation answers as it says."""

import pathlib
import re

import pytest
from client import ID_MAX, JSON, MERGE_PATCH, new_fields
from contract import Contract, objects_in

CONTRACT = Contract()
SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src"
OF_THE_ADMIN_LISTENER = {"worker_stalled"} # alone, which the contract leaves out
SUCCESS_AND_REFUSALS = range(200, 500)
BIG = b" " * 16385
OLD = '"99"'
CURRENT = {"If-None-Match": '"1"'}

# (operation, status): what provokes it. `user` is one of the test's own.
WALK = {
    ("getHealth", 200): lambda api, user: api.get("/health"),
    ("getHealth", 400): lambda api, user: api.send("GET", "/health", b"x"),
    ("headHealth", 200): lambda api, user: api.call("HEAD", "/health"),
    ("headHealth", 400): lambda api, user: api.send("HEAD", "/health", b"x"),
    ("optionsHealth", 204): lambda api, user: api.call("OPTIONS", "/health"),
    ("optionsHealth", 400): lambda api, user: api.send("OPTIONS", "/health", b"x"),
    ("getReadiness", 200): lambda api, user: api.get("/health/ready"),
    ("getReadiness", 400): lambda api, user: api.send("GET", "/health/ready", b"x"),
    ("headReadiness", 200): lambda api, user: api.call("HEAD", "/health/ready"),
    ("headReadiness", 400): lambda api, user: api.send("HEAD", "/health/ready", b"x"),
    ("optionsReadiness", 204): lambda api, user: api.call("OPTIONS", "/health/ready"),
    ("optionsReadiness", 400): lambda api, user: api.send("OPTIONS", "/health/ready", b"x"),
    ("listUsers", 200): lambda api, user: api.get("/users?limit=1"),
    ("listUsers", 400): lambda api, user: api.send("GET", "/users", b"x"),
    ("listUsers", 422): lambda api, user: api.get("/users?limit=0"),
    ("headUsers", 200): lambda api, user: api.call("HEAD", "/users?limit=1"),
    ("headUsers", 400): lambda api, user: api.send("HEAD", "/users", b"x"),
    ("headUsers", 422): lambda api, user: api.call("HEAD", "/users?limit=0"),
    ("createUser", 201): lambda api, user: api.post(new_fields()),
    ("createUser", 400): lambda api, user: api.post(b"{"),
    ("createUser", 409): lambda api, user: api.post(new_fields(email=user["email"])),
    ("createUser", 413): lambda api, user: api.post(BIG),
    ("createUser", 415): lambda api, user: api.post(b"{}", "text/plain"),
    ("createUser", 422): lambda api, user: api.post({}),
    ("optionsUsers", 204): lambda api, user: api.call("OPTIONS", "/users"),
    ("optionsUsers", 400): lambda api, user: api.send("OPTIONS", "/users", b"x"),
    ("getUser", 200): lambda api, user: api.get(f"/users/{user['id']}"),
    ("getUser", 304): lambda api, user: api.get(f"/users/{user['id']}", if_none_match="*"),
    ("getUser", 400): lambda api, user: api.send("GET", f"/users/{user['id']}", b"x"),
    ("getUser", 404): lambda api, user: api.get(f"/users/{ID_MAX}"),
    ("headUser", 200): lambda api, user: api.call("HEAD", f"/users/{user['id']}"),
    ("headUser", 304): lambda api, user: api.call("HEAD", f"/users/{user['id']}", headers=CURRENT),
    ("headUser", 400): lambda api, user: api.send("HEAD", f"/users/{user['id']}", b"x"),
    ("headUser", 404): lambda api, user: api.call("HEAD", f"/users/{ID_MAX}"),
    ("replaceUser", 200): lambda api, user: api.put(user["id"], new_fields()),
    ("replaceUser", 400): lambda api, user: api.put(user["id"], b"{"),
    ("replaceUser", 404): lambda api, user: api.put(ID_MAX, new_fields()),
    ("replaceUser", 409): lambda api, user: api.put(user["id"], new_fields(email=api.create()["email"])),
    ("replaceUser", 412): lambda api, user: api.put(user["id"], new_fields(), if_match=OLD),
    ("replaceUser", 413): lambda api, user: api.put(user["id"], BIG),
    ("replaceUser", 415): lambda api, user: api.put(user["id"], b"{}", content_type="text/plain"),
    ("replaceUser", 422): lambda api, user: api.put(user["id"], {}),
    ("changeUser", 200): lambda api, user: api.patch(user["id"], {"name": "Grace"}),
    ("changeUser", 400): lambda api, user: api.patch(user["id"], b"{"),
    ("changeUser", 404): lambda api, user: api.patch(ID_MAX, {"name": "Grace"}),
    ("changeUser", 409): lambda api, user: api.patch(user["id"], {"email": api.create()["email"]}),
    ("changeUser", 412): lambda api, user: api.patch(user["id"], {"name": "Grace"}, if_match=OLD),
    ("changeUser", 413): lambda api, user: api.patch(user["id"], BIG),
    ("changeUser", 415): lambda api, user: api.patch(user["id"], b"{}", "text/plain"),
    ("changeUser", 422): lambda api, user: api.patch(user["id"], {"name": None}),
    ("deleteUser", 204): lambda api, user: api.delete(user["id"]),
    ("deleteUser", 400): lambda api, user: api.send("DELETE", f"/users/{user['id']}", b"x"),
    ("deleteUser", 404): lambda api, user: api.delete(ID_MAX),
    ("deleteUser", 412): lambda api, user: api.delete(user["id"], if_match=OLD),
    ("optionsUser", 204): lambda api, user: api.call("OPTIONS", "/users/1"),
    ("optionsUser", 400): lambda api, user: api.send("OPTIONS", "/users/1", b"x"),
}


@pytest.mark.parametrize("name, status", WALK, ids=lambda value: str(value))
def test_an_operation_answers_as_documented(api, user, name, status):
    answer = WALK[name, status](api, user)
    assert answer.status_code == status, answer.text
    CONTRACT.assert_documented(name, answer)


def test_the_walk_visits_everything_that_a_client_can_provoke():
    documented = {
        (operation["operationId"], int(status))
        for _, _, operation in CONTRACT.operations()
        for status in operation["responses"]
        if status != "default" and int(status) in SUCCESS_AND_REFUSALS
    }
    assert documented == set(WALK)


def test_a_page_with_users_and_the_last_page_are_as_documented(api, user):
    for query in ("limit=1000", "limit=1", ""):
        CONTRACT.assert_documented("listUsers", api.get(f"/users?{query}"))


@pytest.mark.parametrize("response, method, path", [
    ("MethodNotAllowed", "POST", "/health"),
    ("MethodNotAllowed", "PUT", "/users"),
    ("Refused", "PROPFIND", "/users"),
    ("Refused", "GET", "/nothing"),
    ("NotFound", "GET", "/users/x"),
])
def test_what_no_operation_answers_is_documented_too(api, response, method, path):
    answer = api.call(method, path)
    assert answer.status_code in (404, 405, 501)
    CONTRACT.assert_matches(CONTRACT.document["components"]["responses"][response], answer)


def test_the_documented_user_can_be_made(api):
    fields = CONTRACT.document["components"]["examples"]["UserFields"]["value"]
    answer = api.post({**fields, "email": new_fields()["email"]})
    CONTRACT.assert_documented("createUser", answer)


def test_references_lead_somewhere():
    references = CONTRACT.references()
    assert len(references) > 100
    for node in references:
        assert CONTRACT.resolve(node)


def test_every_component_is_used():
    used = {node["$ref"] for node in CONTRACT.references()}
    used |= {"#/components/responses/MethodNotAllowed"}  # answers what is no operation
    for kind, components in CONTRACT.document["components"].items():
        for name in components:
            assert f"#/components/{kind}/{name}" in used


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for _, _, operation in CONTRACT.operations()]
    assert len(names) == len(set(names)) > 0


def test_every_answer_has_a_request_id():
    for path, method, operation in CONTRACT.operations():
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in CONTRACT.resolve(response)["headers"], f"{method} {path} {status}"


def test_head_is_documented_like_get():
    responses = {(path, method): operation["responses"] for path, method, operation in CONTRACT.operations()}
    for path in CONTRACT.document["paths"]:
        assert responses[path, "head"] == responses[path, "get"]


def test_patch_takes_both_media_types():
    content = CONTRACT.operation("changeUser")["requestBody"]["content"]
    assert set(content) == {JSON, MERGE_PATCH}


def with_examples():
    """Every part of the document that has examples: (the part, their values)."""
    for node in objects_in(CONTRACT.document):
        if "schema" in node and ("example" in node or "examples" in node):
            values = [node["example"]] if "example" in node else []
            named = node.get("examples", {}).values()
            yield node, values + [CONTRACT.resolve(example)["value"] for example in named]


def test_examples_are_valid():
    found = list(with_examples())
    assert len(found) > 20
    for node, values in found:
        for value in values:
            CONTRACT.validate(value, node["schema"])


def test_every_code_has_its_line_in_the_table():
    codes = CONTRACT.document["components"]["schemas"]["ProblemCode"]
    rows = [line.split("|")[1].strip() for line in codes["description"].splitlines() if line.startswith("| ")]
    assert rows[1:] == codes["enum"]


def test_every_code_of_the_program_is_in_the_table():
    source = (SOURCES / "base" / "fault.c").read_text(encoding="utf-8")
    codes = set(re.findall(r'case FAULT_\w+: return "(\w+)";', source)) - {"none"}
    documented = CONTRACT.document["components"]["schemas"]["ProblemCode"]["enum"]
    assert set(documented) == codes - OF_THE_ADMIN_LISTENER


def test_the_examples_of_problems_tell_one_story():
    table = CONTRACT.document["components"]["schemas"]["ProblemCode"]["description"]
    found = [value for _, values in with_examples() for value in values]
    problems = [value for value in found if isinstance(value, dict) and "code" in value]
    assert len(problems) > 10
    for problem in problems:
        assert problem["type"] == f"/problems/{problem['code']}"
        assert f"| {problem['code']} | {problem['status']} |" in table
