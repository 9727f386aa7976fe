# SPDX-License-Identifier: Apache-2.0
"""podman, with our runtime in place of runc."""

import os
import tempfile
import unittest

from clients import engine_cases
from clients.engine_cases import IMAGE
from lib import command, isolation
from lib.podman import PodmanHome
from lib.runtime import PROGRAM, wait_for


def setUpModule():
    global home
    home = PodmanHome()
    unittest.addModuleCleanup(home.remove)
    home.podman("import", engine_cases.make_image_tar(home.directory), IMAGE)


class Podman(engine_cases.EngineCases, unittest.TestCase):
    REMOVE = ("rm", "-f", "-t", "0")  # its rm -f stops first, and waits

    def engine(self, *arguments, **options):
        return home.podman(*arguments, **options)

    def engine_on_terminal(self, *arguments, **options):
        return command.run_on_terminal(*home.command(*arguments), env=home.environment, **options)

    def test_podman_knows_the_runtime(self):
        shown = self.engine("info", "--format", "{{.Host.OCIRuntime.Path}}\n{{.Host.OCIRuntime.Version}}").stdout
        self.assertEqual(shown.splitlines()[0], PROGRAM)
        self.assertIn("spec: 1.", shown)

    def test_runtime_given_by_path(self):
        result = self.engine("--runtime", PROGRAM, "run", "--rm", self.NETWORK, IMAGE, "no-such-program",
                             status=127)
        self.assert_mentions(result.stderr, "no-such-program", "not found")

    def test_directory_is_not_a_program(self):
        self.run_container(program=["/etc"], status=126)

    def test_user_namespace(self):
        shown = self.inside("cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u /etc",
                            "--uidmap", "0:100000:5000", "--gidmap", "0:200000:5000").split()
        self.assertEqual(shown, ["0", "100000", "5000", "0", "200000", "5000", "0", "0"])

    def test_root_file_system_of_a_directory(self):
        result = self.engine("run", "--rm", self.NETWORK, "--rootfs", f"{home.directory}/rootfs", "echo", "hello")
        self.assertEqual(result.stdout, "hello\n")

    def test_inherited_descriptors(self):
        with tempfile.TemporaryFile("w+") as file:
            file.write("through a descriptor")
            file.flush()
            file.seek(0)
            saved = os.dup(3) if os.path.exists("/proc/self/fd/3") else None
            os.dup2(file.fileno(), 3)
            try:
                result = self.run_container("--preserve-fds=1", program=["sh", "-c", "cat <&3"], pass_fds=[3])
            finally:
                os.dup2(saved, 3) if saved is not None else os.close(3)
                os.close(saved) if saved is not None else None
        self.assertEqual(result.stdout, "through a descriptor")

    def test_hooks(self):
        directory = self.shared_directory()
        isolation.write(f"{directory}/hook.sh", f'#!/bin/sh\n(echo "$1"; cat; echo) >> {directory}/calls\n')
        os.chmod(f"{directory}/hook.sh", 0o755)
        stages = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
        for stage in stages:
            isolation.write(f"{directory}/{stage}.json", f"""
                {{"version": "1.0.0", "hook": {{"path": "{directory}/hook.sh", "args": ["hook.sh", "{stage}"]}},
                  "when": {{"always": true}}, "stages": ["{stage}"]}}""")
        # createContainer hooks run in the container's mount namespace, before it pivots: the path still works.
        self.engine("--hooks-dir", directory, "run", "--name", self._testMethodName, self.NETWORK, IMAGE, "true")
        self.engine("--hooks-dir", directory, "rm", "-f", self._testMethodName)
        calls = isolation.read(f"{directory}/calls")
        self.assertEqual([line for line in calls.splitlines() if line in stages], list(stages))

    def test_log_driver_k8s_file(self):
        name = self.start("--log-driver", "k8s-file", script="echo line; printf partial")
        self.engine("wait", name)
        self.assertEqual(self.engine("logs", name).stdout.rstrip("\n"), "line\npartial")

    def test_exec_resizes_with_the_screen(self):
        name = self.start()
        shown = command.run_on_terminal(*home.command("exec", "-it", name, "sh", "-c", "sleep 0.3; stty size"),
                                        env=home.environment, rows=44, columns=133)
        self.assertEqual(shown.stdout.split(), ["44", "133"])

    def test_health_check(self):
        name = self.start("--health-cmd", "test -e /tmp/healthy", "--health-interval", "disable")
        self.engine("healthcheck", "run", name, status=1)
        self.engine("exec", name, "touch", "/tmp/healthy")
        self.engine("healthcheck", "run", name)

    def test_commit(self):
        name = self.start()
        self.engine("exec", name, "sh", "-c", "echo kept > /kept")
        self.engine("commit", "-q", name, "committed")
        self.addCleanup(self.engine, "rmi", "-f", "committed")
        self.assertEqual(self.engine("run", "--rm", self.NETWORK, "committed", "cat", "/kept").stdout, "kept\n")

    def test_mount_source_missing(self):
        result = self.run_container("--mount", "type=bind,source=/no/such/place,target=/x", program=["true"],
                                    status=125)
        self.assert_mentions(result.stderr, "/no/such/place")

    def test_volume_directory_over_a_file(self):
        result = self.run_container("-v", f"{self.shared_directory()}:/bin/busybox", program=["true"], status=None)
        self.assertIn(result.status, (125, 126, 127))
        self.assert_mentions(result.stderr, "not a directory")

    def test_checkpoint_and_restore(self):
        engine_cases.skip_without_criu(self)
        name = self.start(script="i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done")
        self.wait_for_log(name, "5\n")
        self.engine("container", "checkpoint", name)
        self.assertEqual(self.inspect(name, ".State.Running"), "false")
        self.engine("container", "restore", name)
        before = self.engine("logs", name).stdout.count("\n")
        wait_for(lambda: self.engine("logs", name).stdout.count("\n") > before, "it counts on")

    # -- pods

    def make_pod(self, *options):
        self.addCleanup(self.engine, "pod", "rm", "--force", "--time", "0", self._testMethodName)
        self.engine("pod", "create", "--name", self._testMethodName, self.NETWORK, *options)
        return self._testMethodName

    def start_in_pod(self, pod, script):
        return self.engine("run", "-d", "--pod", pod, IMAGE, "sh", "-c", script).stdout.strip()

    def test_pod_with_shared_namespaces(self):
        pod = self.make_pod("--share", "pid,ipc,net,uts")
        first = self.start_in_pod(pod, "sleep 1004")
        second = self.start_in_pod(pod, "sleep 1005")
        for kind, shared in (("pid", True), ("ipc", True), ("net", True), ("uts", True), ("mnt", False)):
            same = (os.readlink(f"/proc/{self.pid_of(first)}/ns/{kind}")
                    == os.readlink(f"/proc/{self.pid_of(second)}/ns/{kind}"))
            self.assertEqual(same, shared, f"{kind} namespace")
        self.assert_mentions(self.engine("exec", first, "ps").stdout, "sleep 1004", "sleep 1005", "catatonit")

    def test_pod_container_with_shared_pids_dies_whole(self):
        pod = self.make_pod("--share", "pid")
        name = self.start_in_pod(pod, "sleep 1006 & sleep 1006 & wait")
        other = self.start_in_pod(pod, "sleep 1007")
        pid = self.pid_of(name)
        children = wait_for(
            lambda: (found := isolation.read(f"/proc/{pid}/task/{pid}/children").split())[1:] and found, "children")
        self.engine("rm", "-f", "-t", "0", name)
        wait_for(lambda: not any(os.path.exists(f"/proc/{child}") for child in children),
                           f"the children {children} are gone")
        self.assertEqual(self.inspect(other, ".State.Running"), "true")

    def test_pod_stop_and_start(self):
        pod = self.make_pod("--share", "net,ipc")
        name = self.start_in_pod(pod, "trap 'exit 0' TERM; sleep 1000 & wait")
        self.engine("pod", "stop", pod)
        self.assertEqual(self.inspect(name, ".State.Running"), "false")
        self.engine("pod", "start", pod)
        self.assertEqual(self.inspect(name, ".State.Running"), "true")
        self.engine("pod", "pause", pod)
        self.engine("pod", "unpause", pod)
        self.engine("pod", "kill", pod)
