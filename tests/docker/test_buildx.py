# SPDX-License-Identifier: Apache-2.0
"""docker build with the buildx plugin, and compose 2: both speak BuildKit's gRPC to the daemon."""

import json
import os
import subprocess
import tarfile
import tempfile
import unittest

from lib import clients, command, isolation
from lib.gantryd import GantrydHome

DOCKERFILE = """\
FROM busybox AS base
ARG GREETING=hello
RUN echo "$GREETING" > /greeting

FROM base
COPY file dir/ /data/
ENV A=b
LABEL made.by=tests
CMD ["busybox", "cat", "/greeting"]
"""


def setUpModule():
    global home
    if not clients.are_there():
        raise unittest.SkipTest("tools/newer-clients has fetched no newer docker")
    home = GantrydHome()
    unittest.addModuleCleanup(home.remove)
    home.make_image()
    home.environment["DOCKER_CONFIG"] = clients.configure(f"{home.directory}/newer")
    # buildx leaves a file behind for every Dockerfile that it read from standard input.
    home.environment["TMPDIR"] = home.directory


def docker(*arguments, **options):
    return command.run(clients.DOCKER, *arguments, env=home.environment, **options)


class Case(unittest.TestCase):
    timeout = 180

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="buildx-")
        self.addCleanup(scratch.cleanup)
        self.context = f"{scratch.name}/context"
        self.out = f"{scratch.name}/out"
        os.makedirs(f"{self.context}/dir")
        self.write("Dockerfile", DOCKERFILE)
        self.write("file", "one\n")
        self.write("dir/other", "two\n")

    def write(self, name, text):
        isolation.write(f"{self.context}/{name}", text)

    def build(self, *options, **more):
        return docker("buildx", "build", "--progress=plain", *options, self.context, **more)

    def run_image(self, name, *arguments):
        return docker("run", "--rm", "--network=none", name, *arguments).stdout


class Build(Case):
    def test_an_image_is_built_into_the_engine(self):
        result = docker("build", "--tag", "app:1", "--build-arg", "GREETING=good day", self.context)
        self.assertIn("RUN echo", result.stderr)
        self.assertEqual(self.run_image("app:1"), "good day\n")
        self.assertEqual(self.run_image("app:1", "busybox", "cat", "/data/file", "/data/other"), "one\ntwo\n")
        config = json.loads(docker("image", "inspect", "app:1").stdout)[0]["Config"]
        self.assertIn("A=b", config["Env"])
        self.assertEqual(config["Labels"], {"made.by": "tests"})

    def test_a_second_build_is_cached_until_a_file_changes(self):
        self.build("--tag", "app:2")
        again = self.build("--tag", "app:2").stderr
        self.assertIn("CACHED", again)
        self.write("file", "changed\n")
        self.build("--tag", "app:2")
        self.assertEqual(self.run_image("app:2", "busybox", "cat", "/data/file"), "changed\n")

    def test_what_dockerignore_excludes_does_not_come(self):
        self.write(".dockerignore", "dir/other\n")
        self.write("dir/third", "three\n")
        self.build("--tag", "app:3")
        self.assertEqual(self.run_image("app:3", "busybox", "ls", "/data"), "file\nthird\n")

    def test_a_target_and_labels(self):
        self.build("--tag", "app:4", "--target", "base", "--label", "a=b")
        self.assertEqual(self.run_image("app:4", "busybox", "cat", "/greeting"), "hello\n")
        self.assertEqual(json.loads(docker("image", "inspect", "app:4").stdout)[0]["Config"]["Labels"], {"a": "b"})

    def test_a_dockerfile_elsewhere(self):
        os.mkdir(f"{self.context}/build")
        self.write("build/app.Dockerfile", 'FROM busybox\nCOPY file /f\nCMD ["busybox", "cat", "/f"]\n')
        self.build("--tag", "app:5", "--file", f"{self.context}/build/app.Dockerfile")
        self.assertEqual(self.run_image("app:5"), "one\n")

    def test_a_dockerfile_on_standard_input(self):
        docker("buildx", "build", "--tag", "app:6", "--file", "-", self.context, stdin="FROM busybox\nCOPY file /f\n")
        self.assertEqual(self.run_image("app:6", "busybox", "cat", "/f"), "one\n")

    def test_a_context_on_standard_input(self):
        path = f"{self.out}.tar"
        with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:  # buildx knows others by later bytes only
            tar.add(self.context, arcname=".")
        with open(path, "rb") as context:
            result = subprocess.run([clients.DOCKER, "buildx", "build", "--tag", "app:7", "-"], stdin=context,
                                    capture_output=True, text=True, timeout=60, env=os.environ | home.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.run_image("app:7", "busybox", "cat", "/data/other"), "two\n")

    def test_a_secret_is_there_for_its_step_and_nowhere_else(self):
        isolation.write(f"{self.out}.secret", "do not tell")
        self.write("Dockerfile", "FROM busybox\nRUN --mount=type=secret,id=key busybox wc -c < /run/secrets/key > /size\n"
                                 "RUN test ! -s /run/secrets/key\n")
        self.build("--tag", "app:8", "--secret", f"id=key,src={self.out}.secret")
        self.assertEqual(self.run_image("app:8", "busybox", "cat", "/size").strip(), "11")
        for root, _, names in os.walk(f"{home.directory}/root"):
            for name in names:
                with open(os.path.join(root, name), "rb") as file:
                    self.assertNotIn(b"do not tell", file.read(), name)

    def test_a_failing_step_is_the_builds_failure_and_shown(self):
        self.write("Dockerfile", "FROM busybox\nRUN echo before; exit 7\n")
        result = self.build(status=None)
        self.assertNotEqual(result.status, 0)
        self.assertIn("before", result.stderr)
        self.assertIn("exit code: 7", result.stderr)

    def test_a_bad_dockerfile_is_refused_with_its_line(self):
        self.write("Dockerfile", "FROM busybox\nRUNN x\n")
        result = self.build(status=None)
        self.assertNotEqual(result.status, 0)
        self.assertIn("Dockerfile:2", result.stderr)


class Outputs(Case):
    def test_files_into_a_directory(self):
        self.build("--output", f"type=local,dest={self.out}")
        self.assertEqual(isolation.read(f"{self.out}/greeting"), "hello\n")
        self.assertEqual(isolation.read(f"{self.out}/data/other"), "two\n")

    def test_a_tar(self):
        self.build("--output", f"type=tar,dest={self.out}.tar")
        with tarfile.open(f"{self.out}.tar") as tar:
            self.assertEqual(tar.extractfile("data/file").read(), b"one\n")


class Cache(Case):
    def test_it_is_shown_and_pruned(self):
        self.build("--tag", "app:9")
        self.assertIn("RUN echo", docker("buildx", "du", "--verbose").stdout)
        docker("builder", "prune", "--all", "--force")
        self.assertNotIn("CACHED", self.build("--tag", "app:9").stderr)


class Compose(Case):
    def test_it_builds_and_runs_a_project(self):
        self.write("compose.yaml", "services:\n  app:\n    build: .\n    network_mode: none\n    command: [busybox, sleep, '600']\n")
        project = ("compose", "--project-directory", self.context, "--project-name", "built")
        docker(*project, "up", "--detach", "--build")
        try:
            self.assertEqual(docker(*project, "exec", "-T", "app", "busybox", "cat", "/greeting").stdout, "hello\n")
        finally:
            docker(*project, "down", "--timeout", "0", "--rmi", "all")
