"""The crossover: what language and serializer still change, over database latency and rows.

The rule for "does not matter": the slowest is less than LIMIT above the fastest. For latency, p50 on one
connection is compared; for capacity, requests/s at 64, as time per request, so that both read alike.
"""

import dataclasses

import drawing
import words
from charts import Chart, phase_parts
from data import Figure
from drawing import COLOURS, WIDE

LIMIT = 0.05
LIMIT_TEXT = f"5{words.NARROW}%"
KINDS = {"latency": ("p50", 1), "capacity": ("rate", 64)}


@dataclasses.dataclass(frozen=True)
class Gap:
    """How far the slowest of some is above the fastest."""
    fast: object
    slow: object
    fast_figure: Figure
    slow_figure: Figure
    share: float  # 0.05: 5 %

    @property
    def is_told(self):
        return self.fast_figure.is_apart_from(self.slow_figure)

    @property
    def matters(self):
        return self.share >= LIMIT and self.is_told

    @property
    def is_small(self):
        """Known to be: neither this nor that it matters holds when the rounds cannot tell."""
        return self.share < LIMIT and self.fast_figure.has_enough_with(self.slow_figure)


def gap_of(figures, kind):
    """figures by anything; None with fewer than two."""
    figures = {key: figure for key, figure in figures.items() if figure and figure.median > 0}
    if len(figures) < 2:
        return None
    order = sorted(figures, key=lambda key: figures[key].median, reverse=kind == "capacity")
    fast, slow = order[0], order[-1]
    medians = sorted((figures[fast].median, figures[slow].median))
    return Gap(fast, slow, figures[fast], figures[slow], medians[1] / medians[0] - 1)


def figures_at(contest, kind, delay_ms, rows, side="server", pairs=None):
    """Figure by (contestant, serializer) at one point; by default of the rivals, each with its own."""
    key, connections = KINDS[kind]
    pairs = own_pairs(contest) if pairs is None else pairs
    place = {"side": side, "delay_ms": delay_ms, "rows": rows, "connections": connections}
    return {(name, serializer): contest.crossover(key, name, serializer, **place)
            for name, serializer in pairs}


def own_pairs(contest):
    return [(name, contest.own_serializer(name)) for name in contest.rivals("crossover")]


def who(contest):
    """Those of the contestants that are in it, by name."""
    return words.listing(contest.title(name) for name in contest.rivals("crossover"))


def threshold_ms(contest, kind, rows, side="server", pairs=None):
    """
    The database latency from which on the gap stays under LIMIT. Between two measured delays the time per
    request is taken to grow in a straight line. Gives (ms, is exact): not exact when the gap is
    under LIMIT from the least delay on; (None, the largest delay) when it never stays under it; None
    without data.
    """
    curves = []
    for delay in contest.crossover_delays(side):
        found = figures_at(contest, kind, delay, rows, side, pairs)
        times = {pair: figure.median if kind == "latency" else 1 / figure.median
                 for pair, figure in found.items() if figure and figure.median > 0}
        if len(times) > 1:
            curves.append((delay, times))
    if not curves:
        return None
    if excess(curves[-1][1]) >= LIMIT:
        return None, curves[-1][0]
    for (before, slower), (after, faster) in reversed(list(zip(curves, curves[1:]))):
        if excess(slower) >= LIMIT:
            return crossing(before, slower, after, faster), True
    return curves[0][0], False


def excess(times):
    return max(times.values()) / min(times.values()) - 1


def crossing(before, slower, after, faster):
    """Where the gap falls under LIMIT between two delays, by halving."""
    both = slower.keys() & faster.keys()
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        times = {key: slower[key] + (faster[key] - slower[key]) * middle for key in both}
        low, high = (middle, high) if len(both) > 1 and excess(times) >= LIMIT else (low, middle)
    return before + (after - before) * high


# Heat maps


def grid_of(contest, value_at):
    """{(delay, rows): share}"""
    delays = sorted({*contest.crossover_delays("server"), *contest.values("delay_ms", "phases")})
    counts = sorted({*contest.values("rows", "crossover"), *contest.values("rows", "phases")})
    found = {(delay, rows): value_at(delay, rows) for delay in delays for rows in counts}
    return delays, counts, {place: value for place, value in found.items() if value is not None}


