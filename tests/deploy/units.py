"""The unit files of deploy/systemd as their parts."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/systemd"
UNITS = ("splits.service", "splits-migrate.service")


def text_of(unit):
    return (FOLDER / unit).read_text(encoding="utf-8")


def lines_of(text, section):
    """The settings of a section as (name, value), in order."""
    settings, current = [], None
    for line in text.splitlines():
        if line.startswith("["):
            current = line.strip("[]")
        elif current == section and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            settings.append((name, value))
    return settings


def service_settings(unit):
    """Those of [Service]; of a name that is there twice, the last."""
    return dict(lines_of(text_of(unit), "Service"))


def sandbox_of(unit):
    """From the user on: what the process may not do."""
    settings = lines_of(text_of(unit), "Service")
    names = [name for name, _ in settings]
    return settings[names.index("User"):]
