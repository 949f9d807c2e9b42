"""The chunked transfer coding: RFC 9112, section 7.1."""

import pytest
from client import encode, new_fields
from wire import LAST_CHUNK, chunk, chunked_request, request


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


# What makes chunks of a body.
FORMS = {
    "one": lambda body: chunk(body) + LAST_CHUNK,
    "bytes": lambda body: b"".join(map(chunk, pieces(body, 1))) + LAST_CHUNK,
    "sevens": lambda body: b"".join(map(chunk, pieces(body, 7))) + LAST_CHUNK,
    "upper_case_size": lambda body: chunk(body, "%X") + LAST_CHUNK,
    "leading_zeros": lambda body: chunk(body, "%012x") + b"000\r\n\r\n",
    "extension": lambda body: chunk(body, extension=b";name") + LAST_CHUNK,
    "extension_with_value": lambda body: chunk(body, extension=b";name=value") + LAST_CHUNK,
    "extension_quoted": lambda body: chunk(body, extension=b';name="a; \\"b\\"\tc\xe9"') + LAST_CHUNK,
    "extensions": lambda body: chunk(body, extension=b';a;b=c;d="e"') + LAST_CHUNK,
    "extension_with_blanks": lambda body: chunk(body, extension=b" ; a = b\t;c") + LAST_CHUNK,
    "extension_last": lambda body: chunk(body) + b"0;last=yes\r\n\r\n",
    "trailer": lambda body: chunk(body) + b"0\r\nX-Checksum: 7\r\n\r\n",
    "trailers": lambda body: chunk(body) + b"0\r\nA: b\r\nC:\r\nD:\t e \r\n\r\n",
    "trailer_that_looks_like_framing": lambda body: chunk(body) + b"0\r\nContent-Length: 5\r\n\r\n",
    "trailer_that_looks_like_a_host": lambda body: chunk(body) + b"0\r\nHost: other.example\r\n\r\n",
}

# Malformed bodies, sent as they are.
MALFORMED = {
    "no_size": b"\r\nhello\r\n0\r\n\r\n",
    "no_hex": b"g\r\nhello\r\n0\r\n\r\n",
    "no_hex_behind": b"5g\r\nhello\r\n0\r\n\r\n",
    "prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "minus_zero": b"-0\r\n\r\n",
    "blank_first": b" 5\r\nhello\r\n0\r\n\r\n",
    "underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "comma": b"5,0\r\nhello\r\n0\r\n\r\n",
    "dot": b"5.\r\nhello\r\n0\r\n\r\n",
    "size_and_word": b"5 x\r\nhello\r\n0\r\n\r\n",
    "nul_behind_size": b"5\0\r\nhello\r\n0\r\n\r\n",
    "size_ends_with_lf": b"5\nhello\r\n0\r\n\r\n",
    "size_ends_with_cr": b"5\rhello\r\n0\r\n\r\n",
    "size_ends_with_crcrlf": b"5\r\r\nhello\r\n0\r\n\r\n",
    "data_longer": b"5\r\nhello!\r\n0\r\n\r\n",
    "data_shorter": b"5\r\nhell\r\n0\r\n\r\n",
    "data_ends_with_lf": b"5\r\nhello\n0\r\n\r\n",
    "data_ends_with_cr": b"5\r\nhello\r0\r\n\r\n",
    "data_ends_with_nothing": b"5\r\nhello0\r\n\r\n",
    "data_ends_with_two_bytes": b"5\r\nhelloXX0\r\n\r\n",
    "data_ends_with_crx": b"5\r\nhello\rX0\r\n\r\n",
    "last_ends_with_lf": b"5\r\nhello\r\n0\n\r\n",
    "last_is_not_zero": b"5\r\nhello\r\nx\r\n\r\n",
    "extension_without_name": b"5;=x\r\nhello\r\n0\r\n\r\n",
    "extension_with_bare_cr": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "extension_with_bare_lf": b"5;a\nhello\r\n0\r\n\r\n",
    "extension_with_nul": b"5;a\0\r\nhello\r\n0\r\n\r\n",
    "extension_with_control": b"5;a=\x01\r\nhello\r\n0\r\n\r\n",
    "extension_with_open_quotes": b'5;a="x\r\nhello\r\n0\r\n\r\n',
    "extension_with_lf_in_quotes": b'5;a="\n"\r\nhello\r\n0\r\n\r\n',
    "extension_last_with_lf": b"5\r\nhello\r\n0;a\nb\r\n\r\n",
    "trailer_without_colon": b"0\r\nX-Trailer\r\n\r\n",
    "trailer_without_name": b"0\r\n: x\r\n\r\n",
    "trailer_blank_before_colon": b"0\r\nX-Trailer : x\r\n\r\n",
    "trailer_folded": b"0\r\nX-Trailer: x\r\n y\r\n\r\n",
    "trailer_with_nul": b"0\r\nX-Trailer: \0\r\n\r\n",
    "trailer_with_bare_cr": b"0\r\nX-Trailer: a\rb\r\n\r\n",
    "trailer_with_bare_lf": b"0\r\nX-Trailer: a\nb: c\r\n\r\n",
    "trailer_is_a_request_line": b"0\r\nGET /health HTTP/1.1\r\n\r\n",
    "end_with_lf": b"0\r\n\n",
    "end_with_cr": b"0\r\n\rX",
}

