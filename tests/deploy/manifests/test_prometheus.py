"""The rules, as Prometheus reads them and as the operator does; and how Prometheus finds the pods."""

import os
import shutil
import subprocess

import pytest
import yaml
from manifests import ROOT, load_all, render
from test_schemas import flaws_of

PROMETHEUS = ROOT / "deploy/prometheus"
RULES = PROMETHEUS / "alerts.yaml"
PROMTOOL = os.environ.get("PROMTOOL") or shutil.which("promtool") or ROOT / ".dev/tools/usr/bin/promtool"


def promtool(*arguments, folder=PROMETHEUS):
    return subprocess.run([PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True)


def test_promtool_accepts_the_rules():
    answer = promtool("check", "rules", RULES.name)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_rules_do_what_their_tests_say():
    answer = promtool("test", "rules", "alerts_test.yaml")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_each_alert_is_seen_to_fire_and_seen_to_be_silent():
    """By promtool, above: an alert that never fires, or always, fails there."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    tests = [test for group in yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text())["tests"]
             for test in group.get("alert_rule_test", [])]
    assert alerts == {test["alertname"] for test in tests if test.get("exp_alerts")}
    assert alerts == {test["alertname"] for test in tests if not test.get("exp_alerts")}


def test_the_operator_gets_the_same_rules():
    answer = subprocess.run([PROMETHEUS / "prometheus_rule.sh"], capture_output=True, text=True, check=True)
    document, = load_all(answer.stdout)
    assert document["spec"] == yaml.safe_load(RULES.read_text())
    assert not list(flaws_of(document, None))
    document["spec"]["groups"][0]["rules"][0]["unknownField"] = "x"
    assert list(flaws_of(document, None))


@pytest.fixture(scope="module")
def mounted(tmp_path_factory):
    """The files of the ConfigMap, where a Prometheus without operator has mounted it."""
    document, = render(PROMETHEUS)
    folder = tmp_path_factory.mktemp("mounted")
    for name, text in document["data"].items():
        (folder / name).write_text(text)
    return folder


def test_a_prometheus_without_operator_gets_the_same_rules(mounted):
    assert (mounted / RULES.name).read_text() == RULES.read_text()


def test_prometheus_accepts_the_scrape_configuration(mounted):
    config = yaml.safe_load((mounted / "scrape.yaml").read_text()) | {"rule_files": [str(mounted / RULES.name)]}
    (mounted / "prometheus.yaml").write_text(yaml.safe_dump(config))
    answer = promtool("check", "config", "prometheus.yaml", folder=mounted)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_scrape_configuration_finds_the_server(manifests, mounted):
    job, = yaml.safe_load((mounted / "scrape.yaml").read_text())["scrape_configs"]
    assert job["job_name"] == "splits" # job="splits" of the rules
    template = manifests.server["spec"]["template"]
    selector = dict(part.split("=") for part in job["kubernetes_sd_configs"][0]["selectors"][0]["label"].split(","))
    assert selector.items() <= template["metadata"]["labels"].items()
    kept = {rule["source_labels"][0]: rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"}
    ports = {port["name"]: str(port["containerPort"]) for port in template["spec"]["containers"][0]["ports"]}
    notes = template["metadata"]["annotations"]
    assert ports[kept["__meta_kubernetes_pod_container_port_name"]] == notes["prometheus.io/port"]
    assert kept["__meta_kubernetes_pod_annotation_prometheus_io_scrape"] == notes["prometheus.io/scrape"]
