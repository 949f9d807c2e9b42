"""The report's tables: cells are text, the first column a contestant with its colour."""

import collections
import dataclasses

import crossover
import verdict
import words
from data import ENOUGH_SAMPLES

BASELINE = "go-nethttp"


def with_unit(unit):
    return lambda value: f"{words.plain(value)}{words.NARROW}{unit}"


UNITS = {"rate": lambda value: f"{words.rate(value)}/s", "cpu_service_us": with_unit("µs"),
         "rss_mib": with_unit("MiB"),
         **dict.fromkeys(("p50", "p99", "p999", "start_ms"), words.ms)}


@dataclasses.dataclass(frozen=True)
class Row:
    cells: list
    colour: str = ""  # name of a CSS variable
    title: str = ""  # more about the first cell
    is_quiet: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
    caption: str
    head: list  # first the name of the rows; the others are numbers unless has_text
    rows: list
    note: str = ""
    has_text: bool = False


def row_of(contest, name, cells):
    contestant = contest.contestant(name)
    return Row([contestant.title, *cells], f"{contestant.family}-{contestant.shade}", contestant.what,
               contestant.is_limit)


def figure_cell(figure, text=words.plain):
    return text(figure.median) if figure else "–"


def ratio_cell(figure, baseline):
    return f"{figure.median / baseline.median:.2f}" if figure and baseline and baseline.median else "–"


def rounds_note(counts):
    """How many rounds there were, when they are few somewhere."""
    counts = sorted(counts)
    if not counts or counts[0] >= ENOUGH_SAMPLES:
        return ""
    said = f"{counts[0]} to {counts[-1]} rounds" if counts[0] < counts[-1] else \
        f"{counts[0]} round{'s' if counts[0] > 1 else ''}"
    return f"From {said}: a difference is told only with {ENOUGH_SAMPLES} or more of both."


def note_on(figures):
    return rounds_note(figure.count for figure in figures if figure)


def load_table(contest, caption, workload, connections):
    """Everything that is known of one workload, the fastest first."""
    parameters = {"experiment": "closed", "workload": workload, "connections": connections}
    rates = contest.figures("rate", **parameters)
    if not rates:
        return None
    rows = []
    for name in sorted(rates, key=lambda name: -rates[name].median):
        def cell(key, text=words.plain, name=name):
            return figure_cell(contest.figure(key, contestant=name, **parameters), text)

        rows.append(row_of(contest, name, [
            words.rate(rates[name].median), words.spread(rates[name], words.rate),
            ratio_cell(rates[name], rates.get(BASELINE)), cell("p50"), cell("p99"), cell("p999"),
            cell("cpu_service_us"), cell("cpu_postgres_us"), cell("rss_mib"), cell("peak_mib")]))
    head = ["", "requests/s", "min–max", f"÷ {contest.title(BASELINE)}", "p50, ms", "p99, ms", "p99.9, ms",
            "CPU service, µs", "CPU PostgreSQL, µs", "memory, MiB", "peak, MiB"]
    return Table(caption, head, rows, note_on(rates.values()))


def json_table(contest):
    one, hundred = contest.figures("one_ns", "json"), contest.figures("hundred_ns", "json")
    if not one:
        return None
    best = min(one.values(), key=lambda figure: figure.median)
    rows = []
    for name in sorted(one, key=lambda name: one[name].median):
        many = hundred.get(name)
        language = next((record["language"] for record in contest.select("json", contestant=name)
                         if "language" in record), "")
        rows.append(Row([f"{name} ({language})" if language else name, words.nanoseconds(one[name].median),
                         words.spread(one[name]), f"{one[name].median / best.median:.1f}",
                         words.nanoseconds(many.median) if many else "–"]))
    head = ["", "one", "min–max, ns", "÷ fastest", "a hundred"]
    return Table("One user to JSON, and a hundred", head, rows, note_on(one.values()))


def model_table(contest):
    rows, known = [], []
    for delay in contest.values("delay_ms", "model"):
        for connections in contest.values("connections", "model"):
            figures = {key: contest.figures(key, "model", delay_ms=delay, connections=connections)
                       for key in ("rate", "p50", "p99")}
            rates = figures["rate"]
            if len(rates) < 2:
                continue
            known += rates.values()
            one, other = rates.get("splits"), rates.get("splits-blocking")
            cells = [f"{words.delay(delay)}, {words.short(connections)} conn."]
            for name in rates:
                cells += [words.rate(rates[name].median), words.spread(rates[name], words.rate)]
            cells += [ratio_cell(one, other)]
            cells += [figure_cell(figures[key].get(name)) for key in ("p50", "p99") for name in rates]
            rows.append(Row(cells))
    if not rows:
        return None
    titles = [contest.title(name) for name in contest.names("model")]
    head = ["database", *(text for title in titles for text in (f"{title}, /s", "min–max")), "ratio",
            *(f"{title}, {key}, ms" for key in ("p50", "p99") for title in titles)]
    return Table("Requests per second and latency", head, rows, note_on(known))


