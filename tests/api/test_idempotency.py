import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from client import Api, assert_invalid, assert_problem, encode, new_fields
from wire import request

CLIENTS = 8
ROUNDS = 10


@pytest.fixture
def key():
    return str(uuid.uuid4())


def test_the_same_request_again_gives_the_same_user(api, key):
    fields = new_fields()
    first = api.post(fields, idempotency_key=key)
    again = api.post(fields, idempotency_key=key)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    api.assert_unchanged(first.json())


def test_the_same_request_can_be_sent_many_times(api, key):
    fields = new_fields()
    assert len({api.post(fields, idempotency_key=key).json()["id"] for _ in range(5)}) == 1


def test_without_a_key_the_same_request_is_another_one(api):
    fields = new_fields()
    assert api.post(fields).status_code == 201
    assert_problem(api.post(fields), 409, "email_taken")


def test_another_key_makes_it_another_request(api, key):
    fields = new_fields()
    assert api.post(fields, idempotency_key=key).status_code == 201
    assert_problem(api.post(fields, idempotency_key=key + "x"), 409, "email_taken")


def test_a_key_belongs_to_one_body(api, key):
    fields, other = new_fields(), new_fields()
    user = api.post(fields, idempotency_key=key).json()
    assert_problem(api.post(other, idempotency_key=key), 422, "idempotency_key_reused")
    assert_problem(api.post({**fields, "name": "Eve"}, idempotency_key=key), 422, "idempotency_key_reused")
    api.assert_free(other["email"])
    api.assert_unchanged(user)


def test_keys_have_a_case(api, key):
    assert api.post(new_fields(), idempotency_key="k" + key).status_code == 201
    assert api.post(new_fields(), idempotency_key="K" + key).status_code == 201


def test_a_refused_request_does_not_use_up_its_key(api, user, key):
    assert_invalid(api.post({"name": "", "email": "x"}, idempotency_key=key), "name", "email")
    assert_problem(api.post(new_fields(email=user["email"]), idempotency_key=key), 409, "email_taken")
    assert_problem(api.post(b"{", idempotency_key=key), 400, "malformed_json")
    assert api.post(new_fields(), idempotency_key=key).status_code == 201


@pytest.mark.parametrize("size", [32, 254, 255])
def test_a_key_has_up_to_255_characters(api, key, size):
    fields = new_fields()
    long_key = (key * 8)[:size]
    first = api.post(fields, idempotency_key=long_key)
    assert first.status_code == 201
    assert api.post(fields, idempotency_key=long_key).json() == first.json()


def test_a_key_may_be_one_character(api):
    assert api.post({}, idempotency_key="k").json()["code"] == "validation_failed"


def test_any_visible_character_may_be_in_a_key(api, key):
    visible = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\')
    fields = new_fields()
    first = api.post(fields, idempotency_key=visible + key)
    assert first.status_code == 201
    assert api.post(fields, idempotency_key=visible + key).json() == first.json()


def test_a_key_may_be_a_quoted_string(api, key):
    fields = new_fields()
    first = api.post(fields, idempotency_key=f'"{key}"')
    assert first.status_code == 201
    assert api.post(fields, idempotency_key=f'"{key}"').json() == first.json()


BAD_KEYS = ["", '""', "k" * 256, "a b", "a\tb", "caf\xe9", "\x80", '"abc', '"a b', '"' + "k" * 256 + '"']


@pytest.mark.parametrize("bad_key", BAD_KEYS)
def test_a_malformed_key_is_refused(api, connect, bad_key):
    fields = new_fields()
    answer = connect().ask(request("POST", "/users", f"Idempotency-Key: {bad_key}", body=encode(fields)))
    assert answer.assert_problem(400)["code"] == "bad_idempotency_key"
    api.assert_free(fields["email"])


def test_many_at_once_make_one_user(api, base_url, key):
    fields = new_fields()
    clients = [Api(base_url) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda client: client.post(fields, idempotency_key=key), clients))
    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert made and all(user == made[0] for user in made)
    for answer in answers:
        if answer.status_code != 201:
            assert_problem(answer, 409, "idempotency_key_in_use")
    again = api.post(fields, idempotency_key=key)
    assert (again.status_code, again.json()) == (201, made[0])


def test_many_bodies_at_once_make_one_user(api, base_url):
    clients = [Api(base_url) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(ROUNDS):
            key = str(uuid.uuid4())
            bodies = [new_fields() for _ in clients]
            jobs = zip(clients, bodies)
            answers = list(pool.map(lambda job: job[0].post(job[1], idempotency_key=key), jobs))
            assert_one_winner(api, bodies, answers)


def assert_one_winner(api, bodies, answers):
    """One body made its own user; the others made nobody, and were told so."""
    for answer in answers:
        api.remember(answer)
    winners = [(body, answer) for body, answer in zip(bodies, answers) if answer.status_code == 201]
    assert len(winners) == 1
    assert winners[0][1].json()["email"] == winners[0][0]["email"]
    for body, answer in zip(bodies, answers):
        if answer.status_code != 201:
            assert answer.status_code in (409, 422), answer.text
            assert answer.json()["code"] in ("idempotency_key_reused", "idempotency_key_in_use")
            api.assert_free(body["email"])


def ask_all_at_once(connections, requests):
    for connection, raw in zip(connections, requests):
        connection.send(raw)
    return [connection.read_answer() for connection in connections]


def test_many_keys_at_once_are_not_mixed_up(api, connect):
    connections = [connect() for _ in range(64)]
    keys = [str(uuid.uuid4()) for _ in connections]
    bodies = [new_fields() for _ in connections]
    requests = [
        request("POST", "/users", f"Idempotency-Key: {key}", body=encode(body))
        for key, body in zip(keys, bodies)
    ]
    first = ask_all_at_once(connections, requests)
    assert [answer.status for answer in first] == [201] * len(first)
    api.made += [answer.json()["id"] for answer in first]
    assert [answer.json()["email"] for answer in first] == [body["email"] for body in bodies]
    again = ask_all_at_once(connections, requests)
    assert [(answer.status, answer.json()) for answer in again] == [(201, answer.json()) for answer in first]
    for key, body in zip(keys, bodies):
        other = {**body, "name": "Eve"}
        assert_problem(api.post(other, idempotency_key=key), 422, "idempotency_key_reused")
