#!/usr/bin/env python3
"""Holds files to their size. The size of functions is clang-tidy's part (.clang-tidy)."""

import common

SOURCE_LINES_MAX = 400
HEADER_LINES_MAX = 150  # of include/; what other layers read should fit two screens
LINE_COLUMNS_MAX = 110


def flaws_of(path):
    lines = path.read_text().split("\n")
    count = len(lines) - 1
    name = common.relative(path)
    if name.startswith("include/") and count > HEADER_LINES_MAX:
        yield f"{name}: {count} lines; headers have at most {HEADER_LINES_MAX}"
    if count >= SOURCE_LINES_MAX and not name.startswith("tests/"):
        yield f"{name}: {count} lines; sources have fewer than {SOURCE_LINES_MAX}"
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield f"{name}: no #pragma once"
    for number, line in enumerate(lines, 1):
        if line.rstrip() != line or "\t" in line:
            yield f"{name}:{number}: trailing blanks or a tab"
        if len(line) > LINE_COLUMNS_MAX:
            yield f"{name}:{number}: {len(line)} columns; at most {LINE_COLUMNS_MAX}"


def main():
    files = common.sources("include", "src", "tests")
    common.report("limits", [flaw for path in files for flaw in flaws_of(path)], len(files))


if __name__ == "__main__":
    main()
