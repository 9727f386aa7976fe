# SPDX-License-Identifier: Apache-2.0
"""root, mounts, maskedPaths, readonlyPaths, rootfsPropagation, as /proc/self/mountinfo inside tells them."""

import os
import subprocess
import unittest
from typing import NamedTuple

from lib.runtime import RuntimeTest, beyond_runc, read, wait_for, write


class Mount(NamedTuple):
    root: str
    point: str
    options: set      # of this mount: "ro", "nosuid"
    propagation: set  # "shared", "master", "unbindable"
    type: str
    source: str
    super: set        # options of the file system: "size=64k"


def parse_mountinfo(text):
    """{mount point: Mount}; of those on the same point the last."""
    mounts = {}
    for line in text.splitlines():
        left, right = line.split(" - ")
        _, _, _, root, point, options, *tags = left.split()
        type, source, super_options = right.split(" ", 2)
        mounts[point] = Mount(root, point, set(options.split(",")), {tag.split(":")[0] for tag in tags}, type,
                              source,
                              set(super_options.split(",")))
    return mounts


class MountTest(RuntimeTest):
    def mounts(self, bundle=None):
        return parse_mountinfo(self.inside("cat /proc/self/mountinfo", bundle))


class Root(MountTest):
    def test_is_the_bundles_directory(self):
        bundle = self.bundle()
        bundle.file("/marker", "mine")
        self.assertEqual(self.inside("cat /marker", bundle), "mine")

    def test_is_writable_unless_said(self):
        bundle = self.bundle()
        self.inside("echo x > /file", bundle)
        self.assertEqual(read(bundle.host("/file")), "x\n")

    def test_readonly(self):
        bundle = self.bundle()
        bundle.config["root"]["readonly"] = True
        self.assertEqual(self.inside("probe open / w; touch /file 2>&1 | grep -c Read-only; "
                                     "touch /dev/shm/x && echo shm",
                                     bundle).split(), ["EISDIR", "1", "shm"])

    def test_readonly_makes_missing_mount_targets_first(self):
        bundle = self.bundle()
        bundle.config["root"]["readonly"] = True
        bundle.bind(self.directory(), "/new/target")
        self.assertIn("/new/target", self.mounts(bundle))

    def test_by_an_absolute_path(self):
        bundle = self.bundle()
        bundle.config["root"]["path"] = bundle.root
        self.assertEqual(self.inside("echo fine", bundle), "fine\n")

    def test_in_another_directory_of_the_bundle(self):
        bundle = self.bundle()
        os.rename(bundle.root, f"{bundle.path}/elsewhere")
        bundle.config["root"]["path"] = "elsewhere"
        self.assertEqual(self.inside("echo fine", bundle), "fine\n")

    def test_that_is_a_mount_itself(self):
        bundle = self.bundle()
        point = self.directory("mnt-root")
        subprocess.run(["mount", "--bind", bundle.root, point], check=True)
        bundle.config["root"]["path"] = point
        self.assertEqual(self.inside("echo fine", bundle), "fine\n")

    def test_that_does_not_exist_is_named(self):
        bundle = self.bundle()
        bundle.config["root"]["path"] = "no-such-root"
        self.assert_create_refused(bundle, "no-such-root")

    def test_that_is_a_file_is_refused(self):
        bundle = self.bundle()
        bundle.config["root"]["path"] = "config.json"
        self.assert_create_refused(bundle)

    def test_nothing_of_the_host_is_above_it(self):
        self.assertEqual(self.inside("stat -c %i:%d / /.. /../.. | sort -u | wc -l").strip(), "1")

    def test_mounts_of_the_container_are_not_seen_outside(self):
        container = self.running()
        self.assertNotIn(container.bundle.root, read("/proc/self/mountinfo"))


