"""What a suite needs beyond the compiler; meson counts a suite without it as skipped (exit code 77)."""

import importlib.util
import pathlib
import shutil
import sys

SKIPPED = 77


def second_chances():
    """
    pytest's arguments for tests of a running service, which depend on how busy the machine is: who fails
    is asked again, and pytest's last line counts the reruns. None without the plugin.
    """
    return ["--reruns", "2"] if importlib.util.find_spec("pytest_rerunfailures") else []


def is_there(program):
    """In PATH, or where Debian keeps the programs of the PostgreSQL server."""
    return shutil.which(program) or list(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))


def skip_without(*modules, programs=("initdb",)):
    """Ends the process with a reason when a Python module or a program is missing."""
    missing = [f"Python's {module}" for module in modules if importlib.util.find_spec(module) is None]
    missing += [program for program in programs if not is_there(program)]
    if missing:
        print(f"skipped: {', '.join(missing)} missing for {sys.executable}")
        sys.exit(SKIPPED)
