"""The table that the benchmarks end with: what, goal, measured, verdict."""

import statistics


def shown(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == int(value) and abs(value) >= 100 else f"{value:.2f}"


class Table:
    def __init__(self):
        self.rows = []
        self.missed = 0

    def add(self, what, values, unit="", goal="", reached=None):
        """values: one figure or those of all rounds; reached: of the median, None without a goal."""
        values = values if isinstance(values, list) else [values]
        median = statistics.median(values)
        measured = shown(median)
        if len(values) > 1:
            measured += f" ({shown(min(values))}–{shown(max(values))})"
        verdict = "" if reached is None else "reached" if reached(median) else "MISSED"
        self.missed += verdict == "MISSED"
        self.rows.append((what, goal, f"{measured} {unit}".rstrip(), verdict))

    def add_text(self, what, goal, measured, verdict=""):
        self.missed += verdict == "MISSED"
        self.rows.append((what, goal, measured, verdict))

    def text(self):
        rows = [("what", "goal", "measured: median (min–max)", "verdict"), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        rows.insert(1, tuple("-" * width for width in widths))
        return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
                         for row in rows)

    def print(self):
        print(self.text())
