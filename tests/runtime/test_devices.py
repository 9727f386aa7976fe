# SPDX-License-Identifier: Apache-2.0
"""Device nodes and who may open them: /dev, linux.devices, linux.resources.devices."""

import os
import stat
import unittest

from lib.runtime import RuntimeTest, beyond_runc

# config-linux.md, "Default Devices".
DEFAULT = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0"}
FUSE = {"type": "c", "path": "/dev/fuse", "major": 10, "minor": 229}


class Nodes(RuntimeTest):
    def stat(self, bundle, *paths):
        """'type major:minor mode uid:gid' of each path, numbers as the kernel has them."""
        lines = self.inside(f"stat -c '%F %t:%T %a %u:%g' {' '.join(paths)}", bundle).splitlines()
        found = []
        for line in lines:
            kind, numbers, mode, owner = line.rsplit(" ", 3)
            major, minor = (int(part, 16) for part in numbers.split(":"))
            found.append(f"{kind.split()[0]} {major}:{minor} {mode} {owner}")
        return found

    def with_device(self, **device):
        bundle = self.bundle()
        bundle.linux["devices"] = [device]
        return bundle

    def test_the_default_ones_are_there_for_everybody(self):
        found = self.stat(self.bundle(), *(f"/dev/{name}" for name in DEFAULT))
        self.assertEqual(found, [f"character {number} 666 0:0" for number in DEFAULT.values()])

    def test_the_usual_links_are_there(self):
        out = self.inside("cd /dev; for l in fd stdin stdout stderr ptmx; do readlink $l; done")
        self.assertEqual(out.split(), ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1",
                                       "/proc/self/fd/2",
                                       "pts/ptmx"])

    def test_the_default_ones_work(self):
        self.assertEqual(self.inside("echo x > /dev/null; "
                                     "head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; "
                                     "probe write /dev/full x"), "3\n3\nENOSPC\n")

    def test_one_more_with_mode_and_owner(self):
        bundle = self.with_device(**FUSE, fileMode=0o640, uid=5, gid=6)
        self.assertEqual(self.stat(bundle, "/dev/fuse"), ["character 10:229 640 5:6"])

    def test_the_mode_is_not_cut_by_the_umask(self):
        before = os.umask(0o077)
        self.addCleanup(os.umask, before)
        self.assertEqual(self.stat(self.with_device(**FUSE, fileMode=0o666), "/dev/fuse"),
                         ["character 10:229 666 0:0"])

    def test_a_block_device(self):
        bundle = self.with_device(type="b", path="/dev/disk", major=254, minor=0, fileMode=0o600)
        self.assertEqual(self.stat(bundle, "/dev/disk"), ["block 254:0 600 0:0"])

    def test_an_unbuffered_one_is_a_character_device(self):
        bundle = self.with_device(type="u", path="/dev/raw", major=10, minor=229, fileMode=0o600)
        self.assertEqual(self.stat(bundle, "/dev/raw"), ["character 10:229 600 0:0"])

    def test_a_fifo(self):
        bundle = self.with_device(type="p", path="/dev/pipe", fileMode=0o622)
        self.assertEqual(self.inside("stat -c '%F %a' /dev/pipe", bundle), "fifo 622\n")

    def test_in_a_directory_that_is_not_there_yet(self):
        bundle = self.with_device(type="c", path="/dev/net/deep/tun", major=10, minor=200, fileMode=0o666)
        self.assertEqual(self.stat(bundle, "/dev/net/deep/tun"), ["character 10:200 666 0:0"])

    def test_outside_of_dev(self):
        bundle = self.with_device(type="c", path="/opt/zero", major=1, minor=5, fileMode=0o666)
        self.assertEqual(self.stat(bundle, "/opt/zero"), ["character 1:5 666 0:0"])

    def test_one_that_replaces_a_default_one(self):
        bundle = self.with_device(type="c", path="/dev/full", major=1, minor=5, fileMode=0o600)
        self.assertEqual(self.stat(bundle, "/dev/full"), ["character 1:5 600 0:0"])

    def test_an_unknown_type_is_refused(self):
        self.assert_create_refused(self.with_device(type="x", path="/dev/x", major=1, minor=1))

    @beyond_runc
    def test_two_that_are_not_the_same_on_one_path_are_refused_or_the_last_one_holds(self):
        bundle = self.bundle()
        bundle.linux["devices"] = [FUSE | {"fileMode": 0o600}, FUSE | {"minor": 200, "fileMode": 0o600}]
        outcome = self.runtime.run(bundle)
        if outcome.code:
            self.assert_refused(outcome, "/dev/fuse")
        else:
            self.assertEqual(self.stat(bundle, "/dev/fuse"), ["character 10:200 600 0:0"])

    def test_a_host_dev_that_is_bound_is_left_alone(self):
        mine = self.directory()
        bundle = self.bundle()
        bundle.without_mount("/dev/pts")
        bundle.without_mount("/dev/mqueue")
        bundle.without_mount("/dev/shm")
        bundle.bind(mine, "/dev")
        os.mknod(f"{mine}/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        self.inside("true", bundle)
        self.assertEqual(os.listdir(mine), ["null"])

    def test_in_a_user_namespace_the_hosts_nodes_are_bound(self):
        bundle = self.bundle()
        bundle.user_namespace()
        self.assertEqual([line.split()[1] for line in self.stat(bundle, "/dev/null", "/dev/zero")],
                         ["1:3", "1:5"])


class Access(RuntimeTest):
    """Of the device cgroup: nodes are made inside, so that the node itself forbids nothing."""

    def opened(self, rules, path="c 10 229", flags="r", device=None):
        bundle = self.bundle()
        bundle.resources["devices"] = rules
        if device:
            bundle.linux["devices"] = [device]
        opened = device["path"] if device else "/dev/new"
        return self.inside(f"mknod /dev/new {path} && probe open {opened} {flags}",
                           bundle).strip()

    DENY = [{"allow": False, "access": "rwm"}]

    def test_a_device_that_is_not_allowed_cannot_be_opened(self):
        self.assertEqual(self.opened(self.DENY), "EPERM")

    def test_any_node_can_be_made(self):
        # Engines rely on it: images have device nodes, and what counts is opening them.
        self.assertEqual(self.inside("mknod /dev/new c 10 229 && mknod /dev/disk b 254 0 && echo made"),
                         "made\n")

    def test_an_allowed_one_can_be_opened(self):
        rules = self.DENY + [{"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"}]
        self.assertEqual(self.opened(rules, flags="rw"), "ok")

    def test_reading_alone(self):
        rules = self.DENY + [{"allow": True, "type": "c", "major": 10, "minor": 229, "access": "r"}]
        self.assertEqual([self.opened(rules, flags="r"), self.opened(rules, flags="w")], ["ok", "EPERM"])

    def test_every_minor_of_a_major(self):
        rules = self.DENY + [{"allow": True, "type": "c", "major": 10, "access": "rw"}]
        self.assertEqual(self.opened(rules), "ok")

    def test_minus_one_is_every_number(self):
        rules = self.DENY + [{"allow": True, "type": "c", "major": -1, "minor": -1, "access": "rw"}]
        self.assertEqual(self.opened(rules), "ok")

    def test_everything(self):
        self.assertEqual(self.opened([{"allow": True, "access": "rwm"}]), "ok")

    def test_everything_but_one(self):
        rules = [{"allow": True, "access": "rwm"},
                 {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "rw"}]
        self.assertEqual(self.opened(rules), "EPERM")

    def test_the_last_rule_that_fits_decides(self):
        rule = {"type": "c", "major": 10, "minor": 229, "access": "rw"}
        self.assertEqual(self.opened(self.DENY + [rule | {"allow": True}, rule | {"allow": False}]), "EPERM")
        self.assertEqual(self.opened(self.DENY + [rule | {"allow": False}, rule | {"allow": True}]), "ok")

    def test_without_rules_only_the_usual_devices_can_be_opened(self):
        self.assertEqual(self.opened([]), "EPERM")

    def test_the_usual_ones_can_be_opened_whatever_the_rules(self):
        out = self.inside("for d in null zero full random urandom tty ptmx; do probe open /dev/$d rw; done")
        # No terminal, so /dev/tty answers by itself.
        self.assertEqual(out.split(), ["ok"] * 5 + ["ENXIO", "ok"])

    def test_exec_is_under_the_same_rules(self):
        container = self.running()
        self.assertEqual(container.exec("sh", "-c", "mknod /dev/new c 10 229; probe open /dev/new r").stdout,
                         "EPERM\n")

    def test_a_privileged_disk_is_out_of_reach(self):
        out = self.inside("mknod /dev/disk b 254 0; probe open /dev/disk r; "
                          "mknod /dev/mem c 1 1; probe open /dev/mem r")
        self.assertEqual(out.split(), ["EPERM", "EPERM"])

    @beyond_runc
    def test_an_unknown_letter_is_refused(self):
        bundle = self.bundle()
        bundle.resources["devices"] = [{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwx"}]
        self.assert_create_refused(bundle)

    def test_an_unknown_type_is_refused(self):
        bundle = self.bundle()
        bundle.resources["devices"] = [{"allow": True, "type": "z", "major": 1, "minor": 3, "access": "r"}]
        self.assert_create_refused(bundle)


if __name__ == "__main__":
    unittest.main()
