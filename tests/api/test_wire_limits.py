"""How much is too much: content, target, head."""

import pytest
from client import encode, new_fields
from wire import LAST_CHUNK, chunk, chunked_request, head, request

BODY_MAX = 16384
TARGET_MAX = 8000
JSON_LINE = "Content-Type: application/json"


def padded(fields, size):
    return encode(fields).ljust(size)


def in_chunks(body, size=4096):
    return b"".join(chunk(body[at : at + size]) for at in range(0, len(body), size)) + LAST_CHUNK


@pytest.mark.parametrize("size", [BODY_MAX - 1, BODY_MAX])
def test_a_body_up_to_the_limit_is_taken(connect, api, size):
    connection = connect()
    for raw in (request("POST", "/users", body=padded(new_fields(), size)),
                chunked_request("POST", "/users", in_chunks(padded(new_fields(), size)))):
        answer = connection.ask(raw)
        assert answer.status == 201, answer
        api.made.append(answer.json()["id"])
    connection.assert_open()


@pytest.mark.parametrize("size", [BODY_MAX + 1, BODY_MAX * 2, 300000])
def test_a_body_over_the_limit_is_refused(refuse, api, size):
    fields = new_fields()
    answer = refuse(request("POST", "/users", body=padded(fields, size)), 413)
    assert answer.json()["code"] == "body_too_large"
    api.assert_free(fields["email"])


@pytest.mark.parametrize("size", [BODY_MAX + 1, BODY_MAX * 2, 300000])
def test_a_chunked_body_over_the_limit_is_refused(refuse, api, size):
    fields = new_fields()
    answer = refuse(chunked_request("POST", "/users", in_chunks(padded(fields, size))), 413)
    assert answer.json()["code"] == "body_too_large"
    api.assert_free(fields["email"])


def test_a_body_over_the_limit_is_refused_before_it_comes(connect):
    connection = connect()
    answer = connection.ask(head("POST", "/users", JSON_LINE, f"Content-Length: {BODY_MAX + 1}"))
    assert answer.assert_problem(413)["code"] == "body_too_large"
    connection.assert_closed()


def test_a_chunk_over_the_limit_is_refused_before_it_comes(connect):
    connection = connect()
    answer = connection.ask(chunked_request("POST", "/users", b"4001\r\n"))
    assert answer.assert_problem(413)["code"] == "body_too_large"
    connection.assert_closed()


def test_a_client_that_goes_on_sending_gets_its_refusal(connect):
    connection = connect()
    connection.send(head("POST", "/users", JSON_LINE, "Content-Length: 4000000"))
    for _ in range(40):
        connection.send(b" " * 100000)
    connection.read_answer().assert_problem(413)


def target_of(size):
    return "/health?" + "x" * (size - len("/health?"))


@pytest.mark.parametrize("size", [TARGET_MAX - 1, TARGET_MAX])
def test_a_target_up_to_the_limit_is_taken(connect, size):
    connection = connect()
    assert connection.ask(head("GET", target_of(size))).status == 200
    connection.assert_open()


@pytest.mark.parametrize("size", [TARGET_MAX + 1, 12000, 100000])
def test_a_target_over_the_limit_is_refused(refuse, size):
    assert refuse(head("GET", target_of(size)), 414).json()["code"] == "target_too_long"


def test_a_path_over_the_limit_is_refused(refuse):
    refuse(head("GET", "/users/" + "1" * TARGET_MAX), 414)


def test_a_target_without_end_is_refused(connect):
    connection = connect()
    connection.ask(b"GET /" + b"x" * 40000).assert_problem(414, 431)
    connection.assert_closed()


def test_a_method_without_end_is_refused(connect):
    connection = connect()
    connection.ask(b"G" * 40000).assert_problem(400, 414, 431, 501)
    connection.assert_closed()


@pytest.mark.parametrize("lines", [
    ["X-Long: " + "v" * 15500],
    [f"X-{number}: " + "v" * 100 for number in range(140)],
], ids=["one_field", "many_fields"])
def test_a_head_below_the_limit_is_taken(connect, lines):
    connection = connect()
    assert connection.ask(head("GET", "/health", *lines)).status == 200
    connection.assert_open()


@pytest.mark.parametrize("lines", [
    ["X-Long: " + "v" * 16384],
    ["X-" + "n" * 16384 + ": v"],
    [f"X-{number}: " + "v" * 100 for number in range(160)],
    ["X: y"] * 5000,
    ["X-Long: " + "v" * 200000],
    ["Cookie: " + "c" * 4000] * 5,
], ids=["value", "name", "fields", "small_fields", "huge_value", "cookies"])
def test_a_head_over_the_limit_is_refused(refuse, lines):
    assert refuse(head("GET", "/health", *lines), 431).json()["code"] == "header_too_large"


def test_a_head_without_end_is_refused(connect):
    connection = connect()
    connection.ask(b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 10000).assert_problem(431)
    connection.assert_closed()


def test_empty_lines_without_end_are_refused(connect):
    connection = connect()
    connection.send(b"\r\n" * 40000)
    connection.half_close()
    connection.socket.settimeout(5)
    while connection.receive():
        pass
    assert not connection.received or connection.received.startswith(b"HTTP/1.1 4")
