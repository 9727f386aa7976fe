# SPDX-License-Identifier: Apache-2.0
"""The rest of the configuration: names, sysctl, memory policy, network devices, labels, versions."""

import json
import os
import subprocess
import unittest

from lib.runtime import RuntimeTest, beyond_runc, read, wait_for


class Names(RuntimeTest):
    def test_hostname(self):
        bundle = self.bundle()
        bundle.config["hostname"] = "other-name"
        self.assertEqual(self.inside("hostname", bundle), "other-name\n")

    def test_hostname_stays_the_hosts_outside(self):
        before = os.uname().nodename
        self.running()
        self.assertEqual(os.uname().nodename, before)

    @beyond_runc
    def test_domainname(self):
        bundle = self.bundle()
        bundle.config["domainname"] = "example.org"
        self.assertEqual(self.inside("cat /proc/sys/kernel/domainname", bundle), "example.org\n")

    @beyond_runc
    def test_a_hostname_that_is_too_long_is_refused(self):
        bundle = self.bundle()
        bundle.config["hostname"] = "x" * 65
        self.assert_create_refused(bundle, "hostname")

    @beyond_runc
    def test_domainname_without_a_namespace_of_its_own_is_refused(self):
        bundle = self.bundle()
        del bundle.config["hostname"]
        bundle.config["domainname"] = "example.org"
        bundle.without_namespace("uts")
        self.assert_create_refused(bundle, "domainname")


class Sysctl(RuntimeTest):
    def set(self, key, value):
        bundle = self.bundle()
        bundle.linux["sysctl"] = {key: value}
        return bundle

    def inside_value(self, key, value):
        return self.inside(f"cat /proc/sys/{key.replace('.', '/')}", self.set(key, value)).strip()

    def test_of_the_network(self):
        self.assertEqual(self.inside_value("net.ipv4.ip_forward", "1"), "1")

    def test_of_the_network_leaves_the_host_alone(self):
        before = read("/proc/sys/net/ipv4/ip_default_ttl")
        self.assertEqual(self.inside_value("net.ipv4.ip_default_ttl", "77"), "77")
        self.assertEqual(read("/proc/sys/net/ipv4/ip_default_ttl"), before)

    def test_with_several_numbers(self):
        self.assertEqual(self.inside_value("net.ipv4.ip_local_port_range", "20000 30000").split(),
                         ["20000", "30000"])

    def test_of_ipc(self):
        self.assertEqual(self.inside_value("kernel.shmmni", "1234"), "1234")

    def test_of_message_queues(self):
        self.assertEqual(self.inside_value("fs.mqueue.msg_max", "20"), "20")

    def test_with_slashes(self):
        bundle = self.set("net/ipv4/ip_forward", "1")
        self.assertEqual(self.inside("cat /proc/sys/net/ipv4/ip_forward", bundle), "1\n")

    def test_of_the_host_is_refused(self):
        for key in ("kernel.panic", "vm.swappiness", "fs.file-max", "kernel.core_pattern",
                    "debug.exception-trace"):
            with self.subTest(key):
                self.assert_create_refused(self.set(key, "1"), key)

    def test_of_the_network_without_its_namespace_is_refused(self):
        bundle = self.set("net.ipv4.ip_forward", "1")
        bundle.without_namespace("network")
        self.assert_create_refused(bundle, "net.ipv4.ip_forward")

    def test_of_ipc_without_its_namespace_is_refused(self):
        bundle = self.set("kernel.shmmni", "1234")
        bundle.without_namespace("ipc")
        self.assert_create_refused(bundle, "kernel.shmmni")

    def test_that_does_not_exist_is_named(self):
        self.assert_create_refused(self.set("net.ipv4.no_such_thing", "1"), "no_such_thing")

    def test_a_value_the_kernel_refuses_is_named(self):
        self.assert_create_refused(self.set("net.ipv4.ip_forward", "maybe"), "ip_forward")

    def test_a_name_with_dot_dot_goes_nowhere(self):
        before = read("/proc/sys/kernel/panic")
        for key in ("net/../kernel/panic", "net.ipv4./../../kernel/panic", "net/ipv4/../../kernel/panic"):
            with self.subTest(key):
                self.assert_create_refused(self.set(key, "55"))
                self.assertEqual(read("/proc/sys/kernel/panic"), before)

    def test_the_hostname_by_sysctl_is_refused_for_the_field_is_there(self):
        self.assert_create_refused(self.set("kernel.hostname", "x"), "kernel.hostname")

    def test_works_though_proc_sys_is_read_only_inside(self):
        bundle = self.set("net.ipv4.ip_forward", "1")
        self.assertIn("/proc/sys", bundle.linux["readonlyPaths"])
        self.assertEqual(self.inside("cat /proc/sys/net/ipv4/ip_forward; "
                                     "probe open /proc/sys/net/ipv4/ip_forward w",
                                     bundle), "1\nEROFS\n")


