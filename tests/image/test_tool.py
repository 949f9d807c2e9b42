"""./dev image itself, where it cannot do its work."""

import os
import subprocess
import sys

import pytest

from conftest import ROOT

CANNOT_RUN = 4


@pytest.mark.skipif(os.geteuid() != 0, reason="takes rights away, and needs to have them")
@pytest.mark.parametrize(("without", "reason"), [
    (["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"], "no namespaces"),
    (["--reuid=65534", "--clear-groups"], "they need root here"),
])
def test_without_rights_it_says_so_in_a_line_and_has_an_exit_code_of_its_own(without, reason):
    result = subprocess.run(["setpriv", *without, sys.executable, ROOT / "docker/image.py", "--no-tests"],
                            capture_output=True, text=True, cwd="/")
    if "Permission denied" in result.stderr:
        pytest.skip("that user cannot enter the clone")
    assert result.returncode == CANNOT_RUN, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"Containers cannot run here: {reason}")


def test_a_wrong_option_is_usage():
    result = subprocess.run([sys.executable, ROOT / "docker/image.py", "--frehs"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "--frehs" in result.stderr
