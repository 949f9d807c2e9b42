"""One row per measurement, those that failed included: parameters and figures flat, a curve as text."""

import csv
import json

FIRST = ("experiment", "contestant", "round")


def columns_of(records):
    found = dict.fromkeys(key for record in records for key in record)
    return [*FIRST, *(key for key in found if key not in FIRST)]


def cell(value):
    return json.dumps(value, separators=(",", ":")) if isinstance(value, (list, dict)) else value


def write(records, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns_of(records), lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerow({key: cell(value) for key, value in record.items()})