class Labels(RuntimeTest):
    @beyond_runc
    def test_a_mount_label_without_selinux_is_refused(self):
        if os.path.exists("/sys/fs/selinux/enforce"):
            self.skipTest("this kernel has SELinux")
        bundle = self.bundle()
        bundle.linux["mountLabel"] = "system_u:object_r:container_file_t:s0"
        self.assert_create_refused(bundle, "selinux")


class IntelRdt(RuntimeTest):
    def test_without_the_hardware_is_refused(self):
        if os.path.exists("/sys/fs/resctrl/schemata"):
            self.skipTest("this machine has resctrl")
        bundle = self.bundle()
        bundle.linux["intelRdt"] = {"closID": "gantry", "l3CacheSchema": "L3:0=f"}
        self.assertRegex(self.assert_create_refused(bundle).lower(), "intelrdt|resctrl|intel rdt|cat")


@beyond_runc
class MemoryPolicy(RuntimeTest):
    def policy(self, mode, nodes="0", flags=()):
        bundle = self.bundle("probe", "memory-policy")
        bundle.linux["memoryPolicy"] = {"mode": mode, "nodes": nodes, "flags": list(flags)}
        return bundle

    def seen(self, *args):
        mode, nodes = self.runtime.run(self.policy(*args), ok=True).stdout.split()
        return int(mode), int(nodes, 16)

    def test_each_mode(self):
        for mode, number in (("MPOL_BIND", 2), ("MPOL_INTERLEAVE", 3), ("MPOL_PREFERRED", 1),
                             ("MPOL_PREFERRED_MANY", 5), ("MPOL_WEIGHTED_INTERLEAVE", 6)):
            with self.subTest(mode):
                self.assertEqual(self.seen(mode), (number, 1))

    def test_modes_without_nodes(self):
        for mode, number in (("MPOL_DEFAULT", 0), ("MPOL_LOCAL", 4)):
            with self.subTest(mode):
                self.assertEqual(self.seen(mode, "")[0], number)

    def test_flags(self):
        self.assertEqual(self.seen("MPOL_BIND", "0", ["MPOL_F_STATIC_NODES"]), (2 | 1 << 15, 1))

    def test_nodes_that_are_not_there_are_refused(self):
        self.assert_create_refused(self.policy("MPOL_BIND", "900"), "memoryPolicy")

    def test_nodes_that_are_no_list_are_refused(self):
        self.assert_create_refused(self.policy("MPOL_BIND", "zero"), "memoryPolicy")

    def test_an_unknown_mode_is_refused(self):
        self.assert_create_refused(self.policy("MPOL_BOGUS"), "memoryPolicy", "MPOL_BOGUS")

    def test_an_unknown_flag_is_refused(self):
        self.assert_create_refused(self.policy("MPOL_BIND", "0", ["MPOL_F_BOGUS"]), "memoryPolicy",
                                   "MPOL_F_BOGUS")


