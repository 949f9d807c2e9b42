"""What a sweep found best."""

import statistics

# What gives so much of the highest rate is as good: more connections have to earn it, and so has a tuning.
AS_GOOD = 0.98


def medians(store, name, workload, only_label=None, rounds=None):
    """{(db_connections, label): median rate} of what the sweep has measured; of its first rounds, or of all."""
    rates = {}
    for record in store.select(experiment="sweep", contestant=name, workload=workload) if store else ():
        if only_label is not None and record["tuning"] != only_label:
            continue
        if rounds is not None and record["round"] >= rounds:
            continue
        rates.setdefault((record["db_connections"], record["tuning"]), []).append(record["rate"])
    return {tuning: statistics.median(values) for tuning, values in rates.items()}


def within(rates, share):
    """The tunings that give that share of the highest rate."""
    return [tuning for tuning, rate in rates.items() if rate >= share * max(rates.values())]


def best(store, name, workload, only_label=None):
    """(db_connections, label): the fewest connections and least tuning as good as the highest median; None when
    nothing was measured."""
    rates = medians(store, name, workload, only_label)
    return min(within(rates, AS_GOOD), key=lambda tuning: (tuning[0], tuning[1] != "", -rates[tuning]), default=None)
