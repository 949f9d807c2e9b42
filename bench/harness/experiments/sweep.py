"""The best number of database connections of each contestant, searched and not guessed; and what else it may be told."""

from harness.contestants import BLOCKING, COMBINED
from harness.experiments.best import best, medians, within
from harness.race import Measurement
from harness.settings import PROCESSORS

POOL_SIZES = tuple(PROCESSORS * count for count in (1, 2, 4, 8, 32))
WORKLOADS = ("read", "list", "create")
ROUNDS = 2
FINAL_ROUNDS = range(ROUNDS, 5)
FINAL_SHARE = 0.9 # of the highest rate: who has it is measured more often


def measurements(arena, sizes=POOL_SIZES, rounds=ROUNDS, seconds=1):
    """The pool sizes, roughly; see finals(). The other tunings wait for the best of these, see tunings()."""
    return [measurement(arena, contestant, workload, size, "", number, seconds)
            for number in range(rounds) for contestant in arena.contestants for workload in WORKLOADS for size in sizes
            if contestant.name not in (BLOCKING.name, COMBINED.name) or (contestant is COMBINED and workload == "read")]


def finalists(arena, contestant, workload):
    """By the first rounds alone: the same when a contest goes on in the middle of its finals."""
    rates = medians(arena.store, contestant.name, workload, only_label="", rounds=ROUNDS)
    return [size for size, _ in within(rates, FINAL_SHARE)]


def finals(arena, seconds=1):
    """The pool sizes between which two rounds cannot tell."""
    return [measurement(arena, contestant, workload, size, "", number, seconds)
            for number in FINAL_ROUNDS for contestant in arena.contestants for workload in WORKLOADS
            for size in finalists(arena, contestant, workload)]


def tunings(arena, rounds=ROUNDS, seconds=1):
    """Beside the best pool size: what the environment can tell a contestant."""
    found = []
    for contestant in arena.contestants:
        for workload in WORKLOADS:
            plain = best(arena.store, contestant.name, workload, only_label="")
            if plain:
                found += [measurement(arena, contestant, workload, plain[0], label, number, seconds)
                          for label in contestant.tunings for number in range(rounds)]
    return found


def measurement(arena, contestant, workload, size, label, number, seconds):
    def run():
        return arena.closed(contestant, workload, arena.settings.connections, seconds, db_connections=size, label=label)

    return Measurement(run, arena.seconds_of(seconds), experiment="sweep", contestant=contestant.name,
                       workload=workload, connections=arena.settings.connections, db_connections=size, tuning=label,
                       round=number)
