# SPDX-License-Identifier: Apache-2.0
"""Bad input and bad ends: a clear error with file and line, nothing left behind, the cache still right."""

import gzip
import hashlib
import os
import signal
import stat
import subprocess
import tempfile
import threading
import unittest

from lib import builds, command, images
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
        self.check(self.refused("FROM localhost/base\n" + "# comment\n" * 2_000_000), "Dockerfile")

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
        """What it said up to there."""
        said = ""
        for line in process.stderr:
            said += line
            if text in line:
                return said
        raise AssertionError(f"ended without saying {text!r}")

    def test_ctrl_c_ends_what_runs(self):
        directory = self.context("FROM localhost/base\nRUN echo first > /a\nRUN echo begun; sleep 1000\n")
        process = ours.popen(directory)
        self.wait_for_line(process, " begun\n")
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
        self.wait_for_line(process, " begun\n")
        process.kill()
        process.communicate()
        self.assertNotEqual(ours.leftovers(), [])
        self.assertNotEqual(bridges(), [])
        ours.build(self.context("FROM localhost/base\nRUN echo after > /kill\n"))
        self.assertEqual(ours.leftovers(), [])
        self.assertEqual(bridges(), [])

    def test_processes_that_are_left_end_with_their_step(self):
        directory = self.context("FROM localhost/base\nRUN sh -c 'sleep 1000 & sleep 1000 &' ; echo done\n")
        ours.build(directory)

    def test_forking_without_end_meets_a_limit(self):
        directory = self.context("FROM localhost/base\nRUN f() { f | f & }; f; sleep 1; exit 3\n")
        result = ours.build(directory, "--pids-limit", "64", status=1)
        self.assertIn("Dockerfile:2", result.stderr)
        self.assertEqual(ours.leftovers(), [])

    def test_a_secret_is_nowhere(self):
        value = "open-sesame-4711"
        secret = f"{ours.store.root}.secret"
        with open(secret, "w") as file:
            file.write(value)
        self.addCleanup(os.unlink, secret)
        directory = self.context(
            "FROM localhost/base\nRUN --mount=type=secret,id=s wc -c < /run/secrets/s > /size\n"
            "RUN --mount=type=secret,id=s,env=S echo ${#S} > /length && cat /run/secrets/s; true\n"
            "RUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S,target=/again echo begun; sleep 1000\n")
        process = ours.popen(directory, "--secret", f"id=s,src={secret}", "-t", "localhost/no-secret")
        said = self.wait_for_line(process, " begun\n")
        # While it is used it is in memory alone: no file on disk has it.
        kept = files_with(value, ours.store.root)
        process.send_signal(signal.SIGINT)
        said += "".join(process.communicate(timeout=60))
        self.assertEqual(kept, [])
        self.assertNotIn(value, said)
        ours.build(self.context("FROM localhost/base\nRUN --mount=type=secret,id=s,env=S echo ${#S} > /length\n"),
                   "--secret", f"id=s,src={secret}", "-t", "localhost/no-secret")
        self.assertEqual(files_with(value, ours.store.root, "/run/gantry"), [])
        for digest, content in ours.store.small_blobs().items():
            self.assertFalse(has_text(content, value.encode()), digest)
        self.assertIn("length", builds.files_in(ours.tar_of(self.context("FROM localhost/no-secret\n"))))


class FullDisk(unittest.TestCase):
    """A store on a file system with little room."""

    timeout = 300

    def setUp(self):
        self.disk = tempfile.mkdtemp(prefix="disk-")
        self.addCleanup(os.rmdir, self.disk)
        command.run("mount", "-t", "tmpfs", "-o", "size=48m", "small", self.disk)
        self.addCleanup(command.run, "umount", self.disk)
        tempfile.tempdir, kept = self.disk, tempfile.tempdir
        try:
            self.builds = builds.OurBuilds(files=images.busybox_layer())
        finally:
            tempfile.tempdir = kept
        self.addCleanup(self.builds.remove)

    def context(self, dockerfile, **files):
        context = builds.Context({"Dockerfile": dockerfile} | files)
        self.addCleanup(context.remove)
        return context.directory

    def refused(self, dockerfile, *places, **files):
        result = self.builds.build(self.context(dockerfile, **files), status=1)
        for place in ("No space left on device", *places):
            self.assertIn(place, result.stderr)
        self.assertEqual(self.builds.leftovers(), [])

    def test_a_run_that_fills_it(self):
        self.refused("FROM localhost/base\nRUN echo first > /first\nRUN busybox dd if=/dev/zero of=/big bs=1M\n", "Dockerfile:3")
        # What was done before is kept, and all of the room is there again.
        again = self.builds.build(self.context("FROM localhost/base\nRUN echo first > /first\nRUN busybox dd if=/dev/zero of=/small bs=1M count=10\n"))
        self.assertIn("CACHED", again.stderr)

    def test_a_layer_that_has_no_room_beside_its_files(self):
        self.refused("FROM localhost/base\nRUN busybox dd if=/dev/urandom of=/random bs=1M count=30\n", "Dockerfile:2")
        self.builds.build(self.context("FROM localhost/base\nRUN echo room > /again\n"))

    def test_a_file_that_does_not_fit(self):
        self.refused("FROM localhost/base\nCOPY big /\n", "Dockerfile:2", big=b"x" * (60 << 20))
        self.builds.build(self.context("FROM localhost/base\nCOPY small /\n", small="x"))


class ChangingContext(unittest.TestCase):
    def test_a_file_that_is_written_to_is_an_error_with_its_name(self):
        context = builds.Context({"Dockerfile": "FROM localhost/base\nCOPY . /all/\n", "large": b"x" * (64 << 20)})
        self.addCleanup(context.remove)
        stop = threading.Event()

        def write():
            with open(f"{context.directory}/large", "ab", buffering=0) as file:
                while not stop.is_set():
                    file.write(b"y")
                    file.seek(0)
                    os.utime(file.fileno())

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(20):  # until the writer had its turn between two looks at the file
                result = ours.build(context.directory, "--no-cache", status=None)
                if result.status != 0:
                    break
        finally:
            stop.set()
            writer.join()
        self.assertIn("Dockerfile:2", result.stderr)
        self.assertIn("'large' was changed while it was read", result.stderr)
        self.assertEqual(ours.leftovers(), [])
        os.truncate(f"{context.directory}/large", 5)
        ours.build(context.directory)
        self.assertEqual(builds.files_in(ours.tar_of(context.directory))["all/large"]["content"],
                         hashlib.sha256(b"xxxxx").hexdigest())


def bridges():
    """The networks of builds that there are now."""
    return [name for name in os.listdir("/sys/class/net") if name.startswith("gb-")]


def files_with(text, *directories):
    """The files below these whose bytes have the text, as they are or decompressed."""
    found = []
    for directory in directories:
        for parent, _, names in os.walk(directory):
            for path in (os.path.join(parent, name) for name in names):
                if not stat.S_ISREG(os.lstat(path).st_mode):
                    continue
                with open(path, "rb") as file:
                    if has_text(file.read(), text.encode()):
                        found.append(path)
    return found


def has_text(data, text):
    return text in data or (data.startswith(b"\x1f\x8b") and text in gzip.decompress(data))
