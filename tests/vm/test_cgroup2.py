# SPDX-License-Identifier: Apache-2.0
"""The runtime on a machine that has cgroup v2 alone."""

from lib import guest

Cgroup2 = guest.tests_of("cgroup2", "cgroup_no_v1=all")
