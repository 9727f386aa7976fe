# SPDX-License-Identifier: Apache-2.0
"""The runtime of an ordinary user: user namespaces of one id and of many, cgroups where delegated."""

import os
import unittest

from lib.isolation import cgroup_mounts, remove_cgroup_tree
from lib.runtime import (PROGRAM, Runtime, RuntimeTest, beyond_runc, cgroup_directory, fields, read, wait_for,
                         write)

UID = 23456
FIRST_SUB_ID = 400000


class RootlessTest(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.check_program()
        # The state directory is the user's; the one of the base class stays unused.
        self.runtime = Runtime(self.scratch)
        self.runtime.root = f"{self.scratch}/user-state"
        os.mkdir(self.runtime.root, 0o700)
        os.chown(self.runtime.root, UID, UID)
        self.addCleanup(self.delete_as_user)

    def check_program(self):
        """The user must reach the program: a checkout below a closed home directory is in the way."""
        path = PROGRAM
        while path != "/":
            if not os.stat(path).st_mode & 0o005:
                self.skipTest(f"an ordinary user does not get to {PROGRAM}")
            path = os.path.dirname(path)

    def delete_as_user(self):
        for container in self.runtime.containers:
            self.as_user("delete", "--force", container.id)

    def as_user(self, *words, **more):
        return self.runtime(*words, user=UID, env={"XDG_RUNTIME_DIR": self.scratch, "HOME": self.scratch},
                            **more)

    def user_bundle(self, *args):
        """As `podman run` makes it for an ordinary user."""
        bundle = self.bundle(*args)
        for directory, names, files in os.walk(bundle.path):
            for name in [directory, *(f"{directory}/{name}" for name in files + names)]:
                os.chown(name, UID, UID, follow_symlinks=False)
        bundle.namespace("user")
        for which in ("uidMappings", "gidMappings"):
            bundle.linux[which] = [{"containerID": 0, "hostID": UID, "size": 1}]
        del bundle.linux["resources"]
        bundle.mount("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666",
                                                      "mode=0620"])
        return bundle

    def run_as_user(self, bundle, *options, **more):
        bundle.save()
        self.runtime.remember(bundle)
        return self.as_user("run", "--bundle", bundle.path, *options, bundle.id, **more)

    def see(self, script, bundle=None):
        bundle = bundle or self.user_bundle()
        bundle.process["args"] = ["sh", "-c", script]
        outcome = self.run_as_user(bundle)
        self.assertEqual(outcome.error, "")
        return outcome.stdout

    def start_as_user(self, bundle):
        bundle.save()
        container = self.runtime.remember(bundle)
        path = f"{self.runtime.root}/{bundle.id}.pid"
        container.pid_path = path
        with open(os.devnull) as null:
            self.as_user("create", "--bundle", bundle.path, "--pid-file", path, bundle.id, ok=True,
                         stdin=null)
        self.as_user("start", bundle.id, ok=True)
        return container


class OneId(RootlessTest):
    def test_root_inside_is_the_user_outside(self):
        self.assertEqual(self.see("id -u; cat /proc/self/uid_map").split(), ["0", "0", str(UID), "1"])

    def test_the_process_belongs_to_the_user(self):
        container = self.start_as_user(self.user_bundle("sleep", "600"))
        self.assertEqual(fields(container.proc("status"))["Uid"].split(), [str(UID)] * 4)

    def test_every_namespace_is_new(self):
        script = "for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done"
        for line in self.see(script).split():
            kind = line.split(":")[0]
            self.assertNotEqual(line, os.readlink(f"/proc/self/ns/{kind}"))

    def test_devices_and_file_systems_work(self):
        out = self.see("echo x > /dev/null; head -c 2 /dev/zero | wc -c; ls /dev/pts; "
                       "touch /dev/shm/x && echo shm")
        self.assertEqual(out.split(), ["2", "ptmx", "shm"])

    def test_bind_mounts_of_its_own_files(self):
        source = self.directory()
        write(f"{source}/file", "mine")
        os.chown(source, UID, UID)
        os.chown(f"{source}/file", UID, UID)
        bundle = self.user_bundle()
        bundle.bind(source, "/data", "ro", "nosuid", "nodev")
        self.assertEqual(self.see("cat /data/file; probe open /data/file w", bundle), "mineEROFS\n")

    def test_masked_and_read_only_paths(self):
        self.assertEqual(self.see("cat /proc/keys; grep -c ' /proc/sys ro,' /proc/self/mountinfo"), "1\n")

    def test_capabilities_are_of_the_namespace(self):
        bundle = self.user_bundle()
        every = {which: ["CAP_SYS_ADMIN"] for which in ("bounding", "permitted", "effective")}
        bundle.capabilities(**every)
        self.assertEqual(self.see("mount -t tmpfs x /tmp && echo mounted", bundle), "mounted\n")

    def test_the_life_of_a_container(self):
        container = self.start_as_user(self.user_bundle("sleep", "600"))
        self.assertIn('"running"', self.as_user("state", container.id).stdout)
        self.assertEqual(self.as_user("exec", container.id, "hostname").stdout, "gantry-test\n")
        self.as_user("kill", container.id, "KILL", ok=True)
        wait_for(lambda: '"stopped"' in self.as_user("state", container.id).stdout, "status 'stopped'")
        self.as_user("delete", container.id, ok=True)
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_a_terminal(self):
        bundle = self.user_bundle("sleep", "600")
        container = self.start_as_user(bundle)
        console = self.console()
        os.chmod(console.directory, 0o755)
        os.chmod(console.path, 0o777)
        self.as_user("exec", "-t", "-d", "--console-socket", console.path, container.id, "tty", ok=True)
        console.accept()
        self.assertEqual(console.read_until(None), "/dev/pts/0\r\n")

    def test_seccomp(self):
        bundle = self.user_bundle()
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                   "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_ERRNO"}]}
        self.assertEqual(self.see("probe call 162", bundle), "EPERM\n")

    def test_hooks_run_as_the_user(self):
        bundle = self.user_bundle("true")
        path = f"{self.scratch}/hook"
        write(path, f"#!/bin/sh\nid -u > {self.scratch}/hook-ran\n")
        os.chmod(path, 0o755)
        bundle.hook("createRuntime", path)
        self.assertEqual(self.run_as_user(bundle).code, 0)
        self.assertEqual(read(f"{self.scratch}/hook-ran"), f"{UID}\n")

    def test_an_id_beyond_the_map_is_refused(self):
        bundle = self.user_bundle()
        bundle.process["user"] = {"uid": 5, "gid": 0}
        self.assert_refused(self.run_as_user(bundle))

    def test_somebody_elses_id_cannot_be_mapped(self):
        bundle = self.user_bundle()
        bundle.linux["uidMappings"][0]["hostID"] = 0
        self.assert_refused(self.run_as_user(bundle))

    def test_a_limit_without_a_cgroup_is_refused_with_a_reason(self):
        bundle = self.user_bundle()
        bundle.linux["cgroupsPath"] = f"/{bundle.id}"
        bundle.linux["resources"] = {"pids": {"limit": 20}}
        outcome = self.run_as_user(bundle)
        if outcome.code == 0:
            self.assertTrue(any("cgroup" in warning or "control group" in warning
                                for warning in outcome.warnings),
                            outcome.log)
        else:
            self.assert_refused(outcome, "cgroup")