def open_table(contest, share, caption):
    rows = []
    for name in contest.names("open", share=share):
        def cell(key, text=words.plain, name=name):
            return figure_cell(contest.figure(key, "open", contestant=name, share=share), text)

        p999 = contest.figure("p999", "open", contestant=name, share=share)
        rows.append(row_of(contest, name, [
            cell("rate_target", words.rate), cell("rate", words.rate), cell("p50"), cell("p90"), cell("p99"),
            cell("p999"), words.spread(p999) if p999 else "", cell("max")]))
    head = ["", "asked, /s", "answered, /s", "p50, ms", "p90, ms", "p99, ms", "p99.9, ms", "min–max",
            "max, ms"]
    note = note_on(contest.figures("p999", "open", share=share).values())
    return Table(caption, head, rows, note) if rows else None


def neighbour_table(contest):
    rows = []
    for name in contest.names("neighbour"):
        states = {state: {key: contest.figure(key, "neighbour", contestant=name, state=state)
                          for key in ("p50", "p99", "p999", "slow_rate")} for state in ("idle", "busy")}
        idle, busy = states["idle"], states["busy"]
        rows.append(row_of(contest, name, [
            figure_cell(idle["p50"]), figure_cell(busy["p50"]),
            figure_cell(idle["p99"]), figure_cell(busy["p99"]), ratio_cell(busy["p99"], idle["p99"]),
            figure_cell(idle["p999"]), figure_cell(busy["p999"]),
            figure_cell(busy["slow_rate"], words.rate)]))
    head = ["", "p50 idle, ms", "busy", "p99 idle, ms", "busy", "busy ÷ idle", "p99.9 idle, ms", "busy",
            "slow route, /s"]
    note = note_on(contest.figure("p99", "neighbour", contestant=name, state=state)
                   for name in contest.names("neighbour") for state in ("idle", "busy"))
    caption = "GET /health while another client keeps a slow route busy"
    return Table(caption, head, rows, note) if rows else None


def cost_table(contest):
    columns = [("start_ms", "start, ms", words.plain), ("binary_bytes", "binary", words.size),
               ("with_libraries_bytes", "with the shared libraries that it needs", words.size),
               ("build_clean_s", "clean build", words.seconds),
               ("build_incremental_s", "after one changed line", words.seconds),
               ("idle_mib", "idle, MiB", words.plain),
               ("idle_connection_kib", "idle connection, KiB", words.plain)]
    rows = [row_of(contest, name, [figure_cell(contest.figure(key, "cost", contestant=name), text)
                                   for key, _, text in columns]) for name in contest.names("cost")]
    note = "Splits links Debian’s shared libraries, Go and Rust hold theirs in the binary: compare " \
           "the two columns of sizes together. Go and Rust compile their libraries in a clean build too, " \
           f"Splits does not. {cost_rounds(contest, columns)}"
    head = ["", *(label for _, label, _ in columns)]
    return Table("What it costs to have", head, rows, note) if rows else None


def cost_rounds(contest, columns):
    """Which of the figures are of a single sample."""
    known = {label: contest.figures(key, "cost").values() for key, label, _ in columns}
    few = [label.split(",")[0] for label, figures in known.items()
           if figures and min(figure.count for figure in figures) < ENOUGH_SAMPLES]
    said = f"Fewer than {ENOUGH_SAMPLES} samples, so that no difference is told: {words.listing(few)}."
    return said if few else ""


def sweep_table(contest):
    """What each was told: the best of the sweep."""
    rows = []
    for name in contest.names("sweep"):
        entry = next((one for one in contest.raw.get("contestants", []) if one["name"] == name), {})
        records = contest.select("sweep", contestant=name)
        best = {workload: max((record["rate"] for record in records if record.get("workload") == workload
                               and "rate" in record), default=None) for workload in ("read", "create")}
        cells = [entry.get("db_connections") or "–", entry.get("db_connections_create") or "–",
                 entry.get("tuning") or "default",
                 *("–" if rate is None else words.rate(rate) for rate in best.values())]
        rows.append(row_of(contest, name, [str(cell) for cell in cells]))
    head = ["", "connections, reads", "connections, creates", "environment",
            "best single round of reads, /s", "of creates, /s"]
    return Table("What each races with", head, rows) if rows else None


def edge_note(contest):
    """Whose best number of connections is the least or the largest tried; empty when nobody's is."""
    found = []
    entries = {entry["name"]: entry for entry in contest.raw.get("contestants", [])}
    for workload, what, key in (("read", "reads", "db_connections"), ("create", "creates", "db_connections_create")):
        for name in contest.names("sweep", workload=workload):
            parameters = {"contestant": name, "workload": workload, "tuning": ""}
            sizes = contest.values("db_connections", "sweep", **parameters)
            rates = {size: contest.figure("rate", "sweep", db_connections=size, **parameters)
                     for size in sizes}
            highest = max((size for size in sizes if rates[size]), key=lambda size: rates[size].median,
                          default=None)
            best = entries.get(name, {}).get(key) or highest
            if len(sizes) > 1 and best in (sizes[0], sizes[-1]):
                found.append(f"{contest.title(name)} ({what}: {words.short(best)})")
    return "The best lies at an edge of the sizes tried, and may lie beyond: " \
           f"{words.listing(found)}." if found else ""