class RootPropagation(MountTest):
    def of(self, value):
        bundle = self.bundle()
        bundle.linux["rootfsPropagation"] = value
        return self.mounts(bundle)["/"].propagation

    def test_private(self):
        self.assertEqual(self.of("private"), set())

    @beyond_runc
    def test_slave(self):
        point = self.mount_tmpfs()
        subprocess.run(["mount", "--make-shared", point], check=True)
        bundle = self.bundle()
        subprocess.run(["cp", "-a", bundle.root, point], check=True)
        bundle.config["root"]["path"] = f"{point}/rootfs"
        bundle.linux["rootfsPropagation"] = "slave"
        self.assertEqual(self.mounts(bundle)["/"].propagation, {"master"})

    @beyond_runc
    def test_shared(self):
        self.assertIn("shared", self.of("shared"))

    @beyond_runc
    def test_unbindable(self):
        self.assertIn("unbindable", self.of("unbindable"))

    def test_of_another_word_is_refused(self):
        bundle = self.bundle()
        bundle.linux["rootfsPropagation"] = "bogus"
        self.assert_create_refused(bundle, "rootfsPropagation")


class FileSystems(MountTest):
    def test_the_usual_ones_are_mounted(self):
        mounts = self.mounts()
        self.assertEqual({point: mounts[point].type for point in
                          ("/proc", "/dev", "/dev/pts", "/sys", "/dev/mqueue", "/dev/shm")},
                         {"/proc": "proc", "/dev": "tmpfs", "/dev/pts": "devpts", "/sys": "sysfs",
                          "/dev/mqueue": "mqueue", "/dev/shm": "tmpfs"})

    def test_their_options_hold(self):
        mounts = self.mounts()
        self.assertLessEqual({"nosuid", "nodev", "noexec"}, mounts["/proc"].options)
        self.assertLessEqual({"ro", "nosuid", "nodev", "noexec"}, mounts["/sys"].options)
        self.assertLessEqual({"gid=5", "mode=620", "ptmxmode=666"}, mounts["/dev/pts"].super)
        self.assertIn("size=65536k", mounts["/dev/shm"].super)

    def test_proc_shows_the_containers_processes_only(self):
        names = self.runtime.run(self.bundle("ls", "/proc"), ok=True).stdout.split()
        self.assertEqual([name for name in names if name.isdigit()], ["1"])

    def test_sysfs_shows_the_containers_network_only(self):
        self.assertEqual(self.inside("ls /sys/class/net"), "lo\n")

    def test_dev_pts_is_the_containers_own(self):
        self.assertEqual(self.inside("ls /dev/pts"), "ptmx\n")

    def test_tmpfs_with_data(self):
        bundle = self.bundle()
        bundle.mount("/data", "tmpfs", "tmpfs", ["size=64k", "mode=1710", "uid=7", "gid=8", "nr_inodes=10"])
        self.assertEqual(self.inside("stat -c '%a %u %g' /data", bundle), "1710 7 8\n")
        mount = self.mounts(bundle)["/data"]
        self.assertLessEqual({"size=64k", "nr_inodes=10"}, mount.super)

    def test_overlay(self):
        lower, upper, work = (self.directory(name) for name in ("lower", "upper", "work"))
        write(f"{lower}/file", "from below")
        bundle = self.bundle()
        bundle.mount("/merged", "overlay", "overlay", [f"lowerdir={lower}", f"upperdir={upper}",
                                                       f"workdir={work}"])
        self.assertEqual(self.inside("cat /merged/file; echo x > /merged/new", bundle), "from below")
        self.assertEqual(read(f"{upper}/new"), "x\n")

    def test_data_that_the_file_system_does_not_know_is_named(self):
        bundle = self.bundle()
        bundle.mount("/data", "tmpfs", "tmpfs", ["sise=64k"])
        self.assert_create_refused(bundle, "/data")

    @beyond_runc
    def test_the_kernels_own_words_about_bad_data_are_shown(self):
        bundle = self.bundle()
        bundle.mount("/data", "tmpfs", "tmpfs", ["sise=64k"])
        self.assert_create_refused(bundle, "/data", "sise")

    def test_an_unknown_type_is_named(self):
        bundle = self.bundle()
        bundle.mount("/data", "bogusfs", "none")
        self.assert_create_refused(bundle, "/data")

    def test_mounts_are_made_in_order(self):
        bundle = self.bundle()
        bundle.mount("/a", "tmpfs", "first")
        bundle.mount("/a/b", "tmpfs", "second")
        bundle.config["mounts"].append({"destination": "/a", "type": "tmpfs", "source": "third"})
        self.assertEqual(self.inside("ls /a | wc -l; grep -c ' /a/b ' /proc/self/mountinfo; grep -c ' /a ' "
                                     "/proc/self/mountinfo", bundle).split(), ["0", "1", "2"])


