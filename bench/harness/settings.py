"""How long, how often, how many: by environment variables, so that a run can be made shorter or longer."""

import os
import pathlib
import sys
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
sys.path += [str(ROOT / "tests/ci"), str(ROOT / "tests/integration")]

ALL_PROCESSORS = sorted(os.sched_getaffinity(0))
# On four processors or more the load generator has the last quarter for itself; on fewer all share all.
LOAD_PROCESSORS = ALL_PROCESSORS[-(len(ALL_PROCESSORS) // 4):] if len(ALL_PROCESSORS) >= 4 else ALL_PROCESSORS
RACE_PROCESSORS = ALL_PROCESSORS[:-(len(ALL_PROCESSORS) // 4)] if len(ALL_PROCESSORS) >= 4 else ALL_PROCESSORS
PROCESSORS = len(RACE_PROCESSORS) # of the contestants and PostgreSQL
LOAD_THREADS = max(1, len(LOAD_PROCESSORS)) if len(ALL_PROCESSORS) >= 4 else 1


class SettingError(Exception):
    """A line for the user."""


def number(name, default, least):
    text = os.environ.get(name) or str(default)
    try:
        value = type(default)(text)
    except ValueError:
        value = None
    if value is None or value < least:
        raise SettingError(f"{name}={text}: must be a number from {least}")
    return value


@dataclass(frozen=True)
class Settings:
    users: int       # sample users; look-ups are spread over them evenly
    rounds: int      # how often each of the main measurements is repeated
    cell_rounds: int # the same for experiments of many cells
    seconds: float   # how long each of them lasts
    warm_up: float   # seconds of the same load before it
    connections: int # of the load generator, unless an experiment says otherwise

    @classmethod
    def from_environment(cls, rounds, seconds):
        return cls(
            users=number("USERS", 100000, 1000),
            rounds=number("ROUNDS", rounds, 1),
            cell_rounds=number("CELL_ROUNDS", min(2, rounds), 1),
            seconds=number("SECONDS", float(seconds), 0.5),
            warm_up=number("WARM_UP", 0.5, 0.0),
            connections=number("CONNECTIONS", 64, 1),
        )
