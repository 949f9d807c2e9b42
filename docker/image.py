#!/usr/bin/env python3
"""Builds the image of docker/Dockerfile without Docker, measures it, and tests a container of it: docs/container.md.

Exit codes: 0 all went well, 1 something failed, 2 usage, 4 containers cannot run on this machine.
"""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.request

import archive
import base_image
from containers import NETWORK, UNWATCHED, CannotRun, Engine, Failed

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests/ci"), str(ROOT / "tests/integration")]

IMAGE = "localhost/splits"
BASE = "debian:bookworm-slim"
STATE = ROOT / ".dev/containers"
CANNOT_RUN = 4
SIZE_MAX, PACKED_SIZE_MAX = 6_000_000, 3_000_000
RESIDENT_MAX = 4_000_000
IDLE_SECONDS = 4 # longer than the service takes to let go of what only its start needed
READY_SECONDS_MAX = 20


def say(text):
    print(text, flush=True)


def show_step(line):
    """The steps of the Dockerfile, on a terminal; each may take a minute."""
    if sys.stdout.isatty() and re.match(r"(\[\d/\d\] )?STEP ", line):
        print(f"\r\033[K  {line[:100]}", end="", flush=True)


def end_steps():
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)


# --- Build ------------------------------------------------------------------------------------------


def git(*arguments):
    result = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else ""


