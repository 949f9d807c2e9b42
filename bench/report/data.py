"""The contest's results: loading, what counts as a result, medians and their spread.

A record that has an error, or in which a request failed, is no result: it is kept apart, in `failures`, and
no figure sees it.
"""

import dataclasses
import json
import pathlib
import statistics

FAMILIES = ("c", "go", "rust", "limit")
SHADES = 3
PHASES = ("read", "parse", "queue", "db", "json", "send", "other")

# A difference is one only with so many samples of both.
ENOUGH_SAMPLES = 3

# With several serializers, which is a contestant's own in comparisons of contestants: the last resorts.
LAST_RESORTS = ("encoding/json", "jansson", "postgres", "none")


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str
    title: str
    language: str
    family: str  # c, go, rust or limit
    what: str
    shade: int  # from 0; tells the members of a family apart
    db_connections: int | None = None

    @property
    def is_limit(self):
        return self.family == "limit"

    @property
    def is_variant(self):
        """Splits with an option: shown beside the others, but not counted where languages compete."""
        return self.name.startswith("splits-")


@dataclasses.dataclass(frozen=True)
class Figure:
    """What was measured in all rounds."""
    median: float
    low: float
    high: float
    count: int

    def overlaps(self, other):
        return self.low <= other.high and other.low <= self.high

    def has_enough_with(self, other):
        return min(self.count, other.count) >= ENOUGH_SAMPLES

    def is_apart_from(self, other):
        return self.has_enough_with(other) and not self.overlaps(other)


def figure_of(values):
    """None without values."""
    values = [value for value in values if isinstance(value, (int, float))]
    return Figure(statistics.median(values), min(values), max(values), len(values)) if values else None


def counts(record):
    return "error" not in record and not record.get("failed")


class Contest:
    def __init__(self, raw):
        self.raw = raw
        self.contestants = self._contestants(raw.get("contestants", []))
        records = raw.get("measurements", [])
        self.measurements = [record for record in records if counts(record)]
        self.failures = [record for record in records if not counts(record)]
        self._by_experiment = {}
        for record in self.measurements:
            self._by_experiment.setdefault(record.get("experiment"), []).append(record)

    @staticmethod
    def _contestants(entries):
        members = dict.fromkeys(FAMILIES, 0)
        contestants = {}
        for entry in entries:
            family = entry.get("family") if entry.get("family") in FAMILIES else "limit"
            contestants[entry["name"]] = Contestant(
                entry["name"], entry.get("title", entry["name"]), entry.get("language", ""), family,
                entry.get("what", ""), members[family] % SHADES, entry.get("db_connections"))
            members[family] += 1
        return contestants

    def contestant(self, name):
        """Also for names that only the measurements know."""
        return self.contestants.get(name) or Contestant(name, name, "", "limit", "", 0)

    def title(self, name):
        return self.contestant(name).title

    def select(self, experiment, **parameters):
        """The results whose parameters are these; a parameter that is None may be anything."""
        wanted = [(key, value) for key, value in parameters.items() if value is not None]
        return [record for record in self._by_experiment.get(experiment, [])
                if all(record.get(key) == value for key, value in wanted)]

    def figure(self, key, experiment, **parameters):
        return figure_of(record.get(key) for record in self.select(experiment, **parameters))

    def values(self, key, experiment, **parameters):
        """The values that a parameter takes, sorted."""
        found = {record.get(key) for record in self.select(experiment, **parameters)}
        return sorted(found - {None})

    def names(self, experiment, **parameters):
        """The contestants of an experiment, in the order of the contest; strangers last."""
        found = dict.fromkeys(record["contestant"] for record in self.select(experiment, **parameters))
        return [name for name in self.contestants if name in found] + \
               [name for name in found if name not in self.contestants]

    def rivals(self, experiment, **parameters):
        """Those of the names that compete: neither limits nor Splits with an option."""
        return [name for name in self.names(experiment, **parameters)
                if not self.contestant(name).is_limit and not self.contestant(name).is_variant]

    def figures(self, key, experiment, names=None, **parameters):
        """Figure by contestant, for those that have one."""
        names = self.names(experiment, **parameters) if names is None else names
        found = {name: self.figure(key, experiment, contestant=name, **parameters) for name in names}
        return {name: figure for name, figure in found.items() if figure}

    def own_serializer(self, name):
        """The one with which a contestant competes in the crossover; None if it is not there."""
        found = {record.get("serializer") for record in self.select("crossover", contestant=name)} - {None}
        rank = {serializer: place for place, serializer in enumerate(LAST_RESORTS)}
        return min(found, key=lambda one: (rank.get(one, -1), one), default=None)

    def crossover(self, key, name, serializer=None, *, side, delay_ms, rows, connections):
        return self.figure(key, "crossover", contestant=name, side=side, delay_ms=delay_ms, rows=rows,
                           connections=connections, serializer=serializer or self.own_serializer(name))

    def crossover_delays(self, side):
        return self.values("delay_ms", "crossover", side=side)


def load(path):
    return Contest(json.loads(pathlib.Path(path).read_text()))
