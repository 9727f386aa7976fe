# SPDX-License-Identifier: Apache-2.0
"""What a limit says is what the kernel's file says, at the start and after `docker update`; what cannot be applied
fails or is a warning."""

import os
import unittest

from docker import engine_home
from lib import cgroups, isolation

IMAGE = "busybox"
MB = 1 << 20
V1 = any(mount.type == "cgroup" and "memory" in mount.options.split(",") for mount in isolation.cgroup_mounts())
CPUS = os.cpu_count()

# Options of run and update, the kernel's files (of v1, of v2), and what they say with each.
LIVE = (
    ("--cpu-shares=512", "cpu.shares", "512", "cpu.weight", "20"),
    ("--cpu-period=50000", "cpu.cfs_period_us", "50000", "cpu.max", "max 50000"),
    ("--cpu-quota=40000", "cpu.cfs_quota_us", "40000", "cpu.max", "40000 100000"),
    ("--cpus=0.5", "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000"),
    ("--cpuset-cpus=0", "cpuset.cpus", "0", "cpuset.cpus", "0"),
    ("--cpuset-mems=0", "cpuset.mems", "0", "cpuset.mems", "0"),
    ("--memory=64m", "memory.limit_in_bytes", str(64 * MB), "memory.max", str(64 * MB)),
    ("--memory-reservation=16m", "memory.soft_limit_in_bytes", str(16 * MB), "memory.low", str(16 * MB)),
    ("--pids-limit=77", "pids.max", "77", "pids.max", "77"),
    ("--pids-limit=-1", "pids.max", "max", "pids.max", "max"),
)

# What only a start can say, by what the process itself sees.
FIXED = (
    (["--ulimit=nofile=123:456"], "ulimit -Sn; ulimit -Hn", "123\n456"),
    (["--ulimit=core=0"], "ulimit -c", "0"),
    (["--ulimit=nproc=5000"], "grep processes /proc/self/limits | tr -s ' ' | cut -d' ' -f3", "5000"),
    (["--sysctl=net.ipv4.ip_default_ttl=99"], "cat /proc/sys/net/ipv4/ip_default_ttl", "99"),
    (["--sysctl=kernel.msgmax=4242"], "cat /proc/sys/kernel/msgmax", "4242"),
    (["--oom-score-adj=321"], "cat /proc/self/oom_score_adj", "321"),
    (["--user=65534:65534", "--group-add=1234", "--group-add=0"], "id -G", "65534 0 1234"),
    (["--shm-size=3m"], "grep ' /dev/shm ' /proc/mounts | grep -o 'size=[0-9]*k'", "size=3072k"),
    (["--device=/dev/null:/dev/nothing:r"], "stat -c %t:%T /dev/nothing", "1:3"),
    # A device without a driver: what may be opened fails otherwise.
    (["--device-cgroup-rule=c 99:* r", "--cap-add=MKNOD"], "mknod /k c 99 7; cat /k 2>&1 | grep -c 'not permitted'; true", "0"),
    (["--cap-add=MKNOD"], "mknod /k c 99 7; cat /k 2>&1 | grep -c 'not permitted'", "1"),
)

REFUSED = (
    (["--memory=5m"], "Minimum memory limit allowed is 6MB"),
    (["--memory=64m", "--memory-swap=32m"], "Minimum memoryswap limit should be larger"),
    (["--memory-swap=64m"], "You should always set the Memory limit"),
    (["--memory=64m", "--memory-reservation=128m"], "Minimum memory limit can not be less than"),
    (["--memory-swappiness=101"], "valid memory swappiness range is 0-100"),
    (["--cpus=1", "--cpu-quota=5000"], "Nano CPUs and CPU Quota cannot both be set"),
    (["--cpus=1", "--cpu-period=5000"], "Nano CPUs and CPU Period cannot both be set"),
    ([f"--cpus={CPUS + 1}"], f"as there are only {CPUS} CPUs available"),
    (["--cpu-period=1"], "CPU cfs period can not be less than 1ms"),
    (["--cpu-quota=1"], "CPU cfs quota can not be less than 1ms"),
    (["--cpuset-cpus=999"], "Requested CPUs are not available"),
    (["--cpuset-mems=999"], "Requested memory nodes are not available"),
    (["--blkio-weight=9"], "Range of blkio weight is from 10 to 1000"),
    (["--device-read-bps=/dev/null:1mb"], "'/dev/null' is not a block device"),
    (["--device=/dev/nothing-there"], 'gathering device information while adding custom device "/dev/nothing-there"'),
    (["--device-cgroup-rule=x 1:3 r"], "invalid device cgroup"),
    (["--gpus=all"], "could not select device driver"),
    (["--oom-score-adj=2000"], "range for oom score adj is [-1000, 1000]"),
    (["--sysctl=kernel.hostname=x"], "kernel.hostname"),
    (["--sysctl=vm.swappiness=1"], "vm.swappiness"),
    (["--ulimit=nofile=20:10"], "soft limit must be less than or equal to hard limit"),
)


