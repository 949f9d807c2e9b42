"""The report: what counts as a result, what the page says of it, and how a browser shows it."""

import csv
import html
import json
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPORT = ROOT / "bench/report/report.py"
sys.path.insert(0, str(REPORT.parent))

import claims  # noqa: E402
import crossover  # noqa: E402
import data  # noqa: E402
import drawing  # noqa: E402
import page  # noqa: E402
import verdict  # noqa: E402

PHONE, DESK = 390, 1280
CONTESTANTS = (("splits", "Splits", "C", "c"), ("go-nethttp", "Go net/http", "Go", "go"),
               ("rust-actix", "actix-web", "Rust", "rust"), ("pgbench", "pgbench", "C", "limit"))
SLOWNESS = {"splits": 1, "go-nethttp": 3, "rust-actix": 2, "pgbench": 1.2}
ROUNDS = 3


# Data


def load_figures(rate, p50, wobble=0.0):
    return [{"round": number, "rate": rate * (1 + wobble * (number - 1)), "count": 1000, "failed": 0,
             "p50": p50 * (1 + wobble * (number - 1)), "p90": p50 * 2, "p99": p50 * 3, "p999": p50 * 5,
             "max": p50 * 9, "cpu_service_us": 10.0, "cpu_postgres_us": 11.0, "rss_mib": 9.0, "pss_mib": 5.0,
             "peak_mib": 10.0}
            for number in range(ROUNDS)]


def records(experiment, contestant, figures, **parameters):
    return [{"experiment": experiment, "contestant": contestant, **parameters, **one} for one in figures]


def rivals():
    return [name for name, _, _, family in CONTESTANTS if family != "limit"]


def closed_records(wobble=0.01):
    for name, slowness in SLOWNESS.items():
        for workload in ("read",) if name == "pgbench" else ("read", "list", "create", "mixed", "health"):
            for connections in (1, 64, 4096) if workload in ("read", "health") else (64,):
                yield from records("closed", name, load_figures(60000 / slowness, slowness, wobble),
                                   workload=workload, connections=connections)


def crossover_records(gap_ms=1.0, wobble=0.001):
    """The latency of Go is gap_ms above that of Splits, whatever the database takes; Rust's is between."""
    serializers = {"splits": ("direct", "jansson"), "go-nethttp": ("encoding/json",),
                   "rust-actix": ("serde",)}
    for name in rivals():
        for serializer in serializers[name]:
            for delay in (0, 5, 15, 50):
                for rows in (1, 100):
                    extra = {"splits": 0, "rust-actix": gap_ms / 2, "go-nethttp": gap_ms}[name]
                    p50 = 0.2 + delay + extra + (0.1 if serializer == "jansson" else 0)
                    for connections in (1, 64):
                        figures = load_figures(connections * 1000 / p50, p50, wobble)
                        yield from records("crossover", name, figures, side="server", delay_ms=delay,
                                           rows=rows, serializer=serializer, connections=connections)


def other_records():
    for name in rivals():
        slowness = SLOWNESS[name]
        for size in (4, 8, 16):
            yield from records("sweep", name, load_figures(1000 * size / slowness, slowness), workload="read",
                               connections=64, db_connections=size, tuning="")
        for fan_out in (1, 500):
            yield from records("fan_out", name, load_figures(10, fan_out * slowness), fan_out=fan_out,
                               connections=8)
        for share in ("own", "common"):
            for one in load_figures(1000, slowness):
                curve = [[0.5, slowness], [0.9, slowness * 2], [0.99, slowness * 3], [0.999, slowness * 5]]
                yield from records("open", name, [one | {"curve": curve}], workload="read", share=share,
                                   rate_target=1000)
        for state in ("idle", "busy"):
            yield from records("neighbour", name, load_figures(1000, slowness), state=state)
        yield from records("cost", name, [{"round": 0, "start_ms": 10.0, "binary_bytes": 3_000_000,
                                           "with_libraries_bytes": 9_000_000,
                                           "build_clean_s": 60.0, "build_incremental_s": 1.0, "idle_mib": 4.0,
                                           "idle_connection_kib": 4.5 * slowness}])
    for delay in (0, 15):
        for name, rate in (("splits", 4000), ("splits-blocking", 1000)):
            yield from records("model", name, load_figures(rate, 64000 / rate), delay_ms=delay,
                               connections=64)
        yield from records("phases", "splits", [{
            "round": 0, "read": 10, "parse": 5, "queue": 1, "db": 100 + delay * 1000, "json": 2, "send": 8,
            "other": 4, "total": 130 + delay * 1000}], delay_ms=delay, rows=1, serializer="direct",
            connections=1)
    for name, language, one_ns in (("direct", "C", 30), ("jansson", "C", 1700), ("encoding/json", "Go", 2400),
                                   ("sonic", "Go", 100), ("serde_json", "Rust", 200)):
        yield from records("json", name, [{"round": 0, "one_ns": one_ns, "hundred_ns": one_ns * 100}],
                           language=language)


