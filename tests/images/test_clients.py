# SPDX-License-Identifier: Apache-2.0
"""The clients that people have, against our registry: they push, we and they pull, in both formats."""

import functools
import json
import os
import tempfile
import unittest

from lib import command, isolation
from lib.buildah import BuildahHome
from lib.containerd import ContainerdHome
from lib.dockerd import DockerHome
from lib.images import Layout, OurRegistry, Store, Tls, busybox_layer, layer_tar, skopeo
from lib.podman import PodmanHome

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def setUpModule():
    global layout, tls, plain, guarded, auth_file
    layout = Layout([layer_tar(busybox_layer()), layer_tar({"etc/": None, "etc/motd": "hello\n"})])
    unittest.addModuleCleanup(layout.remove)
    tls = Tls()
    unittest.addModuleCleanup(tls.remove)
    plain = OurRegistry()
    unittest.addModuleCleanup(plain.remove)
    htpasswd, auth_file = f"{tls.directory}/htpasswd", f"{tls.directory}/auth.json"
    command.run("htpasswd", "-Bbc", htpasswd, "alice", "secret")
    guarded = OurRegistry("--htpasswd", htpasswd, tls=tls)
    unittest.addModuleCleanup(guarded.remove)


@functools.cache
def pushed_by_us():
    """Names of the image in our registry as we push it: pulled in either format, pushed in either."""
    store = Store()
    unittest.addModuleCleanup(store.remove)
    names = []
    for origin in ("oci", "v2s2"):
        source = f"{plain.address}/origin/{origin}:1"
        skopeo("copy", "--dest-tls-verify=false", "--format", origin, layout.source, f"docker://{source}")
        store.image("pull", source)
        for form in ("oci", "docker"):
            names.append(f"{plain.address}/ours/{origin}-as-{form}:1")
            store.image("push", "--format", form, "--source", source, names[-1])
    return names


class Case(unittest.TestCase):
    def pulled_by_us(self, name, environment=None):
        """The store, with the image pulled and its files checked."""
        store = Store(environment)
        self.addCleanup(store.remove)
        store.image("pull", name)
        target = f"{store.root}/mounted"
        os.mkdir(target)
        store.mount(name, "key", target)
        try:
            self.assertEqual(isolation.read(f"{target}/etc/motd"), "hello\n")
            self.assertTrue(os.access(f"{target}/bin/sh", os.X_OK))
        finally:
            store.gantry("snapshot", "unmount", target)
        return store

    def manifest(self, name):
        return json.loads(skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{name}").stdout)


class Skopeo(Case):
    def push(self, name, *options):
        skopeo("copy", "--dest-tls-verify=false", *options, layout.source, f"docker://{name}")

    def test_what_it_pushes_we_pull_in_either_format(self):
        for form, media_type in (("oci", OCI_MANIFEST), ("v2s2", DOCKER_MANIFEST)):
            with self.subTest(form):
                name = f"{plain.address}/skopeo/{form}:1"
                self.push(name, "--format", form)
                self.assertEqual(self.manifest(name)["mediaType"], media_type)
                self.pulled_by_us(name)

    def test_what_we_push_it_reads_in_either_format(self):
        for name in pushed_by_us():
            with self.subTest(name):
                media_type = OCI_MANIFEST if name.endswith("as-oci:1") else DOCKER_MANIFEST
                manifest = self.manifest(name)
                self.assertEqual((manifest["mediaType"], len(manifest["layers"])), (media_type, 2))
                with tempfile.TemporaryDirectory() as target:
                    skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"dir:{target}")

    def test_lists_tags_and_deletes(self):
        for tag in ("b", "a", "c"):
            self.push(f"{plain.address}/tags:{tag}")
        listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{plain.address}/tags").stdout)
        self.assertEqual(listed["Tags"], ["a", "b", "c"])
        skopeo("delete", "--tls-verify=false", f"docker://{plain.address}/tags:a")
        skopeo("inspect", "--tls-verify=false", f"docker://{plain.address}/tags:b", status=1)

    def test_copies_inside_of_the_registry_move_no_layer(self):
        self.push(f"{plain.address}/origin:1")
        before = len(plain.requests())
        skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{plain.address}/origin:1",
               f"docker://{plain.address}/copy:1")
        sent = [line for line in plain.requests()[before:] if line.startswith("PUT") and "/uploads/" in line]
        config = layout.config["digest"].replace(":", "%3A")  # which skopeo sends as it is
        self.assertEqual([line for line in sent if config not in line], [])

    def test_accounts_over_tls(self):
        name = f"{guarded.address}/guarded:1"
        refused = skopeo("copy", "--dest-cert-dir", tls.trust, layout.source, f"docker://{name}", status=1)
        self.assertIn("unauthorized", refused.stderr.lower())
        skopeo("copy", "--dest-cert-dir", tls.trust, "--dest-creds", "alice:secret", layout.source, f"docker://{name}")
        self.we_pull_with_credentials(name)

    def we_pull_with_credentials(self, name):
        isolation.write(auth_file, json.dumps({"auths": {guarded.address: {"auth": "YWxpY2U6c2VjcmV0"}}}))
        registries = f"{tls.directory}/registries.json"
        isolation.write(registries, json.dumps({"hosts": {guarded.address: {"caFiles": [tls.ca]}}}))
        environment = {"REGISTRY_AUTH_FILE": auth_file, "GANTRY_REGISTRIES": registries}
        store = self.pulled_by_us(name, environment)
        store.image("push", "--source", name, f"{guarded.address}/again:1")
        wrong = Store({"GANTRY_REGISTRIES": registries, "REGISTRY_AUTH_FILE": "/nonexistent"})
        self.addCleanup(wrong.remove)
        refused = wrong.image("pull", name, status=1)
        self.assertIn(guarded.address, refused.stderr)
        self.assertIn("401", refused.stderr)


