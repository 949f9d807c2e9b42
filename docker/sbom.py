#!/usr/bin/env python3
"""In the build stage of the Dockerfile: what the image is made of, as CycloneDX 1.5 in JSON, and the licence texts.

    sbom.py --map=splits.map --libraries=/opt/static --version=0.1.0 --root=/image

Nothing is listed by hand: the linker's map names the archives that went into the program, dpkg's database the packages
that these are from. For the archives that build_libraries.sh made, its own note takes the place of the database.
"""

import argparse
import gzip
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import uuid

ARCHIVE = re.compile(r"^(?:LOAD )?(/[^\s()]+\.[ao])\b", re.M)
CERTIFICATES = "ca-certificates"
# The part of a source package that is in the image, where it is not the main one.
PARTS = {CERTIFICATES: "mozilla/certdata.txt"}
# Of the packages whose copyright file is not in the machine-readable form.
PROSE_LICENCES = {
    "glibc": "LGPL-2.1-or-later",
    "gcc": "GPL-3.0-or-later WITH GCC-exception-3.1",
}
# Debian's short names that are others than SPDX's.
SPDX_NAMES = {
    "Expat": "MIT",
    "GPL-2+": "GPL-2.0-or-later",
    "LGPL-2.1+": "LGPL-2.1-or-later",
}


class Package:
    """A source package that something in the image was made from."""

    def __init__(self, source, version, copyright_file, newest=None):
        self.source = source
        self.version = version
        self.copyright = pathlib.Path(copyright_file).read_text(encoding="utf-8")
        self.newest = newest
        self.files = set()

    def licence(self):
        """An SPDX expression."""
        part = re.escape(PARTS.get(self.source, "*"))
        short = re.search(rf"^Files: {part}\n(?:.+\n)*?License: *(.+)$", self.copyright, re.M)
        if short:
            return " AND ".join(SPDX_NAMES.get(name, name) for name in re.split(r" and |, ", short[1].strip()))
        try:
            return PROSE_LICENCES[re.sub(r"-\d+$", "", self.source)]
        except KeyError:
            sys.exit(f"sbom.py: the licence of {self.source} is not known: its copyright file is not machine-readable")

    def component(self, distribution):
        url = f"pkg:deb/debian/{self.source}@{self.version.replace('+', '%2B')}?arch=source&distro={distribution}"
        properties = [{"name": "splits:file", "value": name} for name in sorted(self.files)]
        if self.newest:
            properties.append({"name": "splits:newest-version", "value": self.newest})
        return {
            "type": "data" if self.source == CERTIFICATES else "library",
            "bom-ref": url,
            "name": self.source,
            "version": self.version,
            "licenses": [{"expression": self.licence()}],
            "purl": url,
            "properties": properties,
        }


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def linked_files(linker_map):
    """The archives and start files from outside that the program has something of."""
    return {pathlib.Path(os.path.realpath(name)) for name in ARCHIVE.findall(linker_map.read_text())}


def installed_package(name):
    """The source package of an installed package."""
    source, version = output_of("dpkg-query", "-W", "-f", "${source:Package} ${source:Version}", name).split()
    return Package(source, version, f"/usr/share/doc/{name.partition(':')[0]}/copyright")


def owner_of(path):
    return output_of("dpkg-query", "-S", str(path)).split(": ")[0]


def built_packages(libraries):
    """By the name of the archive, what build_libraries.sh made."""
    rows = [line.split() for line in (libraries / "sources").read_text().splitlines()]
    made = {source: Package(source, version, libraries / f"copyright.{source}", newest)
            for _, source, version, newest in rows}
    return {libraries / "lib" / archive: made[source] for archive, source, _, _ in rows}


def packages_of(files, libraries):
    built = built_packages(libraries)
    found = {}
    for path in sorted(files):
        package = built.get(path) or installed_package(owner_of(path))
        package = found.setdefault(package.source, package)
        package.files.add(path.name)
    found[CERTIFICATES] = installed_package(CERTIFICATES)
    found[CERTIFICATES].files.add("ca-certificates.crt")
    return [found[name] for name in sorted(found)]


def distribution_of():
    """As package URLs have it: debian-12."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', pathlib.Path("/etc/os-release").read_text(), re.M))
    return f"{release['ID']}-{release['VERSION_ID']}"


def document(version, epoch, packages):
    components = [package.component(distribution_of()) for package in packages]
    program = {"type": "application", "bom-ref": "splits", "name": "splits", "version": version,
               "licenses": [{"license": {"id": "MIT"}}]}
    image = {"type": "container", "bom-ref": "image", "name": "splits-image", "version": version}
    references = [component["bom-ref"] for component in components]
    content = json.dumps([program, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
            "component": image,
        },
        "components": [program, *components],
        "dependencies": [
            {"ref": "image", "dependsOn": ["splits", *(ref for ref in references if CERTIFICATES in ref)]},
            {"ref": "splits", "dependsOn": [ref for ref in references if CERTIFICATES not in ref]},
        ],
    }


def write_texts(root, packages):
    """Licences ask for their text to go along with the program."""
    for package in packages:
        folder = root / "usr/share/doc" / package.source
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "copyright.gz").write_bytes(gzip.compress(package.copyright.encode(), mtime=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--map", type=pathlib.Path, required=True)
    parser.add_argument("--libraries", type=pathlib.Path, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    options = parser.parse_args()
    packages = packages_of(linked_files(options.map), options.libraries)
    write_texts(options.root, packages)
    bill = document(options.version, int(os.environ.get("SOURCE_DATE_EPOCH") or 0), packages)
    (options.root / "usr/share/splits/sbom.cdx.json").write_text(json.dumps(bill, indent=1) + "\n")


if __name__ == "__main__":
    main()
