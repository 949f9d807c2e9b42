"""Probes, rollouts, sizes: that somebody answers all the time."""

from manifests import TERMINATION_SECONDS, cpus, name_of, pre_stop_seconds

ALIVE, READY = "/health", "/health/ready"
SPARE_SECONDS = 5       # between the longest drain and SIGKILL
ROUTING_SECONDS = 4     # until every node and ingress controller has taken an endpoint away
START_SECONDS_MIN = 30  # that a start may take on a busy node
MAX_CONNECTIONS = 100 - 3 # of a PostgreSQL that nobody has configured, less what is reserved


def probe_flaws(manifests, kind, path, port):
    ask = manifests.container.get(kind, {}).get("httpGet", {})
    if (ask.get("path"), ask.get("port")) != (path, port):
        yield f"{kind}: asks {ask or 'nothing'}, not {path} of the port {port}"


def probe_seconds(probe):
    """How long it must fail to count as failed."""
    return probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)


def startup_probe(manifests):
    """A slow start is no reason for a restart, and neither is a database that is away."""
    yield from probe_flaws(manifests, "startupProbe", ALIVE, "admin")
    probe = manifests.container.get("startupProbe")
    if probe and probe_seconds(probe) < START_SECONDS_MIN:
        yield f"startupProbe: less than {START_SECONDS_MIN} s to start"


def liveness_probe(manifests):
    """A restart does not mend the database, and makes overload worse: neither is asked about."""
    yield from probe_flaws(manifests, "livenessProbe", ALIVE, "admin")


def readiness_probe(manifests):
    """Asked where requests come in: who is full gets no more of them."""
    yield from probe_flaws(manifests, "readinessProbe", READY, "http")


def rollout_without_gap(manifests):
    strategy = manifests.server["spec"].get("strategy", {})
    rolling = strategy.get("rollingUpdate", {})
    if strategy.get("type") != "RollingUpdate" or rolling.get("maxUnavailable") != 0 or not rolling.get("maxSurge"):
        yield "an old pod may go before a new one is ready"


def pre_stop(manifests):
    if pre_stop_seconds(manifests.container) < 1:
        yield "SIGTERM comes before endpoints are taken away"


def drain_delay(manifests):
    """The first half is for whoever routes requests; in the second the service ends its connections."""
    noticed = pre_stop_seconds(manifests.container) + manifests.setting("SPLITS_DRAIN_DELAY_MS") / 2000
    if pre_stop_seconds(manifests.container) and noticed < ROUTING_SECONDS:
        yield f"preStop and half of SPLITS_DRAIN_DELAY_MS are {noticed:g} s; routing takes {ROUTING_SECONDS} s to change"


def time_to_drain(manifests):
    given = manifests.server_pod.get("terminationGracePeriodSeconds", TERMINATION_SECONDS)
    needed = manifests.drain_seconds_max() + SPARE_SECONDS
    if given < needed:
        yield f"killed after {given} s; preStop, drain delay, grace period and {SPARE_SECONDS} s are {needed:g} s"


def one_drains_at_a_time(manifests):
    """Else more than replicas + 2 × maxSurge instances hold connections during a rollout."""
    if manifests.server["spec"].get("minReadySeconds", 0) < manifests.drain_seconds_max():
        yield f"minReadySeconds is shorter than a drain, {manifests.drain_seconds_max():g} s"


def surge(manifests):
    return manifests.server["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", 1)


def instances_are_counted(manifests):
    at_once = manifests.replicas_max() + 2 * surge(manifests)
    if manifests.setting("SPLITS_REPLICAS") != at_once:
        yield f"SPLITS_REPLICAS is not {at_once}: the most replicas, and two surges"


def connections_fit(manifests):
    if manifests.workers() is None:
        return # bounded() tells
    instances = manifests.setting("SPLITS_REPLICAS") or 1
    wanted = instances * manifests.workers() * manifests.setting("SPLITS_DB_CONNECTIONS")
    if not 0 < wanted <= MAX_CONNECTIONS:
        yield f"{wanted} connections; a PostgreSQL as installed has {MAX_CONNECTIONS}"


