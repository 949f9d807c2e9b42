"""The request line and its target: RFC 9112, sections 2.2 to 3.2."""

import pytest
from wire import head, request

REST = b"Host: service.example\r\n\r\n"

MALFORMED = {
    "target_missing": b"GET HTTP/1.1",
    "method_alone": b"GET",
    "method_and_blank": b"GET ",
    "version_missing": b"GET /health",
    "version_missing_blank": b"GET /health ",
    "method_missing": b"/health HTTP/1.1",
    "blank_first": b" GET /health HTTP/1.1",
    "tab_first": b"\tGET /health HTTP/1.1",
    "two_blanks": b"GET  /health HTTP/1.1",
    "two_blanks_behind_target": b"GET /health  HTTP/1.1",
    "tabs": b"GET\t/health\tHTTP/1.1",
    "blank_behind_version": b"GET /health HTTP/1.1 ",
    "word_behind_version": b"GET /health HTTP/1.1 x",
    "blank_in_the_target": b"GET /hea lth HTTP/1.1",
    "lower_case_version": b"GET /health http/1.1",
    "mixed_case_version": b"GET /health Http/1.1",
    "no_minor_version": b"GET /health HTTP/1",
    "no_minor_digit": b"GET /health HTTP/1.",
    "three_versions": b"GET /health HTTP/1.1.1",
    "two_minor_digits": b"GET /health HTTP/1.10",
    "leading_zero_version": b"GET /health HTTP/01.1",
    "no_dot": b"GET /health HTTP/11",
    "no_slash": b"GET /health HTTP1.1",
    "comma": b"GET /health HTTP/1,1",
    "letter_version": b"GET /health HTTP/x.1",
    "other_protocol": b"GET /health HTTPS/1.1",
    "icecast": b"GET /health ICY/1.1",
    "method_with_separator": b"GE(T) /health HTTP/1.1",
    "method_with_colon": b"GET: /health HTTP/1.1",
    "method_with_utf8": b"G\xc3\x84T /health HTTP/1.1",
    "method_with_control": b"GET\x01 /health HTTP/1.1",
    "method_with_nul": b"GET\0 /health HTTP/1.1",
    "method_in_quotes": b'"GET" /health HTTP/1.1',
    "nul_first": b"\0GET /health HTTP/1.1",
    "nul_in_the_target": b"GET /health\0 HTTP/1.1",
    "nul_in_the_middle": b"GET /users\0/1 HTTP/1.1",
    "nul_in_the_version": b"GET /health HTTP/1.1\0",
    "bare_cr_in_the_target": b"GET /health\rx HTTP/1.1",
    "bare_cr_for_blank": b"GET\r/health\rHTTP/1.1",
    "two_crs": b"GET /health HTTP/1.1\r",
    "vertical_tab": b"GET\x0b/health HTTP/1.1",
    "byte_order_mark": b"\xef\xbb\xbfGET /health HTTP/1.1",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "answer": b"HTTP/1.1 200 OK",
}

TARGETS = {
    "no_slash": "health",
    "query_alone": "?limit=1",
    "asterisk": "*",
    "asterisk_and_more": "*/health",
    "authority": "service.example:80",
    "host_alone": "service.example",
    "control": "/health\x01",
    "delete": "/health\x7f",
    "tab": "/health\tx",
    "utf8": "/üsers".encode(),
    "latin1": b"/caf\xe9",
    "escape_cut": "/users/%",
    "escape_half": "/users/%4",
    "escape_no_hex": "/users/%zz",
    "escape_second_no_hex": "/users/%4g",
    "escape_blank": "/users/%+1",
    "fragment": "/health#top",
    "fragment_behind_query": "/health?a#top",
    "absolute_without_host": "http:///health",
    "absolute_port_only": "http://:80/health",
    "absolute_bad_port": "http://service.example:x/health",
    "absolute_bad_host": "http://ser vice/health",
    "absolute_nul": "http://service.example\0/health",
    "scheme_alone": "http:",
    "scheme_and_path": "http:/health",
}

ODD_CHARACTERS = ['"', "<", ">", "\\", "^", "`", "{", "|", "}"]

