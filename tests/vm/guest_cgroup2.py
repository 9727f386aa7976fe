# SPDX-License-Identifier: Apache-2.0
"""The runtime on a machine that has cgroup v2 alone. Runs inside of the guest of test_cgroup2.py."""

import json
import os
import subprocess

from lib.runtime import PATIENCE, RuntimeTest, cgroups_of, read, wait_for, wait_for_exit, write

ROOT = "/sys/fs/cgroup"
MB = 1 << 20


def disk():
    """major, minor"""
    return tuple(int(number) for number in read("/sys/block/vda/dev").split(":"))


class Cgroup2Test(RuntimeTest):
    def with_resources(self, **resources):
        bundle = self.bundle("sleep", "600")
        bundle.resources.update(resources)
        return bundle

    def file(self, container, name):
        return container.cgroup_file("", name)

    def values(self, *names, **resources):
        container = self.running(self.with_resources(**resources))
        return [self.file(container, name) for name in names]


class Life(Cgroup2Test):
    def test_from_create_to_delete(self):
        container = self.created()
        self.assertEqual(container.status, "created")
        group = container.cgroup("")
        self.assertEqual(group, f"{ROOT}/{container.id}")  # beside the runtime's own group, not below it
        self.assertEqual(self.file(container, "cgroup.procs"), str(container.pid))
        container.start()
        self.assertEqual(container.status, "running")
        container.kill("KILL", ok=True)
        container.wait()
        container.delete(ok=True)
        self.assertFalse(os.path.exists(group))

    def test_run(self):
        bundle = self.script("cat /proc/self/cgroup; exit 3")
        outcome = self.runtime.run(bundle)
        self.assertEqual((outcome.code, outcome.stdout), (3, "0::/\n"))
        self.assertEqual(cgroups_of(bundle.id), [])

    def test_exec_joins_the_group(self):
        container = self.running()
        self.assertEqual(container.exec("cat", "/proc/self/cgroup", ok=True).stdout, "0::/\n")
        container.exec("sleep", "600", options=["--detach"], ok=True)
        self.assertEqual(len(self.file(container, "cgroup.procs").split()), 2)

    def test_exec_goes_where_the_first_process_is_if_the_group_takes_no_processes(self):
        bundle = self.script("mkdir /sys/fs/cgroup/init && echo 1 >/sys/fs/cgroup/init/cgroup.procs &&"
                             "echo +pids >/sys/fs/cgroup/cgroup.subtree_control && echo moved; sleep 600")
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
        container = self.running(bundle)
        container.wait_for_output("moved")
        self.assertEqual(container.exec("cat", "/proc/self/cgroup", ok=True).stdout, "0::/init\n")

    def test_a_group_with_processes_is_refused(self):
        other = self.running()
        bundle = self.bundle()
        bundle.linux["cgroupsPath"] = f"/{other.id}"
        outcome = self.runtime.try_create(bundle)
        self.assert_refused(outcome, other.id, "has processes")
        self.assertEqual(other.status, "running")

    def test_systemd_is_asked_for_and_not_there(self):
        bundle = self.bundle()
        bundle.save()
        self.runtime.remember(bundle)
        outcome = self.runtime("--systemd-cgroup", "create", "--bundle", bundle.path, bundle.id)
        self.assert_refused(outcome, "--systemd-cgroup", "reach systemd")
        self.assertEqual(self.runtime.left_of(bundle.id), [])

    def test_the_path_is_made_with_all_its_controllers(self):
        bundle = self.with_resources(memory={"limit": 64 * MB})
        bundle.linux["cgroupsPath"] = f"/{bundle.id}-parent/below/{bundle.id}"
        container = self.running(bundle)
        self.assertEqual(self.file(container, "memory.max"), str(64 * MB))
        available = set(read(f"{ROOT}/cgroup.controllers").split())
        self.assertEqual(set(self.file(container, "cgroup.controllers").split()), available)
        container.delete("--force", ok=True)
        os.rmdir(f"{ROOT}/{bundle.id}-parent/below")
        os.rmdir(f"{ROOT}/{bundle.id}-parent")

    def test_delete_removes_groups_that_the_container_has_made(self):
        bundle = self.script("mkdir -p /sys/fs/cgroup/a/b && echo 1 >/sys/fs/cgroup/a/b/cgroup.procs; echo ok; sleep 600")
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
        container = self.running(bundle)
        container.wait_for_output("ok")
        container.delete("--force", ok=True)
        self.assertEqual(cgroups_of(container.id), [])

    def test_nothing_survives_delete_by_force(self):
        bundle = self.script("for i in 1 2 3 4 5; do setsid sleep 600 & done; echo ok; wait")
        bundle.without_namespace("pid")
        container = self.running(bundle)
        container.wait_for_output("ok")
        pids = self.file(container, "cgroup.procs").split()
        self.assertEqual(len(pids), 6)
        container.delete("--force", ok=True)
        for pid in pids:
            wait_for_exit(int(pid))
        self.assertEqual(cgroups_of(container.id), [])

    def test_kill_all(self):
        bundle = self.script("setsid sleep 600 & echo ok; wait")
        bundle.without_namespace("pid")
        container = self.running(bundle)
        container.wait_for_output("ok")
        pids = self.file(container, "cgroup.procs").split()
        container.kill("KILL", "--all", ok=True)
        for pid in pids:
            wait_for_exit(int(pid))

    def test_ps(self):
        container = self.running()
        container.exec("sleep", "600", options=["--detach"], ok=True)
        pids = json.loads(self.runtime("ps", "--format", "json", container.id, ok=True).stdout)
        self.assertEqual([str(pid) for pid in pids], self.file(container, "cgroup.procs").split())


