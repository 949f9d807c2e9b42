"""What is commonly claimed about Go and Rust services, beside what was measured. A rule decides, not we."""

import dataclasses

import crossover
import verdict
import words
from data import ENOUGH_SAMPLES

JUDGEMENTS = CONFIRMED, REFUTED, NOT_COMPARABLE = "confirmed", "refuted", "not comparable"

RULE = ("A claimed figure is confirmed when what was measured lies between half and double of it, a claimed "
        "range when it lies inside, and “X is n times as fast as Y” when the medians differ in this "
        "direction by at least half of the claimed advantage. Else it is refuted. What was not measured, or "
        "cannot be told from these data (the ranges of the rounds overlap, or there are fewer than "
        f"{ENOUGH_SAMPLES} rounds), is not comparable. "
        "Claims of absolute times depend on the machine.")


@dataclasses.dataclass(frozen=True)
class Claim:
    text: str
    claimed: str
    measured: str
    verdict: str


def near(value, claimed):
    return CONFIRMED if claimed / 2 <= value <= claimed * 2 else REFUTED


def inside(value, low, high):
    return CONFIRMED if low <= value <= high else REFUTED


def faster(slow, fast, claimed):
    """Is the second faster than the first by the claimed ratio, or half of its advantage at least?"""
    if not slow.is_apart_from(fast):
        return NOT_COMPARABLE
    return CONFIRMED if slow.median / fast.median - 1 >= (claimed - 1) / 2 else REFUTED


def unmeasured(text, claimed, why="not measured"):
    return Claim(text, claimed, why, NOT_COMPARABLE)


# JSON


def json_figure(contest, *names):
    for name in names:
        figure = contest.figure("one_ns", "json", contestant=name)
        if figure:
            return name, figure
    return None, None


def fast_go_names(contest):
    return [name for name in contest.names("json", language="Go") if name != "encoding/json"]


def json_claim(contest, text, claimed_ns, names):
    name, figure = json_figure(contest, *names)
    claimed = words.nanoseconds(claimed_ns)
    if figure is None:
        return unmeasured(text, claimed)
    measured = f"{words.nanoseconds(figure.median)} ({name})"
    return Claim(text, claimed, measured, near(figure.median, claimed_ns))


def json_claims(contest):
    yield json_claim(contest, "Go’s standard encoding/json takes 2.5 µs per object", 2500, ["encoding/json"])
    yield json_claim(contest, "A faster Go library takes 0.8 µs per object", 800, fast_go_names(contest))
    yield json_claim(contest, "Rust’s serde takes 0.3 µs per object", 300, ["serde_json", "serde"])
    text, claimed = "Rust’s serde is eight times as fast as Go’s encoding/json", 2500 / 300
    _, go = json_figure(contest, "encoding/json")
    _, rust = json_figure(contest, "serde_json", "serde")
    if go and rust:
        measured = words.times(go.median / rust.median)
        yield Claim(text, words.times(claimed), measured, faster(go, rust, claimed))
    else:
        yield unmeasured(text, words.times(claimed))


# Latency


def best_of(contest, language, key, experiment, **parameters):
    """(name, Figure) of the language's contestant with the least median; (None, None) without."""
    names = [name for name in contest.rivals(experiment, **parameters)
             if contest.contestant(name).language == language]
    figures = contest.figures(key, experiment, names, **parameters)
    best = min(figures, key=lambda name: figures[name].median, default=None)
    return best, figures.get(best)


def answer_claim(contest):
    text, claimed = "An HTTP answer takes 1.2 ms in Go and 0.8 ms in Rust", "1.50\u202f× as long in Go"
    parameters = {"experiment": "closed", "workload": "read", "connections": 1}
    go_name, go = best_of(contest, "Go", "p50", **parameters)
    rust_name, rust = best_of(contest, "Rust", "p50", **parameters)
    if not go or not rust:
        return unmeasured(text, claimed)
    measured = (f"{words.times(go.median / rust.median)}: {words.ms(go.median)} ({contest.title(go_name)}), "
                f"{words.ms(rust.median)} ({contest.title(rust_name)}); p50 of GET /users/{{id}}, "
                "1 connection")
    return Claim(text, claimed, measured, faster(go, rust, 1.5))


