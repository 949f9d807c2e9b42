"""Which documents are JSON (RFC 8259). What is JSON and no user is 422; what is no JSON is 400."""

import re

import pytest
from client import assert_invalid, assert_problem, encode, new_email, new_fields

# JSON texts that are no user, because an unknown member `x` holds this value.
VALUES = {
    "zero": b"0",
    "minus_zero": b"-0",
    "integer": b"123",
    "negative": b"-1",
    "fraction": b"0.5",
    "fraction_with_zeros": b"1.000",
    "exponent": b"1e2",
    "exponent_upper": b"1E2",
    "exponent_plus": b"1e+2",
    "exponent_minus": b"1e-2",
    "exponent_zero": b"0e0",
    "exponent_leading_zeros": b"1e000002",
    "everything": b"-12.34E+05",
    "tiny": b"1e-400",
    "huge": b"1e400",
    "huge_negative": b"-1e400",
    "huge_exponent": b"1e99999999999",
    "many_digits": b"1" * 400,
    "many_decimals": b"0." + b"3" * 400,
    "beyond_64_bits": b"18446744073709551616",
    "below_64_bits": b"-9223372036854775809",
    "true": b"true",
    "false": b"false",
    "null": b"null",
    "empty_string": b'""',
    "empty_array": b"[]",
    "empty_object": b"{}",
    "array_with_blanks": b" [ 1 , 2 ,\t3 ] ",
    "object_with_blanks": b' { "a" : 1 ,\r\n "b" : 2 } ',
    "empty_key": b'{"": 0}',
    "nested": b'[[{"a": [{"b": {}}]}]]',
    "every_short_escape": rb'"\" \\ \/ \b \f \n \r \t"',
    "unicode_escape": rb'"\u0041\u00e9\u4e2d\uFFFF"',
    "escape_hex_case": rb'"\uABCD\uabcd"',
    "escaped_nul": rb'"\u0000"',
    "surrogate_pair": rb'"\ud83d\ude00"',
    "surrogate_pair_upper": rb'"\uD83D\uDE00"',
    "last_surrogate_pair": rb'"\udbff\udfff"',
    "escaped_noncharacter": rb'"\ufffe\ufdd0"',
    "utf8_2_bytes": "\"\u0080\u07ff\"".encode(),
    "utf8_3_bytes": "\"\u0800\ud7ff\ue000\uffff\"".encode(),
    "utf8_4_bytes": "\"\U00010000\U0010ffff\"".encode(),
    "delete_is_no_control": b'"\x7f"',
    "raw_line_separators": "\"\u2028\u2029\"".encode(),
    "slash": b'"a/b"',
    "comment_in_a_string": b'"/* no */ // comment"',
    "brackets_in_a_string": b'"' + b"[" * 100 + b"{" * 100 + b'"',
    "long_string": b'"' + b"s" * 8000 + b'"',
}

# JSON texts that are no objects.
NO_OBJECTS = {
    "string": b'"text"',
    "empty_string": b'""',
    "number": b"42",
    "minus_zero": b"-0",
    "huge": b"1e400",
    "true": b"true",
    "false": b"false",
    "null": b"null",
    "array": b"[1]",
    "empty_array": b"[]",
    "blanks_around": b" \t\r\n null \t\r\n ",
    "array_of_a_user": b'[{"name": "Ada", "email": "ada@tests.example"}]',
}

