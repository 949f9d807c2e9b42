"""The table says what was measured, and calls a miss a miss."""

from harness.goals import Goals, table
from harness.store import Store


def store_of(tmp_path, *records):
    store = Store(tmp_path / "s", {})
    for number, (name, workload, figures) in enumerate(records):
        store.add({"experiment": "closed", "contestant": name, "workload": workload, "connections": 64, "round": number},
                  figures)
    return store


def row(goals, what):
    return next(row for row in goals.table.rows if row[0].startswith(what))


def test_a_goal_without_a_result_counts_as_missed(tmp_path):
    result = table(store_of(tmp_path), 64)
    assert result.missed == sum(1 for _, goal, measured, _ in result.rows if goal and measured == "no result") > 20


def test_a_run_with_errors_reaches_no_goal(tmp_path):
    goals = Goals(store_of(tmp_path, ("splits", "read", {"rate": 900.0, "failed": 1}),
                           ("go-nethttp", "read", {"rate": 100.0, "failed": 0})), 64)
    goals.read()
    assert row(goals, "GET /users/{id}: rate ÷ Go")[2:] == ("no result", "MISSED")


def test_a_ratio_is_that_of_the_medians_with_its_range(tmp_path):
    goals = Goals(store_of(tmp_path, *[("splits", "read", {"rate": rate}) for rate in (300.0, 320.0, 400.0)],
                           *[("go-nethttp", "read", {"rate": rate}) for rate in (100.0, 100.0, 200.0)]), 64)
    goals.read()
    assert row(goals, "GET /users/{id}: rate ÷ Go")[2:] == ("3.20 (1.50–4.00)", "reached")


def test_the_fastest_rust_peer_is_found_by_its_figures(tmp_path):
    goals = Goals(store_of(tmp_path, ("splits", "list", {"rate": 120.0}), ("rust-axum-sqlx", "list", {"rate": 50.0}),
                           ("rust-actix-deadpool", "list", {"rate": 100.0})), 64)
    goals.others()
    what, _, measured, verdict = row(goals, "GET /users?limit=100: rate ÷ fastest Rust")
    assert "rust-actix-deadpool" in what
    assert (measured, verdict) == ("1.20 (1.20–1.20)", "MISSED")
