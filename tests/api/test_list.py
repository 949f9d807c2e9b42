from urllib.parse import quote

import pytest
from client import assert_invalid, assert_problem, assert_user
from wire import request

PAGE_MAX = 1000


def query_of(cursor, limit=None):
    parts = [] if limit is None else [f"limit={limit}"]
    parts += [] if cursor is None else [f"after={quote(cursor, safe='')}"]
    return "&".join(parts)


def ids_of(page):
    return [user["id"] for user in page["users"]]


def walk(api, cursor, limit):
    """The pages from cursor to the end, each further on than the one before."""
    last = 0
    while True:
        page = api.page(query_of(cursor, limit))
        assert page["users"] or page["next"] is None, "an empty page is the last"
        assert all(user_id > last for user_id in ids_of(page)), "the pages go back"
        last = max(ids_of(page), default=last)
        yield page
        cursor = page["next"]
        if cursor is None:
            return


@pytest.fixture(scope="module")
def tail(shared_api):
    """A cursor shortly before the end of all users; None when one page holds them all."""
    cursor = None
    for limit in (PAGE_MAX, 20):
        starts = [cursor] + [page["next"] for page in walk(shared_api, cursor, limit)]
        cursor = starts[-2]
    return cursor


@pytest.mark.core
def test_a_page_has_users_and_the_next_cursor(api, user):
    page = api.page("limit=1")
    assert set(page) == {"users", "next"}
    assert len(page["users"]) == 1
    assert_user(page["users"][0])


@pytest.mark.core
def test_walking_the_pages_gives_every_user_once_in_order(api):
    made = [api.create()["id"] for _ in range(3)]
    ids = []
    for page in walk(api, None, PAGE_MAX):
        assert len(page["users"]) == PAGE_MAX or page["next"] is None
        ids += ids_of(page)
    assert ids == sorted(set(ids))
    assert set(made) <= set(ids)


@pytest.mark.core
def test_small_pages_are_full_until_the_last(api, tail):
    made = [api.create() for _ in range(5)]
    listed = []
    for page in walk(api, tail, 2):
        assert len(page["users"]) == 2 or page["next"] is None
        assert len(page["users"]) <= 2
        listed += page["users"]
    assert [user for user in listed if user in made] == made


@pytest.mark.core
def test_twenty_is_the_default_limit(api, tail):
    for _ in range(21):
        api.create()
    page = api.page("")
    assert len(page["users"]) == 20
    assert page["next"]
    assert ids_of(api.page("limit=20")) == ids_of(page)


@pytest.mark.core
@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_a_page_holds_no_more_than_its_limit(api, user, limit):
    assert 1 <= len(api.page(f"limit={limit}")["users"]) <= limit


@pytest.mark.core
def test_a_page_holds_users_behind_its_cursor_only(api, user):
    api.create()
    first = api.page("limit=1")
    second = api.page(query_of(first["next"], 1))
    assert ids_of(second)[0] > ids_of(first)[0]


def test_a_cursor_stays_good_when_its_user_goes(api, tail):
    made = [api.create()["id"] for _ in range(3)]
    for page in walk(api, tail, 1):
        if ids_of(page) == made[:1]:
            break
    assert api.delete(made[0]).status_code == 204
    rest = [user_id for page in walk(api, page["next"], PAGE_MAX) for user_id in ids_of(page)]
    assert set(made[1:]) <= set(rest)
    assert min(rest) > made[0]


def test_the_next_page_is_linked(api, user):
    api.create()
    answer = api.get("/users?limit=1")
    cursor = answer.json()["next"]
    assert answer.headers["Link"] == f'</users?limit=1&after={cursor}>; rel="next"'
    linked = api.get(answer.links["next"]["url"])
    assert linked.status_code == 200
    assert ids_of(linked.json())[0] > ids_of(answer.json())[0]


def test_the_link_keeps_the_default_limit(api):
    for _ in range(21):
        api.create()
    answer = api.get("/users")
    assert answer.headers["Link"] == f'</users?limit=20&after={answer.json()["next"]}>; rel="next"'


