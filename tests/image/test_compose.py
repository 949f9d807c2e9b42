"""docker/compose.yaml: true to the specification's schema, and to the image, the program and the tree."""

import json
import re

import jsonschema
import pytest
import yaml

from conftest import IMAGE, ROOT

FILE = ROOT / "docker/compose.yaml"
# github.com/compose-spec/compose-spec, schema/compose-spec.json at 170098ba07d9 (2026-06-23), Apache License 2.0.
SCHEMA = ROOT / "tests/image/compose-spec.json"


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ours(compose):
    return {name: service for name, service in compose["services"].items() if service["image"] == IMAGE}


def flaws_of(document):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return [f"{error.json_path}: {error.message}" for error in jsonschema.Draft7Validator(schema).iter_errors(document)]


def test_it_is_valid(compose):
    assert flaws_of(compose) == []


def test_the_schema_sees_flaws(compose):
    assert flaws_of(compose | {"services": {"splits": {"image": 1}}})
    assert flaws_of(compose | {"services": {"splits": {"imaje": IMAGE}}})


def test_the_five_parts_are_there(compose):
    assert set(compose["services"]) == {"database", "migrate", "splits", "prometheus", "grafana"}


def test_every_mounted_file_exists(compose):
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (FILE.parent / source).exists(), f"{name}: {source}"
            else:
                assert source in compose["volumes"], f"{name}: {source}"


def ports_of(engine):
    """Those that the image declares, such as 8080/tcp."""
    return json.loads(engine.output("podman", "image", "inspect", "--format", "{{json .Config.ExposedPorts}}", IMAGE))


def mounts_of(service):
    """What is mounted, by where."""
    return dict(reversed(volume.split(":")[:2]) for volume in service["volumes"])


def test_prometheus_finds_its_rules_and_the_service(compose, engine):
    mounts = mounts_of(compose["services"]["prometheus"])
    configuration = yaml.safe_load((FILE.parent / mounts["/etc/prometheus/prometheus.yml"]).read_text(encoding="utf-8"))
    for rules in configuration["rule_files"]:
        assert f"/etc/prometheus/{rules}" in mounts
    declared = ports_of(engine)
    for job in configuration["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            host, port = target.split(":")
            assert host in compose["services"] and f"{port}/tcp" in declared


def test_grafana_finds_its_dashboard_and_prometheus(compose):
    mounts = mounts_of(compose["services"]["grafana"])
    provisioning = FILE.parent / mounts["/etc/grafana/provisioning"]
    folders = [provider["options"]["path"] for file in (provisioning / "dashboards").glob("*.yaml")
               for provider in yaml.safe_load(file.read_text(encoding="utf-8"))["providers"]]
    assert [f"{folder}/dashboard.json" in mounts for folder in folders] == [True]
    sources = [source["url"] for file in (provisioning / "datasources").glob("*.yaml")
               for source in yaml.safe_load(file.read_text(encoding="utf-8"))["datasources"]]
    assert sources == ["http://prometheus:9090"]


def test_every_secret_is_made_by_the_document(compose):
    document = (ROOT / "docs/container.md").read_text(encoding="utf-8")
    for secret in compose["secrets"].values():
        assert f"docker/{secret['file']}" in document
    used = {entry if isinstance(entry, str) else entry["source"]
            for service in compose["services"].values() for entry in service.get("secrets", [])}
    assert used == set(compose["secrets"])


def test_ours_have_no_rights(ours):
    assert set(ours) == {"migrate", "splits"}
    for service in ours.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["mem_limit"] and service["pids_limit"]


def test_variables_are_settings_of_the_program(ours, run):
    known = set(re.findall(r"\b[A-Z][A-Z_]+\b", run("--help").stdout))
    for service in ours.values():
        assert set(service["environment"]) <= known


def test_commands_are_those_of_the_program(ours, run):
    result = run(*ours["migrate"]["command"], "--help")
    assert result.returncode == 0
    assert "command" not in ours["splits"], "the image's own is right"


def test_ports_are_declared_by_the_image_and_for_this_machine_only(compose, engine):
    declared = ports_of(engine)
    for service in compose["services"].values():
        for mapping in service.get("ports", []):
            assert mapping.startswith("127.0.0.1:")
    for mapping in compose["services"]["splits"]["ports"]:
        assert f"{mapping.rsplit(':')[-1]}/tcp" in declared


def test_the_health_check_is_that_of_the_image(compose, engine):
    image = json.loads(engine.output("podman", "image", "inspect", "--format", "{{json .HealthCheck}}", IMAGE))
    assert compose["services"]["splits"]["healthcheck"]["test"] == image["Test"]


def test_things_start_one_after_the_other(compose):
    services = compose["services"]
    assert services["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["splits"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["migrate"]["restart"] == "no"


def test_it_may_drain_before_it_is_killed(compose):
    seconds = int(re.fullmatch(r"(\d+)s", compose["services"]["splits"]["stop_grace_period"])[1])
    table = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"^\| `--(drain-delay-ms|grace-period-ms)` .* \| (\d+) \|", table, re.M))
    assert seconds * 1000 >= sum(map(int, defaults.values())) + 5000


def test_the_database_cannot_be_reached_from_outside(compose):
    assert compose["services"]["database"]["networks"] == ["database"]
    assert compose["networks"]["database"]["internal"] is True
    assert "ports" not in compose["services"]["database"]
    assert "prometheus" not in [name for name, service in compose["services"].items()
                                if "database" in service.get("networks", [])]