def question_claims(contest):
    """Of a query that takes 15 ms."""
    endpoint = "An endpoint whose query takes 15 ms answers in 50 ms"
    language = "With a query of 15 ms the language makes no difference"
    point = verdict.question_point(contest)
    at_question = point and point.delay_ms == verdict.QUESTION_MS
    gap = at_question and verdict.contestant_gap(contest, point, "latency")
    if not gap:
        return [unmeasured(endpoint, "50 ms"), unmeasured(language, f"< {crossover.LIMIT_TEXT}")]
    slowest = f"{words.ms(gap.slow_figure.median)} or less ({contest.title(gap.slow[0])} is the slowest)"
    by_language = {kind: verdict.language_gap(contest, point, kind) for kind in verdict.KINDS}
    known = {kind: one for kind, one in by_language.items() if one}
    if not known:
        return [Claim(endpoint, "50 ms", slowest, near(gap.slow_figure.median, 50)),
                unmeasured(language, f"< {crossover.LIMIT_TEXT}")]
    measured = words.listing(f"{words.percent(one.share)} of {kind}" for kind, one in known.items())
    judged = (REFUTED if any(one.matters for one in known.values()) else
              CONFIRMED if all(one.is_small for one in known.values()) else NOT_COMPARABLE)
    return [Claim(endpoint, "50 ms", slowest, near(gap.slow_figure.median, 50)),
            Claim(language, f"< {crossover.LIMIT_TEXT}", measured, judged)]


def pause_claim(contest):
    text, claimed = "Go’s garbage collector pauses for less than a millisecond", "< 1 ms"
    names = [name for name in contest.rivals("open", share="common")
             if contest.contestant(name).language == "Go"]
    figures = contest.figures("max", "open", names, share="common")
    if not figures:
        return unmeasured(text, claimed)
    name = max(figures, key=lambda name: figures[name].high)
    slowest = figures[name].high
    measured = (f"slowest answer of all rounds at the common rate: {words.ms(slowest)} "
                f"({contest.title(name)}); an upper bound, of which a pause is only a part")
    return Claim(text, claimed, measured, CONFIRMED if slowest < 1 else NOT_COMPARABLE)


# Costs


def family_figure(contest, key, family):
    """Median over the contestants of a family, and the text of all of them; (None, None) without."""
    names = [name for name in contest.rivals("cost") if contest.contestant(name).family == family]
    figures = contest.figures(key, "cost", names)
    order = sorted(figure.median for figure in figures.values())
    return (order[len(order) // 2], order) if order else (None, None)


def cost_claim(contest, text, key, family, show, claimed, judge):
    value, order = family_figure(contest, key, family)
    if value is None:
        return unmeasured(text, claimed)
    measured = show(value) if len(order) == 1 else f"{show(value)} ({show(order[0])} to {show(order[-1])})"
    return Claim(text, claimed, measured, judge(value))


def cost_claims(contest):
    yield cost_claim(contest, "A connection costs Go a goroutine of 4 kB", "idle_connection_kib", "go",
                     lambda kib: f"{words.plain(kib)}\u202fKiB", "4\u202fKiB", lambda kib: near(kib, 4))
    yield cost_claim(contest, "A Go binary has 10 MB", "binary_bytes", "go", words.size, "10\u202fMB",
                     lambda count: near(count, 10e6))
    yield cost_claim(contest, "A Rust binary has 2–5 MB", "binary_bytes", "rust", words.size, "2–5\u202fMB",
                     lambda count: inside(count, 2e6, 5e6))
    yield cost_claim(contest, "A Rust build takes 2–5 minutes", "build_clean_s", "rust", words.seconds,
                     "2–5\u202fmin", lambda seconds: inside(seconds, 120, 300))
    yield unmeasured("A container image with a Go service has 10–15 MB", "10–15\u202fMB",
                     "no images were built")


def all_claims(contest):
    return [*json_claims(contest), answer_claim(contest), *question_claims(contest), pause_claim(contest),
            *cost_claims(contest)]
