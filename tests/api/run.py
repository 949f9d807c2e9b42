#!/usr/bin/env python3
"""Starts a private PostgreSQL and the service, and holds the service to the tests of this folder.

    SPLITS_BINARY=build/splits tests/api/run.py [--load] [pytest's arguments]

--load keeps other clients busy meanwhile, for the thread sanitizer. The service must end with exit code 0 and
without a sanitizer's report.
"""

import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/ci"), str(ROOT / "tests/integration")]

import needs  # noqa: E402
from service_process import Service  # noqa: E402


def run_pytest(service, arguments, load):
    """pytest's exit code; under load also that of the load. Ends early when the service does."""
    busy = None
    if load:
        busy = subprocess.Popen([sys.executable, ROOT / "tests/api/load.py", service.base_url], start_new_session=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *needs.second_chances(),
               f"--base-url={service.base_url}"]
    if load:
        # These compare pages, which the load changes.
        command += [f"--ignore={ROOT}/tests/api/test_list.py",
                    "--deselect=tests/api/test_methods.py::test_head_is_get_without_the_body"]
    tests = subprocess.Popen([*command, *(arguments or [ROOT / "tests/api"])], cwd=ROOT)
    try:
        while tests.poll() is None and service.process.poll() is None:
            time.sleep(0.1)
    finally:
        if tests.poll() is None:
            tests.terminate()
        code = tests.wait()
        if busy:
            busy.send_signal(signal.SIGTERM)
            code = busy.wait() or code
    return code


def main():
    needs.skip_without("pytest", "requests", "psycopg2", "jsonschema", "yaml")
    from postgres import PostgresServer

    arguments = [argument for argument in sys.argv[1:] if argument != "--load"]
    with PostgresServer() as server:
        service = Service(os.environ["SPLITS_BINARY"], server.create_database("splits"))
        flaw = None
        try:
            service.wait_until_ready()
            code = run_pytest(service, arguments, "--load" in sys.argv)
        finally:
            flaw = service.stop()
    if flaw:
        print(flaw)
    return 1 if flaw else code


if __name__ == "__main__":
    sys.exit(main())