class Options(MountTest):
    def options_of(self, *options):
        bundle = self.bundle()
        bundle.mount("/data", "tmpfs", "tmpfs", options)
        return self.mounts(bundle)["/data"].options

    def test_each_flag(self):
        flags = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"]
        bundle = self.bundle()
        for flag in flags:
            bundle.mount(f"/with-{flag}", "tmpfs", "tmpfs", [flag])
        mounts = self.mounts(bundle)
        for flag in flags:
            with self.subTest(flag):
                self.assertIn(flag, mounts[f"/with-{flag}"].options)
                for other in flags:
                    if other not in (flag, "nodiratime"):
                        self.assertNotIn(other, mounts[f"/with-{flag}"].options)

    def test_each_flag_that_takes_one_back(self):
        pairs = {"rw": "ro", "suid": "nosuid", "dev": "nodev", "exec": "noexec", "atime": "noatime",
                 "diratime": "nodiratime"}
        bundle = self.bundle()
        for flag, opposite in pairs.items():
            bundle.mount(f"/with-{flag}", "tmpfs", "tmpfs", [opposite, flag])
        mounts = self.mounts(bundle)
        for flag, opposite in pairs.items():
            with self.subTest(flag):
                self.assertNotIn(opposite, mounts[f"/with-{flag}"].options)

    def test_relatime_is_the_default_and_strictatime_is_neither(self):
        self.assertIn("relatime", self.options_of())
        self.assertFalse({"relatime", "noatime"} & self.options_of("strictatime"))

    def test_flags_of_the_file_system(self):
        bundle = self.bundle()
        bundle.mount("/data", "tmpfs", "tmpfs", ["sync", "dirsync"])
        self.assertLessEqual({"sync", "dirsync"}, self.mounts(bundle)["/data"].super)

    @beyond_runc
    def test_nosymfollow(self):
        bundle = self.bundle()
        bundle.mount("/data", "tmpfs", "tmpfs", ["nosymfollow"])
        self.assertEqual(self.inside("ln -s /etc/passwd /data/x; probe open /data/x r", bundle), "ELOOP\n")

    @beyond_runc
    def test_defaults_is_nothing(self):
        self.assertIn("rw", self.options_of("defaults"))

    def test_propagation(self):
        bundle = self.bundle()
        for word in ("private", "shared", "slave", "unbindable", "rprivate", "rshared", "rslave",
                     "runbindable"):
            bundle.mount(f"/{word}", "tmpfs", "tmpfs", [word])
        mounts = self.mounts(bundle)
        expected = {"private": set(), "shared": {"shared"}, "slave": set(), "unbindable": {"unbindable"}}
        for word, tags in expected.items():
            with self.subTest(word):
                self.assertEqual(mounts[f"/{word}"].propagation, tags)
                self.assertEqual(mounts[f"/r{word}"].propagation, tags)

    def test_tmpcopyup(self):
        bundle = self.bundle()
        bundle.file("/data/file", "content", 0o640)
        os.chown(bundle.host("/data/file"), 11, 12)
        bundle.file("/data/sub/deep", "more")
        os.symlink("file", bundle.host("/data/link"))
        os.chmod(bundle.host("/data"), 0o750)
        bundle.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup"])
        out = self.inside("cat /data/file /data/sub/deep; readlink /data/link; "
                          "stat -c '%a %u %g' /data/file; "
                          "grep -c ' /data .*tmpfs' /proc/self/mountinfo; echo new > /data/new", bundle)
        self.assertEqual(out, "contentmorefile\n640 11 12\n1\n")
        self.assertFalse(os.path.exists(bundle.host("/data/new")))

    def test_tmpcopyup_does_not_follow_links_out(self):
        bundle = self.bundle()
        write(f"{self.scratch}/secret", "secret")
        bundle.file("/data/x")
        os.symlink(f"{self.scratch}/secret", bundle.host("/data/link"))
        bundle.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup"])
        self.assertEqual(self.inside("test -L /data/link; cat /data/link 2>/dev/null; echo end", bundle),
                         "end\n")


