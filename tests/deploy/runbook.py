"""Reads docs/runbook.md."""

import re
import textwrap

from prometheus import ROOT

RUNBOOK = ROOT / "docs/runbook.md"
PARTS = ("means", "users", "look first", "causes", "what to do", "escalate")
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.M | re.S)


def entries():
    """Alert → text."""
    parts = re.split(r"^### (\w+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def blocks():
    """[(language, text)] of the fenced blocks."""
    return [(language, textwrap.dedent(text)) for _, language, text in BLOCK.findall(RUNBOOK.read_text(encoding="utf-8"))]


def lines(language):
    """The lines of all blocks of a language, each of which is one command."""
    return [line for own, text in blocks() if own == language for line in text.splitlines() if line]
