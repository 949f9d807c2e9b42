"""The service as a process of a test's own.

    with Service(url, "--workers=1") as service:
        service.wait_until_ready()
        answer = service.get("/users/1")

Nothing of it outlives the test. Requests go over one connection each, or over a kept one in a Client.
"""

import contextlib
import functools
import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from postgres import free_port

BINARY = os.environ.get("SPLITS_BINARY", "build/splits")
MIGRATIONS = Path(__file__).parents[2] / "migrations"
READY_SECONDS_MAX = 20
STOP_SECONDS_MAX = 30
PHASES = ("read", "parse", "queue", "db", "json", "send", "other") # of a request's ledger
SERVER_TIMING = re.compile(r"(\w+);dur=(\d+)\.(\d{3})(?:, |$)")
ANSWER_SECONDS_MAX = 20


def clean_environment():
    """Without the variables that set something for the program under test, or for libpq."""
    foreign = re.compile("SPLITS_|PG|DATABASE_URL|PORT$")
    return {name: value for name, value in os.environ.items() if not foreign.match(name)}


def migrate(url, folder=MIGRATIONS):
    command = [BINARY, "migrate", "up", f"--database-url={url}", f"--migrations-dir={folder}"]
    subprocess.run(command, env=clean_environment(), check=True, capture_output=True, timeout=60)


def wait_until(condition, seconds=10, what="it"):
    """Asks again and again; gives what condition gave at last, or fails."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)


class Answer:
    def __init__(self, response, body, seconds):
        self.status = response.status
        self.headers = response.headers
        self.body = body
        self.seconds = seconds

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """A problem's code; None for what is no problem."""
        return self.json()["code"] if self.status >= 400 else None

    @property
    def retry_after(self):
        value = self.headers["Retry-After"]
        return int(value) if value else None

    @property
    def timing_us(self):
        """Server-Timing as a dict; None without it."""
        entries = SERVER_TIMING.findall(self.headers["Server-Timing"] or "")
        return {name: int(whole) * 1000 + int(part) for name, whole, part in entries} or None

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r} after {self.seconds:.3f} s>"