class Memory(Cgroup2Test):
    def test_limit_and_reservation(self):
        self.assertEqual(self.values("memory.max", "memory.low", memory={"limit": 64 * MB, "reservation": 32 * MB}),
                         [str(64 * MB), str(32 * MB)])

    def test_swap_is_without_memory_here(self):
        self.assertEqual(self.values("memory.max", "memory.swap.max", memory={"limit": 64 * MB, "swap": 96 * MB}),
                         [str(64 * MB), str(32 * MB)])

    def test_minus_one_is_no_limit(self):
        self.assertEqual(self.values("memory.max", "memory.swap.max", memory={"limit": -1}), ["max", "max"])

    def test_swap_below_the_limit_is_refused(self):
        self.assert_create_refused(self.with_resources(memory={"limit": 64 * MB, "swap": 32 * MB}), "memory.swap")

    def test_what_v2_does_not_have_is_said(self):
        bundle = self.with_resources(memory={"limit": 64 * MB, "swappiness": 10, "disableOOMKiller": True})
        warnings = " ".join(self.runtime.try_create(bundle, ok=True).warnings)
        self.assertIn("swappiness", warnings)
        self.assertIn("disableOOMKiller", warnings)

    def test_update_below_what_is_in_use_can_be_refused(self):
        container = self.running(self.with_resources(memory={"limit": 64 * MB}))
        update = json.dumps({"memory": {"limit": 4096, "checkBeforeUpdate": True}})
        self.assert_refused(self.runtime("update", "-r", "-", container.id, input=update), "in use")
        self.assertEqual(self.file(container, "memory.max"), str(64 * MB))

    def test_what_takes_more_is_killed_and_an_event_says_so(self):
        container = self.created(self.script("tail /dev/zero"))
        group = container.cgroup("")
        self.runtime("update", "--memory", str(24 * MB), "--memory-swap", str(24 * MB), container.id, ok=True)
        events = self.runtime.popen("events", "--interval", "1s", container.id, stdout=subprocess.PIPE, text=True)
        self.addCleanup(events.communicate)
        self.addCleanup(events.kill)
        self.assertEqual(json.loads(events.stdout.readline())["type"], "stats")  # it watches by now
        container.start()
        self.assertIn('"oom"', next(line for line in events.stdout if '"stats"' not in line))
        self.assertRegex(read(f"{group}/memory.events"), "oom_kill [1-9]")


