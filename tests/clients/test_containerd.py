# SPDX-License-Identifier: Apache-2.0
"""containerd's runc shim with our binary, driven by ctr."""

import hashlib
import json
import os
import signal
import tarfile
import tempfile
import unittest

from clients import engine_cases
from lib import cgroups, command, isolation
from lib.containerd import ContainerdHome
from lib.runtime import wait_for

IMAGE = "docker.io/library/gantry-test:1"


def make_image_archive(directory):
    """The test image as `ctr image import` takes it: an OCI layout in a tar."""
    layout = f"{directory}/layout"
    os.makedirs(f"{layout}/blobs/sha256")

    def put(data, **more):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{layout}/blobs/sha256/{digest}", "wb") as blob:
            blob.write(data)
        return {"digest": f"sha256:{digest}", "size": len(data), **more}

    def put_json(document, kind, **more):
        return put(json.dumps(document).encode(), mediaType=f"application/vnd.oci.image.{kind}.v1+json", **more)

    with open(engine_cases.make_image_tar(directory), "rb") as tar:
        layer = put(tar.read(), mediaType="application/vnd.oci.image.layer.v1.tar")
    config = put_json({"architecture": "amd64" if os.uname().machine == "x86_64" else "arm64", "os": "linux",
                       "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
                       "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}, "config")
    manifest = put_json({"schemaVersion": 2, "config": config, "layers": [layer]}, "manifest",
                        annotations={"io.containerd.image.name": IMAGE})
    isolation.write(f"{layout}/index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    isolation.write(f"{layout}/oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}))
    with tarfile.open(f"{directory}/image.tar", "w") as archive:
        archive.add(layout, ".")
    return f"{directory}/image.tar"


def setUpModule():
    global home
    home = ContainerdHome()
    unittest.addModuleCleanup(home.remove)
    home.ctr("image", "import", make_image_archive(home.directory))


