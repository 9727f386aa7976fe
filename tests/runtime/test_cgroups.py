# SPDX-License-Identifier: Apache-2.0
"""linux.resources and linux.cgroupsPath, by the kernel's files and by what the limits do.

On a machine with cgroup v1 or both; every limit is either in force or complained about, never dropped in
silence.
"""

import os
import unittest

from lib.isolation import cgroup_mounts
from lib.runtime import Runtime, RuntimeTest, beyond_runc, cgroup_directory, cgroups_of, read, wait_for

V1 = any(mount.type == "cgroup" and mount.options == "memory" for mount in cgroup_mounts())
MB = 1 << 20


def a_disk():
    """major, minor of a block device that is really there."""
    for name in sorted(os.listdir("/sys/block")):
        if int(read(f"/sys/block/{name}/size")):
            major, minor = read(f"/sys/block/{name}/dev").strip().split(":")
            return int(major), int(minor)
    raise unittest.SkipTest("no block device here")


@unittest.skipUnless(V1, "the memory controller is not on cgroup v1 here")
class CgroupTest(RuntimeTest):
    def with_resources(self, **resources):
        bundle = self.bundle("sleep", "600")
        bundle.resources.update(resources)
        return bundle

    def value(self, controller, name, **resources):
        return self.running(self.with_resources(**resources)).cgroup_file(controller, name)

    def assert_in_force_or_said(self, bundle, controller, name, value, word):
        """The value is in the kernel's file, or `create` says something with the word."""
        outcome = self.runtime.try_create(bundle)
        if outcome.code != 0:
            self.assert_refused(outcome, word)
            return
        if any(word.lower() in warning.lower() for warning in outcome.warnings):
            return
        container = self.runtime.containers[-1]
        pid = container.state["pid"]
        self.assertEqual(read(f"{cgroup_directory(pid, controller)}/{name}").strip(), value)


class Memory(CgroupTest):
    def test_limit(self):
        self.assertEqual(self.value("memory", "memory.limit_in_bytes", memory={"limit": 64 * MB}),
                         str(64 * MB))

    def test_limit_of_minus_one_is_none(self):
        self.assertGreater(int(self.value("memory", "memory.limit_in_bytes", memory={"limit": -1})), 1 << 60)

    def test_reservation(self):
        self.assertEqual(self.value("memory", "memory.soft_limit_in_bytes",
                                    memory={"limit": 64 * MB, "reservation": 32 * MB}), str(32 * MB))

    def test_swap_counts_memory_too(self):
        self.assertEqual(self.value("memory", "memory.memsw.limit_in_bytes",
                                    memory={"limit": 64 * MB, "swap": 96 * MB}), str(96 * MB))

    def test_swap_of_minus_one_is_none(self):
        self.assertGreater(int(self.value("memory", "memory.memsw.limit_in_bytes",
                                          memory={"limit": 64 * MB, "swap": -1})), 1 << 60)

    def test_swap_below_the_limit_is_refused(self):
        self.assert_create_refused(self.with_resources(memory={"limit": 64 * MB, "swap": 32 * MB}))

    def test_swappiness(self):
        self.assertEqual(self.value("memory", "memory.swappiness", memory={"swappiness": 17}), "17")

    def test_swappiness_beyond_100_is_refused(self):
        self.assert_create_refused(self.with_resources(memory={"swappiness": 101}), "swappiness")

    def test_the_oom_killer_off(self):
        self.assertIn("oom_kill_disable 1", self.value("memory", "memory.oom_control",
                                                       memory={"limit": 64 * MB, "disableOOMKiller": True}))

    @beyond_runc
    def test_kernel_tcp(self):  # kernels since 6.17 take the number and forget it
        self.assert_in_force_or_said(self.with_resources(memory={"kernelTCP": 8 * MB}), "memory",
                                     "memory.kmem.tcp.limit_in_bytes", str(8 * MB), "kernelTCP")

    def test_use_hierarchy(self):
        self.assertEqual(self.value("memory", "memory.use_hierarchy", memory={"useHierarchy": True}), "1")

    def test_kernel_is_accepted_though_kernels_have_given_it_up(self):
        self.assertEqual(self.value("memory", "memory.limit_in_bytes",
                                    memory={"limit": 64 * MB, "kernel": 32 * MB}),
                         str(64 * MB))

    def test_what_takes_more_is_killed(self):
        bundle = self.with_resources(memory={"limit": 16 * MB, "swap": 16 * MB})
        bundle.process["args"] = ["sh", "-c", "tail /dev/zero; echo status $?"]
        self.assertEqual(self.inside(bundle=bundle), "status 137\n")

    def test_a_limit_that_is_too_small_to_start_says_so(self):
        outcome = self.runtime.run(self.with_resources(memory={"limit": 1 << 16}))
        self.assertNotEqual(outcome.code, 0)
        self.assertRegex(outcome.error.lower(), "memory|oom")


