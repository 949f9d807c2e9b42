"""Each contestant races with what the sweep found best for it."""

from harness.arena import DB_CONNECTIONS_DEFAULT, Arena
from harness.contestants import COMBINED, GO, SPLITS
from harness.experiments import sweep
from harness.settings import Settings
from harness.store import Store
import harness.arena

SETTINGS = Settings(users=1000, rounds=1, cell_rounds=1, seconds=1.0, warm_up=0.0, connections=64)


def add_sweep(store, number, *rates):
    """rates: (db_connections, tuning, rate) of go-gin's look-ups in one round"""
    for connections, label, rate in rates:
        store.add({"experiment": "sweep", "contestant": "go-gin", "workload": "read", "db_connections": connections,
                   "tuning": label, "round": number}, {"rate": rate})


def finals_of(race):
    found = [one.parameters for one in sweep.finals(race)]
    assert all(one["contestant"] == "go-gin" for one in found)
    return {(one["db_connections"], one["tuning"], one["round"]) for one in found}


class ReadingDatabase:
    reading_url = "postgresql:///reading"


def arena(tmp_path, *records):
    """records: (contestant, workload, db_connections, tuning, rate)"""
    store = Store(tmp_path / "s", {})
    for number, (name, workload, connections, label, rate) in enumerate(records):
        store.add({"experiment": "sweep", "contestant": name, "workload": workload, "db_connections": connections,
                   "tuning": label, "round": number}, {"rate": rate})
    return Arena(SETTINGS, ReadingDatabase(), store, [SPLITS, *GO])


def test_the_highest_median_wins(tmp_path):
    race = arena(tmp_path, ("go-gin", "read", 8, "", 100.0), ("go-gin", "read", 16, "", 10.0),
                 ("go-gin", "read", 16, "", 500.0), ("go-gin", "read", 16, "", 20.0))
    assert race.tuning("go-gin", "read") == (8, "")


def test_more_connections_have_to_earn_it(tmp_path):
    race = arena(tmp_path, ("go-gin", "read", 8, "", 98.5), ("go-gin", "read", 64, "", 100.0),
                 ("go-fasthttp", "read", 8, "", 97.0), ("go-fasthttp", "read", 64, "", 100.0))
    assert race.tuning("go-gin", "read") == (8, "")
    assert race.tuning("go-fasthttp", "read") == (64, "")


def test_a_tuning_has_to_earn_it(tmp_path):
    race = arena(tmp_path, ("go-gin", "read", 8, "", 99.0), ("go-gin", "read", 8, "GOGC=400", 100.0),
                 ("go-fasthttp", "read", 8, "", 90.0), ("go-fasthttp", "read", 8, "GOGC=400", 100.0))
    assert race.tuning("go-gin", "read") == (8, "")
    assert race.tuning("go-fasthttp", "read") == (8, "GOGC=400")


def test_those_near_the_best_are_measured_more_often(tmp_path):
    race = arena(tmp_path)
    add_sweep(race.store, 0, (8, "", 91.0), (16, "", 89.0), (64, "", 100.0), (64, "GOGC=400", 200.0))
    wanted = {(size, "", number) for size in (8, 64) for number in (2, 3, 4)}
    assert finals_of(race) == wanted
    add_sweep(race.store, 2, (8, "", 1.0))
    assert finals_of(race) == wanted, "a contest that goes on has the same finals"


def test_writes_have_a_best_of_their_own(tmp_path):
    race = arena(tmp_path, ("go-gin", "read", 8, "", 100.0), ("go-gin", "create", 32, "GOGC=400", 50.0))
    assert race.tuning("go-gin", "read") == (8, "")
    assert race.tuning("go-gin", "create") == race.tuning("go-gin", "mixed") == (32, "GOGC=400")


def test_variants_of_splits_share_what_is_not_swept_for_them(tmp_path):
    race = arena(tmp_path, ("splits", "read", 4, "", 1.0), ("splits", "create", 16, "", 1.0),
                 ("splits-combined", "read", 8, "", 1.0))
    assert race.tuning("splits-blocking", "read") == (4, "")
    assert race.tuning("splits-no-ledger", "create") == (16, "")
    assert race.tuning(COMBINED.name, "read") == (8, "")
    assert race.tuning(COMBINED.name, "mixed") == (16, "")


def test_a_number_of_connections_that_is_given_keeps_the_rest_of_the_tuning(tmp_path):
    race = arena(tmp_path, ("go-nethttp", "read", 8, "GOGC=400", 100.0))
    server = race.server(GO[0], db_connections=64)
    assert server.environment["DB_CONNECTIONS"] == "64"
    assert server.environment["GOGC"] == "400"
    assert race.server(GO[0], label="").environment.get("GOGC") is None


def test_without_a_search_there_is_a_default(tmp_path, monkeypatch):
    monkeypatch.setattr(harness.arena, "published_tunings", dict)
    assert arena(tmp_path).tuning("go-gin", "read") == (DB_CONNECTIONS_DEFAULT, "")


def test_nothing_of_the_users_environment_reaches_a_contestant(tmp_path, monkeypatch):
    for name in ("GOGC", "MALLOC_ARENA_MAX", "SPLITS_WORKERS", "PGOPTIONS", "LD_PRELOAD", "TOKIO_WORKER_THREADS"):
        monkeypatch.setenv(name, "1")
    environment = arena(tmp_path).server(SPLITS).environment
    assert set(environment) <= {"PATH", "HOME", "LANG", "TMPDIR", "PORT", "DATABASE_URL", "SPLITS_DB_CONNECTIONS",
                                "SPLITS_MIGRATIONS_DIR", "SPLITS_ADMIN_PORT"}
