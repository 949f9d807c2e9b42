"""Reads Prometheus' text format, as far as the service writes it."""

import re

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Metrics:
    def __init__(self, text):
        self.text = text
        self.samples = [self._parse(line) for line in text.splitlines() if line and not line.startswith("#")]

    @staticmethod
    def _parse(line):
        name, labels, value = SAMPLE.fullmatch(line).groups()
        return name, dict(LABEL.findall(labels or "")), float(value)

    def values(self, wanted, **labels):
        """The values of all samples of this name that have these labels."""
        return [value for name, own, value in self.samples
                if name == wanted and all(own.get(label) == text for label, text in labels.items())]

    def sum(self, name, **labels):
        return sum(self.values(name, **labels))

    def labels(self, name, label):
        """The different values of a label."""
        return {own[label] for sample, own, _ in self.samples if sample == name and label in own}

    def names(self):
        return {name for name, _, _ in self.samples}


def scrape(service):
    answer = service.admin("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(answer.body.decode())