class Bind(MountTest):
    def tree(self):
        """A shared mount with one mount below it, at 'below'."""
        point = self.mount_tmpfs("mnt-tree")
        subprocess.run(["mount", "--make-shared", point], check=True)
        os.mkdir(f"{point}/below")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{point}/below"], check=True)
        return point

    def bound(self, *options):
        bundle = self.bundle()
        bundle.bind(self.tree(), "/data", *options)
        return self.mounts(bundle)

    def test_of_a_directory(self):
        source = self.directory()
        write(f"{source}/file", "shared")
        bundle = self.bundle()
        bundle.bind(source, "/data")
        self.assertEqual(self.inside("cat /data/file; echo back > /data/reply", bundle), "shared")
        self.assertEqual(read(f"{source}/reply"), "back\n")

    def test_of_a_file(self):
        write(f"{self.scratch}/file", "content")
        bundle = self.bundle()
        bundle.bind(f"{self.scratch}/file", "/etc/new.conf", "ro")
        self.assertEqual(self.inside("cat /etc/new.conf; probe open /etc/new.conf w", bundle),
                         "contentEROFS\n")

    def test_of_a_file_over_a_file(self):
        write(f"{self.scratch}/file", "content")
        bundle = self.bundle()
        bundle.bind(f"{self.scratch}/file", "/etc/passwd")
        self.assertEqual(self.inside("cat /etc/passwd", bundle), "content")

    def test_of_a_socket_and_a_device(self):
        bundle = self.bundle()
        bundle.bind("/dev/null", "/host-null")
        self.assertEqual(self.inside("stat -c %F /host-null", bundle), "character special file\n")

    def test_by_a_source_relative_to_the_bundle(self):
        bundle = self.bundle()
        os.mkdir(f"{bundle.path}/data")
        write(f"{bundle.path}/data/file", "near")
        bundle.bind("data", "/data")
        self.assertEqual(self.inside("cat /data/file", bundle), "near")

    def test_missing_targets_are_made(self):
        write(f"{self.scratch}/file", "content")
        bundle = self.bundle()
        bundle.bind(self.directory(), "/a/b/c")
        bundle.bind(f"{self.scratch}/file", "/d/e/f")
        self.inside("true", bundle)
        self.assertTrue(os.path.isdir(bundle.host("/a/b/c")))
        self.assertTrue(os.path.isfile(bundle.host("/d/e/f")))

    def test_targets_are_resolved_inside_the_root(self):
        outside = self.directory("outside")
        source = self.directory()
        write(f"{source}/file", "inside")
        bundle = self.bundle()
        os.symlink(outside, bundle.host("/absolute"))
        os.symlink("../../../../../../../.." + outside, bundle.host("/relative"))
        bundle.bind(source, "/absolute/one")
        bundle.bind(source, "/relative/two")
        self.assertEqual(self.inside("cat /absolute/one/file /relative/two/file", bundle), "insideinside")
        self.assertEqual(os.listdir(outside), [])
        self.assertTrue(os.path.isdir(bundle.host(outside + "/one")))

    def test_a_target_that_is_a_link_itself_is_resolved_inside_the_root(self):
        write(f"{self.scratch}/host-file", "host")
        write(f"{self.scratch}/new", "new")
        bundle = self.bundle()
        os.symlink(f"{self.scratch}/host-file", bundle.host("/etc/link"))
        bundle.bind(f"{self.scratch}/new", "/etc/link")
        self.assertEqual(self.inside("cat /etc/link", bundle), "new")
        self.assertEqual(read(f"{self.scratch}/host-file"), "host")

    def test_dot_dot_in_a_target_stays_inside_the_root(self):
        source = self.directory()
        bundle = self.bundle()
        bundle.bind(source, "/../../../../../../escaped")
        outcome = self.runtime.run(bundle)
        self.assertFalse(os.path.exists("/escaped"))
        if outcome.code == 0:
            self.assertTrue(os.path.isdir(bundle.host("/escaped")))

    def test_bind_leaves_out_what_is_mounted_below(self):
        self.assertNotIn("/data/below", self.bound("bind"))

    def test_rbind_takes_it_along(self):
        self.assertIn("/data/below", self.bound("rbind"))

    def test_ro_is_of_the_top_only(self):
        mounts = self.bound("rbind", "ro")
        self.assertIn("ro", mounts["/data"].options)
        self.assertIn("rw", mounts["/data/below"].options)

    def test_each_recursive_flag_reaches_below(self):
        for flag in ("rro", "rnosuid", "rnodev", "rnoexec", "rnoatime", "rnodiratime"):
            with self.subTest(flag):
                mounts = self.bound("rbind", flag)
                self.assertIn(flag[1:], mounts["/data"].options)
                self.assertIn(flag[1:], mounts["/data/below"].options)

    def test_each_recursive_flag_that_takes_back_reaches_below(self):
        point = self.tree()
        for path in (point, f"{point}/below"):
            subprocess.run(["mount", "-o", "remount,bind,ro,nosuid,nodev,noexec,noatime", path], check=True)
        for flag, opposite in (("rrw", "ro"), ("rsuid", "nosuid"), ("rdev", "nodev"), ("rexec", "noexec")):
            with self.subTest(flag):
                bundle = self.bundle()
                bundle.bind(point, "/data", "rbind", flag)
                self.assertNotIn(opposite, self.mounts(bundle)["/data/below"].options)

    @beyond_runc
    def test_ratime_takes_back_noatime_below(self):
        point = self.tree()
        subprocess.run(["mount", "-o", "remount,bind,noatime", f"{point}/below"], check=True)
        bundle = self.bundle()
        bundle.bind(point, "/data", "rbind", "ratime")
        self.assertNotIn("noatime", self.mounts(bundle)["/data/below"].options)

    @beyond_runc
    def test_flags_of_the_source_stay(self):
        point = self.mount_tmpfs()
        subprocess.run(["mount", "-o", "remount,nosuid,nodev,noexec", point], check=True)
        bundle = self.bundle()
        bundle.bind(point, "/data", "ro")
        self.assertLessEqual({"ro", "nosuid", "nodev", "noexec"}, self.mounts(bundle)["/data"].options)

    def test_a_read_only_bind_leaves_the_source_writable(self):
        bundle = self.bundle()
        source = self.directory()
        bundle.bind(source, "/data", "ro")
        self.running(bundle)
        write(f"{source}/file", "x")

    def test_propagation(self):
        expected = {"private": set(), "rprivate": set(), "slave": {"master"}, "rslave": {"master"},
                    "unbindable": {"unbindable"}}
        for word, tags in expected.items():
            with self.subTest(word):
                mounts = self.bound("rbind", word)
                self.assertEqual(mounts["/data"].propagation, tags)
                if word.startswith("r"):
                    self.assertEqual(mounts["/data/below"].propagation, tags)

    def test_a_mount_of_the_host_comes_into_a_slave(self):
        point = self.tree()
        bundle = self.bundle("sleep", "600")
        bundle.bind(point, "/data", "rbind", "rslave")
        container = self.running(bundle)
        os.mkdir(f"{point}/later")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{point}/later"], check=True)
        wait_for(lambda: "/data/later" in container.exec("cat", "/proc/self/mountinfo").stdout, "the mount")

    def test_a_mount_of_the_container_goes_out_of_a_shared_one(self):
        point = self.tree()
        bundle = self.script("mkdir /data/mine; mount -t tmpfs x /data/mine; echo done; sleep 600")
        bundle.capabilities(**{which: ["CAP_SYS_ADMIN"] for which in ("bounding", "permitted", "effective")})
        bundle.linux["rootfsPropagation"] = "shared"
        bundle.bind(point, "/data", "rbind", "rshared")
        container = self.running(bundle)
        container.wait_for_output("done")
        self.assertIn(f"{point}/mine", read("/proc/self/mountinfo"))

    def test_a_source_that_does_not_exist_is_named(self):
        bundle = self.bundle()
        bundle.bind(f"{self.scratch}/not-there", "/data")
        self.assert_create_refused(bundle, f"{self.scratch}/not-there")

    def test_a_directory_over_a_file_is_refused(self):
        bundle = self.bundle()
        bundle.bind(self.directory(), "/etc/passwd")
        self.assert_create_refused(bundle, "/etc/passwd")

    def test_a_target_below_a_file_is_refused(self):
        bundle = self.bundle()
        bundle.bind(self.directory(), "/etc/passwd/x")
        self.assert_create_refused(bundle, "/etc/passwd/x")


