"""The verdict in words: sentences that say what the data say, and no more.

Two figures are called different only with enough rounds of both, whose ranges do not overlap.
"""

import dataclasses

import crossover
import words
from data import ENOUGH_SAMPLES, Figure

QUESTION_MS = 15
KINDS = {"latency": "p50, 1 connection", "capacity": "requests/s, 64 connections"}

# (what, key, is less better, experiment and parameters); 64 stands for the usual number of connections.
DUELS = [
    *((f"{name}, {label}", key, less, {"experiment": "closed", "workload": workload, "connections": 64})
      for workload, name in (("read", "GET /users/{id}"), ("list", "list of 100"), ("create", "POST /users"),
                             ("mixed", "90 % reads, 10 % creates"), ("health", "GET /health"))
      for key, label, less in (("rate", "requests/s", False), ("p99", "p99", True))),
    ("GET /users/{id}, p99.9", "p999", True, {"experiment": "closed", "workload": "read", "connections": 64}),
    ("GET /users/{id}, CPU of the service", "cpu_service_us", True,
     {"experiment": "closed", "workload": "read", "connections": 64}),
    ("memory under load", "rss_mib", True, {"experiment": "closed", "workload": "read", "connections": 64}),
    ("p99.9 at one constant rate for all", "p999", True, {"experiment": "open", "share": "common"}),
    ("500 queries for one request, p50", "p50", True, {"experiment": "fan_out", "fan_out": 500}),
    ("start", "start_ms", True, {"experiment": "cost"}),
]
LIMIT_DUELS = [("GET /users/{id} against pgbench", "pgbench", "read"),
               ("GET /health against nginx", "nginx", "health")]


@dataclasses.dataclass(frozen=True)
class Answer:
    """One cell of the table at the top."""
    headline: str
    detail: str
    is_small: bool = False


@dataclasses.dataclass(frozen=True)
class Point:
    """Where the question is asked: what was measured nearest to it."""
    side: str
    delay_ms: float
    rows: int

    def __str__(self):
        return f"{words.short(self.delay_ms)} ms, {words.rows(self.rows)}"


