# SPDX-License-Identifier: Apache-2.0
"""`--mount` in all its forms, `--tmpfs`, and what the local driver's options mount."""

import json
import os
import subprocess

from docker import engine_home
from lib import isolation

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE, command="/bin/sh")


class Mounts(engine_home.Case):
    def setUp(self):
        super().setUp()
        self.host = f"{self.home.directory}/host"
        os.makedirs(self.host, exist_ok=True)

    def run_in(self, *options, script, image=IMAGE, **more):
        return self.out("run", "--rm", "--network", "none", *options, image, "sh", "-c", script, **more)

    def api(self, mount):
        """POST /containers/create with a mount that docker's command of Debian does not know; (status, answer)."""
        body = json.dumps({"Image": IMAGE, "HostConfig": {"NetworkMode": "none", "Mounts": [mount]},
                           "Cmd": ["sh", "-c", self.script]})
        said = subprocess.run(["curl", "-sS", "--unix-socket", self.home.environment["DOCKER_HOST"].removeprefix("unix://"),
                               "-H", "Content-Type: application/json", "-d", body, "-w", "\n%{http_code}",
                               "http://d/containers/create"], capture_output=True, text=True, check=True)
        text, _, status = said.stdout.rpartition("\n")
        answer = json.loads(text)
        if "Id" in answer:
            self.addCleanup(self.docker, "rm", "-f", "-v", answer["Id"])
        return int(status), answer

    def run_with(self, mount, script):
        self.script = script
        status, answer = self.api(mount)
        self.assertEqual(status, 201, answer)
        return self.out("start", "-a", answer["Id"], status=None)

    def refusal(self, mount):
        self.script = "true"
        status, answer = self.api(mount)
        return status, answer.get("message", "")

    # ---- images

    def test_an_image_is_there_read_only(self):
        source = {"Type": "image", "Source": IMAGE, "Target": "/img"}
        self.assertEqual(self.run_with(source, "cat /img/etc/passwd | cmp - /etc/passwd && touch /img/x 2>&1"),
                         "touch: /img/x: Read-only file system")
        part = source | {"ImageOptions": {"Subpath": "etc"}}
        self.assertEqual(self.run_with(part, "test -f /img/passwd && ls -d /img/etc 2>&1"), "ls: /img/etc: No such file or directory")
        file = source | {"ImageOptions": {"Subpath": "etc/passwd"}, "Target": "/one"}
        self.assertEqual(self.run_with(file, "cmp /one /etc/passwd && echo same"), "same")

    def test_an_image_stays_mounted_when_its_name_goes(self):
        self.docker("tag", IMAGE, "other:1")
        self.script = "cat /img/etc/hostname 2>/dev/null; ls /img | grep -c bin"
        _, answer = self.api({"Type": "image", "Source": "other:1", "Target": "/img"})
        self.docker("rmi", "-f", "other:1")
        self.assertEqual(self.out("start", "-a", answer["Id"]), "1")
        (shown,) = self.inspect(answer["Id"])["Mounts"]
        self.assertEqual((shown["Type"], shown["Source"], shown["Destination"], shown["RW"]), ("image", "other:1", "/img", False))

    def test_images_that_cannot_be_mounted(self):
        image = {"Type": "image", "Source": IMAGE, "Target": "/img"}
        status, said = self.refusal(image | {"Source": "nothing-like-that"})
        self.assertEqual(status, 404)
        self.assert_mentions(said, "No such image: nothing-like-that")
        for change in ({"Source": ""}, {"ImageOptions": {"Subpath": "../x"}}, {"BindOptions": {}}):
            self.assertEqual(self.refusal(image | change)[0], 400, change)

    def test_a_driver_that_is_not_here(self):
        said = self.refused("run", "--rm", "--mount", "type=volume,dst=/x,volume-driver=nobodys", IMAGE, status=125)
        self.assert_mentions(said, "nobodys")
        self.assertNotIn("Unable to find image", said)

    def test_kinds_that_are_not_here(self):
        for kind in ("npipe", "cluster"):
            status, said = self.refusal({"Type": kind, "Source": "x", "Target": "/x"})
            self.assertEqual(status, 400)
            self.assert_mentions(said, f'invalid mount config for type "{kind}"')
        self.assert_mentions(self.refusal({"Type": "other", "Target": "/x"})[1], 'type \"other\": mount type unknown')

    # ---- tmpfs

    def test_a_tmpfs_where_the_image_has_nothing_is_everybodys(self):
        script = "stat -c %a /new/place; grep ' /new/place ' /proc/mounts | cut -d' ' -f3"
        self.assertEqual(self.run_in("--tmpfs", "/new/place", script=script), "1777\ntmpfs")
        self.assertEqual(self.run_in("--mount", "type=tmpfs,dst=/new/place", script=script), "1777\ntmpfs")
        self.assertEqual(self.run_in("--tmpfs", "/etc", script="stat -c %a /etc"), "755")

    def test_options_of_a_tmpfs(self):
        script = "stat -c %a /t; grep ' /t ' /proc/mounts | grep -o 'size=[0-9]*k'"
        self.assertEqual(self.run_in("--mount", "type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=750", script=script), "750\nsize=2048k")
        self.assertEqual(self.run_in("--tmpfs", "/t:size=1m,mode=700,uid=7", script=script + "; stat -c %u /t"), "700\nsize=1024k\n7")
        self.assert_mentions(self.refused("run", "--rm", "--tmpfs", "/t:sise=1", IMAGE, status=125), 'invalid tmpfs option "sise=1"')

    # ---- binds

    def test_propagation(self):
        inside = f"{self.host}/inside"
        os.makedirs(inside, exist_ok=True)
        subprocess.run(["mount", "--bind", self.host, self.host], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.host], check=True)
        subprocess.run(["mount", "--make-shared", self.host], check=True)
        for mode, reaches in (("rprivate", "0"), ("rslave", "1")):
            with self.subTest(mode):
                name = self.out("run", "-d", "--network", "none", "--mount",
                                f"type=bind,src={self.host},dst=/x,bind-propagation={mode}", IMAGE, "sleep", "1000")
                try:
                    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", inside], check=True)
                    self.assertEqual(self.out("exec", name, "sh", "-c", "grep -c ' /x/inside ' /proc/mounts", status=None), reaches)
                finally:
                    subprocess.run(["umount", inside], check=True)
                    self.docker("rm", "-f", name)

    def test_what_is_mounted_below_comes_along_unless_told_otherwise(self):
        inside = f"{self.host}/below"
        os.makedirs(inside, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", inside], check=True)
        self.addCleanup(subprocess.run, ["umount", inside], check=True)
        script = "grep -c ' /x/below ' /proc/mounts; touch /x/below/f 2>&1 | wc -l"
        bind = {"Type": "bind", "Source": self.host, "Target": "/x", "ReadOnly": True}
        self.assertEqual(self.run_with(bind, script), "1\n1")
        self.assertEqual(self.run_with(bind | {"BindOptions": {"ReadOnlyNonRecursive": True}}, script), "1\n0")
        self.assertEqual(self.run_with(bind | {"BindOptions": {"NonRecursive": True}}, script.split(";")[0]), "0")

    def test_a_source_must_be_there_unless_it_is_to_be_made(self):
        missing = f"{self.host}/missing"
        self.assert_mentions(self.refused("run", "--rm", "--mount", f"type=bind,src={missing},dst=/x", IMAGE, status=125),
                             "bind source path does not exist", missing)
        self.run_with({"Type": "bind", "Source": missing, "Target": "/x", "BindOptions": {"CreateMountpoint": True}}, "true")
        self.assertTrue(os.path.isdir(missing))
        os.rmdir(missing)

    def test_flags_of_selinux_have_no_effect(self):
        isolation.write(f"{self.host}/file", "there\n")
        for flags in ("z", "Z", "ro,z", "rw,Z"):
            self.assertEqual(self.run_in("-v", f"{self.host}:/x:{flags}", script="cat /x/file"), "there")

    # ---- volumes

    def test_a_part_of_a_volume(self):
        self.run_in("-v", "parts:/v", script="mkdir -p /v/a/b && echo deep > /v/a/b/file && ln -s /etc /v/out")
        self.addCleanup(self.docker, "volume", "rm", "parts")
        part = {"Type": "volume", "Source": "parts", "Target": "/p", "VolumeOptions": {"Subpath": "a/b"}}
        self.script = "cat /p/file"
        _, answer = self.api(part)
        self.assertEqual(self.out("start", "-a", answer["Id"]), "deep")
        self.docker("rm", answer["Id"])
        for subpath in ("missing", "out/passwd"):
            _, answer = self.api(part | {"VolumeOptions": {"Subpath": subpath}})
            self.assert_mentions(self.refused("start", answer["Id"]), f"subpath '{subpath}'")
            self.docker("rm", answer["Id"])
        self.assertEqual(self.refusal(part | {"VolumeOptions": {"Subpath": "../x"}})[0], 400)

    def test_options_and_labels_of_a_new_volume(self):
        self.run_in("--mount", "type=volume,src=opted,dst=/x,volume-label=a=b,volume-opt=type=tmpfs,volume-opt=device=tmpfs,"
                    "volume-opt=o=size=2m", script="grep ' /x ' /proc/mounts | grep -q size=2048k")
        self.addCleanup(self.docker, "volume", "rm", "opted")
        (shown,) = json.loads(self.out("volume", "inspect", "opted"))
        self.assertEqual((shown["Labels"], shown["Options"]), ({"a": "b"}, {"type": "tmpfs", "device": "tmpfs", "o": "size=2m"}))

    def test_what_the_kernel_says_of_a_mount_is_told_whole(self):
        for name, options, words in (("nosuch", ["type=nosuchfs", "device=x"], "nosuchfs"),
                                     ("badword", ["type=tmpfs", "device=tmpfs", "o=sise=1"], "sise"),
                                     ("nfs", ["type=nfs", "device=:/x", "o=addr=127.0.0.1,nolock,vers=3,timeo=1,retrans=0"], "nfs")):
            self.docker("volume", "create", *[word for option in options for word in ("--opt", option)], name)
            self.addCleanup(self.docker, "volume", "rm", name)
            said = self.docker("run", "--rm", "--network", "none", "-v", f"{name}:/x", IMAGE, "true", status=None)
            self.assertEqual(said.status, 125)
            self.assert_mentions(said.stderr, words)
        self.assert_mentions(self.refused("volume", "create", "--opt", "what=1", "xx"), 'invalid option: "what"')

    def test_an_empty_volume_takes_what_the_image_has_but_for_nocopy(self):
        self.assertEqual(self.run_in("--mount", "type=volume,dst=/etc", script="test -s /etc/passwd && echo filled"), "filled")
        self.assertEqual(self.run_in("--mount", "type=volume,dst=/etc,volume-nocopy", script="ls /etc/passwd 2>&1 | grep -c 'No such'"), "1")

    def test_two_of_the_same_place_are_refused(self):
        self.assert_mentions(self.refused("run", "--rm", "--tmpfs", "/x", "--mount", "type=volume,dst=/x/", IMAGE, status=125),
                             "Duplicate mount point: /x")

    # ---- copies

    def test_cp_with_owners(self):
        """`-a` gives what is copied to whom the container runs as."""
        isolation.write(f"{self.host}/mine", "x")
        os.chown(f"{self.host}/mine", 1234, 1234)
        name = self.out("create", "--network", "none", "--user", "65534:65534", IMAGE, "stat", "-c", "%u:%g", "/as-is", "/owned")
        self.addCleanup(self.docker, "rm", name)
        self.docker("cp", f"{self.host}/mine", f"{name}:/as-is")
        self.docker("cp", "-a", f"{self.host}/mine", f"{name}:/owned")
        self.assertEqual(self.out("start", "-a", name), "1234:1234\n65534:65534")
