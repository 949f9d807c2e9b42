#!/usr/bin/env python3
"""Looks at the linked program: binary.py build/splits

It must define `recv`, `epoll_ctl` and `epoll_wait` for other objects: libmicrohttpd's calls are answered by
src/http/socket_input.c and socket_events.c. Without the first its own view of the bytes would be used, which lets
request smuggling through; without the others it would never hear of its sockets. In a static program they are the only
ones; libc's own would be weak. And it must be hardened.
"""

import subprocess
import sys


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


ANSWERED = ("recv", "epoll_ctl", "epoll_wait")


def defined_functions(binary, is_static):
    lines = output_of("nm", *([] if is_static else ["-D"]), "--defined-only", binary).splitlines()
    return {symbol[-1] for symbol in (line.split() for line in lines) if symbol[-2] == "T"}


def flaws_of(binary):
    segments = output_of("readelf", "-lW", binary)
    functions = defined_functions(binary, is_static="INTERP" not in segments)
    for name in ANSWERED:
        if name not in functions:
            yield f"{name} is not exported: libmicrohttpd would use libc's"
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
