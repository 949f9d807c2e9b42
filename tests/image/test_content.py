"""What is in the image, and what its configuration says."""

import json
import re
import subprocess

import pytest

from conftest import IMAGE, ROOT

CERTIFICATES_MIN = 100


@pytest.fixture(scope="module")
def configuration(engine):
    return json.loads(engine.output("podman", "image", "inspect", IMAGE))[0]


def test_only_what_the_service_needs_is_there(files):
    expected = re.compile(r"/usr/bin/splits|/etc/(passwd|group|nsswitch\.conf|ssl/certs/ca-certificates\.crt)|"
                          r"/usr/share/splits/(migrations/\d{4}_\w+\.sql|sbom\.cdx\.json)|"
                          r"/usr/share/doc/[\w.+-]+/copyright\.gz")
    unexpected = [path for path, (entry, _) in files.items() if not entry.isdir() and not expected.fullmatch(path)]
    assert unexpected == []


def test_the_program_is_the_only_one_that_can_be_run(files):
    programs = [path for path, (entry, _) in files.items() if not entry.isdir() and entry.mode & 0o111]
    assert programs == ["/usr/bin/splits"]


def test_nobody_but_root_may_write_and_nothing_gains_rights(files):
    for path, (entry, _) in files.items():
        assert (entry.uid, entry.gid) == (0, 0), path
        assert entry.mode & 0o7022 == 0, f"{path}: mode {entry.mode:o}"


def test_the_migrations_are_those_of_the_source(files):
    for source in (ROOT / "migrations").iterdir():
        assert files[f"/usr/share/splits/migrations/{source.name}"][1] == source.read_bytes()


def test_the_authorities_are_there(files):
    bundle = files["/etc/ssl/certs/ca-certificates.crt"][1]
    assert bundle.count(b"-----BEGIN CERTIFICATE-----") >= CERTIFICATES_MIN


def test_the_program_is_static_and_position_independent(files, tmp_path):
    program = tmp_path / "splits"
    program.write_bytes(files["/usr/bin/splits"][1])
    header = subprocess.run(["readelf", "-hldW", program], capture_output=True, text=True, check=True).stdout
    assert "DYN (" in header
    assert "INTERP" not in header
    assert "(NEEDED)" not in header
    assert "GNU_RELRO" in header
    assert "Flags: NOW" in header
    assert not re.search(r"GNU_STACK.*RWE", header)


def test_no_path_of_the_build_is_in_the_program(files):
    program = files["/usr/bin/splits"][1]
    for path in (str(ROOT).encode(), b"/splits/src", b"/libraries/"):
        assert path not in program


def test_the_user_is_a_number_and_has_a_name(configuration, files):
    assert configuration["Config"]["User"] == "10001:10001"
    assert files["/etc/passwd"][1].startswith(b"splits:x:10001:10001:")
    assert files["/etc/group"][1].startswith(b"splits:x:10001:")


def test_labels_say_what_it_is(configuration):
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in configuration["Labels"].items()}
    assert labels["title"] == "Splits"
    assert labels["licenses"] == "MIT"
    assert re.search(rf"version: '{labels['version']}'", (ROOT / "meson.build").read_text(encoding="utf-8"))
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", labels["revision"])
    assert labels["created"] == configuration["Created"]


def test_ports_signal_and_health_check_are_declared(configuration):
    assert set(configuration["Config"]["ExposedPorts"]) == {"8080/tcp", "8081/tcp"}
    assert configuration["Config"]["StopSignal"] == "SIGTERM"
    assert configuration["Healthcheck"]["Test"] == ["CMD", "/usr/bin/splits", "check", "live"]


def test_no_secret_is_in_the_configuration(configuration):
    names = {entry.partition("=")[0] for entry in configuration["Config"]["Env"]}
    assert names == {"PATH", "SPLITS_ADDRESS", "SPLITS_ADMIN_ADDRESS", "SPLITS_MIGRATIONS_DIR", "PGSSLROOTCERT"}
