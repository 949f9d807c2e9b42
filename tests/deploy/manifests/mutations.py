"""How each promise is broken: changes of the rendered manifests under which its policy fails, and no other one."""

import copy

from manifests import OVERLAYS, Manifests

GONE = object()
BOTH, DEV, PRODUCTION = OVERLAYS, OVERLAYS[:1], OVERLAYS[1:]
POD = "spec template spec "
BOX = POD + "containers 0 " # the only container
LABELS = "spec template metadata labels "
NAME = "app.kubernetes.io/name"
ANYWHERE = {"ipBlock": {"cidr": "0.0.0.0/0"}}
COMMUNITY = {"namespaceSelector": {}}


class Mutation:
    """
    The policy that must fail, the overlays, and edits: a document (KIND, or KIND/NAME with the beginning of the
    name), a path in it, and what is put there; GONE takes it away. A path of "" is the document as a whole.
    """

    def __init__(self, policy, overlays, *edits):
        self.policy = policy
        self.overlays = overlays
        self.edits = edits

    def __str__(self):
        return f"{self.policy}: " + ", ".join(f"{document} {'without' if value is GONE else 'changes'} {path or 'all'}"
                                             for document, path, value in self.edits)

    def apply(self, manifests):
        documents = copy.deepcopy(manifests.documents)
        for document, path, value in self.edits:
            if path == "" and value is not GONE:
                documents.append(value)
                continue
            kind, _, name = document.partition("/")
            found = next(candidate for candidate in documents if candidate["kind"] == kind
                         and candidate["metadata"]["name"].startswith(name))
            if path == "":
                documents.remove(found)
            else:
                put(found, path.split(), value if value is GONE else copy.deepcopy(value))
        return Manifests(manifests.overlay, documents)


def put(place, path, value):
    """Changes one thing in a tree of dicts and lists, which must be another than before."""
    *above, last = [int(key) if key.isdigit() else key for key in path]
    for key in above:
        place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
    if value is GONE:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        assert isinstance(place, list) or place.get(last) != value, f"no change: {path}"
        place[last] = value


def each(policy, path, value, kinds=("Deployment", "Job", "StatefulSet")):
    """The same in every workload, one by one; the database is in dev alone."""
    return [Mutation(policy, DEV if kind == "StatefulSet" else BOTH, (kind, path, value)) for kind in kinds]


def own(policy, path, value):
    return each(policy, path, value, kinds=("Deployment", "Job"))


def one(policy, document, path, value, overlays=BOTH):
    return [Mutation(policy, overlays, (document, path, value))]


def server(policy, path, value, overlays=BOTH):
    return one(policy, "Deployment", path, value, overlays)


def setting(policy, name, value):
    return one(policy, "ConfigMap/splits-settings", f"data {name}", value)


def added(policy, overlays, kind, **fields):
    document = {"kind": kind, "metadata": {"name": "added", "namespace": "splits"}, **fields}
    return [Mutation(policy, overlays, (kind, "", document))]


def image(tag):
    """The service's, in both places, and the Job called after it as kustomize would."""
    reference = "registry.example.com/splits" + (f":{tag}" if tag else "")
    edits = [("Deployment", BOX + "image", reference), ("Job", BOX + "image", reference)]
    name = ("Job", "metadata name", f"splits-migrate-{tag or reference}")
    return [Mutation("pinned_images", DEV, *edits), Mutation("pinned_images", PRODUCTION, *edits, name)]