class Containerd(unittest.TestCase):
    def setUp(self):
        home.daemon.new_log()
        self.runtime_options = home.runtime_options

    def explain(self):
        return f"containerd's log of this time:\n{home.daemon.new_log()}"

    def run_container(self, *options, program, **more):
        return home.ctr("run", "--rm", *self.runtime_options, *options, IMAGE, self._testMethodName, *program, **more)

    def start(self, *options, script="sleep 1000", name=None):
        name = name or f"{self._testMethodName}-{len(self._cleanups)}"
        self.addCleanup(self.remove, name)
        home.ctr("run", "--detach", "--null-io", *self.runtime_options, *options, IMAGE, name, "sh", "-c", script)
        return name

    def remove(self, name):
        home.ctr("task", "delete", "--force", name, status=None)
        home.ctr("container", "delete", name, status=None)

    def status_of(self, name):
        for line in home.ctr("task", "list").stdout.splitlines()[1:]:
            if line.split()[0] == name:
                return line.split()[2]
        return None

    def pid_of(self, name):
        return int(next(line.split()[1] for line in home.ctr("task", "list").stdout.splitlines()
                        if line.split()[0] == name))

    def test_run(self):
        result = self.run_container(program=["sh", "-c", "echo out; echo err >&2; exit 7"], status=7)
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))

    def test_standard_input(self):
        result = self.run_container(program=["head", "-c", "7"], stdin="through the pipe")
        self.assertEqual(result.stdout, "through")

    def test_terminal(self):
        result = command.run_on_terminal(*home.command("run", "--rm", "--tty", *self.runtime_options, IMAGE,
                                                       self._testMethodName, "sh", "-c", "tty; exit 3"), status=3)
        self.assertEqual(result.stdout.strip(), "/dev/pts/0")

    def test_program_not_found(self):
        result = self.run_container(program=["no-such-program"], status=1)
        self.assertIn("OCI runtime create failed", result.stderr)
        self.assertIn('exec: "no-such-program": executable file not found in $PATH', result.stderr)

    def test_settings(self):
        shown = self.run_container("--env", "COLOUR=red", "--cwd", "/tmp", "--device", "/dev/zero",
                                   program=["sh", "-c", "echo $COLOUR $PWD; stat -c %t:%T /dev/zero"]).stdout
        self.assertEqual(shown.split(), ["red", "/tmp", "1:5"])

    def test_privileges(self):
        def status(*options):
            shown = self.run_container(*options, program=["cat", "/proc/self/status"]).stdout
            return {key: value.strip() for key, _, value in (line.partition(":") for line in shown.splitlines())}
        self.assertEqual(status()["NoNewPrivs"], "1")
        self.assertEqual(status("--allow-new-privs")["NoNewPrivs"], "0")
        plain, changed = (int(status(*options)["CapEff"], 16) for options in
                          ((), ("--cap-add", "CAP_SYS_PTRACE", "--cap-drop", "CAP_CHOWN")))
        self.assertEqual(plain ^ changed, 1 << 19 | 1 << 0)

    def test_user_namespace(self):
        shown = self.run_container("--uidmap", "0:100000:5000", "--gidmap", "0:200000:5000",
                                   program=["sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; id -u"]).stdout
        self.assertEqual(shown.split(), ["0", "100000", "5000", "0", "200000", "5000", "0"])

    def test_root_that_cannot_be_pivoted(self):
        self.assertEqual(self.run_container("--no-pivot", program=["ls", "/etc/passwd"]).stdout, "/etc/passwd\n")

    def test_root_file_system_of_a_directory(self):
        result = home.ctr("run", "--rm", *self.runtime_options, "--rootfs", f"{home.directory}/rootfs",
                          self._testMethodName, "/bin/echo", "hello")
        self.assertEqual(result.stdout, "hello\n")

    def test_cgroup_by_name(self):
        name = self.start("--cgroup", "/default/chosen-name")
        self.assertTrue(cgroups.directory_of(self.pid_of(name), "pids")[1].endswith("/default/chosen-name"))

    def test_read_only_and_mounts(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        result = self.run_container("--read-only", "--mount",
                                    f"type=bind,src={directory.name},dst=/tmp,options=rbind:rw",
                                    program=["sh", "-c", "touch /tmp/x && touch /y"], status=1)
        self.assertIn("Read-only file system", result.stderr)
        self.assertTrue(os.path.exists(f"{directory.name}/x"))

    def test_privileged(self):
        engine_cases.EngineCases.skip_if_runc_cannot_be_privileged(self)
        self.run_container("--privileged", program=["mount", "-t", "tmpfs", "x", "/tmp"])

    def test_seccomp(self):
        shown = self.run_container("--seccomp", program=["grep", "Seccomp:", "/proc/self/status"]).stdout
        self.assertEqual(shown.split()[1], "2")

    def test_host_network_and_joined_namespace(self):
        shown = self.run_container("--net-host", program=["readlink", "/proc/self/ns/net"]).stdout
        self.assertEqual(shown.strip(), os.readlink("/proc/self/ns/net"))
        other = self.pid_of(self.start())
        shown = self.run_container("--with-ns", f"pid:/proc/{other}/ns/pid",
                                   program=["readlink", "/proc/self/ns/pid"]).stdout
        self.assertEqual(shown.strip(), os.readlink(f"/proc/{other}/ns/pid"))

    def test_memory_limit(self):
        name = self.start("--memory-limit", str(40 << 20))
        self.assertEqual(cgroups.value(self.pid_of(name), "memory.limit_in_bytes", "memory.max"), str(40 << 20))

    def test_cpu_limit(self):
        name = self.start("--cpus", "0.5")
        self.assertIn(cgroups.value(self.pid_of(name), "cpu.cfs_quota_us", "cpu.max"), ("50000", "50000 100000"))

    def test_metrics(self):
        shown = home.ctr("task", "metrics", self.start()).stdout
        self.assertRegex(shown, r"memory\.usage(_in_bytes)?\s+[1-9]\d*")
        self.assertRegex(shown, r"pids\.current\s+[1-9]")

    def test_processes(self):
        name = self.start(script="sleep 1001 & sleep 1001 & wait")
        wait_for(lambda: len(home.ctr("task", "ps", name).stdout.splitlines()) == 4, "three processes are listed")
        self.assertIn(str(self.pid_of(name)), home.ctr("task", "ps", name).stdout)

    def test_pause_and_resume(self):
        name = self.start()
        home.ctr("task", "pause", name)
        self.assertEqual(self.status_of(name), "PAUSED")
        home.ctr("task", "resume", name)
        self.assertEqual(self.status_of(name), "RUNNING")

    def test_exec(self):
        name = self.start()
        result = home.ctr("task", "exec", "--exec-id", "one", name, "sh", "-c", "echo out; echo err >&2; exit 5",
                          status=5)
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))

    def test_exec_settings(self):
        shown = home.ctr("task", "exec", "--exec-id", "one", "--cwd", "/home/web", "--user", "1000", self.start(),
                         "sh", "-c", "pwd; id -u").stdout
        self.assertEqual(shown.split(), ["/home/web", "1000"])

    def test_exec_on_a_terminal(self):
        result = command.run_on_terminal(*home.command("task", "exec", "--tty", "--exec-id", "one", self.start(),
                                                       "sh", "-c", "tty; sleep 0.5"))  # ctr sets the size late
        self.assertEqual(result.stdout.strip(), "/dev/pts/0")

    def test_exec_of_a_program_not_found(self):
        result = home.ctr("task", "exec", "--exec-id", "one", self.start(), "no-such-program", status=1)
        self.assertIn("OCI runtime exec failed", result.stderr)
        self.assertIn("no-such-program", result.stderr)

    def test_exec_into_a_stopped_container(self):
        name = self.start(script="exit 0")
        wait_for(lambda: self.status_of(name) == "STOPPED", "it has ended")
        result = home.ctr("task", "exec", "--exec-id", "one", name, "true", status=1)
        self.assertNotEqual(result.stderr, "")

    def test_kill(self):
        for number, status in ((signal.SIGKILL, 137), (signal.SIGTERM, 12)):
            with self.subTest(number.name):
                name = self.start(script="trap 'exit 12' TERM; touch /tmp/ready; while :; do sleep 0.05; done")
                wait_for(lambda: home.ctr("task", "exec", "--exec-id", "look", name, "test", "-e", "/tmp/ready",
                                          status=None).status == 0, "the trap is set")
                home.ctr("task", "kill", "--signal", str(int(number)), name)
                wait_for(lambda: self.status_of(name) == "STOPPED", "it has ended")
                deleted = home.ctr("task", "delete", name, status=None)
                self.assertIn(str(status), deleted.stderr + str(deleted.status))

    def test_kill_all(self):
        name = self.start("--with-ns", "pid:/proc/1/ns/pid", script="sleep 1002 & sleep 1002 & wait")
        wait_for(lambda: len(home.ctr("task", "ps", name).stdout.splitlines()) == 4, "three processes are listed")
        pids = [line.split()[0] for line in home.ctr("task", "ps", name).stdout.splitlines()[1:]]
        home.ctr("task", "kill", "--all", "--signal", "9", name)
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "all three are gone")

    def test_delete_by_force(self):
        name = self.start()
        pid = self.pid_of(name)
        home.ctr("task", "delete", "--force", name)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the process is gone")
        wait_for(lambda: cgroups.named(name) == [], "its cgroups are gone")

    def test_a_killed_shim_takes_its_container_along(self):
        name = self.start()
        pid = self.pid_of(name)
        shim = int(isolation.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[1])
        os.kill(shim, signal.SIGKILL)  # containerd calls `delete --force` from a new shim
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the container is gone")
        wait_for(lambda: cgroups.named(name) == [], "its cgroups are gone")

    def test_containers_outlive_the_daemon(self):
        name = self.start()
        pid = self.pid_of(name)
        home.daemon.kill()
        home.start()
        self.assertEqual((self.pid_of(name), self.status_of(name)), (pid, "RUNNING"))
        self.assertEqual(home.ctr("task", "exec", "--exec-id", "one", name, "echo", "still here").stdout,
                         "still here\n")

    def test_many_at_once(self):
        def run(i):
            return home.ctr("run", "--rm", *self.runtime_options, IMAGE, f"many-{i}", "echo", str(i)).stdout.strip()
        self.assertEqual(engine_cases.all_at_once(run, 12), [str(i) for i in range(12)])

    def test_many_execs_at_once(self):
        name = self.start()

        def run(i):
            return home.ctr("task", "exec", "--exec-id", f"exec-{i}", name, "echo", str(i)).stdout.strip()
        self.assertEqual(engine_cases.all_at_once(run, 32), [str(i) for i in range(32)])

    def test_checkpoint(self):
        engine_cases.skip_without_criu(self)
        name = self.start(script="i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.05; done")
        home.ctr("task", "checkpoint", "--image-path", f"{home.directory}/checkpoint", "--exit", name)
        wait_for(lambda: self.status_of(name) == "STOPPED", "it has ended")
