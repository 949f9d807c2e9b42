"""Instances of the service, and how they are replaced: in the order and with the times of the Kubernetes manifests."""

import dataclasses
import subprocess
import time
from pathlib import Path

import paths  # noqa: F401
import yaml
from fronts import PLACES, free_port

from service import BINARY, MIGRATIONS, Service, clean_environment


MANIFESTS = Path(__file__).parents[3] / "deploy/kubernetes/base"


@dataclasses.dataclass(frozen=True)
class Rules:
    """How an orchestrator treats an instance."""

    pre_stop: tuple                # arguments of the binary; () for none
    drain_delay_ms: int
    grace_period_ms: int
    termination_seconds: float     # from the beginning of pre_stop; then SIGKILL
    probe_period_seconds: float    # readiness
    ready_for_seconds: float       # then it counts as there, and the next one is replaced
    ready_seconds_max: float = 30  # then the rollout stops
    awaits_readiness: bool = True


def manifest_rules(folder=MANIFESTS):
    """As the Deployment and its settings have them."""
    deployment = yaml.safe_load((folder / "deployment.yaml").read_text(encoding="utf-8"))
    lines = (folder / "settings.env").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    template = deployment["spec"]["template"]["spec"]
    container = template["containers"][0]
    return Rules(
        pre_stop=tuple(container["lifecycle"]["preStop"]["exec"]["command"][1:]),
        drain_delay_ms=int(settings["SPLITS_DRAIN_DELAY_MS"]),
        grace_period_ms=int(settings["SPLITS_GRACE_PERIOD_MS"]),
        termination_seconds=template["terminationGracePeriodSeconds"],
        probe_period_seconds=container["readinessProbe"]["periodSeconds"],
        ready_for_seconds=deployment["spec"]["minReadySeconds"],
    )


PRODUCTION = manifest_rules()


class NeverReady(Exception):
    """The new instance did not become ready, and nothing else was touched."""


class Killed(Exception):
    """An instance did not end in time."""


class Instance(Service):
    """On a port of which others know."""

    def __init__(self, port, *arguments, **named):
        super().__init__(*arguments, f"--port={port}", **named)
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"


class Fleet:
    """Instances on the places of a front. A with statement starts and ends them."""

    def __init__(self, database_url, *options, places=PLACES):
        self.database_url = database_url
        self.options = ["--workers=1", "--db-connections=4", *options]
        self.ports = {place: free_port() for place in places}
        self.instances = {}
        self.front = None # set by who has made it with these ports
        self.drain_seconds = [] # from SIGTERM to the end, of each instance that was stopped

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for instance in self.instances.values():
            instance.process.terminate()
        for instance in self.instances.values(): # the second signal cuts the drain short
            instance.__exit__(*exception)

    def start(self, place, rules, *, url=None, migrations=MIGRATIONS):
        self.instances[place] = Instance(
            self.ports[place], url or self.database_url, *self.options, f"--drain-delay-ms={rules.drain_delay_ms}",
            f"--grace-period-ms={rules.grace_period_ms}", migrations=migrations)
        self.instances[place].__enter__()

    def await_readiness(self, place, rules):
        deadline = time.monotonic() + rules.ready_seconds_max
        while not self.instances[place].is_ready():
            if time.monotonic() > deadline:
                raise NeverReady(place)
            time.sleep(rules.probe_period_seconds)
        self.front.open(place)

    def launch(self, places, rules, **named):
        """For the first time."""
        for place in places:
            self.start(place, rules, **named)
            self.await_readiness(place, dataclasses.replace(rules, probe_period_seconds=0.05))

    def stop(self, place, rules):
        """As the kubelet does: the endpoint is being removed while preStop runs, then SIGTERM, at last SIGKILL."""
        instance = self.instances.pop(place)
        deadline = time.monotonic() + rules.termination_seconds
        self.front.close(place)
        if rules.pre_stop:
            subprocess.run([BINARY, *rules.pre_stop], env=clean_environment(), check=True)
        started = time.monotonic()
        instance.process.terminate()
        try:
            instance.process.wait(max(0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            instance.process.kill()
            raise Killed(place) from error
        self.drain_seconds.append(time.monotonic() - started)
        instance.__exit__(None)

    def replace(self, place, rules, *, at=None, **named):
        """Another instance in its stead: beside it at first, on the place `at`; or after it, on its own."""
        if at is None:
            self.stop(place, rules)
        self.start(at or place, rules, **named)
        if rules.awaits_readiness:
            self.await_readiness(at or place, rules)
            time.sleep(rules.ready_for_seconds)
        else:
            self.front.open(at or place)
        if at is not None:
            self.stop(place, rules)

    def roll(self, rules, *, beside, **named):
        """
        All instances, one after the other. beside: the new one is there before the old one goes, as with
        maxUnavailable: 0 and maxSurge: 1; else each takes the place of the old one, as on machines of its own.
        """
        for place in list(self.instances):
            free = [other for other in self.ports if other not in self.instances]
            self.replace(place, rules, at=free[0] if beside else None, **named)

    def kill(self, place):
        """As the kernel does to one that takes too much memory."""
        instance = self.instances.pop(place)
        instance.process.kill()
        instance.process.wait()