class Cpu(Cgroup2Test):
    def test_shares_become_a_weight(self):
        self.assertEqual(self.values("cpu.weight", cpu={"shares": 1024}), ["100"])

    def test_quota_period_and_burst(self):
        self.assertEqual(self.values("cpu.max", "cpu.max.burst", cpu={"quota": 30000, "period": 60000, "burst": 10000}),
                         ["30000 60000", "10000"])

    def test_quota_of_minus_one_is_none(self):
        self.assertEqual(self.values("cpu.max", cpu={"quota": -1, "period": 50000}), ["max 50000"])

    def test_period_alone(self):
        self.assertEqual(self.values("cpu.max", cpu={"period": 50000}), ["max 50000"])

    def test_idle(self):
        self.assertEqual(self.values("cpu.idle", cpu={"idle": 1}), ["1"])

    def test_cpus_and_mems(self):
        self.assertEqual(self.values("cpuset.cpus", "cpuset.mems", "cpuset.cpus.effective",
                                     cpu={"cpus": "1", "mems": "0"}), ["1", "0", "1"])

    def test_cpus_that_are_not_there_are_refused(self):
        self.assert_create_refused(self.with_resources(cpu={"cpus": "4000"}), "cpu.cpus")

    def test_real_time_is_refused(self):
        self.assert_create_refused(self.with_resources(cpu={"realtimeRuntime": 1000, "realtimePeriod": 1000000}),
                                   "realtime")

    def test_update(self):
        container = self.running(self.with_resources(cpu={"shares": 1024}))
        self.runtime("update", "--cpu-quota", "20000", "--cpu-period", "40000", "--cpu-share", "2", "--cpuset-cpus",
                     "0", container.id, ok=True)
        self.assertEqual([self.file(container, name) for name in ("cpu.max", "cpu.weight", "cpuset.cpus")],
                         ["20000 40000", "1", "0"])