@beyond_runc
class IdMapped(MountTest):
    def source(self):
        source = self.mount_tmpfs("mnt-ids")
        for uid in (0, 5, 1000):
            write(f"{source}/{uid}", "")
            os.chown(f"{source}/{uid}", uid, uid)
        return source

    def owners(self, bundle):
        return self.inside("cd /data; stat -c '%n %u %g' *", bundle).splitlines()

    def map(self, container, host, size):
        entry = [{"containerID": container, "hostID": host, "size": size}]
        return {"uidMappings": entry, "gidMappings": entry}

    def test_owners_are_seen_as_the_mapping_says(self):
        bundle = self.bundle()
        bundle.mount("/data", "bind", self.source(), ["rbind", "idmap"], **self.map(0, 2000, 10))
        self.assertEqual(self.owners(bundle), ["0 2000 2000", "1000 65534 65534", "5 2005 2005"])

    def test_files_made_through_it_get_the_id_back(self):
        bundle = self.bundle()
        source = self.source()
        os.chown(source, 3, 3)
        bundle.mount("/data", "bind", source, ["rbind", "idmap"], **self.map(3, 0, 1))
        self.inside("echo x > /data/new", bundle)
        self.assertEqual(os.stat(f"{source}/new").st_uid, 3)

    def test_mappings_alone_ask_for_it(self):
        bundle = self.bundle()
        bundle.mount("/data", "bind", self.source(), ["rbind"], **self.map(0, 2000, 10))
        self.assertEqual(self.owners(bundle)[0], "0 2000 2000")

    def test_ridmap_reaches_what_is_mounted_below(self):
        for option, owner in (("idmap", "0"), ("ridmap", "2000")):
            with self.subTest(option):
                source = self.source()
                os.makedirs(f"{source}/below", exist_ok=True)
                subprocess.run(["mount", "-t", "tmpfs", "tmpfs", f"{source}/below"], check=True)
                bundle = self.bundle()
                bundle.mount("/data", "bind", source, ["rbind", option], **self.map(0, 2000, 10))
                self.assertEqual(self.inside("stat -c %u /data/below", bundle).strip(), owner)

    def test_in_a_user_namespace_the_containers_own_map_makes_files_its_own(self):
        bundle = self.bundle()
        bundle.user_namespace()
        bundle.mount("/data", "bind", self.source(), ["rbind", "idmap"])
        self.assertEqual(self.owners(bundle), ["0 0 0", "1000 1000 1000", "5 5 5"])

    def test_the_source_stays_as_it_is(self):
        bundle = self.bundle()
        source = self.source()
        bundle.mount("/data", "bind", source, ["rbind", "idmap"], **self.map(0, 2000, 10))
        self.inside("true", bundle)
        self.assertEqual(os.stat(f"{source}/0").st_uid, 0)

    def test_without_any_mapping_is_refused(self):
        bundle = self.bundle()
        bundle.mount("/data", "bind", self.source(), ["rbind", "idmap"])
        self.assert_create_refused(bundle, "/data")

    def test_a_file_system_that_cannot_is_named(self):
        bundle = self.bundle()
        bundle.mount("/data", "bind", "/proc", ["rbind", "idmap"], **self.map(0, 2000, 10))
        self.assert_create_refused(bundle, "/data")


