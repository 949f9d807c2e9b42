"""What a sweep found best."""

import statistics


def best(store, name, workload, only_label=None):
    """(db_connections, label) with the highest median rate; None when nothing was measured."""
    rates = {}
    for record in store.select(experiment="sweep", contestant=name, workload=workload) if store else ():
        if only_label is not None and record["tuning"] != only_label:
            continue
        rates.setdefault((record["db_connections"], record["tuning"]), []).append(record["rate"])
    return max(rates, key=lambda tuning: statistics.median(rates[tuning])) if rates else None
