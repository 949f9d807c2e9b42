"""The page: its sections in order, each with what it says, shows and lacks."""

import dataclasses
import pathlib
import re

import charts
import claims
import crossover
import data
import jinja2
import tables
import verdict
import words

FOLDER = pathlib.Path(__file__).parent
WORKLOADS = (("read", "GET /users/{id}"), ("list", "GET /users?limit=100"), ("create", "POST /users"),
             ("mixed", "90 % GET /users/{id}, 10 % POST /users"), ("health", "GET /health"))


@dataclasses.dataclass(frozen=True)
class Block:
    kind: str  # figure, table, list, text or missing
    value: object
    legend: tuple = ()  # of a figure: (name, colour)


@dataclasses.dataclass(frozen=True)
class Section:
    key: str
    title: str
    lead: str
    blocks: list


def palette(name):
    """The colours of style.css by name: light, or dark."""
    light, dark = (FOLDER / "style.css").read_text().split("@media (prefers-color-scheme: dark)", 1)
    dark = dark[:dark.index("}\n}")]
    found = dict(re.findall(r"--([\w-]+): (#\w+);", light))
    return found if name == "light" else found | dict(re.findall(r"--([\w-]+): (#\w+);", dark))


def shown(*values):
    """The blocks of charts and tables; of those that are there."""
    return [Block("figure" if isinstance(value, charts.Chart) else "table", value)
            for value in values if value]


def section(key, title, lead, blocks):
    return Section(key, title, lead if blocks else "",
                   blocks or [Block("missing", "Not measured: these results have no data for this section.")])


def usual_connections(contest):
    return contest.raw.get("settings", {}).get("connections", 64)


# Sections


def contestants_section(contest):
    count = usual_connections(contest)
    blocks = shown(charts.main_chart(contest))
    for workload, title in WORKLOADS:
        table = tables.load_table(contest, f"{title}, {words.short(count)} connections", workload, count)
        blocks += shown(table) if table else [Block("missing", f"{title}: not measured.")]
        if workload == "read":
            blocks += shown(tables.duel_table(verdict.duels(contest)))
    known = any(block.kind != "missing" for block in blocks)
    lead = ("Medians of all rounds; bars and “min–max” show the range of the rounds. CPU is per request, "
            "that of the service and that of PostgreSQL apart. Memory is resident memory of the service "
            "under this load. The limits, in grey, do less: pgbench asks PostgreSQL without HTTP and JSON, "
            "nginx answers with a constant.")
    return section("contestants", "The contestants side by side", lead, blocks if known else [])


def connections_section(contest):
    return section("connections", "From one connection to thousands",
                   "Shaded: the range of the rounds.", shown(charts.connections_chart(contest)))


def phases_section(contest):
    chart = charts.phases_chart(contest)
    legend = tuple((phase, f"phase-{phase}") for phase in data.PHASES)
    lead = ("One connection, Splits, by its own ledger, whose phases sum to the total. All bars have the "
            "same length; the mean time of a request is at their right.")
    return section("phases", "Where the time of a request goes", lead,
                   [Block("figure", chart, legend)] if chart else [])


def crossover_section(contest):
    pairs = crossover.own_pairs(contest)
    counts = contest.values("rows", "crossover", side="server")
    lead = ("A database that answers late hides what a language costs. The line in the maps parts the cells "
            f"in which the slowest contestant is {crossover.LIMIT_TEXT} or more above the fastest from those "
            f"in which it is not: there the choice stops to matter. In it are {crossover.who(contest)}, each "
            "with its own serializer and 16 database connections. The first map is Splits’ own ledger: the "
            "share of the time that is not the database’s (1 − db ÷ total, one connection); the line in it "
            "is that of the second. On the wire, every query goes through the delaying proxy, at 0 ms too; "
            "on few processors its CPU is part of what is measured.")
    blocks = shown(crossover.heat_chart(contest))
    for rows in counts and sorted({counts[0], 100 if 100 in counts else counts[-1]}):
        chart = crossover.gaps_chart(contest, f"contestants-{rows}", pairs,
                                     lambda pair: charts.short_title(contest.title(pair[0])), rows=rows)
        blocks += shown(chart)
    blocks += shown(tables.gap_table(contest))
    return section("crossover", "When the language stops to matter", lead, blocks)


