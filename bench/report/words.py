"""Numbers as text: three digits that say something, thousands apart, units by a narrow blank."""

import math

NARROW = "\u202f"


def plain(value, digits=3):
    """1,234 · 12.3 · 1.23 · 0.0123; whole numbers keep all their digits."""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def short(value):
    """As little as possible: 0.5, 15, 4,096."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def rate(value):
    return f"{value:,.0f}"


def ms(value):
    return f"{plain(value)}{NARROW}ms"


def delay(value):
    """A database latency: 0.5 ms, 15 ms."""
    return f"{short(value)}{NARROW}ms"


def percent(share):
    """Of a share: 0.0123 is 1.2 %."""
    value = abs(share) * 100
    places = 0 if value >= 9.95 else 1
    return f"{'−' if share < 0 and round(value, places) else ''}{value:,.{places}f}{NARROW}%"


def times(ratio):
    return f"{ratio:.2f}{NARROW}×" if ratio < 9.95 else f"{ratio:,.0f}{NARROW}×"


def size(count):
    """Bytes, in the units of those who sell disks."""
    if count >= 999_500:
        return f"{plain(count / 1e6)}{NARROW}MB"
    return f"{plain(count / 1e3)}{NARROW}kB"


def seconds(value):
    return f"{plain(value)}{NARROW}s" if value < 100 else f"{plain(value / 60)}{NARROW}min"


def nanoseconds(value):
    return f"{plain(value)}{NARROW}ns" if value < 1000 else f"{plain(value / 1000)}{NARROW}µs"


def spread(figure, text=plain):
    """The range of the rounds; empty for a single one."""
    return f"{text(figure.low)}–{text(figure.high)}" if figure.count > 1 else ""


def listing(items):
    """a, b and c"""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def rows(count):
    return f"{short(count)} row" + ("" if count == 1 else "s")
