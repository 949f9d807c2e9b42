"""How evenly the workers of Splits share 4,096 connections and the work of them."""

import re
import urllib.request

from harness.contestants import SPLITS
from harness.race import Measurement

from service_process import free_port

CONNECTIONS = 4096


def measurements(arena):
    if SPLITS not in arena.contestants:
        return []
    return [Measurement(lambda: spread(arena), arena.seconds_of(), experiment="spread", contestant=SPLITS.name,
                        workload="read", connections=CONNECTIONS, round=number)
            for number in range(arena.settings.rounds)]


def spread(arena):
    """The largest distance of a worker from the mean, as a share of it: connections held, requests' CPU time."""
    port = free_port()
    found = {}
    with arena.server(SPLITS, f"--admin-port={port}") as server:
        server.memory = lambda: found.update(by_worker(port)) or {}
        figures = arena.loaded(server, "", "read", CONNECTIONS)
    return {"failed": figures["failed"]} | {f"{name}_off_mean": off_mean(values) for name, values in found.items()}


def by_worker(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()

    def values(metric):
        return [float(value) for value in re.findall(rf'^{metric}{{worker="\d+"}} (\S+)$', text, re.M)]

    return {"connections": values("splits_worker_connections"), "cpu": values("splits_worker_cpu_seconds_total")}


def off_mean(values):
    mean = sum(values) / len(values)
    return max(abs(value - mean) for value in values) / mean