def own_share(contest, delay_ms, rows):
    """Of the time, what is not the database's: 1 − db / total, by the ledger of Splits."""
    for serializer in ("direct", None):
        means = phase_parts(contest, delay_ms=delay_ms, rows=rows, serializer=serializer)
        if means:
            return 1 - means["db"] / sum(means.values())
    return None


def gap_share(contest, kind, delay_ms, rows):
    gap = gap_of(figures_at(contest, kind, delay_ms, rows), kind)
    return gap and gap.share


def draw_border(axes, delays, counts, inside):
    """A line around the cells that are inside."""
    for x, delay in enumerate(delays):
        for y, rows in enumerate(counts):
            if (delay, rows) not in inside:
                continue
            for (dx, dy), (xs, ys) in {(-1, 0): ((0, 0), (0, 1)), (1, 0): ((1, 1), (0, 1)),
                                       (0, -1): ((0, 1), (0, 0)), (0, 1): ((0, 1), (1, 1))}.items():
                near = (x + dx, y + dy)
                is_outer = not (0 <= near[0] < len(delays) and 0 <= near[1] < len(counts))
                if not is_outer and (delays[near[0]], counts[near[1]]) not in inside:
                    axes.plot([x + xs[0], x + xs[1]], [y + ys[0], y + ys[1]], color=COLOURS["ink"],
                              linewidth=3, solid_capstyle="round", zorder=5)


def draw_heat(panels, width):
    """panels: (title, delays, counts, share by place, places where language does not matter)"""
    down = max(len(panel[2]) for panel in panels)
    height = 46 * down + 84
    figure, axes_of = drawing.new_figure(width, height, len(panels))
    for axes, (title, delays, counts, shares, inside) in zip(axes_of, panels):
        axes.set_title(title, pad=8)
        for x, delay in enumerate(delays):
            for y, rows in enumerate(counts):
                share = shares.get((delay, rows))
                shade = 0 if share is None else min(max(share, 0), 1) ** 0.7 * 0.62 + 0.02
                axes.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=COLOURS["accent"], alpha=shade,
                          linewidth=0)
                axes.text(x + 0.5, y + 0.5, "–" if share is None else cell_text(share), ha="center",
                          va="center_baseline", fontsize=11)
        draw_border(axes, delays, counts, inside)
        axes.set_xticks([x + 0.5 for x in range(len(delays))], [words.short(delay) for delay in delays])
        axes.set_yticks([y + 0.5 for y in range(len(counts))], [words.short(rows) for rows in counts])
        axes.tick_params(length=0)
        axes.set_xlim(0, len(delays))
        axes.set_ylim(0, down)
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_xlabel("database latency, ms")
        axes.set_ylabel("rows")
    total = figure.get_size_inches()[1] * 72
    between = 54
    inner = (width - 52 - 8 - between * (len(panels) - 1)) / len(panels) if width >= WIDE else 1
    figure.subplots_adjust(52 / width, 42 / total, 1 - 8 / width, 1 - 28 / total, wspace=between / inner,
                           hspace=80 / (height - 80))
    return figure


def cell_text(share):
    percent = share * 100
    return f"{percent:,.1f}" if percent < 9.95 else f"{percent:,.0f}"


def heat_chart(contest):
    panels = []
    gaps = {kind: grid_of(contest, lambda delay, rows, kind=kind: gap_share(contest, kind, delay, rows))
            for kind in KINDS}
    inside = {kind: {place for place, share in shares.items() if share < LIMIT}
              for kind, (_, _, shares) in gaps.items()}
    titles = {"latency": "Slowest above fastest, p50, %", "capacity": "Fastest above slowest, requests/s, %"}
    own = grid_of(contest, lambda delay, rows: own_share(contest, delay, rows))
    if own[2]:
        panels.append(("Time that is not the database’s, %", *own, inside["latency"]))
    panels += [(titles[kind], *gaps[kind], inside[kind]) for kind in KINDS if gaps[kind][2]]
    if not panels:
        return None
    known, calm = gaps["latency"][2], inside["latency"]
    title = "The share of the time that is not the database’s, over its latency"
    if known:
        title = (f"In {len(calm)} of {len(known)} cells the choice between {who(contest)} changes the "
                 f"median latency by less than {LIMIT_TEXT}")
    return Chart("heat", title, "Heat maps over database latency and rows; a line parts the cells in which "
                                "contestants "
                 "differ from those in which they do not.", lambda width: draw_heat(panels, width))


