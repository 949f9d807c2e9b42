"""The service as a process: started on a free port, watched, stopped."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 60
SANITIZER_REPORT = re.compile(r"(ERROR|WARNING|SUMMARY): \w+Sanitizer|runtime error:")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """The service on a free port, its log in a file."""

    def __init__(self, binary, database_url):
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile("w+")
        environment = os.environ | {
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
            "SPLITS_ADMIN_PORT": "0",
            "SPLITS_MIGRATIONS_DIR": str(ROOT / "migrations"),
        }
        environment.pop("SPLITS_BINARY", None) # a name for the tests, which the service would wonder about
        subprocess.run([binary, "migrate", "up"], env=environment, check=True, stdout=subprocess.DEVNULL)
        # A session of its own: Ctrl-C must reach the tests alone.
        self.process = subprocess.Popen([binary, "serve"], env=environment, stderr=self.log, start_new_session=True)

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.base_url + "/health/ready", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the service did not become ready:\n{self.log_text()}")

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """Ends it; says what was wrong with how it ended, None when nothing was."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"the service did not end within {STOP_SECONDS_MAX} s"
        log = self.log_text()
        if code != 0 or SANITIZER_REPORT.search(log):
            return f"the service ended with exit code {code}:\n" + "\n".join(log.splitlines()[-200:])
        return None