SECURITY = [
    *one("restricted_namespace", "Namespace", "metadata labels pod-security.kubernetes.io/enforce", GONE),
    *one("restricted_namespace", "Namespace", "metadata labels pod-security.kubernetes.io/enforce", "baseline"),
    *one("restricted_namespace", "Service", "metadata namespace", "default"),
    *each("no_root", POD + "securityContext runAsNonRoot", GONE),
    *each("no_root", POD + "securityContext runAsUser", GONE),
    *each("no_root", POD + "securityContext runAsUser", 0),
    *own("no_root", POD + "securityContext runAsUser", 10002),
    *each("no_root", BOX + "securityContext runAsUser", 0),
    *each("seccomp", POD + "securityContext seccompProfile", GONE),
    *each("seccomp", POD + "securityContext seccompProfile type", "Unconfined"),
    *each("no_escalation", BOX + "securityContext allowPrivilegeEscalation", GONE),
    *each("no_escalation", BOX + "securityContext privileged", True),
    *each("no_capabilities", BOX + "securityContext capabilities", GONE),
    *each("no_capabilities", BOX + "securityContext capabilities add", ["NET_BIND_SERVICE"]),
    *each("read_only_root", BOX + "securityContext readOnlyRootFilesystem", GONE),
    *each("no_host", POD + "hostNetwork", True),
    *each("no_host", POD + "hostPID", True),
    *each("no_host", POD + "hostIPC", True),
    *each("no_host", POD + "volumes 1", {"name": "node", "hostPath": {"path": "/"}}),
    *server("no_host", BOX + "ports 0 hostPort", 8080),
    *one("no_token", "ServiceAccount", "automountServiceAccountToken", GONE),
    *each("no_token", POD + "automountServiceAccountToken", GONE),
    *own("no_rights", POD + "serviceAccountName", GONE),
    *added("no_rights", PRODUCTION, "RoleBinding"),
    *each("no_service_links", POD + "enableServiceLinks", GONE),
    *setting("secret_by_file", "DATABASE_URL_FILE", "/etc/splits/database-url"),
    *setting("secret_by_file", "DATABASE_URL_FILE", GONE),
    *one("secret_by_file", "Job", BOX + "env 0 value", "/etc/splits/database-url"),
    *own("secret_by_file", BOX + "volumeMounts 0 readOnly", GONE),
    *own("secret_by_file", BOX + "volumeMounts 0 mountPath", "/etc/splits"),
    *own("secret_by_file", POD + "volumes 0 secret defaultMode", 0o444),
    *own("secret_by_file", POD + "volumes 0 secret defaultMode", GONE),
    *one("no_secret_in_environment", "Job", BOX + "env 1",
         {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "splits-database", "key": "database-url"}}}),
    *one("no_secret_in_environment", "Job", BOX + "env 1", {"name": "DATABASE_URL", "value": "postgresql://a:b@c/d"}),
    *one("no_secret_in_environment", "Job", BOX + "envFrom", [{"secretRef": {"name": "splits-database"}}]),
    *setting("no_secret_in_environment", "DATABASE_URL", "postgresql://splits:secret@database/splits"),
    *added("no_secret_in_tree", PRODUCTION, "Secret", data={"database-url": "cG9zdGdyZXM="}),
    *one("pinned_images", "StatefulSet", BOX + "image", "postgres", DEV),
    *one("pinned_images", "StatefulSet", BOX + "image", "registry.example.com:5000/postgres:latest", DEV),
    *image(None),
    *image("latest"),
]

AVAILABILITY = [
    *server("startup_probe", BOX + "startupProbe", GONE),
    *server("startup_probe", BOX + "startupProbe httpGet path", "/health/ready"),
    *server("startup_probe", BOX + "startupProbe httpGet port", "http"),
    *server("startup_probe", BOX + "startupProbe failureThreshold", GONE),
    *server("liveness_probe", BOX + "livenessProbe", GONE),
    *server("liveness_probe", BOX + "livenessProbe httpGet path", "/health/ready"),
    *server("liveness_probe", BOX + "livenessProbe httpGet port", "http"),
    *server("readiness_probe", BOX + "readinessProbe", GONE),
    *server("readiness_probe", BOX + "readinessProbe httpGet path", "/health"),
    *server("readiness_probe", BOX + "readinessProbe httpGet port", "admin"),
    *server("rollout_without_gap", "spec strategy rollingUpdate maxUnavailable", GONE),
    *server("rollout_without_gap", "spec strategy rollingUpdate maxUnavailable", 1),
    *server("rollout_without_gap", "spec strategy rollingUpdate maxSurge", GONE),
    *server("rollout_without_gap", "spec strategy type", "Recreate"),
    *server("pre_stop", BOX + "lifecycle", GONE),
    *server("pre_stop", BOX + "lifecycle preStop exec command 2", "0"),
    *setting("drain_delay", "SPLITS_DRAIN_DELAY_MS", GONE),
    *setting("drain_delay", "SPLITS_DRAIN_DELAY_MS", "3000"),
    *server("time_to_drain", POD + "terminationGracePeriodSeconds", 15),
    *server("time_to_drain", POD + "terminationGracePeriodSeconds", 21),
    Mutation("time_to_drain", BOTH, ("ConfigMap/splits-settings", "data SPLITS_GRACE_PERIOD_MS", "20000"),
             ("Deployment", "spec minReadySeconds", 30)),
    *server("one_drains_at_a_time", "spec minReadySeconds", GONE),
    *server("one_drains_at_a_time", "spec minReadySeconds", 10),
    *setting("instances_are_counted", "SPLITS_REPLICAS", GONE),
    *setting("instances_are_counted", "SPLITS_REPLICAS", "2"),
    *one("instances_are_counted", "HorizontalPodAutoscaler", "spec maxReplicas", 7, PRODUCTION),
    *server("instances_are_counted", "spec replicas", 2, DEV),
    *server("instances_are_counted", "spec strategy rollingUpdate maxSurge", 2),
    *setting("connections_fit", "SPLITS_DB_CONNECTIONS", "64"),
    *setting("connections_fit", "SPLITS_WORKERS", "64"),
    *server("connections_fit", BOX + "resources limits cpu", "64"),
    *server("whole_cpus", BOX + "resources limits cpu", "1500m"),
    *each("bounded", BOX + "resources limits cpu", GONE),
    *each("bounded", BOX + "resources requests cpu", GONE),
    *each("bounded", BOX + "resources limits memory", GONE),
    *each("bounded", BOX + "resources requests memory", "1Mi"),
    *server("spread", POD + "topologySpreadConstraints", GONE),
    *server("spread", POD + "topologySpreadConstraints 1", GONE),
    *server("spread", POD + "topologySpreadConstraints 0 whenUnsatisfiable", "ScheduleAnyway"),
    *one("autoscaler", "HorizontalPodAutoscaler", "spec minReplicas", GONE, PRODUCTION),
    *one("autoscaler", "HorizontalPodAutoscaler", "spec scaleTargetRef name", "other", PRODUCTION),
    *server("autoscaler", "spec replicas", 3, PRODUCTION),
    *one("disruption_budget", "PodDisruptionBudget", "", GONE, PRODUCTION),
    *one("disruption_budget", "PodDisruptionBudget", "spec maxUnavailable", 0, PRODUCTION),
    *one("disruption_budget", "PodDisruptionBudget", "spec unhealthyPodEvictionPolicy", GONE, PRODUCTION),
    Mutation("settings_roll_out", BOTH, ("Deployment", BOX + "envFrom 0 configMapRef name", "splits-settings"),
             ("ConfigMap/splits-settings", "metadata name", "splits-settings")),
    *one("migration_with_rollout", "Job", "", GONE),
    *one("migration_with_rollout", "Job", BOX + "args", ["migrate", "status"]),
    Mutation("migration_with_rollout", DEV, ("Job", BOX + "image", "localhost/splits:other")),
    *one("migration_with_rollout", "Job", BOX + "envFrom", [{"configMapRef": {"name": "splits-settings"}}]),
    *one("migration_per_version", "Job", "metadata name", "splits-migrate", PRODUCTION),
    *one("migration_per_version", "Job", "spec ttlSecondsAfterFinished", GONE),
]

