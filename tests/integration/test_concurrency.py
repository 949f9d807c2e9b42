"""Everything at once, for a few seconds: what sanitizers, and the service's own assertions, watch."""

import contextlib
import itertools
import random
import re
import threading
import time

from raw_client import RawClient
from service import Background, Service

SECONDS = 4
SANITIZER_REPORT = re.compile(r"(ERROR|WARNING|SUMMARY): \w+Sanitizer|runtime error:")
NUMBERS = itertools.count()  # no two users have one e-mail address
JSON = "Content-Type: application/json"


def request(method, path, body=b"", *fields):
    lines = [f"{method} {path} HTTP/1.1", "Host: a", *fields]
    if body:
        lines += [JSON, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(method, path, body, size):
    chunks = b"".join(b"%x;n=v\r\n%b\r\n" % (len(piece), piece)
                      for piece in (body[at : at + size] for at in range(0, len(body), size)))
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode("latin-1") + chunks + b"0\r\n\r\n"


class Traffic:
    """What one client does: each function a use of one connection."""

    def __init__(self, service, seed, ends):
        self.service = service
        self.random = random.Random(seed)
        self.ends = ends

    def run(self):
        kinds = [self.read, self.list, self.write, self.err, self.pipeline, self.send_chunked, self.vanish,
                 self.send_slowly, self.leave_early]
        while not self.ends.is_set():
            with RawClient(self.service) as client:
                self.random.choice(kinds)(client)

    def body(self):
        return b'{"name":"Load","email":"%d@load.example"}' % next(NUMBERS)

    def expect(self, client, data, *statuses):
        client.send(data)
        answer = client.answer()
        assert answer.status in statuses, (data[:200], answer.status, answer.body[:300])
        return answer

    def user(self):
        return f"/users/{self.random.randrange(1, 1300)}"

    def read(self, client):
        for _ in range(20):
            self.expect(client, request("GET", self.user()), 200, 404)
            self.expect(client, request("GET", "/health/ready"), 200)

    def list(self, client):
        for limit in (1, 20, 200, 1000):
            self.expect(client, request("GET", f"/users?limit={limit}"), 200)

    def write(self, client):
        for _ in range(5):
            place = self.expect(client, request("POST", "/users", self.body()), 201).headers["location"]
            self.expect(client, request("PUT", place, self.body()), 200)
            self.expect(client, request("GET", place, b"", 'If-None-Match: "1"'), 200)
            self.expect(client, request("DELETE", place), 204)

    def err(self, client):
        self.expect(client, request("GET", "/nowhere"), 404)
        self.expect(client, request("POST", "/users", b"{"), 400)
        self.expect(client, request("POST", "/users", b'{"name":"","email":"no"}'), 422)
        self.expect(client, request("DELETE", "/users"), 405)
        self.expect(client, b"GET / HTTP/1.1\r\n\r\n", 400)

    def pipeline(self, client):
        client.send(b"".join(request("GET", self.user()) for _ in range(10)) + request("GET", "/health"))
        assert {client.answer().status for _ in range(11)} <= {200, 404}

    def send_chunked(self, client):
        place = self.expect(client, chunked("POST", "/users", self.body(), 7), 201).headers["location"]
        self.expect(client, chunked("PUT", place, self.body() + b" " * 9000, 1000), 200)
        self.expect(client, request("DELETE", place), 204)

    def vanish(self, client):
        client.send(request("GET", "/users?limit=1000") + request("POST", "/users", self.body()))
        if self.random.random() < 0.5:
            time.sleep(self.random.random() / 100)
        client.reset()

    def leave_early(self, client):
        client.send(request("POST", "/users", self.body())[: self.random.randrange(150)])
        if self.random.random() < 0.5:
            client.half_close()
            with contextlib.suppress(ConnectionResetError):
                while client.receive():
                    pass

    def send_slowly(self, client):
        data = request("GET", self.user())
        for at in range(0, len(data), 9):
            client.send(data[at : at + 9])
            time.sleep(0.001)
        assert client.answer().status in (200, 404)


def run_traffic(service, seconds, clients=12):
    ends = threading.Event()
    running = [Background(Traffic(service, seed, ends).run) for seed in range(clients)]
    time.sleep(seconds)
    ends.set()
    for client in running:
        client.result()


def check_end(service):
    assert service.terminate() == 0, service.log_text()[-4000:]
    assert not SANITIZER_REPORT.search(service.log_text()), service.log_text()[-8000:]
    assert "request_bypassed_gate" not in service.events()


def test_a_mix_of_all_traffic_at_once(shared):
    with Service(shared.url, "--workers=3", "--db-connections=3", "--access-log=all") as service:
        service.wait_until_ready()
        run_traffic(service, SECONDS)
        check_end(service)


def test_a_stop_in_the_middle_of_all_traffic(shared):
    """Clients may fail here: what counts is how the service ends."""
    with Service(shared.url, "--workers=3", "--db-connections=3", "--grace-period-ms=3000") as service:
        service.wait_until_ready()
        ends = threading.Event()
        running = [Background(Traffic(service, seed, ends).run) for seed in range(12)]
        time.sleep(1)
        check_end(service)
        ends.set()
        for client in running:
            with contextlib.suppress(OSError, AssertionError):
                client.result()


def test_blocking_mode_takes_the_same_traffic(shared):
    with Service(shared.url, "--workers=3", "--db-mode=blocking", "--db-connections=1") as service:
        service.wait_until_ready()
        run_traffic(service, SECONDS / 2)
        check_end(service)
