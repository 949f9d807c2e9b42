"""Runs measurements: those that are there already are left out, the rest takes place in random order, round by round."""

import random
import subprocess
import time

import psycopg2

from harness.load import LoadError
from harness.servers import StartError
from harness.store import parameters_key
from harness.watch import StolenTime

# On a virtual machine: a measurement during which neighbours took more than that is made again, so often at most.
STOLEN_SHARE_MAX = 0.02
ATTEMPTS_MAX = 3
NO_RESULT_SHARE = 0.1 # then it says more about the neighbours than about the contestant


class Measurement:
    """One thing to measure once: parameters name it, run() gives its figures."""

    def __init__(self, run, seconds, is_timed=True, **parameters):
        self.run = run
        self.is_timed = is_timed # else it does not matter who else has the processors
        self.seconds = seconds # that it will take, roughly
        self.parameters = parameters

    def title(self):
        shown = {name: value for name, value in self.parameters.items() if name not in ("experiment", "round")}
        return f"{self.parameters['experiment']}: " + " ".join(str(value) for value in shown.values())


def in_rounds(measurements):
    """Each round in an order of its own."""
    rounds = {}
    for measurement in measurements:
        rounds.setdefault(measurement.parameters["round"], []).append(measurement)
    for number in sorted(rounds):
        random.shuffle(rounds[number])
        yield from rounds[number]


def minutes(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


class Race:
    def __init__(self, store, say=print):
        self.store = store
        self.say = say
        self.later_seconds = 0 # of the experiments to come

    def missing(self, measurements):
        return [one for one in measurements if not self.store.has(parameters_key(one.parameters))]

    def run(self, measurements):
        todo = list(in_rounds(self.missing(measurements)))
        expected = sum(one.seconds for one in todo)
        slowness = 1.0 # of what measurements take to what was expected
        for number, one in enumerate(todo, 1):
            start = time.monotonic()
            figures = self._figures_of(one)
            self.store.add(one.parameters, figures)
            expected -= one.seconds
            slowness += 0.1 * ((time.monotonic() - start) / one.seconds - slowness)
            left = minutes((expected + self.later_seconds) * slowness)
            self.say(f"[{number}/{len(todo)}, {left} left] {one.title()}: {summary(figures)}")

    def _figures_of(self, one):
        """Of the attempt from which the least time was stolen: whoever races then has what others have."""
        if not one.is_timed:
            return self._attempt(one)
        best = None
        for _ in range(ATTEMPTS_MAX):
            with StolenTime() as stolen:
                figures = self._attempt(one)
            figures["stolen_share"] = round(stolen.share, 4)
            if best is None or stolen.share < best["stolen_share"]:
                best = figures
            if stolen.share <= STOLEN_SHARE_MAX:
                break
        return best if best["stolen_share"] <= NO_RESULT_SHARE else best | {"error": "the host took too much of the time"}

    @staticmethod
    def _attempt(one):
        try:
            return one.run()
        except (StartError, LoadError) as error:
            return {"error": str(error)}
        except (OSError, ValueError, LookupError, subprocess.SubprocessError, psycopg2.Error) as error:
            # A contestant that died in the midst of it, most likely: the others go on.
            return {"error": f"{type(error).__name__}: {error}"}


def summary(figures):
    if "error" in figures:
        return f"NO RESULT: {figures['error']}"
    if figures.get("failed"):
        return f"NO RESULT: {figures['failed']} requests failed"
    parts = [f"{figures['rate']:,.0f}/s"] if "rate" in figures else []
    parts += [f"p99 {figures['p99']:.2f} ms"] if "p99" in figures else []
    parts += [f"{figures['cpu_service_us']:.1f} µs"] if "cpu_service_us" in figures else []
    known = {"rate", "p99", "cpu_service_us", "count", "failed", "curve", "stolen_share"}
    if not parts:
        parts = [f"{name} {value:.4g}" for name, value in figures.items()
                 if isinstance(value, (int, float)) and name not in known]
    if figures.get("stolen_share", 0) > STOLEN_SHARE_MAX:
        parts.append(f"{figures['stolen_share']:.0%} of the time stolen")
    return ", ".join(parts)
