"""Talks to the service through `requests`, and says what an answer must be."""

import json
import uuid

import requests

JSON = "application/json"
PROBLEM = "application/problem+json"
MERGE_PATCH = "application/merge-patch+json"
TIMEOUT_S = 10

USER_MEMBERS = {"id", "name", "email", "created_at", "updated_at", "version"}
ID_MAX = 2**63 - 1


def new_email():
    return f"{uuid.uuid4().hex}@tests.example"


def new_fields(**members):
    return {"name": "Ada Lovelace", "email": new_email(), **members}


def encode(document):
    return json.dumps(document, ensure_ascii=False).encode()


class Api:
    """One client. Remembers the users that it made, so that they can be removed again."""

    def __init__(self, base_url):
        self.base_url = base_url.rstrip("/")
        self.session = requests.Session()
        self.session.trust_env = False
        self.made = []

    def call(self, method, path, **options):
        return self.session.request(
            method, self.base_url + path, timeout=TIMEOUT_S, allow_redirects=False, **options
        )

    def get(self, path, **headers):
        return self.call("GET", path, headers=header_names(headers))

    def send(self, method, path, body, content_type=JSON, **headers):
        """Sends body: bytes as they are, anything else as JSON."""
        fields = header_names(headers)
        if content_type is not None:
            fields["Content-Type"] = content_type
        content = body if isinstance(body, bytes) else encode(body)
        answer = self.call(method, path, data=content, headers=fields)
        self.remember(answer)
        return answer

    def post(self, body, content_type=JSON, **headers):
        return self.send("POST", "/users", body, content_type, **headers)

    def put(self, user_id, body, content_type=JSON, **headers):
        return self.send("PUT", f"/users/{user_id}", body, content_type, **headers)

    def patch(self, user_id, body, content_type=MERGE_PATCH, **headers):
        return self.send("PATCH", f"/users/{user_id}", body, content_type, **headers)

    def delete(self, user_id, **headers):
        return self.call("DELETE", f"/users/{user_id}", headers=header_names(headers))

    def remember(self, answer):
        if answer.status_code == 201 and media_type(answer) == JSON:
            self.made.append(answer.json()["id"])

    def create(self, **members):
        answer = self.post(new_fields(**members))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def read(self, user_id):
        answer = self.get(f"/users/{user_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def page(self, query):
        answer = self.get(f"/users?{query}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def assert_alive(self):
        answer = self.get("/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    def assert_unchanged(self, user):
        assert self.read(user["id"]) == user

    def assert_free(self, email):
        """Nobody has this address: it can still be given to a user."""
        answer = self.post({"name": "Somebody Else", "email": email})
        assert answer.status_code == 201, f"{email} was taken: {answer.text}"

    def tidy_up(self):
        """Removes what was made; a server that knows no DELETE keeps it."""
        for user_id in self.made:
            self.delete(user_id)
        self.made.clear()


def header_names(keywords):
    """if_match=… becomes If-Match: …; None leaves it away."""
    return {name.replace("_", "-").title(): value for name, value in keywords.items() if value is not None}


def media_type(answer):
    return answer.headers.get("Content-Type", "").split(";")[0].strip().lower()


def assert_user(user, **members):
    assert set(user) == USER_MEMBERS
    assert {name: user[name] for name in members} == members


def assert_problem(answer, status, code=None):
    """The answer is a problem (RFC 9457) with this status; gives its members."""
    assert answer.status_code == status, answer.text
    assert media_type(answer) == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"] and isinstance(problem["title"], str)
    assert problem["code"] and isinstance(problem["code"], str)
    if code is not None:
        assert problem["code"] == code
    return problem


def assert_invalid(answer, *fields):
    """422, and the errors name exactly these fields."""
    problem = assert_problem(answer, 422, "validation_failed")
    assert all(error["reason"] for error in problem["errors"])
    assert {error["field"] for error in problem["errors"]} == set(fields)
    return problem
