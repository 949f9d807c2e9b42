#!/usr/bin/env python3
"""Holds the documents to the tree.

Links and paths lead somewhere, ./dev has the commands that they name, and the program the settings, with these values;
the runbook has a row for each code of a failure.
"""

import re
import subprocess

import common

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:src|include|tests|docs|bench|migrations|docker|deploy|\.ci)/[\w./-]*)`")
COMMAND = re.compile(r"\./dev ([\w-]*\w)")

ROW = re.compile(r"^\| `--([\w-]+)` \|[^|]*\| ((?:\\\||[^|])+) \|", re.M)
# But for a message of the program, which may quote what is wrong.
SETTING = re.compile(r"(?<!splits: )(?<![\w-])(SPLITS_|--)([A-Za-z][\w-]*)([= ])([^\s`),;]+)")
PLACEHOLDER = re.compile(r".*[…<$*]|[A-Z]+$")
OTHERS_OPTIONS = {"buildtype", "from-file", "prefix"} # meson's and kubectl's


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


def read_settings():
    """What each allows, in the table that a unit test holds to the program's own."""
    table = (common.ROOT / "docs/configuration.md").read_text()
    return {name: allowed.replace("\\|", "|") for name, allowed in ROW.findall(table)}


def is_allowed(value, allowed):
    numbers = re.fullmatch(r"(\d+)…(\d+)", allowed)
    if numbers:
        return value.isdecimal() and int(numbers[1]) <= int(value) <= int(numbers[2])
    return "|" not in allowed or value in allowed.split("|")


def setting_flaws(text, settings):
    for prefix, name, sign, value in SETTING.findall(text):
        option = name.lower().replace("_", "-")
        if option in OTHERS_OPTIONS or PLACEHOLDER.match(value):
            continue
        if option not in settings:
            if sign == "=":
                yield f"no such setting: {prefix}{name}"
        elif not is_allowed(value.rstrip(".:"), settings[option]):
            yield f"{prefix}{name} may not be {value}"


def row_flaws():
    """The codes that count against the budget of errors are explained where that is spent."""
    rows = (common.ROOT / "docs/runbook.md").read_text().split("### SplitsErrorBudgetBurn")[1].split("###")[0]
    for code in re.findall(r"\| (\w+) \| 50[034] \|", (common.ROOT / "docs/openapi.yaml").read_text()):
        if f"`{code}`" not in rows:
            yield f"docs/runbook.md: SplitsErrorBudgetBurn has no row for {code}"


def flaws_of(path, commands, settings):
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
    if path.parent in (common.ROOT, common.ROOT / "docs"):
        yield from (f"{name}: {flaw}" for flaw in setting_flaws(text, settings))


def main():
    commands = set(re.findall(r"^\./dev ([\w-]*\w)", (common.ROOT / "dev").read_text(), re.M)) | {"help"}
    settings = read_settings()
    files = documents()
    flaws = [flaw for path in files for flaw in flaws_of(path, commands, settings)]
    common.report("documents", [*flaws, *row_flaws()], len(files))


if __name__ == "__main__":
    main()