class Others(Cgroup2Test):
    def test_pids(self):
        self.assertEqual(self.values("pids.max", pids={"limit": 19}), ["19"])
        self.assertEqual(self.values("pids.max", pids={"limit": -1}), ["max"])

    def test_pids_hold(self):
        bundle = self.with_resources(pids={"limit": 4})
        bundle.process["args"] = ["sh", "-c", "sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 & echo done"]
        self.assertIn("can't fork", self.runtime.run(bundle).stderr)

    def test_each_throttle_of_a_disk(self):
        major, minor = disk()
        entry = [{"major": major, "minor": minor, "rate": 1 << 20}]
        (value,) = self.values("io.max", blockIO={
            field: entry for field in ("throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice",
                                       "throttleWriteIOPSDevice")})
        self.assertEqual(value, f"{major}:{minor} rbps=1048576 wbps=1048576 riops=1048576 wiops=1048576")

    def test_a_throttle_holds(self):
        major, minor = disk()
        bundle = self.with_resources(blockIO={"throttleReadBpsDevice": [{"major": major, "minor": minor,
                                                                         "rate": 1 << 20}]})
        bundle.resources["devices"].append({"allow": True, "type": "b", "major": major, "minor": minor, "access": "r"})
        bundle.linux["devices"] = [{"type": "b", "path": "/dev/disk", "major": major, "minor": minor}]
        write("/proc/sys/vm/drop_caches", "1")
        begun = float(read("/proc/uptime").split()[0])
        self.inside("dd if=/dev/disk of=/dev/null bs=1M count=2", bundle)
        self.assertGreater(float(read("/proc/uptime").split()[0]) - begun, 1.0)

    def test_weight(self):
        write("/sys/block/vda/queue/scheduler", "bfq")
        self.addCleanup(write, "/sys/block/vda/queue/scheduler", "none")
        major, minor = disk()
        self.assertEqual(self.values("io.bfq.weight", blockIO={
            "weight": 300, "weightDevice": [{"major": major, "minor": minor, "weight": 200}]}),
            [f"default 300\n{major}:{minor} 200"])

    def test_a_disk_that_is_not_there_is_refused(self):
        bundle = self.with_resources(blockIO={"throttleReadBpsDevice": [{"major": 4000, "minor": 1, "rate": 1000}]})
        self.assert_create_refused(bundle, "blockIO", "4000:1")

    def test_huge_pages(self):
        self.assertEqual(self.values("hugetlb.2MB.max", "hugetlb.2MB.rsvd.max",
                                     hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MB}]), [str(4 * MB)] * 2)

    def test_unified(self):
        self.assertEqual(self.values("memory.high", "pids.max", "cgroup.max.depth", pids={"limit": 9}, unified={
            "memory.high": str(48 * MB), "pids.max": "7", "cgroup.max.depth": "3"}), [str(48 * MB), "7", "3"])

    def test_unified_of_no_such_file_is_refused(self):
        self.assert_create_refused(self.with_resources(unified={"memory.nonsense": "1"}), "memory.nonsense")

    def test_unified_cannot_leave_the_group(self):
        self.assert_create_refused(self.with_resources(unified={"../suite/memory.high": "0"}), "unified")

    def test_network_class_is_refused(self):
        self.assert_create_refused(self.with_resources(network={"classID": 0x100001}), "network.classID")

    def test_statistics(self):
        container = self.running(self.with_resources(memory={"limit": 64 * MB}, pids={"limit": 9}))
        data = json.loads(self.runtime("events", "--stats", container.id, ok=True).stdout)["data"]
        self.assertEqual(data["pids"], {"current": 1, "limit": 9})
        self.assertEqual(data["memory"]["usage"]["limit"], 64 * MB)
        self.assertGreater(data["memory"]["usage"]["usage"], 0)
        self.assertGreater(data["cpu"]["usage"]["total"], 0)

    def test_update_of_unified(self):
        container = self.running()
        self.runtime("update", "-r", "-", container.id, input='{"unified": {"memory.high": "67108864"}}', ok=True)
        self.assertEqual(self.file(container, "memory.high"), str(64 * MB))


class Devices(Cgroup2Test):
    """Every rule tried by open(2) inside, on device files that the container has made itself."""

    def setUp(self):
        super().setUp()
        self.major, self.minor = disk()
        self.make = f"mknod /tmp/disk b {self.major} {self.minor}"
        self.anything_denied = {"allow": False, "access": "rwm"}

    def rule(self, allow, access="r", **numbers):
        return {"allow": allow, "type": "b", "access": access, "major": self.major, "minor": self.minor} | numbers

    def opened(self, *rules):
        bundle = self.bundle()
        bundle.resources["devices"] += rules
        return self.inside(f"{self.make}; for how in r w rw; do probe open /tmp/disk $how; done", bundle).split()

    def test_what_no_rule_allows_is_denied(self):
        self.assertEqual(self.opened(), ["EPERM"] * 3)

    def test_what_every_container_may(self):
        script = "for n in 3 5 7 8 9; do mknod /tmp/$n c 1 $n; probe open /tmp/$n rw; done; probe open /dev/ptmx r"
        self.assertEqual(self.inside(script).split(), ["ok"] * 6)

    def test_a_rule_allows(self):
        self.assertEqual(self.opened(self.rule(True)), ["ok", "EPERM", "EPERM"])
        self.assertEqual(self.opened(self.rule(True, "rw", minor=-1)), ["ok"] * 3)

    def test_a_later_rule_wins(self):
        self.assertEqual(self.opened(self.rule(True, "rwm", minor=-1), self.rule(False, "w")), ["ok", "EPERM", "EPERM"])

    def test_privileged(self):
        self.assertEqual(self.opened({"allow": True, "access": "rwm"}), ["ok"] * 3)

    def test_update_replaces_the_rules_and_their_absence_leaves_them(self):
        container = self.running(self.script(f"{self.make}; echo made; sleep 600"))
        container.wait_for_output("made")

        def after(*options, **resources):
            input = json.dumps(resources) if resources else ""
            self.runtime("update", *options, *(["-r", "-"] if resources else []), container.id, input=input, ok=True)
            return container.exec("probe", "open", "/tmp/disk", "r").stdout.strip()

        self.assertEqual(after(devices=[self.anything_denied, self.rule(True)]), "ok")
        self.assertEqual(after("--pids-limit", "50"), "ok")
        self.assertEqual(after(devices=[self.anything_denied]), "EPERM")