class DelegatedCgroups(RootlessTest):
    PARENT = "gantry-test-delegated"

    def setUp(self):
        super().setUp()
        for mount in set(cgroup_mounts()):
            parent = f"{mount.path}/{self.PARENT}"
            if os.path.isdir(parent):
                continue
            os.mkdir(parent)
            self._cleanups.insert(0, (remove_cgroup_tree, (parent,), {}))  # after the containers in it
            for name in ("", "/cgroup.procs", "/tasks", "/cgroup.subtree_control", "/cgroup.threads"):
                if os.path.exists(parent + name):
                    os.chown(parent + name, UID, UID)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if mount.type == "cgroup" and os.path.exists(f"{parent}/{name}"):
                    write(f"{parent}/{name}", read(f"{mount.path}/{name}"))

    def test_limits_hold(self):
        bundle = self.user_bundle("sleep", "600")
        bundle.linux["cgroupsPath"] = f"/{self.PARENT}/{bundle.id}"
        bundle.linux["resources"] = {"pids": {"limit": 21}}
        container = self.start_as_user(bundle)
        directory = cgroup_directory(container.pid, "pids")
        self.assertTrue(directory.endswith(f"{self.PARENT}/{bundle.id}"), directory)
        self.assertEqual(read(f"{directory}/pids.max"), "21\n")


class ManyIds(RootlessTest):
    """By newuidmap(1) and newgidmap(1), which let a user have what /etc/subuid and /etc/subgid say."""

    def setUp(self):
        super().setUp()
        for path, line in (("/etc/passwd", f"gantry-test:x:{UID}:{UID}::/:/bin/sh"),
                           ("/etc/group", f"gantry-test:x:{UID}:"),
                           ("/etc/subuid", f"gantry-test:{FIRST_SUB_ID}:65536"),
                           ("/etc/subgid", f"gantry-test:{FIRST_SUB_ID}:65536")):
            before = read(path) if os.path.exists(path) else ""
            write(path, before + line + "\n")
            self.addCleanup(write, path, before)

    def user_bundle(self, *args):
        bundle = super().user_bundle(*args)
        for which in ("uidMappings", "gidMappings"):
            bundle.linux[which].append({"containerID": 1, "hostID": FIRST_SUB_ID, "size": 65536})
        return bundle

    def test_the_maps_have_both_entries(self):
        self.assertEqual(self.see("cat /proc/self/uid_map").split(),
                         ["0", str(UID), "1", "1", str(FIRST_SUB_ID), "65536"])

    @beyond_runc
    def test_another_user_inside_is_a_sub_id_outside(self):
        bundle = self.user_bundle("sleep", "600")
        bundle.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [5]}
        status = fields(self.start_as_user(bundle).proc("status"))
        self.assertEqual(status["Uid"].split()[0], str(FIRST_SUB_ID + 999))
        self.assertEqual(status["Groups"].split(), [str(FIRST_SUB_ID + 4)])

    @beyond_runc
    def test_a_range_that_is_not_the_users_is_refused_in_the_helpers_words(self):
        bundle = self.user_bundle()
        bundle.linux["uidMappings"][1]["hostID"] = 900000
        self.assert_refused(self.run_as_user(bundle), "newuidmap")


class InHelpersAbsence(RootlessTest):
    def test_without_newuidmap_the_reason_is_said(self):
        bundle = self.user_bundle()
        bundle.linux["uidMappings"].append({"containerID": 1, "hostID": FIRST_SUB_ID, "size": 10})
        bundle.save()
        self.runtime.remember(bundle)
        outcome = self.runtime("run", "--bundle", bundle.path, bundle.id, user=UID,
                               env={"PATH": "/proc/nowhere"})
        self.assert_refused(outcome)


if __name__ == "__main__":
    unittest.main()
