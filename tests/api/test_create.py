import re

import pytest
from client import JSON, assert_invalid, assert_problem, assert_user, encode, media_type
from client import new_email, new_fields

TIMESTAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"

NAMES = {
    "one_letter": "x",
    "200_letters": "n" * 200,
    "200_code_points_of_4_bytes": "\U0001f600" * 200,
    "combining_marks": "Zoe\u0308 a\u0300\u0301\u0302",
    "right_to_left": "\u05d3\u05d5\u05d3 \u0645\u062d\u0645\u062f",
    "han": "山田 太郎",
    "quotes_and_backslashes": "\"Q\" 'q' \\ / \\u0041",
    "markup": "<script>&amp;</script>",
    "sql": "'; DROP TABLE users; --",
    "percent": "100% %s %n %00",
    "line_separators": "a\u2028b\u2029c",
    "byte_order_mark_inside": "a\ufeffb",
    "noncharacters": "a\uffff\U0010ffffb",
    "first_beyond_the_controls": "a\u00a0b",
    "blanks_around": " a ",
    "emoji_sequence": "👩\u200d🚀 👨\u200d👩\u200d👧",
}

BAD_NAMES = {
    "empty": "",
    "one_blank": " ",
    "blanks": "   ",
    "201_letters": "n" * 201,
    "201_code_points_of_4_bytes": "\U0001f600" * 201,
    "nul": "a\u0000b",
    "tab": "a\tb",
    "newline": "a\nb",
    "unit_separator": "a\u001fb",
    "delete": "a\u007fb",
    "first_c1": "a\u0080b",
    "next_line": "a\u0085b",
    "last_c1": "a\u009fb",
    "control_at_the_end": "abc\u0001",
    "null": None,
    "number": 7,
    "boolean": True,
    "array": ["Ada"],
    "object": {"first": "Ada"},
}


def local(size):
    """A local part of this size that no other test has."""
    return new_email().split("@")[0].ljust(size, "x")[:size]


EMAILS = {
    "dots": lambda: f"a.b.{local(32)}@tests.example",
    "every_special_of_an_atom": lambda: f"!#$%&'*+/=?^_`{{|}}~-{local(32)}@tests.example",
    "plus_tag": lambda: f"{local(32)}+tag@tests.example",
    "local_part_of_64_bytes": lambda: f"{local(64)}@tests.example",
    "no_dot_in_the_domain": lambda: f"{local(32)}@localhost",
    "label_of_63_bytes": lambda: f"{local(32)}@{'d' * 63}.example",
    "inner_hyphens": lambda: f"{local(32)}@a--b.c-d.example",
    "digits_in_the_domain": lambda: f"{local(32)}@123.4d.example",
    "upper_case": lambda: f"{local(32).upper()}@TESTS.EXAMPLE",
    "utf8_local_part": lambda: f"δοκιμή.{local(32)}@tests.example",
    "utf8_domain": lambda: f"{local(32)}@bücher.例え",
    "254_bytes": lambda: f"{local(64)}@" + ".".join(["d" * 63, "d" * 62, "d" * 62]),
}

BAD_EMAILS = {
    "empty": "",
    "no_at": "ada.tests.example",
    "no_local_part": "@tests.example",
    "no_domain": "ada@",
    "only_at": "@",
    "two_ats": "ada@home@tests.example",
    "dot_first": ".ada@tests.example",
    "dot_last": "ada.@tests.example",
    "two_dots": "ada..l@tests.example",
    "domain_dot_first": "ada@.example",
    "domain_dot_last": "ada@tests.example.",
    "domain_two_dots": "ada@tests..example",
    "domain_hyphen_first": "ada@-tests.example",
    "domain_hyphen_last": "ada@tests-.example",
    "domain_underscore": "ada@te_sts.example",
    "blank_inside": "ada l@tests.example",
    "blank_first": " ada@tests.example",
    "blank_last": "ada@tests.example ",
    "newline_last": "ada@tests.example\n",
    "tab_in_the_domain": "ada@tests\t.example",
    "nul": "ada\u0000@tests.example",
    "nul_last": "ada@tests.example\u0000",
    "c1_control": "ada\u0085@tests.example",
    "quoted_local_part": '"ada l"@tests.example',
    "address_literal": "ada@[127.0.0.1]",
    "display_name": "Ada <ada@tests.example>",
    "angle_brackets": "<ada@tests.example>",
    "comment": "ada(l)@tests.example",
    "two_addresses": "ada@tests.example,bob@tests.example",
    "semicolon": "ada@tests.example;",
    "mailto": "mailto:ada@tests.example",
    "backslash": "ada\\l@tests.example",
    "local_part_of_65_bytes": "x" * 65 + "@tests.example",
    "local_part_of_65_bytes_in_33_letters": "ä" * 32 + "x@tests.example",
    "label_of_64_bytes": "ada@" + "d" * 64 + ".example",
    "255_bytes": "x" * 64 + "@" + ".".join(["d" * 63, "d" * 63, "d" * 62]),
    "256_bytes_in_fewer_letters": "x" * 64 + "@" + ".".join(["ä" * 31] * 3) + ".dd",
    "null": None,
    "number": 1.5,
    "boolean": False,
    "array": ["ada@tests.example"],
    "object": {},
}


def table(cases):
    return pytest.mark.parametrize("value", cases.values(), ids=cases.keys())


@pytest.mark.core
def test_a_new_user_is_answered_whole(api):
    fields = new_fields(name="Zoë Brontë")
    answer = api.post(fields)
    assert answer.status_code == 201
    assert media_type(answer) == JSON
    user = answer.json()
    assert_user(user, **fields, version=1)
    assert isinstance(user["id"], int) and user["id"] >= 1
    assert answer.headers["Location"] == f"/users/{user['id']}"


