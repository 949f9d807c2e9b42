"""Which requests HAProxy sends again: what stands behind it is ready, and hangs up on every request for users."""

import collections
import contextlib
import http.client
import http.server
import json
import socket
import threading
import time

import fronts
import pytest

pytestmark = pytest.mark.skipif(not fronts.program(), reason="needs haproxy")

REPEATED = [
    ("GET", {}),
    ("HEAD", {}),
    ("PUT", {}),
    ("DELETE", {}),
    ("POST", {"Idempotency-Key": '"1"'}),
]
SENT_ONCE = [
    ("POST", {}),
    ("PATCH", {}),
    ("PATCH", {"Idempotency-Key": '"1"'}), # which means nothing there
    ("PUT", {"If-Match": '"1"'}),
    ("DELETE", {"If-Match": '"1"'}),
    ("POST", {"Idempotency-Key": '"1"', "If-Match": '"1"'}),
]


class HangsUp(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.path == "/health/ready":
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.rfile.read(int(self.headers["Content-Length"] or 0)) # else the connection would be reset
        self.server.seen[self.headers["X-Request-Id"]] += 1
        self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = do_PATCH = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def front():
    """A new one for each test: after some errors HAProxy takes an instance for dead."""
    seen = collections.Counter()
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(2):
            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), HangsUp))
            server.seen = seen
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.shutdown)
            ports.append(server.server_port)
        front = stack.enter_context(fronts.Haproxy(ports))
        front.seen = seen
        yield front


def ask(front, method, headers, request_id):
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    with contextlib.closing(connection):
        body = json.dumps({"name": "Ada"}) if method in ("PUT", "POST", "PATCH") else None
        connection.request(method, "/users/1", body, {"X-Request-Id": request_id, **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")


@pytest.mark.parametrize(("method", "headers"), REPEATED)
def test_what_is_the_same_twice_is_sent_again(front, method, headers):
    status, _ = ask(front, method, headers, "again")
    assert status == 502
    assert front.seen["again"] == 4 # three retries


@pytest.mark.parametrize(("method", "headers"), [("PUT", {}), ("POST", {"Idempotency-Key": '"1"'})])
def test_so_is_what_comes_in_pieces(front, method, headers):
    """Only what HAProxy has whole it can send again."""
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as client:
        lines = [f"{method} /users/1 HTTP/1.1", "Host: a", "X-Request-Id: pieces", "Content-Length: 2",
                 *(f"{name}: {value}" for name, value in headers.items())]
        client.sendall("\r\n".join([*lines, "\r\n"]).encode())
        time.sleep(0.3)
        client.sendall(b"{}")
        assert client.recv(100).startswith(b"HTTP/1.1 502")
    assert front.seen["pieces"] == 4


@pytest.mark.parametrize(("method", "headers"), SENT_ONCE)
def test_what_may_not_be_the_same_twice_is_sent_once(front, method, headers):
    status, problem = ask(front, method, headers, "once")
    assert status == 502
    assert (problem["code"], problem["outcome"]) == ("no_answer", "unknown")
    assert front.seen["once"] == 1
