"""Header fields: RFC 9112, section 5, and RFC 9110, sections 5 and 7.2."""

import pytest
from wire import head, request

BAD_LINES = {
    "no_colon": b"X-Header",
    "no_name": b": value",
    "colon_alone": b":",
    "blank_before_colon": b"X-Header : value",
    "tab_before_colon": b"X-Header\t: value",
    "blank_in_name": b"X Header: value",
    "separator_in_name": b"X(Header): value",
    "slash_in_name": b"X/Header: value",
    "quotes_in_name": b'"X": value',
    "at_in_name": b"X@Y: value",
    "utf8_in_name": "X-Ä: value".encode(),
    "latin1_in_name": b"X-\xc4: value",
    "control_in_name": b"X\x01: value",
    "delete_in_name": b"X\x7f: value",
    "nul_in_name": b"X\0Y: value",
    "nul_in_value": b"X-Header: val\0ue",
    "nul_last": b"X-Header: value\0",
    "bare_cr_in_value": b"X-Header: a\rb",
    "bare_cr_and_field": b"X-Header: a\rX-Other: b",
    "bare_cr_last": b"X-Header: a\r",
    "bare_cr_in_name": b"X\rY: value",
    "bare_lf_in_value": b"X-Header: a\nb",
    "bare_lf_and_field": b"X-Header: a\nX-Other: b",
    "bell_in_value": b"X-Header: \x07",
    "escape_in_value": b"X-Header: \x1b[31m",
    "delete_in_value": b"X-Header: \x7f",
    "vertical_tab_in_value": b"X-Header: a\x0bb",
    "folded": b"X-Header: a\r\n b",
    "folded_tab": b"X-Header: a\r\n\tb",
    "folded_empty": b"X-Header: a\r\n ",
    "folded_framing": b"X-Header: a\r\n Content-Length: 5",
    "blank_line_first": b" ",
}

HIDDEN_FRAMING = {
    "blank_before_colon": b"Content-Length : 5",
    "nul_behind_name": b"Content-Length\0: 5",
    "tab_before_name": b"\tContent-Length: 5",
    "control_before_chunked": b"Transfer-Encoding: \x0bchunked",
    "blank_before_colon_chunked": b"Transfer-Encoding : chunked",
    "bare_cr_chunked": b"X: y\rTransfer-Encoding: chunked",
    "bare_lf_chunked": b"X: y\nTransfer-Encoding: chunked",
    "folded_chunked": b"Transfer-Encoding:\r\n chunked",
    "nul_behind_chunked": b"Transfer-Encoding: chunked\0",
}

GOOD_LINES = {
    "no_blank": b"X-Header:value",
    "blanks_around": b"X-Header:   value   ",
    "tabs_around": b"X-Header:\t\tvalue\t",
    "empty": b"X-Header:",
    "empty_with_blanks": b"X-Header: \t ",
    "tab_inside": b"X-Header: a\tb",
    "every_token_character": b"!#$%&'*+-.^_`|~09azAZ: value",
    "every_visible_character": b"X-Header: " + bytes(range(0x20, 0x7F)),
    "obsolete_text": b"X-Header: caf\xe9 \x80\xff",
    "utf8": "X-Header: 山田".encode(),
    "colons": b"X-Header: a:b::c",
    "repeated": b"X-Header: a\r\nX-Header: b",
    "long": b"X-Header: " + b"v" * 8000,
    "cookies": b"\r\n".join(b"Cookie: c%d=" % n + b"v" * 340 for n in range(10)),
    "connection_lists": b"Connection: , keep-alive,, x-header ,",
    "accepts": b"Accept: text/html;q=0.5, */*;q=0.1\r\nAccept-Encoding: gzip, br\r\nAccept-Language: de",
    "upgrade": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket",
    "te": b"TE: trailers\r\nConnection: TE",
    "range": b"Range: bytes=0-3",
}

BAD_HOSTS = [
    "a b", "a/b", "a?b", "a#b", "user@service.example", "service.example:80:80", "service.example:x",
    "service.example:-1", "http://service.example", "a, b", "service.example, service.example", "[::1",
    "::1]", "[]", "[::1]x", "[::g]", "a\\b", "a<b", 'a"b', "a^b", "a%b", "a%zz", "a\x01b", "a\x7f", "a\0b",
    "caf\xe9", "a\tb",
]

GOOD_HOSTS = [
    "service.example", "service.example:8080", "service.example:", "SERVICE.example", "127.0.0.1:80", "[::1]",
    "[::1]:8080", "[2001:db8::7]", "a_b.example", "a%41b", "a-b", "localhost", "!$&'()*+;=",
    "xn--bcher-kva.example.",
]


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_malformed_field_is_refused(refuse, line):
    refuse(head("GET", "/health", line), 400)


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_malformed_field_is_refused_before_host(refuse, line):
    refuse(b"GET /health HTTP/1.1\r\n" + line + b"\r\nHost: service.example\r\n\r\n", 400)


@pytest.mark.parametrize("line", HIDDEN_FRAMING.values(), ids=HIDDEN_FRAMING.keys())
def test_hidden_framing_is_refused(refuse, line):
    refuse(head("POST", "/users", "Content-Type: application/json", line), 400)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\n", b"\n\r\n", b"\r\n\r"])
def test_the_head_ends_with_an_empty_line_of_crlf(refuse, end):
    refuse(b"GET /health HTTP/1.1\r\nHost: service.example" + end, 400)


@pytest.mark.parametrize("line", GOOD_LINES.values(), ids=GOOD_LINES.keys())
def test_a_sound_field_is_no_obstacle(connect, line):
    connection = connect()
    assert connection.ask(head("GET", "/health", line)).status == 200
    connection.assert_open()


def test_field_names_have_no_case(connect, user):
    raw = f"GET /users/{user['id']} HTTP/1.1\r\nhOST: x\r\nIF-none-MATCH: \"1\"\r\n\r\n"
    assert connect().ask(raw.encode()).status == 304


@pytest.mark.parametrize("line", [b"Content-Type:application/json", b"content-type: \t application/json \t "])
def test_blanks_around_a_value_do_not_count(connect, line):
    raw = head("POST", "/users", line, "Content-Length:\t 2 ") + b"{}"
    assert connect().ask(raw).assert_problem(422)["code"] == "validation_failed"


def test_a_host_is_needed(refuse):
    refuse(head("GET", "/health", host=None), 400)
    refuse(head("GET", "/health", "X-Host: service.example", host=None), 400)


@pytest.mark.parametrize("second", ["Host: service.example", "Host: other.example", "host:"])
def test_one_host_is_enough(refuse, second):
    refuse(head("GET", "/health", second), 400)
    refuse(head("GET", "/health", "X: y", second), 400)
    refuse(head("GET", "/health", second, version="HTTP/1.0"), 400)


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_malformed_host_is_refused(refuse, host):
    refuse(head("GET", "/health", host=host), 400)


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_a_sound_host_is_taken(connect, host):
    assert connect().ask(head("GET", "/health", host=host)).status == 200


def test_blanks_around_the_host_do_not_count(connect):
    assert connect().ask(b"GET /health HTTP/1.1\r\nHost:\t service.example \t\r\n\r\n").status == 200


def test_answers_are_dated(connect):
    for raw in (request("GET", "/health"), request("GET", "/nothing")):
        date = connect().ask(raw).header("date")
        assert date and date.endswith(" GMT") and len(date) == 29
