"""The SBOM: true to its format's schema, and to what is in the image."""

import json
import subprocess

import pytest

from conftest import ROOT

REQUIREMENTS = ROOT / "tests/image/requirements.txt"
VENV = ROOT / ".dev/sbom-venv"
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(sys.stdin.read())
sys.exit(str(error.data) if error else 0)
"""


@pytest.fixture(scope="module")
def bill(files):
    return json.loads(files["/usr/share/splits/sbom.cdx.json"][1])


@pytest.fixture(scope="module")
def components(bill):
    return {component["name"]: component for component in bill["components"]}


@pytest.fixture(scope="module")
def validate():
    """The flaw of a document, "" without one."""
    installed = VENV / "requirements.txt"
    if not installed.exists() or installed.read_text() != REQUIREMENTS.read_text():
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "--quiet", "--requirement", REQUIREMENTS], check=True)
        installed.write_text(REQUIREMENTS.read_text())
    return lambda document: subprocess.run([VENV / "bin/python", "-c", VALIDATE], input=json.dumps(document),
                                           capture_output=True, text=True).stderr


def test_it_is_valid(validate, bill):
    assert validate(bill) == ""


def test_the_validator_sees_flaws(validate, bill):
    assert validate(bill | {"components": [{"name": "without a type"}]})
    assert validate(bill | {"unknown": 1})


def test_it_names_what_is_linked_and_nothing_else(components):
    names = {name for name in components if not name.startswith(("gcc-", "postgresql-"))}
    assert names == {"splits", "ca-certificates", "glibc", "jansson", "libmicrohttpd", "openssl"}
    assert len([name for name in components if name.startswith("postgresql-")]) == 1


def test_each_component_has_version_licence_and_source(components):
    for name, component in components.items():
        assert component["version"] and component["licenses"], name
        if name != "splits":
            assert component["purl"].startswith(f"pkg:deb/debian/{name}@"), name
            assert component["properties"], name


def test_versions_are_those_that_the_program_was_linked_with(components, files, run):
    program = files["/usr/bin/splits"][1]
    postgresql = next(component for name, component in components.items() if name.startswith("postgresql-"))
    assert f"libpq: {postgresql['version'].partition('-')[0]}" in run("version").stdout
    openssl = components["openssl"]["version"].partition("-")[0]
    assert b"\0" + openssl.encode() + b"\0" in program
    assert components["splits"]["version"] in run("version").stdout


def test_the_text_of_each_licence_is_there(components, files):
    for name in components:
        if name != "splits":
            assert f"/usr/share/doc/{name}/copyright.gz" in files


def test_the_copy_beside_the_image_is_the_same(files):
    copy = ROOT / ".dev/containers/sbom.cdx.json"
    assert copy.read_bytes() == files["/usr/share/splits/sbom.cdx.json"][1]
