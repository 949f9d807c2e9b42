#!/usr/bin/env python3
"""Refuses calls of functions that cannot be used safely, and of those that the design keeps out."""

import re

import common

BANNED = {
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "strcpy": "memcpy with a known size",
    "strncpy": "memcpy with a known size",
    "stpcpy": "memcpy with a known size",
    "strcat": "memcpy with a known size",
    "strncat": "memcpy with a known size",
    "strtok": "struct text",
    "strtok_r": "struct text",
    "gets": "read",
    "scanf": "text_to_uint64",
    "sscanf": "text_to_uint64",
    "fscanf": "text_to_uint64",
    "atoi": "text_to_uint64",
    "atol": "text_to_uint64",
    "atoll": "text_to_uint64",
    "atof": "strtod",
    "alloca": "the request's arena",
    "gmtime": "gmtime_r",
    "localtime": "gmtime_r",
    "ctime": "json_writer_timestamp",
    "asctime": "json_writer_timestamp",
    "rand": "getrandom",
    "srand": "getrandom",
    "system": "nothing: the service starts no programs",
    "popen": "nothing: the service starts no programs",
    "setjmp": "enum fault",
    "longjmp": "enum fault",
    "PQescapeString": "parameters",
    "PQescapeStringConn": "parameters",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def main():
    flaws = []
    files = common.sources("include", "src")
    for path in files:
        code = common.without_comments_and_strings(path.read_text())
        for number, line in enumerate(code.split("\n"), 1):
            for name in CALL.findall(line):
                flaws.append(f"{common.relative(path)}:{number}: {name} is banned; use {BANNED[name]}")
    common.report("banned functions", flaws, len(files))


if __name__ == "__main__":
    main()
