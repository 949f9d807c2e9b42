"""The manifests as kustomize renders them, and how to find things in them."""

import os
import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
KUBERNETES = ROOT / "deploy/kubernetes"
TOOLS = pathlib.Path(sys.executable).parent # prepare.py's, whose Python runs these tests
OVERLAYS = ("dev", "production")
TERMINATION_SECONDS = 30 # what Kubernetes takes where a pod says nothing
CPU = re.compile(r"(\d+)(m?)")


class Strict(yaml.SafeLoader):
    """Refuses a key that is there twice: the later one would hide the first."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


def load_all(text):
    return [document for document in yaml.load_all(text, Loader=Strict) if document]


def render(folder):
    """The documents of a kustomization; by kubectl, with kubeconfig out of reach."""
    environment = os.environ | {"KUBECONFIG": "/dev/null"}
    result = subprocess.run([TOOLS / "kubectl", "kustomize", folder], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert not result.stderr, f"kustomize warns: {result.stderr}" # of deprecated fields
    return load_all(result.stdout)


class Manifests:
    """The documents of an overlay."""

    def __init__(self, overlay, documents):
        self.overlay = overlay
        self.documents = documents

    def all(self, kind):
        return [document for document in self.documents if document["kind"] == kind]

    def get(self, kind, name):
        """None when there is none."""
        found = [document for document in self.all(kind) if name_of(document) == name]
        return found[0] if found else None

    @property
    def server(self):
        return self.get("Deployment", "splits")

    @property
    def server_pod(self):
        return self.server["spec"]["template"]["spec"]

    @property
    def container(self):
        return self.server_pod["containers"][0]

    @property
    def migration(self):
        return self.all("Job")[0]

    def workloads(self):
        return [document for kind in ("Deployment", "StatefulSet", "Job") for document in self.all(kind)]

    def own_workloads(self):
        """Those that run the service's image."""
        return [*self.all("Deployment"), *self.all("Job")]

    def pods(self):
        """Name and pod template's spec of every workload."""
        return [(name_of(workload), workload["spec"]["template"]["spec"]) for workload in self.workloads()]

    def containers(self):
        return [(f"{name}: {container['name']}", container) for name, pod in self.pods()
                for container in [*pod.get("initContainers", []), *pod["containers"]]]

    def settings(self):
        """The environment of the server's container."""
        names = [source["configMapRef"]["name"] for source in self.container.get("envFrom", [])]
        values = {}
        for name in names:
            values |= self.get("ConfigMap", name)["data"]
        return values | {variable["name"]: variable.get("value") for variable in self.container.get("env", [])}

    def setting(self, name):
        return int(self.settings().get(name, 0))

    def replicas_max(self):
        scaler = self.get("HorizontalPodAutoscaler", "splits")
        return scaler["spec"]["maxReplicas"] if scaler else self.server["spec"].get("replicas", 1)

    def workers(self):
        """As many as the binary starts by itself; None when that depends on the node."""
        limit = self.container.get("resources", {}).get("limits", {}).get("cpu")
        return self.setting("SPLITS_WORKERS") or (max(1, cpus(limit) // 1000) if limit else None)

    def drain_seconds_max(self):
        """From the beginning of preStop until the process has ended by itself."""
        own = self.setting("SPLITS_DRAIN_DELAY_MS") + self.setting("SPLITS_GRACE_PERIOD_MS")
        return pre_stop_seconds(self.container) + own / 1000


def name_of(document):
    return document["metadata"]["name"]


def cpus(quantity):
    """In thousandths."""
    number, milli = CPU.fullmatch(str(quantity)).groups()
    return int(number) * (1 if milli else 1000)


def pre_stop_seconds(container):
    """0 without one, or with one that waits for nothing."""
    command = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
    return float(command[2]) if command[1:2] == ["sleep"] else 0


def selects(selector, labels):
    """Does a selector with matchLabels alone, or a Service's, choose these labels?"""
    wanted = selector.get("matchLabels", selector)
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())
