# SPDX-License-Identifier: Apache-2.0
"""Figures on a host that has other things to do."""

import os

SHARES = (("cpu/cpu.shares", "262144"), ("cpu.weight", "10000"))  # the most that cgroup v1 and v2 take


def take():
    """Inside a machine of tests/run.py: its processes come before all others of the host."""
    for file, most in SHARES:
        path = f"/sys/fs/cgroup/{file}"
        if os.path.exists(path):
            with open(path, "w") as shares:
                shares.write(most)
