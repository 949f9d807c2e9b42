"""What a sweep found best."""

import statistics


def best(store, name, workload):
    """(db_connections, label) with the highest median rate; None when nothing was measured."""
    rates = {}
    for record in store.select(experiment="sweep", contestant=name, workload=workload):
        rates.setdefault((record["db_connections"], record["tuning"]), []).append(record["rate"])
    return max(rates, key=lambda tuning: statistics.median(rates[tuning])) if rates else None