class Podman(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = PodmanHome()
        cls.addClassCleanup(cls.home.remove)

    def test_pulls_runs_and_pushes(self):
        name = f"{plain.address}/podman:1"
        skopeo("copy", "--dest-tls-verify=false", layout.source, f"docker://{name}")
        podman = self.home.podman
        podman("pull", "--tls-verify=false", name)
        self.assertEqual(podman("run", "--rm", "--network=none", name, "/bin/busybox", "cat", "/etc/motd").stdout, "hello\n")
        for form in ("oci", "v2s2"):
            pushed = f"{plain.address}/from-podman/{form}:1"
            podman("push", "--tls-verify=false", "--format", form, name, pushed)
            self.pulled_by_us(pushed)

    def test_what_we_push_it_runs_in_either_format(self):
        for name in pushed_by_us():
            with self.subTest(name):
                shown = self.home.podman("run", "--rm", "--network=none", "--tls-verify=false", name, "/bin/busybox", "cat", "/etc/motd")
                self.assertEqual(shown.stdout, "hello\n")

    def test_logs_in(self):
        podman = self.home.podman
        podman("login", "--cert-dir", tls.trust, "--authfile", f"{tls.directory}/podman.json", "-u", "alice", "-p",
               "wrong", guarded.address, status=125)
        podman("login", "--cert-dir", tls.trust, "--authfile", f"{tls.directory}/podman.json", "-u", "alice", "-p",
               "secret", guarded.address)


class Buildah(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = BuildahHome()
        cls.addClassCleanup(cls.home.remove)

    def test_builds_on_what_we_serve_and_pushes(self):
        base = f"{plain.address}/buildah/base:1"
        skopeo("copy", "--dest-tls-verify=false", layout.source, f"docker://{base}")
        buildah = self.home.buildah
        container = buildah("from", "--tls-verify=false", base).stdout.strip()
        buildah("run", container, "--", "/bin/busybox", "sh", "-c", "echo more > /more")
        buildah("commit", container, "built")
        for form in ("oci", "v2s2"):
            name = f"{plain.address}/buildah/{form}:1"
            buildah("push", "--tls-verify=false", "--format", form, "built", f"docker://{name}")
            store = self.pulled_by_us(name)
            self.assertEqual(len(store.inspect(name)["RootFS"]["Layers"]), 3)


    def test_what_we_push_it_builds_on_in_either_format(self):
        for name in pushed_by_us():
            with self.subTest(name):
                container = self.home.buildah("from", "--tls-verify=false", name).stdout.strip()
                shown = self.home.buildah("run", container, "--", "/bin/busybox", "cat", "/etc/motd")
                self.assertEqual(shown.stdout, "hello\n")


class Containerd(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = ContainerdHome()
        cls.addClassCleanup(cls.home.remove)

    def explain(self):
        return f"containerd's log of this time:\n{self.home.daemon.new_log()}"

    def test_what_we_push_it_runs_in_either_format(self):
        for name in pushed_by_us():
            with self.subTest(name):
                self.home.ctr("image", "pull", "--plain-http", name)
                shown = self.home.ctr("run", "--rm", *self.home.runtime_options, name, "one", "/bin/busybox", "cat", "/etc/motd")
                self.assertEqual(shown.stdout, "hello\n")

    def test_what_it_pushes_we_pull_in_either_format(self):
        name = f"{plain.address}/containerd:1"
        skopeo("copy", "--dest-tls-verify=false", "--format", "v2s2", layout.source, f"docker://{name}")
        ctr = self.home.ctr
        ctr("image", "pull", "--plain-http", name)
        ctr("image", "convert", "--oci", name, f"{name}-oci")
        for local, media_type in ((name, DOCKER_MANIFEST), (f"{name}-oci", OCI_MANIFEST)):
            with self.subTest(media_type):
                pushed = f"{plain.address}/from-containerd/{'oci' if media_type == OCI_MANIFEST else 'docker'}:1"
                ctr("image", "push", "--plain-http", pushed, local)
                self.assertEqual(self.manifest(pushed)["mediaType"], media_type)
                self.pulled_by_us(pushed)


class Docker(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = DockerHome()
        cls.addClassCleanup(cls.home.remove)

    def explain(self):
        return f"dockerd's log of this time:\n{self.home.daemon.new_log()}"

    def test_pulls_runs_and_pushes(self):
        name = f"{plain.address}/docker:1"
        skopeo("copy", "--dest-tls-verify=false", "--format", "v2s2", layout.source, f"docker://{name}")
        docker = self.home.docker
        docker("pull", name)
        self.assertEqual(docker("run", "--rm", "--network=none", name, "/bin/busybox", "cat", "/etc/motd").stdout, "hello\n")
        pushed = f"{plain.address}/from-docker:1"
        docker("tag", name, pushed)
        docker("push", pushed)
        self.pulled_by_us(pushed)

    def test_what_we_push_it_runs_in_either_format(self):
        for name in pushed_by_us():
            with self.subTest(name):
                shown = self.home.docker("run", "--rm", "--network=none", name, "/bin/busybox", "cat", "/etc/motd")
                self.assertEqual(shown.stdout, "hello\n")
