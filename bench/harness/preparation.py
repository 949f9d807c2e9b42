"""Before a race: limits are looked at, peers built and held to the contract, versions written down."""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from harness import builds, contract
from harness.settings import ALL_PROCESSORS, RACE_PROCESSORS, ROOT, SettingError

MEMORY_GIB_MIN = 2
PROGRAMS = ("wrk", "nginx", "setpriv", "taskset", "strip", "ldd")


def check_machine():
    folders = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=folders)]
    if missing:
        raise SettingError(f"missing: {', '.join(missing)}")
    if memory_gib() < MEMORY_GIB_MIN:
        raise SettingError(f"this machine has {memory_gib():.1f} GiB of memory: {MEMORY_GIB_MIN} are needed")
    if len(ALL_PROCESSORS) < 2:
        raise SettingError("one processor: the load generator would take it from who is measured; 2 are needed")


def pin():
    """Leaves the load generator's processors to it: what is started from here on inherits the rest."""
    os.sched_setaffinity(0, RACE_PROCESSORS)


def memory_gib():
    return int(re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())[1]) / 1024 / 1024


def build(contestants, say):
    """Those that could be built, and why the others could not."""
    built, absent = [], []
    for number, contestant in enumerate(contestants, 1):
        if contestant.family != "c":
            say(f"[{number}/{len(contestants)}] building {contestant.title}")
            try:
                builds.build_peer(contestant)
            except builds.BuildError as error:
                absent.append(left_out(contestant, f"not built: {error}", say))
                continue
        built.append(contestant)
    return built, absent


def admit(contestants, database, say):
    """Those that keep the contract, with the number of tests passed, and why the others do not race."""
    kept, absent = {}, []
    for contestant in contestants:
        try:
            kept[contestant.name] = contract.hold(contestant, database)
            say(f"{contestant.title} keeps the contract: {kept[contestant.name]['passed']} tests")
        except contract.ContractError as error:
            absent.append(left_out(contestant, str(error), say))
    return kept, absent


def left_out(contestant, why, say):
    say(f"{contestant.title} is LEFT OUT: {why}")
    return {"name": contestant.name, "title": contestant.title, "why": why}


def machine():
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {"processor": model[1] if model else platform.machine(), "processors": len(ALL_PROCESSORS),
            "memory_gib": round(memory_gib(), 1), "kernel": platform.release()}


def version_of(command, pattern=r"(\d+\.\d+(?:\.\d+)?)"):
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        run = subprocess.run(command, capture_output=True, text=True, timeout=20)
        found = re.search(pattern, run.stdout + run.stderr)
        return found[1] if found else None
    return None


def versions(database):
    commands = {
        "gcc": ["gcc", "-dumpfullversion"],
        "Go": [builds.tool("go"), "version"],
        "Rust": [builds.tool("cargo"), "--version"],
        "wrk": ["wrk", "-v"],
        "oha": [builds.tool("oha"), "--version"],
        "nginx": [shutil.which("nginx") or "/usr/sbin/nginx", "-v"],
        "libmicrohttpd": ["pkg-config", "--modversion", "libmicrohttpd"],
        "libpq": ["pkg-config", "--modversion", "libpq"],
        "jansson": ["pkg-config", "--modversion", "jansson"],
    }
    found = {"PostgreSQL": database.version()}
    found |= {name: version_of(command) for name, command in commands.items() if command[0]}
    return {name: version for name, version in (found | locked_versions()).items() if version}


def locked_versions():
    """What the peers are made of, from their lock files."""
    found = {}
    with contextlib.suppress(OSError):
        for name, version in re.findall(r"^\s+(\S+) v(\S+)$", (ROOT / "bench/peers/go/go.mod").read_text(), re.M):
            found[name] = version
    with contextlib.suppress(OSError):
        lock = (ROOT / "bench/peers/rust/Cargo.lock").read_text()
        for name, version in re.findall(r'name = "(\S+)"\nversion = "(\S+)"', lock):
            if name in ("axum", "sqlx", "tokio-postgres", "actix-web", "deadpool-postgres", "serde_json", "tokio"):
                found[name] = version
    return found


def commit():
    """The commit of the sources; with a mark when they have been changed since."""
    if not shutil.which("git"):
        return "unknown"

    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "include", "bench", "meson.build")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+changes" if changed else "")


def fingerprint(contestants):
    """Of all that what is measured depends on: the programs that race, and those that measure."""
    digest = hashlib.sha256()
    for path in sorted(Path(one.program) for one in contestants):
        digest.update(path.read_bytes())
    for path in sorted(path for folder in ("harness", "load") for path in (ROOT / "bench" / folder).rglob("*")):
        if path.suffix in (".py", ".lua"):
            digest.update(path.read_bytes())
    return digest.hexdigest()