def build_arguments():
    """What the labels say, and the time that all files get: that of the commit."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or 0)
    revision = git("rev-parse", "HEAD") or "unknown"
    if git("status", "--porcelain", "--untracked-files=no"):
        revision += "-dirty"
    version = re.search(r"^  version: '([^']+)'", (ROOT / "meson.build").read_text(encoding="utf-8"), re.M)[1]
    return {
        "VERSION": version,
        "REVISION": revision,
        "CREATED": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
        "SOURCE_DATE_EPOCH": epoch,
    }


def apt_settings(engine):
    """How this machine reaches its mirrors: proxies, and whether it minds the age of their lists."""
    file = engine.folder / "apt.conf"
    dump = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True).stdout
    wanted = re.compile(r"Acquire::(https?::([\w.-]+::)?Proxy|Check-Valid-Until|Check-Date) ", re.I)
    lines = [line for line in dump.splitlines() if wanted.match(line)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def bud(engine, step, epoch, *arguments):
    """A run of the Dockerfile; the time is that of everything that it makes."""
    log = engine.logged(step, "buildah", "bud", "--isolation=chroot", "--pull-never", "--format=docker",
                        "--identity-label=false", f"--timestamp={epoch}", f"--file={ROOT}/docker/Dockerfile",
                        f"--ignorefile={ROOT}/docker/Dockerfile.dockerignore",
                        f"--volume={apt_settings(engine)}:/etc/apt/apt.conf.d/99machine:ro", *arguments, ROOT,
                        progress=show_step)
    end_steps()
    return log.read_text(encoding="utf-8")


def build(engine, base, name, arguments, fresh=False):
    """
    In two runs: the libraries, which are kept for the next time; and the rest without a cache, for buildah's takes
    labels with other values for the same.
    """
    started = time.monotonic()
    libraries = f"{name}-libraries"
    log = bud(engine, "libraries", 0, "--layers", f"--no-cache={str(fresh).lower()}", f"--build-arg=BASE={base}",
              "--target=libraries", f"--tag={libraries}")
    for warning in re.findall(r"^warning: .*", log, re.M):
        say(f"  {warning}")
    bud(engine, "program", arguments["SOURCE_DATE_EPOCH"], f"--build-arg=BASE={base}",
        f"--build-arg=LIBRARIES={libraries}", *(f"--build-arg={key}={value}" for key, value in arguments.items()), f"--tag={name}")
    archive.settle(engine, name, STATE / f"{name.rpartition('/')[2]}.tar")
    revision = label_of(engine, name, "revision")
    if revision != arguments["REVISION"]:
        raise Failed(f"the label says revision {revision}; built was {arguments['REVISION']}")
    engine.run("podman", "image", "prune", "--force", capture_output=True) # of earlier builds
    say(f"Built {name} in {time.monotonic() - started:.0f} s")


def label_of(engine, image, name):
    template = f'{{{{index .Labels "org.opencontainers.image.{name}"}}}}'
    return engine.output("podman", "image", "inspect", "--format", template, image).strip()


def copy_sbom(path):
    """Beside the image, for whoever keeps such things."""
    (STATE / "sbom.cdx.json").write_bytes(archive.files(path)["/usr/share/splits/sbom.cdx.json"][1])


def check_sizes(path):
    plain, packed = archive.sizes(path)
    say(f"Size: {plain / 1e6:.2f} MB, {packed / 1e6:.2f} MB compressed")
    if plain > SIZE_MAX or packed > PACKED_SIZE_MAX:
        raise Failed(f"larger than {SIZE_MAX / 1e6:.0f} MB, or {PACKED_SIZE_MAX / 1e6:.0f} MB compressed")


def build_again(engine, base, arguments):
    """A second build that shares the base image alone with the first; both must be the same bytes."""
    say("Building it a second time, with the libraries")
    second = f"{IMAGE}-again"
    build(engine, base, second, arguments, fresh=True)
    digests = [engine.output("podman", "image", "inspect", "--format", "{{.Id}} {{.RootFS.Layers}}", name).strip()
               for name in (IMAGE, second)]
    say("\n".join(f"  {digest}" for digest in digests))
    if digests[0] != digests[1]:
        raise Failed(f"the two builds differ: compare {IMAGE} and {second}")
    engine.output("podman", "rmi", second, f"{second}-libraries")
    (STATE / "splits-again.tar").unlink()
    say("Both builds are the same bytes")


# --- Run --------------------------------------------------------------------------------------------


def wait_until_ready(container, url):
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and container.is_running():
        try:
            with urllib.request.urlopen(url + "/health/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.01)
    raise Failed(f"the container did not become ready:\n{container.log()}")


def run_api_tests(engine):
    """The black-box tests against a running container; what it takes to run is measured first."""
    from postgres import PostgresServer
    from service_process import free_port

    with PostgresServer(tcp=True, password="splits") as server:
        port, admin_port = free_port(), free_port()
        options = [f"--env=DATABASE_URL={server.create_database('splits')}", f"--env=SPLITS_PORT={port}",
                   f"--env=SPLITS_ADMIN_PORT={admin_port}", "--env=SPLITS_ADDRESS=127.0.0.1",
                   "--env=SPLITS_ADMIN_ADDRESS=127.0.0.1"]
        migration = engine.once(IMAGE, "migrate", "up", options=options)
        if migration.returncode != 0:
            raise Failed(f"migrate up: {migration.stderr}")
        started = time.monotonic()
        with engine.container(IMAGE, options=[NETWORK, UNWATCHED, *options]) as container:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(container, url)
            seconds = time.monotonic() - started
            time.sleep(IDLE_SECONDS)
            resident = container.resident_bytes()
            say(f"Ready {seconds:.2f} s after podman run; {resident / 1e6:.2f} MB resident when idle")
            if resident > RESIDENT_MAX:
                raise Failed(f"more than {RESIDENT_MAX / 1e6:.0f} MB")
            say("Black-box tests of the API against the container")
            run_pytest(ROOT / "tests/api", f"--base-url={url}")
            container.signal("TERM")
            code = container.wait()
            if code != 0:
                raise Failed(f"the container ended with exit code {code}:\n{container.log()}")


def run_pytest(folder, *arguments):
    import needs

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *needs.second_chances(), *arguments,
               folder]
    if subprocess.run([str(part) for part in command], cwd=ROOT).returncode != 0:
        raise Failed(f"{folder.relative_to(ROOT)} failed")


def work(options):
    engine = Engine(STATE)
    if options.clean:
        engine.remove()
        return
    engine.prepare()
    with engine.lock(say):
        make(engine, options)


def make(engine, options):
    base = base_image.ensure(engine, BASE, say, options.fresh)
    engine.probe(base)
    say("Building the image: some minutes the first time")
    arguments = build_arguments()
    build(engine, base, IMAGE, arguments, options.fresh)
    path = STATE / "splits.tar"
    copy_sbom(path)
    check_sizes(path)
    if options.twice:
        build_again(engine, base, arguments)
    if options.tests:
        run_api_tests(engine)
        say("Tests of the container itself")
        run_pytest(ROOT / "tests/image")
    say(f"{IMAGE} is ready, and as a file in {path.relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(prog="./dev image", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="use nothing of earlier builds: for new security updates")
    parser.add_argument("--twice", action="store_true",
                        help="build it, with its libraries, a second time; both must be the same bytes")
    parser.add_argument("--no-tests", dest="tests", action="store_false", help="only build and measure")
    parser.add_argument("--clean", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)) # so that what was started is ended
    try:
        work(options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except CannotRun as reason:
        say(f"Containers cannot run here: {reason}")
        return CANNOT_RUN
    except Failed as reason:
        say(f"image: {reason}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
