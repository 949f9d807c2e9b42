#!/usr/bin/env python3
"""Looks at the linked program: binary.py build/splits

It must define `recv` for other objects: libmicrohttpd's calls are answered by src/http/socket_input.c, and without
that its own view of the bytes would be used, which lets request smuggling through. In a static program it is the only
one; libc's own would be weak. And it must be hardened.
"""

import subprocess
import sys


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exports_recv(binary, is_static):
    symbols = output_of("nm", *([] if is_static else ["-D"]), "--defined-only", binary).splitlines()
    return any(line.split()[-1] == "recv" and line.split()[-2] == "T" for line in symbols)


def flaws_of(binary):
    segments = output_of("readelf", "-lW", binary)
    if not exports_recv(binary, is_static="INTERP" not in segments):
        yield "recv is not exported: libmicrohttpd would read sockets past src/http/socket_input.c"
    header = output_of("readelf", "-hW", binary)
    if "DYN (" not in header:
        yield "not position independent"
    if "GNU_RELRO" not in segments:
        yield "no RELRO"
    if any("GNU_STACK" in line and "RWE" in line for line in segments.splitlines()):
        yield "executable stack"
    if "NOW" not in output_of("readelf", "-dW", binary):
        yield "not bound at start: RELRO is partial"


def main():
    flaws = list(flaws_of(sys.argv[1]))
    for flaw in flaws:
        print(f"{sys.argv[1]}: {flaw}")
    return 1 if flaws else 0


if __name__ == "__main__":
    sys.exit(main())
