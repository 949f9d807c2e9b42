"""The charts of throughput and latency. Each function gives a Chart, or None without data for it."""

import dataclasses
import math
from collections.abc import Callable

import drawing
import words
from data import PHASES
from drawing import COLOURS, NARROW, WIDE


@dataclasses.dataclass(frozen=True)
class Chart:
    key: str  # of the file and of the ids
    title: str  # what to see, written from the data
    description: str  # for those who hear it
    draw: Callable  # width in CSS pixels → figure

    def svg(self, width, palette=None):
        with drawing.matplotlib.rc_context(drawing.STYLE):
            key = f"{self.key}-{'wide' if width >= WIDE else 'narrow'}"
            return drawing.to_svg(self.draw(width), key, self.title, self.description, palette)

    @property
    def wide(self):
        return self.svg(WIDE)

    @property
    def narrow(self):
        return self.svg(NARROW)


# Bars


def draw_bars(contest, figures, width, baseline, xlabel):
    """Horizontal bars with the range of the rounds; names beside them on a desk, above them on a phone."""
    names = sorted(figures, key=lambda name: figures[name].median)
    is_wide = width >= WIDE
    figure, (axes,) = drawing.new_figure(width, (30 if is_wide else 44) * len(names) + 34)
    for position, name in enumerate(names):
        contestant, value = contest.contestant(name), figures[name]
        axes.barh(position, value.median, height=0.62 if is_wide else 0.4, color=drawing.colour(contestant))
        axes.plot([value.low, value.high], [position, position], color=COLOURS["ink"], linewidth=1.4)
        for end in (value.low, value.high):
            axes.plot([end, end], [position - 0.12, position + 0.12], color=COLOURS["ink"], linewidth=1.4)
        text = words.rate(value.median)
        if baseline in figures and name != baseline:
            text += f"\u2002{words.times(value.median / figures[baseline].median)}"
        axes.annotate(text, (value.high, position), (7, 0), textcoords="offset points", va="center_baseline",
                      fontsize=11.5)
        if not is_wide:
            axes.text(0, position + 0.42, contestant.title, va="center_baseline", fontsize=11.5)
    axes.set_yticks(range(len(names)), [contest.title(name) if is_wide else "" for name in names])
    axes.tick_params(axis="y", length=0, labelsize=12, labelcolor=COLOURS["ink"])
    axes.set_ylim(-0.6, len(names) - 0.2)
    axes.set_xlim(0, max(value.high for value in figures.values()) * (1.17 if is_wide else 1.42))
    axes.xaxis.set_major_formatter(lambda value, _: words.rate(value))
    axes.xaxis.set_major_locator(drawing.ticker.MaxNLocator(6 if is_wide else 3))
    axes.set_xlabel(xlabel)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    left = 214 if is_wide else 6
    figure.subplots_adjust(left / width, 38 / (figure.get_size_inches()[1] * 72), 1 - 6 / width, 1 - 4 / 600)
    return figure


def main_chart(contest, baseline="go-nethttp"):
    connections = contest.raw.get("settings", {}).get("connections", 64)
    figures = contest.figures("rate", "closed", workload="read", connections=connections)
    if not figures:
        return None
    rivals = {name: figures[name] for name in figures if name in contest.rivals("closed", workload="read")}
    best = max(rivals or figures, key=lambda name: figures[name].median)
    rest = [name for name in rivals if not figures[name].is_apart_from(figures[best]) and name != best]
    title = f"{contest.title(best)} answers most single-row reads"
    if rest:
        title = f"{contest.title(best)} has the highest median of single-row reads, not told apart from " \
                f"{words.listing(map(contest.title, rest))}"
    if baseline in figures and best != baseline:
        title += f": {words.times(figures[best].median / figures[baseline].median)} {contest.title(baseline)}"
        if "splits-combined" in figures and best == "splits":
            combined = figures["splits-combined"].median / figures[baseline].median
            title += f", and {words.times(combined)} with the look-ups of a tick combined"
    said = "; ".join(f"{contest.title(name)} {words.rate(value.median)}" for name, value in figures.items())
    what = f"GET /users/{{id}}, {words.short(connections)} connections, requests per second"
    return Chart("main", title, f"{what}: {said}.",
                 lambda width: draw_bars(contest, figures, width, baseline, what))


# Lines over connections, database connections and fan-out


def short_title(title):
    """For the ends of lines."""
    return title.replace("look-ups ", "").replace("tokio-postgres", "tokio-pg")


