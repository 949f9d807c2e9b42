"""The manifests keep their promises, and each promise would be missed: that is shown by breaking it."""

import re

import pytest
from manifests import ROOT
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
