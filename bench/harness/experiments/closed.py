"""As many requests as a number of connections can ask one after the other: read, list, create, mixed, /health."""

import statistics

from harness import load
from harness.contestants import BLOCKING, COMBINED, SPLITS
from harness.race import Measurement
from harness.servers import nginx

WORKLOADS = ("read", "list", "create", "mixed", "health")
FEW_AND_MANY = (1, 8, 512, 4096)
PGBENCH_CLIENTS = (1, 2, 4, 8, 16, 32, 64)


def measurements(arena):
    """Every workload at the usual number of connections, and fewer rounds at others."""
    usual = arena.settings.connections
    found = []
    for contestant in arena.contestants:
        if contestant is BLOCKING:
            continue
        workloads = ("read", "mixed") if contestant is COMBINED else WORKLOADS
        for workload in workloads:
            found += repeated(arena, contestant, workload, usual, arena.settings.rounds)
            # A goal compares these of Splits with each other.
            is_goal = contestant is SPLITS and workload == "read"
            rounds = arena.settings.rounds if is_goal else arena.settings.cell_rounds
            for connections in FEW_AND_MANY:
                found += repeated(arena, contestant, workload, connections, rounds)
    return found + limits(arena)


def repeated(arena, contestant, workload, connections, rounds):
    def run():
        return arena.closed(contestant, workload, connections)

    return [Measurement(run, arena.seconds_of(), experiment="closed", contestant=contestant.name, workload=workload,
                        connections=connections, round=number) for number in range(rounds)]


# The limits


def best_clients(arena, name):
    """The number of clients at which pgbench is fastest."""
    rates = {}
    for record in arena.store.select(experiment="sweep", contestant=name):
        rates.setdefault(record["db_connections"], []).append(record["rate"])
    return max(rates, key=lambda clients: statistics.median(rates[clients])) if rates else arena.settings.connections


def run_pgbench(arena, is_pipelined, clients, seconds):
    return load.pgbench(arena.database.reading_url, {"postgres": arena.database.pid}, users=arena.settings.users,
                        seconds=seconds, clients=clients, is_pipelined=is_pipelined)


PGBENCH = {"pgbench": False, "pgbench-pipeline": True}


def pgbench_sweep(arena, rounds=2, seconds=1, clients=PGBENCH_CLIENTS):
    return [Measurement(lambda name=name, count=count: run_pgbench(arena, PGBENCH[name], count, seconds), seconds + 0.3,
                        experiment="sweep", contestant=name, workload="read", connections=count, db_connections=count,
                        tuning="", round=number)
            for name in PGBENCH for count in clients for number in range(rounds)]


def run_nginx(arena, connections):
    settings = arena.settings
    with nginx() as (url, pid):
        shared = {"connections": connections, "users": settings.users}
        load.wrk(url + "/health", {}, seconds=settings.warm_up or 0.5, **shared)
        return load.wrk(url + "/health", {"service": pid}, seconds=settings.seconds, **shared)


def limits(arena, connections=(None, 4096)):
    settings = arena.settings
    found = []
    for name, is_pipelined in PGBENCH.items():
        def run(name=name, is_pipelined=is_pipelined):
            clients = best_clients(arena, name)
            return run_pgbench(arena, is_pipelined, clients, settings.seconds) | {"clients": clients}
        found += [Measurement(run, settings.seconds, experiment="closed", contestant=name, workload="read",
                              connections=settings.connections, round=number) for number in range(settings.rounds)]
    for count in connections:
        wanted = count or settings.connections
        found += [Measurement(lambda wanted=wanted: run_nginx(arena, wanted), arena.seconds_of(), experiment="closed",
                              contestant="nginx", workload="health", connections=wanted, round=number)
                  for number in range(settings.cell_rounds if count else settings.rounds)]
    return found