def whole_cpus(manifests):
    """As many workers as the limit has whole CPUs: a part of one would only be throttled."""
    limit = manifests.container.get("resources", {}).get("limits", {}).get("cpu")
    if limit is not None and not manifests.setting("SPLITS_WORKERS") and cpus(limit) % 1000:
        yield f"a CPU limit of {limit} is no whole number"


def bounded(manifests):
    for name, container in manifests.containers():
        for kind in ("requests", "limits"):
            if {"cpu", "memory"} - container.get("resources", {}).get(kind, {}).keys():
                yield f"{name}: {kind} lack CPU or memory"
        memory = [container.get("resources", {}).get(kind, {}).get("memory") for kind in ("requests", "limits")]
        if memory[0] != memory[1]:
            yield f"{name}: is evicted when memory is short, for it uses more than it requests"


def spread(manifests):
    keys = {rule["topologyKey"]: rule["whenUnsatisfiable"]
            for rule in manifests.server_pod.get("topologySpreadConstraints", [])}
    if keys.get("kubernetes.io/hostname") != "DoNotSchedule":
        yield "a node may have all of them"
    if "topology.kubernetes.io/zone" not in keys:
        yield "a zone may have all of them"


def autoscaler(manifests):
    if manifests.overlay != "production":
        return
    scaler = manifests.get("HorizontalPodAutoscaler", "splits")
    if scaler is None:
        yield "there is none"
        return
    target = scaler["spec"]["scaleTargetRef"]
    if (target["kind"], target["name"]) != ("Deployment", "splits"):
        yield f"scales {target}"
    if scaler["spec"].get("minReplicas", 1) < 2:
        yield "one replica is no redundancy"
    if "replicas" in manifests.server["spec"]:
        yield "the Deployment sets replicas, too: each apply undoes what the autoscaler did"


def disruption_budget(manifests):
    if manifests.overlay != "production":
        return
    budget = manifests.get("PodDisruptionBudget", "splits")
    if budget is None or budget["spec"].get("maxUnavailable") != 1:
        yield "who drains nodes may take all pods at once, or none"
    elif budget["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
        yield "a pod that is broken anyway stands in the way of a drain"


def settings_roll_out(manifests):
    """The ConfigMap's name ends with a hash of its content."""
    plain = [source["configMapRef"]["name"] for source in manifests.container.get("envFrom", [])]
    if plain == ["splits-settings"]:
        yield "a changed setting reaches no pod that runs"


def migration_with_rollout(manifests):
    if len(manifests.all("Job")) != 1:
        yield "there is not one migration"
        return
    container = manifests.migration["spec"]["template"]["spec"]["containers"][0]
    if container["image"] != manifests.container["image"]:
        yield "another image than the server's"
    if container.get("args") != ["migrate", "up"]:
        yield "does not migrate"
    if any("configMapRef" in source for source in container.get("envFrom", [])):
        yield "changes with the settings, which a Job must not"


def migration_per_version(manifests):
    """A Job cannot be changed: the next version's has another name, or takes the place of a finished one."""
    if not manifests.all("Job"):
        return
    tag = manifests.migration["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
    if manifests.overlay == "production" and name_of(manifests.migration) != f"splits-migrate-{tag}":
        yield f"{name_of(manifests.migration)} is not called after its version {tag}"
    if "ttlSecondsAfterFinished" not in manifests.migration["spec"]:
        yield "stays for ever"


POLICIES = (startup_probe, liveness_probe, readiness_probe, rollout_without_gap, pre_stop, drain_delay, time_to_drain,
            one_drains_at_a_time, instances_are_counted, connections_fit, whole_cpus, bounded, spread, autoscaler,
            disruption_budget, settings_roll_out, migration_with_rollout, migration_per_version)
