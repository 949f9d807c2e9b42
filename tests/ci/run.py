#!/usr/bin/env python3
"""Every check of the project, in builds of their own, two lanes side by side: run.py [STAGE…]

Prints a line per step, the end of the log of a step that failed, and last `N passed, N failed`: single tests
as Check and pytest count them, once per build that they ran in.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import needs

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
FUZZ_SECONDS = 8
COVERAGE_MIN = {"line": 90, "branch": 80}
LOG_TAIL_LINES = 60
NO_CONTAINERS = 4 # the exit code of docker/image.py

CHECK_COUNT = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
PYTEST_SUMMARY = re.compile(r"^(?:=+ )?(\d+ (?:passed|failed|error|skipped).*) in [\d.]+s", re.M)


class Failed(Exception):
    """A step that the later ones of its stage rest on went wrong; it is reported already."""


class Tally:
    """What has passed and failed so far, over both lanes; prints a line per step."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def add(self, what, passed, failed, skipped, seconds, log):
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped
            counts = ", ".join(f"{number} {kind}" for number, kind in
                               ((passed, "passed"), (failed, "failed"), (skipped, "skipped")) if number)
            print(f"{'FAIL' if failed else 'ok  '} {what:<32} {counts:<28} {seconds:5.0f} s", flush=True)
            if failed:
                lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
                print("\n".join(f"     | {line}" for line in lines))
                print(f"     all of it: {log.relative_to(ROOT)}", flush=True)


tally = Tally()


class Stage:
    """The steps of one build folder, each with a log."""

    def __init__(self, name, gives_way):
        self.name = name
        self.prefix = ["nice", "-n", "10"] if gives_way else []
        self.folder = BUILD / name
        self.logs = BUILD / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)

    def run(self, step, command, environment=None):
        """Runs a command into the step's log; gives its exit code, the log and the seconds."""
        log = self.logs / f"{self.name}-{re.sub(r'[^a-z]+', '-', step)}.log"
        started = time.monotonic()
        with open(log, "w") as file:
            code = subprocess.run([str(part) for part in [*self.prefix, *command]], cwd=ROOT, stdin=subprocess.DEVNULL,
                                  stdout=file, stderr=subprocess.STDOUT, env=os.environ | (environment or {})).returncode
        return code, log, time.monotonic() - started

    def check(self, step, command, environment=None):
        """A step that is one test."""
        code, log, seconds = self.run(step, command, environment)
        tally.add(f"{self.name}: {step}", int(code == 0), int(code != 0), 0, seconds, log)
        return code == 0

    def build(self, *options, compiler="gcc", targets=("all", "meson-test-prereq")):
        """Configures and compiles; the stage ends here when that fails."""
        again = ["--reconfigure"] if (self.folder / "build.ninja").exists() else []
        setup = ["meson", "setup", *again, self.folder, ROOT, "-Dtests=enabled", *options]
        # From meson 1.7 on, all is without what a test alone needs.
        compile_all = ["ninja", "-C", self.folder, *targets]
        script = " && ".join(" ".join(f"'{part}'" for part in command) for command in (setup, compile_all))
        self.need("build", ["sh", "-c", script], {"CC": compiler})

    def need(self, step, command, environment=None):
        """A step that is no test; the stage ends here when it fails."""
        code, log, seconds = self.run(step, command, environment)
        tally.add(f"{self.name}: {step}", 0, int(code != 0), 0, seconds, log)
        if code != 0:
            raise Failed

    def pytest(self, step, python, folder, environment):
        """Runs a folder of pytest's and counts the single tests in it."""
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *needs.second_chances(), folder]
        code, log, seconds = self.run(step, command, environment)
        passed, failed, skipped = counts_in(log.read_text(errors="replace"))
        if code != 0 and not failed:
            failed = 1
        tally.add(f"{self.name}: {step}", passed, failed, skipped, seconds, log)

    def test(self, suite, environment=None):
        """Runs a meson suite and counts the single tests in it."""
        record = self.folder / "meson-logs" / f"testlog-{suite}.json"
        record.unlink(missing_ok=True)
        command = ["meson", "test", "-C", self.folder, "--no-rebuild", "--suite", suite, "--logbase", f"testlog-{suite}",
                   "--print-errorlogs"]
        code, log, seconds = self.run(suite, command, environment)
        passed, failed, skipped = counts_of(record)
        if code != 0 and not failed:
            failed = 1
        tally.add(f"{self.name}: {suite}", passed, failed, skipped, seconds, log)


def counts_of(record):
    """Passed, failed and skipped single tests in meson's record of a run."""
    total = [0, 0, 0]
    if not record.exists():
        return total
    for line in record.read_text().splitlines():
        total = [a + b for a, b in zip(total, counts_of_test(json.loads(line)))]
    return total


def counts_of_test(test):
    result = test["result"]
    passed, failed, skipped = counts_in(test.get("stdout") or "")
    if result == "SKIP":
        return 0, 0, 1
    if passed + failed == 0: # neither Check nor pytest, or it came to nothing
        return int(result == "OK"), int(result != "OK"), 0
    if result != "OK" and failed == 0: # all went well but for the end: a crash, a time limit, a sanitizer
        failed = 1
    return passed, failed, skipped


