#!/usr/bin/env python3
"""Installs what requirements.txt names into .dev/tools/deploy, once; prints the path of its Python."""

import hashlib
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"
ENVIRONMENT = HERE.parents[2] / ".dev/tools/deploy"
PYTHON = ENVIRONMENT / "bin/python"


def fingerprint():
    return hashlib.sha256(sys.version.encode() + REQUIREMENTS.read_bytes()).hexdigest()


def install():
    # pytest and others are Debian's.
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--system-site-packages", ENVIRONMENT], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
                    "--only-binary=:all:", "--requirement", REQUIREMENTS], check=True)


def main():
    mark = ENVIRONMENT / "installed"
    if not mark.exists() or mark.read_text() != fingerprint():
        try:
            install()
        except subprocess.CalledProcessError as error:
            sys.exit(f"prepare.py: could not install {REQUIREMENTS.name} into {ENVIRONMENT}: {error}")
        mark.write_text(fingerprint())
    print(PYTHON)


if __name__ == "__main__":
    main()