@dataclasses.dataclass(frozen=True)
class Look:
    """Of a chart of lines: its axes, and the height of a panel."""
    xlabel: str
    ylabel: str
    height: int = 340
    is_log_y: bool = False
    labels: tuple = ()  # of x = 0, 1 …; without them x is a number on a logarithmic axis


def draw_lines(contest, panels, width, look, marks=()):
    """panels: (title, {name: [(x, figure)]}); marks: (panel, name, x) to be ringed."""
    height = look.height
    figure, axes_of = drawing.new_figure(width, height, len(panels))
    is_wide = width >= WIDE
    label_room = 150
    wspace = label_room + 56 if is_wide and len(panels) > 1 else 0
    panel_width = (width - 56 - label_room - wspace * (len(panels) - 1)) / len(panels) if is_wide else 1
    total = figure.get_size_inches()[1] * 72
    figure.subplots_adjust(50 / width, 40 / total, 1 - label_room / width, 1 - 28 / total,
                           wspace=wspace / panel_width, hspace=76 / max(height - 76, 1))
    for axes, (title, lines) in zip(axes_of, panels):
        axes.set_title(f"{title}, {look.ylabel}", pad=10)
        axes.set_xscale("linear" if look.labels else "log")
        axes.set_yscale("log" if look.is_log_y else "linear")
        ticks = sorted({x for points in lines.values() for x, _ in points})
        axes.set_xticks(ticks, [look.labels[x] if look.labels else words.short(x) for x in ticks])
        axes.set_xticks([], minor=True)
        for name, points in lines.items():
            contestant = contest.contestant(name)
            axes.plot([x for x, _ in points], [value.median for _, value in points], marker="o", markersize=4,
                      color=drawing.colour(contestant), linestyle=drawing.line_style(contestant))
            axes.fill_between([x for x, _ in points], [value.low for _, value in points],
                              [value.high for _, value in points], alpha=0.12, linewidth=0,
                              color=drawing.colour(contestant))
            for x, value in points:
                if (title, name, x) in marks:
                    axes.plot(x, value.median, "o", markersize=10, fillstyle="none",
                              color=drawing.colour(contestant))
        if look.is_log_y:
            axes.yaxis.set_major_locator(drawing.log_ticks())
            axes.yaxis.set_minor_locator(drawing.ticker.NullLocator())
        axes.yaxis.set_major_formatter(lambda value, _: thousands(value))
        axes.set_ylim(bottom=None if look.is_log_y else 0)
        axes.set_xlabel(look.xlabel)
    figure.canvas.draw()
    for axes, (_, lines) in zip(axes_of, panels):
        drawing.label_ends(axes, [
            (points[-1][0], points[-1][1].median, short_title(contest.title(name)),
             drawing.colour(contest.contestant(name))) for name, points in lines.items()])
    return figure


def thousands(value):
    return f"{words.short(round(value / 1000, 3))}k" if abs(value) >= 1000 else words.short(round(value, 6))


def series(contest, x_key, key, experiment, names=None, **parameters):
    """{name: [(x, figure)]}, the names with two points at least."""
    found = {}
    for name in names or contest.names(experiment, **parameters):
        xs = contest.values(x_key, experiment, contestant=name, **parameters)
        points = [(x, contest.figure(key, experiment, contestant=name, **{x_key: x}, **parameters))
                  for x in xs]
        points = [(x, value) for x, value in points if value]
        if len(points) > 1:
            found[name] = points
    return found


def connections_chart(contest):
    panels = [(title, series(contest, "connections", "rate", "closed", workload=workload))
              for workload, title in (("read", "GET /users/{id}"), ("health", "GET /health"))]
    panels = [(title, lines) for title, lines in panels if lines]
    if not panels:
        return None
    title, lines = panels[0]
    kept = {name: points[-1][1].median / max(value.median for _, value in points)
            for name, points in lines.items() if not contest.contestant(name).is_limit}
    if not kept:
        return None
    best, worst = max(kept, key=kept.get), min(kept, key=kept.get)
    most = max(points[-1][0] for points in lines.values())
    said = (f"At {words.short(most)} connections {contest.title(best)} keeps {words.percent(kept[best])} of "
            f"its peak and {contest.title(worst)} {words.percent(kept[worst])} ({title})")
    return Chart("connections", said, "Requests per second over the number of connections, one line per "
                                      "contestant.",
                 lambda width: draw_lines(contest, panels, width, Look("connections", "requests/s")))


