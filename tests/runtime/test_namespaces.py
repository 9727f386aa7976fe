# SPDX-License-Identifier: Apache-2.0
"""linux.namespaces: new, shared and joined; user and time namespaces with their maps and offsets."""

import os
import subprocess
import time
import unittest

from lib.runtime import RuntimeTest, beyond_runc, is_alive, read, wait_for, write

# The type in config.json -> the file in /proc/<pid>/ns.
FILES = {"cgroup": "cgroup", "ipc": "ipc", "mount": "mnt", "network": "net", "pid": "pid", "user": "user",
         "uts": "uts", "time": "time"}


def own(type):
    return os.readlink(f"/proc/self/ns/{FILES[type]}")


class NamespaceTest(RuntimeTest):
    def of(self, bundle, type):
        return self.inside(f"readlink /proc/self/ns/{FILES[type]}", bundle).strip()

    def holder(self, *options):
        """A process in new namespaces. Returns its pid."""
        process = subprocess.Popen(["unshare", *options, "sh", "-c", "echo ready; exec sleep 600"],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        return process.pid


class New(NamespaceTest):
    def test_each_type_is_the_containers_own(self):
        for type in ("cgroup", "ipc", "mount", "network", "pid", "uts"):
            with self.subTest(type):
                self.assertNotEqual(self.of(self.bundle(), type), own(type))

    def test_user(self):
        bundle = self.bundle()
        bundle.user_namespace()
        self.assertNotEqual(self.of(bundle, "user"), own("user"))

    @beyond_runc
    def test_time(self):
        bundle = self.bundle()
        bundle.namespace("time")
        self.assertNotEqual(self.of(bundle, "time"), own("time"))

    def test_pid_makes_the_process_number_1(self):
        self.assertEqual(self.inside("echo $$"), "1\n")

    def test_network_has_a_loopback_that_is_up(self):
        self.assertRegex(self.inside("ip addr show lo"), r"(?s)<LOOPBACK,UP.*inet 127\.0\.0\.1/8")

    def test_cgroup_has_the_containers_group_as_its_root(self):
        lines = self.inside("cat /proc/self/cgroup").splitlines()
        self.assertEqual({line.split(":")[2] for line in lines}, {"/"})


class Shared(NamespaceTest):
    def test_each_type_that_is_absent_is_the_callers(self):
        for type in ("cgroup", "ipc", "network", "pid", "uts"):
            with self.subTest(type):
                bundle = self.bundle()
                bundle.without_namespace(type)
                if type == "uts":
                    del bundle.config["hostname"]
                self.assertEqual(self.of(bundle, type), own(type))

    def test_user_and_time_are_the_callers_unless_asked_for(self):
        for type in ("user", "time"):
            with self.subTest(type):
                self.assertEqual(self.of(self.bundle(), type), own(type))

    def test_a_hostname_without_a_namespace_of_its_own_is_refused(self):
        bundle = self.bundle()
        bundle.without_namespace("uts")
        self.assert_create_refused(bundle, "hostname")


class Joined(NamespaceTest):
    def joined(self, type, pid, bundle=None):
        bundle = bundle or self.bundle()
        bundle.namespace(type, f"/proc/{pid}/ns/{FILES[type]}")
        return self.of(bundle, type)

    def test_each_type(self):
        container = self.running()
        for type in ("cgroup", "ipc", "network", "pid", "uts"):
            with self.subTest(type):
                bundle = self.bundle()
                if type == "uts":
                    del bundle.config["hostname"]
                self.assertEqual(self.joined(type, container.pid, bundle),
                                 os.readlink(f"/proc/{container.pid}/ns/{FILES[type]}"))

    def test_all_of_another_container_as_in_a_pod(self):
        pod = self.running()
        bundle = self.bundle()
        del bundle.config["hostname"]
        for type in ("ipc", "network", "uts"):
            bundle.namespace(type, f"/proc/{pod.pid}/ns/{FILES[type]}")
        self.assertEqual(self.inside("hostname", bundle), "gantry-test\n")

    def test_through_a_bind_mount(self):
        path = f"{self.directory('mnt')}/net"
        open(path, "w").close()
        subprocess.run(["unshare", f"--net={path}", "true"], check=True)
        self.addCleanup(subprocess.run, ["umount", path])
        bundle = self.bundle()
        bundle.namespace("network", path)
        self.assertEqual(self.of(bundle, "network"), f"net:[{os.stat(path).st_ino}]")

    def test_pid_shows_the_processes_of_the_other(self):
        container = self.running()
        bundle = self.bundle()
        bundle.namespace("pid", f"/proc/{container.pid}/ns/pid")
        self.assertIn("sleep\0" + "600", self.inside("cat /proc/1/cmdline; test $$ != 1", bundle))

    def test_pid_survives_the_deletion_of_who_joined(self):
        container = self.running()
        bundle = self.bundle("sleep", "601")
        bundle.namespace("pid", f"/proc/{container.pid}/ns/pid")
        self.running(bundle).delete("--force", ok=True)
        self.assertTrue(is_alive(container.pid))

    @beyond_runc
    def test_user_takes_its_maps(self):
        holder = self.holder("--user")
        for kind in ("uid", "gid"):
            write(f"/proc/{holder}/{kind}_map", "0 100000 65536")
        bundle = self.bundle()
        bundle.user_namespace()
        del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
        bundle.namespace("user", f"/proc/{holder}/ns/user")
        out = self.inside("readlink /proc/self/ns/user; cat /proc/self/uid_map", bundle).split()
        self.assertEqual(out, [os.readlink(f"/proc/{holder}/ns/user"), "0", "100000", "65536"])

    @beyond_runc
    def test_time(self):
        holder = self.holder("--time", "--monotonic", "1000", "--fork", "--kill-child")
        child = wait_for(lambda: read(f"/proc/{holder}/task/{holder}/children").split(), "its child")[0]
        self.assertEqual(self.joined("time", child), os.readlink(f"/proc/{child}/ns/time"))

    @beyond_runc
    def test_mount_namespace_of_a_holder_with_the_same_files(self):
        holder = self.holder("--mount")
        bundle = self.bundle()
        bundle.config["mounts"] = []
        bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
        bundle.process["args"] = ["sleep", "600"]
        bundle.namespace("mount", f"/proc/{holder}/ns/mnt")
        self.assertEqual(os.readlink(f"/proc/{self.running(bundle).pid}/ns/mnt"),
                         os.readlink(f"/proc/{holder}/ns/mnt"))


class Refused(NamespaceTest):
    def refused(self, type, path, *words):
        bundle = self.bundle("sleep", "600")
        if type == "uts":
            del bundle.config["hostname"]
        bundle.namespace(type, path)
        return self.assert_create_refused(bundle, *words)

    @beyond_runc
    def test_a_namespace_of_another_type_is_named(self):
        for type in FILES:
            other = "uts" if type != "uts" else "ipc"
            with self.subTest(type):
                path = f"/proc/{os.getpid()}/ns/{FILES[other]}"
                self.refused(type, path, path, type)

    def test_a_file_that_is_no_namespace(self):
        self.refused("network", "/etc/passwd")

    @beyond_runc
    def test_a_file_that_is_no_namespace_is_named(self):
        self.refused("network", "/etc/passwd", "/etc/passwd")

    def test_a_path_that_does_not_exist_is_named(self):
        self.refused("network", "/run/netns/not-there", "/run/netns/not-there")

    def test_a_directory(self):
        self.refused("ipc", "/proc/self/ns")

    def test_a_device(self):
        self.refused("ipc", "/dev/null")

    @beyond_runc
    def test_a_fifo_does_not_hang_the_runtime(self):
        path = f"{self.scratch}/fifo"
        os.mkfifo(path)
        self.refused("network", path, path)

    @beyond_runc
    def test_a_relative_path(self):
        self.refused("network", "proc/self/ns/net", "namespaces")

    def test_the_same_type_twice(self):
        bundle = self.bundle()
        bundle.linux["namespaces"].append({"type": "ipc"})
        self.assert_create_refused(bundle)

    def test_an_unknown_type(self):
        bundle = self.bundle()
        bundle.linux["namespaces"].append({"type": "bogus"})
        self.assert_create_refused(bundle, "bogus")


class UserNamespace(NamespaceTest):
    def user_bundle(self, *args):
        bundle = self.bundle(*args)
        bundle.user_namespace()
        return bundle

    def test_has_the_maps_asked_for(self):
        bundle = self.user_bundle()
        bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10},
                                       {"containerID": 1000, "hostID": 200000, "size": 1}]
        bundle.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 7}]
        self.assertEqual(self.inside("cat /proc/self/uid_map /proc/self/gid_map", bundle).split(),
                         "0 100000 10 1000 200000 1 0 100000 7".split())

    def test_root_inside_is_nobody_outside(self):
        container = self.running(self.user_bundle("sleep", "600"))
        self.assertEqual(os.stat(f"/proc/{container.pid}").st_uid, 100000)
        self.assertEqual(container.exec("id", "-u").stdout, "0\n")

    def test_files_made_inside_belong_to_the_mapped_id(self):
        bundle = self.user_bundle()
        self.inside("echo x > /made", bundle)
        self.assertEqual(os.stat(bundle.host("/made")).st_uid, 100000)

    def test_root_has_capabilities_inside(self):
        bundle = self.user_bundle()
        bundle.capabilities(**{which: ["CAP_SYS_ADMIN"] for which in ("bounding", "permitted", "effective")})
        self.assertEqual(self.inside("mount -t tmpfs x /tmp && echo mounted", bundle), "mounted\n")

    def test_an_ordinary_user_inside(self):
        bundle = self.user_bundle("sleep", "600")
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.assertEqual(os.stat(f"/proc/{self.running(bundle).pid}").st_uid, 101000)

    def test_a_user_beyond_the_map_is_refused(self):
        bundle = self.user_bundle()
        bundle.process["user"] = {"uid": 70000, "gid": 0}
        self.assert_create_refused(bundle)

    def test_owns_the_other_new_namespaces(self):
        bundle = self.user_bundle()
        bundle.capabilities(**{which: ["CAP_NET_ADMIN"] for which in ("bounding", "permitted", "effective")})
        self.assertEqual(self.inside("ip link set lo down && ip link set lo up && echo owned", bundle),
                         "owned\n")

    def test_the_usual_devices_work(self):
        self.assertEqual(self.inside("echo x > /dev/null; head -c 4 /dev/zero | wc -c", self.user_bundle()),
                         "4\n")

    def test_without_maps_is_refused(self):
        bundle = self.user_bundle()
        del bundle.linux["uidMappings"]
        self.assert_create_refused(bundle)

    def test_maps_that_overlap_are_refused(self):
        bundle = self.user_bundle()
        bundle.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10},
                                       {"containerID": 5, "hostID": 200000, "size": 10}]
        self.assert_create_refused(bundle)

    def test_setgroups_works(self):
        bundle = self.user_bundle()
        bundle.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [4, 5]}
        self.assertEqual(self.inside("id -G", bundle), "0 4 5\n")

    def test_exec_and_terminal(self):
        container = self.running(self.user_bundle("sleep", "600"))
        console = self.console()
        container.exec("sh", "-c", "id -u; tty", options=["-t", "-d", "--console-socket", console.path],
                       ok=True)
        console.accept()
        self.assertEqual(console.read_until(None), "0\r\n/dev/pts/0\r\n")


