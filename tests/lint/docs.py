#!/usr/bin/env python3
"""Holds the documents to the tree: links and paths lead somewhere, and ./dev has the commands that they name."""

import re
import subprocess

import common

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:src|include|tests|docs|bench|migrations|docker|deploy|\.ci)/[\w./-]*)`")
COMMAND = re.compile(r"\./dev ([\w-]*\w)")


def documents():
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=common.ROOT,
                           capture_output=True, text=True)
    if files.returncode == 0:
        return [common.ROOT / name for name in files.stdout.split("\n") if name]
    return [*common.ROOT.glob("*.md"), *(common.ROOT / "docs").rglob("*.md")]


def anchors(path):
    """The anchors that a forge makes of the headings."""
    headings = re.findall(r"^#+ +(.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def link_flaw(path, target):
    if re.match(r"[a-z]+:", target):
        return None
    file, _, anchor = target.partition("#")
    destination = (path.parent / file).resolve() if file else path
    if not destination.exists():
        return f"no such file: {target}"
    if anchor and destination.suffix == ".md" and anchor not in anchors(destination):
        return f"no such heading: {target}"
    return None


def flaws_of(path, commands):
    text = path.read_text()
    name = common.relative(path)
    for target in LINK.findall(text):
        flaw = link_flaw(path, target)
        if flaw:
            yield f"{name}: {flaw}"
    for mentioned in PATH.findall(text):
        if not (common.ROOT / mentioned).exists():
            yield f"{name}: no such path: {mentioned}"
    for command in COMMAND.findall(text):
        if command not in commands:
            yield f"{name}: ./dev has no command {command}"


def main():
    commands = set(re.findall(r"^\./dev ([\w-]*\w)", (common.ROOT / "dev").read_text(), re.M)) | {"help"}
    files = documents()
    common.report("documents", [flaw for path in files for flaw in flaws_of(path, commands)], len(files))


if __name__ == "__main__":
    main()
