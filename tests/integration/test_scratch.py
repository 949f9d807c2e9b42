"""The program as process 1 in an image from scratch: a read-only root with itself, its libraries and the migrations.

There is no shell, /tmp, /proc, /etc and HOME, and nobody has the user's number. Needs root, for the namespaces.
"""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from postgres import PostgresServer, free_port
from service import BINARY, MIGRATIONS, Client, migrate, wait_until

USER = 10001
ENTER = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec chroot --userspec=+{0}:+{0} "$0" "$@"'


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    if os.geteuid() != 0 or subprocess.run(["unshare", "-mpf", "true"], capture_output=True, check=False).returncode:
        pytest.skip("namespaces cannot be made here")
    root = tmp_path_factory.mktemp("root")
    libraries = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", BINARY], capture_output=True, text=True,
                                                          check=True).stdout)
    if any("libasan" in path for path in libraries):
        pytest.skip("the address sanitizer finds neither its options nor leaks without /proc")
    for path in [BINARY, *libraries]:
        target = root / (os.path.basename(path) if path == BINARY else path[1:])
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copytree(MIGRATIONS, root / "migrations")
    for folder in [*root.parents][:2]: # pytest's own are for root alone
        folder.chmod(0o711)
    root.chmod(0o755)
    return root


@pytest.fixture(scope="module")
def url():
    with PostgresServer(tcp=True) as server:
        url = server.create_database("scratch")
        migrate(url)
        yield server.url("scratch", tcp=True)


class Contained:
    """A command of the program as process 1; pid is what it is called outside."""

    def __init__(self, root, *words, **environment):
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "sh", "-c", ENTER.format(USER), root,
             f"/{os.path.basename(BINARY)}", *words],
            env={"PATH": os.environ["PATH"], "SPLITS_MIGRATIONS_DIR": "/migrations", **environment}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
        self.process.communicate(timeout=20)

    @property
    def pid(self):
        return wait_until(self.find, what="process 1")

    def find(self):
        """The child of unshare, once it is the program."""
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(children, encoding="ascii") as file:
            pids = file.read().split()
        if not pids:
            return None
        with open(f"/proc/{pids[0]}/comm", encoding="ascii") as file:
            return int(pids[0]) if file.read() == os.path.basename(BINARY) + "\n" else None

    def end(self, seconds=20):
        """Exit code, stdout, stderr without what a coverage build says that finds nowhere to write to."""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, re.sub(r"^profiling:.*\n", "", err, flags=re.M)


def serving(root, url, port, *options, admin_port=0):
    return Contained(root, "serve", f"--port={port}", f"--admin-port={admin_port}", *options, DATABASE_URL=url)


def status(port, path):
    try:
        client = Client(port)
        try:
            return client.request("GET", path).status
        finally:
            client.close()
    except OSError:
        return None


def test_it_serves_and_stops(root, url):
    port, admin_port = free_port(), free_port()
    with serving(root, url, port, admin_port=admin_port) as container:
        wait_until(lambda: status(admin_port, "/health/ready") == 200, what="readiness of every worker")
        assert status(port, "/users/1") == 404
        for path in ("/health/ready", "/metrics", "/debug/slowest", "/debug/database"):
            assert status(admin_port, path) == 200
        with open(f"/proc/{container.pid}/status", encoding="ascii") as file:
            assert re.search(rf"^Uid:\t{USER}\t{USER}", file.read(), re.M)
        os.kill(container.pid, signal.SIGHUP)
        assert status(port, "/health") == 200
        os.kill(container.pid, signal.SIGTERM)
        code, _, log = container.end()
        assert code == 0
        assert [event for event in re.findall(r'"event":"(\w+)"', log) if event.startswith(("drain", "server"))] == [
            "server_started", "drain_started", "server_stopped"]


def test_a_second_signal_ends_it_at_once(root, url):
    port = free_port()
    with serving(root, url, port, "--drain-delay-ms=60000") as container:
        wait_until(lambda: status(port, "/health/ready") == 200, what="readiness")
        os.kill(container.pid, signal.SIGTERM)
        wait_until(lambda: status(port, "/health/ready") == 503, what="the drain")
        os.kill(container.pid, signal.SIGINT)
        assert container.end()[0] == 0


def test_the_probes_and_the_migrations_run_there(root, url):
    port, admin_port = free_port(), free_port()
    with Contained(root, "migrate", "up", DATABASE_URL=url) as migration:
        assert migration.end()[0] == 0
    with serving(root, url, port, admin_port=admin_port):
        wait_until(lambda: status(admin_port, "/health/ready") == 200, what="readiness of every worker")
        for what in ("live", "ready"):
            with Contained(root, "check", what, SPLITS_PORT=str(port), SPLITS_ADMIN_PORT=str(admin_port)) as probe:
                assert probe.end() == (0, "", "")


def test_sleep_ends_when_it_is_told_though_it_is_process_1(root):
    started = time.monotonic()
    with Contained(root, "sleep", "60") as container:
        time.sleep(0.5)
        os.kill(container.pid, signal.SIGTERM)
        assert container.end() == (0, "", "")
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(("database_url", "cause"), [
    ("postgresql://127.0.0.1:{port}/scratch", f"local user ID {USER}"),
    ("postgresql://ann@no-such-host.invalid/x", "the host name cannot be looked up"),
])
def test_what_is_missing_there_is_told(root, url, database_url, cause):
    """No user in the URL and none of that number; no /etc/resolv.conf, /etc/hosts and /etc/nsswitch.conf."""
    port = free_port()
    with serving(root, database_url.format(port=free_port()), port) as container:
        wait_until(lambda: status(port, "/health") == 200, what="the start")
        wait_until(lambda: status(port, "/health/ready") == 503, what="an answer")
        time.sleep(1)
        os.kill(container.pid, signal.SIGTERM)
        code, _, log = container.end()
    assert code == 0
    assert cause in log, log[-3000:]
