#!/usr/bin/env python3
"""Runs a folder of tests that start what they need themselves: pytest_suite.py FOLDER [pytest's arguments]"""

import sys

import needs

if __name__ == "__main__":
    needs.skip_without("pytest", "requests", "psycopg2")
    import pytest

    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *needs.second_chances(), *sys.argv[1:]]))
