"""A Prometheus of a test's own, with the configuration of deploy/prometheus.

    with Prometheus("127.0.0.1:8081") as prometheus:
        prometheus.query('up{job="splits"}')

It scrapes every second, listens on 127.0.0.1 and keeps its data in a temporary folder. Debian's program, which ./dev
takes out of its package.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import requests
import yaml

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "tests/integration"))

from postgres import free_port
from service import wait_until

FOLDER = ROOT / "deploy/prometheus"
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20


def find_program(name):
    """From the environment (PROMTOOL, PROMETHEUS), PATH or .dev; None."""
    candidates = [os.environ.get(name.upper()), shutil.which(name), ROOT / ".dev/tools/usr/bin" / name]
    return next((str(path) for path in candidates if path and os.access(path, os.X_OK)), None)


class QueryFailed(Exception):
    pass


class Prometheus:
    def __init__(self, target):
        self.url = f"http://127.0.0.1:{free_port()}"
        self._target = target
        self._folder = tempfile.TemporaryDirectory(prefix="splits-prometheus-")
        self._process = None

    def __enter__(self):
        folder = Path(self._folder.name)
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(self._configuration()), encoding="utf-8")
        with open(folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [find_program("prometheus"), f"--config.file={folder}/prometheus.yaml",
                 f"--storage.tsdb.path={folder}/data", f"--web.listen-address={self.url.removeprefix('http://')}",
                 "--web.console.libraries=/nonexistent", "--web.console.templates=/nonexistent", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(self._is_ready, START_SECONDS_MAX, "Prometheus' start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _configuration(self):
        """That of compose, but for the target and the pace."""
        configuration = yaml.safe_load((FOLDER / "prometheus.yaml").read_text(encoding="utf-8"))
        configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        configuration["rule_files"] = [str(FOLDER / name) for name in configuration["rule_files"]]
        job, = configuration["scrape_configs"]
        job["static_configs"] = [{"targets": [self._target]}]
        return configuration

    def _is_ready(self):
        log = Path(self._folder.name, "log")
        assert self._process.poll() is None, f"Prometheus did not start:\n{log.read_text(encoding='utf-8')}"
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False

    def ask(self, path, **parameters):
        """The data of an answer of the HTTP API. QueryFailed."""
        body = requests.get(f"{self.url}/api/v1/{path}", parameters, timeout=30).json()
        if body["status"] != "success":
            raise QueryFailed(f"{parameters}: {body['error']}")
        return body["data"]

    def query(self, expression, time=None):
        """The series of an instant query, [(labels, value)]."""
        data = self.ask("query", query=expression, **({"time": time} if time else {}))
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    def query_range(self, expression, start, end):
        """The series of a range query with a step of a second, [(labels, [value])]."""
        data = self.ask("query_range", query=expression, start=start, end=end, step=1)
        return [(series["metric"], [float(value) for _, value in series["values"]]) for series in data["result"]]

    def label_values(self, query):
        """As Grafana's label_values(selector, label)."""
        selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups()
        return self.ask(f"label/{label}/values", **{"match[]": selector})