class Cgroups(MountTest):
    def own_files(self, *options, cgroup_namespace=True):
        bundle = self.bundle()
        if not cgroup_namespace:
            bundle.without_namespace("cgroup")
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", options)
        return bundle

    def test_every_hierarchy_of_the_host_is_there(self):
        names = set(self.inside("ls /sys/fs/cgroup").split())
        self.assertLessEqual({"memory", "pids", "devices", "freezer", "cpu", "cpuset", "blkio"}, names)

    def test_they_show_the_containers_own_group_as_their_root(self):
        for with_namespace in (True, False):
            with self.subTest(cgroup_namespace=with_namespace):
                bundle = self.own_files("ro", cgroup_namespace=with_namespace)
                bundle.resources["pids"] = {"limit": 77}
                self.assertEqual(self.inside("cat /sys/fs/cgroup/pids/pids.max", bundle), "77\n")

    def test_read_only(self):
        self.assertEqual(self.inside("mkdir /sys/fs/cgroup/pids/x 2>&1 | grep -c Read-only",
                                     self.own_files("ro")),
                         "1\n")

    def test_writable(self):
        out = self.inside("mkdir /sys/fs/cgroup/pids/x && echo made; rmdir /sys/fs/cgroup/pids/x",
                          self.own_files("rw"))
        self.assertEqual(out, "made\n")

    @beyond_runc
    def test_nothing_can_be_added_beside_the_hierarchies(self):
        self.assertEqual(self.inside("mkdir /sys/fs/cgroup/x 2>&1 | grep -c Read-only", self.own_files("ro")),
                         "1\n")

    def test_cgroup2_by_name(self):
        bundle = self.bundle()
        bundle.mount("/cgroup2", "cgroup2", "cgroup2", ["ro"])
        self.assertIn("cgroup.procs", self.inside("ls /cgroup2", bundle))


