# SPDX-License-Identifier: Apache-2.0
"""The gantry command of an ordinary user, with a range of ids and without one."""

import io
import json
import os
import shutil
import stat
import tarfile
import tempfile
import unittest

from lib import command
from lib.bundle import default_config
from lib.images import GANTRY, Layout, OurRegistry, busybox_layer, layer_tar, skopeo
from lib.isolation import read, write
from lib.runtime import PROGRAM as RUNTIME

UID = 23456
FIRST_SUB_ID = 400000


def owned_layer():
    """Files of several owners, one of them changed to another by the layer above."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, owner in (("srv", 0), ("srv/roots", 0), ("srv/daemons", 33), ("srv/somebodys", 1000)):
            member = tarfile.TarInfo(name)
            member.uid = member.gid = owner
            member.type = tarfile.REGTYPE if "/" in name else tarfile.DIRTYPE
            member.mode = 0o644 if "/" in name else 0o755
            tar.addfile(member)
        device = tarfile.TarInfo("srv/.zero")
        device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 5
        tar.addfile(device)
    return data.getvalue()


def setUpModule():
    global layout, registry
    layout = Layout([layer_tar(busybox_layer() | {"etc/gone": "x", "opaque/": None, "opaque/lower": "x"}), owned_layer(),
                     layer_tar({"etc/": None, "etc/motd": "hello\n", "etc/.wh.gone": "", "opaque/": None,
                                "opaque/.wh..wh..opq": "", "opaque/upper": "x"})])
    unittest.addModuleCleanup(layout.remove)
    registry = OurRegistry()
    unittest.addModuleCleanup(registry.remove)
    skopeo("copy", "--dest-tls-verify=false", layout.source, f"docker://{registry.address}/app:1")


class RootlessCase(unittest.TestCase):
    has_range = True
    homes = None  # where they are made; the usual place for temporary files

    def setUp(self):
        path = GANTRY
        while path != "/":
            if not os.stat(path).st_mode & 0o005:
                self.skipTest(f"an ordinary user does not get to {GANTRY}")
            path = os.path.dirname(path)
        self.add_line("/etc/passwd", f"gantry-test:x:{UID}:{UID}::/:/bin/sh")
        self.add_line("/etc/group", f"gantry-test:x:{UID}:")
        if self.has_range:
            for path in ("/etc/subuid", "/etc/subgid"):
                self.add_line(path, f"gantry-test:{FIRST_SUB_ID}:65536")
        self.home = tempfile.mkdtemp(prefix="home-", dir=self.homes)
        self.addCleanup(shutil.rmtree, self.home)
        os.chown(self.home, UID, UID)
        self.image = f"{registry.address}/app:1"

    def add_line(self, path, line):
        before = read(path) if os.path.exists(path) else ""
        write(path, before + line + "\n")
        self.addCleanup(write, path, before)

    def as_user(self, *words, **options):
        return command.run("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *words, cwd=self.home,
                           env={"HOME": self.home, "XDG_RUNTIME_DIR": self.home, "SHELL": "/bin/sh", "NO_PROXY": "*",
                                "PATH": f"{os.path.dirname(GANTRY)}:{os.path.dirname(RUNTIME)}:{os.environ['PATH']}"},
                           **options)

    def gantry(self, *words, **options):
        return self.as_user(GANTRY, *words, **options)

    def inside(self, script, **options):
        return self.gantry("rootless", "enter", "sh", "-ec", script, **options).stdout


class ManyIds(RootlessCase):
    def test_the_store_is_the_users(self):
        self.gantry("image", "pull", self.image)
        self.assertEqual(os.stat(f"{self.home}/.local/share/gantry").st_uid, UID)
        line = json.loads(self.gantry("image", "ls", "--format", "json").stdout)
        self.assertEqual((line["Repository"], line["Tag"]), (f"{registry.address}/app", "1"))
        self.assertIn("0 findings", self.gantry("image", "check").stdout)
        self.gantry("image", "rm", self.image)
        usage = json.loads(self.gantry("image", "df", "--format", "json").stdout)
        self.assertEqual((usage["Blobs"], usage["Layers"]), (0, 0))

    def test_mounts_are_seen_inside_and_nowhere_else(self):
        self.gantry("image", "pull", self.image)
        os.mkdir(f"{self.home}/mnt")
        out = self.inside(f"""gantry snapshot create {self.image} key
                              gantry snapshot mount key mnt
                              cat mnt/etc/motd; ls mnt/opaque; test ! -e mnt/etc/gone
                              echo more > mnt/etc/more
                              rm mnt/etc/motd; rm -r mnt/opaque; mkdir mnt/opaque
                              gantry snapshot unmount mnt
                              gantry snapshot diff key""")
        self.assertEqual(out.split(), "hello upper C /etc A /etc/more D /etc/motd C /opaque D /opaque/upper".split())
        self.assertEqual(os.listdir(f"{self.home}/mnt"), [])
        self.gantry("snapshot", "rm", "key")

    def test_owners_are_kept(self):
        self.gantry("image", "pull", self.image)
        os.mkdir(f"{self.home}/mnt")
        out = self.inside(f"gantry image mount {self.image} mnt; stat -c %u:%g mnt/srv/*; gantry image unmount mnt")
        self.assertEqual(out.split(), ["33:33", "0:0", "1000:1000"])  # daemons, roots, somebodys
        owners = {os.stat(f"{directory}/{name}").st_uid
                  for directory, _, files in os.walk(f"{self.home}/.local/share/gantry/snapshots")
                  for name in files if directory.endswith("/srv")}
        self.assertEqual(owners, {UID, FIRST_SUB_ID + 32, FIRST_SUB_ID + 999})

    def test_what_cannot_be_made_is_said(self):
        os.chmod(layout.directory, 0o755)
        self.assertIn("device 'srv/.zero' was left out\n", self.gantry("image", "pull", self.image).stderr)
        self.gantry("image", "rm", self.image)
        loaded = self.gantry("image", "load", "--quiet", "--input", layout.directory, "--name", "app:1")
        self.assertRegex(loaded.stderr, "warning .*srv/.zero.* was left out")

    def test_load_save_and_push(self):
        os.chmod(layout.directory, 0o755)
        self.gantry("image", "load", "--input", layout.directory, "--name", f"{registry.address}/loaded:1")
        self.gantry("image", "save", "--output", "app.tar", f"{registry.address}/loaded:1")
        self.assertEqual(os.stat(f"{self.home}/app.tar").st_uid, UID)
        self.gantry("image", "push", f"{registry.address}/loaded:1")
        skopeo("inspect", "--tls-verify=false", f"docker://{registry.address}/loaded:1")

    def test_an_image_is_run_by_gantry_runtime(self):
        self.gantry("image", "pull", self.image)
        os.makedirs(f"{self.home}/bundle/rootfs")
        config = default_config(["/bin/busybox", "sh", "-c", "cat /etc/motd; id -u; cat /proc/self/uid_map"])
        del config["linux"]["resources"]
        config["linux"]["namespaces"] = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")]
        config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "cgroup"]
        write(f"{self.home}/bundle/config.json", json.dumps(config))
        out = self.inside(f"""gantry snapshot create {self.image} run >&2
                              gantry snapshot mount run bundle/rootfs
                              gantry-runtime --root "$XDG_RUNTIME_DIR/runtime" run --bundle bundle gantry-rootless""")
        self.assertEqual(out.split(), ["hello", "0", "0", str(UID), "1", "1", str(FIRST_SUB_ID), "65536"])

    def test_the_default_configuration_runs(self):
        self.gantry("image", "pull", self.image)
        os.makedirs(f"{self.home}/bundle/rootfs")
        os.chown(f"{self.home}/bundle", UID, UID)
        out = self.inside(f"""gantry image mount {self.image} bundle/rootfs
                              gantry-runtime spec --bundle bundle
                              sed -i 's/"terminal": true/"terminal": false/; s,"sh"$,"/bin/busybox"\\,"id"\\,"-u",' bundle/config.json
                              gantry-runtime --root "$XDG_RUNTIME_DIR/runtime" run --bundle bundle gantry-rootless
                              gantry image unmount bundle/rootfs""")
        self.assertEqual(out, "0\n")

    def test_a_missing_helper_is_named(self):
        refused = self.as_user("/usr/bin/env", "PATH=/nonexistent", GANTRY, "image", "ls", status=1)
        self.assertIn("package uidmap", refused.stderr)

    def test_the_exit_status_is_the_commands(self):
        self.inside("exit 7", status=7)
        self.assertIn("no-such-program", self.gantry("rootless", "enter", "no-such-program", status=1).stderr)

    def test_the_ids_are_shown(self):
        self.assertEqual(self.gantry("rootless", "ids").stdout.splitlines(),
                         [f"{kind} {inside}" for kind in ("uid", "gid")
                          for inside in (f"0 {UID} 1", f"1 {FIRST_SUB_ID} 65536")])


class OneId(RootlessCase):
    has_range = False

    def test_owners_are_not_kept_and_that_is_said(self):
        self.assertIn("/etc/subuid", self.gantry("image", "pull", self.image).stderr)
        self.assertEqual(self.gantry("image", "ls", "-q").stderr, "")
        os.mkdir(f"{self.home}/mnt")
        out = self.inside(f"gantry image mount {self.image} mnt; stat -c %u mnt/srv/* | uniq; cat mnt/etc/motd; ls mnt/opaque")
        self.assertEqual(out.split(), ["0", "hello", "upper"])


class OverAnOverlay(RootlessCase):
    """Where the kernel's own overlay does not go: /var is one here already (lib/isolation.py)."""

    homes = "/var/tmp"

    def setUp(self):
        super().setUp()
        node = f"{self.home}/fuse"  # as udev makes it
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(10, 229))
        os.chmod(node, 0o666)
        command.run("mount", "--bind", node, "/dev/fuse")
        self.addCleanup(command.run, "umount", "/dev/fuse")

    def test_fuse_overlayfs_serves_a_mount(self):
        # An overlay can hold no whiteouts of another one, so this image has none.
        plain = Layout([layer_tar(busybox_layer()), layer_tar({"etc/": None, "etc/motd": "hello\n"})])
        self.addCleanup(plain.remove)
        name = f"{registry.address}/plain:1"
        skopeo("copy", "--dest-tls-verify=false", plain.source, f"docker://{name}")
        self.gantry("image", "pull", name)
        os.mkdir(f"{self.home}/mnt")
        out = self.inside(f"""gantry snapshot create {name} key
                              gantry snapshot mount key mnt
                              grep -o " - fuse fuse-overlayfs" /proc/self/mountinfo
                              cat mnt/etc/motd
                              echo more >> mnt/etc/motd; echo more > mnt/etc/more
                              gantry snapshot unmount mnt
                              gantry snapshot diff key
                              gantry snapshot mount key mnt
                              cat mnt/etc/motd
                              gantry snapshot unmount mnt""")
        self.assertEqual(out.split(), "- fuse fuse-overlayfs hello C /etc A /etc/more C /etc/motd hello more".split())
        self.gantry("snapshot", "rm", "key")
