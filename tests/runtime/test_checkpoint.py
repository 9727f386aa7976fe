# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore by CRIU: where it can, the container goes on; where it cannot, it says so itself."""

import os
import shutil
import subprocess
import unittest

from lib.runtime import RuntimeTest, beyond_runc, is_alive, wait_for


def criu_works():
    return subprocess.run(["criu", "check"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


@unittest.skipUnless(shutil.which("criu"), "criu is not installed")
class Checkpoint(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.images, self.work = self.directory("images"), self.directory("work")
        self.container = self.running(self.script("i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"))
        self.container.wait_for_output("3\n")

    def checkpoint(self, *options):
        return self.runtime("checkpoint", "--image-path", self.images, "--work-path", self.work, *options,
                            self.container.id)

    def test_and_restore_go_on_where_it_was(self):
        if not criu_works():
            self.skipTest("CRIU does not work with this kernel (see `criu check`)")
        self.assertEqual(self.checkpoint().code, 0)
        count = len(self.container.stdout.split())
        self.container.delete(ok=True)
        self.runtime("restore", "--detach", "--image-path", self.images, "--bundle",
                     self.container.bundle.path,
                     "--pid-file", self.container.pid_path, self.container.id, ok=True)
        wait_for(lambda: len(self.container.stdout.split()) > count, "the count to go on")

    def test_leave_running_lets_it_run(self):
        if not criu_works():
            self.skipTest("CRIU does not work with this kernel (see `criu check`)")
        self.assertEqual(self.checkpoint("--leave-running").code, 0)
        self.assertTrue(is_alive(self.container.pid))

    def test_that_fails_leaves_the_container_running(self):
        if criu_works():
            self.skipTest("CRIU works here")
        self.assertNotEqual(self.checkpoint().code, 0)
        self.assertEqual(self.container.status, "running")

    @beyond_runc
    def test_that_fails_shows_the_error_of_criu(self):
        if criu_works():
            self.skipTest("CRIU works here")
        outcome = self.checkpoint()
        self.assertTrue(outcome.error)
        self.assertRegex(outcome.error + outcome.stderr, r"Error \(criu/|criu.*rror")

    def test_restore_without_images_is_an_error(self):
        bundle = self.bundle()
        bundle.save()
        outcome = self.runtime("restore", "--detach", "--image-path", "/proc/nowhere/images", "--bundle",
                               bundle.path,
                               bundle.id)
        self.assertNotEqual(outcome.code, 0)
        self.assertTrue(outcome.error)
        self.assertEqual(self.runtime.left_of(bundle.id), [])

    @beyond_runc
    def test_without_criu_says_so(self):
        outcome = self.runtime("--criu", "/proc/nowhere/criu", "checkpoint", "--image-path", self.images,
                               self.container.id)
        self.assert_refused(outcome, "/proc/nowhere/criu")
        self.assertTrue(os.path.isdir(self.images))


if __name__ == "__main__":
    unittest.main()
