"""The service in a container."""

import requests

from service import wait_until

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
        wait_until(lambda: self._is_200(path), READY_SECONDS_MAX, path)

    def _is_200(self, path):
        try:
            return self.get(path).status_code == 200
        except requests.ConnectionError:
            return False

    def status(self):
        """The kernel's view of the process, by name."""
        with open(f"/proc/{self.container.pid}/status", encoding="ascii") as file:
            return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
