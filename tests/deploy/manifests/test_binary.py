"""What the manifests say about the binary is what it does: variables, commands, ports, probes, times."""

import contextlib
import os
import signal
import time

import pytest
from binary import PROGRAM, Server, fill, free_port, limited, run, unknown_settings, wait_until
from manifests import cpus, pre_stop_seconds, size
from postgres import PostgresServer

SLACK_SECONDS = 1.5 # a busy machine


@pytest.fixture(scope="module")
def database():
    with PostgresServer() as server:
        yield server


def test_every_variable_is_a_setting(manifests):
    assert not unknown_settings(manifests.settings())
    assert not unknown_settings(variable["name"] for variable in
                                manifests.migration["spec"]["template"]["spec"]["containers"][0]["env"])


def test_a_variable_that_is_no_setting_is_noticed():
    assert unknown_settings(["SPLITS_WORKER", "PGHOST", "DATABASE_URL"]) == {"SPLITS_WORKER"}


def test_the_settings_are_accepted(manifests):
    """One that is out of bounds ends every command with exit code 2."""
    answer = run(["version"], manifests.settings())
    assert answer.returncode == 0 and not answer.stderr


def test_pre_stop_waits(manifests):
    command = manifests.container["lifecycle"]["preStop"]["exec"]["command"]
    assert command[0] == PROGRAM
    begun = time.monotonic()
    answer = run(command[1:])
    assert answer.returncode == 0, answer.stderr
    assert 0 <= time.monotonic() - begun - pre_stop_seconds(manifests.container) < SLACK_SECONDS


def test_a_pod_waits_for_its_secret_and_for_the_migration(manifests, database, tmp_path):
    """Alive all the time, so that nothing restarts it; ready, and thereby in the rollout, only at the end."""
    startup, liveness, readiness = (manifests.container[kind] for kind in
                                    ("startupProbe", "livenessProbe", "readinessProbe"))
    secret = tmp_path / "database-url"
    with Server(manifests, secret, tmp_path / "log") as server:
        server.wait_for(startup)
        assert server.probe(liveness)
        assert server.reason(readiness) == "database_url_missing"
        secret.write_text(database.create_database("waits"))
        wait_until(lambda: server.reason(readiness) == "schema_behind", what="a look into the database")
        assert server.probe(startup) and server.probe(liveness)
        container = manifests.migration["spec"]["template"]["spec"]["containers"][0]
        names = {variable["name"] for variable in container["env"]}
        environment = {name: server.environment[name] for name in names | {"SPLITS_MIGRATIONS_DIR"}}
        migration = run(container["args"], environment)
        assert migration.returncode == 0, migration.stderr
        server.wait_for(readiness)


def test_a_wrong_setting_ends_the_migration_and_an_absent_database_does_not(manifests):
    rules = manifests.migration["spec"]["podFailurePolicy"]["rules"]
    final = [code for rule in rules if rule["action"] == "FailJob" for code in rule["onExitCodes"]["values"]]
    arguments = manifests.migration["spec"]["template"]["spec"]["containers"][0]["args"]
    nobody = f"--database-url=postgresql://127.0.0.1:{free_port()}/splits"
    assert run([*arguments, "--db-connect-timeout-ms=none"]).returncode in final
    assert run([*arguments, nobody, "--db-connect-timeout-ms=100"]).returncode not in [*final, 0]


def test_the_memory_is_enough(manifests, tmp_path):
    limit = str(size(manifests.container["resources"]["limits"]["memory"]))
    with limited("memory", memory__limit_in_bytes=limit, memory__max=limit) as group, \
            Server(manifests, tmp_path / "none", tmp_path / "log", group) as server:
        server.wait_for(manifests.container["startupProbe"])
        assert not server.records("_limit_low")