def question_point(contest):
    """None without a crossover."""
    for side in ("server", "wire"):
        delays = contest.values("delay_ms", "crossover", side=side)
        counts = contest.values("rows", "crossover", side=side)
        if delays and counts:
            return Point(side, min(delays, key=lambda delay: abs(delay - QUESTION_MS)),
                         100 if 100 in counts else counts[len(counts) // 2])
    return None


def amount(kind, figure):
    return words.ms(figure.median) if kind == "latency" else f"{words.rate(figure.median)}/s"


def doubt(one, other):
    """Why two figures are not told apart; empty when they are."""
    if not one.has_enough_with(other):
        return f"fewer than {ENOUGH_SAMPLES} rounds: cannot be told apart"
    return "the ranges of their rounds overlap: cannot be told apart" if one.overlaps(other) else ""


def answer_of(gap, kind, title_of):
    if gap is None:
        return Answer("–", "not measured")
    detail = (f"{title_of(gap.fast)} {amount(kind, gap.fast_figure)}, {title_of(gap.slow)} "
              f"{amount(kind, gap.slow_figure)}")
    if not gap.is_told:
        detail += f"; {doubt(gap.fast_figure, gap.slow_figure)}"
    return Answer(words.percent(gap.share), detail, not gap.matters)


# What differs


def language_gap(contest, point, kind):
    """Between the best contestants of the languages."""
    best = {}
    for pair, figure in crossover.figures_at(contest, kind, point.delay_ms, point.rows, point.side).items():
        if figure is None:
            continue
        language = contest.contestant(pair[0]).language
        old = best.get(language)
        if old is None or (figure.median < old[1].median) == (kind == "latency"):
            best[language] = (pair, figure)
    return crossover.gap_of(dict(best.values()), kind)


def contestant_gap(contest, point, kind):
    return crossover.gap_of(
        crossover.figures_at(contest, kind, point.delay_ms, point.rows, point.side), kind)


def serializers_of(contest, name, point):
    """Those that make JSON in the service."""
    found = contest.select("crossover", contestant=name, side=point.side, rows=point.rows)
    return sorted({record["serializer"] for record in found} - {"postgres", "none"})


def serializer_gap(contest, point, kind):
    """The widest within one contestant: nothing else differs there."""
    gaps = []
    for name in contest.rivals("crossover"):
        pairs = [(name, serializer) for serializer in serializers_of(contest, name, point)]
        gap = crossover.gap_of(
            crossover.figures_at(contest, kind, point.delay_ms, point.rows, point.side, pairs), kind)
        gaps += [gap] if gap else []
    return max(gaps, key=lambda gap: gap.share, default=None)


def model_gap(contest, point, kind):
    """Pipelined against blocking, at as few connections as there are results for when it is about latency."""
    key, connections = crossover.KINDS[kind]
    counts = contest.values("connections", "model", delay_ms=point.delay_ms)
    if not counts or (kind == "capacity" and connections not in counts):
        return None
    connections = connections if connections in counts else counts[0]
    figures = contest.figures(key, "model", ("splits", "splits-blocking"),
                              delay_ms=point.delay_ms, connections=connections)
    where = f" (at {words.short(connections)} connections)" if kind == "latency" else ""
    return crossover.gap_of({contest.title(name) + where: figure for name, figure in figures.items()}, kind)


def answers(contest):
    """[(what differs, {kind: Answer})]; empty without a crossover."""
    point = question_point(contest)
    if point is None:
        return []

    def by_contestant(pair):
        return contest.title(pair[0])

    def by_serializer(pair):
        return f"{contest.title(pair[0])} with {pair[1]}"

    return [(what, {kind: answer_of(gap(contest, point, kind), kind, title_of) for kind in KINDS})
            for what, gap, title_of in (
                ("Language", language_gap, by_contestant),
                (f"All {len(contest.rivals('crossover'))} named below", contestant_gap, by_contestant),
                ("Serializer", serializer_gap, by_serializer), ("Concurrency model", model_gap, str))]


# Sentences


def headline(contest):
    point = question_point(contest)
    if point is None:
        return "The crossover was not measured: what a database latency hides is not known from these data"
    gaps = {kind: language_gap(contest, point, kind) for kind in KINDS}
    known = {kind: gap for kind, gap in gaps.items() if gap}
    if not known:
        return "Only one language was measured: there is nothing to compare"
    said = {kind: f"{words.percent(gap.share)}{'' if gap.is_told else ' (cannot be told apart)'}"
            for kind, gap in known.items()}
    parts = words.listing(f"{'the median latency' if kind == 'latency' else 'the capacity'} by {text}"
                          for kind, text in said.items())
    where = f"When the database takes {words.delay(point.delay_ms)}"
    if any(gap.matters for gap in known.values()):
        return f"{where}, the language still matters: it changes {parts}"
    if all(gap.is_small for gap in known.values()):
        return f"{where}, the language hardly matters: it changes {parts}"
    return f"{where}, it cannot be told whether the language matters: the medians change {parts}"


def threshold_text(found):
    """Of what crossover.threshold_ms() gives."""
    if found is None:
        return None
    delay, is_exact = found
    if delay is None:
        return "never, up to the longest latency measured"
    if not is_exact:
        return "at every latency measured"
    return f"from {words.plain(delay, 2)}{words.NARROW}ms on" if delay >= 0.05 else "at every latency measured"


def thresholds(contest):
    """A sentence per number of rows: from which database latency on the contestants are alike."""
    point = question_point(contest)
    sentences = []
    for rows in contest.values("rows", "crossover", side=point.side) if point else ():
        texts = {kind: threshold_text(crossover.threshold_ms(contest, kind, rows, point.side))
                 for kind in KINDS}
        known = [f"{kind} {text}" for kind, text in texts.items() if text]
        if known:
            sentences.append(f"{words.rows(rows)}: {', '.join(known)}")
    return sentences


def bound_sentence(contest):
    """What the database's latency allows at all; None where it is not known."""
    point = question_point(contest)
    if point is None or not point.delay_ms or point.side != "server":
        return None
    figures = crossover.figures_at(contest, "capacity", point.delay_ms, point.rows)
    connections = crossover.KINDS["capacity"][1]
    found = contest.select("crossover", side=point.side, delay_ms=point.delay_ms, rows=point.rows,
                           connections=connections)
    pools = {record["db_connections"] for record in found if record.get("db_connections")}
    if len(pools) > 1:
        sizes = words.listing(map(words.short, sorted(pools)))
        return f"The pools differ in these runs ({sizes} connections): " \
               "with a slow database the capacity is the pool's first, and the contestant's only then."
    queries = min([connections, *pools])
    most = queries / point.delay_ms * 1000
    shares = [figure.median / most for figure in figures.values() if figure]
    if not shares:
        return None
    return f"{words.short(queries)} queries at a time of {words.delay(point.delay_ms)} each allow " \
           f"{words.rate(most)} requests/s; the contestants reach {words.percent(min(shares))} to " \
           f"{words.percent(max(shares))} of that."


@dataclasses.dataclass(frozen=True)
class Duel:
    """Splits beside the best of the others in one respect."""
    what: str
    key: str  # of the figure in the records
    outcome: str  # ahead, behind, or even: cannot be told
    ratio: float  # at least 1: how far apart the medians are
    own: Figure
    best: Figure
    best_title: str

    def __str__(self):
        return f"{self.what} {words.times(self.ratio)}"


def duel_of(what, key, less, own, best, best_title):
    is_better = (own.median < best.median) == less
    outcome = "even" if not own.is_apart_from(best) else "ahead" if is_better else "behind"
    small, large = sorted((own.median, best.median))
    return Duel(what, key, outcome, large / small if small > 0 else 1, own, best, best_title)


def duels(contest, mine="splits"):
    """Splits beside the best of the others, and beside the limits; its options stay out of it."""
    usual = contest.raw.get("settings", {}).get("connections", 64)
    found = []
    for what, key, less, parameters in DUELS:
        parameters = parameters | ({"connections": usual} if parameters.get("connections") == 64 else {})
        figures = contest.figures(key, names=contest.rivals(**parameters), **parameters)
        own = figures.pop(mine, None)
        if own and figures:
            best = (min if less else max)(figures, key=lambda name: figures[name].median)
            found.append(duel_of(what, key, less, own, figures[best], contest.title(best)))
    for what, limit, workload in LIMIT_DUELS:
        figures = contest.figures("rate", "closed", [mine, limit], workload=workload, connections=usual)
        if len(figures) == 2:
            found.append(duel_of(what, "rate", False, *figures.values(), contest.title(limit)))
    return found