def sweep_chart(contest):
    panels = [(title, series(contest, "db_connections", "rate", "sweep", workload=workload, tuning=tuning))
              for workload, title in (("read", "GET /users/{id}"), ("create", "POST /users"))
              for tuning in ("" if contest.values("tuning", "sweep") else None,)]
    panels = [(title, lines) for title, lines in panels if lines]
    if not panels:
        return None
    heading, lines = panels[0]
    best = {name: max(points, key=lambda point: point[1].median)[0] for name, points in lines.items()}
    chosen = {name: contest.contestant(name).db_connections or best[name] for name in lines}
    rivals = [name for name in lines if not contest.contestant(name).is_limit] or list(lines)
    few, many = min(rivals, key=chosen.get), max(rivals, key=chosen.get)
    title = (f"The best number of database connections goes from {words.short(chosen[few])} "
             f"({contest.title(few)}) to {words.short(chosen[many])} ({contest.title(many)})")
    marks = {(heading, name, x) for name, x in chosen.items()}
    return Chart("sweep", title, "Requests per second over database connections; rings mark what each races "
                                 "with.",
                 lambda width: draw_lines(contest, panels, width,
                                          Look("database connections", "requests/s", 380), marks))


def fan_out_chart(contest):
    lines = series(contest, "fan_out", "p50", "fan_out")
    if not lines:
        return None
    last = {name: points[-1] for name, points in lines.items()}
    most = max(x for x, _ in last.values())
    last = {name: value for name, (x, value) in last.items() if x == most}
    fast = min(last, key=lambda name: last[name].median)
    slow = max(last, key=lambda name: last[name].median)
    title = (f"{words.short(most)} queries for one request take {words.ms(last[fast].median)} with "
             f"{contest.title(fast)}, {words.ms(last[slow].median)} with {contest.title(slow)}")
    return Chart("fan-out", title, "Median latency over the number of queries per request, both axes "
                                   "logarithmic.",
                 lambda width: draw_lines(contest, [("p50, 8 connections", lines)], width,
                                          Look("queries per request", "ms", 380, is_log_y=True)))


def model_chart(contest):
    """Blocking against pipelined: requests/s over the database's latency."""
    delays = contest.values("delay_ms", "model")
    panels, ratios = [], {}
    for connections in contest.values("connections", "model"):
        lines = series(contest, "delay_ms", "rate", "model", connections=connections)
        if len(lines) < 2:
            continue
        panels.append((f"{words.short(connections)} connections",
                       {name: [(delays.index(x), value) for x, value in points]
                        for name, points in lines.items()}))
        both = [dict(points) for points in lines.values()]
        for delay in both[0].keys() & both[1].keys():
            ratios[connections, delay] = both[0][delay].median / both[1][delay].median
    if not ratios:
        return None
    names = [contest.title(name) for name in panels[0][1]]
    most, least = max(ratios, key=ratios.get), min(ratios, key=ratios.get)
    title = (f"{names[0]} answers {words.times(ratios[least])} to {words.times(ratios[most])} as many "
             f"requests as {names[1]}")
    look = Look("database latency, ms", "requests/s", is_log_y=True, labels=tuple(map(words.short, delays)))
    return Chart("model", title, "Requests per second over database latency: workers that wait or do not.",
                 lambda width: draw_lines(contest, panels, width, look))


# Phases


def phase_parts(contest, **parameters):
    """Mean µs by phase, None without data."""
    means = {phase: contest.figure(phase, "phases", **parameters) for phase in PHASES}
    means = {phase: figure.median for phase, figure in means.items() if figure}
    return means if "db" in means and sum(means.values()) > 0 else None


def draw_phases(panels, width):
    """panels: (title, [(label, means)]): bars of the same length, as what counts is the share."""
    count = max(len(bars) for _, bars in panels)
    height = 21 * count + 70
    figure, axes_of = drawing.new_figure(width, height, len(panels))
    for axes, (title, bars) in zip(axes_of, panels):
        axes.set_title(title, pad=8)
        for position, (_, means) in enumerate(reversed(bars)):
            start, total = 0, sum(means.values())
            for phase in PHASES:
                share = means.get(phase, 0) / total * 100
                axes.barh(position, share, left=start, height=0.78, color=COLOURS[f"phase-{phase}"])
                start += share
            axes.text(102, position, words.ms(total / 1000), va="center_baseline", fontsize=10.5)
        axes.set_yticks(range(len(bars)), [label for label, _ in reversed(bars)])
        axes.tick_params(axis="y", length=0, labelcolor=COLOURS["ink"], labelsize=10.5)
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(bars) - 0.4)
        axes.set_xticks([0, 50, 100], ["0", "50 %", "100 %"])
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
    total = figure.get_size_inches()[1] * 72
    side, right = 112, 66
    inner = (width - len(panels) * (side + right)) / len(panels) if width >= WIDE else 1
    figure.subplots_adjust(side / width, 28 / total, 1 - right / width, 1 - 28 / total,
                           wspace=(side + right) / inner, hspace=60 / (height - 60))
    return figure


