"""A contest goes on where it stopped, and never counts what is no result."""

import pytest
from harness.race import Measurement, Race
from harness.load import LoadError
from harness.store import Store, parameters_key
from harness.watch import StolenTime

IDENTITY = {"programs": "a"}


def silent(_):
    pass


def measurement(run, name="splits", number=0):
    return Measurement(run, 1, experiment="closed", contestant=name, round=number)


def test_what_was_measured_is_there_after_an_interruption(tmp_path):
    Store(tmp_path / "s", IDENTITY).add({"experiment": "closed", "round": 0}, {"rate": 5.0})
    again = Store(tmp_path / "s", IDENTITY)
    assert again.has(parameters_key({"round": 0, "experiment": "closed"}))
    assert again.select(experiment="closed")[0]["rate"] == 5.0


def test_a_line_that_was_cut_short_is_forgotten(tmp_path):
    store = Store(tmp_path / "s", IDENTITY)
    store.add({"round": 0}, {"rate": 5.0})
    store.add({"round": 1}, {"rate": 6.0})
    path = tmp_path / "s/measurements.jsonl"
    path.write_text(path.read_text()[:-10])
    assert [record["round"] for record in Store(tmp_path / "s", IDENTITY).records] == [0]


def test_other_programs_start_anew_and_say_so(tmp_path):
    said = []
    Store(tmp_path / "s", IDENTITY).add({"round": 0}, {"rate": 5.0})
    (tmp_path / "s/contract.json").write_text("{}")
    assert Store(tmp_path / "s", {"programs": "b"}, said.append).records == []
    assert not (tmp_path / "s/contract.json").exists()
    assert len(said) == 1


@pytest.mark.parametrize("figures", [{"error": "it died"}, {"rate": 5.0, "failed": 1}])
def test_what_gave_no_result_is_no_result_and_is_measured_again(tmp_path, figures):
    store = Store(tmp_path / "s", IDENTITY)
    store.add({"round": 0}, figures)
    assert store.select(round=0) == []
    assert not store.has(parameters_key({"round": 0}))
    store.add({"round": 0}, {"rate": 7.0})
    assert [record["rate"] for record in store.records] == [7.0]
    assert [record["rate"] for record in Store(tmp_path / "s", IDENTITY).records] == [7.0]


def test_only_what_is_missing_is_measured(tmp_path):
    store = Store(tmp_path / "s", IDENTITY)
    calls = []
    both = [measurement(lambda number=number: calls.append(number) or {"rate": 1.0}, number=number) for number in (0, 1)]
    Race(store, silent).run(both[:1])
    Race(store, silent).run(both)
    assert calls == [0, 1]


@pytest.mark.parametrize("error", [LoadError("no answers"), ProcessLookupError("process 7 has ended"), IndexError(),
                                   ConnectionRefusedError()])
def test_a_contestant_that_dies_takes_nobody_with_it(tmp_path, error):
    def die():
        raise error

    store = Store(tmp_path / "s", IDENTITY)
    Race(store, silent).run([measurement(die), measurement(lambda: {"rate": 1.0}, name="other")])
    assert {record["contestant"]: "error" in record for record in store.records} == {"splits": True, "other": False}


def test_of_disturbed_attempts_the_least_disturbed_counts(tmp_path, monkeypatch):
    shares, rates = iter([0.3, 0.05, 0.2]), iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(StolenTime, "__exit__", lambda self, *_: setattr(self, "share", next(shares)))
    store = Store(tmp_path / "s", IDENTITY)
    Race(store, silent).run([measurement(lambda: {"rate": next(rates)})])
    assert [(record["rate"], record["stolen_share"]) for record in store.records] == [(2.0, 0.05)]


def test_a_measurement_that_stays_disturbed_is_no_result(tmp_path, monkeypatch):
    monkeypatch.setattr(StolenTime, "__exit__", lambda self, *_: setattr(self, "share", 0.2))
    store = Store(tmp_path / "s", IDENTITY)
    Race(store, silent).run([measurement(lambda: {"rate": 1.0})])
    assert store.select() == [] and len(store.records) == 1


def test_an_undisturbed_attempt_is_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr(StolenTime, "__exit__", lambda self, *_: setattr(self, "share", 0.0))
    rates = iter([1.0])
    store = Store(tmp_path / "s", IDENTITY)
    Race(store, silent).run([measurement(lambda: {"rate": next(rates)})])
    assert [record["rate"] for record in store.records] == [1.0]


def test_rounds_come_in_order(tmp_path):
    rounds = []
    Race(Store(tmp_path / "s", IDENTITY), silent).run(
        [measurement(lambda number=number: rounds.append(number) or {}, name=name, number=number)
         for name in "abc" for number in (1, 0)])
    assert rounds == [0, 0, 0, 1, 1, 1]
