"""The image, compose.yaml and the systemd unit beside the binary and the manifests: the same program everywhere."""

import configparser
import json
import re
import shlex
import subprocess

import dockerfile_parse
import pytest
import yaml
from binary import PROGRAM, Service, free_port, limited, run, unknown_settings
from manifests import ROOT, TOOLS

DOCKERFILE = ROOT / "docker/Dockerfile"
COMPOSE = ROOT / "docker/compose.yaml"
SYSTEMD = ROOT / "deploy/systemd"
SPARE_SECONDS = 5  # between the longest drain and SIGKILL
EXAMPLE = re.compile(r"^#?([A-Z_]+=.*)$", re.M)
DURATION = re.compile(r"(\d+)(ms|s|m)?")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, None: 1}
DEFAULT = re.compile(r"^  --(drain-delay-ms|grace-period-ms|port|admin-port)=.*\[(\d+)\]$", re.M)


def seconds(text):
    number, unit = DURATION.fullmatch(text).groups()
    return int(number) * SECONDS[unit]


def defaults():
    """What the binary takes where nothing is set, as numbers."""
    return {name: int(value) for name, value in DEFAULT.findall(run(["--help"]).stdout)}


def hadolint(file):
    return subprocess.run([TOOLS / "hadolint", "--no-color", file], capture_output=True, text=True)


def test_hadolint_has_nothing_to_say_about_the_dockerfile():
    answer = hadolint(DOCKERFILE)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(("text", "rule"), [
    ("FROM debian\n", "DL3006"), # no tag
    ("FROM debian:bookworm-slim\nRUN apt-get install -y gcc\n", "DL3008"), # no version, and not ignored
    ("FROM scratch\nCMD splits serve\n", "DL3025"), # a shell, which scratch has not
])
def test_hadolint_notices(tmp_path, text, rule):
    file = tmp_path / "Dockerfile"
    file.write_text(text)
    answer = hadolint(file)
    assert answer.returncode != 0 and rule in answer.stdout


@pytest.fixture(scope="module")
def image():
    """The instructions of the last stage."""
    lines = dockerfile_parse.DockerfileParser(path=str(DOCKERFILE)).structure
    stages = [index for index, line in enumerate(lines) if line["instruction"] == "FROM"]
    return [(line["instruction"], line["value"]) for line in lines[stages[-1]:]]


def value(image, instruction):
    values = [value for name, value in image if name == instruction]
    assert len(values) == 1, f"{instruction}: {values}"
    return values[0]


def test_the_image_starts_what_the_manifests_say(manifests, image):
    assert value(image, "FROM") == "scratch"
    assert json.loads(value(image, "ENTRYPOINT")) == [PROGRAM]
    assert json.loads(value(image, "CMD")) == manifests.container["args"]
    context = manifests.server_pod["securityContext"]
    assert value(image, "USER") == f"{context['runAsUser']}:{context['runAsGroup']}"
    ports = [str(port["containerPort"]) for port in manifests.container["ports"]]
    assert value(image, "EXPOSE").split() == ports


def test_the_image_sets_what_the_binary_knows(image):
    variables = dict(word.split("=", 1) for word in shlex.split(value(image, "ENV")))
    assert not unknown_settings(variables)
    assert run(["version"], variables).returncode == 0


def test_the_health_check_of_the_image_is_a_command(image):
    words = value(image, "HEALTHCHECK")
    command = json.loads(words[words.index("CMD") + len("CMD"):])
    assert command[0] == PROGRAM
    assert run([*command[1:], "--admin-port=1"]).returncode == 1 # asked, and nobody is there; 2: no such command


def services():
    """Those of compose.yaml that run the image."""
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    return {name: service for name, service in services.items() if service["image"].startswith("localhost/splits")}


def test_compose_sets_what_the_binary_knows():
    assert services()
    for service in services().values():
        assert not unknown_settings(service["environment"])


def test_compose_runs_commands_of_the_binary(manifests):
    commands = [service.get("command") for service in services().values()]
    container = manifests.migration["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] in commands and None in commands # None: the image's own
    checks = [service["healthcheck"]["test"] for service in services().values() if "healthcheck" in service]
    for check in checks:
        assert check[:2] == ["CMD", PROGRAM]
        assert run([*check[2:], "--admin-port=1"]).returncode == 1


def test_compose_publishes_the_port_of_the_service():
    inside = [port.rpartition(":")[2] for service in services().values() for port in service.get("ports", [])]
    assert inside == [str(defaults()["port"])]


def test_compose_lets_the_service_drain():
    for service in services().values():
        if service.get("command") is None:
            needed = drain_seconds(service["environment"])
            assert seconds(service["stop_grace_period"]) >= needed + SPARE_SECONDS


def test_compose_gives_the_service_enough_memory():
    server, = [service for service in services().values() if service.get("command") is None]
    assert server["mem_limit"].endswith("m")
    limit = str(int(server["mem_limit"][:-1]) << 20)
    with limited("memory", memory__limit_in_bytes=limit, memory__max=limit) as group, \
            Service(f"postgresql://127.0.0.1:{free_port()}/nobody", prefix=group) as service:
        service.wait_for_record("configuration")
        assert not [event for event in service.events() if event.endswith("_limit_low")]


def drain_seconds(environment):
    known = defaults()
    return sum(float(environment.get("SPLITS_" + name.replace("-", "_").upper(), known[name]))
               for name in ("drain-delay-ms", "grace-period-ms")) / 1000


class Several(dict):
    """configparser's dict for files in which a key may be repeated: its lines are appended."""

    def __setitem__(self, key, lines):
        if key in self and isinstance(lines, list):
            lines = self[key] + lines
        super().__setitem__(key, lines)


def unit(file):
    """The section [Service] of a unit; a key that is there several times has all of its lines."""
    parser = configparser.RawConfigParser(strict=False, dict_type=Several, delimiters="=", comment_prefixes="#")
    parser.optionxform = str
    parser.read_string(file.read_text())
    return {key: lines.split("\n") for key, lines in parser["Service"].items()}


def test_the_units_start_commands_of_the_binary(manifests):
    commands = [line.split() for file in SYSTEMD.glob("*.service") for line in unit(file)["ExecStart"]]
    migration = manifests.migration["spec"]["template"]["spec"]["containers"][0]
    wanted = [[PROGRAM, *manifests.container["args"]], [PROGRAM, *migration["args"]]]
    assert wanted[0] in commands
    assert [command for command in commands if command not in wanted] == []


def test_the_units_set_what_the_binary_knows():
    lines = [line for file in SYSTEMD.glob("*.service") for line in unit(file).get("Environment", [])]
    lines += EXAMPLE.findall((SYSTEMD / "splits.conf").read_text())
    names = [word.partition("=")[0] for line in lines for word in shlex.split(line)]
    assert names and not unknown_settings(names)


def test_the_unit_lets_the_service_drain(manifests):
    """With a drain delay as long as the cluster's, too: the unit says so."""
    environment = {"SPLITS_DRAIN_DELAY_MS": manifests.settings()["SPLITS_DRAIN_DELAY_MS"]}
    given = seconds(unit(SYSTEMD / "splits.service")["TimeoutStopSec"][0])
    assert given >= drain_seconds(environment) + SPARE_SECONDS
