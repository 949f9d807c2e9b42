"""The image that the Dockerfile starts from: pulled, or made from Debian's own packages where nothing can be pulled."""

import re
import subprocess

from containers import Failed

PULL_SECONDS_MAX = 60
SUITE = "bookworm"


def machine_sources():
    """The machine's own mirrors of the suite, in apt's deb822 format."""
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)"
    targets = subprocess.run(["apt-get", "indextargets", "--format", fields, "Created-By: Packages"],
                             check=True, capture_output=True, text=True).stdout
    found = {}
    for uri, release, component, origin in (line.split(" ", 3) for line in targets.splitlines()):
        if origin == "Debian" and re.match(rf"{SUITE}\b", release) and component == "main":
            found[uri, release] = (f"Types: deb\nURIs: {uri}\nSuites: {release}\nComponents: main\n"
                                   "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n")
    if not found:
        raise Failed(f"apt knows no mirror of Debian's {SUITE}: run apt-get update, or on another system use Docker")
    return "\n".join(found.values())


def make(engine, name):
    """What debian:bookworm-slim is, in what matters: the essential packages, apt, and where the others are."""
    sources = engine.folder / "debian.sources"
    sources.write_text(machine_sources(), encoding="utf-8")
    tar = engine.folder / "base.tar"
    # The folder /lib and others have been links since Debian 12; usr-is-merged says so to packages that ask.
    engine.logged("base-image", "mmdebstrap", "--variant=minbase", "--include=usr-is-merged,ca-certificates",
                  "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--dpkgopt=path-exclude=/usr/share/man/*",
                  "--customize-hook=rm -f $1/etc/apt/sources.list $1/etc/apt/sources.list.d/*",
                  f"--customize-hook=copy-in {sources} /etc/apt/sources.list.d", SUITE, tar, sources)
    engine.output("podman", "import", "--quiet", tar, name)
    tar.unlink()


def ensure(engine, name, say, fresh):
    """Gives the image's name in the storage; fresh: also when there is one, a new one."""
    local = f"localhost/{name}"
    for candidate in (name, local):
        if not fresh and engine.has_image(candidate):
            return candidate
    try:
        pulled = engine.run("podman", "pull", "--quiet", name, capture_output=True, timeout=PULL_SECONDS_MAX)
        if pulled.returncode == 0:
            return name
    except subprocess.TimeoutExpired:
        pass
    say(f"{name} cannot be pulled: making it from Debian's packages, about a minute")
    make(engine, local)
    return local
