"""The installed units, run by a real systemd: what the sandbox forbids, the service never asks for.

The filter of system calls kills here, instead of answering EPERM: whatever the API's tests bring the service to do,
it is what the unit allows, or the service dies.
"""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

import systemd_machine
from units import ROOT

sys.path.append(str(ROOT / "tests/integration"))
from postgres import PostgresServer  # noqa: E402

STARTS = "splits.service"
MIGRATES = "splits-migrate.service"
KILLS = "[Service]\nSystemCallErrorNumber=kill\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def install(build, changes):
    """What meson installs, laid over the machine's root folder."""
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet"], check=True, stdout=subprocess.DEVNULL,
                   env=os.environ | {"DESTDIR": str(changes)})


class Splits:
    """The service of a machine."""

    def __init__(self, machine, server):
        self.machine = machine
        self.server = server
        self.port = free_port()
        self.admin_port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.settings = machine.changes / "etc/splits/splits.conf"
        self.settings.parent.mkdir(parents=True)
        self.configure()
        secret = self.settings.with_name("database-url")
        secret.touch(mode=0o600)
        secret.write_text("postgresql://postgres:of-no-use@/splits?host=/run/postgresql\n", encoding="ascii")

    def configure(self, **settings):
        settings = {"SPLITS_PORT": self.port, "SPLITS_ADMIN_PORT": self.admin_port, **settings}
        self.settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="ascii")

    def start(self):
        self.machine.run("systemctl", "reset-failed")
        self.machine.run("systemctl", "restart", STARTS)
        self.wait_until_ready()

    def status(self, path):
        try:
            with urllib.request.urlopen(self.base_url + path, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def wait_until_ready(self, seconds=20):
        deadline = time.monotonic() + seconds
        while self.status("/health/ready") != 200:
            assert time.monotonic() < deadline, f"not ready:\n{self.log()}\n{self.machine.console()[-3000:]}"
            time.sleep(0.05)

    def pid(self):
        """Of the main process, within the machine; 0 without one."""
        return int(self.machine.show(STARTS, "MainPID"))

    def read(self, name):
        """A file of its /proc folder."""
        return self.machine.run("cat", f"/proc/{self.pid()}/{name}").stdout

    def log(self):
        file = self.machine.shared / "log"
        return file.read_text(encoding="utf-8") if file.exists() else ""


@pytest.fixture(scope="module")
def splits():
    why = systemd_machine.missing()
    if why:
        pytest.skip(f"no systemd of its own: {why}")
    build = os.environ.get("SPLITS_BUILD")
    if not build:
        pytest.skip("needs SPLITS_BUILD")
    with PostgresServer() as server:
        server.create_database("splits")
        machine = systemd_machine.Machine([(server.folder, "/run/postgresql")])
        install(build, machine.changes)
        with machine:
            service = Splits(machine, server)
            for unit in (STARTS, MIGRATES):
                machine.drop_in(unit, "kills", KILLS + (os.environ.get("EXTRA", "") if unit == STARTS else ""))
                machine.drop_in(unit, "log", "[Service]\nStandardOutput=append:/run/shared/log\n"
                                             "StandardError=append:/run/shared/log\n")
            yield service


def test_the_migrations_have_a_unit(splits):
    splits.machine.run("systemctl", "start", MIGRATES)
    assert splits.server.query("SELECT count(*) FROM users", database="splits") == [(0,)]
    assert "applied now" in splits.log()


def test_it_tells_when_it_is_there(splits):
    splits.machine.run("systemctl", "start", STARTS)
    assert splits.status("/health") == 200
    assert splits.machine.show(STARTS, "ActiveState") == "active"
    splits.wait_until_ready()


def test_the_process_is_in_the_sandbox(splits):
    status = dict(re.findall(r"^(\w+):\s+(.*)$", splits.read("status"), re.M))
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert 61184 <= int(status["Uid"].split()[0]) <= 65519 # systemd's range of dynamic users
    root = [line.split() for line in splits.read("mountinfo").splitlines() if line.split()[4] == "/"]
    assert root[-1][5].startswith("ro")
    assert re.search(r"^Max open files\s+65536", splits.read("limits"), re.M)


def test_nobody_else_sees_the_secret(splits):
    assert "of-no-use" not in splits.read("environ") + splits.read("cmdline") + splits.log()
    assert "of-no-use" not in splits.machine.run("systemctl", "show", STARTS).stdout
    file = re.search(r"DATABASE_URL_FILE=([^\0]+)", splits.read("environ")).group(1)
    assert splits.machine.run("setpriv", "--reuid=nobody", "--clear-groups", "cat", file, check=False).returncode != 0


def test_its_start_time_is_known_without_the_rest_of_proc(splits):
    with urllib.request.urlopen(f"http://127.0.0.1:{splits.admin_port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    started = float(re.search(r"^process_start_time_seconds ([\d.e+]+)$", text, re.M).group(1))
    assert time.time() - 300 < started <= time.time() + 2


def test_the_api_needs_no_more(splits):
    pid = splits.pid()
    result = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "tests/api",
                             f"--base-url={splits.base_url}"], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout[-5000:]
    assert splits.pid() == pid


def test_nor_does_a_database_that_goes_and_comes(splits):
    pid = splits.pid()
    splits.server.restart("immediate")
    splits.wait_until_ready()
    assert splits.pid() == pid


def test_nor_does_a_stop(splits):
    started = time.monotonic()
    splits.machine.run("systemctl", "stop", STARTS)
    assert time.monotonic() - started < 5
    assert splits.machine.show(STARTS, "Result") == "success"
    assert "server_stopped" in splits.log()


def test_it_is_started_again_when_it_dies(splits):
    splits.start()
    pid = splits.pid()
    splits.machine.run("kill", "-KILL", pid)
    deadline = time.monotonic() + 10
    while splits.pid() in (0, pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    splits.wait_until_ready()


def test_it_is_not_started_again_with_a_wrong_setting(splits):
    splits.configure(SPLITS_WORKERS=70000)
    assert splits.machine.run("systemctl", "restart", STARTS, check=False).returncode != 0
    assert splits.machine.show(STARTS, "ActiveState") == "failed"
    assert "must be 0…256" in splits.log()
    splits.configure()


# Each breaks it: that it runs with all of them proves something.
@pytest.mark.parametrize("taken", ["SystemCallFilter=~epoll_wait epoll_pwait", "RestrictAddressFamilies=~AF_INET AF_INET6",
                                   "NoExecPaths=/usr/lib", "LoadCredential=\nLoadCredential=database-url:/nowhere"])
def test_less_is_too_little(splits, taken):
    splits.machine.drop_in(STARTS, "less", f"[Service]\nRestart=no\nTimeoutStartSec=5s\n{taken}\n")
    try:
        splits.machine.run("systemctl", "restart", STARTS, check=False)
        time.sleep(0.5)
        assert splits.status("/health") is None
    finally:
        splits.machine.drop_in(STARTS, "less", "")
    splits.start()
