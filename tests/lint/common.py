"""What the lint checks share: where the sources are, how a check reports."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ("base", "http", "users", "operations", "postgres", "service")


def sources(*folders, suffixes=(".c", ".h")):
    """Every source file under the folders, sorted."""
    found = []
    for folder in folders:
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    return sorted(found)


def relative(path):
    return path.relative_to(ROOT).as_posix()


def without_comments_and_strings(text):
    """C text with comments and the contents of literals blanked, line numbers kept."""
    def blank(match):
        token = match.group(0)
        if token.startswith("/"):
            return " " + "\n" * token.count("\n")
        return token[0] + token[0]

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def report(check, flaws, looked_at):
    """Prints the flaws, one a line, and ends the process: 0 when there are none."""
    for flaw in flaws:
        print(flaw)
    print(f"{check}: {looked_at} files, {len(flaws)} flaws")
    sys.exit(1 if flaws else 0)