@beyond_runc
class NetDevices(RuntimeTest):
    """config-linux.md, "Network Devices": moved in with addresses, brought up, never moved out again."""

    def setUp(self):
        super().setUp()
        self.addCleanup(subprocess.run, ["ip", "link", "delete", "gtest0"], stderr=subprocess.DEVNULL)
        self.addCleanup(subprocess.run, ["ip", "link", "delete", "gtest1"], stderr=subprocess.DEVNULL)
        self.ip("link", "add", "gtest0", "type", "veth", "peer", "name", "gtest1")

    def ip(self, *words):
        return subprocess.run(["ip", *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def exists(self, name):
        return os.path.exists(f"/proc/sys/net/ipv4/conf/{name}")

    def with_device(self, name="gtest1", **device):
        bundle = self.bundle("sleep", "600")
        bundle.linux["netDevices"] = {name: device}
        return bundle

    def renamed(self, name):
        bundle = self.bundle("sleep", "600")
        bundle.linux["netDevices"] = {"gtest1": {"name": name}}
        return bundle

    def inside_ip(self, bundle, *words):
        """`ip` of the host in the container's network namespace: busybox' one tells less."""
        self.container = self.running(bundle)
        return subprocess.run(["nsenter", f"--net=/proc/{self.container.pid}/ns/net", "ip", *words],
                              stdout=subprocess.PIPE, text=True).stdout

    def test_one_moves_in_and_out_of_the_hosts_sight(self):
        self.assertIn("gtest1", self.inside_ip(self.with_device(), "-o", "link"))
        self.assertFalse(self.exists("gtest1"))

    def test_it_is_up(self):
        self.ip("link", "set", "gtest0", "up")
        self.assertRegex(self.inside_ip(self.with_device(), "link", "show", "gtest1"), r"<[A-Z,_]*\bUP\b")

    def test_it_gets_the_new_name(self):
        self.assertIn(" eth0@", self.inside_ip(self.renamed("eth0"), "-o", "link"))

    def test_a_name_with_a_number_to_choose(self):
        self.assertIn(" eth0@", self.inside_ip(self.renamed("eth%d"), "-o", "link"))

    def test_global_addresses_stay(self):
        self.ip("address", "add", "10.9.8.7/24", "dev", "gtest1")
        self.ip("address", "add", "fd00:9::1/64", "dev", "gtest1", "nodad")
        out = self.inside_ip(self.renamed("eth0"), "-o", "address", "show", "eth0")
        self.assertIn("10.9.8.7/24", out)
        self.assertIn("fd00:9::1/64", out)

    def test_hardware_address_and_mtu_stay(self):
        self.ip("link", "set", "gtest1", "address", "02:00:00:00:12:34", "mtu", "1234")
        out = self.inside_ip(self.with_device(), "link", "show", "gtest1")
        self.assertIn("02:00:00:00:12:34", out)
        self.assertIn("mtu 1234", out)

    def test_it_works_for_traffic(self):
        self.ip("address", "add", "10.9.8.1/24", "dev", "gtest0")
        self.ip("link", "set", "gtest0", "up")
        self.ip("address", "add", "10.9.8.2/24", "dev", "gtest1")
        bundle = self.renamed("eth0")
        self.running(bundle)
        outcome = subprocess.run(["busybox", "ping", "-c1", "-W2", "10.9.8.2"], stdout=subprocess.DEVNULL)
        self.assertEqual(outcome.returncode, 0)

    def test_it_goes_with_the_namespace(self):
        container = self.running(self.with_device())
        container.delete("--force", ok=True)
        wait_for(lambda: not self.exists("gtest0"), "the kernel to take the pair away")

    def test_one_that_does_not_exist_is_named(self):
        self.assert_create_refused(self.with_device("no-such-device"), "no-such-device")

    def test_a_name_that_is_taken_is_refused_and_the_device_stays(self):
        self.assert_create_refused(self.renamed("lo"), "gtest1")
        self.assertTrue(self.exists("gtest1"))

    def test_without_a_network_namespace_is_refused(self):
        bundle = self.with_device()
        bundle.without_namespace("network")
        self.assert_create_refused(bundle, "netDevices")

    def test_a_name_that_can_be_none_is_refused(self):
        for name in ("a/b", "x" * 16, "..", "a b"):
            with self.subTest(name):
                self.assert_create_refused(self.renamed(name), "netDevices")
                self.assertTrue(self.exists("gtest1"))


class Versions(RuntimeTest):
    def version(self, version):
        bundle = self.bundle("true")
        bundle.config["ociVersion"] = version
        return bundle

    def test_1_0_to_1_3_are_accepted(self):
        for version in ("1.0.0", "1.0.2", "1.0.2-dev", "1.1.0", "1.2.0", "1.2.1", "1.3.0"):
            with self.subTest(version):
                self.runtime.run(self.version(version), ok=True)

    @beyond_runc
    def test_others_are_refused(self):
        for version in ("", "0.9.0", "2.0.0", "bogus"):
            with self.subTest(version):
                self.assert_create_refused(self.version(version), "ociVersion")

    def test_unknown_fields_are_ignored(self):
        bundle = self.bundle("true")
        bundle.config["ofTomorrow"] = {"a": [1, 2]}
        bundle.linux["ofTomorrow"] = True
        bundle.process["ofTomorrow"] = "x"
        bundle.config["windows"] = {"layerFolders": ["x"]}
        self.runtime.run(bundle, ok=True)

    def test_the_order_of_fields_does_not_matter(self):
        bundle = self.bundle("echo", "fine")
        text = json.dumps(dict(reversed(bundle.config.items())))
        bundle.save(text)
        self.runtime.remember(bundle)
        self.assertEqual(self.runtime("run", "--bundle", bundle.path, bundle.id).stdout, "fine\n")


if __name__ == "__main__":
    unittest.main()
