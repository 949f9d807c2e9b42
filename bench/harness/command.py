"""How each program of this folder ends: by its result, by one clear line, or by a signal."""

import signal
import subprocess
import sys

import psycopg2

from harness import preparation
from harness.experiments.cost import raise_descriptor_limit
from harness.load import LoadError
from harness.servers import StartError
from harness.settings import SettingError

EXIT_WRONG_SETTING = 2
EXIT_INTERRUPTED = 130


def interrupt(*_):
    """SIGTERM ends a program as Ctrl-C does, with everything that it started."""
    raise KeyboardInterrupt


def run(name, main):
    """main()'s exit code, after a look at the machine."""
    signal.signal(signal.SIGTERM, interrupt)
    try:
        preparation.check_machine()
        raise_descriptor_limit()
        preparation.pin()
        return main()
    except SettingError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return EXIT_WRONG_SETTING
    except (StartError, LoadError, OSError, RuntimeError, subprocess.SubprocessError, psycopg2.Error) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
