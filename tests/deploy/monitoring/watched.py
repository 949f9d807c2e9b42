"""The service with its database, users, and a Prometheus that watches it, for tests of what it is watched with.

What there is to see is made first; the moment at which it is all there stays, and queries are asked as of then.
"""

import contextlib
import time

from prometheus import Prometheus # first: it says where the next two are
from postgres import PostgresServer
from service import Load, Service, migrate, wait_until

from promql import grouping_labels, selectors

SCRAPES_MIN = 4
RATE_INTERVAL = "8s" # stands for $__rate_interval, which is four scrapes or more
# What a scrape of a single service lacks: Prometheus in a cluster adds it.
FOREIGN_LABELS = {"namespace"}


def ask(client, number):
    """A request of each kind, one after the other; slowly, for they are only to be seen."""
    time.sleep(0.02)
    path = f"/users/{1 + number % 50}"
    match number % 8:
        case 0:
            return client.request("POST", "/users", {"name": "Ada", "email": f"{number}@monitored.example"})
        case 1:
            return client.request("PATCH", path, {"name": f"Ada {number}"})
        case 2:
            return client.request("GET", "/users?limit=20")
        case 3:
            return client.request("GET", "/users/999999999")
        case 4:
            return client.request("GET", "/health/ready")
        case _:
            return client.request("GET", path)


class Monitoring:
    def __init__(self, server, url, service, prometheus):
        self.server = server
        self.url = url
        self.service = service
        self.prometheus = prometheus
        self.instance = f"127.0.0.1:{service.admin_port}"
        self.time = None # when everything could be seen

    def make_something_to_see(self):
        with Load(self.service, ask):
            self._wait_for_scrapes('http_server_request_duration_seconds_count{http_route="/users/{id}"}')
            self._fail_some()
            self._wait_for_scrapes('http_server_request_duration_seconds_count{http_response_status_code="504"}')
            self._wait_for_scrapes("job:http_server_requests_slow:ratio_rate5m")
        self.time = time.time()

    def _wait_for_scrapes(self, selector):
        """For as many as a rate needs."""
        expression = f"count_over_time({selector}[1h]) >= {SCRAPES_MIN}"
        wait_until(lambda: self.prometheus.query(expression), 60, expression)

    def _fail_some(self):
        """Requests that the database keeps waiting for too long."""
        with contextlib.closing(self.server.connect("splits")) as connection, connection.cursor() as cursor:
            cursor.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
            with self.service.client() as client:
                assert client.request("GET", "/users/1").status == 504
                answer = client.request("DELETE", "/users/1")
                assert (answer.status, answer.json()["outcome"]) == (504, "unknown")

    def query(self, expression):
        return self.prometheus.query(expression, self.time)

    def missing(self, expression):
        """What an expression asks for that is not there: selectors without a series, and labels that none has."""
        found = {selector: [labels for labels, _ in self.query(selector.text)] for selector in selectors(expression)}
        missing = [selector.text for selector, series in found.items() if not series]
        for selector in [selector for selector, series in found.items() if series]:
            known = {label for labels, _ in self.query(selector.name) for label in labels}
            missing += [f"{selector.name}: {label}" for label in selector.labels - known - FOREIGN_LABELS]
        known = {label for series in found.values() for labels in series for label in labels}
        return missing + sorted(grouping_labels(expression) - known - FOREIGN_LABELS)


@contextlib.contextmanager
def monitoring():
    with PostgresServer(statements=True) as server:
        url = server.create_database("splits")
        migrate(url)
        server.query("INSERT INTO users (name, email) SELECT 'Ada', i || '@shared.example' "
                     "FROM generate_series(1, 50) i", database="splits")
        with Service(url, "--workers=2", "--db-connections=2", "--request-timeout-ms=500") as service:
            service.wait_until_ready()
            with Prometheus(f"127.0.0.1:{service.admin_port}") as prometheus:
                watched = Monitoring(server, url, service, prometheus)
                watched.make_something_to_see()
                yield watched