def phases_chart(contest):
    delays = contest.values("delay_ms", "phases")
    counts = contest.values("rows", "phases")
    panels, shares = [], {}
    serializers = dict.fromkeys(record.get("serializer") for record in contest.select("phases"))
    for serializer in list(serializers)[:2]:
        bars = []
        for delay in delays:
            for rows in counts:
                means = phase_parts(contest, delay_ms=delay, rows=rows, serializer=serializer)
                if means:
                    bars.append((f"{words.delay(delay)} · {words.rows(rows)}", means))
                    shares[serializer, delay, rows] = 1 - means["db"] / sum(means.values())
        if bars:
            panels.append((f"serializer: {serializer}", bars))
    if not panels:
        return None
    most, least = max(shares, key=shares.get), min(shares, key=shares.get)
    title = (f"The database’s part of a request goes from {words.percent(1 - shares[most])} "
             f"({words.delay(most[1])}, {words.rows(most[2])}, {most[0]}) to "
             f"{words.percent(1 - shares[least])} ({words.delay(least[1])}, {words.rows(least[2])}, "
             f"{least[0]})")
    return Chart("phases", title, "Stacked bars: the share of each phase of a request on one connection.",
                 lambda width: draw_phases(panels, width))


# Latency under a constant load


def curve_points(contest, name, share):
    """[(quantile, median ms over the rounds)]"""
    rounds = {}
    for record in contest.select("open", contestant=name, share=share):
        for quantile, value in record.get("curve") or []:
            if 0 < quantile < 1:
                rounds.setdefault(quantile, []).append(value)
    return [(quantile, sorted(values)[len(values) // 2]) for quantile, values in sorted(rounds.items())]


def nines(quantile):
    return -math.log10(1 - quantile)


def draw_curves(contest, panels, width):
    figure, axes_of = drawing.new_figure(width, 380, len(panels))
    total, room = figure.get_size_inches()[1] * 72, 150
    inner = (width - 56 - room - (room + 56) * (len(panels) - 1)) / len(panels) if width >= WIDE else 1
    figure.subplots_adjust(50 / width, 40 / total, 1 - room / width, 1 - 28 / total,
                           wspace=(room + 56) / inner, hspace=76 / 304)
    for axes, (title, lines) in zip(axes_of, panels):
        axes.set_title(f"{title}, ms", pad=10)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(drawing.log_ticks())
        for name, points in lines.items():
            contestant = contest.contestant(name)
            axes.plot([nines(quantile) for quantile, _ in points], [value for _, value in points],
                      color=drawing.colour(contestant), linestyle=drawing.line_style(contestant))
        ticks = (0.5, 0.9, 0.99, 0.999)
        axes.set_xticks([nines(quantile) for quantile in ticks], ["50 %", "90 %", "99 %", "99.9 %"])
        axes.set_xlim(nines(0.5), nines(0.999))
        axes.yaxis.set_major_formatter(lambda value, _: words.short(round(value, 6)))
        axes.yaxis.set_minor_formatter(drawing.ticker.NullFormatter())
        axes.set_xlabel("share of the requests that were at least as fast")
    figure.canvas.draw()
    for axes, (_, lines) in zip(axes_of, panels):
        drawing.label_ends(axes, [
            (nines(points[-1][0]), points[-1][1], short_title(contest.title(name)),
             drawing.colour(contest.contestant(name))) for name, points in lines.items()])
    return figure


def curves_chart(contest):
    panels = []
    for share, title in (("own", "70 % of each one’s own peak"), ("common", "the same rate for all")):
        lines = {name: [p for p in curve_points(contest, name, share) if 0.5 <= p[0] <= 0.999]
                 for name in contest.names("open", share=share)}
        lines = {name: points for name, points in lines.items() if len(points) > 1}
        if lines:
            panels.append((title, lines))
    if not panels:
        return None
    heading, lines = panels[-1]
    ends = {name: points[-1][1] for name, points in lines.items()}
    fast, slow = min(ends, key=ends.get), max(ends, key=ends.get)
    title = (f"With {heading}, the slowest thousandth waits {words.ms(ends[fast])} or more at "
             f"{contest.title(fast)}, {words.ms(ends[slow])} at {contest.title(slow)}")
    return Chart("curves", title, "Latency by quantile from 50 % to 99.9 %, one line per contestant.",
                 lambda width: draw_curves(contest, panels, width))
