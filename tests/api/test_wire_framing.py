"""Where a message ends: RFC 9112, section 6. Every doubt is a way to smuggle a request."""

import pytest
from client import ID_MAX, encode, new_fields
from wire import LAST_CHUNK, chunk, chunked_request, head, request

JSON_LINE = "Content-Type: application/json"

BAD_LENGTHS = [
    "", "x", "+5", "-5", "-0", "5 5", "5,5", "5, 5", "5,6", "0x5", "5.0", "5e0", "1e1", "5;", "5 ;x", '"5"',
    "5\0", "\x0b5", "٥".encode(), "５".encode(), "5_0", "five", ",", "5,", ",5",
]

HUGE_LENGTHS = [
    "2147483648", "4294967296", "4294967301", "9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "18446744073709551621", "9" * 100,
]

TWO_LENGTHS = [("5", "5"), ("5", "6"), ("0", "5"), ("5", "0"), ("5", ""), ("5", "x"), ("0", "0")]

REFUSED_CODINGS = {
    "two_times": ["chunked, chunked"],
    "two_lines": ["chunked", "chunked"],
    "three_times": ["chunked", "chunked, chunked"],
    "chunked_first": ["chunked, gzip"],
    "chunked_first_in_lines": ["chunked", "gzip"],
    "chunked_then_identity": ["chunked, identity"],
    "unknown": ["gzip"],
    "unknown_first": ["gzip, chunked"],
    "unknown_first_in_lines": ["gzip", "chunked"],
    "identity": ["identity"],
    "identity_first": ["identity, chunked"],
    "longer": ["xchunked"],
    "longer_behind": ["chunkedx"],
    "shorter": ["chunke"],
    "quotes": ['"chunked"'],
    "two_words": ["chunked chunked"],
    "blank_inside": ["chun ked"],
    "parameter": ["chunked;x=y"],
    "empty": [""],
    "commas": [","],
    "semicolon": [";"],
    "nul": ["chunked\0"],
    "nul_first": ["\0chunked"],
    "vertical_tab": ["\x0bchunked"],
    "form_feed": ["chunked\x0c"],
    "next_line": ["chunked\x85"],
    "no_break_space": ["\xa0chunked"],
    "kelvin": ["chun\u212aed".encode()],
}


@pytest.mark.parametrize("length", BAD_LENGTHS)
def test_a_malformed_length_is_refused(refuse, length):
    value = length if isinstance(length, bytes) else length.encode("latin-1")
    refuse(head("POST", "/users", JSON_LINE, b"Content-Length: " + value) + b"12345", 400)


@pytest.mark.parametrize("length", BAD_LENGTHS)
def test_a_malformed_length_is_refused_on_get_too(refuse, length):
    value = length if isinstance(length, bytes) else length.encode("latin-1")
    refuse(head("GET", "/health", b"Content-Length: " + value), 400)


@pytest.mark.parametrize("length", HUGE_LENGTHS)
def test_a_length_beyond_all_bounds_is_refused(refuse, length):
    refuse(head("POST", "/users", JSON_LINE, f"Content-Length: {length}"), 400, 413)


@pytest.mark.parametrize("first, second", TWO_LENGTHS)
def test_two_lengths_are_refused(refuse, first, second):
    lines = [f"Content-Length: {first}", "X-Between: y", f"content-length: {second}"]
    refuse(head("POST", "/users", JSON_LINE, *lines) + b"12345", 400)


@pytest.mark.parametrize("length_first", [True, False])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_length_and_a_coding_are_refused(refuse, method, length_first):
    lines = ["Content-Length: 5", "Transfer-Encoding: chunked"]
    refuse(head(method, "/users", JSON_LINE, *(lines if length_first else lines[::-1])) + LAST_CHUNK, 400)


def test_a_length_and_an_unknown_coding_are_refused(refuse):
    lines = ["Content-Length: 5", "Transfer-Encoding: x"]
    refuse(head("POST", "/users", JSON_LINE, *lines) + b"12345", 400, 501)


