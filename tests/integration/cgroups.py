"""Control groups of a test's own, of version 1 or 2: needs root, and a file system of them that can be written."""

import contextlib
import os
from pathlib import Path

import pytest

ROOT = Path("/sys/fs/cgroup")


def hierarchy(controller):
    """The folder in which a group of this controller can be made; skips the test when there is none."""
    old = ROOT / controller
    if old.is_dir():
        return old
    offered = ROOT / "cgroup.controllers"
    if not offered.exists() or controller not in offered.read_text(encoding="ascii").split():
        pytest.skip(f"no control groups for {controller} here")
    if controller not in (ROOT / "cgroup.subtree_control").read_text(encoding="ascii").split():
        write(ROOT / "cgroup.subtree_control", f"+{controller}")
    return ROOT


def write(path, text):
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        pytest.skip(f"{path} cannot be written: {error}")


@contextlib.contextmanager
def limited(controller, **files):
    """A prefix for a command that runs it in a new group; files: name of version 1 or 2 and content."""
    folder = hierarchy(controller) / f"splits-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        names = {name.replace("__", "."): content for name, content in files.items()}
        for name, content in names.items():
            if (folder / name).exists():
                write(folder / name, content)
        yield ["sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh"]
    finally:
        folder.rmdir()