VERSIONS = ["HTTP/0.9", "HTTP/0.0", "HTTP/2.0", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9"]


@pytest.mark.parametrize("line", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_line_is_refused(refuse, line):
    refuse(line + b"\r\n" + REST, 400)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\n\r"], ids=["lf", "cr", "lf_cr"])
def test_the_request_line_ends_with_crlf(refuse, end):
    refuse(b"GET /health HTTP/1.1" + end + REST, 400)


@pytest.mark.parametrize("version", VERSIONS)
def test_another_major_version_is_refused(refuse, version):
    refuse(head("GET", "/health", version=version), 505)


def test_the_preface_of_http2_is_refused(refuse):
    refuse(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 501, 505)


def test_a_higher_minor_version_is_served(connect):
    for version in ("HTTP/1.2", "HTTP/1.9"):
        assert connect().ask(head("GET", "/health", version=version)).status == 200


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_a_malformed_target_is_refused(refuse, target):
    refuse(head("GET", target), 400)


@pytest.mark.parametrize("character", ODD_CHARACTERS)
def test_characters_that_no_target_has_lead_nowhere(connect, character):
    connect().ask(head("GET", f"/users/{character}1")).assert_problem(400, 404)


@pytest.mark.parametrize("path", ["/health%00", "/health%00/x", "/users%00", "/users/1%00", "/%00"])
def test_an_escaped_nul_cuts_no_path(connect, path):
    connect().ask(head("GET", path)).assert_problem(400, 404)


@pytest.mark.parametrize("path", ["/x/../health", "/./health", "/users/..%2fhealth", "/%2e%2e/etc/passwd"])
def test_dots_lead_nowhere_else(connect, path):
    answer = connect().ask(head("GET", path))
    assert answer.status in (200, 400, 404)
    assert b"root:" not in answer.body


@pytest.mark.parametrize("target", [
    "http://service.example/health",
    "http://service.example:80/health",
    "http://service.example:/health",
    "HTTP://SERVICE.EXAMPLE/health",
    "http://127.0.0.1:8080/health?x=http://y/",
    "http://[::1]:8080/health",
])
def test_the_absolute_form_is_served(connect, target):
    connection = connect()
    assert connection.ask(head("GET", target)).status == 200
    connection.assert_open()


def test_the_host_of_the_absolute_form_wins(connect):
    assert connect().ask(head("GET", "http://other.example/health", host="service.example")).status == 200


def test_the_absolute_form_leads_to_the_same_resource(connect, user):
    answer = connect().ask(head("GET", f"http://service.example/users/{user['id']}?x"))
    assert answer.json() == user
    connect().ask(head("GET", "http://service.example/nothing")).assert_problem(404)
    connect().ask(head("GET", "http://service.example")).assert_problem(404)


def test_the_absolute_form_needs_a_host_line_too(refuse):
    refuse(head("GET", "http://service.example/health", host=None), 400)


def test_connect_makes_no_tunnel(connect):
    answer = connect().ask(head("CONNECT", "service.example:80"))
    answer.assert_problem(400, 405, 501)


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD", "PATCH"])
def test_the_asterisk_is_for_options(refuse, method):
    refuse(head(method, "*"), 400, method=method)


@pytest.mark.parametrize("blank_lines", [b"\r\n", b"\r\n\r\n"])
def test_empty_lines_before_a_request_are_ignored(connect, blank_lines):
    connection = connect()
    assert connection.ask(blank_lines + request("GET", "/health")).status == 200
    assert connection.ask(blank_lines + request("GET", "/health")).status == 200


def test_the_path_is_decoded_once(connect, user):
    connect().ask(head("GET", f"/users/%25{ord(str(user['id'])[0]):x}")).assert_problem(404)


def test_the_absolute_form_without_a_path_asks_for_the_options_of_the_server(connect):
    """RFC 9112, section 3.2.4: it is what a proxy would have made an asterisk of."""
    connection = connect()
    assert connection.ask(head("OPTIONS", "http://service.example"), "OPTIONS").status == 204
    connection.assert_open()
