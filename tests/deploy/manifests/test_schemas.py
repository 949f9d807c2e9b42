"""Every document is what the API of Kubernetes takes, and nothing else, in each version that is promised."""

import copy
import functools
import os

import crd
import jsonschema
import kubernetes_validate
import pytest
from manifests import KUBERNETES, ROOT, load_all, render

VERSIONS = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37") # docs/kubernetes.md
CUSTOM = crd.load()
# A megabyte, which the library reads anew for every document.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)

COMPONENT = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: splits
resources: [{base}]
components: [{component}]
"""


def flaws_of(document, version):
    schema = CUSTOM.get((document["kind"], document["apiVersion"]))
    try:
        if schema:
            jsonschema.Draft202012Validator(schema).validate(document)
        else:
            kubernetes_validate.validate(document, version, strict=True)
    except jsonschema.ValidationError as error:
        yield f"{document['kind']} {document['metadata']['name']}: {'.'.join(map(str, error.path))}: {error.message}"


def objects_in(tree, path=()):
    """The places of all dicts whose fields the API knows: not labels, selectors, data and such."""
    free = {"labels", "annotations", "matchLabels", "selector", "data", "requests", "limits", "nodeSelector"}
    if isinstance(tree, dict):
        yield path
    for key, part in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        if key not in free:
            yield from objects_in(part, (*path, key))


def at(tree, path):
    for key in path:
        tree = tree[key]
    return tree


@pytest.fixture(scope="session")
def with_operator(tmp_path_factory):
    """What the component adds to an overlay."""
    folder = tmp_path_factory.mktemp("overlay")
    paths = [os.path.relpath(KUBERNETES / name, folder.resolve()) # kustomize refuses absolute ones
             for name in ("overlays/production", "components/prometheus-operator")]
    (folder / "kustomization.yaml").write_text(COMPONENT.format(base=paths[0], component=paths[1]))
    return render(folder)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_document_is_valid(manifests, version):
    assert not [flaw for document in manifests.documents for flaw in flaws_of(document, version)]


def test_an_unknown_field_is_refused_wherever_it_is(manifests):
    accepted = []
    for document in manifests.documents:
        for path in objects_in(document):
            changed = copy.deepcopy(document)
            at(changed, path)["unknownField"] = "x"
            if not list(flaws_of(changed, VERSIONS[-1])):
                accepted.append((document["kind"], path))
    assert not accepted


def test_the_operators_documents_are_valid(with_operator):
    monitors = [document for document in with_operator if document["kind"] == "PodMonitor"]
    assert len(monitors) == 1
    assert not list(flaws_of(monitors[0], VERSIONS[-1]))
    for path in objects_in(monitors[0]):
        changed = copy.deepcopy(monitors[0])
        at(changed, path)["unknownField"] = "x"
        assert path == ("metadata",) or list(flaws_of(changed, VERSIONS[-1])), path


def test_the_pod_monitor_finds_the_server(with_operator, rendered):
    spec = next(document["spec"] for document in with_operator if document["kind"] == "PodMonitor")
    template = rendered["production"].server["spec"]["template"]
    assert spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert template["metadata"]["labels"][spec["jobLabel"]] == "splits" # job="splits" of the alert rules
    ports = [port["name"] for port in template["spec"]["containers"][0]["ports"]]
    assert [endpoint["port"] in ports for endpoint in spec["podMetricsEndpoints"]] == [True]


def test_the_files_have_no_key_twice():
    for file in [*KUBERNETES.rglob("*.yaml"), *(ROOT / "deploy/prometheus").glob("*.yaml")]:
        assert load_all(file.read_text()), file