@beyond_runc
class TimeOffsets(NamespaceTest):
    def test_shift_both_clocks(self):
        bundle = self.bundle("probe", "clocks")
        bundle.namespace("time")
        bundle.linux["timeOffsets"] = {"monotonic": {"secs": 1000, "nanosecs": 500000000},
                                       "boottime": {"secs": 86400, "nanosecs": 0}}
        monotonic, boottime = map(float, self.runtime.run(bundle, ok=True).stdout.split())
        self.assertAlmostEqual(monotonic - time.clock_gettime(time.CLOCK_MONOTONIC), 1000.5, delta=2)
        self.assertAlmostEqual(boottime - time.clock_gettime(time.CLOCK_BOOTTIME), 86400, delta=2)

    def test_are_in_the_kernels_file(self):
        bundle = self.bundle()
        bundle.namespace("time")
        bundle.linux["timeOffsets"] = {"monotonic": {"secs": 7}, "boottime": {"secs": 9, "nanosecs": 5}}
        self.assertEqual(self.inside("cat /proc/self/timens_offsets", bundle).split(),
                         ["monotonic", "7", "0", "boottime", "9", "5"])

    def test_hold_for_exec(self):
        bundle = self.bundle("sleep", "600")
        bundle.namespace("time")
        bundle.linux["timeOffsets"] = {"monotonic": {"secs": 5000}}
        monotonic = float(self.running(bundle).exec("probe", "clocks").stdout.split()[0])
        self.assertAlmostEqual(monotonic - time.clock_gettime(time.CLOCK_MONOTONIC), 5000, delta=2)

    def test_in_a_user_namespace(self):
        bundle = self.bundle()
        bundle.user_namespace()
        bundle.namespace("time")
        bundle.linux["timeOffsets"] = {"boottime": {"secs": 77}}
        self.assertIn("77", self.inside("grep boottime /proc/self/timens_offsets", bundle).split())

    def test_without_the_namespace_are_refused(self):
        bundle = self.bundle()
        bundle.linux["timeOffsets"] = {"monotonic": {"secs": 7}}
        self.assert_create_refused(bundle, "timeOffsets")

    def test_of_an_unknown_clock_are_refused(self):
        bundle = self.bundle()
        bundle.namespace("time")
        bundle.linux["timeOffsets"] = {"realtime": {"secs": 7}}
        self.assert_create_refused(bundle, "realtime")


if __name__ == "__main__":
    unittest.main()
