#!/usr/bin/env python3
"""Holds the #include lines to the architecture: who may use whom, one library one folder, own header first."""

import re

import common

# What each layer may include, beside itself. A path allows that header alone.
ALLOWED = {
    "base": (),
    "http": ("base",),
    "users": ("http", "base"),
    "operations": ("http", "base"),
    "lab": ("users", "http", "base"),
    "postgres": ("users/user.h", "users/user_store.h", "lab/lab_store.h", "base"),
    "service": ("operations", "lab", "users", "postgres", "http", "base"),
    "main.c": ("service", "base"),
}

# Each library has one folder that knows it; the laboratory compares its own writer with jansson's.
LIBRARIES = {
    "microhttpd.h": ("http",),
    "libpq-fe.h": ("postgres",),
    "libpq/": ("postgres",),
    "jansson.h": ("users", "lab"),
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def layer_of(path):
    parts = path.relative_to(common.ROOT).parts
    return parts[1]


def is_allowed(layer, header):
    target = header.split("/")[0]
    return target == layer or target in ALLOWED[layer] or header in ALLOWED[layer]


def direction_flaws(path, includes):
    layer = layer_of(path)
    for kind, header in includes:
        if kind == '"' and "/" not in header:
            yield f"{common.relative(path)}: \"{header}\": write the layer, as in \"base/text.h\""
        elif kind == '"' and not is_allowed(layer, header):
            yield f"{common.relative(path)}: {layer} must not use {header}"


def library_flaws(path, includes):
    layer = layer_of(path)
    for kind, header in includes:
        for library, owners in LIBRARIES.items():
            if kind == "<" and header.startswith(library) and layer not in owners:
                yield f"{common.relative(path)}: only {' and '.join(owners)} may include <{header}>"


def own_header_flaws(path, includes):
    """x.c includes x.h first; where there is none, it is a part of another module of its layer, whose header it has."""
    layer = layer_of(path)
    if path.suffix != ".c" or layer == "main.c":
        return
    header = f"{layer}/{path.stem}.h"
    first = includes[0][1] if includes else ""
    if any((common.ROOT / folder / header).exists() for folder in ("include", "src")):
        if first != header:
            yield f"{common.relative(path)}: must include its own header, \"{header}\", first"
    elif not first.startswith(layer + "/"):
        yield f"{common.relative(path)}: must include first the header of its layer that it implements"


def main():
    flaws = []
    files = common.sources("include", "src")
    for path in files:
        layer = layer_of(path)
        if layer not in ALLOWED:
            flaws.append(f"{common.relative(path)}: {layer} is no layer that tests/lint/layers.py knows")
            continue
        includes = INCLUDE.findall(path.read_text())
        for check in (direction_flaws, library_flaws, own_header_flaws):
            flaws += check(path, includes)
    common.report("layers", flaws, len(files))


if __name__ == "__main__":
    main()
