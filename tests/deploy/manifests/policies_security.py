"""Rights, secrets and images."""

from manifests import name_of

USER = 10001 # of the image: docker/Dockerfile
POD_SECURITY = "pod-security.kubernetes.io/enforce"
HOST_FIELDS = ("hostNetwork", "hostPID", "hostIPC")
OTHERS_READ = 0o007


def restricted_namespace(manifests):
    namespaces = manifests.all("Namespace")
    for namespace in namespaces:
        if namespace["metadata"].get("labels", {}).get(POD_SECURITY) != "restricted":
            yield f"{name_of(namespace)}: {POD_SECURITY} is not restricted"
    names = {name_of(namespace) for namespace in namespaces}
    for document in manifests.documents:
        if document["kind"] != "Namespace" and document["metadata"].get("namespace") not in names:
            yield f"{name_of(document)} is in no namespace of these"


def no_root(manifests):
    for name, pod in manifests.pods():
        context = pod.get("securityContext", {})
        if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
            yield f"{name}: may be root"
    for workload in manifests.own_workloads():
        if workload["spec"]["template"]["spec"].get("securityContext", {}).get("runAsUser", USER) != USER:
            yield f"{name_of(workload)}: not the image's user {USER}"
    for name, container in manifests.containers():
        if {"runAsNonRoot", "runAsUser"} & container.get("securityContext", {}).keys():
            yield f"{name}: has a user of its own"


def seccomp(manifests):
    for name, pod in manifests.pods():
        if pod.get("securityContext", {}).get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name}: any system call is allowed"


def no_escalation(manifests):
    for name, container in manifests.containers():
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
            yield f"{name}: may get more rights"


def no_capabilities(manifests):
    for name, container in manifests.containers():
        capabilities = container.get("securityContext", {}).get("capabilities", {})
        if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
            yield f"{name}: has capabilities"


def read_only_root(manifests):
    for name, container in manifests.containers():
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"{name}: may write to its image"


def no_host(manifests):
    for name, pod in manifests.pods():
        if any(pod.get(field) for field in HOST_FIELDS) or any("hostPath" in volume for volume in pod.get("volumes", [])):
            yield f"{name}: shares something with its node"
    for name, container in manifests.containers():
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{name}: takes a port of its node"


def no_token(manifests):
    for account in manifests.all("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{name_of(account)}: gives its token to pods"
    for name, pod in manifests.pods():
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name}: gets a token"


def no_rights(manifests):
    for document in manifests.documents:
        if document["kind"].endswith("RoleBinding"):
            yield f"{name_of(document)}: rights on the API server"
    for workload in manifests.own_workloads():
        if workload["spec"]["template"]["spec"].get("serviceAccountName") != "splits":
            yield f"{name_of(workload)}: an account that others use, too"


def no_service_links(manifests):
    for name, pod in manifests.pods():
        if pod.get("enableServiceLinks") is not False:
            yield f"{name}: gets SPLITS_PORT=tcp://… and the like"


def environment_of(manifests, workload):
    if workload["kind"] == "Deployment":
        return manifests.settings()
    return {variable["name"]: variable.get("value") for variable in
            workload["spec"]["template"]["spec"]["containers"][0].get("env", [])}


def secret_by_file(manifests):
    """The URL of the database comes from a mounted Secret that only the service's group reads."""
    for workload in manifests.own_workloads():
        pod = workload["spec"]["template"]["spec"]
        secrets = {volume["name"]: volume["secret"] for volume in pod.get("volumes", []) if "secret" in volume}
        file = environment_of(manifests, workload).get("DATABASE_URL_FILE") or ""
        mounts = [mount for mount in pod["containers"][0].get("volumeMounts", [])
                  if mount["name"] in secrets and file == mount["mountPath"] + "/database-url"]
        if not mounts or not mounts[0].get("readOnly"):
            yield f"{name_of(workload)}: DATABASE_URL_FILE={file} is in no Secret mounted for reading"
        if any(secret.get("defaultMode", 0o644) & OTHERS_READ for secret in secrets.values()):
            yield f"{name_of(workload)}: everybody may read the Secret"


def no_secret_in_environment(manifests):
    for name, container in manifests.containers():
        sources = [*container.get("env", []), *container.get("envFrom", [])]
        if any("secretKeyRef" in source.get("valueFrom", {}) or "secretRef" in source for source in sources):
            yield f"{name}: a Secret in its environment"
        if any("://" in source.get("value", "") for source in sources):
            yield f"{name}: a URL in its environment, which may hold a password"
    for map_ in manifests.all("ConfigMap"):
        if any("://" in value for value in map_["data"].values()):
            yield f"{name_of(map_)}: a URL, which may hold a password"


def no_secret_in_tree(manifests):
    """But for the database of dev, which is made with it."""
    if manifests.overlay == "production" and manifests.all("Secret"):
        yield "a Secret is rendered"


def pinned_images(manifests):
    for name, container in manifests.containers():
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        if "@sha256:" not in container["image"] and tag in ("", "latest"):
            yield f"{name}: {container['image']} may be another image tomorrow"


POLICIES = (restricted_namespace, no_root, seccomp, no_escalation, no_capabilities, read_only_root, no_host, no_token,
            no_rights, no_service_links, secret_by_file, no_secret_in_environment, no_secret_in_tree, pinned_images)
