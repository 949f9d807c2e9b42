"""docs/runbook.md has an entry for every alert. tests/deploy/test_monitoring.py runs what can be run of it."""

import re

import pytest

from prometheus import ROOT
from runbook import PARTS, RUNBOOK, blocks, entries
from test_alerts import ALERTS

NAMES = sorted({rule["alert"] for rule in ALERTS})
FOREIGN = {"pg_monitor", "idempotency_keys", "pg_is_in_recovery", "pg_terminate_backend", "max_connections",
           "server_lifetime", "idle_session_timeout", "default_transaction_read_only", "runbook_url",
           "container_cpu_cfs_throttled_seconds_total"}


def test_every_alert_has_an_entry_and_every_entry_an_alert():
    assert sorted(entries()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_says_all_that_is_needed(name):
    text = entries()[name]
    for part in PARTS:
        assert re.search(rf"\*\*[^*]*\b{part}\b", text, re.IGNORECASE), part


def test_there_is_something_to_run():
    assert {language for language, _ in blocks()} == {"promql", "sh", "sql", "yaml"}


def test_codes_and_events_are_those_of_the_service():
    """Words in backticks that look like them are in the source, but for a few that are others' names."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.c"))
    text = re.sub(r"```.*?```", "", RUNBOOK.read_text(encoding="utf-8"), flags=re.S)
    names = set(re.findall(r"`([a-z]+_[a-z_]+)`", text)) - FOREIGN
    assert len(names) > 15
    for name in names:
        assert re.search(rf"\b{name}\b", source), name
