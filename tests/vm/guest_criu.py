# SPDX-License-Identifier: Apache-2.0
"""checkpoint and restore, for real. Runs inside of the guest of test_criu.py.

The containers have no network namespace of their own: to save one CRIU needs modules that the guest is without.
"""

import json
import os
import subprocess

from lib.runtime import RuntimeTest, cgroup_directory, is_alive, read, wait_for, write

COUNT = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"


def setUpModule():
    subprocess.run(["modprobe", "-a", "af_packet_diag", "netlink_diag", "nf_conntrack_netlink", "nf_tables", "tcp_diag", "tun",
                    "udp_diag", "unix_diag", "veth"], check=True)
    os.makedirs("/etc/criu", exist_ok=True)
    write("/etc/criu/default.conf", "network-lock nftables\n")  # there is no iptables


class CriuTest(RuntimeTest):
    timeout = 120

    def setUp(self):
        super().setUp()
        self.images = self.directory("images")

    def counting(self, script=COUNT):
        bundle = self.script(script)
        bundle.without_namespace("network")
        return bundle

    def start(self, bundle):
        container = self.running(bundle)
        container.wait_for_output("3\n")
        return container

    def checkpoint(self, container, *options, images=None, ok=True):
        return self.runtime("checkpoint", "--image-path", images or self.images, *options, container.id,
                            seconds=60, ok=ok)

    def restore(self, container, *options, id=None, **more):
        """`restore --detach`, the output appended to what the container has said before."""
        log = f"{self.scratch}/restore.log"
        with open(container.stdout_path, "ab") as out, open(os.devnull) as null:
            code = subprocess.run(
                self.runtime.words("restore", "--detach", "--image-path", self.images, "--bundle",
                                   container.bundle.path, "--pid-file", container.pid_path, *options,
                                   id or container.id, log=log),
                stdin=null, stdout=out, stderr=out, timeout=60, **more).returncode
        self.assertEqual(code, 0, read(log) if code else "")

    def numbers(self, container):
        return [int(line) for line in container.stdout.split()]

    def assert_goes_on(self, container):
        before = len(self.numbers(container))
        wait_for(lambda: len(self.numbers(container)) > before + 2, "the count to go on")
        numbers = self.numbers(container)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))


class Checkpoint(CriuTest):
    def test_ends_the_container_and_restore_lets_it_go_on(self):
        container = self.start(self.counting())
        self.checkpoint(container)
        self.assertEqual(container.status, "stopped")
        self.assertFalse(is_alive(container.pid))
        container.delete(ok=True)
        self.restore(container)
        self.assertEqual(container.status, "running")
        self.assertEqual(cgroup_directory(container.pid, ""), f"/sys/fs/cgroup/{container.id}")
        self.assert_goes_on(container)
        self.assertEqual(container.exec("hostname", ok=True).stdout, "gantry-test\n")

    def test_with_leave_running(self):
        container = self.start(self.counting())
        self.checkpoint(container, "--leave-running")
        self.assertEqual(container.status, "running")
        self.assert_goes_on(container)

    def test_of_a_restored_container_which_need_not_be_deleted_before(self):
        container = self.start(self.counting())
        for _ in range(2):
            self.checkpoint(container)
            self.restore(container)
            self.assert_goes_on(container)

    def test_after_a_pre_dump(self):
        container = self.start(self.counting())
        first = self.directory("first")
        self.checkpoint(container, "--pre-dump", images=first)
        self.assertEqual(container.status, "running")
        self.checkpoint(container, "--parent-path", "../first")
        self.restore(container)
        self.assert_goes_on(container)

    def test_of_a_paused_container(self):
        container = self.start(self.counting())
        self.runtime("pause", container.id, ok=True)
        self.checkpoint(container)
        self.restore(container)
        self.runtime("delete", "--force", container.id, ok=True)

    def test_of_a_created_container_is_refused(self):
        container = self.created(self.counting())
        self.assert_refused(self.checkpoint(container, ok=False), "not running")
        self.assertEqual(container.status, "created")

    def test_that_fails_lets_the_container_go_on(self):
        container = self.start(self.counting())
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", self.images], check=True)
        outcome = self.checkpoint(container, "--work-path", self.directory("work"), ok=False)
        subprocess.run(["umount", self.images], check=True)
        self.assert_refused(outcome, "criu dump")
        self.assertEqual(container.status, "running")
        self.assert_goes_on(container)


