"""Clients that take too long: every deadline is a total, a byte now and then does not stretch it."""

import time
from concurrent.futures import ThreadPoolExecutor

from client import encode, new_fields
from wire import chunk, chunked_request, head, request

PATIENCE_S = 40
DRIP_S = 0.2


def drip(connection, first, drops):
    """Sends first, then drops one by one until something comes back; gives the answer."""
    connection.send(first)
    connection.socket.settimeout(DRIP_S)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        connection.send(next(drops))
        try:
            connection.receive()
            break
        except TimeoutError:
            continue
    return connection.read_answer()


def forever(drop):
    while True:
        yield drop


def test_slow_clients_are_told_that_time_is_up(connect, api):
    fields = new_fields()
    body = encode(fields)
    length = f"Content-Length: {len(body) + 1000}"
    slow = [
        (b"GET /health HT", forever(b"")),
        (b"GET /", forever(b"x")),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX-Header: ", forever(b"x")),
        (head("POST", "/users", "Content-Type: application/json", length) + body, forever(b" ")),
        (head("POST", "/users", "Content-Type: application/json", length), forever(b"")),
        (chunked_request("POST", "/users", chunk(body)), forever(chunk(b" "))),
    ]
    connections = [connect() for _ in slow]
    with ThreadPoolExecutor(len(slow)) as pool:
        answers = list(pool.map(lambda job: drip(job[0], *job[1]), zip(connections, slow)))
    for answer, connection in zip(answers, connections):
        answer.assert_problem(408)
        connection.assert_closed()
    api.assert_free(fields["email"])


def test_a_client_that_reads_late_gets_everything(connect):
    connection = connect()
    connection.send(request("GET", "/users?limit=20") * 50)
    time.sleep(0.5)
    for _ in range(50):
        assert connection.read_answer().status == 200
