"""One user, and a hundred, to JSON: nanoseconds, each serializer in the benchmark program of its language."""

import json
import os
import statistics
import subprocess
import tempfile

from harness.builds import PEERS, BuildError, build_json_benchmark
from harness.load import LoadError
from harness.race import Measurement
from harness.settings import BUILD

SECONDS_MAX = 120
ROUNDS_PER_RUN = 3
PROGRAMS = {"C": BUILD / "release/bench_json", "Go": PEERS / "go-jsonbench", "Rust": PEERS / "rust-jsonbench"}


def build(say):
    """Builds what is missing; gives the languages that can be measured."""
    ready = ["C"]
    for language in ("Go", "Rust"):
        try:
            build_json_benchmark(language)
            ready.append(language)
        except BuildError as error:
            say(f"{language}'s JSON benchmark is left out: {error}")
    return ready


def measurements(arena, languages):
    found = []
    for number in range(arena.settings.rounds):
        for language in languages:
            found.append(Measurement(lambda language=language: run(language), 2, experiment="json", contestant=language,
                                     round=number))
    return found


def stay_on_one_processor():
    """The last one: interrupts and other programs prefer the first."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def run(language):
    """{"direct one_ns": …}: the medians of a few rounds in one process."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        subprocess.run([PROGRAMS["C"], "users"], stdout=file, check=True)
        command = [PROGRAMS[language], *([] if language == "C" else [file.name]), str(ROUNDS_PER_RUN)]
        process = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=SECONDS_MAX,
                                 preexec_fn=stay_on_one_processor)
    if process.returncode != 0:
        raise LoadError(f"{PROGRAMS[language].name}: {process.stderr.strip()[-200:]}")
    rounds = [json.loads(line) for line in process.stdout.splitlines()]
    return {"serializers": {name: {f"{what}_ns": statistics.median(figures[what][name] for figures in rounds)
                                   for what in ("one", "hundred")} for name in rounds[0]["one"]}}
