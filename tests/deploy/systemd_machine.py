"""A systemd of a test's own, as process 1 of a copy of this machine, which keeps what is written to itself.

    with Machine() as machine:
        machine.run("systemctl", "start", "some.service")

The copy shares the machine's network, and nothing else; boot_systemd.sh says how. None of it outlives the test.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

BOOT = pathlib.Path(__file__).with_name("boot_systemd.sh")
SYSTEMD = pathlib.Path("/lib/systemd/systemd")
START_SECONDS_MAX = 30
RUN_SECONDS_MAX = 60

# What the units under test are ordered by; the machine's own would start the machine's services.
TARGETS = ("basic", "multi-user", "network-online", "network", "shutdown", "sysinit")


def control_groups():
    """Where the version 2 hierarchy is mounted; None without one."""
    for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, folder, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(folder)
    return None


def missing():
    """Why there can be no such machine here; None when there can."""
    if os.geteuid() != 0:
        return "needs root"
    if not SYSTEMD.exists():
        return "needs systemd"
    if control_groups() is None:
        return "needs version 2 control groups"
    # What a container may not do.
    probe = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True,
                           text=True, check=False)
    return f"cannot mount: {probe.stderr.strip()}" if probe.returncode else None


class Machine:
    """A with statement starts and removes it; what is to lie over the machine's files is put into changes before."""

    def __init__(self, binds=()):
        """binds: pairs (folder of this machine, where the copy has it)."""
        self._binds = [str(part) for pair in binds for part in pair]
        # In /var/tmp, for a tmpfs may not lie over others.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="splits-systemd-", dir="/var/tmp"))
        self.changes = self.folder / "changes"
        self.shared = self.folder / "shared"
        self.units = self.folder / "run/systemd/system"
        for folder in (self.changes, self.shared, self.units):
            folder.mkdir(parents=True)
        for target in TARGETS:
            (self.units / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n", encoding="ascii")
        self._group = control_groups() / self.folder.name
        self._process = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def _start(self):
        self._group.mkdir()
        join = f"echo $$ >{self._group}/cgroup.procs && exec \"$@\""
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "sh", "-c", join, "sh", "unshare", "--mount", "--pid", "--fork", "--kill-child",
             "--ipc", "--uts", "--cgroup", BOOT, self.folder, *self._binds],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS_MAX
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._first_process() and self.run("systemctl", "is-active", "basic.target", check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(f"systemd did not start:\n{self.console()}")

    def _first_process(self):
        """systemd's process id, seen from here; None before it is there."""
        with contextlib.suppress(OSError):
            number = self._process.pid
            children = pathlib.Path(f"/proc/{number}/task/{number}/children").read_text(encoding="ascii").split()
            for child in children:
                if pathlib.Path(f"/proc/{child}/comm").read_text(encoding="ascii").strip() == "systemd":
                    return child
        return None

    def console(self):
        file = self.folder / "console"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def run(self, *command, check=True):
        """Runs a command in the machine; gives the completed process, with its text."""
        enter = ["nsenter", "--target", self._first_process(), "--mount", "--pid", "--root", "--wd=/"]
        completed = subprocess.run([*enter, "--", *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True,
                                   text=True, timeout=RUN_SECONDS_MAX, check=False)
        if check:
            assert completed.returncode == 0, f"{command}: {completed.stderr}\n{self.console()[-3000:]}"
        return completed

    def show(self, unit, name):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def drop_in(self, unit, name, text):
        """Adds to a unit; an empty text takes that away again."""
        file = self.units / f"{unit}.d" / f"{name}.conf"
        file.parent.mkdir(exist_ok=True)
        if text:
            file.write_text(text, encoding="ascii")
        else:
            file.unlink()
        self.run("systemctl", "daemon-reload")

    def remove(self):
        """Ends all of its processes, and leaves nothing."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill() # its child, systemd, dies with it, and with that all the others
            self._process.wait()
        for group in sorted(self._group.rglob("*/"), reverse=True) + [self._group]:
            self._remove_group(group)
        shutil.rmtree(self.folder)

    @staticmethod
    def _remove_group(group):
        deadline = time.monotonic() + 5
        while group.is_dir():
            with contextlib.suppress(OSError): # processes that are ending
                group.rmdir()
            assert time.monotonic() < deadline, f"{group} is still in use"
            time.sleep(0.01)
