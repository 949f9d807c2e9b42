"""Holds a contestant to the tests of the API that are marked core or lab."""

import re
import subprocess
import sys

from harness.servers import Server, StartError
from harness.settings import ROOT

SECONDS_MAX = 300
DB_CONNECTIONS = 8


class ContractError(Exception):
    """A line for the user."""


def hold(contestant, database):
    """How many tests passed; raises ContractError when one did not."""
    options = ["--lab=on"] if contestant.family == "c" else []
    try:
        with Server(contestant, database.fresh_url(), DB_CONNECTIONS, *options) as server:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "core or lab", "--tb=line",
                       ROOT / "tests/api", f"--base-url={server.base_url}", f"--lab={','.join(contestant.serializers)}"]
            run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX)
    except StartError as error:
        raise ContractError(str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise ContractError("the contract's tests did not end") from error
    passed = re.search(r"(\d+) passed", run.stdout)
    if run.returncode != 0 or not passed:
        wrong = re.findall(r"^FAILED (.*)$|^E +(.*)$|^(/.*)$", run.stdout, re.M)
        first = next((text for found in wrong for text in found if text), "no test ran")
        raise ContractError(f"does not keep the contract: {first[:200]}")
    return {"passed": int(passed[1]), "failed": 0}
