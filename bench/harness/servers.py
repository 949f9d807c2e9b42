"""A contestant as a process: started, ready, stopped. Nothing of it outlives the one who started it."""

import contextlib
import http.client
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness.database import bare_environment
from harness.watch import memory_mib

from service_process import free_port

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 15
READY_AT_ONCE = 64


class StartError(Exception):
    """A line for the user."""


def start_bound_to_us(command, **options):
    """A process in a session of its own, for Ctrl-C is ours alone, that ends when we do."""
    return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *map(str, command)], start_new_session=True, **options)


@contextlib.contextmanager
def answered(port, path):
    """The response to one GET; its connection stays open for the with statement."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.closing(connection):
        connection.request("GET", path)
        yield connection.getresponse()


def status_of(port, path):
    """Of one GET; None while nobody listens."""
    with contextlib.suppress(OSError, http.client.HTTPException), answered(port, path) as response:
        return response.status
    return None


class Server:
    """with Server(contestant, url, 16) as server: server.base_url, server.pid"""

    def __init__(self, contestant, database_url, db_connections, *options, environment=None):
        self.contestant = contestant
        self.db_connections = db_connections
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.NamedTemporaryFile("w+", prefix="splits-bench-", suffix=".log")
        self.environment = (bare_environment() | {"PORT": str(self.port), "DATABASE_URL": database_url}
                            | contestant.connections_environment(db_connections) | contestant.environment
                            | (environment or {}))
        self.command = [contestant.program, *contestant.arguments, *options]

    def __enter__(self):
        self.process = start_bound_to_us(self.command, env=self.environment, stdin=subprocess.DEVNULL,
                                         stdout=self.log, stderr=self.log)
        try:
            self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        self._end()

    @property
    def pid(self):
        return self.process.pid

    def memory(self):
        return memory_mib(self.pid)

    def log_text(self):
        return Path(self.log.name).read_text(errors="replace")

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._is_ready():
                return
            time.sleep(0.01)
        lines = self.log_text().strip().splitlines() or ["no output"]
        raise StartError(f"{self.contestant.title} did not become ready: {lines[-1][:300]}")

    def _is_ready(self):
        """Of Splits each worker says so for itself, and connections that are open at once are spread over them."""
        if self.contestant.family != "c":
            return status_of(self.port, "/users/1") == 200
        with contextlib.ExitStack() as connections, contextlib.suppress(OSError, http.client.HTTPException):
            return all(connections.enter_context(answered(self.port, "/health/ready")).status == 200
                       for _ in range(READY_AT_ONCE))
        return False

    def _end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


NGINX_CONFIGURATION = """
worker_processes auto;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} reuseport backlog=8192;
        location / {{ return 200 '{{"status":"ok"}}'; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx():
    """Gives its base URL and process id."""
    with tempfile.TemporaryDirectory(prefix="splits-nginx-") as folder:
        port = free_port()
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, port=port))
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [program, "-e", "stderr", "-p", folder, "-c", configuration, "-g", "daemon off;"]
        process = start_bound_to_us(command, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_SECONDS_MAX
            while status_of(port, "/health") != 200:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise StartError("nginx did not start")
                time.sleep(0.01)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait()
