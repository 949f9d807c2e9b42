"""What an expression of Prometheus' query language asks for: enough of the language to name series and labels.

Whether an expression is right is Prometheus' business: the tests hand each one to it as a whole, and each selector.
"""

import re

GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"""(?<![\w.:$])([a-zA-Z_:][\w:]*)           # a metric, a function or a word of the language
                          \s*(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?   # its matchers
                          (\s*\()?                                 # a function's parenthesis""", re.VERBOSE)
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
COUNTER = re.compile(r".*(_total|_bucket|_count|_sum)$")
APPLIED = re.compile(r"\b(?:rate|irate|increase|changes|resets)\s*\(\s*$")
WORDS = {"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"}


class Selector:
    def __init__(self, name, matchers):
        self.name = name
        self.text = name + matchers
        self.labels = set(MATCHER.findall(matchers))

    def __repr__(self):
        return self.text


def find_selectors(expression):
    """The selectors of series, each with what stands before it."""
    text = GROUPING.sub(" ", expression)
    for match in SELECTOR.finditer(text):
        name, matchers, call = match.groups(default="")
        if not call and name.lower() not in WORDS:
            yield Selector(name, matchers), text[:match.start()]


def selectors(expression):
    return [selector for selector, _ in find_selectors(expression)]


def grouping_labels(expression):
    """The labels that it groups or joins by."""
    return {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",") if label.strip()}


def counters_as_they_are(expression):
    """Selectors of counters that no function for counters is applied to: their value tells nothing."""
    return [selector for selector, before in find_selectors(expression)
            if COUNTER.match(selector.name) and not APPLIED.search(before)]
