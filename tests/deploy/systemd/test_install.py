"""What meson install puts where, in a folder of its own (DESTDIR)."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from units import ROOT, UNITS


def run(*command, **named):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **named)


@pytest.fixture(scope="module")
def build():
    folder = os.environ.get("SPLITS_BUILD")
    if not folder:
        pytest.skip("needs SPLITS_BUILD")
    return pathlib.Path(folder)


@pytest.fixture(scope="module")
def prefix(build):
    options = run("meson", "introspect", "--buildoptions", build).stdout
    return pathlib.Path(re.search(r'"name": "prefix", "value": "([^"]+)"', options).group(1))


@pytest.fixture(scope="module")
def installed(build, prefix, tmp_path_factory):
    """The prefix below DESTDIR."""
    destination = tmp_path_factory.mktemp("destination")
    run("meson", "install", "-C", build, "--no-rebuild", env=os.environ | {"DESTDIR": str(destination)})
    return destination / prefix.relative_to("/")


def manual_of(installed):
    return installed / "share/man/man1/splits.1"


def test_everything_has_its_place(installed):
    for name in ("bin/splits", "share/man/man1/splits.1", "share/doc/splits/LICENSE", "share/doc/splits/README.md",
                 "share/doc/splits/docs/configuration.md", "share/doc/splits/examples/splits.conf"):
        assert (installed / name).is_file(), name
    folder = {path.name for path in (ROOT / "migrations").iterdir()}
    assert {path.name for path in (installed / "share/splits/migrations").iterdir()} == folder


def test_units_name_the_program_where_it_is(installed, prefix):
    for unit in UNITS:
        text = (installed / "lib/systemd/system" / unit).read_text(encoding="utf-8")
        named = set(re.findall(r"(/\S+/splits)(?: |$)", text))
        assert named == {str(prefix / "bin/splits")}


def test_for_usr_units_go_where_systemd_says(tmp_path):
    if not shutil.which("pkg-config") or subprocess.run(["pkg-config", "systemd"], check=False).returncode:
        pytest.skip("needs systemd's pkg-config file")
    run("meson", "setup", "--prefix=/usr", "-Dtests=disabled", tmp_path / "build", ROOT)
    where = pathlib.Path(run("pkg-config", "--variable=systemdsystemunitdir", "systemd").stdout.strip())
    planned = run("meson", "introspect", "--installed", tmp_path / "build").stdout
    assert f'"{where / "splits.service"}"' in planned


def test_the_installed_program_finds_its_migrations(installed, prefix):
    """It was built for the prefix; here that is below DESTDIR, so what it looks for is compared."""
    log = run("strings", installed / "bin/splits").stdout
    assert f"{prefix}/share/splits/migrations" in log.splitlines()


def test_the_manual_has_every_option_and_command_of_the_program(installed):
    if not shutil.which("man"):
        pytest.skip("needs man")
    text = run("man", "--local-file", manual_of(installed), env=os.environ | {"MANWIDTH": "200", "LC_ALL": "C.UTF-8"}).stdout
    usage = run(installed / "bin/splits", "--help").stdout
    options = re.findall(r"^  --([a-z-]+)=(\S+) +\S.* \[(.*)\]$", usage, re.M)
    assert len(options) == len(re.findall(r"^  --", usage, re.M)) > 30
    for name, allowed, default in options:
        assert re.search(rf"^ +--{name}={re.escape(allowed)}\s[^[]*\[{re.escape(default)}\]", text, re.M), name
    for command in re.findall(r"^  ([a-z]\S*(?: \S+)?)  +\S", usage, re.M):
        assert re.search(rf"^ +{command}(?:\s|$)", text, re.M | re.I), command
    for name in re.search(r"^(.*) count as well", usage, re.M).group(1).replace(" and ", ", ").split(", "):
        assert name in text


def test_the_manual_says_where_things_are(installed, prefix):
    text = manual_of(installed).read_text(encoding="utf-8")
    assert f"{prefix}/share/splits/migrations" in text
    assert not re.search(r"@[A-Z_]+@", text)


@pytest.mark.parametrize("checker", [("mandoc", "-Tlint", "-W", "warning"), ("man", "--warnings", "--local-file")])
def test_the_manual_renders_without_warnings(installed, checker):
    if not shutil.which(checker[0]):
        pytest.skip(f"needs {checker[0]}")
    result = subprocess.run([*checker, manual_of(installed)], check=False, capture_output=True, text=True,
                            env=os.environ | {"LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
    warnings = result.stderr + (result.stdout if checker[0] == "mandoc" else "")
    assert (result.returncode, warnings) == (0, "")


def test_a_fault_in_the_manual_is_noticed(installed, tmp_path):
    if not shutil.which("mandoc"):
        pytest.skip("needs mandoc")
    faulty = tmp_path / "splits.1"
    faulty.write_text(manual_of(installed).read_text(encoding="utf-8").replace(".El", ".Nothing", 1), encoding="utf-8")
    result = subprocess.run(["mandoc", "-Tlint", "-W", "warning", faulty], check=False, capture_output=True)
    assert result.returncode != 0
