#!/usr/bin/env python3
"""Every source is in the lists of meson.build, and every test in those of tests/meson.build: none is left out."""

import common


def unlisted(pattern, build_file, name_of):
    text = (common.ROOT / build_file).read_text()
    for path in sorted(common.ROOT.glob(pattern)):
        if f"'{name_of(path)}'" not in text:
            yield f"{common.relative(path)}: not in {build_file}"


def unit_name(path):
    """Test programs are listed by stem, what they share by path."""
    is_test = "make_suite" in path.read_text()
    return path.stem if is_test else path.relative_to(common.ROOT / "tests").as_posix()


def main():
    flaws = [
        *unlisted("src/**/*.c", "meson.build", common.relative),
        *unlisted("tests/unit/*/*.c", "tests/meson.build", unit_name),
        *unlisted("tests/fuzz/*.c", "tests/meson.build", lambda path: path.stem),
    ]
    common.report("listed", flaws, len(common.sources("src", "tests/unit", "tests/fuzz", suffixes=(".c",))))


if __name__ == "__main__":
    main()
