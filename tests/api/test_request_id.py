import re

import pytest
from client import new_fields
from wire import head, request

GOOD = [
    "x", "trace-7", "0123456789", "A.b_c:d/e+f=g@h-i", "018f6b1e-77c2-7cc0-9d0a-2b1f6f1c3f55", "r" * 127,
    "r" * 128,
]
BAD = [
    "", "r" * 129, "r" * 4000, "a b", "a\tb", "a,b", "a;b", 'a"b', "a'b", "a<b", "a{b", "a%20b", "a\\b",
    "caf\xe9", "#", "!",
]
FORM = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")

ANSWERS = {
    "200": ("GET", "/health", 200),
    "ready": ("GET", "/health/ready", 200),
    "list": ("GET", "/users?limit=1", 200),
    "head": ("HEAD", "/health", 200),
    "options": ("OPTIONS", "/users", 204),
    "options_of_all": ("OPTIONS", "*", 204),
    "404": ("GET", "/nothing", 404),
    "405": ("DELETE", "/health", 405),
    "422": ("GET", "/users?limit=0", 422),
    "501": ("PROPFIND", "/health", 501),
}

MALFORMED = {
    "request_line": b"GET\r\n\r\n",
    "version": head("GET", "/health", version="HTTP/2.0"),
    "no_host": head("GET", "/health", host=None),
    "content_length": head("POST", "/users", "Content-Length: x"),
    "target_too_long": head("GET", "/" + "x" * 9000),
    "head_too_large": head("GET", "/health", "X: " + "x" * 17000),
}

each_answer = pytest.mark.parametrize("method, target, status", ANSWERS.values(), ids=ANSWERS.keys())


@pytest.mark.parametrize("request_id", GOOD)
def test_a_good_id_is_echoed(api, request_id):
    assert api.get("/health", x_request_id=request_id).headers["X-Request-Id"] == request_id


@pytest.mark.parametrize("request_id", BAD)
def test_a_bad_id_is_replaced(connect, request_id):
    answer = connect().ask(request("GET", "/health", f"X-Request-Id: {request_id}"))
    assert answer.status == 200
    assert FORM.fullmatch(answer.header("x-request-id"))
    assert answer.header("x-request-id") != request_id


@each_answer
def test_every_answer_echoes_the_id(connect, method, target, status):
    answer = connect().ask(request(method, target, "X-Request-Id: mine"), method)
    assert (answer.status, answer.header("x-request-id")) == (status, "mine")


@each_answer
def test_every_answer_has_an_id_without_being_asked(connect, method, target, status):
    answer = connect().ask(request(method, target), method)
    assert answer.status == status
    assert FORM.fullmatch(answer.header("x-request-id"))


def test_answers_to_writes_have_an_id_too(api):
    assert api.post(b"{", x_request_id="flawed").headers["X-Request-Id"] == "flawed"
    made = api.post(new_fields(), x_request_id="made")
    path = f"/users/{made.json()['id']}"
    assert made.headers["X-Request-Id"] == "made"
    assert api.get(path, x_request_id="same", if_none_match='"1"').headers["X-Request-Id"] == "same"
    assert api.call("DELETE", path, headers={"X-Request-Id": "gone"}).headers["X-Request-Id"] == "gone"


def test_made_ids_are_all_different(api):
    ids = [api.get("/health").headers["X-Request-Id"] for _ in range(200)]
    assert len(set(ids)) == len(ids)


def test_the_name_of_the_field_has_no_case(connect):
    answer = connect().ask(request("GET", "/health", "x-REQUEST-id:   mine  "))
    assert answer.header("x-request-id") == "mine"


def test_the_id_of_one_request_is_not_that_of_the_next(connect):
    connection = connect()
    assert connection.ask(request("GET", "/health", "X-Request-Id: first")).header("x-request-id") == "first"
    assert connection.ask(request("GET", "/health")).header("x-request-id") != "first"


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_refused_messages_have_an_id_in_header_and_problem(connect, raw):
    answer = connect().ask(raw)
    assert FORM.fullmatch(answer.header("x-request-id"))
    assert answer.assert_problem(answer.status)["request_id"] == answer.header("x-request-id")