def serializer_section(contest):
    counts = contest.values("rows", "crossover")
    rows = 100 if 100 in counts else counts[-1] if counts else None
    found = sorted({(record["contestant"], record["serializer"])
                    for record in contest.select("crossover", rows=rows, side="server")
                    if record.get("serializer")})
    pairs = [pair for name in contest.rivals("crossover") for pair in found if pair[0] == name]
    looks = serializer_looks(contest, pairs)
    chart = crossover.gaps_chart(contest, "serializers", pairs, lambda pair: serializer_label(contest, pair),
                                 rows=rows, look=looks,
                                 who=", every serializer") if rows else None
    lead = ("The same, with every serializer. “postgres”: the database makes the JSON; “none”: nobody does, "
            "a constant of the same length is sent. The table has the serializers alone, without HTTP and "
            "database.")
    return section("serializers", "The serializer", lead, shown(chart, tables.json_table(contest)))


def serializer_label(contest, pair):
    return f"{pair[1]} ({charts.short_title(contest.title(pair[0]))})"


def serializer_looks(contest, pairs):
    """Each serializer gets another shade of its family, grey if no code of the service makes the JSON."""
    seen, looks = {}, {}
    for name, serializer in pairs:
        contestant = contest.contestant(name)
        family = "limit" if serializer in ("postgres", "none") else contestant.family
        shade = seen[family] = seen.get(family, -1) + 1
        looks[name, serializer] = dataclasses.replace(contestant, family=family, shade=shade % data.SHADES)
    return looks


def model_section(contest):
    lead = ("The same program twice, with the same database connections: a worker that waits for each "
            "answer, and one that asks on. Read the blocking one’s figures as those of any service with a "
            "thread per query.")
    return section("model", "Blocking against pipelined", lead,
                   shown(charts.model_chart(contest), tables.model_table(contest)))


def fan_out_section(contest):
    return section("fan-out", "Many queries for one answer",
                   "Each request asks the database this many times, all at once: Go in one batch on one "
                   "connection (pgx.Batch), Rust and Splits pipelined.",
                   shown(charts.fan_out_chart(contest)))


def latency_section(contest):
    lead = ("Closed-loop load slows down with the server, and so hides its worst moments. Here oha "
            "asks at a constant rate; its latencies count from the moment at which its pacer released a "
            "request, whether or not a connection was free; a run that answered less than 98 % of what was "
            "asked is no result.")
    blocks = shown(charts.curves_chart(contest), tables.open_table(contest, "own", "At 70 % of each one’s "
                                                                                   "own peak"),
                   tables.open_table(contest, "common", "At the same rate for all"),
                   tables.neighbour_table(contest))
    return section("latency", "Latency at a constant rate", lead, blocks)


def cost_section(contest):
    ready = contest.figure("ready_ms", "cost", contestant="splits")
    said = f" (Splits says on /health/ready that it is, after {words.ms(ready.median)})" if ready else ""
    return section("costs", "What it costs to have",
                   f"Start: from exec to the first 200 on /users/1, for everybody{said}. The peers listen "
                   "when all their database connections are open, Splits when one is. Binaries are stripped. "
                   "Idle connection: growth of resident memory per kept-open connection.",
                   shown(tables.cost_table(contest)))


def claims_section(contest):
    return section("claims", "Common claims beside what was measured", claims.RULE,
                   shown(tables.claims_table(claims.all_claims(contest))))


def sweep_section(contest):
    edge = tables.edge_note(contest)
    return section("sweep", "The number of database connections",
                   "Searched, not guessed: every contestant races with the fewest that gave it 98 % of its highest "
                   "median rate (ringed).",
                   ([Block("missing", edge)] if edge else [])
                   + shown(charts.sweep_chart(contest), tables.sweep_table(contest),
                           tables.tuning_table(contest)))


