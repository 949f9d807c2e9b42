import pytest
from client import assert_problem, encode, new_fields
from wire import request

ALLOWED = {
    "/health": {"GET", "HEAD", "OPTIONS"},
    "/health/ready": {"GET", "HEAD", "OPTIONS"},
    "/users": {"GET", "HEAD", "POST", "OPTIONS"},
    "/users/1": {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"},
}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
REFUSED = [(method, path) for path, allowed in ALLOWED.items() for method in sorted(METHODS - allowed)]

# What may differ between two answers to the same request.
VOLATILE = {"date", "x-request-id", "server-timing", "connection", "keep-alive"}

UNKNOWN_METHODS = [
    "TRACE", "PROPFIND", "LINK", "QUERY", "FOO", "get", "Get", "post", "GETT", "GE", "G", "POSTS", "DELET",
    "x-y_z.1", "M" * 40, "!#$%&'*+-.^_`|~",
]


def methods_of(value):
    return [method.strip() for method in value.split(",")]


def stable_fields(answer):
    return sorted(field for field in answer.fields if field[0] not in VOLATILE)


@pytest.mark.parametrize("path", ALLOWED)
def test_options_names_the_methods(api, path):
    answer = api.call("OPTIONS", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert sorted(methods_of(answer.headers["Allow"])) == sorted(ALLOWED[path])


def test_options_needs_no_user(api):
    assert api.call("OPTIONS", "/users/9223372036854775807").status_code == 204


def test_options_of_the_server_as_a_whole(connect):
    connection = connect()
    answer = connection.ask(request("OPTIONS", "*"))
    assert (answer.status, answer.body) == (204, b"")
    connection.assert_open()


@pytest.mark.parametrize("path", ["/", "/user", "/users/", "/users/01", "/users/1/x"])
@pytest.mark.parametrize("method", sorted(METHODS - {"HEAD"}))
def test_an_unknown_path_is_unknown_to_every_method(connect, method, path):
    answer = connect().ask(request(method, path, body=encode(new_fields()) if method[0] == "P" else None))
    assert answer.assert_problem(404)["code"] in ("not_found", "user_not_found")


@pytest.mark.parametrize("method, path", REFUSED)
def test_another_method_is_not_allowed(api, method, path):
    fields = new_fields()
    answer = api.call("DELETE", path) if method == "DELETE" else api.send(method, path, fields)
    assert_problem(answer, 405, "method_not_allowed")
    assert sorted(methods_of(answer.headers["Allow"])) == sorted(ALLOWED[path])
    api.assert_free(fields["email"])


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("method", UNKNOWN_METHODS)
def test_an_unknown_method_is_not_implemented(connect, method, path):
    answer = connect().ask(request(method, path))
    assert answer.assert_problem(501)["code"] == "method_not_implemented"


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/users?limit=1", "/users", "/users/{id}"])
def test_head_is_get_without_the_body(connect, api, user, path):
    api.create()
    path = path.format(id=user["id"])
    connection = connect()
    get = connection.ask(request("GET", path))
    head = connection.ask(request("HEAD", path), method="HEAD")
    assert head.status == get.status == 200
    assert stable_fields(head) == stable_fields(get)
    connection.assert_open()


@pytest.mark.parametrize("path", ["/nothing", "/users/9223372036854775807", "/users?limit=0"])
def test_head_of_a_refusal_has_no_body_either(connect, path):
    connection = connect()
    get = connection.ask(request("GET", path))
    head = connection.ask(request("HEAD", path), method="HEAD")
    assert head.status == get.status >= 400
    assert head.header("content-type") == get.header("content-type")
    connection.assert_open()


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("body", [b"x", b"{}", b"\0"])
def test_content_where_none_is_meant_is_refused(api, user, method, body):
    answer = api.send(method, f"/users/{user['id']}", body)
    assert_problem(answer, 400, "unexpected_body")
    api.assert_unchanged(user)


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/users"])
def test_content_on_get_is_refused_everywhere(api, path):
    assert_problem(api.send("GET", path, b"{}"), 400, "unexpected_body")


def test_content_on_head_is_refused(connect, user):
    answer = connect().ask(request("HEAD", f"/users/{user['id']}", body=b"{}"), method="HEAD")
    assert answer.status == 400


@pytest.mark.parametrize("framing", ["Content-Length: 0", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_empty_content_is_none(connect, user, method, framing):
    connection = connect()
    body = b"0\r\n\r\n" if "chunked" in framing else b""
    answer = connection.ask(request(method, f"/users/{user['id']}", framing) + body, method)
    assert answer.status in (200, 204)
    connection.assert_open()
