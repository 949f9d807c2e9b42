"""The alert rules reach a Prometheus with operator and one without, unchanged; and both find the pods.

What the rules themselves are worth is asked in test_alerts.py.
"""

import json
import os
import re
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


def meta(pod):
    """What Prometheus knows of a pod before it relabels, for each of its ports."""
    template = pod["spec"]["template"]
    known = {f"annotation_{re.sub('[^a-z]', '_', key)}": value
             for key, value in template["metadata"]["annotations"].items()}
    known |= {"phase": "Running", "name": "splits-1"}
    for port in template["spec"]["containers"][0]["ports"]:
        labels = {f"__meta_kubernetes_pod_{key}": value
                  for key, value in (known | {"container_port_name": port["name"]}).items()}
        yield {"targets": [f"10.0.0.1:{port['containerPort']}"],
               "labels": labels | {"__meta_kubernetes_namespace": pod["metadata"]["namespace"]}}


def discovered(mounted, folder, targets):
    """The labels of what would be scraped. Debian's Prometheus does not know Kubernetes: it is given the pods."""
    config = yaml.safe_load((mounted / "scrape.yaml").read_text())
    job, = config["scrape_configs"]
    del job["kubernetes_sd_configs"]
    job["static_configs"] = list(targets)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    assert promtool("check", "config", "prometheus.yaml", folder=folder).returncode == 0
    answer = promtool("check", "service-discovery", "--timeout=1s", "prometheus.yaml", job["job_name"], folder=folder)
    assert answer.returncode == 0, answer.stderr
    return [target["labels"] for target in json.loads(answer.stdout) if target["labels"]]


def test_prometheus_scrapes_each_pod_once_where_its_metrics_are(manifests, mounted, tmp_path):
    labels, = discovered(mounted, tmp_path, meta(manifests.server))
    notes = manifests.server["spec"]["template"]["metadata"]["annotations"]
    assert labels["__address__"] == f"10.0.0.1:{notes['prometheus.io/port']}"
    assert labels["__metrics_path__"] == notes["prometheus.io/path"]
    assert labels["job"] == "splits" # which the rules select
    assert labels["namespace"] == manifests.server["metadata"]["namespace"]


def test_prometheus_leaves_out_pods_that_are_over(manifests, mounted, tmp_path):
    targets = list(meta(manifests.server))
    for target in targets:
        target["labels"]["__meta_kubernetes_pod_phase"] = "Succeeded"
    assert not discovered(mounted, tmp_path, targets)


def test_prometheus_looks_for_the_labels_of_the_server(manifests, mounted):
    job, = yaml.safe_load((mounted / "scrape.yaml").read_text())["scrape_configs"]
    (discovery,) = job["kubernetes_sd_configs"]
    selector = dict(part.split("=") for part in discovery["selectors"][0]["label"].split(","))
    assert selector.items() <= manifests.server["spec"]["template"]["metadata"]["labels"].items()
    assert not selector.items() <= manifests.migration["spec"]["template"]["metadata"]["labels"].items()
