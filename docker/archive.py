"""The image as a file: what a registry would be sent, and how large it is."""

import hashlib
import io
import json
import tarfile
import zlib


def save(engine, image, path):
    path.unlink(missing_ok=True)
    engine.output("podman", "save", "--quiet", "--format", "docker-archive", "--output", path, image)


def add(archive, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def settle(engine, image, path):
    """
    Replaces an image by one without what differs in each build: buildah notes the id and the host name of the container
    that it built in. Leaves it at the path, too.
    """
    raw = path.with_suffix(".raw")
    save(engine, image, raw)
    with tarfile.open(raw) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
        configuration = json.load(archive.extractfile(manifest[0]["Config"]))
        contents = {name: archive.extractfile(name).read() for name in manifest[0]["Layers"]}
    raw.unlink()
    configuration.pop("container", None)
    configuration.pop("container_config", None)
    configuration["config"].pop("Hostname", None)
    text = json.dumps(configuration, sort_keys=True, separators=(",", ":")).encode()
    manifest[0]["Config"] = f"{hashlib.sha256(text).hexdigest()}.json"
    contents |= {manifest[0]["Config"]: text, "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            add(archive, name, content)
    engine.output("podman", "load", "--quiet", "--input", path)


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