NETWORK = [
    *one("default_deny", "NetworkPolicy/default-deny", "", GONE),
    *one("default_deny", "NetworkPolicy/default-deny", "spec policyTypes", ["Ingress"]),
    *one("default_deny", "NetworkPolicy/default-deny", "spec egress", [{}]),
    *one("ingress_from_few", "NetworkPolicy/splits-ingress", "", GONE),
    *one("ingress_from_few", "NetworkPolicy/splits-ingress", "spec ingress 0 from", GONE),
    *one("ingress_from_few", "NetworkPolicy/splits-ingress", "spec ingress 0 from 1", COMMUNITY),
    *one("ingress_from_few", "NetworkPolicy/splits-ingress", "spec ingress 0 from 1", ANYWHERE),
    *one("ingress_from_few", "NetworkPolicy/splits-ingress", "spec ingress 0 ports", GONE),
    *one("ingress_from_few", "NetworkPolicy/splits-ingress", "spec ingress 1 from 0 podSelector", GONE),
    *one("ingress_from_few", "NetworkPolicy/splits-ingress", "spec ingress 2", {}),
    *one("egress_to_few", "NetworkPolicy/splits-egress", "", GONE),
    *one("egress_to_few", "NetworkPolicy/splits-egress", "spec egress 0 to", [COMMUNITY]),
    *one("egress_to_few", "NetworkPolicy/splits-egress", "spec egress 0 ports", GONE),
    *one("egress_to_few", "NetworkPolicy/splits-egress", "spec egress 1 to", [ANYWHERE]),
    *one("egress_to_few", "NetworkPolicy/splits-egress", "spec egress 1 to", GONE),
    *one("egress_to_few", "NetworkPolicy/splits-egress", "spec egress 1 ports 1", {"port": 443}),
    *one("egress_to_few", "NetworkPolicy/splits-egress", "spec egress 2", {}),
    *one("database_for_few", "NetworkPolicy/database", "", GONE, DEV),
    *one("database_for_few", "NetworkPolicy/database", "spec ingress 0 from 1", COMMUNITY, DEV),
    *one("admin_is_not_published", "Service/splits", "spec ports 1", {"name": "admin", "port": 8081}),
    *one("admin_is_not_published", "Service/splits", "spec type", "LoadBalancer"),
    *one("selectors_match", "Deployment", POD + f"topologySpreadConstraints 0 labelSelector matchLabels {NAME}", "no"),
    *one("selectors_match", "PodDisruptionBudget", f"spec selector matchLabels {NAME}", "no", PRODUCTION),
    *one("selectors_match", "Service/database", f"spec selector {NAME}", "no", DEV),
    *one("service_reaches_server", "Service/splits", "", GONE),
    *one("service_reaches_server", "Service/splits", "spec ports 0 targetPort", 80),
    *one("service_reaches_server", "Service/splits", "spec selector app.kubernetes.io/component", GONE),
    *server("ports_as_set", BOX + "ports 0 containerPort", 80),
    *setting("ports_as_set", "SPLITS_PORT", "8000"),
    *setting("ports_as_set", "SPLITS_ADDRESS", GONE),
    *setting("ports_as_set", "SPLITS_ADMIN_ADDRESS", "127.0.0.1"),
    *setting("ports_as_set", "SPLITS_ADMIN", "off"),
    *server("scraped", "spec template metadata annotations", GONE),
    *server("scraped", "spec template metadata annotations prometheus.io/port", "8080"),
    *server("scraped", "spec template metadata annotations prometheus.io/path", "/"),
]

MUTATIONS = [*SECURITY, *AVAILABILITY, *NETWORK]
