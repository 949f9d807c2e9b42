"""The proxy that puts PostgreSQL further away, between clients of these tests and a real server or a socket of their own."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

import psycopg2
import pytest

from postgres import free_port

PROXY = os.environ.get("DELAY_PROXY", "build/delay_proxy")
SOCKET = ".s.PGSQL.5432" # as PostgreSQL calls it: a client asks for host=/folder
LATE_MS_MAX = 5          # beyond the delay; loosely, for machines that are busy
SIZE = 3_000_000


@contextlib.contextmanager
def delay_proxy(listen, target, delay_ms=0):
    process = subprocess.Popen([PROXY, str(listen), str(target), str(round(delay_ms * 1000))],
                               stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with process.stdout:
            assert process.wait(10) == 0


@pytest.fixture
def server(tmp_path):
    """A server's listening socket, at tmp_path / "server"."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "server"))
        listener.listen()
        listener.settimeout(10)
        yield listener


@contextlib.contextmanager
def connection(folder, server, delay_ms=0):
    """Gives both ends of a connection through the proxy."""
    with delay_proxy(folder / SOCKET, folder / "server", delay_ms), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(folder / SOCKET))
        client.settimeout(10)
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(10)
            yield client, accepted


def received(end):
    """Everything until the end."""
    return b"".join(iter(lambda: end.recv(1 << 16), b""))


def round_trip_ms(url, count=20):
    """The median of SELECT 1."""
    times = []
    with contextlib.closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
        for _ in range(count):
            started = time.perf_counter()
            cursor.execute("SELECT 1")
            times.append((time.perf_counter() - started) * 1000)
    return sorted(times)[count // 2]


@pytest.mark.parametrize("delay_ms", (0, 10))
def test_a_large_result_arrives_whole_and_in_order(shared, tmp_path, delay_ms):
    with delay_proxy(tmp_path / SOCKET, shared.server.folder / SOCKET, delay_ms):
        url = shared.url.replace(str(shared.server.folder).replace("/", "%2F"), str(tmp_path))
        assert str(tmp_path) in url
        with contextlib.closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
            cursor.execute("SELECT repeat(i::text, 100) FROM generate_series(1, 100000) i")
            assert all(text == str(i) * 100 for i, (text,) in enumerate(cursor, 1))
            assert cursor.rowcount == 100000


@pytest.mark.parametrize("delay_ms", (1, 15))
def test_a_round_trip_takes_longer_by_the_delay(shared, tmp_path, delay_ms):
    direct = round_trip_ms(shared.url)
    with delay_proxy(tmp_path / SOCKET, shared.server.folder / SOCKET, delay_ms):
        url = shared.url.replace(str(shared.server.folder).replace("/", "%2F"), str(tmp_path))
        added = round_trip_ms(url) - direct
    assert delay_ms - 0.1 <= added <= delay_ms + LATE_MS_MAX


def test_many_requests_are_under_way_at_once(server, tmp_path):
    with connection(tmp_path, server, delay_ms=100) as (client, accepted):
        started = time.monotonic()
        for number in range(20):
            client.sendall(bytes([number]))
            time.sleep(0.005)
        numbers = b""
        while len(numbers) < 20:
            numbers += accepted.recv(100)
        assert numbers == bytes(range(20))
        assert 0.14 <= time.monotonic() - started <= 0.6 # 20 delays of 50 ms, one after the other, were a second


def test_bytes_arrive_whole_through_a_slow_reader(server, tmp_path):
    sent = os.urandom(SIZE) * 4 # more than the proxy holds
    with connection(tmp_path, server, delay_ms=1) as (client, accepted):
        sender = threading.Thread(target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR)))
        sender.start()
        time.sleep(0.3)
        assert sender.is_alive() # it waits for the reader
        assert received(accepted) == sent
        sender.join()


def test_both_directions_are_their_own(server, tmp_path):
    there, back = os.urandom(SIZE), os.urandom(SIZE)
    with connection(tmp_path, server, delay_ms=2) as (client, accepted):
        def talk(end, what):
            end.sendall(what)
            end.shutdown(socket.SHUT_WR)

        threads = [threading.Thread(target=talk, args=pair) for pair in ((client, there), (accepted, back))]
        got = {}
        threads += [threading.Thread(target=lambda: got.update(there=received(accepted))),
                    threading.Thread(target=lambda: got.update(back=received(client)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert got == {"there": there, "back": back}


@pytest.mark.parametrize("who", ("client", "server"))
def test_a_connection_ends_when_either_side_closes(server, tmp_path, who):
    with connection(tmp_path, server, delay_ms=50) as ends:
        closing, other = ends if who == "client" else reversed(ends)
        closing.sendall(b"the last words")
        started = time.monotonic()
        closing.close()
        assert received(other) == b"the last words"
        assert time.monotonic() - started >= 0.02 # the end is delayed as the words are


def test_one_side_may_end_and_go_on_listening(server, tmp_path):
    with connection(tmp_path, server) as (client, accepted):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert received(accepted) == b"question"
        accepted.sendall(b"answer")
        accepted.close()
        assert received(client) == b"answer"


def test_a_client_goes_away_with_much_unread(server, tmp_path):
    with connection(tmp_path, server, delay_ms=5) as (client, accepted):
        accepted.settimeout(None)
        client.close()
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(1000):
                accepted.sendall(bytes(100_000))


def test_a_client_is_sent_away_when_there_is_no_server(tmp_path):
    with delay_proxy(tmp_path / SOCKET, tmp_path / "nobody"), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / SOCKET))
        assert client.recv(1) == b""


def test_it_listens_at_a_port_too(server, tmp_path):
    port = free_port()
    with delay_proxy(port, tmp_path / "server"), socket.create_connection(("127.0.0.1", port), 10) as client:
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"over TCP")
            assert accepted.recv(100) == b"over TCP"


def test_it_leaves_no_socket_behind(server, tmp_path):
    with connection(tmp_path, server):
        assert (tmp_path / SOCKET).exists()
    assert not (tmp_path / SOCKET).exists()


@pytest.mark.parametrize("arguments", ((), ("listen", "target"), ("listen", "target", "1ms"), ("x" * 200, "target", "1")))
def test_wrong_arguments_are_refused(arguments):
    result = subprocess.run([PROXY, *arguments], capture_output=True, text=True, timeout=10)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: ")


def test_a_path_in_use_is_one_line(tmp_path):
    (tmp_path / SOCKET).touch()
    result = subprocess.run([PROXY, str(tmp_path / SOCKET), "target", "0"], capture_output=True, text=True, timeout=10)
    assert result.returncode == 1
    assert result.stderr == f"delay_proxy: {tmp_path / SOCKET}: Address already in use\n"
