"""wrk, for as long as something lasts."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parent / "paced.lua"
SECONDS_MAX = 900
END_SECONDS_MAX = 30


def program():
    return shutil.which("wrk")


class Readers:
    """GET /users/{id} of the first users, over connections that are kept; `report` holds the figures at last."""

    def __init__(self, base_url, users, *, connections=16, pause_ms=20):
        self.report = None
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS_MAX}s", "--timeout", "5s", "-s", SCRIPT, base_url],
            env=os.environ | {"USERS": str(users), "PAUSE": str(pause_ms)}, stdout=subprocess.PIPE, text=True,
            stdin=subprocess.DEVNULL, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT) # wrk stops and reports
        try:
            output = self.process.communicate(timeout=END_SECONDS_MAX)[0]
        finally:
            self.process.kill()
            self.process.wait()
        self.report = json.loads(output.strip().splitlines()[-1])

    @property
    def count(self):
        return self.report["count"]

    @property
    def failed(self):
        return sum(self.report[kind] for kind in ("non2xx", "connect", "read", "write", "timeout"))

    @property
    def slowest_ms(self):
        return self.report["max"]
