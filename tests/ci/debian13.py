#!/usr/bin/env python3
"""Builds and tests the project on Debian 13: debian13.py [STAGE…]

In a root folder of Debian 13's packages, made by mmdebstrap in .dev/debian13 from the mirror that this machine's apt
uses, and kept there. The stages of run.py, gcc and clang by default, are run in it, in namespaces of their own: when
they end, nothing is mounted and nothing runs. The clone is only read; what is built goes into .dev/debian13/build.

Exit code 77, and one line, where that cannot be done.
"""

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".dev/debian13"
SUITE = "trixie"
KEYRING = pathlib.Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CANNOT = 77
STAGES = ("gcc", "clang")

# In the namespaces: $1 the clone, $2 the root, $3 the build folder, then the command.
ENTER = """
set -e
clone=$1 root=$2 build=$3
shift 3
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root/splits"
mount --bind "$clone" "$root/splits"
mount --bind "$build" "$root/splits/build"
mount -o remount,bind,ro "$root/splits"
ip link set lo up
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 CI=true \\
    PYTHONDONTWRITEBYTECODE=1 "$@"
"""


def cannot(why):
    print(f"debian13: {why}")
    sys.exit(CANNOT)


def check_machine():
    if os.geteuid() != 0:
        cannot("needs root, for mounts and the users of the other system")
    for program in ("mmdebstrap", "unshare", "ip", "apt-get"):
        if not shutil.which(program):
            cannot(f"needs {program}")
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--net", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                           capture_output=True, text=True, check=False)
    if probe.returncode:
        cannot(f"needs to mount in a namespace of its own: {probe.stderr.strip()}")


def mirrors():
    """apt's lines for the other release, from where this machine gets Debian; security updates, too."""
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)", "Created-By: Packages"],
                             check=True, capture_output=True, text=True).stdout
    of_label = {}
    for line in listing.splitlines():
        uri, _, label = line.partition(" ")
        of_label.setdefault(label, uri)
    if "Debian" not in of_label:
        cannot("finds no mirror of Debian among apt's sources (apt-get update?)")
    lines = [f"deb {of_label['Debian']} {SUITE} main"]
    if "Debian-Security" in of_label:
        lines.append(f"deb {of_label['Debian-Security']} {SUITE}-security main")
    return lines


def packages():
    """What ./dev installs for building, running and testing, but for what other stages need."""
    text = (ROOT / "dev").read_text(encoding="utf-8")
    names = []
    for array in ("BUILD_PACKAGES", "RUN_PACKAGES", "TEST_PACKAGES"):
        names += text.split(f"\n{array}=(")[1].split(")")[0].split()
    return [name for name in names if name not in ("chromium", "gcovr", "python3-matplotlib", "haproxy", "pgbouncer", "systemd")]


def is_current(root, wanted):
    note = root / "etc/splits-packages"
    return note.exists() and set(note.read_text(encoding="utf-8").split()) >= wanted


def make_root(root):
    """The root folder, unless there is one with these packages."""
    wanted = set(packages())
    if is_current(root, wanted):
        return
    print(f"Making a root of Debian 13 ({SUITE}) in {root.relative_to(ROOT)}: 1 GB, some minutes", flush=True)
    shutil.rmtree(root, ignore_errors=True)
    log = FOLDER / "mmdebstrap.log"
    command = ["mmdebstrap", "--variant=apt", f"--keyring={KEYRING}", "--dpkgopt=force-unsafe-io",
               f"--include={','.join(sorted(wanted))}", SUITE, str(root), *mirrors()]
    # mmdebstrap shows its own progress on a terminal.
    with open(log, "w", encoding="utf-8") as file:
        output = None if sys.stderr.isatty() else file
        code = subprocess.run(command, stdout=output, stderr=output, check=False).returncode
    if code:
        sys.stdout.write(log.read_text(encoding="utf-8", errors="replace")[-2000:])
        shutil.rmtree(root, ignore_errors=True)
        sys.exit("debian13: mmdebstrap failed")
    (root / "etc/splits-packages").write_text("\n".join(sorted(wanted)), encoding="utf-8")


def run_inside(root, *command):
    """The exit code of a command in the root, with the clone as /splits."""
    build = FOLDER / "build"
    for folder in (build, ROOT / "build"):
        folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(["setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--net",
                           "--ipc", "--uts", "sh", "-c", ENTER, "sh", ROOT, root, build, *command], stdin=subprocess.DEVNULL, check=False).returncode


def build_and_test(stages):
    started = time.monotonic()
    root = FOLDER / "root"
    make_root(root)
    made = time.monotonic()
    run_inside(root, "dpkg-query", "-W", "-f", "${Package} ${Version}\n", "gcc", "clang", "libmicrohttpd-dev", "libpq-dev",
               "libjansson-dev", "postgresql", "python3")
    code = run_inside(root, "python3", "/splits/tests/ci/run.py", *stages)
    print(f"Debian 13: root {made - started:.0f} s, build and tests {time.monotonic() - made:.0f} s")
    return code


def main():
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    check_machine()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("debian13: another one is running")
        return build_and_test(sys.argv[1:] or STAGES)


if __name__ == "__main__":
    sys.exit(main())
