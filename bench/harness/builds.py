"""Builds the peers; and builds everybody once from nothing and once after one changed line, for the time it takes."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness.settings import BUILD, ROOT

BUILD_SECONDS_MAX = 1800
PEERS = BUILD / "peers"


class BuildError(Exception):
    """A line for the user."""


def tool(name):
    """The program that ./dev has found (GO, CARGO, OHA); empty: there is none."""
    variable = name.upper()
    return os.environ[variable] if variable in os.environ else shutil.which(name) or ""


def plain_environment():
    """Without flags of the user's for compilers: everybody is built as his own files say."""
    foreign = ("CFLAGS", "LDFLAGS", "CPPFLAGS", "GOFLAGS", "RUSTFLAGS", "CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_ENCODED_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def end_with_children(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait()


def run(command, folder, environment, log):
    """Seconds that it took; its output is in log."""
    start = time.monotonic()
    with open(log, "ab") as output:
        try:
            process = subprocess.Popen([str(part) for part in command], cwd=folder, env=plain_environment() | environment,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        except OSError as error:
            raise BuildError(str(error)) from error
        try:
            code = process.wait(BUILD_SECONDS_MAX)
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"{command[0]} did not end") from error
        finally:
            end_with_children(process)
    if code != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        wrong = [line for line in lines if re.match(r"error|.*: error", line)] or lines or ["no output"]
        raise BuildError(f"{wrong[-1].strip()} (all of it: {log})")
    return time.monotonic() - start


def needed(name):
    if not tool(name):
        raise BuildError(f"no {name} that is new enough")
    return tool(name)


def build_go(name, sources, output, log, cache=None):
    environment = {"GOCACHE": str(cache)} if cache else {}
    return run([needed("go"), "build", "-trimpath", "-ldflags=-s -w", "-o", output, f"./{name}"], sources, environment, log)


def build_rust(name, sources, output, log, target=PEERS / "rust-target"):
    seconds = run([needed("cargo"), "build", "--release", "--locked", "--package", name, "--target-dir", target],
                  sources, {}, log)
    shutil.copy2(target / "release" / name, output)
    return seconds


BUILDERS = {"Go": ("go", build_go), "Rust": ("rust", build_rust)}


def build_peer(contestant):
    """Raises BuildError."""
    PEERS.mkdir(parents=True, exist_ok=True)
    folder, builder = BUILDERS[contestant.language]
    output = Path(contestant.program)
    log = PEERS / f"{output.name}.log"
    log.unlink(missing_ok=True)
    builder(output.name.split("-", 1)[1], ROOT / "bench/peers" / folder, output, log)


def build_json_benchmark(language):
    """The program that measures a language's serializers."""
    folder, builder = BUILDERS[language]
    output = PEERS / f"{folder}-jsonbench"
    builder("jsonbench", ROOT / "bench/peers" / folder, output, PEERS / f"{output.name}.log")
    return output


# How long it takes


def change_one_line(*folders):
    """What GET /health answers; in a copy of the sources, in the first of the folders that has it."""
    for source in (path for folder in folders for path in sorted(folder.rglob("*"))):
        if source.suffix in (".c", ".go", ".rs") and "test" not in source.parts:
            text = source.read_text()
            changed = re.sub(r'(status\\?"(?::|: ?)\s*\\?")ok', r"\1fine", text, count=1)
            if changed != text:
                source.write_text(changed)
                return
    raise BuildError(f"found no line to change in {folders[0]}")


def time_splits(folder, log):
    sources = folder / "splits"
    for part in ("src", "include", "migrations", "bench", "tests", "deploy", "docs"):
        shutil.copytree(ROOT / part, sources / part)
    for name in ("meson.build", "meson_options.txt", "meson.options", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, sources / name)
    setup = ["meson", "setup", "build", "--buildtype=release", "-Dtests=disabled"]
    clean = run(setup, sources, {}, log) + run(["ninja", "-C", "build", "splits"], sources, {}, log)
    change_one_line(sources / "src")
    return clean, run(["ninja", "-C", "build", "splits"], sources, {}, log)


def time_peer(contestant, folder, log):
    language_folder, builder = BUILDERS[contestant.language]
    sources = folder / language_folder
    shutil.copytree(ROOT / "bench/peers" / language_folder, sources)
    name = Path(contestant.program).name.split("-", 1)[1]
    arguments = (name, sources, folder / "program", log, folder / "cache")
    clean = builder(*arguments)
    change_one_line(sources / name, sources / "common")
    return clean, builder(*arguments)


def time_build(contestant):
    """Seconds of a build from nothing, downloads apart, and of one after a changed line."""
    with tempfile.TemporaryDirectory(prefix="splits-build-") as name:
        folder = Path(name)
        log = folder / "log"
        try:
            clean, incremental = (time_splits(folder, log) if contestant.family == "c"
                                  else time_peer(contestant, folder, log))
        except BuildError as error:
            return {"error": str(error)}
    return {"build_clean_s": clean, "build_incremental_s": incremental}


def stripped_size(program):
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run(["strip", "-o", copy.name, program], check=True)
        return os.stat(copy.name).st_size