def method_section(contest):
    settings = contest.raw.get("settings", {})
    rounds = settings.get("rounds", "several")
    method = [
        f"Medians of up to {rounds} rounds of {settings.get('seconds', 'some')} s each after a warm-up "
        "(none for pgbench and the phases); experiments with many cells have fewer rounds. A "
        f"difference is told only with {data.ENOUGH_SAMPLES} rounds of both, whose ranges do not overlap. "
        "The contestants take turns in random order. Ratios count: absolute figures are this machine’s.",
        "Closed loop: wrk, each connection asks again when its answer is there; wrk adds corrected samples "
        "for stalls to its percentiles (stats_correct), so p99 and above are partly computed. Open loop: "
        "oha, at a constant rate.",
        "Database connections: 64 for everybody in model and neighbour, 16 in crossover and phases, 8 in "
        "the costs; in the rest the best of the sweep.",
        "PostgreSQL, the service and the load generator share the processors: a service that takes less CPU "
        "leaves more to the others. Everything is on one machine, over loopback.",
        "A peer races only when it passes the service’s own contract tests. A run in which any request "
        "failed counts as no result.",
        "Database latency: in the server by pg_sleep inside the query, on the wire by a proxy that delays "
        "both directions.",
        "To reproduce, on Debian 12: ./dev contest. It needs a Go and a Rust newer than Debian 12’s: see "
        "docs/contest.md.",
    ]
    blocks = [Block("list", method)] + shown(tables.facts_table(contest), tables.contestants_table(contest),
                                             tables.failure_table(contest), tables.absent_table(contest))
    if not contest.failures:
        blocks.append(Block("text", "No run failed."))
    if not contest.raw.get("absent"):
        blocks.append(Block("text", "Nobody was absent."))
    return section("method", "Machine, method, and what failed", "", blocks)


SECTIONS = (contestants_section, connections_section, phases_section, crossover_section, serializer_section,
            model_section, fan_out_section, latency_section, cost_section, claims_section, sweep_section,
            method_section)


# The page


def warnings(contest):
    if contest.raw.get("is_complete") is False:
        yield "This contest was not finished: what is missing is named below."
    failed = len(contest.failures)
    if failed:
        runs = failed + len(contest.measurements)
        yield f"{failed:,} of {runs:,} runs failed and do not count; they are listed at the end."
    for one in contest.raw.get("absent", []):
        yield f"{one.get('title') or one.get('name')} did not race: {one.get('why', 'no reason given')}."


def answers_lead(contest):
    point = verdict.question_point(contest)
    if point is None:
        return ""
    asked = "" if point.delay_ms == verdict.QUESTION_MS else f" ({verdict.QUESTION_MS} ms was not measured)"
    return (f"One query of {words.rows(point.rows)} that takes {words.delay(point.delay_ms)} in the "
            f"database{asked}. How far is the slowest above the fastest, and who are they?")


def duel_lists(duels):
    """[(title, kind, sentences)], empty without duels."""
    titles = {"ahead": "Ahead", "behind": "Behind", "even": "Cannot be told, as the ranges of the rounds "
                                                            "overlap or the rounds are too few"}
    return [(title, kind, [str(duel) for duel in duels if duel.outcome == kind])
            for kind, title in titles.items()] if duels else []


def render(contest):
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    limit = crossover.LIMIT_TEXT
    names = crossover.who(contest)
    notes = ["Language: the best of each. Serializer: the widest gap within one contestant. Concurrency "
             f"model: workers of Splits that wait for each answer, or ask on. Grey: less than {limit}, or "
             "cannot be told apart.",
             names and f"Compared are {names}.",
             verdict.bound_sentence(contest)]
    return environment.get_template("page.html").render(
        style=(FOLDER / "style.css").read_text(), headline=verdict.headline(contest), kinds=verdict.KINDS,
        judgements=claims.JUDGEMENTS,
        date=(contest.raw.get("started") or "")[:10], warnings=list(warnings(contest)),
        answers=verdict.answers(contest), answers_lead=answers_lead(contest),
        answers_note=" ".join(note for note in notes if note), thresholds=verdict.thresholds(contest),
        threshold_note=f"The rule: the slowest of those compared above is less than {limit} above the "
                       "fastest from this latency on, at every longer one measured. Between two measured "
                       "latencies the time per request is taken to grow in a straight line. "
                       + tables.rounds_note(tables.crossover_rounds(contest)),
        duels=duel_lists(verdict.duels(contest)), sections=[make(contest) for make in SECTIONS]).lstrip()
