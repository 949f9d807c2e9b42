"""The image as a file: what a registry would be sent, and how large it is."""

import hashlib
import json
import tarfile
import zlib


def save(engine, image, path):
    path.unlink(missing_ok=True)
    engine.output("podman", "save", "--quiet", "--format", "docker-archive", "--output", path, image)


def layers(path):
    """The bytes of each layer."""
    with tarfile.open(path) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))[0]
        for name in manifest["Layers"]:
            yield archive.extractfile(name).read()


def sizes(path):
    """Bytes of all layers, as they are and compressed as registries keep them."""
    plain = packed = 0
    for layer in layers(path):
        plain += len(layer)
        packed += len(zlib.compress(layer, level=6, wbits=31))
    return plain, packed


def files(path):
    """Every entry of the file system, by its path: a tarfile.TarInfo, and the bytes of a regular file."""
    found = {}
    with tarfile.open(path) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))[0]
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                for entry in layer:
                    content = layer.extractfile(entry).read() if entry.isfile() else None
                    found["/" + entry.name.rstrip("/")] = entry, content
    return found


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
