"""The goals of speed and cost as a table, from what was measured. A goal that has no measurement is printed as such."""

import statistics

from harness.table import Table

RUST = ("rust-axum-sqlx", "rust-axum-postgres", "rust-actix-deadpool")
GO = "go-nethttp"


class Goals:
    def __init__(self, store, connections):
        self.store = store
        self.connections = connections
        self.table = Table()

    # Figures

    def closed(self, name, workload, figure, connections=None):
        """A list, one per round; empty without results."""
        records = self.store.select(experiment="closed", contestant=name, workload=workload,
                                    connections=connections or self.connections)
        return [record[figure] for record in records if figure in record]

    def both_cpus(self, name):
        pairs = zip(self.closed(name, "read", "cpu_service_us"), self.closed(name, "read", "cpu_postgres_us"))
        return [sum(pair) for pair in pairs]

    def best_rust(self, workload, figure, better=max):
        """(name, its figures) of the best by median."""
        measured = {name: self.closed(name, workload, figure) for name in RUST}
        measured = {name: values for name, values in measured.items() if values}
        if not measured:
            return "", []
        name = better(measured, key=lambda one: statistics.median(measured[one]))
        return name, measured[name]

    # Rows

    def limit(self, what, values, unit, goal, reached):
        """A figure that must not pass a number."""
        if values:
            self.table.add(what, values, unit, goal, reached)
        else:
            self.not_measured(what, goal)

    def ratio(self, what, ours, theirs, goal, least=None, most=None):
        """Ours ÷ theirs, of the medians; with the range that the rounds allow."""
        if not ours or not theirs or not all(theirs):
            self.not_measured(what, goal)
            return
        ratio = statistics.median(ours) / statistics.median(theirs)
        low, high = min(ours) / max(theirs), max(ours) / min(theirs)
        reached = ratio >= least if least is not None else ratio <= most
        self.table.add_text(what, goal, f"{ratio:.2f} ({low:.2f}–{high:.2f})", "reached" if reached else "MISSED")

    def not_measured(self, what, goal):
        """A goal without a result counts as missed: nobody has shown that it is reached."""
        self.table.add_text(what, goal, "no result", "MISSED" if goal else "")

    # The groups of goals

    def read(self, name="splits", label="GET /users/{id}"):
        rate = self.closed(name, "read", "rate")
        rust, rust_rate = self.best_rust("read", "rate")
        self.limit(f"{label}, requests/s", rate, "/s", "", None)
        self.ratio(f"{label}: rate ÷ Go net/http", rate, self.closed(GO, "read", "rate"), "≥ 3", least=3)
        self.ratio(f"{label}: rate ÷ axum + sqlx", rate, self.closed(RUST[0], "read", "rate"), "≥ 2", least=2)
        self.ratio(f"{label}: rate ÷ fastest Rust ({rust})", rate, rust_rate, "≥ 1.3", least=1.3)
        self.ratio(f"{label}: rate ÷ pgbench at its best", rate, self.closed("pgbench", "read", "rate"), "≥ 1", least=1)
        for figure in ("p99", "p999"):
            ours = self.closed(name, "read", figure)
            self.ratio(f"{label}: {figure} ÷ Go net/http", ours, self.closed(GO, "read", figure), "≤ 0.33", most=1 / 3)
            self.ratio(f"{label}: {figure} ÷ fastest Rust ({rust})", ours, self.closed(rust, "read", figure), "≤ 1", most=1)
        self._read_cpu(name, label)

    def _read_cpu(self, name, label):
        ours = self.closed(name, "read", "cpu_service_us")
        rust, rust_cpu = self.best_rust("read", "cpu_service_us", min)
        self.limit(f"{label}: CPU of the service", ours, "µs", "", None)
        self.ratio(f"{label}: its CPU ÷ Go net/http", ours, self.closed(GO, "read", "cpu_service_us"), "≤ 0.25", most=0.25)
        self.ratio(f"{label}: its CPU ÷ best Rust ({rust})", ours, rust_cpu, "≤ 0.77", most=1 / 1.3)
        self.ratio(f"{label}: its CPU ÷ that of GET /health", ours, self.closed("splits", "health", "cpu_service_us"),
                   "≤ 1.6", most=1.6)
        self.ratio(f"{label}: CPU with PostgreSQL's ÷ Go net/http", self.both_cpus(name), self.both_cpus(GO), "≤ 0.5",
                   most=0.5)

    def others(self):
        self.ratio("GET /health: CPU ÷ nginx", self.closed("splits", "health", "cpu_service_us"),
                   self.closed("nginx", "health", "cpu_service_us"), "≤ 1", most=1)
        rust, rust_rate = self.best_rust("list", "rate")
        ours = self.closed("splits", "list", "rate")
        self.ratio("GET /users?limit=100: rate ÷ Go net/http", ours, self.closed(GO, "list", "rate"), "≥ 3", least=3)
        self.ratio(f"GET /users?limit=100: rate ÷ fastest Rust ({rust})", ours, rust_rate, "≥ 1.5", least=1.5)
        self.ratio("POST /users, durable: rate ÷ Go net/http", self.closed("splits", "create", "rate"),
                   self.closed(GO, "create", "rate"), "≥ 2", least=2)
        self.many_connections()

    def many_connections(self):
        counts = {record["connections"] for record in self.store.select(experiment="closed", contestant="splits", workload="read")}
        rates = {count: self.closed("splits", "read", "rate", count) for count in counts}
        peak = max(rates.values(), key=statistics.median) if rates else []
        self.ratio("GET /users/{id}: rate at 4,096 connections ÷ peak", rates.get(4096), peak, "≥ 0.8", least=0.8)
        for name in ("connections", "cpu"):
            values = [100 * record[f"{name}_off_mean"] for record in self.store.select(experiment="spread")]
            self.limit(f"4,096 connections: a worker's {name} off the mean", values, "%", "≤ 10 %", lambda off: off <= 10)

    def json(self):
        def figures(serializer, what):
            return [record["serializers"][serializer][what] for record in self.store.select(experiment="json")
                    if serializer in record.get("serializers", {})]

        ours = figures("direct", "one_ns")
        self.limit("one user to JSON", ours, "ns", "≤ 40 ns", lambda ns: ns <= 40)
        self.ratio("one user to JSON ÷ serde_json", ours, figures("serde_json", "one_ns"), "≤ 0.67", most=1 / 1.5)
        self.ratio("one user to JSON ÷ jansson", ours, figures("jansson", "one_ns"), "≤ 0.033", most=1 / 30)
        self.limit("100 users to JSON", [ns / 1000 for ns in figures("direct", "hundred_ns")], "µs", "≤ 4 µs", lambda us: us <= 4)

    def slow_query(self):
        busy = self.store.select(experiment="neighbour", contestant="splits", state="busy")
        idle = self.store.select(experiment="neighbour", contestant="splits", state="idle")
        self.limit("a query of 15 ms, 256 connections: rate ÷ possible", [record["slow_share"] for record in busy], "",
                   "≥ 0.95", lambda share: share >= 0.95)
        self.ratio("GET /health meanwhile: p99 ÷ idle", [record["p99"] for record in busy],
                   [record["p99"] for record in idle], "≤ 2", most=2)

    def cost(self):
        def figures(name):
            return [record[name] for record in self.store.select(experiment="cost", contestant="splits") if name in record]

        self.limit("resident at 64 connections", self.closed("splits", "read", "rss_mib"), "MiB", "≤ 12 MiB", lambda mib: mib <= 12)
        self.limit("resident per idle connection", figures("idle_connection_kib"), "KiB", "≤ 5 KiB", lambda kib: kib <= 5)
        self.limit("start: exec to the first 200 on /health/ready", figures("ready_ms"), "ms", "≤ 20 ms", lambda ms: ms <= 20)
        self.limit("binary, stripped", [size / 1024 for size in figures("binary_bytes")], "KiB", "≤ 250 KiB", lambda kib: kib <= 250)
        self.limit("clean release build", figures("build_clean_s"), "s", "≤ 10 s", lambda seconds: seconds <= 10)
        self.limit("build after one changed line", figures("build_incremental_s"), "s", "≤ 1.5 s", lambda seconds: seconds <= 1.5)
        self.table.add_text("ledger on ÷ off", "≤ 2 %, ≤ 0.2 µs", "by ./dev bench ledger", "")
        self.table.add_text("20 million requests: resident memory", "± 1 MiB", "by ./dev bench soak", "")
        self.table.add_text("container image", "≤ 6 MB", "there is none yet", "")

    def combined(self):
        self.read("splits-combined", "the same, --db-combine=all")


def table(store, connections):
    goals = Goals(store, connections)
    goals.read()
    goals.others()
    goals.json()
    goals.slow_query()
    goals.cost()
    if store.select(experiment="closed", contestant="splits-combined"):
        goals.combined()
    return goals.table
