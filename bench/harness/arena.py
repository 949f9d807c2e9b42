"""Where a race takes place: the contestants that may race, the database, and how one measurement is made."""

import functools
import json
import time
from dataclasses import dataclass, field

from harness import load
from harness.contestants import COMBINED, SPLITS
from harness.database import Database
from harness.experiments.best import best
from harness.servers import Server
from harness.settings import ALL_PROCESSORS, ROOT, Settings
from harness.store import Store

# When neither this run nor a published one has searched for the best.
DB_CONNECTIONS_DEFAULT = 16
PUBLISHED = ROOT / "docs/report/results.json"
OVERHEAD_SECONDS = 0.7 # of starting and stopping a contestant

# path, script of bench/load, whether it writes
WORKLOADS = {
    "read": ("", "read", False),
    "list": ("/users?limit=100", "plain", False),
    "health": ("/health", "plain", False),
    "create": ("", "create", True),
    "mixed": ("", "mixed", True),
}


@dataclass
class Arena:
    settings: Settings
    database: Database
    store: Store
    contestants: list                      # those that keep the contract
    absent: list = field(default_factory=list)

    def named(self, name):
        return next((one for one in self.contestants if one.name == name), None)

    def tuning(self, name, workload):
        """(db_connections, label of its environment) that was the best of the sweep."""
        swept = {"create": "create", "mixed": "create", "list": "list"}.get(workload, "read")
        is_splits = name.startswith(SPLITS.name) and (name != COMBINED.name or swept != "read")
        wanted = SPLITS.name if is_splits else name, swept
        return best(self.store, *wanted) or published_tunings().get(wanted) or (DB_CONNECTIONS_DEFAULT, "")

    def pids(self, server):
        return {"service": server.pid, "postgres": self.database.pid}

    def server(self, contestant, *options, workload="read", db_connections=None, writes=False, environment=None,
               label=None):
        """
        A contestant to be started by a with statement, tuned for the workload; db_connections and label replace what
        the sweep found best.
        """
        best_connections, best_label = self.tuning(contestant.name, workload)
        url = self.database.fresh_url() if writes else self.database.reading_url
        tuned = contestant.tunings.get(best_label if label is None else label, {})
        return Server(contestant, url, db_connections or best_connections, *options, environment=tuned | (environment or {}))

    def closed(self, contestant, workload, connections, seconds=None, **options):
        """Starts it, warms it up, and measures one workload under a closed loop."""
        path, script, writes = WORKLOADS[workload]
        with self.server(contestant, workload=workload, writes=writes, **options) as server:
            return self.loaded(server, path, script, connections, seconds)

    def loaded(self, server, path, script="plain", connections=None, seconds=None):
        shared = {"script": script, "connections": connections or self.settings.connections,
                  "users": self.settings.users}
        url = server.base_url + path
        if self.settings.warm_up:
            load.wrk(url, {}, seconds=self.settings.warm_up, **shared)
        return load.wrk(url, self.pids(server), seconds=seconds or self.settings.seconds, memory=server.memory,
                        **shared) | {"db_connections": server.db_connections}

    def seconds_of(self, seconds=None):
        """That closed() takes, roughly."""
        return OVERHEAD_SECONDS + self.settings.warm_up + (seconds or self.settings.seconds)


@functools.cache
def published_tunings():
    """What the last published contest found best, when it had as many processors."""
    if not PUBLISHED.exists():
        return {}
    published = json.loads(PUBLISHED.read_text())
    if published["machine"]["processors"] != len(ALL_PROCESSORS):
        return {}
    found = {}
    for one in published["contestants"]:
        if "db_connections" in one:
            found[one["name"], "read"] = one["db_connections"], one["tuning"]
            for workload in ("list", "create"):
                found[one["name"], workload] = one[f"db_connections_{workload}"], one[f"tuning_{workload}"]
    return found


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
