"""Where the time of a request goes, by the ledger of Splits: the mean of each phase, from its access log."""

import json
import statistics

from harness import load
from harness.contestants import SPLITS
from harness.race import Measurement

PHASES = ("read", "parse", "queue", "db", "json", "send", "other", "total")
DELAYS_MS = (0, 1, 5, 15, 50)
ROWS = (1, 10, 100, 1000)
SERIALIZERS = ("direct", "jansson")
SECONDS = 1.0
DB_CONNECTIONS = 16
WARM_UP_REQUESTS = 10


def measurements(arena):
    if SPLITS not in arena.contestants:
        return []
    return [cell(arena, delay_ms, rows, serializer) for delay_ms in DELAYS_MS for rows in ROWS
            for serializer in SERIALIZERS]


def cell(arena, delay_ms, rows, serializer):
    def run():
        path = f"/lab/users?rows={rows}&delay_ms={delay_ms}&serializer={serializer}"
        with arena.server(SPLITS, "--lab=on", "--access-log=all", "--log-format=json",
                          db_connections=DB_CONNECTIONS) as server:
            load.wrk(server.base_url + path, {}, seconds=SECONDS, connections=1, users=arena.settings.users)
            return means(server.log_text())

    return Measurement(run, arena.seconds_of(SECONDS), experiment="phases", contestant=SPLITS.name, delay_ms=delay_ms,
                       rows=rows, serializer=serializer, connections=1, round=0)


def means(log):
    """Mean microseconds of each phase; the log's lines that are cut short are those of the moment."""
    records = []
    for line in log.splitlines():
        if line.startswith("{") and line.endswith("}"):
            record = json.loads(line)
            if record["event"] == "request" and record["path"] == "/lab/users":
                records.append(record)
    records = records[WARM_UP_REQUESTS:]
    if not records:
        raise load.LoadError("no requests in the log")
    return {phase: statistics.fmean(record.get(f"{phase}_ns", 0) for record in records) / 1000 for phase in PHASES} \
        | {"count": len(records)}
