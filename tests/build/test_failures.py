# SPDX-License-Identifier: Apache-2.0
"""Bad input and bad ends: a clear error with file and line, nothing left behind, the cache still right."""

import os
import signal
import subprocess
import tarfile
import unittest

from lib import builds, command
from lib.images import GANTRY


def setUpModule():
    global ours
    ours = builds.OurBuilds()
    unittest.addModuleCleanup(ours.remove)


class BadInput(unittest.TestCase):
    def refused(self, dockerfile, *options, files=None, stdin=""):
        context = builds.Context({"Dockerfile": dockerfile} | (files or {}))
        self.addCleanup(context.remove)
        result = ours.build(context.directory, *options, status=1, stdin=stdin)
        self.assertEqual(ours.leftovers(), [])
        return result.stderr

    def check(self, said, *parts):
        for part in parts:
            self.assertIn(part, said)

    def test_an_unknown_instruction_is_shown_with_its_surroundings(self):
        self.check(self.refused("FROM localhost/base\nRUM true\nCMD x\n"),
                   "Dockerfile:2:1: unknown instruction 'RUM'; did you mean RUN?", "   2 | >>> RUM true", "   3 |     CMD x")

    def test_stages_that_wait_for_each_other(self):
        self.check(self.refused("FROM localhost/base AS a\nCOPY --from=b /x /x\nFROM localhost/base AS b\nCOPY --from=a /x /x\n"),
                   "Dockerfile:2", "stage 'b' stands further down (line 3)")
        self.check(self.refused("FROM localhost/base AS a\nCOPY --from=a /x /x\n"), "refers to itself")

    def test_arguments_that_are_not_set(self):
        self.check(self.refused("ARG V\nFROM ${V}\n"), "Dockerfile:2", "empty once its variables are expanded")
        self.check(self.refused("FROM localhost/base\nRUN true\nENV X=${Y:?missing}\n"), "Dockerfile:3", "Y: missing")

    def test_nothing_outside_of_the_context_is_copied(self):
        files = {"away": ("link", "/etc/shadow"), "up": ("link", "../../../../../../etc/shadow"), "dir": ("link", "/etc")}
        for source in ("../../../etc/shadow", "/etc/shadow", "away", "up", "dir/shadow"):
            self.check(self.refused(f"FROM localhost/base\nCOPY {source} /x\n", files=files), "Dockerfile:2", "is not there")

    def test_nothing_outside_of_the_root_is_written(self):
        dockerfile = ("FROM localhost/base\nRUN ln -s /../../../../../../../run/tmp /trap && ln -s /run/tmp/trapped /file\n"
                      "COPY a /trap/caught\nCOPY a /file\n")
        context = builds.Context({"Dockerfile": dockerfile, "a": "a"})
        self.addCleanup(context.remove)
        ours.build(context.directory)
        self.assertFalse(os.path.exists("/run/tmp/caught"))
        self.assertFalse(os.path.exists("/run/tmp/trapped"))

    def test_what_is_ignored_says_so(self):
        self.check(self.refused("FROM localhost/base\nCOPY a /\n", files={"a": "", ".dockerignore": "a\n"}),
                   ".dockerignore leaves it out")

    def test_a_failing_command_has_its_line_and_status(self):
        self.check(self.refused("FROM localhost/base\nRUN true\nRUN echo said; exit 7\n"),
                   "Dockerfile:3: RUN echo said; exit 7", "exit code: 7", "said")

    def test_a_program_that_is_not_there(self):
        self.check(self.refused('FROM localhost/base\nRUN ["/no/such"]\n'), "Dockerfile:2", "/no/such")

    def test_a_base_and_a_target_that_are_not_there(self):
        self.check(self.refused("FROM localhost:1/nothing\n"), "Dockerfile:1")
        self.check(self.refused("FROM localhost/base AS final\n", "--target", "finale"), "did you mean 'final'?")

    def test_a_context_that_is_no_archive(self):
        broken = subprocess.run(self.stdin_command(), input=b"\x1f\x8b\x08not really", capture_output=True)
        self.assertEqual(broken.returncode, 1)
        self.check(broken.stderr.decode(), "unpack the context")

    def stdin_command(self):
        return (GANTRY, "--root", ours.store.root, *ours.command("-"))

    def test_a_dockerfile_alone_and_one_that_is_huge(self):
        result = command.run(*self.stdin_command(), stdin="FROM localhost/base\nRUN true\n")
        self.assertIn("sha256:", result.stdout)
        self.check(self.refused("FROM localhost/base\n" + "ENV A=1\n" * 20_000), "more than 10000 instructions")

    def test_required_secrets_and_permissions(self):
        self.check(self.refused("FROM localhost/base\nRUN --mount=type=secret,id=s,required true\n"), "Dockerfile:2",
                   "was not given")
        self.check(self.refused("FROM localhost/base\nRUN --security=insecure true\n"), "not allowed")