def tuning_table(contest):
    """Other settings, beside the best pool size."""
    rows = []
    for tuning in contest.values("tuning", "sweep", workload="read"):
        for name in contest.names("sweep", tuning=tuning, workload="read") if tuning else ():
            parameters = {"contestant": name, "workload": "read"}
            size = contest.values("db_connections", "sweep", tuning=tuning, **parameters)[0]
            figure, default = (contest.figure("rate", "sweep", tuning=one, db_connections=size, **parameters)
                               for one in (tuning, ""))
            cells = [tuning, figure_cell(figure, words.rate), ratio_cell(figure, default)]
            rows.append(row_of(contest, name, cells))
    return Table("Other settings", ["", "environment", "requests/s", "÷ default"], rows) if rows else None


def claims_table(claims):
    rows = [Row([claim.text, claim.claimed, claim.measured, claim.verdict]) for claim in claims]
    head = ["a common claim", "claimed", "measured here", "verdict"]
    return Table("Common claims", head, rows, has_text=True)


def failure_table(contest):
    rows = []
    for record in contest.failures:
        given = {key: value for key, value in record.items() if key in (
            "workload", "connections", "db_connections", "side", "delay_ms", "rows", "serializer", "fan_out",
            "share", "state", "part", "round")}
        why = record.get("error") or f"{words.short(record.get('failed', 0))} failed requests"
        rows.append(Row([f"{contest.title(record.get('contestant', ''))}, {record.get('experiment', '')}",
                         ", ".join(f"{key} {value}" for key, value in given.items()), str(why)]))
    return Table("Runs that do not count", ["what", "with", "why"], rows, has_text=True) if rows else None


def absent_table(contest):
    rows = [Row([one.get("title") or one.get("name", ""), one.get("why", "")])
            for one in contest.raw.get("absent", [])]
    return Table("Who did not race", ["contestant", "why"], rows, has_text=True) if rows else None


def facts_table(contest):
    raw = contest.raw
    machine = raw.get("machine", {})
    facts = {"processor": machine.get("processor"), "processors": machine.get("processors"),
             "memory": f"{machine['memory_gib']} GiB" if "memory_gib" in machine else None,
             "kernel": machine.get("kernel"), **raw.get("versions", {}),
             **{f"setting: {key}": value for key, value in raw.get("settings", {}).items()},
             "commit": raw.get("commit"), "started": raw.get("started"), "ended": raw.get("ended")}
    rows = [Row([key, f"{value:,}" if isinstance(value, int) else str(value)]) for key, value in facts.items()
            if value not in (None, "")]
    return Table("Machine, versions, settings", ["what", ""], rows, has_text=True) if rows else None


def contestants_table(contest):
    rows = []
    for entry in contest.raw.get("contestants", []):
        result = entry.get("contract") or {}
        contract = f"{result.get('passed', 0)} passed, {result.get('failed', 0)} failed" if result else "–"
        rows.append(row_of(contest, entry["name"], [entry.get("what", ""), contract]))
    head = ["", "what", "contract tests"]
    return Table("Contestants and limits", head, rows, has_text=True) if rows else None


def gap_table(contest):
    """Where the thresholds lie, by rows: latency and capacity, both sides."""
    rows = []
    for side, name in (("server", "in the server"), ("wire", "on the wire")):
        for count in contest.values("rows", "crossover", side=side):
            cells = [verdict.threshold_text(crossover.threshold_ms(contest, kind, count, side)) or "–"
                     for kind in crossover.KINDS]
            rows.append(Row([f"{words.rows(count)}, latency {name}", *cells]))
    return Table(f"Database latency from which on {crossover.who(contest)} are less than "
                 f"{crossover.LIMIT_TEXT} apart", ["", "p50, 1 connection", "requests/s, 64 connections"],
                 rows, rounds_note(crossover_rounds(contest))) if rows else None


def crossover_rounds(contest):
    """The number of rounds of each cell."""
    keys = ("contestant", "side", "delay_ms", "rows", "serializer", "connections")
    return collections.Counter(tuple(record.get(key) for key in keys)
                               for record in contest.select("crossover")).values()


def duel_table(duels):
    """Where Splits is behind comes first."""
    order = ("behind", "even", "ahead")
    rows = []
    for duel in sorted(duels, key=lambda duel: order.index(duel.outcome)):
        show = UNITS[duel.key]
        outcome = "cannot be told" if duel.outcome == "even" else f"{words.times(duel.ratio)} {duel.outcome}"
        rows.append(Row([duel.what, outcome, show(duel.own.median), show(duel.best.median), duel.best_title]))
    head = ["", "Splits is", "Splits", "best other", "who"]
    return Table("Splits beside the best of the others", head, rows) if rows else None
