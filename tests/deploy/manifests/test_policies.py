"""The manifests keep their promises, and each promise would be missed: that is shown by breaking it."""

import re
import shutil

import pytest
from manifests import KUBERNETES, ROOT, Manifests, name_of, render
from mutations import MUTATIONS
from policies import POLICIES, broken


@pytest.mark.parametrize("name", POLICIES)
def test_policy(manifests, name):
    assert not list(POLICIES[name](manifests))


@pytest.mark.parametrize(("mutation", "overlay"), [(mutation, overlay) for mutation in MUTATIONS
                                                   for overlay in mutation.overlays], ids=str)
def test_a_broken_promise_is_noticed_by_its_policy_alone(rendered, mutation, overlay):
    assert broken(mutation.apply(rendered[overlay])).keys() == {mutation.policy}


def test_every_policy_is_broken_by_something():
    assert {mutation.policy for mutation in MUTATIONS} == POLICIES.keys()


def test_every_policy_is_in_the_document():
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/kubernetes.md").read_text(), re.M)
    assert sorted(rows) == sorted(POLICIES)


@pytest.fixture
def edited(tmp_path):
    """Renders production after a change of one of its files, as somebody who deploys makes it."""
    def edit(file, before, after):
        tree = tmp_path / "kubernetes"
        shutil.copytree(KUBERNETES, tree)
        text = (tree / file).read_text()
        assert text.count(before) == 1
        (tree / file).write_text(text.replace(before, after))
        return Manifests("production", render(tree / "overlays/production"))

    return edit


def test_a_new_tag_is_a_new_migration(edited):
    manifests = edited("overlays/production/kustomization.yaml", "newTag: 0.1.0", "newTag: 99.0.0")
    assert name_of(manifests.migration) == "splits-migrate-99.0.0"
    assert not broken(manifests)


def test_a_changed_setting_is_a_rollout_but_no_new_migration(rendered, edited):
    manifests = edited("base/settings.env", "SPLITS_GRACE_PERIOD_MS=10000", "SPLITS_GRACE_PERIOD_MS=9000")
    assert manifests.server["spec"]["template"] != rendered["production"].server["spec"]["template"]
    assert manifests.migration == rendered["production"].migration
