"""CPU time and memory of processes, from /proc (proc(5))."""

import contextlib
import os
import pathlib
import re

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def children_of(pid):
    """The direct children; all that PostgreSQL and nginx have."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def cpu_ticks(pid, with_ended_children=False):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15 if with_ended_children else 13])
    return 0


def cpu_seconds(pid):
    """CPU time of a process and its children, those included that have ended."""
    ticks = cpu_ticks(pid, with_ended_children=True) + sum(cpu_ticks(child) for child in children_of(pid))
    return ticks / TICKS_PER_SECOND


def memory_mib(pid):
    """Resident, its share of pages that are shared, and the most that was ever resident."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()

    def field(text, name):
        found = re.search(rf"^{name}:\s+(\d+) kB", text, re.M)
        if not found:
            raise ProcessLookupError(f"process {pid} has ended")
        return int(found[1]) / 1024

    return {"rss_mib": field(rollup, "Rss"), "pss_mib": field(rollup, "Pss"), "peak_mib": field(status, "VmHWM")}


class StolenTime:
    """The share of the processors' time that a hypervisor gave to other machines, over a with statement."""

    def __enter__(self):
        self._before = self._read()
        return self

    def __exit__(self, *_):
        stolen, total = (after - before for after, before in zip(self._read(), self._before))
        self.share = stolen / total if total else 0.0

    @staticmethod
    def _read():
        with open("/proc/stat") as file:
            ticks = [int(field) for field in file.readline().split()[1:9]]
        return ticks[7], sum(ticks)


class Watch:
    """CPU time of named processes over a with statement."""

    def __init__(self, pids):
        self.pids = pids

    def __enter__(self):
        self.before = {name: cpu_seconds(pid) for name, pid in self.pids.items()}
        return self

    def __exit__(self, *_):
        self.cpu = {name: cpu_seconds(pid) - self.before[name] for name, pid in self.pids.items()}

    def cpu_us_per(self, count):
        return {f"cpu_{name}_us": seconds / count * 1e6 for name, seconds in self.cpu.items()} if count else {}