# No JSON texts, because member `x` holds this.
BAD_VALUES = {
    "nothing": b"",
    "plus": b"+1",
    "minus_alone": b"-",
    "two_minus": b"--1",
    "minus_blank": b"- 1",
    "leading_zero": b"01",
    "negative_leading_zero": b"-01",
    "two_zeros": b"00",
    "dot_first": b".5",
    "minus_dot": b"-.5",
    "dot_last": b"1.",
    "dot_exponent": b"1.e1",
    "two_dots": b"1.2.3",
    "exponent_empty": b"1e",
    "exponent_sign_only": b"1e+",
    "exponent_fraction": b"1e1.5",
    "exponent_two_signs": b"1e+-1",
    "exponent_alone": b"e1",
    "hexadecimal": b"0x1F",
    "octal": b"0o7",
    "underscore": b"1_000",
    "thousands": b"1 000",
    "letter_behind_number": b"1a",
    "infinity": b"Infinity",
    "minus_infinity": b"-Infinity",
    "nan": b"NaN",
    "full_width_digit": "１".encode(),
    "nul_behind_number": b"1\0",
    "nul_behind_literal": b"true\0",
    "true_upper": b"True",
    "null_upper": b"NULL",
    "true_cut": b"tru",
    "true_longer": b"truee",
    "word": b"undefined",
    "single_quotes": b"'text'",
    "no_quotes": b"text",
    "typographic_quotes": "“text”".encode(),
    "quote_missing": b'"text',
    "two_strings": b'"a" "b"',
    "raw_newline": b'"a\nb"',
    "raw_tab": b'"a\tb"',
    "raw_nul": b'"a\0b"',
    "raw_unit_separator": b'"a\x1fb"',
    "bad_escape": rb'"\x41"',
    "bad_escape_quote": rb'"\'"',
    "bad_escape_upper": rb'"\N"',
    "bad_escape_zero": rb'"\0"',
    "bad_escape_raw_byte": b'"\\\xe5"',
    "escape_cut": rb'"\u00"',
    "escape_no_hex": rb'"\u00g0"',
    "escape_upper_u": rb'"\U0041"',
    "escape_braces": rb'"\u{41}"',
    "escape_sign": rb'"\u+041"',
    "escape_at_the_end": b'"\\',
    "high_surrogate_alone": rb'"\ud800"',
    "high_surrogate_and_text": rb'"\ud800abc"',
    "high_surrogate_and_escape": rb'"\ud800\n"',
    "high_surrogate_and_letter": rb'"\ud800\u0041"',
    "low_surrogate_alone": rb'"\udc00"',
    "two_high_surrogates": rb'"\ud800\ud800"',
    "swapped_surrogates": rb'"\ude00\ud83d"',
    "pair_and_low_surrogate": rb'"\ud83d\ude00\ude00"',
    "utf8_continuation_alone": b'"\x80"',
    "utf8_cut": b'"\xc3"',
    "utf8_cut_3": b'"\xe4\xb8"',
    "utf8_cut_4": b'"\xf0\x9f\x98"',
    "utf8_overlong_2": b'"\xc0\xaf"',
    "utf8_overlong_nul": b'"\xc0\x80"',
    "utf8_overlong_3": b'"\xe0\x80\xaf"',
    "utf8_overlong_4": b'"\xf0\x80\x80\xaf"',
    "utf8_surrogate": b'"\xed\xa0\x80"',
    "utf8_surrogate_pair": b'"\xed\xa0\xbd\xed\xb8\x80"',
    "utf8_beyond_unicode": b'"\xf4\x90\x80\x80"',
    "utf8_5_bytes": b'"\xf8\x88\x80\x80\x80"',
    "utf8_ff": b'"\xff"',
    "latin1": b'"caf\xe9"',
    "array_open": b"[1",
    "array_comma_last": b"[1,]",
    "array_comma_first": b"[,1]",
    "array_two_commas": b"[1,,2]",
    "array_no_comma": b"[1 2]",
    "array_colon": b"[1:2]",
    "array_closed_by_brace": b"[1}",
    "array_closed_twice": b"[1]]",
    "array_semicolon": b"[1;2]",
    "object_open": b'{"a": 1',
    "object_comma_last": b'{"a": 1,}',
    "object_comma_first": b'{,"a": 1}',
    "object_two_commas": b'{"a": 1,,"b": 2}',
    "object_no_colon": b'{"a" 1}',
    "object_two_colons": b'{"a":: 1}',
    "object_equals": b'{"a" = 1}',
    "object_no_value": b'{"a":}',
    "object_no_key": b"{: 1}",
    "object_key_only": b'{"a"}',
    "object_key_without_quotes": b"{a: 1}",
    "object_key_single_quotes": b"{'a': 1}",
    "object_key_number": b"{1: 1}",
    "object_key_null": b"{null: 1}",
    "object_key_array": b"{[]: 1}",
    "object_closed_by_bracket": b'{"a": 1]',
    "comment": b"/* comment */ 1",
    "comment_line": b"1 // comment\n",
    "comment_hash": b"1 # comment\n",
    "no_break_space": "\u00a01".encode(),
    "form_feed": b"\x0c1",
    "vertical_tab": b"\x0b1",
    "word_joiner": "\u20601".encode(),
    "byte_order_mark_inside": b"\xef\xbb\xbf1",
    "backtick": b"`text`",
}

