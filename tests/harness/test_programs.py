"""What other programs print, and what happens when they do not."""

import json

import pytest
from harness import builds, load

WRK = {"count": 100, "duration_us": 2_000_000, "p50": 1.0, "p90": 2.0, "p99": 3.0, "p999": 4.0, "max": 5.0, "mean": 1.1,
       "non2xx": 0, "connect": 0, "read": 0, "write": 0, "timeout": 0}
OHA = {"summary": {"total": 2.0, "slowest": 0.5}, "statusCodeDistribution": {"200": 200}, "errorDistribution": {},
       "latencyPercentiles": {"p50": 0.001, "p90": 0.002, "p99": 0.003, "p99.9": 0.004}}


@pytest.fixture
def prints(monkeypatch):
    """Makes a load generator's output."""
    def use(text):
        monkeypatch.setattr(load, "output_of", lambda *_, **__: text)
    return use


def wrk():
    return load.wrk("http://127.0.0.1:1", {}, seconds=2, connections=64, users=1000)


def oha(rate):
    return load.oha("http://127.0.0.1:1", {}, rate=rate, seconds=2, connections=64)


def test_wrk_rate_and_latencies(prints):
    prints("Running 2s test\n" + json.dumps(WRK))
    figures = wrk()
    assert (figures["rate"], figures["failed"], figures["p999"]) == (50.0, 0, 4.0)


@pytest.mark.parametrize("kind", ["non2xx", "connect", "read", "write", "timeout"])
def test_every_kind_of_failure_counts(prints, kind):
    prints(json.dumps({**WRK, kind: 3}))
    assert wrk()["failed"] == 3


@pytest.mark.parametrize("output", ["", "unable to connect"])
def test_a_load_generator_without_figures_is_an_error(prints, output):
    prints(output)
    with pytest.raises(load.LoadError):
        wrk()


def test_oha_speaks_milliseconds(prints):
    prints(json.dumps(OHA))
    figures = oha(100)
    assert (figures["rate"], figures["p99"], figures["max"]) == (100.0, 3.0, 500.0)
    assert figures["curve"][0] == [0.5, 1.0]


def test_a_rate_that_is_not_kept_is_no_result(prints):
    prints(json.dumps(OHA))
    with pytest.raises(load.LoadError, match="keep up"):
        oha(103)


def test_answers_of_another_status_and_errors_are_failures(prints):
    prints(json.dumps({**OHA, "statusCodeDistribution": {"200": 190, "503": 10}, "errorDistribution": {"timeout": 2}}))
    assert oha(100)["failed"] == 12


@pytest.mark.parametrize("name, line", [("a.c", r'TEXT("{\"status\":\"ok\"}")'), ("a.go", '`{"status":"ok"}`'),
                                        ("a.rs", 'r#"{"status":"ok"}"#')])
def test_one_line_is_changed_for_the_incremental_build(tmp_path, name, line):
    (tmp_path / name).write_text(f"first\n{line}\nlast\n")
    builds.change_one_line(tmp_path)
    changed = (tmp_path / name).read_text().splitlines()
    assert changed[0] == "first" and changed[2] == "last"
    assert changed[1] == line.replace("ok", "fine")


def test_sources_without_such_a_line_are_an_error(tmp_path):
    with pytest.raises(builds.BuildError):
        builds.change_one_line(tmp_path)


def test_a_build_that_fails_says_why_in_one_line(tmp_path):
    script = tmp_path / "build.sh"
    script.write_text("echo working\necho 'error: no such crate'\necho more\nexit 1\n")
    with pytest.raises(builds.BuildError, match="^error: no such crate"):
        builds.run(["sh", script], tmp_path, {}, tmp_path / "log")


def test_a_tool_that_dev_has_not_found_is_absent(monkeypatch):
    monkeypatch.setenv("OHA", "")
    assert builds.tool("oha") == ""
    with pytest.raises(builds.BuildError, match="new enough"):
        monkeypatch.setenv("CARGO", "")
        builds.needed("cargo")
