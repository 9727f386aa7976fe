# SPDX-License-Identifier: Apache-2.0
"""The runtime on a machine that has cgroup v2 alone: runs inside of the guest of test_cgroup2.py."""

from lib.runtime import RuntimeTest


class Life(RuntimeTest):
    def test_run(self):
        self.assertEqual(self.inside("id -u"), "0\n")

    def test_create(self):
        c = self.running()
        self.assertEqual(c.status, "running")