class Cpu(CgroupTest):
    def test_shares(self):
        self.assertEqual(self.value("cpu", "cpu.shares", cpu={"shares": 333}), "333")

    def test_quota_and_period(self):
        container = self.running(self.with_resources(cpu={"quota": 30000, "period": 60000}))
        self.assertEqual(container.cgroup_file("cpu", "cpu.cfs_quota_us"), "30000")
        self.assertEqual(container.cgroup_file("cpu", "cpu.cfs_period_us"), "60000")

    def test_quota_of_minus_one_is_none(self):
        self.assertEqual(self.value("cpu", "cpu.cfs_quota_us", cpu={"quota": -1}), "-1")

    @beyond_runc
    def test_burst(self):
        self.assertEqual(self.value("cpu", "cpu.cfs_burst_us", cpu={"quota": 50000, "period": 100000,
                                                                    "burst": 20000}),
                         "20000")

    @beyond_runc
    def test_idle(self):
        self.assertEqual(self.value("cpu", "cpu.idle", cpu={"idle": 1}), "1")

    def test_cpus_and_mems(self):
        container = self.running(self.with_resources(cpu={"cpus": "0", "mems": "0"}))
        self.assertEqual(container.cgroup_file("cpuset", "cpuset.cpus"), "0")
        self.assertEqual(container.cgroup_file("cpuset", "cpuset.mems"), "0")
        self.assertIn("Cpus_allowed_list:\t0\n", container.proc("status"))

    def test_cpus_that_are_not_there_are_refused(self):
        self.assert_create_refused(self.with_resources(cpu={"cpus": "4000"}), "cpus")

    def test_real_time(self):
        bundle = self.with_resources(cpu={"realtimeRuntime": 1000, "realtimePeriod": 1000000})
        self.assert_in_force_or_said(bundle, "cpu", "cpu.rt_runtime_us", "1000", "rt_runtime")

    def test_a_quota_out_of_range_is_refused(self):
        self.assert_create_refused(self.with_resources(cpu={"quota": 1, "period": 100000}), "quota")

    def test_a_period_out_of_range_is_refused(self):
        self.assert_create_refused(self.with_resources(cpu={"period": 1, "quota": 1000}), "period")


class Pids(CgroupTest):
    def test_limit(self):
        self.assertEqual(self.value("pids", "pids.max", pids={"limit": 19}), "19")

    def test_limit_of_minus_one_is_none(self):
        self.assertEqual(self.value("pids", "pids.max", pids={"limit": -1}), "max")

    def test_limit_holds(self):
        bundle = self.with_resources(pids={"limit": 4})
        bundle.process["args"] = ["sh", "-c", "sleep 9 & sleep 9 & sleep 9 & sleep 9 & sleep 9 & echo done"]
        outcome = self.runtime.run(bundle)
        self.assertIn("can't fork", outcome.stderr)


class BlockIo(CgroupTest):
    def test_weight(self):
        bundle = self.with_resources(blockIO={"weight": 321})
        name = "blkio.weight" if os.path.exists("/sys/fs/cgroup/blkio/blkio.weight") else "blkio.bfq.weight"
        self.assert_in_force_or_said(bundle, "blkio", name, "321", "weight")

    def test_each_throttle(self):
        major, minor = a_disk()
        names = {"throttleReadBpsDevice": "read_bps", "throttleWriteBpsDevice": "write_bps",
                 "throttleReadIOPSDevice": "read_iops", "throttleWriteIOPSDevice": "write_iops"}
        entry = [{"major": major, "minor": minor, "rate": 12345678}]
        container = self.running(self.with_resources(blockIO={field: entry for field in names}))
        for field, name in names.items():
            with self.subTest(field):
                self.assertEqual(container.cgroup_file("blkio", f"blkio.throttle.{name}_device"),
                                 f"{major}:{minor} 12345678")

    def test_weight_of_a_device(self):
        major, minor = a_disk()
        bundle = self.with_resources(blockIO={"weightDevice": [{"major": major, "minor": minor,
                                                                "weight": 200}]})
        outcome = self.runtime.try_create(bundle)
        if outcome.code == 0 and not outcome.warnings:
            container = self.runtime.containers[-1]
            directory = cgroup_directory(container.state["pid"], "blkio")
            name = [n for n in os.listdir(directory) if n.endswith("weight_device")][0]
            self.assertIn(f"{major}:{minor} 200", read(f"{directory}/{name}"))

    def test_a_device_that_is_not_there_is_refused(self):
        bundle = self.with_resources(blockIO={"throttleReadBpsDevice": [{"major": 4000, "minor": 1,
                                                                         "rate": 1000}]})
        self.assert_create_refused(bundle)


