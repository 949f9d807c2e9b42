"""A real Prometheus scrapes the service, and answers what the rules and the dashboard ask it."""

import math
import re
import shlex
import subprocess

import pytest

from prometheus import QueryFailed, find_program
from monitoring import RATE_INTERVAL, monitoring
from service import BINARY, MIGRATIONS, clean_environment, wait_until

from runbook import lines
from test_alerts import RULES
from test_dashboard import DASHBOARD, PANELS, VARIABLES

pytestmark = pytest.mark.skipif(not find_program("prometheus"), reason="no prometheus")
WINDOW_SECONDS = 5
TARGETS = [pytest.param(target["expr"], bool(target.get("instant")), id=f"{panel['title']}-{target['refId']}")
           for panel in PANELS for target in panel["targets"]]
CHOICES = ("all", "one")


@pytest.fixture(scope="module")
def watched():
    with monitoring() as everything:
        yield everything


def escaped(value):
    """As Grafana's Prometheus does it with the values of variables that may have several."""
    return re.sub(r"([$^*{}\[\]+?.()|\\])", r"\\\\\1", value)


def substituted(text, watched, choice):
    values = {"job": "splits", "__rate_interval": RATE_INTERVAL, "namespace": ".*"}
    values |= {"all": {"instance": ".*", "route": ".*"},
               "one": {"instance": escaped(watched.instance), "route": escaped("/users/{id}")}}[choice]
    return re.sub(r"\$(\w+)", lambda name: values[name[1]], text)


# The rules


def test_prometheus_evaluates_every_rule(watched):
    rules = [rule for group in watched.prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len(RULES)
    for rule in rules:
        assert rule["health"] == "ok", (rule["name"], rule.get("lastError"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_what_a_rule_asks_for_is_there(watched, rule):
    watched.query(rule["expr"])
    assert not watched.missing(rule["expr"])


@pytest.mark.parametrize("rule", [rule for rule in RULES if "record" in rule], ids=lambda rule: rule["record"])
def test_what_is_recorded_is_a_part(watched, rule):
    (_, value), = watched.query(rule["record"])
    assert 0 <= value <= 1
    assert value > 0 or "failed" not in rule["record"] # some were made to fail


def test_what_is_not_there_would_be_noticed(watched):
    assert watched.missing('rate(splits_no_such_total{job="splits"}[1m])') == ['splits_no_such_total{job="splits"}']
    assert watched.missing('sum by (nothing) (splits_ready{job="splits"})') == ["nothing"]
    assert watched.missing('splits_ready{nothing!="a"}') == ["splits_ready: nothing"]
    with pytest.raises(QueryFailed):
        watched.query("rate(splits_ready")


# The dashboard


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("expression, is_instant", TARGETS)
def test_a_panel_has_something_to_show(watched, expression, is_instant, choice):
    query = substituted(expression, watched, choice)
    if is_instant:
        values = [value for _, value in watched.query(query)]
    else:
        series = watched.prometheus.query_range(query, watched.time - WINDOW_SECONDS, watched.time)
        values = [value for _, samples in series for value in samples]
    assert values, query
    assert any(not math.isnan(value) for value in values), query


@pytest.mark.parametrize("name", [name for name, variable in VARIABLES.items() if variable["type"] == "query"])
def test_a_variable_has_values_to_choose_from(watched, name):
    values = watched.prometheus.label_values(substituted(VARIABLES[name]["query"]["query"], watched, "all"))
    if name == "route":
        assert {"/users", "/users/{id}", "/health/ready"} <= set(values)
    else:
        assert values == {"job": ["splits"], "instance": [watched.instance], "namespace": []}[name]


def test_starts_are_marked(watched):
    annotation, = DASHBOARD["annotations"]["list"]
    (_, milliseconds), = watched.query(substituted(annotation["target"]["expr"], watched, "all"))
    assert watched.time - 300 < milliseconds / 1000 < watched.time


def test_the_phases_of_a_route_are_its_duration(watched):
    panel, = (panel for panel in PANELS if panel["title"].startswith("Phases"))
    phases = dict((labels["phase"], value) for labels, value in
                  watched.query(substituted(panel["targets"][0]["expr"], watched, "one")))
    assert len(phases) == 7
    overhead = " / ".join(f'rate(splits_request_overhead_seconds_{suffix}{{http_route="/users/{{id}}"}}[{RATE_INTERVAL}])'
                          for suffix in ("sum", "count"))
    (_, seconds), = watched.query(overhead)
    assert sum(phases.values()) - phases["db"] - phases["queue"] == pytest.approx(seconds, rel=0.01)


# The runbook


@pytest.mark.parametrize("expression", lines("promql"))
def test_an_expression_of_the_runbook_asks_for_what_is_there(watched, expression):
    watched.query(expression)
    assert not watched.missing(expression)


@pytest.mark.parametrize("command", lines("sh"))
def test_a_command_of_the_runbook_runs(watched, command):
    command = command.replace("127.0.0.1:8081", watched.instance)
    program, *arguments = shlex.split(command)
    program = {"splits": BINARY, "curl": "curl"}[program]
    environment = clean_environment() | {"DATABASE_URL": watched.url, "SPLITS_MIGRATIONS_DIR": str(MIGRATIONS)}
    outcome = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0 and outcome.stdout, outcome.stderr


@pytest.mark.parametrize("statement", lines("sql"))
def test_a_statement_of_the_runbook_is_one(watched, statement):
    watched.server.query(statement, database="splits")


# Last, for it ends the database and then the service


def alerts(watched):
    return {labels["alertname"] for labels, _ in watched.prometheus.query("ALERTS")}


def test_an_outage_starts_its_alerts(watched):
    assert not {"SplitsNotReady", "SplitsDatabaseUnavailable", "SplitsDown"} & alerts(watched)
    watched.server.stop()
    wait_until(lambda: {"SplitsNotReady", "SplitsDatabaseUnavailable", "SplitsDatabaseConnectionsMissing"}
               <= alerts(watched), 20, "the alerts of a database that is away")
    watched.service.terminate()
    wait_until(lambda: {"SplitsDown", "SplitsInstanceDown"} <= alerts(watched), 20, "the alerts of a service that is away")