# No JSON texts as a whole.
BAD_DOCUMENTS = {
    "empty": b"",
    "blanks": b" \r\n\t",
    "nul": b"\0",
    "open_object": b"{",
    "open_array": b"[",
    "open_string": b'"',
    "close": b"}",
    "comma": b",",
    "word": b"name",
    "form": b"name=Ada&email=ada%40tests.example",
    "xml": b"<user/>",
    "yaml": b"name: Ada",
    "byte_order_mark": b"\xef\xbb\xbf{}",
    "byte_order_mark_alone": b"\xef\xbb\xbf",
    "half_a_byte_order_mark": b"\xef\xbb{}",
    "utf16": '{"name": "Ada"}'.encode("utf-16-le"),
    "utf16_with_mark": '{"name": "Ada"}'.encode("utf-16"),
    "utf32": '{"name": "Ada"}'.encode("utf-32-be"),
    "json_sequence": b'\x1e{"name": "Ada"}\n',
    "random_bytes": bytes(range(128, 256)),
}

# What stands behind a whole user.
BAD_TAILS = {
    "letter": b"x",
    "brace": b"}",
    "comma": b",",
    "second_object": b"{}",
    "second_on_a_new_line": b"\n{}",
    "nul": b"\0",
    "nul_behind_blank": b" \0",
    "comment": b" // comment",
    "form_feed": b"\x0c",
    "control_z": b"\x1a",
    "invalid_utf8": b"\xff",
    "string": b'""',
    "hash": b"#",
}

BAD_UTF8 = [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"]


def table(cases):
    return pytest.mark.parametrize("document", cases.values(), ids=cases.keys())


def with_member(fields, value):
    return encode(fields)[:-1] + b', "x": ' + value + b"}"


def assert_not_json(api, body):
    return assert_problem(api.post(body), 400, "malformed_json")


@table(VALUES)
def test_a_json_value_is_understood(api, document):
    fields = new_fields()
    assert_invalid(api.post(with_member(fields, document)), "x")
    api.assert_free(fields["email"])


@table(NO_OBJECTS)
def test_json_that_is_no_object_is_no_user(api, document):
    assert_invalid(api.post(document), "")


@table(BAD_VALUES)
def test_a_value_that_is_no_json_is_refused(api, document):
    fields = new_fields()
    assert_not_json(api, with_member(fields, document))
    api.assert_free(fields["email"])


@table(BAD_DOCUMENTS)
def test_a_document_that_is_no_json_is_refused(api, document):
    assert_not_json(api, document)


@table(BAD_TAILS)
def test_something_behind_the_document_is_refused(api, document):
    fields = new_fields()
    assert_not_json(api, encode(fields) + document)
    api.assert_free(fields["email"])


@pytest.mark.core
@pytest.mark.parametrize("document", [b"", b"{", b"name=Ada", b'{"name": "Ada",}'])
def test_malformed_json_is_a_bad_request(api, document):
    assert_problem(api.post(document), 400, "malformed_json")


@pytest.mark.parametrize("blank", [b" ", b"\t", b"\n", b"\r", b"\r\n \t"])
def test_blanks_are_allowed_between_tokens(api, blank):
    email = new_email().encode()
    tokens = [b"{", b'"name"', b":", b'"Ada"', b",", b'"email"', b":", b'"' + email + b'"', b"}"]
    assert api.post(blank + blank.join(tokens) + blank).status_code == 201


def test_the_order_of_the_members_does_not_matter(api):
    email = new_email()
    assert api.post(encode({"email": email, "name": "Ada"})).status_code == 201


@pytest.mark.core
def test_escapes_are_what_they_stand_for(api):
    body = rb'{"n\u0061me": "\u005a\u006F\u00eb \ud83d\ude00 \"\\\/", "email": "%s"}' % new_email().encode()
    answer = api.post(body)
    assert answer.status_code == 201
    assert answer.json()["name"] == 'Zoë \U0001f600 "\\/'


@pytest.mark.parametrize("member", ["name", "email"])
@pytest.mark.parametrize("escape", [rb"\u0000", rb"\u0001", rb"\n", rb"\u007f", rb"\u0085"])
def test_escaped_control_characters_are_json_but_in_no_user(api, member, escape):
    fields = new_fields()
    body = encode({**fields, member: "@@"}).replace(b"@@", b"ada" + escape + b"@tests.example")
    assert_invalid(api.post(body), member)


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"123456789012345678901234567890", b"1.5", b"0"])
def test_numbers_are_json_but_no_name(api, number):
    assert_invalid(api.post(b'{"name": %s, "email": "%s"}' % (number, new_email().encode())), "name")


