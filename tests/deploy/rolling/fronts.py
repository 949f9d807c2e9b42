"""What stands between clients and instances: HAProxy as it is shipped, and what a Service of Kubernetes does."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

SHIPPED = Path(__file__).parents[3] / "deploy/haproxy/haproxy.cfg"
START_SECONDS_MAX = 10
PLACES = ("one", "two", "three") # of instances; the third for a new one beside two old ones

# Connections are spread, not requests; nothing is tried again; nobody asks the instances how they are. Places are
# opened and closed from outside, as endpoints are by the cluster. A closed place keeps its connections.
KUBERNETES = """
global
    maxconn 2000
    stats socket {socket} mode 600 level admin
defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
    retries 0
frontend api
    bind 127.0.0.1:{port}
    default_backend splits
backend splits
    balance roundrobin
{servers}
"""


def program():
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")


taken_ports = set()


def free_port():
    """Below the ports of outgoing connections, one of which would keep an instance from coming back."""
    for port in range(21000 + os.getpid() % 1000 * 10, 32000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in taken_ports:
                taken_ports.add(port)
                return port
    raise RuntimeError("no port is free")


class Front:
    """An HAProxy on loopback, with a place for each of the ports."""

    def __init__(self, ports):
        self.folder = Path(tempfile.mkdtemp(prefix="splits-haproxy-"))
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.socket = self.folder / "admin.sock"
        self.log = open(self.folder / "log", "w+b")
        self.file = self.folder / "haproxy.cfg"
        self.file.write_text(self.configuration(dict(zip(PLACES, ports))), encoding="utf-8")
        self.process = subprocess.Popen([program(), "-db", "-f", self.file], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, start_new_session=True)

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.socket.exists() or not self.is_listening():
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "log").read_text()
                self.__exit__()
                raise RuntimeError(f"HAProxy did not start:\n{text}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder)

    def is_listening(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def command(self, text):
        """Gives the answer of HAProxy's admin socket."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.socket))
            admin.sendall(text.encode() + b"\n")
            return b"".join(iter(lambda: admin.recv(65536), b"")).decode()

    def states(self):
        """What HAProxy thinks of each place: UP, DOWN, DRAIN, MAINT …"""
        rows = [line.split(",") for line in self.command("show stat").splitlines()]
        column = rows[0].index("status")
        return {row[1]: row[column].split()[0] for row in rows[1:] if row[0] == "splits" and row[1] in PLACES}

    def configuration(self, ports):
        raise NotImplementedError

    def open(self, place):
        """The instance there is ready: from now on it gets requests. Returns when it does."""

    def close(self, place):
        """The instance there is about to be stopped. Returns at once."""


class Haproxy(Front):
    """The configuration that is shipped, but for addresses. It finds out for itself who is ready."""

    def configuration(self, ports):
        text = SHIPPED.read_text(encoding="utf-8")
        servers = "".join(f"    server {place} 127.0.0.1:{port}\n" for place, port in ports.items())
        changes = {
            "    log /dev/log local0\n": "",
            "    user haproxy\n    group haproxy\n": "",
            "    maxconn 20000\n": "    maxconn 2000\n",
            "/run/haproxy/admin.sock mode 660": f"{self.socket} mode 600",
            "    bind :80\n": f"    bind 127.0.0.1:{self.port}\n",
            "    bind 127.0.0.1:8404\n": f"    bind 127.0.0.1:{free_port()}\n",
            "    server one 192.0.2.11:8080\n    server two 192.0.2.12:8080\n": servers,
        }
        for old, new in changes.items():
            assert text.count(old) == 1, f"{SHIPPED.name} has changed: {old}"
            text = text.replace(old, new)
        return text

    def open(self, place):
        deadline = time.monotonic() + START_SECONDS_MAX
        while self.states()[place] != "UP":
            assert time.monotonic() < deadline, f"HAProxy never noticed that {place} is ready: {self.states()}"
            time.sleep(0.05)


class KubernetesService(Front):
    """Who is ready is told from outside; that a place closes is known some time after it was said."""

    LAG_SECONDS = 1.0

    def __init__(self, ports):
        self.removals = []
        super().__init__(ports)

    def __exit__(self, *exception):
        for removal in self.removals:
            removal.cancel()
            removal.join()
        super().__exit__(*exception)

    def configuration(self, ports):
        servers = "\n".join(f"    server {place} 127.0.0.1:{port} disabled" for place, port in ports.items())
        return KUBERNETES.format(socket=self.socket, port=self.port, servers=servers)

    def open(self, place):
        self.command(f"set server splits/{place} state ready")

    def close(self, place):
        removal = threading.Timer(self.LAG_SECONDS, self.command, [f"set server splits/{place} state drain"])
        removal.start()
        self.removals.append(removal)

