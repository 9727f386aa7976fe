# SPDX-License-Identifier: Apache-2.0
"""dockerd and its client, with our runtime as the default one, in a network of their own."""

import os
import signal
import subprocess
import unittest

from clients import engine_cases
from clients.engine_cases import IMAGE
from lib import cgroups, command, isolation
from lib.dockerd import DOCKER, DockerHome
from lib.runtime import PROGRAM, wait_for


def setUpModule():
    global home
    home = DockerHome()
    unittest.addModuleCleanup(home.remove)
    home.docker("import", engine_cases.make_image_tar(home.directory), IMAGE)


class Docker(engine_cases.EngineCases, unittest.TestCase):
    EXEC_NOT_FOUND = 126  # dockerd 20.10 tells 127 only of the first process

    def setUp(self):
        home.daemon.new_log()

    def explain(self):
        return f"dockerd's log of this time:\n{home.daemon.new_log()}"

    def engine(self, *arguments, **options):
        return home.docker(*arguments, **options)

    def engine_on_terminal(self, *arguments, **options):
        return command.run_on_terminal(DOCKER, *arguments, env=home.environment, **options)

    def test_dockerd_uses_the_runtime(self):
        name = self.start()
        self.assertEqual(self.inspect(name, ".HostConfig.Runtime"), "under-test")
        self.assertEqual(self.engine("info", "-f", "{{(index .Runtimes \"under-test\").Path}}").stdout.strip(),
                         PROGRAM)

    def test_errors_name_the_program(self):
        for program, status, why in (("no-such-program", 127, "executable file not found in $PATH"),
                                     ("/bin/none", 127, "no such file or directory"),
                                     ("/etc/passwd", 126, "permission denied"),
                                     ("/etc", 126, "permission denied")):
            with self.subTest(program):
                result = self.run_container(program=[program], status=status)
                self.assert_mentions(result.stderr, "OCI runtime create failed", program, why)

    def test_working_directory_is_made(self):
        self.assertEqual(self.inside("pwd", "-w", "/made/for/this"), "/made/for/this")

    def test_update_of_the_pids_limit(self):
        name = self.start("--pids-limit", "50")
        self.engine("update", "--pids-limit", "30", name)
        self.assertEqual(cgroups.value(self.pid_of(name), "pids.max", "pids.max"), "30")

    def test_out_of_memory_is_told(self):
        name = self.start("--memory", "16m", "--memory-swap", "16m", script="tail /dev/zero; exit $?")
        self.engine("wait", name)
        self.assertEqual(self.inspect(name, ".State.OOMKilled"), "true")

    def test_restart_always(self):
        name = self.start("--restart", "always")
        os.kill(self.pid_of(name), signal.SIGKILL)
        wait_for(lambda: self.inspect(name, ".RestartCount}} {{.State.Running") == "1 true",
                           "it runs again")

    def test_exec_in_a_paused_container_is_refused(self):
        name = self.start()
        self.engine("pause", name)
        result = self.engine("exec", name, "true", status=1)
        self.assert_mentions(result.stderr, "is paused")
        self.engine("unpause", name)

    def test_attach(self):
        name = self._testMethodName
        self.addCleanup(self.engine, *self.REMOVE, name, status=None)
        self.engine("create", "-i", "--name", name, self.NETWORK, IMAGE, "sh", "-c", "read x; echo got $x; exit 8")
        result = self.engine("start", "-ai", name, stdin="a line\n", status=8)
        self.assertEqual(result.stdout, "got a line\n")

    def test_published_port(self):
        name = f"{self._testMethodName}"
        self.addCleanup(self.engine, *self.REMOVE, name, status=None)
        self.engine("run", "-d", "--name", name, "-p", "127.0.0.1:8099:80", IMAGE,
                    "sh", "-c", "while :; do echo served | nc -l -p 80; done")
        wait_for(lambda: "served" in subprocess.run(
            ["busybox", "nc", "-w", "2", "127.0.0.1", "8099"], capture_output=True, text=True,
            stdin=subprocess.DEVNULL).stdout, "the container answers on the port")

    def test_named_volume_takes_the_images_files(self):
        self.addCleanup(self.engine, "volume", "rm", "-f", self._testMethodName)
        self.assertIn("passwd", self.inside("ls /etc", "-v", f"{self._testMethodName}:/etc"))

    def test_shm_size(self):
        self.assertIn("size=4096k", self.inside("grep ' /dev/shm ' /proc/mounts", "--shm-size", "4m"))

    def test_unknown_runtime_is_refused(self):
        result = self.run_container("--runtime", "nowhere", program=["true"], status=125)
        self.assert_mentions(result.stderr, "unknown runtime specified")

    def test_containers_outlive_the_daemon(self):
        name = self.start()
        pid = self.pid_of(name)
        home.daemon.kill()
        home.start()
        self.assertEqual(self.pid_of(name), pid)
        self.assertEqual(self.engine("exec", name, "echo", "still here").stdout, "still here\n")
        self.engine("stop", name)
        self.assertEqual(self.inspect(name, ".State.ExitCode"), "0")

    def test_build(self):
        directory = self.shared_directory()
        isolation.write(f"{directory}/Dockerfile", f"FROM {IMAGE}\nRUN echo built > /built && id -u >> /built\n"
                        "USER web\nRUN test $(id -u) = 1000\nCMD cat /built\n")
        self.addCleanup(self.engine, "rmi", "-f", "built")
        self.engine("build", "-t", "built", "--network", "none", directory)
        self.assertEqual(self.engine("run", "--rm", self.NETWORK, "built").stdout, "built\n0\n")

    def test_failing_build_step(self):
        directory = self.shared_directory()
        isolation.write(f"{directory}/Dockerfile", f"FROM {IMAGE}\nRUN exit 3\n")
        result = self.engine("build", "--network", "none", directory, status=None)
        self.assert_mentions(result.stdout + result.stderr, "returned a non-zero code: 3")