@pytest.mark.core
def test_a_new_user_can_be_read(api):
    user = api.create()
    assert api.read(user["id"]) == user


def test_a_new_user_has_a_validator_and_times(api):
    answer = api.post(new_fields())
    user = answer.json()
    assert answer.headers["ETag"] == '"1"'
    assert user["created_at"] == user["updated_at"]
    assert re.fullmatch(TIMESTAMP, user["created_at"])


@pytest.mark.core
def test_each_user_has_an_id_of_its_own(api):
    assert len({api.create()["id"] for _ in range(3)}) == 3


@pytest.mark.core
def test_two_users_may_have_the_same_name(api):
    assert api.create(name="Twin")["id"] != api.create(name="Twin")["id"]


@pytest.mark.core
def test_an_email_address_belongs_to_one_user(api, user):
    assert_problem(api.post(new_fields(email=user["email"])), 409, "email_taken")
    api.assert_unchanged(user)


@pytest.mark.core
def test_case_makes_no_other_email_address(api, user):
    assert_problem(api.post(new_fields(email=user["email"].upper())), 409, "email_taken")
    api.assert_unchanged(user)


@table(NAMES)
def test_a_good_name_is_kept_as_it_is(api, value):
    user = api.create(name=value)
    assert user["name"] == value
    assert api.read(user["id"])["name"] == value


@table(EMAILS)
def test_a_good_email_address_is_kept_as_it_is(api, value):
    email = value()
    user = api.create(email=email)
    assert user["email"] == email
    assert api.read(user["id"])["email"] == email


@table(BAD_NAMES)
def test_a_bad_name_is_refused(api, value):
    fields = new_fields(name=value)
    assert_invalid(api.post(fields), "name")
    api.assert_free(fields["email"])


@table(BAD_EMAILS)
def test_a_bad_email_address_is_refused(api, value):
    assert_invalid(api.post(new_fields(email=value)), "email")


@pytest.mark.core
@pytest.mark.parametrize("missing", ["name", "email"])
def test_a_missing_member_is_refused(api, missing):
    fields = new_fields()
    del fields[missing]
    assert_invalid(api.post(fields), missing)


@pytest.mark.core
def test_an_empty_name_is_refused(api):
    assert_invalid(api.post(new_fields(name="")), "name")


@pytest.mark.core
def test_what_is_no_email_address_is_refused(api):
    assert_invalid(api.post(new_fields(email="nobody")), "email")


@pytest.mark.core
def test_every_bad_field_is_named_at_once(api):
    assert_invalid(api.post({}), "name", "email")
    assert_invalid(api.post({"name": "", "email": ""}), "name", "email")


def test_unknown_members_are_named_with_the_rest(api):
    assert_invalid(api.post({"name": 1, "age": 7, "": 0}), "name", "email", "age", "")


@pytest.mark.parametrize("member", ["id", "version", "created_at", "updated_at", "Name", "e-mail", "ñ"])
def test_an_unknown_member_is_refused(api, member):
    fields = new_fields()
    assert_invalid(api.post({**fields, member: 1}), member)
    api.assert_free(fields["email"])


def test_member_names_have_a_case(api):
    assert_invalid(api.post({"NAME": "Ada", "EMAIL": new_email()}), "name", "email", "NAME", "EMAIL")


@pytest.mark.parametrize("member", ["name", "email"])
def test_a_duplicate_member_is_refused(api, member):
    fields, other = new_fields(), new_email()
    body = encode(fields)[:-1] + f', "{member}": "{other}"}}'.encode()
    assert_invalid(api.post(body), member)
    api.assert_free(fields["email"])
    api.assert_free(other)


def test_a_duplicate_member_is_seen_through_escapes(api):
    fields = new_fields()
    body = encode(fields)[:-1] + b', "n\\u0061me": "Bob"}'
    assert_invalid(api.post(body), "name")
    api.assert_free(fields["email"])


def test_a_refused_request_adds_nothing_for_its_good_part(api):
    fields = new_fields()
    assert_invalid(api.post({**fields, "name": None, "age": 1}), "name", "age")
    api.assert_free(fields["email"])


CONTENT_TYPES = [
    "application/json",
    "APPLICATION/Json",
    "application/json; charset=utf-8",
    "application/json;charset=UTF-8",
    "application/json ; Charset=Utf-8",
    'application/json; charset="utf-8"',
]

BAD_CONTENT_TYPES = [
    None,
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/merge-patch+json",
    "application/problem+json",
    "application/jsonp",
    "application/jso",
    "application/ json",
    "application",
    "*/*",
    "application/*",
    "json",
    "application/json, text/plain",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-16",
    "application/json; charset=utf-80",
    "application/json; charset",
    "application/json; charset=",
    "application/json; version=1",
    "application/json; charset=utf-8; version=1",
    "application/json charset=utf-8",
]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_json_in_utf8_is_the_content_type(api, content_type):
    assert api.post(new_fields(), content_type).status_code == 201


@pytest.mark.parametrize("content_type", BAD_CONTENT_TYPES)
def test_another_content_type_is_refused(api, content_type):
    fields = new_fields()
    answer = api.post(fields, content_type)
    assert_problem(answer, 415, "unsupported_media_type")
    assert JSON in answer.headers["Accept"]
    api.assert_free(fields["email"])


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
def test_coded_content_is_refused(api, coding):
    fields = new_fields()
    assert_problem(api.post(fields, content_encoding=coding), 415)
    api.assert_free(fields["email"])


def test_content_that_says_it_is_not_coded_is_taken(api):
    assert api.post(new_fields(), content_encoding="identity").status_code == 201