def test_the_last_page_has_no_link(api, tail):
    answer = api.get("/users?" + query_of(tail, PAGE_MAX))
    assert (answer.json()["next"] is None) == ("Link" not in answer.headers)
    last = list(walk(api, tail, PAGE_MAX))[-1]
    assert last["next"] is None


def test_an_empty_query_is_none(connect):
    assert connect().ask(request("GET", "/users?")).status == 200


@pytest.mark.parametrize("query", ["after=", "after", "limit=1&after="])
def test_an_empty_cursor_is_refused(api, query):
    assert_invalid(api.get(f"/users?{query}"), "after")


def test_escapes_in_the_query_are_decoded(connect, user):
    answer = connect().ask(request("GET", "/users?%6Cimit=%31"))
    assert answer.status == 200
    assert len(answer.json()["users"]) == 1


@pytest.mark.core
@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x"])
def test_a_limit_out_of_range_is_refused(api, limit):
    assert_invalid(api.get(f"/users?limit={limit}"), "limit")


BAD_LIMITS = [
    "", "00", "1.5", "1e2", "0x10", "+5", "%2B5", "%205", "5%20", "5x", "1,2", "null", "9" * 30, "2147483648",
    "4294967297", "9223372036854775808", "18446744073709551617", "%D9%A1", "%EF%BC%95",
]


@pytest.mark.parametrize("limit", BAD_LIMITS)
def test_what_is_no_limit_is_refused(connect, limit):
    answer = connect().ask(request("GET", f"/users?limit={limit}"))
    problem = answer.assert_problem(422)
    assert problem["code"] == "validation_failed"
    assert [error["field"] for error in problem["errors"]] == ["limit"]


@pytest.mark.parametrize("query", ["limit", "limit&limit=5", "limit=5&limit=5", "limit=1&limit=x"])
def test_a_limit_without_value_or_twice_is_refused(api, query):
    assert_invalid(api.get(f"/users?{query}"), "limit")


BAD_CURSORS = [
    "%21", "%20", "not-a-cursor", "null", "%27%20OR%201=1%20--", "%F0%9F%98%80", "%D9%A1", "x" * 300,
    "9" * 40, "-1",
]


@pytest.mark.parametrize("cursor", BAD_CURSORS)
def test_what_is_no_cursor_is_refused(connect, cursor):
    answer = connect().ask(request("GET", f"/users?after={cursor}"))
    problem = answer.assert_problem(422)
    assert problem["code"] == "validation_failed"
    assert [error["field"] for error in problem["errors"]] == ["after"]


def test_a_cursor_with_something_behind_it_is_refused(api, user):
    api.create()
    cursor = api.page("limit=1")["next"]
    assert_invalid(api.get("/users?after=" + quote(cursor + "!", safe="")), "after")
    assert_invalid(api.get("/users?" + "&".join([query_of(cursor)] * 2)), "after")


@pytest.mark.parametrize("query", ["limit=%00", "limit=5%00", "after=%00", "limit=5%00&x=1", "limit%00=5"])
def test_an_escaped_nul_cuts_no_parameter(connect, query):
    connect().ask(request("GET", f"/users?{query}")).assert_problem(400, 422)


def test_unknown_parameters_are_named(api):
    assert_invalid(api.get("/users?offset=3"), "offset")
    assert_invalid(api.get("/users?Limit=3&page=2"), "Limit", "page")


def test_every_bad_parameter_is_named_at_once(api):
    assert_invalid(api.get("/users?limit=0&after=&x=1"), "limit", "after", "x")


@pytest.mark.parametrize("query", ["limit=%", "limit=%3", "limit=%zz", "%g0=1", "after=a%2", "limit=5%"])
def test_a_malformed_escape_is_refused(connect, query):
    connect().ask(request("GET", f"/users?{query}")).assert_problem(400)


@pytest.mark.parametrize("query", ["after=%FF", "after=%C0%80", "after=%ED%A0%80", "%80=1"])
def test_escapes_that_are_no_utf8_are_refused(connect, query):
    connect().ask(request("GET", f"/users?{query}")).assert_problem(400, 422)
