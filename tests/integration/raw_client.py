"""A client that sends bytes as it likes, and leaves as it likes."""

import contextlib
import json
import socket
import struct

from service import wait_until

ANSWER_SECONDS_MAX = 20


class RawAnswer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        fields = (line.split(": ", 1) for line in lines[1:])
        self.headers = {name.lower(): value for name, value in fields}
        self.body = body

    def closes(self):
        return self.headers.get("connection", "").lower() == "close"

    @property
    def code(self):
        """A problem's code; None for what is no problem."""
        return json.loads(self.body)["code"] if self.status >= 400 else None


class RawClient:
    def __init__(self, service, receive_buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(ANSWER_SECONDS_MAX)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.received = b""
        try:
            self.socket.connect(("127.0.0.1", service.port))
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def get(self, path, *fields):
        lines = [f"GET {path} HTTP/1.1", "Host: a", *fields, "", ""]
        self.send("\r\n".join(lines).encode("latin-1"))

    def post(self, path, value, *fields):
        body = json.dumps(value)
        lines = [f"POST {path} HTTP/1.1", "Host: a", "Content-Type: application/json", f"Content-Length: {len(body)}",
                 *fields, "", body]
        self.send("\r\n".join(lines).encode("latin-1"))

    def receive(self):
        """Takes more bytes in; False at the end."""
        data = self.socket.recv(65536)
        self.received += data
        return bool(data)

    def answer(self):
        """The next answer."""
        while b"\r\n\r\n" not in self.received:
            assert self.receive(), f"no answer but an end, after {self.received[:200]!r}"
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        answer = RawAnswer(head, b"")
        size = int(answer.headers.get("content-length", 0))
        while len(self.received) < size:
            assert self.receive(), f"the answer ended early, after {head!r}"
        answer.body, self.received = self.received[:size], self.received[size:]
        return answer

    def ask(self, path, *fields):
        self.get(path, *fields)
        return self.answer()

    def expect_end(self):
        """The service closes, and says nothing more."""
        assert not self.receive(), self.received[:200]

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Goes away as a client that crashed."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.socket.close()


def taken(service):
    """A connection that the service has taken; None when it had no room for it."""
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(RawClient(service))
        if client.ask("/health").status != 200:
            return None
        stack.pop_all()
        return client


def fill(service, stack, connections_max):
    """Takes all connections that the service may have, also those that are just about to be freed."""
    for _ in range(connections_max):
        stack.enter_context(wait_until(lambda: taken(service), what="room for a connection"))
