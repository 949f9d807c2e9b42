"""Who reaches whom, and that names, labels and ports lead somewhere."""

from manifests import name_of, selects

DNS_PORT, DATABASE_PORT = 53, 5432
NAMES = {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}
EVERYBODY = ("0.0.0.0/0", "::/0")


def labels_of(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def policies_for(manifests, workload, direction):
    """The NetworkPolicies that say what this workload's pods may do, but for the one that denies."""
    return [policy for policy in manifests.all("NetworkPolicy") if direction in policy["spec"]["policyTypes"]
            and selects(policy["spec"]["podSelector"], labels_of(workload))]


def rules_for(manifests, workload, direction):
    return [rule for policy in policies_for(manifests, workload, direction)
            for rule in policy["spec"].get(direction.lower(), [])]


def default_deny(manifests):
    closed = [policy for policy in manifests.all("NetworkPolicy") if policy["spec"]["podSelector"] == {}]
    if not any(set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"} for policy in closed):
        yield "pods that no policy names reach everything"
    if any(policy["spec"].get("ingress") or policy["spec"].get("egress") for policy in closed):
        yield "the policy for all pods allows something"


def ports_of(rule):
    return [port.get("port") for port in rule.get("ports", [])]


def namespaces_of(rule, side):
    return [peer.get("namespaceSelector", {}).get("matchLabels", {}) for peer in rule.get(side, [])]


def ingress_from_few(manifests):
    """Requests from labelled namespaces, metrics from Prometheus in labelled ones; nothing else."""
    allowed = [(ports_of(rule), namespaces_of(rule, "from")) for rule in
               rules_for(manifests, manifests.server, "Ingress")]
    wanted = [(["http"], [{"splits-http": "allowed"}]), (["admin"], [{"splits-metrics": "allowed"}])]
    if allowed != wanted:
        yield f"let in: {allowed}"
    for rule in rules_for(manifests, manifests.server, "Ingress"):
        if ports_of(rule) == ["admin"] and any("podSelector" not in peer for peer in rule["from"]):
            yield "the admin port is open for more than Prometheus"


def egress_to_few(manifests):
    """Names and the database; nothing else, for the server and the migration."""
    for workload in manifests.own_workloads():
        rules = rules_for(manifests, workload, "Egress")
        if [set(ports_of(rule)) for rule in rules] != [{DNS_PORT}, {DATABASE_PORT}]:
            yield f"{name_of(workload)}: goes out to {[ports_of(rule) for rule in rules]}"
        for rule in rules:
            peers = rule.get("to", [])
            if not peers or any(not peer or peer.get("ipBlock", {}).get("cidr") in EVERYBODY for peer in peers):
                yield f"{name_of(workload)}: goes out to everybody"
            if DNS_PORT in ports_of(rule) and any(peer.get("namespaceSelector") != NAMES for peer in peers):
                yield f"{name_of(workload)}: asks others than the cluster for names"


def database_for_few(manifests):
    """A database in the cluster is for the service alone."""
    for database in manifests.all("StatefulSet"):
        peers = [rule.get("from") for rule in rules_for(manifests, database, "Ingress")]
        if peers != [[{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "splits"}}}]]:
            yield f"{name_of(database)}: lets in {peers}"


def admin_is_not_published(manifests):
    admin = manifests.setting("SPLITS_ADMIN_PORT")
    for service in manifests.all("Service"):
        if any(port.get("targetPort", port["port"]) in ("admin", admin) for port in service["spec"]["ports"]):
            yield f"{name_of(service)}: publishes the admin port, which has no access control"
    for kind in ("LoadBalancer", "NodePort"):
        if any(service["spec"].get("type") == kind for service in manifests.all("Service")):
            yield f"a Service of the type {kind}"


def selectors_match(manifests):
    """Each Service, budget and policy is about pods that there are, and each constraint about the server's own."""
    pods = [labels_of(workload) for workload in manifests.workloads()]
    selectors = [(document, document["spec"]["selector"]) for document in manifests.all("Service")]
    selectors += [(document, document["spec"]["selector"]) for document in manifests.all("PodDisruptionBudget")]
    selectors += [(document, document["spec"]["podSelector"]) for document in manifests.all("NetworkPolicy")
                  if document["spec"]["podSelector"]]
    for document, selector in selectors:
        if not any(selects(selector, labels) for labels in pods):
            yield f"{document['kind']} {name_of(document)}: chooses no pod"
    for rule in manifests.server_pod.get("topologySpreadConstraints", []):
        if not selects(rule["labelSelector"], labels_of(manifests.server)):
            yield f"spread over {rule['topologyKey']}: counts other pods"


def service_reaches_server(manifests):
    services = [service for service in manifests.all("Service") if name_of(service) == "splits"]
    if "http" not in [port.get("targetPort") for service in services for port in service["spec"]["ports"]]:
        yield "no Service leads to the port http"
    if any(selects(service["spec"]["selector"], labels_of(manifests.migration)) for service in services
           if manifests.all("Job")):
        yield "requests are sent to the migration"


def ports_as_set(manifests):
    """The named ports are where the service listens, for everybody."""
    ports = {port["name"]: port["containerPort"] for port in manifests.container["ports"]}
    for name, prefix in (("http", "SPLITS"), ("admin", "SPLITS_ADMIN")):
        if ports.get(name) != manifests.setting(f"{prefix}_PORT"):
            yield f"the port {name} is not {prefix}_PORT"
        if manifests.settings().get(f"{prefix}_ADDRESS") not in ("0.0.0.0", "::"):
            yield f"{prefix}_ADDRESS: nobody outside the pod can reach it"
    if manifests.settings().get("SPLITS_ADMIN") == "off":
        yield "nobody listens on the port admin"


def scraped(manifests):
    notes = manifests.server["spec"]["template"]["metadata"].get("annotations", {})
    wanted = {"scrape": "true", "port": str(manifests.setting("SPLITS_ADMIN_PORT")), "path": "/metrics"}
    for name, value in wanted.items():
        if notes.get(f"prometheus.io/{name}") != value:
            yield f"prometheus.io/{name} is not {value}"


POLICIES = (default_deny, ingress_from_few, egress_to_few, database_for_few, admin_is_not_published, selectors_match,
            service_reaches_server, ports_as_set, scraped)
