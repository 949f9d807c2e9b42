"""The unit files as systemd itself reads them, and as they agree with the binary. They are run in test_systemd_run.py."""

import json
import os
import re
import shutil
import subprocess

import pytest

import units

EXPOSURE_MAX = 2.0

# What the service needs; systemd-analyze security calls each of them an exposure.
NEEDED = {
    "PrivateNetwork=": "it serves the network",
    "RestrictAddressFamilies=~AF_(INET|INET6)": "it serves the network",
    "IPAddressDeny=": "who may connect is the site's part: a firewall, or a drop-in",
    "RestrictAddressFamilies=~AF_UNIX": "PostgreSQL on the same machine, and systemd's notify socket",
    "RootDirectory=/RootImage=": "it comes as a binary with shared libraries",
    "DeviceAllow=": "ProtectClock= lets the real-time clock be read",
}
SERVICE = units.service_settings("splits.service")


@pytest.fixture(scope="module", autouse=True)
def systemd():
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd")


def judge(folder, unit, text):
    """What systemd-analyze security finds open in a unit of this text, by name; and the exposure."""
    file = folder / unit
    file.write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    checks = json.loads(subprocess.run([*command, "--json=short", file], check=True, capture_output=True, text=True).stdout)
    summary = subprocess.run([*command, file], check=True, capture_output=True, text=True).stdout
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", summary).group(1))
    return {check["name"] for check in checks if check["exposure"]}, exposure


@pytest.mark.parametrize("unit", units.UNITS)
def test_nothing_is_open_but_what_it_needs(unit, tmp_path):
    is_open, exposure = judge(tmp_path, unit, units.text_of(unit))
    assert is_open == set(NEEDED)
    assert exposure <= EXPOSURE_MAX


# systemd-analyze security does not look at these; the sandbox is run with them in test_systemd_run.py.
NOT_JUDGED = {"User", "NoExecPaths", "ExecPaths", "SystemCallErrorNumber", "SystemCallFilter"}


@pytest.mark.parametrize("setting", sorted({name for name, _ in units.sandbox_of("splits.service")} - NOT_JUDGED))
def test_each_line_of_the_sandbox_is_missed(setting, tmp_path):
    """The test above fails without it."""
    text = units.text_of("splits.service")
    without = re.sub(rf"^{setting}=.*\n", "", text, flags=re.M)
    assert without != text
    assert judge(tmp_path, "splits.service", without)[0] != set(NEEDED)


def test_the_filter_is_missed(tmp_path):
    without = re.sub(r"^SystemCallFilter=.*\n", "", units.text_of("splits.service"), flags=re.M)
    is_open, exposure = judge(tmp_path, "splits.service", without)
    assert is_open > set(NEEDED)
    assert exposure > EXPOSURE_MAX


def test_both_units_have_one_sandbox():
    assert units.sandbox_of("splits.service") == units.sandbox_of("splits-migrate.service")
    for name in ("EnvironmentFile", "LoadCredential", "Environment"):
        assert units.service_settings("splits-migrate.service")[name] == SERVICE[name]


@pytest.mark.parametrize("unit", units.UNITS)
def test_systemd_accepts_it(unit, tmp_path):
    """With a program that is there: that of the machine may not be installed."""
    program = tmp_path / "splits"
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o755)
    text = units.text_of(unit).replace("/usr/bin/splits", str(program))
    file = tmp_path / unit
    file.write_text(text, encoding="utf-8")
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", file], check=False,
                            capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_what_systemd_does_not_know_is_noticed(tmp_path):
    file = tmp_path / "splits.service"
    file.write_text("[Service]\nExecStart=/bin/true\nProtectSystemm=strict\n", encoding="utf-8")
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", file], check=False,
                            capture_output=True, text=True)
    assert "ProtectSystemm" in result.stderr


# --- What the unit says beside what the binary does -----------------------------------------------------


@pytest.fixture(scope="module")
def options():
    """Of splits --help: name → default."""
    binary = os.environ.get("SPLITS_BINARY")
    if not binary:
        pytest.skip("needs SPLITS_BINARY")
    text = subprocess.run([binary, "--help"], check=True, capture_output=True, text=True).stdout
    return dict(re.findall(r"^  --([a-z-]+)=.*\[(.*)\]$", text, re.M))


def example_settings():
    """Those of splits.conf, which are all commented out."""
    return dict(re.findall(r"^#?(SPLITS_\w+)=(.*)$", units.text_of("splits.conf"), re.M))


def seconds(value):
    return int(re.fullmatch(r"(\d+)s", value).group(1))


def test_a_stop_has_time_for_the_drain(options):
    drain_ms = int(example_settings()["SPLITS_DRAIN_DELAY_MS"])
    assert seconds(SERVICE["TimeoutStopSec"]) * 1000 >= drain_ms + int(options["grace-period-ms"]) + 5000


def test_the_limits_have_room_for_the_defaults(options):
    # As service.c counts them, for as many workers as there can be.
    descriptors = 32 + int(options["connections-max"]) + 256 * (16 + int(options["db-connections"])) + 200
    assert int(SERVICE["LimitNOFILE"]) >= descriptors
    assert int(SERVICE["TasksMax"]) >= 256 + 16


def test_the_example_sets_what_there_is_to_set(options):
    names = {name.upper().replace("-", "_") for name in options}
    assert {name.removeprefix("SPLITS_") for name in example_settings()} <= names


def test_the_database_comes_as_a_credential():
    assert SERVICE["LoadCredential"] == "database-url:/etc/splits/database-url"
    assert SERVICE["Environment"] == "DATABASE_URL_FILE=%d/database-url"
    assert "SPLITS_DATABASE_URL" not in example_settings()