class Freezing(Cgroup2Test):
    def test_pause_and_resume(self):
        container = self.running(self.script("while :; do echo -n x; sleep 0.02; done"))
        container.wait_for_output("x")
        self.runtime("pause", container.id, ok=True)
        self.assertEqual(container.status, "paused")
        self.assertIn("frozen 1", self.file(container, "cgroup.events"))
        length = len(container.stdout)
        self.assert_refused(container.exec("true"), "paused")
        self.assertEqual(len(container.stdout), length)
        self.runtime("resume", container.id, ok=True)
        self.assertEqual(container.status, "running")
        wait_for(lambda: len(container.stdout) > length, "it to go on")

    def test_a_paused_container_dies_of_kill(self):
        container = self.running()
        self.runtime("pause", container.id, ok=True)
        container.kill("KILL", ok=True)
        container.wait()

    def test_a_paused_container_is_deleted_by_force(self):
        container = self.running()
        self.runtime("pause", container.id, ok=True)
        container.delete("--force", ok=True)
        self.assertEqual(cgroups_of(container.id), [])

    def test_exec_into_a_paused_container_waits_for_resume(self):
        container = self.running()
        self.runtime("pause", container.id, ok=True)
        with self.runtime.popen("exec", "--ignore-paused", container.id, "echo", "hello", stdout=subprocess.PIPE,
                                text=True) as late:
            self.addCleanup(late.kill)
            self.runtime("resume", container.id, ok=True)
            self.assertEqual(late.communicate(timeout=PATIENCE)[0], "hello\n")


class Inside(Cgroup2Test):
    LOOK = ("cat /proc/self/cgroup; grep ' /sys/fs/cgroup ' /proc/self/mountinfo | cut -d' ' -f4,6; "
            "ls /sys/fs/cgroup/cgroup.procs; grep -c . /sys/fs/cgroup/cgroup.procs; "
            "mkdir /sys/fs/cgroup/x 2>&1 && echo made")

    def test_the_namespace_shows_the_own_group_as_root(self):
        group, mount, *rest = self.inside(self.LOOK).splitlines()
        self.assertEqual(group, "0::/")
        self.assertEqual(mount.split()[0], "/")
        self.assertIn("ro", mount.split()[1].split(","))
        self.assertEqual(rest[0], "/sys/fs/cgroup/cgroup.procs")
        self.assertIn("Read-only file system", rest[2])

    def test_without_a_namespace_the_mount_shows_the_own_group_alone(self):
        bundle = self.bundle()
        bundle.without_namespace("cgroup")
        group, mount, *rest = self.inside(self.LOOK, bundle).splitlines()
        self.assertEqual(group, f"0::/{bundle.id}")
        self.assertEqual(mount.split()[0], f"/{bundle.id}")
        self.assertEqual(rest[0], "/sys/fs/cgroup/cgroup.procs")

    def test_writable_when_asked_for(self):
        bundle = self.bundle()
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
        self.assertIn("made", self.inside(self.LOOK, bundle))

    def test_type_cgroup2_is_the_same(self):
        bundle = self.bundle()
        bundle.mount("/sys/fs/cgroup", "cgroup2", "cgroup", ["ro"])
        self.assertIn("/sys/fs/cgroup/cgroup.procs", self.inside(self.LOOK, bundle))

    def test_a_user_namespace_owns_its_group_when_it_is_writable(self):
        bundle = self.script("mkdir /sys/fs/cgroup/init && echo 1 >/sys/fs/cgroup/init/cgroup.procs &&"
                             "echo +memory +pids >/sys/fs/cgroup/cgroup.subtree_control &&"
                             "mkdir /sys/fs/cgroup/app && echo 5 >/sys/fs/cgroup/app/pids.max &&"
                             "cat /sys/fs/cgroup/app/pids.max; echo 1 > /sys/fs/cgroup/pids.max")
        bundle.user_namespace()
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev"])
        outcome = self.runtime.run(bundle)
        self.assertEqual(outcome.stdout, "5\n", outcome.stderr)
        self.assertIn("Permission denied", outcome.stderr)  # its own limits are not its to set

    def test_a_user_namespace_does_not_own_a_group_that_is_read_only(self):
        bundle = self.bundle("sleep", "600")
        bundle.user_namespace()
        container = self.running(bundle)
        self.assertEqual(os.stat(container.cgroup("")).st_uid, 0)


