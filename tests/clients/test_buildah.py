# SPDX-License-Identifier: Apache-2.0
"""buildah with OCI isolation, with our runtime for what RUN runs."""

import os
import tempfile
import textwrap
import unittest

from clients import engine_cases
from lib import command, isolation
from lib.buildah import BuildahHome
from lib.runtime import wait_for

IMAGE = "gantry-test-base"


def setUpModule():
    global home
    home = BuildahHome()
    unittest.addModuleCleanup(home.remove)
    container = home.buildah("from", "scratch").stdout.strip()
    home.buildah("add", container, engine_cases.make_image_tar(home.directory), "/")
    home.buildah("config", "--env", "PATH=/bin", container)
    home.buildah("commit", "-q", container, IMAGE)
    home.buildah("rm", container)


class Buildah(unittest.TestCase):
    def container(self):
        name = home.buildah("from", IMAGE).stdout.strip()
        self.addCleanup(home.buildah, "rm", name)
        return name

    def run_in(self, container, *words, **more):
        """words: options, "--", the program."""
        separator = words.index("--")
        return home.buildah("run", *words[:separator], container, "--", *words[separator + 1:], **more)

    def test_run(self):
        result = self.run_in(self.container(), "--", "sh", "-c", "echo out; echo err >&2")
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))

    def test_exit_status(self):
        self.run_in(self.container(), "--", "sh", "-c", "exit 7", status=7)

    def test_program_not_found(self):
        result = self.run_in(self.container(), "--", "no-such-program", status=1)
        self.assertIn('exec: \\"no-such-program\\": executable file not found in $PATH'.replace("\\", ""),
                      result.stderr.replace("\\", ""))

    def test_terminal(self):
        result = command.run_on_terminal(*home.command("run", "--tty", self.container(), "--", "tty"),
                                         env=home.environment)
        self.assertEqual(result.stdout.strip(), "/dev/pts/0")

    def test_user_and_working_directory(self):
        result = self.run_in(self.container(), "--user", "web", "--workingdir", "/tmp", "--",
                             "sh", "-c", "id -u; pwd")
        self.assertEqual(result.stdout.split(), ["1000", "/tmp"])

    def test_capabilities(self):
        result = self.run_in(self.container(), "--cap-add", "CAP_SYS_PTRACE", "--", "grep", "CapEff",
                             "/proc/self/status")
        self.assertTrue(int(result.stdout.split()[1], 16) & 1 << 19)

    def test_mounts(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        isolation.write(f"{directory.name}/file", "from outside")
        result = self.run_in(self.container(), "-v", f"{directory.name}:/data:ro", "--",
                             "sh", "-c", "cat /data/file; touch /data/x", status=1)
        self.assertEqual(result.stdout, "from outside")
        self.assertIn("Read-only file system", result.stderr)

    def test_what_a_run_changes_is_kept(self):
        container = self.container()
        self.run_in(container, "--", "sh", "-c", "echo kept > /kept")
        self.assertEqual(self.run_in(container, "--", "cat", "/kept").stdout, "kept\n")

    def test_network_of_its_own(self):
        # buildah starts its network once `create` has told the pid, between create and start.
        result = self.run_in(self.container(), "--", "ls", "/sys/class/net")
        self.assertEqual(result.stdout.split(), ["eth0", "lo"])

    def test_host_network(self):
        result = self.run_in(self.container(), "--network", "host", "--", "readlink", "/proc/self/ns/net")
        self.assertEqual(result.stdout.strip(), os.readlink("/proc/self/ns/net"))

    def build(self, dockerfile, *options, **more):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        isolation.write(f"{directory.name}/Dockerfile", textwrap.dedent(dockerfile))
        isolation.write(f"{directory.name}/file", "data\n")
        return home.buildah("build", *options, directory.name, **more)

    def test_build(self):
        result = self.build(f"""\
            FROM {IMAGE}
            COPY file /file
            ENV COLOUR=red
            RUN cat /file && echo $COLOUR > /colour
            RUN ["/bin/sh", "-c", "cat /colour; id -u"]
            USER web
            WORKDIR /home/web
            RUN id -u; pwd; echo mine > mine
            """, "-t", self._testMethodName)
        self.addCleanup(home.buildah, "rmi", "-f", self._testMethodName)
        lines = [line for line in result.stdout.splitlines() if not line.startswith(("STEP", "COMMIT", "-->"))]
        self.assertEqual(lines[:5], ["data", "red", "0", "1000", "/home/web"])

    def test_build_in_stages(self):
        self.build(f"""\
            FROM {IMAGE} AS made
            RUN echo made > /made
            FROM {IMAGE}
            COPY --from=made /made /made
            RUN grep made /made
            """)

    def test_failing_build_step(self):
        result = self.build(f"FROM {IMAGE}\nRUN exit 3\n", status=3)
        self.assertIn("exit status 3", result.stderr)

    def test_limits_of_a_build(self):
        result = self.build(f"FROM {IMAGE}\nRUN ulimit -n; cat /sys/fs/cgroup/memory*/memory.limit_in_bytes "
                            "/sys/fs/cgroup/memory.max 2>/dev/null || true\n",
                            "--ulimit", "nofile=333:333", "--memory", "64m")
        self.assertIn("333", result.stdout.split())
        self.assertIn(str(64 << 20), result.stdout.split())

    def test_nothing_runs_on_after_a_run(self):
        self.run_in(self.container(), "--", "sh", "-c", "sleep 1008 & exit 0")
        wait_for(lambda: not any("sleep\0" + "1008" in cmdline for cmdline in all_command_lines()), "sleep ended")


def all_command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield isolation.read(f"/proc/{pid}/cmdline")
        except (FileNotFoundError, ProcessLookupError):
            pass
