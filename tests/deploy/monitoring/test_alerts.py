"""The rules of deploy/prometheus: what they promise, and that they are tested."""

import subprocess

import pytest
import yaml

from prometheus import FOLDER, ROOT, find_program
from promql import counters_as_they_are, grouping_labels, selectors

ANNOTATIONS = {"summary", "description", "runbook_url"}
SEVERITIES = {"critical", "warning"}
PROMTOOL = find_program("promtool")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="no promtool")


def load(name):
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


RULES = [rule for group in load("alerts.yaml")["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]


def promtool(*arguments):
    outcome = subprocess.run([PROMTOOL, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@needs_promtool
def test_the_rules_are_rules():
    promtool("check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")


@needs_promtool
def test_the_configuration_is_one():
    promtool("check", "config", "--lint-fatal", "prometheus.yaml")


@needs_promtool
def test_alerts_fire_when_they_should_and_else_are_silent():
    promtool("test", "rules", "alerts_test.yaml")


@needs_promtool
@pytest.mark.parametrize("alert, before, after", [
    ("SplitsWorkersBusy", "> 0.85", "> 0.95"),
    ("SplitsNotReady", "== 0\n        for: 1m", "== 0\n        for: 9m"),
    ("SplitsOverloaded", 'code="overloaded"', 'code="overload"'),
    ("SplitsWorkerStalled", "          or splits_main_turn_age_seconds", "          unless splits_main_turn_age_seconds"),
])
def test_the_tests_notice_a_rule_that_is_changed(alert, before, after, tmp_path):
    rules = (FOLDER / "alerts.yaml").read_text(encoding="utf-8")
    assert before in rules
    (tmp_path / "alerts.yaml").write_text(rules.replace(before, after), encoding="utf-8")
    tests = load("alerts_test.yaml")
    tests["tests"] = [test for test in tests["tests"] if alert in {check["alertname"] for check in test["alert_rule_test"]}]
    (tmp_path / "alerts_test.yaml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    command = [PROMTOOL, "test", "rules", tmp_path / "alerts_test.yaml"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode != 0 and alert in outcome.stdout + outcome.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_does_not():
    checks = [check for test in load("alerts_test.yaml")["tests"] for check in test["alert_rule_test"]]
    fired, silent = set(), set()
    for check in checks:
        for alert in check["exp_alerts"] or []:
            fired.add((check["alertname"], alert["exp_labels"]["severity"], alert["exp_labels"].get("window")))
        if not check["exp_alerts"]:
            silent.add(check["alertname"])
    assert fired == {(rule["alert"], rule["labels"]["severity"], rule["labels"].get("window")) for rule in ALERTS}
    assert silent == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_where_to_read_on(rule):
    assert rule["labels"]["severity"] in SEVERITIES
    assert set(rule["annotations"]) == ANNOTATIONS
    assert rule["annotations"]["summary"].endswith(".")
    page, anchor = rule["annotations"]["runbook_url"].split("#")
    assert (ROOT / page).is_file() and anchor == rule["alert"].lower()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_is_about_this_service_alone(rule):
    for selector in selectors(rule["expr"]):
        assert "job" in selector.labels or selector.name.startswith("job:"), selector


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_takes_the_rate_of_counters(rule):
    assert not counters_as_they_are(rule["expr"])


def test_no_name_is_given_twice():
    names = [(rule.get("record") or rule["alert"], rule.get("labels", {}).get("window")) for rule in RULES]
    assert len(names) == len(set(names))


def test_the_reader_of_expressions_finds_what_is_asked_for():
    expression = """sum by (job, code) (rate(a_total{x=~"[}]|50[034]",y!="(z)"}[5m])) / on (job) group_left () b
        or histogram_quantile(0.99, rate(c_bucket{le="0.1"}[1d])) > bool 1e-9 unless job:d:rate5m offset 3d"""
    assert [selector.text for selector in selectors(expression)] == [
        'a_total{x=~"[}]|50[034]",y!="(z)"}', "b", 'c_bucket{le="0.1"}', "job:d:rate5m"]
    assert selectors(expression)[0].labels == {"x", "y"}
    assert grouping_labels(expression) == {"job", "code"}
    assert not counters_as_they_are(expression)
    assert [str(selector) for selector in counters_as_they_are('rate(a_total[5m]) + a_total + sum(b_count{c="d"})')] == [
        "a_total", 'b_count{c="d"}']
