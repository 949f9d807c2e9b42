"""A running container: its rights, its health, its end."""

import json
import pathlib
import threading
import time
from urllib.parse import quote

import pytest
import requests

from conftest import IMAGE, PASSWORD
from service import wait_until

SECRET = pathlib.PurePosixPath("/etc/splits/secret/database-url")
CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def test_it_runs_as_nobody_special(service):
    status = service.status()
    assert status["Uid"].split() == ["10001"] * 4
    assert status["Gid"].split() == ["10001"] * 4
    assert all(int(status[name], 16) == 0 for name in CAPABILITY_SETS)
    assert status["NoNewPrivs"] == "1"


def test_its_root_is_read_only(service):
    with open(f"/proc/{service.container.pid}/mountinfo", encoding="utf-8") as file:
        roots = [fields for fields in map(str.split, file) if fields[4] == "/"]
    assert all("ro" in fields[5].split(",") for fields in roots) and roots


@pytest.mark.parametrize("shell", ["/bin/sh", "sh", "bash", "/bin/busybox"])
def test_there_is_no_shell(engine, service, shell):
    result = engine.run("podman", "exec", service.container.identifier, shell, "-c", "true", capture_output=True,
                        text=True)
    assert result.returncode in (126, 127), result.stderr


def health(container):
    """What the image's health check says, asked for by hand."""
    result = container.engine.run("podman", "healthcheck", "run", container.identifier, capture_output=True, text=True)
    return result.returncode


def test_it_listens_where_a_port_mapping_needs_it(plain_container):
    wait_until(lambda: plain_container.records("server_started"), what="the start")
    record = plain_container.records("server_started")[0]
    assert (record["address"], record["port"]) == ("0.0.0.0", 8080)
    assert (record["admin_address"], record["admin_port"]) == ("0.0.0.0", 8081)


def test_the_health_check_of_the_image_passes(plain_container):
    """It is for liveness: without a database as well."""
    wait_until(lambda: health(plain_container) == 0, what="a healthy answer")


def test_the_health_check_fails_when_the_service_does_not_answer(plain_container):
    wait_until(lambda: health(plain_container) == 0, what="a healthy answer")
    plain_container.signal("STOP")
    try:
        assert health(plain_container) == 1
    finally:
        plain_container.signal("CONT")


def test_sigterm_answers_what_is_under_way_and_ends_with_0(service, server):
    answers = []
    request = threading.Thread(target=lambda: answers.append(service.get("/users/1")))
    connection = server.connect("splits")
    try:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        request.start()
        time.sleep(0.3)
        service.container.signal("TERM")
        time.sleep(0.3)
        assert answers == [] and service.container.is_running()
    finally:
        connection.close()
    request.join()
    assert [answer.status_code for answer in answers] == [404], "the database was asked, and has no such user"
    assert service.container.wait() == 0
    assert service.container.records("server_stopped")


def test_a_drain_delay_keeps_it_serving_but_not_ready(serve, migrated):
    service = serve(f"--env=DATABASE_URL={migrated}", "--env=SPLITS_DRAIN_DELAY_MS=5000")
    service.wait_until_ready()
    service.container.signal("TERM")
    deadline = time.monotonic() + 0.5
    while service.get("/health/ready").status_code == 200:
        assert time.monotonic() < deadline, "it stays ready"
    assert service.get("/users/1").status_code in (200, 404)
    assert service.container.wait() == 0
    with pytest.raises(requests.ConnectionError):
        service.get("/health")


def test_a_missing_secret_is_told_and_found_when_it_is_there(serve, migrated, tmp_path):
    tmp_path.chmod(0o755)
    service = serve(f"--env=DATABASE_URL_FILE={SECRET}", f"--volume={tmp_path}:{SECRET.parent}:ro",
                    "--env=SPLITS_WORKERS=1")
    service.wait_until_alive()
    answer = service.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_url_missing")
    assert service.get("/health").status_code == 200
    records = service.container.records("database_url_missing")
    assert len(records) == 1
    assert f"{SECRET}: No such file or directory" in records[0]["message"]
    (tmp_path / SECRET.name).write_text(migrated + "\n", encoding="utf-8")
    (tmp_path / SECRET.name).chmod(0o444)
    service.wait_until_ready()
    assert PASSWORD not in service.container.log() and quote(PASSWORD, safe="") not in service.container.log()


def test_migrations_without_a_secret_end_with_one_clear_line(run):
    result = run("migrate", "up", options=[f"--env=DATABASE_URL_FILE={SECRET}"])
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert f"{SECRET}: No such file or directory" in lines[0]


def test_migrations_are_applied_once(run, database):
    options = [f"--env=DATABASE_URL={database}"]
    assert "applied" not in run("migrate", "status", options=options).stdout
    for _ in range(2):
        result = run("migrate", "up", options=options)
        assert result.returncode == 0, result.stderr
    status = run("migrate", "status", options=options)
    assert status.returncode == 0
    assert "pending" not in status.stdout


def test_it_sleeps_for_the_pre_stop_hook(run):
    started = time.monotonic()
    assert run("sleep", "1").returncode == 0
    assert time.monotonic() - started >= 1


def test_its_log_is_json_and_it_creates_users(service):
    answer = requests.post(f"http://127.0.0.1:{service.port}/users", timeout=10,
                           json={"name": "Ada", "email": "ada@example.org"})
    assert answer.status_code == 201
    assert service.get(answer.headers["Location"]).json()["name"] == "Ada"
    assert all(json.loads(line) for line in service.container.log().splitlines())


def test_the_version_is_that_of_the_label(engine, run):
    label = engine.output("podman", "image", "inspect", "--format",
                          '{{index .Labels "org.opencontainers.image.version"}}', IMAGE).strip()
    assert run("version").stdout.splitlines()[0] == f"splits {label}"
