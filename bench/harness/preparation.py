"""Before a race: limits are looked at, peers built and held to the contract, versions written down."""

import contextlib
import hashlib
import platform
import re
import shutil
import subprocess
from pathlib import Path

from harness import builds, contract
from harness.settings import PROCESSORS, ROOT, SettingError

MEMORY_GIB_MIN = 2


def check_machine():
    missing = [name for name in ("wrk", "nginx", "setpriv") if not shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")]
    if missing:
        raise SettingError(f"missing: {', '.join(missing)}")
    if memory_gib() < MEMORY_GIB_MIN:
        raise SettingError(f"this machine has {memory_gib():.1f} GiB of memory: {MEMORY_GIB_MIN} are needed")
    if PROCESSORS < 2:
        raise SettingError("one processor: the load generator would take it from who is measured; 2 are needed")


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
    return {"processor": model[1] if model else platform.machine(), "processors": PROCESSORS,
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
    def git(*arguments):
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "include", "bench", "meson.build")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+changes" if changed else "")




def fingerprint():
    """Of all that what is measured depends on: sources of the service, of the peers, of the harness."""
    digest = hashlib.sha256()
    for folder in ("src", "include", "migrations", "bench"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "report" not in path.parts and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
