"""Cores as a container grants them, from files laid out as the Linux documentation says."""

import os
from pathlib import Path

import pytest

from clickme_partner.cores import usable_cores

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        pytest.param({}, CORES, id="no cgroups"),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, CORES, id="v2, no limit"
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1, id="v2, half a core"
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/cpu.max": "100000 100000\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
            },
            1,
            id="v2, limited from above",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/x\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"},
            CORES,
            id="v2, plenty",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:memory:/m\n1:cpu,cpuacct:/c\n0::/\n",
                "sys/fs/cgroup/cpu/c/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/cpu/c/cpu.cfs_period_us": "100000\n",
            },
            1,
            id="v1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "1:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            CORES,
            id="v1, no limit",
        ),
    ],
)
def test_cores_are_those_granted(tmp_path: Path, files: dict[str, str], cores: int) -> None:
    assert usable_cores(lay_out(tmp_path, files)) == cores


def test_here_there_is_at_least_one() -> None:
    assert 1 <= usable_cores() <= CORES
