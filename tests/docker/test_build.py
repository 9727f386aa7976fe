# SPDX-License-Identifier: Apache-2.0
"""`docker build` as the classic builder has it: POST /build. What Dockerfiles mean is tests/build's."""

import os
import re
import subprocess
import tempfile

from docker import engine_home
from lib import command
from lib.runtime import wait_for

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Build(engine_home.Case):
    def context(self, dockerfile, files=()):
        """A directory with a Dockerfile and these files."""
        directory = tempfile.TemporaryDirectory(prefix="context-")
        self.addCleanup(directory.cleanup)
        for path, text in {"Dockerfile": dockerfile, **dict(files)}.items():
            os.makedirs(os.path.dirname(f"{directory.name}/{path}"), exist_ok=True)
            with open(f"{directory.name}/{path}", "w") as file:
                file.write(text)
        return directory.name

    def build(self, *arguments, **options):
        environment = {**self.home.environment, "DOCKER_BUILDKIT": "0"}
        return command.run(engine_home.DOCKER, "build", *arguments, env=environment, **options)

    def run_image(self, image, *program):
        return self.out("run", "--rm", "--network", "none", image, *program)

    def test_tells_its_steps(self):
        context = self.context("FROM busybox\nRUN echo hello\nCOPY file /file\nCMD cat /file\n", {"file": "content\n"})
        lines = self.build("--no-cache", "-t", "one:1", "-t", "two", context).stdout.splitlines()
        steps = [line for line in lines if line.startswith("Step ")]
        self.assertEqual(steps, ["Step 1/4 : FROM busybox", "Step 2/4 : RUN echo hello", "Step 3/4 : COPY file /file",
                                 "Step 4/4 : CMD cat /file"])
        self.assertLess(lines.index("Step 2/4 : RUN echo hello"), lines.index("hello"))
        self.assertLess(lines.index("hello"), lines.index("Step 3/4 : COPY file /file"))
        self.assertRegex(lines[-3], r"^Successfully built [0-9a-f]{12}$")
        self.assertEqual(lines[-2:], ["Successfully tagged one:1", "Successfully tagged two:latest"])
        self.assertEqual(self.run_image("one:1"), "content")
        self.assertEqual(self.inspect("one:1")["Id"], self.inspect("two")["Id"])
        self.assertIn(lines[-3].split()[-1], self.inspect("one:1")["Id"])

    def test_takes_steps_from_the_cache(self):
        context = self.context("FROM busybox\nRUN echo $RANDOM > /number\nCOPY file /file\n", {"file": "1"})
        self.build("-t", "cached", context)
        number = self.run_image("cached", "cat", "/number")
        said = self.build("-t", "cached", context).stdout
        self.assertEqual(len(re.findall("---> Using cache", said)), 2)
        with open(f"{context}/file", "w") as file:
            file.write("2")
        said = self.build("-t", "cached", context).stdout
        self.assertEqual(len(re.findall("---> Using cache", said)), 1)
        self.assertEqual(self.run_image("cached", "cat", "/number", "/file"), f"{number}\n2")

    def test_quiet(self):
        image = self.build("-q", self.context("FROM busybox\nLABEL a=b\n")).stdout.strip()
        self.assertRegex(image, "^sha256:[0-9a-f]{64}$")
        self.assertEqual(self.inspect(image)["Config"]["Labels"], {"a": "b"})

    def test_options(self):
        context = self.context("FROM busybox AS first\nARG WHO=nobody\nRUN echo $WHO > /who\nFROM busybox\nRUN false\n",
                               {"other/file": ""})
        self.build("--target", "first", "--build-arg", "WHO=somebody", "--label", "kind=test", "-t", "optional", context)
        self.assertEqual(self.run_image("optional", "cat", "/who"), "somebody")
        self.assertEqual(self.inspect("optional")["Config"]["Labels"], {"kind": "test"})
        with open(f"{context}/Other", "w") as file:
            file.write("FROM busybox\nENV WHICH=other\n")
        self.build("-f", f"{context}/Other", "-t", "optional", context)
        self.assertIn("WHICH=other", self.inspect("optional")["Config"]["Env"])

    def test_what_is_ignored_is_not_there(self):
        context = self.context("FROM busybox\nCOPY . /all\n", {".dockerignore": "secret\nDockerfile\n", "secret": "x", "kept": "y"})
        self.build("-t", "ignoring", context)
        self.assertEqual(self.run_image("ignoring", "ls", "/all"), "kept")

    def test_from_standard_input(self):
        self.build("-t", "piped", "-", stdin="FROM busybox\nRUN echo piped > /how\n")
        self.assertEqual(self.run_image("piped", "cat", "/how"), "piped")

    def test_a_step_that_fails(self):
        context = self.context("FROM busybox\nRUN echo before; exit 3\n")
        result = self.build("-t", "failed", context, status=3)
        self.assertIn("before", result.stdout)
        self.assert_mentions(result.stderr, "exit 3")
        self.assertEqual(self.out("images", "-q", "failed"), "")

    def test_bad_input(self):
        for dockerfile, why in (("FORM busybox\n", "unknown instruction"), ("", "Dockerfile"),
                                ("FROM busybox\nCOPY nothing /\n", "nothing"), ("FROM no.such.host.invalid/x\n", "no.such.host"),
                                ("FROM busybox\nCOPY --from=later / /\n", "later")):
            with self.subTest(why):
                result = self.build(self.context(dockerfile), status=None)
                self.assertNotEqual(result.status, 0)
                self.assert_mentions(result.stderr, why)
        self.assert_mentions(self.build("--squash", self.context("FROM busybox\n"), status=1).stderr, "experimental")

    def test_ends_with_its_client(self):
        context = self.context("FROM busybox\nRUN echo begun; sleep 1000\n")
        build = subprocess.Popen([engine_home.DOCKER, "build", "--no-cache", context], stdout=subprocess.PIPE, text=True,
                                 env=os.environ | self.home.environment | {"DOCKER_BUILDKIT": "0"})
        with build:
            for line in build.stdout:
                if line == "begun\n":
                    break
            build.terminate()  # SIGINT is ignored in what runs in the background of a shell
        wait_for(lambda: not sleepers(), "the step's processes to end")

    def test_the_cache_is_pruned(self):
        self.build("-t", "pruned", self.context("FROM busybox\nRUN echo kept > /file\n"))
        self.docker("rmi", "pruned")
        self.assertIn("Total", self.out("builder", "prune", "--force", "--all"))


def sleepers():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                if "sleep\0001000" in file.read():
                    found.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found
