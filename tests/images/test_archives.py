# SPDX-License-Identifier: Apache-2.0
"""What we save others read, and what they save we load."""

import json
import os
import tarfile
import unittest

from lib import command, isolation
from lib.dockerd import DockerHome
from lib.images import Layout, Store, busybox_layer, layer_tar, skopeo
from lib.podman import PodmanHome


def setUpModule():
    global layout, store, podman, docker
    layout = Layout([layer_tar(busybox_layer()), layer_tar({"etc/": None, "etc/motd": "hello\n"})], tag="1")
    unittest.addModuleCleanup(layout.remove)
    store = Store()
    unittest.addModuleCleanup(store.remove)
    store.image("load", "--input", layout.directory, "--name", "app:1")
    home = PodmanHome()
    unittest.addModuleCleanup(home.remove)
    podman = home.podman
    home = DockerHome()
    unittest.addModuleCleanup(home.remove)
    docker = home.docker


class Case(unittest.TestCase):
    def path(self, name):
        path = f"{store.root}/{self._testMethodName}-{name}"
        self.addCleanup(command.run, "rm", "-rf", path)
        return path

    def assert_loads(self, *options, name, layers=2, stdin=None):
        other = Store()
        self.addCleanup(other.remove)
        other.image("load", *options)
        self.assertEqual(len(other.inspect(name)["RootFS"]["Layers"]), layers)
        target = f"{other.root}/mounted"
        os.mkdir(target)
        other.mount(name, "key", target)
        try:
            self.assertEqual(isolation.read(f"{target}/etc/motd"), "hello\n")
        finally:
            other.gantry("snapshot", "unmount", target)


class Save(Case):
    def test_docker_archive_for_docker_podman_and_skopeo(self):
        tar = self.path("tar")
        store.image("save", "--output", tar, "app:1")
        self.assertIn("app:1", docker("load", "--input", tar).stdout)
        self.assertEqual(docker("run", "--rm", "--network=none", "app:1", "/bin/busybox", "cat", "/etc/motd").stdout, "hello\n")
        docker("rmi", "app:1")
        self.assertIn("app:1", podman("load", "--input", tar).stdout)
        podman("rmi", "--all", "--force")
        inspected = json.loads(skopeo("inspect", f"docker-archive:{tar}").stdout)
        self.assertEqual(len(inspected["Layers"]), 2)

    def test_oci_archive_for_podman_and_skopeo(self):
        tar = self.path("tar")
        store.image("save", "--format", "oci", "--output", tar, "app:1")
        podman("load", "--input", tar)
        podman("rmi", "--all", "--force")
        self.assertEqual(json.loads(skopeo("inspect", f"oci-archive:{tar}").stdout)["Layers"],
                         [layer["digest"] for layer in layout.layers])

    def test_oci_layout_for_umoci(self):
        directory, bundle = self.path("layout"), self.path("bundle")
        store.image("save", "--format", "oci-dir", "--output", directory, "app:1")
        tags = command.run("umoci", "list", "--layout", directory).stdout.split()
        command.run("umoci", "unpack", "--image", f"{directory}:{tags[0]}", bundle)
        self.assertEqual(isolation.read(f"{bundle}/rootfs/etc/motd"), "hello\n")

    def test_several_images_in_one_archive(self):
        store.image("tag", "app:1", "other/app:2")
        tar = self.path("tar")
        store.image("save", "--output", tar, "app:1", "other/app:2")
        loaded = docker("load", "--input", tar).stdout
        self.assertIn("app:1", loaded)
        self.assertIn("other/app:2", loaded)
        docker("rmi", "app:1", "other/app:2")

    def test_the_same_bytes_every_time(self):
        first, second = self.path("1"), self.path("2")
        for tar in (first, second):
            store.image("save", "--output", tar, "app:1")
        command.run("cmp", first, second)


class Load(Case):
    def test_what_docker_saves(self):
        tar = self.path("tar")
        skopeo("copy", layout.source, f"docker-archive:{tar}:from/skopeo:1")
        self.assert_loads("--input", tar, name="from/skopeo:1")
        docker("load", "--input", tar)
        saved = self.path("saved")
        docker("save", "--output", saved, "from/skopeo:1")
        docker("rmi", "from/skopeo:1")
        self.assert_loads("--input", saved, name="from/skopeo:1")

    def test_what_podman_saves(self):
        tar = self.path("tar")
        store.image("save", "--output", tar, "app:1")
        podman("load", "--input", tar)
        for form in ("docker-archive", "oci-archive"):
            with self.subTest(form):
                saved = self.path(form)
                podman("save", "--format", form, "--output", saved, "docker.io/library/app:1")
                self.assert_loads("--input", saved, "--name", "app:1", name="app:1")
        podman("rmi", "--all", "--force")

    def test_compressed_archives(self):
        tar = self.path("tar")
        store.image("save", "--output", tar, "app:1")
        for program in ("gzip", "zstd"):
            with self.subTest(program):
                command.run(program, "-kf", tar)
                packed = f"{tar}.{'gz' if program == 'gzip' else 'zst'}"
                self.addCleanup(os.unlink, packed)
                self.assert_loads("--input", packed, name="app:1")

    def test_cut_archives_are_refused_and_leave_nothing(self):
        tar = self.path("tar")
        store.image("save", "--output", tar, "app:1")
        size = os.path.getsize(tar)
        for part in (0, 1, 511, 512, 1000, size // 2, size - 2048):
            other = Store()
            self.addCleanup(other.remove)
            cut = self.path("cut")
            with open(tar, "rb") as whole, open(cut, "wb") as file:
                file.write(whole.read(part))
            other.image("load", "--input", cut, status=1)
            self.assertEqual(other.image("ls", "-q").stdout, "")
            other.image("prune")
            self.assertEqual(json.loads(other.image("df", "--format", "json").stdout)["Blobs"], 0)

    def test_an_archive_with_links_that_lead_out_is_refused(self):
        tar = self.path("tar")
        with tarfile.open(tar, "w") as archive:
            for name, target in (("manifest.json", "/etc/passwd"), ("index.json", "../../../../etc/passwd")):
                member = tarfile.TarInfo(name)
                member.type, member.linkname = tarfile.SYMTYPE, target
                archive.addfile(member)
        other = Store()
        self.addCleanup(other.remove)
        result = other.image("load", "--input", tar, status=1)
        self.assertNotIn("root:", result.stderr)


class ImportAndExport(Case):
    def test_a_flat_tar_there_and_back(self):
        tar = self.path("tar")
        with open(tar, "wb") as file:
            file.write(layer_tar(busybox_layer() | {"etc/motd": "hello\n"}))
        store.image("import", "--config", '{"Cmd":["/bin/sh"]}', tar, "imported:1")
        self.addCleanup(store.image, "rm", "imported:1")
        store.gantry("snapshot", "create", "imported:1", "flat")
        self.addCleanup(store.gantry, "snapshot", "rm", "flat")
        out = self.path("out")
        store.gantry("snapshot", "export", "--output", out, "flat")
        with tarfile.open(out) as exported:
            names = {name.removeprefix("./") for name in exported.getnames()}
            self.assertIn("etc/motd", names)
            self.assertEqual(exported.extractfile(next(m for m in exported if m.name.endswith("etc/motd"))).read(), b"hello\n")
        docker("import", out, "flat:1")
        docker("rmi", "flat:1")