class Client:
    """One kept connection; not for several threads."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS_MAX)

    def request(self, method, path, value=None, **headers):
        body = None
        headers = {name.replace("_", "-"): field for name, field in headers.items()}
        if value is not None:
            body = json.dumps(value)
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        start = time.monotonic()
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return Answer(response, response.read(), time.monotonic() - start)

    def close(self):
        self.connection.close()


class Service:
    def __init__(self, database_url, *options, migrations=MIGRATIONS, environment=None, stderr=None,
                 listens=True, passes_url=True, prefix=()):
        """
        stderr: a descriptor that takes the log's place; then nothing of the log is seen here.
        listens: on self.port, as far as is known here.
        prefix: what stands before the command, and becomes it.
        passes_url: else the environment says where the database is.
        """
        self.listens = listens
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile("w+")
        # A session of its own: Ctrl-C must reach the tests alone, which then stop the service.
        self.process = subprocess.Popen(
            [*prefix, BINARY, "serve", f"--port={self.port}", "--admin-port=0",
             *([f"--database-url={database_url}"] if passes_url else []), f"--migrations-dir={migrations}", "--log-format=json", *options],
            env=clean_environment() | (environment or {}), stdin=subprocess.DEVNULL,
            stderr=self.log if stderr is None else stderr, start_new_session=True,
        )

    def __enter__(self):
        if self.listens:
            wait_until(self.is_listening, READY_SECONDS_MAX, "the start")
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        text = self.log_text()
        self.log.close()
        if kind is not None:
            print(text[-4000:])
        else:
            assert code == 0, f"the service ended with exit code {code}:\n{text[-4000:]}"

    def terminate(self, number=signal.SIGTERM):
        """Sends a signal and waits for the end; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS_MAX)

    def is_listening(self):
        assert self.process.poll() is None, f"the service did not start:\n{self.log_text()}"
        try:
            return self.get("/health").status == 200
        except OSError:
            return False

    def is_ready(self):
        return self.get("/health/ready").status == 200

    def wait_until_ready(self, seconds=READY_SECONDS_MAX):
        """Ready, on every worker: connections that are open at once are spread over them evenly."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.client()) for _ in range(4)]
            wait_until(
                lambda: all(client.request("GET", "/health/ready").status == 200 for client in clients),
                seconds, "readiness",
            )

    def wait_until_unready(self, seconds):
        return wait_until(lambda: not self.is_ready(), seconds, "an unready answer")

    def log_text(self):
        # By its own offset: the service writes at that of the shared file.
        size = os.fstat(self.log.fileno()).st_size
        return os.pread(self.log.fileno(), size, 0).decode("utf-8", "replace")

    def events(self):
        """The names of the events logged so far, in order."""
        return [json.loads(line)["event"] for line in self.log_text().splitlines() if line.startswith("{")]

    def records(self, event):
        """The log lines of one event so far, as dicts; every line of the log must be a JSON object."""
        records = [json.loads(line) for line in self.log_text().split("\n")[:-1]]
        return [record for record in records if record["event"] == event]

    def request_record(self, request_id):
        """The log line of one request, with --access-log=all; it comes a moment after the answer."""
        return wait_until(lambda: [record for record in self.records("request") if record["request_id"] == request_id],
                          what=f"the log line of {request_id}")[0]

    def wait_for_record(self, event, count=1):
        """The count-th log line of this event."""
        return wait_until(lambda: self.records(event)[count - 1:], what=f"event {event}")[0]

    @functools.cached_property
    def admin_port(self):
        return self.wait_for_record("server_started")["admin_port"]

    def admin(self, path):
        """The answer to GET path of the admin listener."""
        client = Client(self.admin_port)
        try:
            return client.request("GET", path)
        finally:
            client.close()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_bytes(self):
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @contextlib.contextmanager
    def client(self):
        client = Client(self.port)
        try:
            yield client
        finally:
            client.close()

    def request(self, method, path, value=None, **headers):
        with self.client() as client:
            return client.request(method, path, value, **headers)

    def get(self, path):
        return self.request("GET", path)

    def create(self, email, name="Ada", **headers):
        return self.request("POST", "/users", {"name": name, "email": email}, **headers)


class Background:
    """Runs function(*arguments) on a thread; result() waits for what it gives, or raises what it raised."""

    def __init__(self, function, *arguments, **named):
        self._outcome = None
        self._error = None
        self._thread = threading.Thread(target=self._run, args=(function, arguments, named), daemon=True)
        self._thread.start()

    def _run(self, function, arguments, named):
        try:
            self._outcome = function(*arguments, **named)
        except BaseException as error:  # raised again in the thread that asks
            self._error = error

    def is_done(self):
        return not self._thread.is_alive()

    def result(self):
        self._thread.join(60)
        assert self.is_done(), "a request of the background never ended"
        if self._error:
            raise self._error
        return self._outcome


class Load:
    """Clients that ask without a pause until the end of the with statement; answers keeps what they got.

    ask(client, number) makes one request; number is different each time.
    """

    def __init__(self, service, ask, clients=4):
        self.answers = []
        self._ask = ask
        self._service = service
        self._ends = threading.Event()
        self._clients = [Background(self._run, index, clients) for index in range(clients)]

    def _run(self, index, step):
        number = index
        with self._service.client() as client:
            while not self._ends.is_set():
                self.answers.append(self._ask(client, number))
                number += step

    def __enter__(self):
        self.wait_for_more(20)
        return self

    def wait_for_more(self, count=50):
        """Until so many more answers are there."""
        target = len(self.answers) + count
        wait_until(lambda: len(self.answers) >= target or any(c.is_done() for c in self._clients), 30, "the load")

    def __exit__(self, kind, *_):
        self._ends.set()
        for client in self._clients:
            if kind is None:
                client.result()

    def statuses(self):
        return {answer.status for answer in self.answers}
