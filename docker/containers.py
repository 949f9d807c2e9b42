"""buildah and podman with all of their state in one folder, apart from any other containers of the machine."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time

PROGRAMS = ("buildah", "podman", "runc")
HARDENING = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges",
             "--memory=64m", "--pids-limit=512")
# Tests have their database on a loopback address.
NETWORK = "--network=host"
# podman would have systemd run the image's health check, which need not be there.
UNWATCHED = "--no-healthcheck"
STOP_SECONDS_MAX = 30
ONCE_SECONDS_MAX = 60
ULIMITS = {"nofile": (resource.RLIMIT_NOFILE, 20000), "nproc": (resource.RLIMIT_NPROC, 4096)}


class CannotRun(Exception):
    """Why there can be no containers on this machine."""


class Failed(Exception):
    """A command that went wrong; says where its output is."""


def ulimits():
    """No more than the process itself may have: a container cannot raise a limit."""
    for name, (number, wanted) in ULIMITS.items():
        hard = resource.getrlimit(number)[1]
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        yield f"{name}={limit}:{limit}"


def storage_driver(folder):
    """vfs copies where the kernel has no overlays, or where one would lie on another, as in a container."""
    has_overlays = "overlay" in pathlib.Path("/proc/filesystems").read_text(encoding="ascii").split()
    kind = subprocess.run(["stat", "--file-system", "--format=%T", folder], capture_output=True, text=True).stdout
    return "overlay" if has_overlays and kind.strip() != "overlayfs" else "vfs"


class Engine:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.logs = self.folder / "logs"
        self.environment = os.environ | {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def prepare(self):
        """Writes the configuration; CannotRun when this machine cannot have containers."""
        if os.geteuid() != 0:
            raise CannotRun("they need root here (sudo ./dev image)")
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if missing:
            raise CannotRun(f"{', '.join(missing)} not found")
        probe = subprocess.run(["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "true"], capture_output=True,
                               text=True)
        if probe.returncode != 0:
            raise CannotRun(f"no namespaces ({probe.stderr.strip()})")
        for folder in ("storage", "run", "tmp", "logs"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        self._write_configuration()

    def _write_configuration(self):
        (self.folder / "storage.conf").write_text(
            f'[storage]\ndriver = "{storage_driver(self.folder)}"\n'
            f'graphroot = "{self.folder}/storage"\nrunroot = "{self.folder}/run"\n')
        # Locks in files and a folder of its own keep it apart from another podman; no systemd is asked for anything.
        (self.folder / "containers.conf").write_text(
            f"[containers]\ndefault_ulimits = {json.dumps(list(ulimits()))}\nlog_driver = \"k8s-file\"\n"
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nlock_type = "file"\nruntime = "runc"\n'
            f'tmp_dir = "{self.folder}/run/libpod"\n[network]\nnetwork_config_dir = "{self.folder}/networks"\n')

    def run(self, *command, **options):
        """subprocess.run in this engine's environment."""
        return subprocess.run([str(part) for part in command], env=self.environment, stdin=subprocess.DEVNULL,
                              **options)

    def output(self, *command):
        result = self.run(*command, capture_output=True, text=True)
        if result.returncode != 0:
            raise Failed(f"{command[0]} {command[1]}: {result.stderr.strip()}")
        return result.stdout

    def logged(self, name, *command, progress=None):
        """Runs a long step into a log; progress(line) sees each line of it."""
        log = self.logs / f"{name}.log"
        # A group of its own: what it has started must not outlive it when this process is told to end.
        process = subprocess.Popen([str(part) for part in command], env=self.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                   process_group=0)
        try:
            with open(log, "w", buffering=1, encoding="utf-8") as file:
                for line in process.stdout:
                    file.write(line)
                    if progress:
                        progress(line.rstrip())
            code = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
        if code != 0:
            tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-30:])
            raise Failed(f"{tail}\n{name} failed; all of its output is in {log}")
        return log

    @contextlib.contextmanager
    def lock(self, say):
        """One at a time; whatever still runs belongs to nobody."""
        with open(self.folder / "lock", "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("Waiting for another ./dev image in this clone")
                fcntl.flock(file, fcntl.LOCK_EX)
            self.remove_containers()
            yield

    def remove_containers(self):
        self.run("podman", "rm", "--all", "--force", "--time", 1, capture_output=True)

    def has_image(self, name):
        return self.run("podman", "image", "exists", name).returncode == 0

    def probe(self, image):
        """CannotRun unless a hardened container of an image that is known to be good runs."""
        result = self.once(image, "true")
        if result.returncode != 0:
            raise CannotRun(result.stderr.strip().splitlines()[-1] if result.stderr.strip() else "podman run failed")

    def once(self, image, *arguments, options=()):
        """A hardened container that runs to its end; gives its CompletedProcess."""
        return self.run("podman", "run", "--rm", f"--timeout={ONCE_SECONDS_MAX}", *HARDENING, NETWORK, UNWATCHED,
                        *options, image, *arguments, capture_output=True, text=True)

    @contextlib.contextmanager
    def container(self, image, *arguments, options=(NETWORK, UNWATCHED)):
        """A hardened container in the background, until the end of the with statement."""
        identifier = self.output("podman", "run", "--detach", *HARDENING, *options, image, *arguments).strip()
        try:
            yield Container(self, identifier)
        finally:
            self.run("podman", "rm", "--force", "--time", STOP_SECONDS_MAX, identifier, capture_output=True)

    def remove(self):
        """Removes everything that this engine keeps, whatever state it is in."""
        if not self.folder.exists():
            return
        if (self.folder / "containers.conf").exists() and shutil.which("podman"):
            self.remove_containers()
        mounts = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8")
        for point in reversed(re.findall(rf"^\S+ ({re.escape(str(self.folder))}/\S+) ", mounts, re.M)):
            subprocess.run(["umount", "--lazy", point], check=False)
        shutil.rmtree(self.folder)


class Container:
    def __init__(self, engine, identifier):
        self.engine = engine
        self.identifier = identifier

    def inspect(self, template):
        return self.engine.output("podman", "inspect", "--format", template, self.identifier).strip()

    @property
    def pid(self):
        return int(self.inspect("{{.State.Pid}}"))

    def is_running(self):
        return self.inspect("{{.State.Running}}") == "true"

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1]) * 1024

    def log(self):
        result = self.engine.run("podman", "logs", self.identifier, capture_output=True, text=True)
        return result.stdout + result.stderr

    def records(self, event):
        """The lines of the service's log about one event."""
        lines = [json.loads(line) for line in self.log().splitlines()]
        return [line for line in lines if line["event"] == event]

    def signal(self, name):
        self.engine.output("podman", "kill", "--signal", name, self.identifier)

    def wait(self):
        """Its exit code, once it has ended by itself."""
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while self.is_running():
            if time.monotonic() > deadline:
                raise Failed(f"the container did not end within {STOP_SECONDS_MAX} s:\n{self.log()}")
            time.sleep(0.05)
        return int(self.inspect("{{.State.ExitCode}}"))
