"""How the service starts, and how it says that it cannot."""

import os
import socket
import subprocess
import time

import pytest

from postgres import free_port
from service import BINARY, MIGRATIONS, Service, clean_environment, wait_until


def serve(*options, environment=None):
    """A start that is expected to fail: exit code, lines of stderr."""
    result = subprocess.run(
        [BINARY, "serve", f"--migrations-dir={MIGRATIONS}", "--database-url=postgresql://127.0.0.1:1/none", *options],
        env=clean_environment() | (environment or {}), capture_output=True, text=True, timeout=30, check=False,
    )
    assert result.stdout == ""
    return result.returncode, result.stderr.splitlines()


def plain(lines):
    """The lines for people among those of the log."""
    return [line for line in lines if not line.startswith("{")]


def test_a_port_in_use_is_one_clear_line(shared):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, lines = serve(f"--port={port}")
    assert code == 1
    assert plain(lines) == [f"splits: cannot listen on 127.0.0.1 port {port} (--port): Address already in use"]


def test_an_address_of_another_machine_is_one_clear_line():
    code, lines = serve("--address=192.0.2.1", "--port=0")
    assert code == 1
    assert plain(lines) == ["splits: cannot listen on 192.0.2.1 port 0 (--port): Cannot assign requested address"]


@pytest.mark.parametrize(
    "option", ["--address=example.com", "--port=65536", "--port=eighty", "--workers=-1", "--connections-max=0",
               "--log-level=loud", "--idle-timeout-ms=0", "--no-such-option"],
)
def test_a_wrong_option_is_one_clear_line(option):
    code, lines = serve(option)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("splits: ")
    assert option.split("=")[0] in lines[0]


def test_a_stray_word_is_one_clear_line():
    code, lines = serve("stray")
    assert code == 2
    assert lines == ["splits: serve: takes no argument; --help tells more"]


def test_a_wrong_variable_is_one_clear_line():
    code, lines = serve(environment={"SPLITS_WORKERS": "many"})
    assert code == 2
    assert len(lines) == 1
    assert "SPLITS_WORKERS" in lines[0]


def test_a_missing_folder_of_migrations_is_told(tmp_path):
    missing = tmp_path / "missing"
    code, lines = serve("--port=0", f"--migrations-dir={missing}")
    assert code == 1
    assert sum(str(missing) in line and '"level":"error"' in line for line in lines) == 1


def test_the_program_ends_when_nothing_was_asked():
    result = subprocess.run([BINARY], env=clean_environment(), capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 2
    assert result.stderr


def test_port_0_is_any_free_one(shared):
    with Service(shared.url, "--port=0", listens=False) as service:
        service.port = service.wait_for_record("server_started")["port"]
        assert service.port != 0
        assert service.get("/health").status == 200


def test_the_environment_sets_what_options_do_not(shared):
    environment = {"SPLITS_WORKERS": "3", "SPLITS_CONNECTIONS_MAX": "99", "SPLITS_BODY_SIZE_MAX": "2048",
                   "SPLITS_LOG_FORMAT": "text"}
    with Service(shared.url, "--body-size-max=4096", environment=environment) as service:
        configuration = service.wait_for_record("configuration")
        assert configuration["workers"] == 3
        assert configuration["connections_max"] == 99
        assert configuration["body_size_max"] == 4096
        assert configuration["log_format"] == "json"


@pytest.mark.parametrize("workers", [1, 3])
def test_there_are_as_many_threads_as_workers(shared, workers):
    """And the main thread, that of the log and that of the admin listener."""
    with Service(shared.url, f"--workers={workers}") as service:
        assert len(os.listdir(f"/proc/{service.process.pid}/task")) == workers + 3
        service.wait_until_ready()
        wait_until(lambda: shared.clients() == workers * 8, what="8 database connections per worker")
    wait_until(lambda: shared.clients() == 0, what="the end of the database connections")


def test_more_connections_than_the_server_has_are_a_warning_once(shared):
    """The sum of all replicas; 100 connections less 3 are for everybody."""
    with Service(shared.url, "--replicas=7", "--workers=2", "--db-connections=7") as service:
        record = service.wait_for_record("database_connections_short")
        assert (record["level"], record["needed"], record["allowed"]) == ("warning", 98, 97)
        service.wait_until_ready()
        shared.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'splits'")
        service.wait_for_record("database_connected", 3)
        assert len(service.records("database_connections_short")) == 1


def test_as_many_connections_as_the_server_has_are_fine(shared):
    with Service(shared.url, "--replicas=97", "--workers=1", "--db-connections=1") as service:
        service.wait_until_ready()
        assert "database_connections_short" not in service.events()


def test_it_answers_soon_after_its_start(shared):
    started = time.monotonic()
    with Service(shared.url) as service:
        assert service.get("/health").status == 200
        assert time.monotonic() - started < 5


def test_it_starts_without_its_database():
    with Service(f"postgresql://postgres@127.0.0.1:{free_port()}/none") as service:
        assert service.get("/health").status == 200
        answer = service.get("/health/ready")
        assert (answer.status, answer.code) == (503, "database_unavailable")
        assert service.get("/users/1").status == 503
