# SPDX-License-Identifier: Apache-2.0
"""Volumes, as docker's command handles them."""

import json
import os

from docker import engine_home

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Volumes(engine_home.CleanCase):
    leftovers = engine_home.CONTAINERS + engine_home.VOLUMES

    def run_in(self, *options, script):
        return self.out("run", "--rm", "--network", "none", *options, IMAGE, "sh", "-c", script)

    def volumes(self, *options):
        return sorted(self.out("volume", "ls", "-q", *options).split())

    def test_create_list_inspect_remove(self):
        self.assertEqual(self.out("volume", "create", "--label", "kind=test", "data"), "data")
        self.assertEqual(self.out("volume", "create", "data"), "data")
        (shown,) = json.loads(self.out("volume", "inspect", "data"))
        self.assertEqual((shown["Name"], shown["Driver"], shown["Scope"], shown["Labels"]),
                         ("data", "local", "local", {"kind": "test"}))
        self.assertTrue(shown["Mountpoint"].endswith("/volumes/data/_data"))
        self.assertTrue(os.path.isdir(shown["Mountpoint"]))
        self.assertRegex(shown["CreatedAt"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d")
        self.assertEqual(self.out("volume", "ls").splitlines()[1].split(), ["local", "data"])
        self.assertEqual(self.out("volume", "rm", "data"), "data")
        self.assertFalse(os.path.exists(shown["Mountpoint"]))
        self.assert_mentions(self.refused("volume", "inspect", "data"), "no such volume")
        self.assert_mentions(self.refused("volume", "rm", "data"), "no such volume")
        self.docker("volume", "rm", "--force", "data")

    def test_names_are_checked(self):
        for name in ("a/b", "-a", "a b"):
            with self.subTest(name):
                self.assert_mentions(self.refused("volume", "create", "--", name), "local volume name")
        self.assertRegex(self.out("volume", "create"), r"^[0-9a-f]{64}$")
        self.assert_mentions(self.refused("volume", "create", "--driver", "nothing", "x"), "nothing")

    def test_filters(self):
        self.docker("volume", "create", "--label", "kind=test", "one")
        self.docker("volume", "create", "two")
        self.docker("create", "--network", "none", "-v", "two:/x", IMAGE)
        self.assertEqual(self.volumes("--filter", "label=kind"), ["one"])
        self.assertEqual(self.volumes("--filter", "label=kind=other"), [])
        self.assertEqual(self.volumes("--filter", "name=tw"), ["two"])
        self.assertEqual(self.volumes("--filter", "dangling=true"), ["one"])
        self.assertEqual(self.volumes("--filter", "dangling=false"), ["two"])
        self.assertEqual(self.volumes("--filter", "driver=local"), ["one", "two"])

    def test_contents_outlive_containers(self):
        self.run_in("-v", "data:/data", script="echo kept > /data/file")
        self.assertEqual(self.run_in("-v", "data:/data:ro", script="cat /data/file; touch /data/x 2>&1 | wc -l"), "kept\n1")

    def test_what_is_used_stays(self):
        container = self.out("create", "--network", "none", "-v", "data:/data", IMAGE)
        self.assert_mentions(self.refused("volume", "rm", "data"), "volume is in use", container)
        self.docker("rm", container)
        self.docker("volume", "rm", "data")

    def test_anonymous_volumes_go_with_their_container(self):
        container = self.out("create", "--network", "none", "-v", "/data", IMAGE)
        (name,) = self.volumes()
        self.assertRegex(name, r"^[0-9a-f]{64}$")
        self.docker("rm", container)
        self.assertEqual(self.volumes(), [name])
        container = self.out("create", "--network", "none", "-v", "/data", IMAGE)
        self.docker("rm", "-v", container)
        self.assertEqual(self.volumes(), [name])
        self.run_in("-v", "/data", script="true")
        self.assertEqual(self.volumes(), [name])

    def test_prune(self):
        self.docker("volume", "create", "--label", "keep=yes", "kept")
        self.docker("volume", "create", "gone")
        self.docker("create", "--network", "none", "-v", "used:/x", IMAGE)
        said = self.out("volume", "prune", "--force", "--filter", "label!=keep")
        self.assert_mentions(said, "Deleted Volumes:\ngone", "Total reclaimed space: 0B")
        self.assertEqual(self.volumes(), ["kept", "used"])

    def test_a_mount_by_options(self):
        os.makedirs(source := f"{self.home.directory}/bound", exist_ok=True)
        with open(f"{source}/file", "w") as file:
            file.write("bound\n")
        self.docker("volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", f"device={source}", "bound")
        self.assertEqual(self.run_in("-v", "bound:/x", script="cat /x/file"), "bound")
        self.docker("volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m", "memory")
        self.assertEqual(self.run_in("-v", "memory:/x", script="grep ' /x ' /proc/mounts | cut -d' ' -f3"), "tmpfs")

    def test_disk_usage(self):
        self.run_in("-v", "data:/data", script="head -c 100000 /dev/zero > /data/file")
        (line,) = [line for line in map(json.loads, self.out("system", "df", "--format", "{{json .}}").splitlines())
                   if line["Type"] == "Local Volumes"]
        self.assertEqual((line["TotalCount"], line["Active"]), ("1", "0"))
        self.assertRegex(line["Size"], r"^1\d\d.*kB$")
