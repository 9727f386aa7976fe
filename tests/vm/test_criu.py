# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore on a kernel that the CRIU of Debian works with."""

from lib import guest

Criu = guest.tests_of("criu", "cgroup_no_v1=all", programs=("criu", "tar", "gzip", "ip"))
