#!/usr/bin/python3
"""Writes the report of a contest: report.py RESULTS_JSON OUT_FOLDER

Into the folder go index.html (one file that needs no other), results.csv, results.json, and the main chart
for light and for dark pages.
"""

import pathlib
import shutil
import sys

import charts
import csv_export
import data
import page


def write(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    contest = data.load(results)
    (folder / "index.html").write_text(page.render(contest), encoding="utf-8")
    csv_export.write(contest.raw.get("measurements", []), folder / "results.csv")
    if results.resolve() != (folder / "results.json").resolve():
        shutil.copyfile(results, folder / "results.json")
    main_chart = charts.main_chart(contest)
    for name in ("light", "dark"):
        path = folder / f"main-chart-{name}.svg"
        path.unlink(missing_ok=True)
        if main_chart:
            path.write_text(main_chart.svg(charts.WIDE, page.palette(name)) + "\n", encoding="utf-8")


def main(arguments):
    if len(arguments) != 2:
        print("usage: report.py RESULTS_JSON OUT_FOLDER", file=sys.stderr)
        return 2
    try:
        write(*map(pathlib.Path, arguments))
    except (OSError, ValueError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    print(f"report: {pathlib.Path(arguments[1]) / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