def a_disk():
    for name in sorted(os.listdir("/sys/block")):
        if int(isolation.read(f"/sys/block/{name}/size")) and os.path.exists(f"/dev/{name}"):
            return f"/dev/{name}", isolation.read(f"/sys/block/{name}/dev").strip()
    raise unittest.SkipTest("no block device here")


def setUpModule():
    engine_home.start_with_image(IMAGE, command="/bin/sh")


class Limits(engine_home.Case):
    def sleeper(self, *options):
        """A running container that goes with the test; its id and process."""
        name = self.out("run", "-d", "--network", "none", *options, IMAGE, "sleep", "1000")
        self.addCleanup(self.docker, "rm", "-f", name)
        return name, self.inspect(name)["State"]["Pid"]

    def assert_says(self, pid, option, v1, of_v1, v2, of_v2):
        with self.subTest(option):
            self.assertEqual(cgroups.value(pid, v1, v2), of_v1 if V1 else of_v2)

    def test_each_is_in_the_kernels_file(self):
        for row in LIVE:
            name, pid = self.sleeper(row[0])
            self.assert_says(pid, *row)
            self.docker("rm", "-f", name)

    def test_each_may_change_while_it_runs(self):
        for row in LIVE:
            name, pid = self.sleeper()
            said = self.docker("update", row[0], name)
            self.assertEqual((said.stdout.strip(), said.stderr), (name, ""))
            self.assert_says(pid, *row)
            self.docker("rm", "-f", name)

    def test_a_change_outlives_the_container(self):
        name, _ = self.sleeper("--memory=64m")
        self.docker("update", "--pids-limit=55", "--cpu-shares=256", name)
        self.docker("restart", "-t", "0", name)
        pid = self.inspect(name)["State"]["Pid"]
        self.assert_says(pid, "--pids-limit", "pids.max", "55", "pids.max", "55")
        self.assert_says(pid, "--cpu-shares", "cpu.shares", "256", "cpu.weight", "10")
        self.assert_says(pid, "--memory", "memory.limit_in_bytes", str(64 * MB), "memory.max", str(64 * MB))

    def test_swap_is_in_force_or_said(self):
        """Kernels without swap accounting, and Docker's words for that."""
        said = self.docker("run", "-d", "--network", "none", "--memory=64m", "--memory-swap=96m", IMAGE, "sleep", "1000")
        name = said.stdout.strip()
        self.addCleanup(self.docker, "rm", "-f", name)
        pid = self.inspect(name)["State"]["Pid"]
        if "swap limit" in said.stderr:
            self.assertEqual(self.inspect(name)["HostConfig"]["MemorySwap"], -1)
        else:
            self.assertEqual(cgroups.value(pid, "memory.memsw.limit_in_bytes", "memory.swap.max"),
                             str(96 * MB) if V1 else str(32 * MB))

    def test_swappiness_and_the_oom_killer_are_in_force_or_said(self):
        for option, file, value, words in (
                ("--memory-swappiness=7", "memory.swappiness", "7", "memory swappiness"),
                ("--oom-kill-disable", "memory.oom_control", "oom_kill_disable 1", "OomKillDisable")):
            with self.subTest(option):
                said = self.docker("run", "-d", "--network", "none", "--memory=64m", option, IMAGE, "sleep", "1000")
                self.addCleanup(self.docker, "rm", "-f", said.stdout.strip())
                if words in said.stderr:
                    continue
                pid = self.inspect(said.stdout.strip())["State"]["Pid"]
                self.assertIn(value, cgroups.value(pid, file, file))

    def test_kernel_memory_is_ignored_with_a_warning(self):
        said = self.docker("create", "--kernel-memory=32m", IMAGE)
        self.addCleanup(self.docker, "rm", said.stdout.strip())
        self.assert_mentions(said.stderr, "KernelMemory is ignored")

    def test_limits_of_block_devices(self):
        disk, number = a_disk()
        _, pid = self.sleeper("--device-read-bps", f"{disk}:1mb", "--device-write-bps", f"{disk}:2mb",
                              "--device-read-iops", f"{disk}:300", "--device-write-iops", f"{disk}:400")
        if not V1:
            self.assertEqual(cgroups.value(pid, "blkio.x", "io.max"),
                             f"{number} rbps={MB} wbps={2 * MB} riops=300 wiops=400")
            return
        for what, value in (("read_bps", MB), ("write_bps", 2 * MB), ("read_iops", 300), ("write_iops", 400)):
            self.assertEqual(cgroups.value(pid, f"blkio.throttle.{what}_device", ""), f"{number} {value}")

    def test_weights_of_block_devices_are_in_force_or_refused(self):
        """The kernel has them where its disks have the scheduler for them."""
        said = self.docker("run", "-d", "--network", "none", "--blkio-weight=300", IMAGE, "sleep", "1000", status=None)
        if name := said.stdout.strip():
            self.addCleanup(self.docker, "rm", "-f", name)
        if said.status != 0:
            self.assert_mentions(said.stderr, "weight")
            return
        pid = self.inspect(name)["State"]["Pid"]
        version, directory = cgroups.directory_of(pid, "blkio")
        files = [file for file in ("blkio.weight", "blkio.bfq.weight", "io.weight", "io.bfq.weight")
                 if os.path.exists(f"{directory}/{file}")]
        self.assertTrue(files, "accepted, and no file says it")
        self.assertTrue(any(text in isolation.read(f"{directory}/{file}") for file in files
                            for text in ("300", "2929")), (version, files))

    def test_real_time_is_in_force_or_refused(self):
        said = self.docker("run", "-d", "--network", "none", "--cpu-rt-period=1000000", "--cpu-rt-runtime=1000", IMAGE,
                           "sleep", "1000", status=None)
        if name := said.stdout.strip():
            self.addCleanup(self.docker, "rm", "-f", name)
        if said.status != 0:
            self.assert_mentions(said.stderr, "real")
        else:
            self.assertEqual(cgroups.value(self.inspect(name)["State"]["Pid"], "cpu.rt_runtime_us", ""), "1000")

    def test_what_the_process_sees(self):
        for options, script, shown in FIXED:
            with self.subTest(options):
                self.assertEqual(self.out("run", "--rm", "--network", "none", *options, IMAGE, "sh", "-c", script), shown)

    def test_a_parent_of_its_own(self):
        self.addCleanup(cgroups.remove_empty, "further")
        _, pid = self.sleeper("--cgroup-parent", f"/{self.home.cgroup}/further")
        self.assertIn(f"/{self.home.cgroup}/further/", isolation.read(f"/proc/{pid}/cgroup"))

    def test_what_cannot_be_is_refused(self):
        for options, words in REFUSED:
            with self.subTest(options):
                said = self.docker("run", "--rm", "--network", "none", *options, IMAGE, "true", status=None)
                self.assertIn(said.status, (125, 127), said.stderr)  # 127: the client takes a missing file for the command
                self.assert_mentions(said.stderr, words)

    def test_an_update_that_cannot_be_changes_nothing(self):
        name, pid = self.sleeper("--cpus=0.5", "--memory=64m")
        for options, words in ((["--cpu-quota=20000"], "CPU Quota cannot be updated as NanoCPUs"),
                               (["--memory=5m"], "Minimum memory limit allowed is 6MB"),
                               (["--cpuset-cpus=999"], "Requested CPUs are not available")):
            with self.subTest(options):
                self.assert_mentions(self.refused("update", *options, name), words)
        self.assert_says(pid, "--cpus", "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000")
        self.assert_says(pid, "--memory", "memory.limit_in_bytes", str(64 * MB), "memory.max", str(64 * MB))