class MaskedPaths(MountTest):
    def masked(self, path):
        bundle = self.bundle()
        bundle.linux["maskedPaths"] = [path]
        return bundle

    def test_a_file_reads_as_empty(self):
        bundle = self.masked("/etc/secret")
        bundle.file("/etc/secret", "hidden")
        self.assertEqual(self.inside("cat /etc/secret; echo end", bundle), "end\n")

    def test_a_directory_is_empty_and_read_only(self):
        bundle = self.masked("/etc/secrets")
        bundle.file("/etc/secrets/one", "hidden")
        self.assertEqual(self.inside("ls /etc/secrets; touch /etc/secrets/x 2>&1 | grep -c Read-only",
                                     bundle), "1\n")

    def test_what_is_not_there_is_skipped(self):
        self.assertEqual(self.inside("echo fine", self.masked("/not/there")), "fine\n")

    def test_files_of_proc(self):
        self.assertEqual(self.inside("cat /proc/keys; head -c 1 /proc/kcore 2>/dev/null; echo end"), "end\n")

    def test_the_mask_of_a_file_is_dev_null(self):
        self.assertEqual(self.inside("stat -L -c '%t:%T' /proc/keys"), "1:3\n")

    def test_stays_for_exec(self):
        self.assertEqual(self.running().exec("cat", "/proc/keys").stdout, "")

    def test_a_link_is_resolved_inside_the_root(self):
        write(f"{self.scratch}/host", "host")
        bundle = self.masked("/etc/link")
        os.symlink(f"{self.scratch}/host", bundle.host("/etc/link"))
        self.inside("true", bundle)
        self.assertEqual(read(f"{self.scratch}/host"), "host")

    @beyond_runc
    def test_a_relative_one_is_refused(self):
        self.assert_create_refused(self.masked("etc/secret"), "maskedPaths")


class ReadonlyPaths(MountTest):
    def test_cannot_be_written_to(self):
        bundle = self.bundle()
        bundle.file("/data/file", "x")
        bundle.linux["readonlyPaths"] = ["/data"]
        self.assertEqual(self.inside("cat /data/file; probe open /data/file w", bundle), "xEROFS\n")

    def test_of_one_file(self):
        bundle = self.bundle()
        bundle.linux["readonlyPaths"] = ["/etc/passwd"]
        self.assertEqual(self.inside("probe open /etc/passwd w; touch /etc/new && echo new", bundle),
                         "EROFS\nnew\n")

    def test_sysctls_of_the_usual_configuration(self):
        self.assertEqual(self.inside("probe open /proc/sys/kernel/hostname w"), "EROFS\n")

    def test_what_is_not_there_is_skipped(self):
        bundle = self.bundle()
        bundle.linux["readonlyPaths"] = ["/not/there"]
        self.assertEqual(self.inside("echo fine", bundle), "fine\n")

    def test_flags_of_the_mount_stay(self):
        self.assertLessEqual({"ro", "nosuid", "nodev", "noexec"}, self.mounts()["/proc/sys"].options)


if __name__ == "__main__":
    unittest.main()
