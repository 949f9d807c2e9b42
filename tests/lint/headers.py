#!/usr/bin/env python3
"""Compiles each header alone: whoever includes it needs nothing else first."""

import concurrent.futures
import os
import subprocess

import common


def flaw_of(path):
    command = [os.environ.get("CC", "cc"), "-std=gnu2x", "-D_GNU_SOURCE", "-DSPLITS_LAB=1", "-DSPLITS_LEDGER=1",
               "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
               "-I", common.ROOT / "include", "-I", common.ROOT / "src", "-I", common.ROOT / "tests/unit",
               "-I/usr/include/postgresql", "-x", "c", "-"]
    source = f'#include "{path}"\n#include "{path}"\n'
    result = subprocess.run(command, input=source, text=True, capture_output=True)
    return f"{common.relative(path)}: does not compile alone:\n{result.stderr}" if result.returncode else None


def main():
    headers = common.sources("include", "src", "tests", suffixes=(".h",))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        flaws = [flaw for flaw in pool.map(flaw_of, headers) if flaw]
    common.report("headers", flaws, len(headers))


if __name__ == "__main__":
    main()