class Rootless(Cgroup2Test):
    """As user 1000, in a group that was delegated to it."""

    USER = 1000

    def setUp(self):
        super().setUp()
        self.delegated = f"{ROOT}/user-{os.getpid()}"
        os.mkdir(self.delegated)
        os.mkdir(f"{self.delegated}/session")
        self.addCleanup(self.remove_groups)

    def remove_groups(self):
        for directory, _, _ in os.walk(self.delegated, topdown=False):
            os.rmdir(directory)

    def delegate(self):
        write(f"{ROOT}/cgroup.subtree_control", "+cpu +memory +pids")
        for path in ("", "/cgroup.procs", "/cgroup.subtree_control", "/session", "/session/cgroup.procs"):
            os.chown(self.delegated + path, self.USER, self.USER)

    def rootless(self, bundle):
        """Runs `run` as the user, from within its group."""
        bundle.namespace("user")
        bundle.without_namespace("network")
        bundle.without_mount("/sys")
        for which in ("uidMappings", "gidMappings"):
            bundle.linux[which] = [{"containerID": 0, "hostID": self.USER, "size": 1}]
        for mount in bundle.config["mounts"]:
            mount["options"] = [option for option in mount["options"] if option != "gid=5"]
        bundle.mount("/sys", "bind", "/sys", ["rbind", "ro"])
        bundle.linux["readonlyPaths"] = bundle.linux["maskedPaths"] = []
        bundle.without_mount("/sys/fs/cgroup")
        for directory, _, _ in os.walk(bundle.root):
            os.chown(directory, self.USER, self.USER)
        write(f"{self.delegated}/session/cgroup.procs", "0")
        self.addCleanup(write, f"{ROOT}/suite/cgroup.procs", "0")
        os.makedirs(self.runtime.root, exist_ok=True)
        os.chown(self.runtime.root, self.USER, self.USER)
        return self.runtime.run(bundle, user=self.USER)

    def test_limits_where_they_are_delegated(self):
        self.delegate()
        bundle = self.script("cat /proc/self/cgroup; cat /sys/fs/cgroup/user-*/gt*/pids.max")
        bundle.without_namespace("cgroup")
        bundle.resources["pids"] = {"limit": 33}
        outcome = self.rootless(bundle)
        self.assertEqual((outcome.code, outcome.error), (0, ""))
        group = f"/{os.path.basename(self.delegated)}/{bundle.id}"
        self.assertEqual(outcome.stdout.split(), [f"0::{group}", "33"])

    def test_where_nothing_is_delegated_it_stays_and_says_so(self):
        bundle = self.script("cat /proc/self/cgroup")
        bundle.without_namespace("cgroup")
        outcome = self.rootless(bundle)
        self.assertEqual((outcome.code, outcome.error), (0, ""))
        self.assertEqual(outcome.stdout, f"0::/{os.path.basename(self.delegated)}/session\n")
        self.assertIn("delegated", " ".join(outcome.warnings))
