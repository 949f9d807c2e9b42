"""splits check live, splits check ready and splits sleep: what images without a shell have for their hooks."""

import contextlib
import signal
import subprocess
import time

import pytest

from postgres import free_port
from raw_client import fill
from service import BINARY, Service, clean_environment, wait_until


def splits(*words, **environment):
    return subprocess.run([BINARY, *words], env=clean_environment() | environment, capture_output=True, text=True,
                          timeout=30, check=False)


def answer(result):
    return result.returncode, result.stdout, result.stderr


def probe(service, what, **environment):
    ports = {"SPLITS_PORT": str(service.port), "SPLITS_ADMIN_PORT": str(service.admin_port)}
    return splits("check", what, **(ports | environment))


def test_a_running_instance_is_alive_and_ready(shared):
    with Service(shared.url) as service:
        service.wait_until_ready()
        assert answer(probe(service, "live")) == (0, "", "")
        assert answer(probe(service, "ready")) == (0, "", "")


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_an_instance_that_listens_everywhere_is_found(shared, address):
    with Service(shared.url, f"--address={address}", f"--admin-address={address}") as service:
        service.wait_until_ready()
        addresses = {"SPLITS_ADDRESS": address, "SPLITS_ADMIN_ADDRESS": address}
        assert answer(probe(service, "live", **addresses)) == (0, "", "")
        assert answer(probe(service, "ready", **addresses)) == (0, "", "")


def test_a_full_instance_is_alive_and_not_ready(shared):
    with Service(shared.url, "--workers=1", "--connections-max=4") as service, contextlib.ExitStack() as stack:
        fill(service, stack, 4)
        assert answer(probe(service, "live")) == (0, "", "")
        assert '"code":"too_many_connections"' in probe(service, "ready").stderr


@pytest.mark.parametrize(("option", "environment"), [
    ("--admin=off", {"SPLITS_ADMIN": "off"}), ("--admin-port=0", {"SPLITS_ADMIN_PORT": "0"})])
def test_without_a_known_admin_listener_the_other_one_is_asked(shared, option, environment):
    with Service(shared.url, option) as service:
        assert answer(splits("check", "live", SPLITS_PORT=str(service.port), **environment)) == (0, "", "")


def test_without_its_database_it_is_alive_and_not_ready():
    with Service(f"postgresql://postgres@127.0.0.1:{free_port()}/none") as service:
        assert probe(service, "live").returncode == 0
        result = probe(service, "ready")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith('splits: check ready: 503 {"type":"/problems/database_unavailable"')
        assert result.stderr.count("\n") == 1


def test_the_probe_needs_no_database_and_no_secret(shared):
    with Service(shared.url) as service:
        assert answer(probe(service, "live", DATABASE_URL_FILE="/nowhere")) == (0, "", "")


def test_who_drains_is_alive_and_not_ready(shared):
    with Service(shared.url, "--drain-delay-ms=30000") as service:
        service.wait_until_ready()
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: probe(service, "ready").returncode == 1)
        assert '"code":"draining"' in probe(service, "ready").stderr
        assert probe(service, "live").returncode == 0
        service.terminate()


def test_a_stopped_instance_is_not_waited_for_for_long(shared):
    with Service(shared.url) as service:
        assert probe(service, "live").returncode == 0
        service.process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        result = probe(service, "live")
        service.process.send_signal(signal.SIGCONT)
        assert answer(result) == (1, "", f"splits: check live: 127.0.0.1 port {service.admin_port}: Connection timed out\n")
        assert 1.9 < time.monotonic() - started < 10


def test_no_instance_is_told():
    port = free_port()
    for what, option in (("live", "admin-port"), ("ready", "port")):
        assert answer(splits("check", what, f"--{option}={port}")) == (
            1, "", f"splits: check {what}: 127.0.0.1 port {port}: Connection refused\n")


def test_a_port_that_is_not_known_is_told():
    assert answer(splits("check", "live", "--port=0", "--admin-port=0")) == (
        1, "", "splits: check live: port 0 is any free one: set it to the one that the instance has\n")


@pytest.mark.parametrize("words", [("check", "both"), ("check", "live", "ready")])
def test_other_words_are_refused(words):
    assert answer(splits(*words)) == (2, "", "splits: check: takes no argument, or live, or ready\n")


@pytest.mark.parametrize(("seconds", "least"), [("0", 0), ("0.25", 0.25), ("0.5", 0.5), ("1.000", 1)])
def test_sleep_takes_its_time(seconds, least):
    started = time.monotonic()
    assert answer(splits("sleep", seconds)) == (0, "", "")
    assert least <= time.monotonic() - started < least + 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sleep_ends_when_it_is_told(number):
    with subprocess.Popen([BINARY, "sleep", "60"], env=clean_environment()) as process:
        wait_until(lambda: is_asleep(process.pid), what="the sleep")
        process.send_signal(number)
        assert process.wait(10) == 0


def is_asleep(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        name, state = file.read().split()[1:3]
    return (name, state) == ("(splits)", "S")


@pytest.mark.parametrize(
    "words", [(), ("",), ("x",), ("1s",), ("1.",), (".5",), ("1.0000",), ("3600.001",), ("3601",), ("1", "2"),
              ("99999999999999999999",), ("1e3",)],
)
def test_other_durations_are_refused(words):
    assert answer(splits("sleep", *words)) == (
        2, "", "splits: sleep: needs one argument, 0…3600 seconds, as in 2 or 0.25\n")