def counts_in(output):
    check = CHECK_COUNT.findall(output)
    if check:
        runs, failures, errors = (sum(int(row[i]) for row in check) for i in range(3))
        return runs - failures - errors, failures + errors, 0
    counts = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}
    for summary in PYTEST_SUMMARY.findall(output):
        for number, kind in PYTEST_COUNT.findall(summary):
            kind = kind.removeprefix("x").removesuffix("s") if kind != "passed" else kind
            counts[kind if kind in counts else "passed"] += int(number)
    return counts["passed"], counts["failed"] + counts["error"], counts["skipped"]


def gcc(stage):
    stage.build()
    for suite in ("unit", "integration", "api", "bench", "systemd"):
        stage.test(suite)


def clang(stage):
    stage.build(compiler="clang")
    stage.test("unit")


def small(stage):
    """Without what can be left out."""
    stage.build("-Dlab=false", "-Dledger=false")
    stage.test("unit")


def address(stage):
    stage.build("-Db_sanitize=address,undefined")
    environment = {"ASAN_OPTIONS": "detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    for suite in ("unit", "integration", "api"):
        stage.test(suite, environment)


def thread(stage):
    stage.build("-Db_sanitize=thread")
    for suite in ("unit", "load"):
        stage.test(suite)


def coverage(stage):
    stage.build("-Db_coverage=true")
    for counters in stage.folder.rglob("*.gcda"): # of an earlier run
        counters.unlink()
    for suite in ("unit", "integration", "api"):
        stage.test(suite)
    # Counters of threads may come out negative: gcc counts without atomics.
    report = ["gcovr", "--root", ROOT, "--filter", "src/", "--gcov-ignore-parse-errors", stage.folder]
    limits = [f"--fail-under-{kind}={percent}" for kind, percent in COVERAGE_MIN.items()]
    stage.run("branches", [*report, "--branches"])
    stage.check("coverage", [*report, "--print-summary", *limits])
    summary = (stage.logs / "coverage-coverage.log").read_text()
    for line in re.findall(r"^(?:lines|branches): .*$", summary, re.M):
        print(f"     {line}", flush=True)


def fuzz(stage):
    targets = sorted(path.stem for path in (ROOT / "tests/fuzz").glob("*.c"))
    stage.build("-Dfuzz=true", "-Db_sanitize=address,undefined", compiler="clang",
                targets=[f"tests/fuzz_{target}" for target in targets])
    for target in targets:
        stage.check(target, [stage.folder / f"tests/fuzz_{target}", f"-max_total_time={FUZZ_SECONDS}", "-timeout=5",
                             "-rss_limit_mb=2048", f"-artifact_prefix={stage.logs}/{target}-", *corpora(target)])


def corpora(target):
    """A folder for what the fuzzer finds, and the examples that are checked in."""
    found = BUILD / "corpus" / target
    found.mkdir(parents=True, exist_ok=True)
    seeds = ROOT / "tests/fuzz" / target
    return [found, seeds] if seeds.is_dir() else [found]


def lint(stage):
    stage.build(compiler="clang")
    stage.test("lint")
    tool_checks = [sys.executable, ROOT / "tests/lint/tools.py", stage.folder]
    for name in subprocess.run([str(part) for part in [*tool_checks, "--list"]], capture_output=True, text=True,
                               check=True).stdout.split():
        stage.check(name, [*tool_checks, name])


def deploy(stage):
    """What deploys the service, beside its schemas, its promises and the binary."""
    stage.build("-Dtests=disabled", targets=["splits"])
    tests = ROOT / "tests/deploy/manifests"
    stage.need("tools", [sys.executable, tests / "prepare.py"])
    stage.pytest("manifests", ROOT / ".dev/tools/deploy/bin/python", tests, {"SPLITS_BINARY": stage.folder / "splits"})
    stage.pytest("monitoring", sys.executable, ROOT / "tests/deploy/monitoring", {"SPLITS_BINARY": stage.folder / "splits"})


def image(stage):
    """The container image, and a container of it; skipped where there can be none."""
    code, log, seconds = stage.run("image", [sys.executable, ROOT / "docker/image.py"])
    text = log.read_text(errors="replace")
    passed, failed, skipped = counts_in(text)
    if code == NO_CONTAINERS:
        print(f"     {text.splitlines()[-1]}", flush=True)
        skipped = 1
    elif code != 0 and not failed:
        failed = 1
    tally.add("image", passed, failed, skipped, seconds, log)


def rolling(stage):
    """Instances replaced and killed under load, behind HAProxy."""
    stage.build(targets=["splits"])
    stage.test("rolling")


# Two lanes for two processors. What measures time is in the first; the second gives way to it.
LANES = (
    (gcc, address, thread, coverage),
    (clang, small, lint, fuzz, deploy, rolling, image),
)


def run_lane(stages, gives_way):
    for function in stages:
        try:
            function(Stage(function.__name__, gives_way))
        except Failed:
            pass


def main():
    wanted = sys.argv[1:]
    known = [function.__name__ for lane in LANES for function in lane]
    for name in wanted:
        if name not in known:
            sys.exit(f"run.py: no stage {name}; there are {', '.join(known)}")
    lanes = [[function for function in lane if not wanted or function.__name__ in wanted] for lane in LANES]
    threads = [threading.Thread(target=run_lane, args=(lane, i > 0)) for i, lane in enumerate(lanes)]
    for lane in threads:
        lane.start()
    for lane in threads:
        lane.join()
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(1 if tally.failed or not tally.passed else 0)


if __name__ == "__main__":
    main()
