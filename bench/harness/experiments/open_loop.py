"""Latency at a constant rate, by oha: 70 % of each one's own peak, and one rate for all (70 % of the slowest's peak)."""

import statistics

from harness import load
from harness.builds import tool
from harness.contestants import BLOCKING
from harness.race import Measurement

SHARE = 0.7
SECONDS = 3
CONNECTIONS = 64


def peak(arena, contestant):
    records = arena.store.select(experiment="open_peak", contestant=contestant.name)
    return statistics.median(record["rate"] for record in records) if records else None


def contestants(arena):
    return [one for one in arena.contestants if one is not BLOCKING] if tool("oha") else []


def ids(arena):
    """A regular expression of ids that all exist."""
    digits = len(str(arena.settings.users)) - 1
    return f"[1-9][0-9]{{{digits - 1}}}"


def ask(arena, contestant, rate):
    with arena.server(contestant) as server:
        url = f"{server.base_url}/users/{ids(arena)}"
        load.oha(url, {}, rate=rate, seconds=1, connections=CONNECTIONS)
        return load.oha(url, arena.pids(server), rate=rate, seconds=SECONDS, connections=CONNECTIONS)


def peaks(arena):
    """First: what oha can get out of each in a closed loop; it needs more of the processors than wrk does."""
    return [Measurement(lambda one=one: ask(arena, one, None), SECONDS + 2, experiment="open_peak",
                        contestant=one.name, workload="read", round=number)
            for one in contestants(arena) for number in range(arena.settings.cell_rounds)]


def measurements(arena, shares=("own", "common"), rounds=None):
    rates = {one.name: peak(arena, one) for one in contestants(arena)}
    rates = {name: SHARE * rate for name, rate in rates.items() if rate}
    found = []
    for one in contestants(arena):
        for share in shares if one.name in rates else ():
            rate = rates[one.name] if share == "own" else min(rates.values())
            for number in range(rounds or arena.settings.cell_rounds):
                found.append(Measurement(lambda one=one, rate=rate: ask(arena, one, rate) | {"rate_target": rate},
                                         SECONDS + 2, experiment="open", contestant=one.name, workload="read",
                                         share=share, round=number))
    return found
