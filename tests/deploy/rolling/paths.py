"""Importing this makes the modules of tests/integration importable: the service and PostgreSQL as processes."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "integration"))