# How far above the fastest, over the database's latency


def draw_gaps(panels, delays, width):
    """panels: (title, [(label, contestant, {delay: share})])"""
    figure, axes_of = drawing.new_figure(width, 400, len(panels))
    total, room, floor = figure.get_size_inches()[1] * 72, 168 if width >= WIDE else 150, 0.2
    inner = (width - 50 - room - (room + 50) * (len(panels) - 1)) / len(panels) if width >= WIDE else 1
    figure.subplots_adjust(44 / width, 40 / total, 1 - room / width, 1 - 28 / total,
                           wspace=(room + 50) / inner, hspace=76 / 324)
    for axes, (title, lines) in zip(axes_of, panels):
        axes.set_title(title, pad=10)
        axes.set_yscale("log")
        axes.axhline(LIMIT * 100, color=COLOURS["ink"], linewidth=1.2, zorder=1)
        for _, contestant, shares in lines:
            points = [(delays.index(delay), max(share * 100, floor))
                      for delay, share in sorted(shares.items())]
            axes.plot(*zip(*points), marker="o", markersize=4, color=drawing.colour(contestant),
                      linestyle=drawing.line_style(contestant))
        axes.set_xticks(range(len(delays)), [words.short(delay) for delay in delays])
        axes.set_ylim(bottom=floor * 0.85)
        axes.set_yticks([0.2, 1, 5, 20, 100, 500])
        axes.set_yticklabels(["≤ 0.2", "1", "5", "20", "100", "500"])
        axes.yaxis.set_minor_locator(drawing.ticker.NullLocator())
        top = max([20] + [share * 130 for _, _, shares in lines for share in shares.values()])
        axes.set_ylim(top=top)
        axes.set_xlabel("database latency, ms")
    figure.canvas.draw()
    for axes, (_, lines) in zip(axes_of, panels):
        drawing.label_ends(axes, [(len(delays) - 1 if delays[-1] in shares else delays.index(max(shares)),
                                   max(shares[max(shares)] * 100, floor), label, drawing.colour(contestant))
                                  for label, contestant, shares in lines])
    return figure


def gap_lines(contest, kind, pairs, label, *, rows, side, look):
    """[(label, contestant, {delay: how far above the fastest})]; look: by pair, whose colour it has."""
    lines = {pair: {} for pair in pairs}
    for delay in contest.crossover_delays(side):
        found = {pair: figure for pair, figure in figures_at(contest, kind, delay, rows, side, pairs).items()
                 if figure and figure.median > 0}
        if len(found) < 2:
            continue
        medians = [figure.median for figure in found.values()]
        for pair, figure in found.items():
            lines[pair][delay] = (figure.median / min(medians) if kind == "latency"
                                  else max(medians) / figure.median) - 1
    return [(label(pair), look.get(pair) or contest.contestant(pair[0]), shares)
            for pair, shares in lines.items() if shares]


def gaps_chart(contest, key, pairs, label, *, rows, side="server", look=None, who=""):
    """One panel for latency, one for capacity; None without data. who: are compared, for the title."""
    delays = contest.crossover_delays(side)
    panels = []
    for kind, heading in (("latency", "Latency: p50 above the fastest, %"),
                          ("capacity", "Capacity: time per request likewise, %")):
        lines = gap_lines(contest, kind, pairs, label, rows=rows, side=side, look=look or {})
        if len(lines) > 1:
            panels.append((heading, lines))
    if not panels:
        return None
    _, lines = panels[0]
    first, last = delays[0], delays[-1]
    widest = {delay: max((shares[delay] for _, _, shares in lines if delay in shares), default=0)
              for delay in (first, last)}
    title = (f"{words.rows(rows)}{who}: the slowest p50 is {words.percent(widest[first])} above the fastest "
             f"{'without database latency' if first == 0 else 'at ' + words.delay(first)}, "
             f"{words.percent(widest[last])} at {words.delay(last)}")
    return Chart(key, title, "Lines over database latency: how far each is above the fastest, on a "
                             "logarithmic axis; "
                 "a line marks 5 %.", lambda width: draw_gaps(panels, delays, width))