def test_the_workers_are_as_many_as_counted(manifests, tmp_path):
    quota = 100 * cpus(manifests.container["resources"]["limits"]["cpu"])
    files = {"cpu__cfs_period_us": "100000", "cpu__cfs_quota_us": str(quota), "cpu__max": f"{quota} 100000"}
    with limited("cpu", **files) as group, Server(manifests, tmp_path / "none", tmp_path / "log", group) as server:
        server.wait_for(manifests.container["startupProbe"])
        record, = server.records("configuration")
        assert record["workers"] == min(manifests.workers(), len(os.sched_getaffinity(0)))
        assert not server.records("_limit_low")


@pytest.fixture
def server(manifests, database, tmp_path):
    """Ready."""
    secret = tmp_path / "database-url"
    secret.write_text(database.create_database("served"))
    with Server(manifests, secret, tmp_path / "log") as server:
        server.wait_for(manifests.container["startupProbe"])
        assert server.run(["migrate", "up"]).returncode == 0
        server.wait_for(manifests.container["readinessProbe"])
        yield server


def test_a_database_that_goes_takes_readiness_alone(manifests, server, database):
    database.stop()
    try:
        readiness = manifests.container["readinessProbe"]
        wait_until(lambda: not server.probe(readiness), what="an unready answer")
        assert server.probe(manifests.container["startupProbe"])
        assert server.probe(manifests.container["livenessProbe"])
    finally:
        database.start()
    server.wait_for(readiness)


def test_a_full_pod_gets_no_requests_and_is_not_restarted(manifests, database, tmp_path):
    secret = tmp_path / "database-url"
    secret.write_text(database.create_database("full"))
    with contextlib.ExitStack() as stack, \
            Server(manifests, secret, tmp_path / "log", SPLITS_WORKERS="1", SPLITS_CONNECTIONS_MAX="2") as server:
        server.wait_for(manifests.container["startupProbe"])
        assert server.run(["migrate", "up"]).returncode == 0
        server.wait_for(manifests.container["readinessProbe"])
        fill(server, stack, 2)
        assert server.reason(manifests.container["readinessProbe"]) == "too_many_connections"
        assert server.probe(manifests.container["startupProbe"])
        assert server.probe(manifests.container["livenessProbe"])


def test_prometheus_finds_metrics_where_the_annotations_say(manifests, server):
    notes = manifests.server["spec"]["template"]["metadata"]["annotations"]
    port = next(port["name"] for port in manifests.container["ports"]
                if str(port["containerPort"]) == notes["prometheus.io/port"])
    status, body = server.ask(port, notes["prometheus.io/path"])
    assert status == 200 and "http_server_request_duration_seconds" in body


def test_the_service_answers_where_the_service_leads(manifests, server):
    ports = [port["targetPort"] for port in manifests.get("Service", "splits")["spec"]["ports"]]
    assert [server.ask(port, "/users?limit=1")[0] for port in ports] == [200]


def test_the_connections_are_as_many_as_counted(manifests, server, database):
    """Workers as in the container, for this machine has no quota."""
    answer = server.run(["check"], SPLITS_WORKERS=str(manifests.workers()))
    assert answer.returncode == 0, answer.stderr
    wanted = manifests.setting("SPLITS_REPLICAS") * manifests.workers() * manifests.setting("SPLITS_DB_CONNECTIONS")
    assert f"connections: {wanted} " in answer.stdout
    assert "warning" not in answer.stderr


def test_a_drain_is_seen_serves_and_ends_in_time(manifests, server):
    readiness, liveness = manifests.container["readinessProbe"], manifests.container["livenessProbe"]
    delay = manifests.setting("SPLITS_DRAIN_DELAY_MS") / 1000
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: server.reason(readiness) == "draining", delay / 2, "an unready answer")
    while time.monotonic() < begun + delay - SLACK_SECONDS:
        assert server.probe(liveness)
        assert server.ask("http", "/users?limit=1")[0] == 200
        time.sleep(0.1)
    given = manifests.server_pod["terminationGracePeriodSeconds"] - pre_stop_seconds(manifests.container)
    assert server.process.wait(given) == 0
    assert time.monotonic() - begun >= delay