def results(measurements=None, **changes):
    if measurements is None:
        measurements = [*closed_records(), *crossover_records(), *other_records()]
    return {
        "format": 1, "started": "2026-01-02T03:04:05Z", "ended": "2026-01-02T04:04:05Z", "commit": "abc123",
        "is_complete": True, "machine": {"processor": "A <processor>", "processors": 2, "memory_gib": 8},
        "versions": {"PostgreSQL": "15.1"}, "settings": {"users": 1000, "rounds": ROUNDS, "connections": 64},
        "contestants": [{"name": name, "title": title, "language": language, "family": family, "what": "",
                         "db_connections": 8, "contract": {"passed": 9, "failed": 0}}
                        for name, title, language, family in CONTESTANTS],
        "absent": [], "measurements": measurements,
    } | changes


def contest(*arguments, **changes):
    return data.Contest(results(*arguments, **changes))


def text_of(document):
    """What a reader sees, blanks made plain."""
    document = re.sub(r"<(style|desc)>.*?</\1>", "", document, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", document)).replace("\u202f", " "))


def write_report(folder, raw):
    source = folder / "contest.json"
    source.write_text(json.dumps(raw))
    subprocess.run([sys.executable, REPORT, source, folder / "report"], check=True, timeout=120)
    return folder / "report"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The folder of a whole report."""
    return write_report(tmp_path_factory.mktemp("report"), results())


# What counts


def test_a_failed_run_counts_as_no_result():
    good = records("closed", "splits", load_figures(100, 1), workload="read", connections=64)
    failed = {**good[0], "rate": 999999.0, "failed": 1}
    broken = {"experiment": "closed", "contestant": "splits", "round": 4, "error": "wrk ended with <1>"}
    found = contest([*good, failed, broken])
    assert found.figure("rate", "closed", contestant="splits").high == 100
    assert len(found.failures) == 2
    text = text_of(page.render(found))
    assert "2 of 5 runs failed" in text
    assert "wrk ended with <1>" in text


def test_medians_come_with_the_range_of_the_rounds():
    figure = data.figure_of([3, 1, 2, None])
    assert (figure.median, figure.low, figure.high, figure.count) == (2, 1, 3, 3)
    assert data.figure_of([]) is None


def test_what_the_server_delays_is_never_taken_for_the_wire():
    found = contest(list(crossover_records()))
    assert found.crossover("p50", "splits", side="server", delay_ms=0, rows=1, connections=1).median == 0.2
    assert found.crossover("p50", "splits", side="wire", delay_ms=0, rows=1, connections=1) is None
    assert found.crossover_delays("wire") == []


def test_a_fast_library_is_preferred_to_the_standard_one():
    measurements = [{"experiment": "crossover", "contestant": "splits", "serializer": serializer}
                    for serializer in ("postgres", "encoding/json", "sonic", "none")]
    assert contest(measurements).own_serializer("splits") == "sonic"


# The verdict


def test_the_verdict_names_an_overlap():
    apart = contest(list(crossover_records(gap_ms=3, wobble=0.001)))
    assert "still matters" in verdict.headline(apart)
    assert "overlap" not in text_of(page.render(apart)).split("From which database latency")[0]
    close = contest(list(crossover_records(gap_ms=3, wobble=0.4)))
    assert "it cannot be told whether the language matters" in verdict.headline(close)
    assert "the ranges of their rounds overlap" in text_of(page.render(close))
    few = contest([one for one in crossover_records(gap_ms=3) if one["round"] < 2])
    assert "it cannot be told whether the language matters" in verdict.headline(few)
    assert "fewer than 3 rounds" in text_of(page.render(few))
    near = contest(list(crossover_records(gap_ms=0.1)))
    assert "hardly matters" in verdict.headline(near)


def test_the_threshold_lies_where_the_gap_falls_under_five_per_cent():
    """(0.2 + d + 1) / (0.2 + d) is 1.05 at d = 19.8."""
    delay, is_exact = crossover.threshold_ms(contest(list(crossover_records(gap_ms=1))), "latency", 1)
    assert delay == pytest.approx(19.8, abs=0.01)
    assert is_exact


def test_a_gap_that_never_closes_is_called_so():
    found = contest(list(crossover_records(gap_ms=100)))
    assert crossover.threshold_ms(found, "latency", 1) == (None, 50)
    assert "never, up to the longest latency measured" in text_of(page.render(found))


def test_wins_losses_and_ties_are_all_named():
    fast = records("closed", "splits", load_figures(100, 1), workload="read", connections=64)
    slow = records("closed", "go-nethttp", load_figures(50, 0.5), workload="read", connections=64)
    outcomes = {duel.what: duel.outcome for duel in verdict.duels(contest(fast + slow))}
    assert outcomes["GET /users/{id}, requests/s"] == "ahead"
    assert outcomes["GET /users/{id}, p99"] == "behind"
    assert outcomes["memory under load"] == "even"
    few = verdict.duels(contest([one for one in fast + slow if one["round"] < 2]))
    assert few and {duel.outcome for duel in few} == {"even"}


def test_a_single_sample_decides_nothing():
    measured = {duel.key for duel in verdict.duels(contest())}
    assert not measured & {"binary_bytes", "build_clean_s", "idle_connection_kib"}
    assert {duel.outcome for duel in verdict.duels(contest()) if duel.key == "start_ms"} == {"even"}
    assert "Fewer than 3 samples, so that no difference is told: start" in text_of(page.render(contest()))


def test_a_best_at_an_edge_of_the_sizes_is_named():
    entries = [entry | ({"db_connections": 16} if entry["name"] == "splits" else {})
               for entry in results()["contestants"]]
    assert "at an edge of the sizes tried, and may lie beyond: Splits (reads: 16)." in \
        text_of(page.render(contest(contestants=entries)))
    assert "at an edge of the sizes" not in text_of(page.render(contest()))


def test_claims_are_judged_by_the_rule():
    judged = {claim.text: claim.verdict for claim in claims.all_claims(contest())}
    assert judged["Go’s standard encoding/json takes 2.5 µs per object"] == claims.CONFIRMED
    assert judged["A faster Go library takes 0.8 µs per object"] == claims.REFUTED
    assert judged["A Rust binary has 2–5 MB"] == claims.CONFIRMED
    assert judged["A connection costs Go a goroutine of 4 kB"] == claims.REFUTED
    assert judged["Rust’s serde is eight times as fast as Go’s encoding/json"] == claims.NOT_COMPARABLE
    assert judged["An HTTP answer takes 1.2 ms in Go and 0.8 ms in Rust"] == claims.CONFIRMED
    assert judged["Go’s garbage collector pauses for less than a millisecond"] == claims.NOT_COMPARABLE
    assert judged["A container image with a Go service has 10–15 MB"] == claims.NOT_COMPARABLE
    assert {claim.verdict for claim in claims.all_claims(contest([]))} == {claims.NOT_COMPARABLE}


# The files


def test_the_csv_has_a_row_per_measurement(report):
    measurements = results()["measurements"]
    with open(report / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(measurements)
    assert [float(row["rate"]) for row in rows if row["rate"]] == \
        [one["rate"] for one in measurements if "rate" in one]
    assert json.loads((report / "results.json").read_text()) == results()


def test_the_page_needs_no_network(report):
    document = (report / "index.html").read_text()
    outside = r"<script|<link(?! rel=\"icon\" href=\"data:)|<img|<iframe|@import|\burl\((?!#)"
    assert not re.search(outside, document)
    addresses = set(re.findall(r"""(?:https?:)?//[\w.-]+[^"'\s<)]*""", document))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    targets = set(re.findall(r'href="([^"#]+)"', document))
    assert targets == {"data:,", "results.csv", "results.json"}


def test_ids_are_unique_and_references_have_a_target(report):
    document = (report / "index.html").read_text()
    ids = re.findall(r'\sid="([^"]+)"', document)
    assert len(ids) == len(set(ids))
    references = set(re.findall(r'href="#([^"]+)"', document)) | set(re.findall(r"url\(#([^)]+)\)", document))
    assert references and references <= set(ids)


def test_the_same_results_give_the_same_bytes(report, tmp_path):
    again = write_report(tmp_path, results())
    for name in ("index.html", "results.csv", "main-chart-light.svg", "main-chart-dark.svg"):
        assert (again / name).read_bytes() == (report / name).read_bytes(), name


def test_the_main_chart_stands_alone_in_light_and_dark(report):
    light, dark = ((report / f"main-chart-{name}.svg").read_text() for name in ("light", "dark"))
    for svg in (light, dark):
        xml.etree.ElementTree.fromstring(svg)
        assert "var(--" not in svg
        assert "Go net/http" in svg  # text is text
    assert light != dark


def test_every_chart_says_what_it_shows(report):
    document = (report / "index.html").read_text()
    charts = re.findall(r"<svg [^>]*>\s*(?:<desc>[^<]+</desc>)?", document)
    assert len(charts) >= 16
    assert all(re.search(r'role="img" aria-label="[^"]+">\s*<desc>', one) for one in charts)
    assert not any(stand_in in document for stand_in in drawing.COLOURS.values())


@pytest.mark.parametrize("kept", ["", "closed", "crossover", "phases", "json", "open", "cost", "sweep"])
def test_a_partial_contest_renders(kept):
    measurements = [one for one in results()["measurements"] if one["experiment"] == kept]
    absent = [{"name": "go-gin", "title": "Gin", "why": "did not build"}]
    text = text_of(page.render(contest(measurements, is_complete=False, absent=absent)))
    assert "Not measured: these results have no data for this section." in text
    assert "This contest was not finished" in text
    assert "Gin did not race: did not build" in text


def test_a_lonely_contestant_renders():
    measurements = [one for one in results()["measurements"] if one["contestant"] == "splits"]
    text = text_of(page.render(contest(measurements)))
    assert "Only one language was measured" in text


def test_a_file_that_is_no_results_is_one_clear_line(tmp_path):
    (tmp_path / "no.json").write_text("no")
    process = subprocess.run([sys.executable, REPORT, tmp_path / "no.json", tmp_path / "out"], text=True,
                             capture_output=True, timeout=60)
    assert process.returncode == 1
    assert process.stderr.startswith("report: ") and process.stderr.count("\n") == 1


# In a browser

MEASURE = """<script>addEventListener("load", () => {
    const root = document.documentElement;
    const small = [...document.querySelectorAll("svg text")].filter(one => one.getClientRects().length)
        .map(one => one.getBoundingClientRect().height);
    parent.document.documentElement.dataset.measured = JSON.stringify({
        width: innerWidth, overflow: root.scrollWidth - innerWidth,
        charts: [...document.querySelectorAll("svg")].filter(one => one.getClientRects().length).length,
        figures: document.querySelectorAll("figure").length, text: Math.min(...small),
        background: getComputedStyle(document.body).backgroundColor});
});</script>"""
BROWSER = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--hide-scrollbars"]


def seen(report, folder, width, *options):
    """What Chromium makes of the page at this width: in a frame, as a window has 500 pixels at least."""
    document = (report / "index.html").read_text().replace("</body>", MEASURE + "</body>")
    path = folder / "frame.html"
    path.write_text(f'<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
                    f'<iframe style="border: 0" width="{width}" height="900" '
                    f'srcdoc="{html.escape(document)}"></iframe>')
    command = ["chromium", *BROWSER, *options, f"--user-data-dir={folder / 'profile'}", "--dump-dom",
               path.as_uri()]
    dom = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    return json.loads(html.unescape(re.search(r'<html[^>]* data-measured="([^"]+)"', dom)[1]))


@pytest.mark.parametrize("width", [360, PHONE, DESK])
def test_the_page_fits_the_window(report, tmp_path, width):
    found = seen(report, tmp_path, width)
    assert found["width"] == width
    assert found["overflow"] <= 0
    assert found["charts"] == found["figures"]  # one of the two layouts of each
    assert found["text"] >= 10


def test_the_page_is_dark_in_dark_mode(report, tmp_path):
    light = seen(report, tmp_path, PHONE, "--blink-settings=preferredColorScheme=1")
    dark = seen(report, tmp_path, PHONE, "--blink-settings=preferredColorScheme=0")
    assert light["background"] == "rgb(255, 255, 255)"
    assert max(map(int, re.findall(r"\d+", dark["background"]))) < 64
