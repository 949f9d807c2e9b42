"""What must happen when the service refuses a message whole."""

from client import encode, new_email
from wire import request


class Refusal:
    """refuse(raw, 400): raw is answered by one problem with that status, and then the connection is closed.

    A sound POST is sent right behind raw, as a smuggler would: it must never be executed.
    """

    def __init__(self, api, connect):
        self.api = api
        self.connect = connect

    def __call__(self, raw, *statuses, method="GET"):
        email = new_email()
        connection = self.connect()
        connection.send(raw + request("POST", "/users", body=encode({"name": "Smuggled", "email": email})))
        answer = connection.read_answer(method)
        if method != "HEAD":
            answer.assert_problem(*statuses)
        assert answer.status in statuses, answer
        assert answer.header("x-request-id"), answer
        connection.assert_closed()
        self.api.assert_free(email)
        return answer