class BadEnds(unittest.TestCase):
    timeout = 300

    def context(self, dockerfile, **files):
        context = builds.Context({"Dockerfile": dockerfile} | files)
        self.addCleanup(context.remove)
        return context.directory

    def wait_for_line(self, process, text):
        for line in process.stderr:
            if text in line:
                return
        raise AssertionError(f"ended without saying {text!r}")

    def test_ctrl_c_ends_what_runs(self):
        directory = self.context("FROM localhost/base\nRUN echo first > /a\nRUN echo begun; sleep 1000\n")
        process = ours.popen(directory)
        self.wait_for_line(process, "begun")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("interrupted", said)
        self.assertEqual(ours.leftovers(), [])
        again = ours.popen(directory)
        self.wait_for_line(again, "CACHED")  # what was finished stays
        again.send_signal(signal.SIGINT)
        again.communicate(timeout=60)

    def test_kill_leaves_nothing_that_the_next_does_not_remove(self):
        directory = self.context("FROM localhost/base\nRUN echo begun; sleep 1000\n")
        process = ours.popen(directory)
        self.wait_for_line(process, "begun")
        process.kill()
        process.communicate()
        self.assertNotEqual(ours.leftovers(), [])
        ours.build(self.context("FROM localhost/base\nRUN echo after > /kill\n"))
        self.assertEqual(ours.leftovers(), [])

    def test_processes_that_are_left_end_with_their_step(self):
        directory = self.context("FROM localhost/base\nRUN sh -c 'sleep 1000 & sleep 1000 &' ; echo done\n")
        ours.build(directory)

    def test_forking_without_end_meets_a_limit(self):
        directory = self.context("FROM localhost/base\nRUN f() { f | f & }; f; sleep 1; exit 3\n")
        result = ours.build(directory, "--pids-limit", "64", status=1)
        self.assertIn("Dockerfile:2", result.stderr)
        self.assertEqual(ours.leftovers(), [])

    def test_a_full_disk(self):
        directory = self.context("FROM localhost/base\nRUN dd if=/dev/zero of=/dev/shm/x bs=1M count=100\n")
        result = ours.build(directory, "--shm-size", "1m", status=1)
        self.assertIn("No space left", result.stderr)

    def test_a_secret_is_nowhere(self):
        secret = f"{ours.store.root}.secret"
        with open(secret, "w") as file:
            file.write("open-sesame-4711")
        self.addCleanup(os.unlink, secret)
        directory = self.context("FROM localhost/base\nRUN --mount=type=secret,id=s cat /run/secrets/s | wc -c\n"
                                 "RUN --mount=type=secret,id=s,env=S test \"$S\" = open-sesame-4711 && mkdir /x\n")
        ours.build(directory, "--secret", f"id=s,src={secret}", "-t", "localhost/no-secret")
        found = subprocess.run(["grep", "-rl", "open-sesame-4711", ours.store.root], capture_output=True, text=True)
        # The second RUN shows the value in the Dockerfile itself, which is the author's own doing.
        tar = ours.tar_of(directory, "--secret", f"id=s,src={secret}")
        with tarfile.open(tar) as archive:
            self.assertNotIn("run/secrets/s", archive.getnames())
        self.assertEqual([path for path in found.stdout.split() if "metadata.db" not in path], [])