@beyond_runc
class Rarer(CgroupTest):
    """Controllers that many machines do not have: in force or said."""

    def test_hugepage_limits(self):
        if not os.path.exists("/sys/kernel/mm/hugepages/hugepages-2048kB"):
            self.skipTest("no huge pages here")
        bundle = self.with_resources(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MB}])
        self.assert_in_force_or_said(bundle, "", "hugetlb.2MB.max", str(4 * MB), "huge")

    def test_a_huge_page_size_that_is_none_is_refused(self):
        self.assert_create_refused(self.with_resources(hugepageLimits=[{"pageSize": "3XB", "limit": 1}]),
                                   "pageSize")

    def test_network_class(self):
        self.assert_in_force_or_said(self.with_resources(network={"classID": 0x100001}), "net_cls",
                                     "net_cls.classid",
                                     str(0x100001), "net_cls")

    def test_network_priorities(self):
        bundle = self.with_resources(network={"priorities": [{"name": "lo", "priority": 7}]})
        self.assert_in_force_or_said(bundle, "net_prio", "net_prio.ifpriomap", "lo 7", "net_prio")

    def test_rdma(self):
        bundle = self.with_resources(rdma={"mlx5_1": {"hcaHandles": 3, "hcaObjects": 4}})
        self.assert_in_force_or_said(bundle, "rdma", "rdma.max", "mlx5_1 hca_handle=3 hca_object=4", "rdma")

    def test_unified_of_a_controller_that_is_not_on_v2(self):
        bundle = self.with_resources(unified={"memory.high": str(64 * MB)})
        self.assert_in_force_or_said(bundle, "", "memory.high", str(64 * MB), "memory.high")

    def test_unified_of_a_file_that_is_on_v2(self):
        bundle = self.with_resources(unified={"cgroup.max.depth": "5"})
        self.assert_in_force_or_said(bundle, "", "cgroup.max.depth", "5", "cgroup.max.depth")

    def test_unified_cannot_leave_the_cgroup(self):
        self.assert_create_refused(self.with_resources(unified={"../cgroup.max.depth": "5"}), "unified")


class Path(CgroupTest):
    def setUp(self):
        # The runtime makes the groups above, and leaves them: they may be somebody's.
        self.addCleanup(self.remove_parent)
        super().setUp()

    PARENT = "gantry-test-parent"

    def remove_parent(self):
        for path in {mount.path for mount in cgroup_mounts()}:
            for directory, _, _ in os.walk(path, topdown=False):
                if self.PARENT in directory:
                    os.rmdir(directory)

    def cgroup_of(self, bundle, controller="memory"):
        self.container = self.running(bundle)
        return self.container.cgroup(controller)

    def test_absolute(self):
        bundle = self.bundle("sleep", "600")
        bundle.linux["cgroupsPath"] = f"/{self.PARENT}/below/{bundle.id}"
        for controller in ("memory", "pids", "cpu", "freezer", "devices", ""):
            with self.subTest(controller):
                if controller == "memory":
                    self.container = self.running(bundle)
                self.assertTrue(
                    self.container.cgroup(controller).endswith(f"/{self.PARENT}/below/{bundle.id}"))

    def test_relative(self):
        bundle = self.bundle("sleep", "600")
        bundle.linux["cgroupsPath"] = f"{self.PARENT}/{bundle.id}"
        self.assertTrue(self.cgroup_of(bundle).endswith(f"/{self.PARENT}/{bundle.id}"))

    def test_absent_is_named_after_the_container(self):
        bundle = self.bundle("sleep", "600")
        self.assertEqual(os.path.basename(self.cgroup_of(bundle)), bundle.id)

    def test_it_is_the_same_in_every_hierarchy(self):
        bundle = self.bundle("sleep", "600")
        bundle.linux["cgroupsPath"] = f"/{bundle.id}"
        container = self.running(bundle)
        paths = {line.split(":", 2)[2] for line in container.proc("cgroup").splitlines()}
        self.assertEqual(len(paths), 1, paths)

    def test_dot_dot_does_not_leave_the_hierarchy(self):
        bundle = self.bundle("sleep", "600")
        bundle.linux["cgroupsPath"] = f"/../../../{self.PARENT}/{bundle.id}"
        outcome = self.runtime.try_create(bundle)
        if outcome.code == 0:
            self.assertTrue(cgroups_of(bundle.id))
        self.assertFalse(os.path.exists(f"/{self.PARENT}"))

    def test_delete_removes_it_and_groups_below(self):
        container = self.running()
        os.makedirs(f"{container.cgroup('pids')}/a/b")
        container.delete("--force", ok=True)
        self.assertEqual(cgroups_of(container.id), [])

    def test_it_is_gone_after_run(self):
        bundle = self.bundle("true")
        self.runtime.run(bundle, ok=True)
        wait_for(lambda: not cgroups_of(bundle.id), "no cgroup")

    def test_two_containers_with_the_same_id_in_two_state_directories_do_not_share_it(self):
        first = self.running()
        other = Runtime(self.directory("other"))
        outcome = other("create", "--bundle", first.bundle.path, first.id)
        if outcome.code == 0:
            other("delete", "--force", first.id)
        self.assertEqual(first.status, "running")


if __name__ == "__main__":
    unittest.main()