class Restore(CriuTest):
    def cycle(self, bundle):
        container = self.start(bundle)
        before = self.mounts(container), self.process(container)
        self.checkpoint(container)
        self.restore(container)
        self.assertEqual((self.mounts(container), self.process(container)), before)
        self.assert_goes_on(container)
        return container

    def mounts(self, container):
        """Without the ids, which are new."""
        return sorted(line.split(" ", 3)[3] for line in container.proc("mountinfo").splitlines())

    def process(self, container):
        wanted = ("Uid", "Gid", "Groups", "CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
        return [line for line in container.proc("status").splitlines() if line.split(":")[0] in wanted]

    def test_brings_mounts_back(self):
        subprocess.run(["mount", "--make-rshared", "/"], check=True)
        self.addCleanup(subprocess.run, ["mount", "--make-rprivate", "/"], check=True)
        data = self.directory("data")
        write(f"{data}/x", "data")
        os.makedirs(f"{data}/below")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{data}/below"], check=True)
        self.addCleanup(subprocess.run, ["umount", f"{data}/below"], check=True)
        write(f"{data}/below/y", "below")
        bundle = self.counting("echo kept >/dev/shm/file; " + COUNT)
        bundle.bind(data, "/data", "ro")
        bundle.bind(f"{data}/x", "/etc/file")
        os.symlink("/var", f"{bundle.root}/link")
        bundle.bind(data, "/link/data")
        container = self.cycle(bundle)
        said = container.exec("cat", "/data/x", "/etc/file", "/data/below/y", "/var/data/x", "/dev/shm/file",
                              ok=True).stdout
        self.assertEqual(said, "datadatabelowdatakept\n")
        self.assertIn("Read-only", container.exec("touch", "/data/x").stderr)
        self.assertIn("Read-only", container.exec("touch", "/proc/sys/kernel/panic").stderr)
        self.assertEqual(container.exec("cat", "/proc/kcore", ok=True).stdout, "")

    def test_brings_restrictions_back(self):
        bundle = self.counting()
        bundle.config["root"]["readonly"] = True
        bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [7]}
        bundle.process["noNewPrivileges"] = True
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
        bundle.resources["memory"] = {"limit": 64 << 20}
        bundle.resources["pids"] = {"limit": 30}
        container = self.cycle(bundle)
        self.assertEqual(container.cgroup_file("", "memory.max"), str(64 << 20))
        self.assertEqual(container.cgroup_file("", "pids.max"), "30")

    def test_connects_pipes(self):
        bundle = self.counting()
        bundle.save()
        self.runtime.remember(bundle)
        reader, writer = os.pipe()
        with open(reader, closefd=True) as lines:
            words = self.runtime.words("run", "--detach", "--bundle", bundle.path, bundle.id)
            subprocess.run(words, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.DEVNULL, check=True)
            os.close(writer)
            self.assertEqual(lines.readline(), "1\n")
            self.runtime("checkpoint", "--image-path", self.images, bundle.id, ok=True, seconds=60)
            last = lines.read().split()[-1]  # to its end: nobody holds the other side any more
        self.assertIn("pipe:", json.loads(read(f"{self.images}/descriptors.json"))[1])
        restored = subprocess.Popen(
            self.runtime.words("restore", "--image-path", self.images, "--bundle", bundle.path, bundle.id),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        with restored:
            self.assertEqual(int(restored.stdout.readline()), int(last) + 1)
            # The processes go on a moment before restore has recorded that they do.
            wait_for(lambda: json.loads(self.runtime("state", bundle.id, ok=True).stdout)["status"] == "running",
                     "the container to be known as running")
            self.runtime("kill", bundle.id, "KILL", ok=True)
        self.assertEqual(restored.returncode, 137)  # in the foreground: its status, and nothing is left
        self.assertEqual(self.runtime.left_of(bundle.id), [])

    def test_joins_a_network_namespace_again(self):
        holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        path = f"/proc/{holder.pid}/ns/net"
        wait_for(lambda: os.readlink(path) != os.readlink("/proc/self/ns/net"), "the namespace")
        bundle = self.counting()
        bundle.namespace("network", path)
        container = self.cycle(bundle)
        self.assertEqual(os.readlink(f"/proc/{container.pid}/ns/net"), os.readlink(path))

    def test_that_fails_leaves_nothing(self):
        container = self.start(self.counting())
        self.checkpoint(container)
        container.delete(ok=True)
        os.unlink(f"{self.images}/pages-1.img")
        mounts = read("/proc/self/mountinfo")
        outcome = self.runtime("restore", "--detach", "--image-path", self.images, "--bundle", container.bundle.path,
                               container.id, seconds=60)
        self.assert_refused(outcome, "criu restore", "pagemap")
        self.assertEqual(self.runtime.left_of(container.id), [])
        self.assertEqual(read("/proc/self/mountinfo"), mounts)