@pytest.mark.parametrize("flaw", BAD_UTF8)
def test_invalid_utf8_is_no_json_in_a_name_either(api, flaw):
    email = new_email()
    assert_not_json(api, b'{"name": "A' + flaw + b'a", "email": "%s"}' % email.encode())
    assert_not_json(api, b'{"name": "Ada", "email": "%s", "k' % email.encode() + flaw + b'": 1}')
    api.assert_free(email)


def nested(depth, opening, closing, inside=b""):
    return opening * depth + inside + closing * depth


def test_32_levels_are_not_too_deep(api):
    assert_invalid(api.post(nested(32, b"[", b"]")), "")
    assert_invalid(api.post(with_member(new_fields(), nested(31, b"[", b"]"))), "x")
    assert_invalid(api.post(with_member(new_fields(), nested(31, b'{"a":', b"}", b"0"))), "x")


def test_33_levels_are_too_deep(api):
    fields = new_fields()
    assert_problem(api.post(nested(33, b"[", b"]")), 400, "json_too_deep")
    assert_problem(api.post(with_member(fields, nested(32, b"[", b"]"))), 400, "json_too_deep")
    assert_problem(api.post(with_member(fields, nested(32, b'{"a":', b"}", b"0"))), 400, "json_too_deep")
    api.assert_free(fields["email"])


def test_many_siblings_are_not_deep(api):
    assert_invalid(api.post(with_member(new_fields(), b"[" + b"[]," * 4000 + b"[]]")), "x")


@pytest.mark.parametrize("bomb", [b"[" * 16000, b'{"a":' * 3000, b"[{}," * 4000, nested(8000, b"[", b"]")])
def test_a_depth_bomb_is_refused(api, bomb):
    problem = assert_problem(api.post(bomb), 400)
    assert problem["code"] in ("json_too_deep", "malformed_json")


PLACES = {
    "first_line": (b"nonsense", 1),
    "second_line": (b'{\n  "name": x\n}', 2),
    "third_line": (b'{\n  "name": "Ada",\n  "email" "x"\n}', 3),
    "carriage_returns": (b'{\r\n"name":\r\n?}', 3),
    "trailing": (b"{}\n\n\n\nx", 5),
    "control": (b'{\n"na\x01me": 1}', 2),
    "invalid_utf8": (b'{\n"name":\n"\xff"}', 3),
    "nul": (b'{\n\n\0"name": 1}', 3),
    "lone_surrogate": (rb'{"name": "\ud800"}', 1),
}


@pytest.mark.parametrize("body, line", PLACES.values(), ids=PLACES.keys())
def test_the_detail_says_where_the_flaw_is(api, body, line):
    detail = assert_not_json(api, body)["detail"]
    place = re.search(r"line (\d+)\D+column (\d+)", detail)
    assert place, detail
    assert int(place[1]) == line
    assert 0 <= int(place[2]) <= len(body) + 1


def test_the_detail_of_an_empty_body_says_where_too(api):
    assert re.search(r"line 1\D+column [01]\b", assert_not_json(api, b"")["detail"])
