"""Connections: persistence, pipelining, half-closing, packets (RFC 9112, section 9)."""

import time

import pytest
from client import encode, new_fields
from wire import LAST_CHUNK, chunk, chunked_request, head, request

JSON_LINE = "Content-Type: application/json"
GET_HEALTH = request("GET", "/health")


def test_a_connection_is_kept(connect):
    connection = connect()
    for _ in range(20):
        answer = connection.ask(GET_HEALTH)
        assert answer.status == 200
        assert not answer.closes()


def test_ordinary_refusals_keep_the_connection(connect):
    connection = connect()
    for raw, status in ((request("GET", "/nothing"), 404), (request("GET", "/users?limit=0"), 422),
                        (request("DELETE", "/health"), 405), (request("POST", "/users", body=b"{"), 400)):
        connection.ask(raw).assert_problem(status)
    connection.assert_open()


@pytest.mark.parametrize("option", ["close", "Close", "x, close", "close, x", "keep-alive, CLOSE", " ,close"])
def test_the_client_can_end_the_connection(connect, option):
    connection = connect()
    answer = connection.ask(head("GET", "/health", f"Connection: {option}"))
    assert answer.status == 200
    assert answer.closes()
    connection.assert_closed()


def test_the_end_may_come_on_a_second_connection_line(connect):
    connection = connect()
    assert connection.ask(head("GET", "/health", "Connection: x", "Connection: close")).closes()
    connection.assert_closed()


@pytest.mark.parametrize("option", ["closed", "x-close", "clos", "keep-alive", ""])
def test_other_options_end_nothing(connect, option):
    connection = connect()
    assert connection.ask(head("GET", "/health", f"Connection: {option}")).status == 200
    connection.assert_open()


@pytest.mark.parametrize("raw, status", [
    (head("GET", "/nothing", "Connection: close"), 404),
    (head("OPTIONS", "/users", "Connection: close"), 204),
    (request("POST", "/users", "Connection: close", body=b"{}"), 422),
], ids=["404", "204", "422"])
def test_every_answer_can_be_the_last(connect, raw, status):
    connection = connect()
    answer = connection.ask(raw)
    assert (answer.status, answer.closes()) == (status, True)
    connection.assert_closed()


def test_http_1_0_ends_with_its_answer(connect):
    connection = connect()
    assert connection.ask(head("GET", "/health", version="HTTP/1.0")).status == 200
    connection.assert_closed()


def test_http_1_0_needs_no_host(connect):
    connection = connect()
    assert connection.ask(b"GET /health HTTP/1.0\r\n\r\n").status == 200
    connection.assert_closed()


@pytest.mark.parametrize("option", ["keep-alive", "Keep-Alive"])
def test_http_1_0_can_ask_to_be_kept(connect, option):
    connection = connect()
    for _ in range(3):
        answer = connection.ask(head("GET", "/health", f"Connection: {option}", version="HTTP/1.0"))
        assert answer.status == 200
        assert (answer.header("connection") or "").lower() == "keep-alive"
    connection.assert_open()


def test_http_1_0_can_send_a_body(connect):
    connection = connect()
    connection.ask(request("POST", "/users", body=b"{}", version="HTTP/1.0")).assert_problem(422)
    connection.assert_closed()


def test_pipelined_answers_come_in_order(connect, api, user):
    path = f"/users/{user['id']}"
    steps = [
        (request("GET", path), "GET", 200),
        (request("HEAD", path), "HEAD", 200),
        (request("GET", "/nothing"), "GET", 404),
        (request("PATCH", path, body=b'{"name": "One"}'), "PATCH", 200),
        (request("GET", "/health"), "GET", 200),
        (request("GET", path), "GET", 200),
        (chunked_request("PATCH", path, chunk(b'{"name": "Two"}') + LAST_CHUNK), "PATCH", 200),
        (request("GET", path, 'If-None-Match: "3"'), "GET", 304),
        (request("OPTIONS", path), "OPTIONS", 204),
        (request("DELETE", path), "DELETE", 204),
        (request("GET", path), "GET", 404),
    ]
    connection = connect()
    connection.send(b"".join(raw for raw, _, _ in steps))
    answers = [connection.read_answer(method) for _, method, _ in steps]
    assert [answer.status for answer in answers] == [status for _, _, status in steps]
    assert [answers[at].json()["name"] for at in (0, 3, 5, 6)] == [user["name"], "One", "One", "Two"]


def test_many_pipelined_requests_are_all_answered(connect):
    connection = connect()
    ids = [str(number) for number in range(500)]
    connection.send(b"".join(request("GET", "/health", f"X-Request-Id: {request_id}") for request_id in ids))
    assert [connection.read_answer().header("x-request-id") for _ in ids] == ids


def test_pipelined_writes_are_done_in_order(connect, api, user):
    path = f"/users/{user['id']}"
    names = [f"Name {number}" for number in range(30)]
    connection = connect()
    connection.send(b"".join(request("PATCH", path, body=encode({"name": name})) for name in names))
    answers = [connection.read_answer().json() for _ in names]
    assert [(answer["name"], answer["version"]) for answer in answers] == list(zip(names, range(2, 32)))
    assert api.read(user["id"]) == answers[-1]


def test_nothing_is_done_behind_the_last_request(connect, api):
    fields = new_fields()
    connection = connect()
    last = head("GET", "/health", "Connection: close")
    connection.send(GET_HEALTH + last + request("POST", "/users", body=encode(fields)))
    assert [connection.read_answer().status for _ in range(2)] == [200, 200]
    connection.assert_closed()
    api.assert_free(fields["email"])


