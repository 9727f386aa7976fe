# SPDX-License-Identifier: Apache-2.0
"""The runtime with --systemd-cgroup, under a systemd of its own."""

from lib import guest

Systemd = guest.tests_of("systemd", "cgroup_no_v1=all gantry.systemd systemd.unit=gantry-tests.service")
