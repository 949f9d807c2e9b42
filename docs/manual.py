#!/usr/bin/env python3
"""Makes the manual page: manual.py PROGRAM splits.1.in [NAME=VALUE…] >splits.1

The lists of commands and options are those that `PROGRAM --help` prints; @NAME@ is replaced by a value.
"""

import re
import subprocess
import sys

COMMAND = re.compile(r"^  ([a-z]+(?: [a-z|]+| [A-Z]+)*)  +(\S.*)$")
OPTION = re.compile(r"^  --([a-z-]+)=(\S+) +(\S.*) \[(.*)\]$")


def escaped(text):
    """For roff: a backslash, and what is a macro at the begin of a line; "-" is a minus sign."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text[0] in ".'" else text


def words(text):
    """As arguments of a macro, which must not be taken for macros: each by itself."""
    return " ".join(rf"\&{escaped(word)}" for word in text.split())


def command_item(match):
    name, *arguments = match.group(1).split()
    parts = [f"Cm {name}"] + [f"Ar {word.lower()}" if word.isupper() else f"Cm {word}" for word in arguments]
    return f".It {' '.join(parts)}\n{escaped(match.group(2))}\n"


def option_item(match):
    name, allowed, meaning, default = match.groups()
    return f".It Fl Fl {name} Ns = Ns Ar {words(allowed)}\n{escaped(f'{meaning} [{default}]')}\n"


def listed(lines, pattern, item):
    """A list of the lines that match."""
    items = [item(match) for match in map(pattern.match, lines) if match]
    return ".Bl -tag -width Ds\n" + "".join(items) + ".El"


def options_of(lines):
    flaws = [line for line in lines if line.startswith("  --") and not OPTION.match(line)]
    if flaws:
        sys.exit(f"manual.py: not understood: {flaws[0]}")
    return listed(lines, OPTION, option_item)


def commands_of(lines):
    flaws = [line for line in lines if re.match("  [a-z]", line) and not COMMAND.match(line)]
    if flaws:
        sys.exit(f"manual.py: not understood: {flaws[0]}")
    return listed(lines, COMMAND, command_item)


def main():
    program, template, *settings = sys.argv[1:]
    lines = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout.splitlines()
    with open(template, encoding="utf-8") as file:
        page = file.read()
    page = page.replace('.\\" @COMMANDS@', commands_of(lines))
    page = page.replace('.\\" @OPTIONS@', options_of(lines))
    for setting in settings:
        name, _, value = setting.partition("=")
        page = page.replace(f"@{name}@", value)
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(page)


if __name__ == "__main__":
    main()