def test_requests_before_a_malformed_one_are_answered(connect):
    connection = connect()
    connection.send(GET_HEALTH * 2 + b"BAD\r\n\r\n" + GET_HEALTH)
    assert [connection.read_answer().status for _ in range(3)] == [200, 200, 400]
    connection.assert_closed()


def test_a_half_closed_client_gets_its_answer(connect, user):
    connection = connect()
    connection.send(request("GET", f"/users/{user['id']}"))
    connection.half_close()
    assert connection.read_answer().json() == user
    connection.assert_closed()


def test_a_half_closed_client_gets_all_its_answers(connect, api, user):
    path = f"/users/{user['id']}"
    connection = connect()
    connection.send(GET_HEALTH + request("PATCH", path, body=b'{"name": "Last wish"}') + request("GET", path))
    connection.half_close()
    assert connection.read_answer().status == 200
    patched = connection.read_answer().json()
    assert connection.read_answer().json() == patched
    connection.assert_closed()


def test_a_client_that_half_closes_later_is_let_go(connect):
    connection = connect()
    assert connection.ask(GET_HEALTH).status == 200
    connection.half_close()
    connection.assert_closed()


def test_a_client_that_says_nothing_and_closes_is_let_go(connect):
    connection = connect()
    connection.half_close()
    connection.assert_closed()


@pytest.mark.parametrize("cut", [1, 10, 25, -4, -3, -2, -1])
def test_half_a_head_is_no_request(connect, cut):
    connection = connect()
    connection.send(GET_HEALTH[:cut])
    connection.half_close()
    assert_no_success(connection)


@pytest.mark.parametrize("raw", [
    lambda body: request("POST", "/users", body=body)[:-1],
    lambda body: head("POST", "/users", JSON_LINE, f"Content-Length: {len(body) + 1}") + body,
    lambda body: chunked_request("POST", "/users", chunk(body)),
    lambda body: chunked_request("POST", "/users", chunk(body) + b"0\r\n"),
    lambda body: chunked_request("POST", "/users", chunk(body) + b"0\r\nX: y\r\n"),
    lambda body: chunked_request("POST", "/users", chunk(body)[:-1]),
], ids=["byte_missing", "length_too_long", "last_chunk_missing", "end_missing", "trailer_cut", "chunk_cut"])
def test_half_a_body_adds_nobody(connect, api, raw):
    fields = new_fields()
    connection = connect()
    connection.send(raw(encode(fields)))
    connection.half_close()
    assert_no_success(connection)
    api.assert_free(fields["email"])


def assert_no_success(connection, within_s=2):
    """At most a refusal comes, and the end of the stream soon."""
    connection.socket.settimeout(within_s)
    while connection.receive():
        pass
    assert not connection.received or connection.received.startswith(b"HTTP/1.1 4")


def test_clients_that_vanish_leave_no_trace(connect, api):
    fields = new_fields()
    body = encode(fields)
    whole = request("POST", "/users", body=body)
    for size in (0, 1, 20, len(whole) - len(body), len(whole) - 1):
        connection = connect()
        connection.send(whole[:size])
        connection.reset()
    api.assert_alive()
    api.assert_free(fields["email"])


def test_clients_that_vanish_before_their_answers_do_no_harm(connect, user):
    for _ in range(20):
        connection = connect()
        connection.send(request("GET", f"/users/{user['id']}") * 20)
        connection.reset()
    connect().assert_open()


def test_a_request_may_come_byte_by_byte(connect, user):
    connection = connect()
    for byte in request("GET", f"/users/{user['id']}"):
        connection.send(bytes([byte]))
        time.sleep(0.0005)
    assert connection.read_answer().json() == user


def test_a_request_may_be_cut_anywhere(connect, user):
    connection = connect()
    raw = b"\r\n" + request("GET", f"/users/{user['id']}", "X-Header: some value")
    for at in range(1, len(raw)):
        connection.send_split(raw, at)
        assert connection.read_answer().json() == user


def test_a_request_with_a_body_may_be_cut_anywhere(connect, user):
    connection = connect()
    raw = request("PATCH", f"/users/{user['id']}", body=b'{"name": "Z\xc3\xb6"}')
    for version, at in enumerate(range(1, len(raw)), start=2):
        connection.send_split(raw, at)
        answer = connection.read_answer().json()
        assert (answer["name"], answer["version"]) == ("Zö", version)


def test_a_chunked_request_may_be_cut_anywhere(connect, user):
    connection = connect()
    chunks = chunk(b'{"name"', extension=b';x="y"') + chunk(b': "Z\xc3') + chunk(b'\xb6"}')
    chunks += b"0\r\nT: u\r\n\r\n"
    raw = chunked_request("PATCH", f"/users/{user['id']}", chunks)
    for version, at in enumerate(range(1, len(raw)), start=2):
        connection.send_split(raw, at)
        answer = connection.read_answer().json()
        assert (answer["name"], answer["version"]) == ("Zö", version)


def test_malformed_heads_are_refused_wherever_they_are_cut(connect):
    raw = head("POST", "/users", "Content-Length: 5", "Transfer-Encoding: chunked")
    for at in range(1, len(raw), 3):
        connection = connect()
        connection.send_split(raw, at)
        connection.read_answer().assert_problem(400)
        connection.assert_closed()


def test_pipelined_requests_may_be_cut_anywhere(connect):
    raw = request("POST", "/users", body=b"{}") + request("GET", "/health")
    connection = connect()
    for at in range(1, len(raw)):
        connection.send_split(raw, at)
        assert [connection.read_answer().status for _ in range(2)] == [422, 200]


def test_many_connections_are_served_at_once(connect):
    connections = [connect() for _ in range(200)]
    for connection in connections:
        connection.send(GET_HEALTH)
    for connection in connections:
        assert connection.read_answer().status == 200
