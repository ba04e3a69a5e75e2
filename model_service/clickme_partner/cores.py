"""How many cores this process may really use: in a container that is not what the machine has."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """The cores of the scheduler's affinity mask, or fewer where a cgroup grants less time; at least 1.

    Quotas are read from `cpu.max` (cgroup v2) and `cpu.cfs_quota_us` (v1), of this process's group and of
    all above it (Linux documentation: admin-guide/cgroup-v2, scheduler/sched-bwc). `root` is where /proc
    and /sys lie.
    """
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Every limit that holds here, in cores."""
    for mount, group, read in _groups(root):
        for folder in (group, *group.parents):
            try:
                quota, period = read(mount / folder)
            except (OSError, ValueError):  # no limit here, or not to be seen from inside a container
                continue
            if quota > 0:  # version 1 says -1 where there is none
                yield quota / period


def _groups(root: Path) -> Iterator[tuple[Path, Path, Callable[[Path], tuple[int, int]]]]:
    """The groups of this process that may limit its cores: mount, path below it, and how limits are read."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    mount = root / "sys/fs/cgroup"
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            yield mount, Path(path.lstrip("/")), _v2
        elif "cpu" in controllers.split(","):
            yield mount / "cpu", Path(path.lstrip("/")), _v1


def _v2(folder: Path) -> tuple[int, int]:
    quota, period = (folder / "cpu.max").read_text().split()
    return int(quota), int(period)  # without a limit it says "max": a ValueError


def _v1(folder: Path) -> tuple[int, int]:
    quota, period = (int((folder / name).read_text()) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
    return quota, period
