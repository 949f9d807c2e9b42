#!/usr/bin/env python3
"""The checks by other people's tools: tools.py BUILD_FOLDER CHECK, or --list

The build folder is one that clang was configured in: its compile_commands.json says how each file is compiled.
"""

import concurrent.futures
import os
import subprocess
import sys

import common

SHELL_SCRIPTS = ("dev", ".ci/run", "deploy/prometheus/prometheus_rule.sh", "docker/assemble.sh",
                 "docker/build_libraries.sh", "tests/ci/private_postgres.sh")


def run(command):
    """The output of a command that failed, None of one that did not."""
    result = subprocess.run([str(part) for part in command], cwd=common.ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    return result.stdout if result.returncode else None


def run_each(commands):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [output for output in pool.map(run, commands) if output is not None]


def formatting(_):
    return run_each([["clang-format", "--dry-run", "--Werror", *common.sources("include", "src", "tests")]])


def tidy(build):
    return run_each([["clang-tidy", "-p", build, "--quiet", path] for path in common.sources("src", suffixes=(".c",))])


def analyzer(_):
    """gcc's own, which follows other paths than clang's. Leaks are for the address sanitizer: gcc 12 loses sight
    of pointers that are kept in an array."""
    flags = ["-std=gnu2x", "-D_GNU_SOURCE", "-DSPLITS_LAB=1", "-DSPLITS_LEDGER=1", "-O1", "-fanalyzer",
             "-Wno-analyzer-malloc-leak", "-Werror", "-I", "include", "-I", "src", "-I/usr/include/postgresql",
             "-DSPLITS_VERSION=\"\"", "-DSPLITS_MIGRATIONS_DIR=\"\"", "-o", "/dev/null"]
    return run_each([["gcc", *flags, "-c", path] for path in common.sources("src", suffixes=(".c",))])


def shellcheck(_):
    return run_each([["shellcheck", "--external-sources", *SHELL_SCRIPTS]])


def python(_):
    """Every Python file compiles."""
    files = common.sources("bench", "docker", "tests", suffixes=(".py",))
    check = "import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]"
    return run_each([[sys.executable, "-c", check, *files]])


CHECKS = (formatting, tidy, analyzer, shellcheck, python)


def main():
    if sys.argv[-1] == "--list":
        print("\n".join(check.__name__ for check in CHECKS))
        return
    build, name = sys.argv[1:]
    outputs = {check.__name__: check for check in CHECKS}[name](build)
    print("\n".join(outputs))
    sys.exit(1 if outputs else 0)


if __name__ == "__main__":
    main()
