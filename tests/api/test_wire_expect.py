"""Expect: 100-continue, RFC 9110, section 10.1.1."""

import pytest
from client import encode, new_fields
from wire import head, request

JSON_LINE = "Content-Type: application/json"


def expecting(length, *lines, expect="100-continue", **options):
    framing = [f"Content-Length: {length}", f"Expect: {expect}"]
    return head("POST", "/users", JSON_LINE, *framing, *lines, **options)


@pytest.mark.parametrize("expect", ["100-continue", "100-Continue", "100-CONTINUE"])
def test_a_client_that_waits_is_told_to_continue(connect, api, expect):
    body = encode(new_fields())
    connection = connect()
    connection.send(expecting(len(body), expect=expect))
    assert connection.read_any_answer().status == 100
    connection.send(body)
    answer = connection.read_any_answer()
    assert answer.status == 201
    api.made.append(answer.json()["id"])
    connection.assert_open()


def test_a_chunked_client_that_waits_is_told_to_continue(connect, api):
    body = encode(new_fields())
    connection = connect()
    connection.send(head("POST", "/users", JSON_LINE, "Transfer-Encoding: chunked", "Expect: 100-continue"))
    assert connection.read_any_answer().status == 100
    connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    answer = connection.read_any_answer()
    assert answer.status == 201
    api.made.append(answer.json()["id"])


def test_a_client_that_does_not_wait_gets_one_final_answer(connect, api):
    body = encode(new_fields())
    connection = connect()
    answer = connection.ask(expecting(len(body)) + body)
    assert answer.status == 201
    api.made.append(answer.json()["id"])
    connection.assert_open()


def test_too_large_a_body_is_refused_without_100(connect):
    connection = connect()
    connection.send(expecting(16385))
    connection.read_any_answer().assert_problem(413)
    connection.assert_closed()


def test_http_1_0_knows_no_100(connect, api):
    body = encode(new_fields())
    connection = connect()
    connection.send(expecting(len(body), version="HTTP/1.0") + body)
    answer = connection.read_any_answer()
    assert answer.status == 201
    api.made.append(answer.json()["id"])


@pytest.mark.parametrize("expect", ["200-ok", "100", "100-continued", "100-continue, x", "x=100-continue"])
def test_another_expectation_fails(refuse, expect):
    assert refuse(expecting(2, expect=expect) + b"{}", 417).json()["code"] == "expectation_failed"


def test_without_a_body_there_is_nothing_to_wait_for(connect):
    connection = connect()
    assert connection.ask(head("GET", "/health", "Expect: 100-continue")).status == 200
    connection.assert_open()


def test_a_malformed_message_is_refused_without_100(connect):
    connection = connect()
    connection.send(expecting("5x"))
    connection.read_any_answer().assert_problem(400)
    connection.assert_closed()


def test_each_request_waits_for_itself(connect):
    connection = connect()
    for _ in range(2):
        connection.send(expecting(2))
        assert connection.read_any_answer().status == 100
        connection.send(b"{}")
        assert connection.read_any_answer().status == 422
    assert connection.ask(request("GET", "/health")).status == 200
