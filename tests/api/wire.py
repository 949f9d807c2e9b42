"""Raw HTTP/1.1 over a socket: sends any bytes, and reads answers strictly by RFC 9112."""

import json
import re
import socket
import time
from urllib.parse import urlsplit

ANSWER_TIMEOUT_S = 5
CLOSE_TIMEOUT_S = 2

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
ONCE_ONLY = {
    "content-length", "content-type", "date", "etag", "location", "transfer-encoding", "x-request-id",
}


class Answer:
    """One answer as it came."""

    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields  # (name in lower case, value), in order
        self.body = body

    def __repr__(self):
        return f"<Answer {self.status} {self.fields} {self.body[:300]!r}>"

    def header(self, name):
        """The field's value, lines joined by commas; None when absent."""
        values = [value for key, value in self.fields if key == name.lower()]
        return ", ".join(values) if values else None

    def json(self):
        return json.loads(self.body)

    def assert_problem(self, *statuses):
        assert self.status in statuses, self
        assert (self.header("content-type") or "").split(";")[0] == "application/problem+json", self
        problem = self.json()
        assert problem["status"] == self.status
        assert problem["code"]
        return problem

    def closes(self):
        options = (self.header("connection") or "").lower().split(",")
        return "close" in [option.strip() for option in options]


class Connection:
    """A TCP connection to the service."""

    def __init__(self, base_url):
        address = urlsplit(base_url)
        self.host = address.netloc
        self.socket = socket.create_connection(
            (address.hostname, address.port or 80), timeout=ANSWER_TIMEOUT_S
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def close(self):
        self.socket.close()

    def reset(self):
        """Goes away as a client that crashed does: with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was read; the answer tells

    def send_split(self, data, at, pause_s=0.001):
        """Sends data as two packets."""
        self.send(data[:at])
        time.sleep(pause_s)
        self.send(data[at:])

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def receive(self):
        """Takes more bytes in; False at the end of the stream."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.received += data
        return bool(data)

    def take(self, size):
        while len(self.received) < size:
            assert self.receive(), f"the stream ended early, after {self.received[:300]!r}"
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    def take_line(self):
        while b"\r\n" not in self.received:
            assert self.receive(), f"the stream ended early, after {self.received[:300]!r}"
        line, _, self.received = self.received.partition(b"\r\n")
        return line

    def read_fields(self):
        fields = []
        while line := self.take_line():
            match = FIELD_LINE.fullmatch(line)
            assert match, f"malformed field line {line!r}"
            fields.append((match[1].decode().lower(), match[2].decode("latin-1")))
        names = [name for name, _ in fields]
        repeated = {name for name in ONCE_ONLY if names.count(name) > 1}
        assert not repeated, f"repeated fields {repeated}"
        return fields

    def read_chunks(self):
        body = b""
        while size := int(self.take_line().split(b";")[0], 16):
            body += self.take(size)
            assert self.take_line() == b""
        self.read_fields()
        return body

    def read_body(self, status, fields, method):
        named = dict(fields)
        if method == "HEAD" or status < 200 or status in (204, 304):
            assert status != 204 or "content-length" not in named, "204 with Content-Length"
            return b""
        if named.get("transfer-encoding", "").lower() == "chunked":
            assert "content-length" not in named
            return self.read_chunks()
        assert "content-length" in named, f"{status} without Content-Length: {fields}"
        return self.take(int(named["content-length"]))

    def read_any_answer(self, method="GET"):
        """The next answer, 1xx among them."""
        line = self.take_line()
        match = STATUS_LINE.fullmatch(line)
        assert match, f"malformed status line {line!r}"
        status, fields = int(match[1]), self.read_fields()
        return Answer(status, fields, self.read_body(status, fields, method))

    def read_answer(self, method="GET"):
        """The next final answer."""
        answer = self.read_any_answer(method)
        while answer.status < 200:
            answer = self.read_any_answer(method)
        return answer

    def ask(self, data, method="GET"):
        self.send(data)
        return self.read_answer(method)

    def assert_closed(self, within_s=CLOSE_TIMEOUT_S):
        """Nothing more comes, and the service ends the connection soon."""
        self.socket.settimeout(within_s)
        try:
            self.receive()
        except TimeoutError:
            raise AssertionError(f"the connection is still open after {within_s} s") from None
        assert self.received == b"", f"bytes behind the last answer: {self.received[:300]!r}"

    def assert_open(self):
        """The connection still serves requests."""
        answer = self.ask(request("GET", "/health"))
        assert answer.status == 200, answer


def to_bytes(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")


def head(method, target, *lines, version="HTTP/1.1", host="service.example"):
    """A request head: str or bytes everywhere; host None leaves the Host line away."""
    parts = [b" ".join(to_bytes(part) for part in (method, target, version))]
    if host is not None:
        parts.append(b"Host: " + to_bytes(host))
    parts += [to_bytes(line) for line in lines]
    return b"\r\n".join(parts) + b"\r\n\r\n"


def request(method, target, *lines, body=None, **options):
    """A request; body adds its Content-Length and a JSON Content-Type."""
    if body is None:
        return head(method, target, *lines, **options)
    framing = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return head(method, target, *framing, *lines, **options) + body


def chunked_request(method, target, chunks, *lines, **options):
    """A request whose body is these raw bytes in chunked coding."""
    framing = ["Content-Type: application/json", "Transfer-Encoding: chunked"]
    return head(method, target, *framing, *lines, **options) + chunks


def chunk(data, size_format="%x", extension=b""):
    return (size_format % len(data)).encode() + extension + b"\r\n" + data + b"\r\n"


LAST_CHUNK = b"0\r\n\r\n"
