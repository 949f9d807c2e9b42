"""The service in a container."""

import json
import time

import requests

READY_SECONDS_MAX = 20


class Running:
    def __init__(self, container, port):
        self.container = container
        self.port = port

    def get(self, path, **options):
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, **options)

    def wait_until_alive(self):
        self._wait_for("/health")

    def wait_until_ready(self):
        self._wait_for("/health/ready")

    def _wait_for(self, path):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self._is_200(path):
            assert self.container.is_running() and time.monotonic() < deadline, self.container.log()
            time.sleep(0.05)

    def _is_200(self, path):
        try:
            return self.get(path).status_code == 200
        except requests.ConnectionError:
            return False

    def status(self):
        """The kernel's view of the process, by name."""
        with open(f"/proc/{self.container.pid}/status", encoding="ascii") as file:
            return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}

    def records(self):
        """The log lines so far."""
        return [json.loads(line) for line in self.container.log().splitlines()]
