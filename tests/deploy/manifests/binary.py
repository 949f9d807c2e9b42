"""The binary under test, as the containers of the manifests start it: but on loopback, and on free ports."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/integration"))

from cgroups import limited  # noqa: E402, F401
from postgres import free_port  # noqa: E402
from raw_client import fill  # noqa: E402, F401
from service import Service, clean_environment, wait_until  # noqa: E402, F401

BINARY = os.environ.get("SPLITS_BINARY", str(ROOT / "build/deploy/splits"))
PROGRAM = "/usr/bin/splits" # where the image and the package have it
SHORT_NAMES = {"PORT", "DATABASE_URL", "DATABASE_URL_FILE"} # said in the help's prose
FOREIGN = re.compile(r"PG[A-Z]+") # libpq's own
OPTION = re.compile(r"^  --([a-z-]+)=", re.M)


def run(arguments, environment=None, seconds=60):
    """A command of the image, run to its end."""
    return subprocess.run([BINARY, *arguments], env=clean_environment() | (environment or {}), capture_output=True,
                          text=True, timeout=seconds)


def settings_known():
    """The environment variables that the binary looks at."""
    options = OPTION.findall(run(["--help"]).stdout)
    assert len(options) > 20
    return {"SPLITS_" + option.replace("-", "_").upper() for option in options} | SHORT_NAMES


def unknown_settings(names):
    return {name for name in names if not FOREIGN.fullmatch(name)} - settings_known()


class Server:
    """A container of the server: the arguments and the environment of the manifests; ports by name."""

    def __init__(self, manifests, secret, log, prefix=(), **more):
        # The ports of the manifests may be in use on this machine, and only loopback is to be listened on.
        self.ports = {port["name"]: free_port() for port in manifests.container["ports"]}
        self.environment = manifests.settings() | {
            "DATABASE_URL_FILE": str(secret),
            "SPLITS_MIGRATIONS_DIR": str(ROOT / "migrations"),
            "SPLITS_ADDRESS": "127.0.0.1", "SPLITS_PORT": str(self.ports["http"]),
            "SPLITS_ADMIN_ADDRESS": "127.0.0.1", "SPLITS_ADMIN_PORT": str(self.ports["admin"]),
        } | more
        self.port = self.ports["http"]
        self.log = log
        with open(log, "w") as file:
            self.process = subprocess.Popen([*prefix, BINARY, *manifests.container["args"]], stderr=file,
                                            env=clean_environment() | self.environment, stdin=subprocess.DEVNULL,
                                            start_new_session=True)

    def records(self, event):
        """The log lines of events whose name ends so."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["event"].endswith(event)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def run(self, arguments, **more):
        return run(arguments, self.environment | more)

    def ask(self, port, path):
        """The status and the body; 0 without an answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[port]}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()
        except OSError:
            return 0, ""

    def probe(self, probe):
        """Does what a probe of the manifests asks for succeed?"""
        status, _ = self.ask(probe["httpGet"]["port"], probe["httpGet"]["path"])
        return 200 <= status < 400

    def reason(self, probe):
        """The code of the problem that a probe is answered with."""
        _, body = self.ask(probe["httpGet"]["port"], probe["httpGet"]["path"])
        return json.loads(body).get("code") if body else None

    def wait_for(self, probe, seconds=20):
        wait_until(lambda: self.probe(probe), seconds, f"{probe['httpGet']}: {self.log.read_text()[-2000:]}")