HUGE_SIZES = [
    b"4001", b"7fffffff", b"80000000", b"ffffffff", b"100000005", b"7fffffffffffffff", b"ffffffffffffffff",
    b"10000000000000005", b"f" * 40,
]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_chunked_body_is_what_its_chunks_hold(connect, api, form):
    fields = new_fields()
    connection = connect()
    answer = connection.ask(chunked_request("POST", "/users", form(encode(fields))))
    assert answer.status == 201
    api.made.append(answer.json()["id"])
    assert answer.json()["email"] == fields["email"]
    connection.assert_open()


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_chunk_is_refused(refuse, raw):
    refuse(chunked_request("POST", "/users", raw), 400)


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_chunk_behind_a_whole_user_adds_nobody(refuse, api, raw):
    fields = new_fields()
    refuse(chunked_request("POST", "/users", chunk(encode(fields)) + raw), 400)
    api.assert_free(fields["email"])


@pytest.mark.parametrize("size", HUGE_SIZES)
def test_a_chunk_beyond_all_bounds_is_refused(refuse, size):
    refuse(chunked_request("POST", "/users", size + b"\r\n{}"), 400, 413)


def test_chunks_are_joined_before_they_are_read(connect, api):
    fields = new_fields(name="山田 太郎")
    body = encode(fields)
    chunks = b"".join(map(chunk, pieces(body, 2)))
    answer = connect().ask(chunked_request("POST", "/users", chunks + LAST_CHUNK))
    assert answer.json()["name"] == "山田 太郎"
    api.made.append(answer.json()["id"])


def test_an_empty_chunked_body_is_empty(connect):
    connection = connect()
    answer = connection.ask(chunked_request("POST", "/users", LAST_CHUNK))
    assert answer.assert_problem(400)["code"] == "malformed_json"
    connection.assert_open()


def test_the_request_behind_a_chunked_one_is_served(connect):
    connection = connect()
    connection.send(chunked_request("POST", "/users", chunk(b"{}") + LAST_CHUNK) + request("GET", "/health"))
    connection.read_answer().assert_problem(422)
    assert connection.read_answer().json() == {"status": "ok"}


def test_trailers_are_no_header_fields(connect):
    trailers = b"0\r\nX-Request-Id: from-the-trailer\r\nConnection: close\r\n\r\n"
    connection = connect()
    answer = connection.ask(chunked_request("POST", "/users", chunk(b"{}") + trailers))
    assert answer.header("x-request-id") != "from-the-trailer"
    connection.assert_open()


def test_chunked_content_where_none_is_meant_is_refused(connect):
    answer = connect().ask(chunked_request("GET", "/health", chunk(b"x") + LAST_CHUNK))
    assert answer.assert_problem(400)["code"] == "unexpected_body"


@pytest.mark.parametrize("flood", [
    b"1;" + b"e" * 20000 + b"\r\nx\r\n",
    b"1;e\r\n \r\n" * 17000,
    b"0" * 20000 + b"1\r\nx\r\n",
    b"0\r\nX: " + b"t" * 20000 + b"\r\n\r\n",
    b"0\r\n" + b"X: t\r\n" * 4000 + b"\r\n",
], ids=["extension", "small_chunks", "size", "trailer", "trailers"])
def test_a_flood_around_the_data_is_refused(refuse, flood):
    refuse(chunked_request("POST", "/users", flood), 400, 413, 431)


@pytest.mark.parametrize("target", ["http://service.example", "http://service.example?a=b"])
def test_chunked_content_for_a_target_without_a_path_is_refused_like_any_other(connect, target):
    connection = connect()
    answer = connection.ask(chunked_request("POST", target, chunk(b"{}") + LAST_CHUNK), "POST")
    assert answer.status == 404
    connection.assert_open()
