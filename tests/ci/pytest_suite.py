#!/usr/bin/env python3
"""Runs a folder of tests that start what they need themselves.

    pytest_suite.py [--needs=MODULE,…] [--needs-programs=NAME,…] FOLDER [pytest's arguments]
"""

import argparse
import sys

import needs

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--needs", default="requests,psycopg2")
    parser.add_argument("--needs-programs", default="initdb")
    options, arguments = parser.parse_known_args()
    needs.skip_without("pytest", *options.needs.split(","), programs=options.needs_programs.split(","))
    import pytest

    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *needs.second_chances(), *arguments]))