@pytest.mark.parametrize("codings", REFUSED_CODINGS.values(), ids=REFUSED_CODINGS.keys())
def test_a_coding_other_than_chunked_is_refused(refuse, codings):
    lines = [b"Transfer-Encoding: " + (c if isinstance(c, bytes) else c.encode("latin-1")) for c in codings]
    refuse(head("POST", "/users", JSON_LINE, *lines) + LAST_CHUNK, 400, 501)


@pytest.mark.parametrize("coding", ["gzip, chunked", "x, chunked", "x, y, chunked"])
def test_an_unknown_coding_is_not_implemented(refuse, coding):
    refuse(head("POST", "/users", JSON_LINE, f"Transfer-Encoding: {coding}") + LAST_CHUNK, 501)


@pytest.mark.parametrize("coding", ["chunked, chunked", "chunked, gzip", "gzip", "x", "chunked\0"])
def test_chunked_is_last_and_once(refuse, coding):
    refuse(head("POST", "/users", JSON_LINE, f"Transfer-Encoding: {coding}") + LAST_CHUNK, 400)


def test_http_1_0_has_no_codings(refuse):
    raw = chunked_request("POST", "/users", LAST_CHUNK, version="HTTP/1.0")
    refuse(raw, 400)
    refuse(raw.replace(b"HTTP/1.0\r\n", b"HTTP/1.0\r\nConnection: keep-alive\r\n"), 400)


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED", "\tchunked "])
def test_chunked_has_no_case(connect, api, coding):
    raw = head("POST", "/users", JSON_LINE, f"Transfer-Encoding: {coding}")
    connection = connect()
    answer = connection.ask(raw + chunk(encode(new_fields())) + LAST_CHUNK)
    assert answer.status == 201
    api.made.append(answer.json()["id"])
    connection.assert_open()


@pytest.mark.parametrize("zeros", ["", "0", "00000", "0" * 30])
def test_a_length_may_have_leading_zeros(connect, api, zeros):
    body = encode(new_fields())
    connection = connect()
    answer = connection.ask(head("POST", "/users", JSON_LINE, f"Content-Length: {zeros}{len(body)}") + body)
    assert answer.status == 201
    api.made.append(answer.json()["id"])
    connection.assert_open()


def test_a_body_ends_where_its_length_says(connect):
    connection = connect()
    connection.send(request("POST", "/users", body=b"{}") + request("GET", "/health"))
    connection.read_answer().assert_problem(422)
    assert connection.read_answer().json() == {"status": "ok"}


def test_a_body_that_looks_like_a_request_is_none(connect, api):
    fields = new_fields()
    inner = request("POST", "/users", body=encode(fields))
    connection = connect()
    answer = connection.ask(request("POST", "/users", body=inner))
    assert answer.assert_problem(400)["code"] == "malformed_json"
    connection.assert_open()
    api.assert_free(fields["email"])


def test_post_without_any_framing_has_an_empty_body(connect):
    connection = connect()
    answer = connection.ask(head("POST", "/users", JSON_LINE))
    assert answer.assert_problem(400)["code"] == "malformed_json"
    connection.assert_open()


@pytest.mark.parametrize("method, path", [("GET", "/health"), ("DELETE", f"/users/{ID_MAX}"), ("GET", "/x")])
def test_a_body_that_nobody_wants_is_not_the_next_request(connect, api, method, path):
    fields = new_fields()
    connection = connect()
    answer = connection.ask(request(method, path, body=request("POST", "/users", body=encode(fields))))
    answer.assert_problem(400, 404)
    api.assert_free(fields["email"])


def test_a_wrong_body_with_a_whole_message_leaves_the_connection(connect):
    connection = connect()
    for body in (b"{", b"{}", b"[]"):
        connection.ask(request("POST", "/users", body=body)).assert_problem(400, 422)
    connection.assert_open()
