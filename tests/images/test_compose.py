# SPDX-License-Identifier: Apache-2.0
"""Images composed from Debian's packages: what is in them, twice the same, what is attached, what is refused."""

import contextlib
import json
import os
import sqlite3
import stat
import subprocess
import tempfile
import unittest
import urllib.request

from lib import command, isolation
from lib.images import CHECKOUT, GANTRY, OurRegistry, Store

PACKAGES = f"{CHECKOUT}/build/packages"

DESCRIPTION = f"""
distribution: debian
suite: bookworm
sources: ["deb [trusted=yes] copy:{PACKAGES} bookworm main"]
packages: [tini]
users:
  - {{name: web, uid: 900, groups: [tty]}}
files:
  - {{path: /etc/motd, content: "composed\\n"}}
  - {{path: /srv/hello, source: hello, mode: "0755", owner: web}}
  - {{path: /srv/link, link: hello}}
config:
  entrypoint: [tini, --]
  cmd: [/srv/hello]
  user: web
  env: {{GREETING: hello}}
  exposed_ports: [80/tcp]
  labels: {{made.by: tests}}
source_date_epoch: 1700000000
"""


@unittest.skipUnless(os.path.exists(f"{PACKAGES}/complete"), "tools/test-packages has made no archive")
class Compose(unittest.TestCase):
    timeout = 300

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="compose-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.description = f"{cls.directory.name}/image.yaml"
        isolation.write(cls.description, DESCRIPTION)
        isolation.write(f"{cls.directory.name}/hello", "#!/bin/sh\necho $GREETING\n")
        cls.store = Store()
        cls.addClassCleanup(cls.store.remove)
        cls.image_id = cls.compose(cls.store)

    @classmethod
    def compose(cls, store):
        return store.image("compose", "--quiet", "--tag", "base:1", cls.description, timeout=280).stdout.strip()

    def mounted(self):
        target = f"{self.store.root}/mounted"
        os.mkdir(target)
        self.store.mount("base:1", "look", target)
        self.addCleanup(os.rmdir, target)
        self.addCleanup(self.store.gantry, "snapshot", "rm", "look")
        self.addCleanup(self.store.gantry, "snapshot", "unmount", target)
        return target

    def test_it_holds_the_packages_the_users_and_the_files_that_were_described(self):
        root = self.mounted()
        self.assertEqual(isolation.read(f"{root}/etc/motd"), "composed\n")
        self.assertIn("web:x:900:900::/home/web:/bin/sh\n", isolation.read(f"{root}/etc/passwd"))
        hello = os.stat(f"{root}/srv/hello")
        self.assertEqual((hello.st_uid, stat.S_IMODE(hello.st_mode)), (900, 0o755))
        self.assertEqual(os.readlink(f"{root}/srv/link"), "hello")
        self.assertTrue(os.path.exists(f"{root}/usr/bin/tini"))
        self.assertFalse(os.path.exists(f"{root}/etc/hostname"))
        installed = subprocess.run(["chroot", root, "dpkg-query", "--show", "--showformat", "${Package}\n"],
                                   capture_output=True, text=True, check=True).stdout.split()
        essential = subprocess.run(["chroot", root, "dpkg-query", "--show", "--showformat",
                                    "${Package} ${Essential}\n"], capture_output=True, text=True, check=True).stdout
        self.assertIn("tini", installed)
        self.assertNotIn("apt", installed)  # neither named, nor essential, nor needed by one that is
        self.assertIn("dpkg yes", essential)

    def test_it_has_the_config_that_was_described(self):
        inspected = self.store.inspect("base:1")
        self.assertEqual(inspected["Id"], self.image_id)
        config = inspected["Config"]
        self.assertEqual((config["Entrypoint"], config["Cmd"], config["User"]), (["tini", "--"], ["/srv/hello"], "web"))
        self.assertIn("GREETING=hello", config["Env"])
        self.assertEqual(config["Labels"], {"made.by": "tests"})
        self.assertTrue(inspected["Created"].startswith("2023-11-14T22:13:20"))

    def test_twice_it_is_the_same_image(self):
        other = Store()
        self.addCleanup(other.remove)
        self.assertEqual(self.compose(other), self.image_id)

    def test_what_it_is_made_of_goes_to_the_registry_with_it(self):
        registry = OurRegistry()
        self.addCleanup(registry.remove)
        name = f"{registry.address}/base:1"
        self.store.image("push", "--source", "base:1", name)

        def fetch(path, **headers):
            with urllib.request.urlopen(urllib.request.Request(f"{registry.url}/v2/base/{path}", headers=headers)) as answer:
                return answer.headers, json.load(answer)

        headers, _ = fetch("manifests/1", Accept="application/vnd.oci.image.manifest.v1+json")
        _, referrers = fetch(f"referrers/{headers['Docker-Content-Digest']}")
        self.assertEqual([entry["artifactType"] for entry in referrers["manifests"]], ["application/spdx+json"])
        _, manifest = fetch(f"manifests/{referrers['manifests'][0]['digest']}",
                            Accept="application/vnd.oci.image.manifest.v1+json")
        _, spdx = fetch(f"blobs/{manifest['layers'][0]['digest']}")
        self.assertEqual(spdx["spdxVersion"], "SPDX-2.3")
        packages = {package["name"]: package for package in spdx["packages"]}
        self.assertIn("pkg:deb/debian/tini@", packages["tini"]["externalRefs"][0]["referenceLocator"])

    def test_the_attachment_stays_as_long_as_the_image(self):
        store = Store()
        self.addCleanup(store.remove)
        command.run("cp", "--archive", f"{self.store.root}/.", store.root)  # composing takes long
        image = self.image_id
        store.image("prune")
        store.image("check")
        self.assertEqual(len(self.manifests(store)), 2)
        store.image("rm", image)
        store.image("prune")
        self.assertEqual(self.manifests(store), [])

    def manifests(self, store):
        with contextlib.closing(sqlite3.connect(f"{store.root}/metadata.db")) as database:
            return database.execute("SELECT digest FROM manifests").fetchall()

    def refused(self, text, *words):
        path = f"{self.directory.name}/refused.yaml"
        isolation.write(path, text)
        store = Store()
        self.addCleanup(store.remove)
        result = subprocess.run([GANTRY, "--root", store.root, "image", "compose", "--quiet", path], capture_output=True,
                                text=True)
        self.assertNotEqual(result.returncode, 0)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertEqual([name for name in os.listdir(store.root) if name.startswith("compose-")], [])

    def test_bad_descriptions_are_refused_and_leave_nothing(self):
        self.refused("distribution: debian\nsuite: [", "line 2")
        self.refused("distribution: slackware\nsuite: x\n", "slackware")
        self.refused(DESCRIPTION.replace("packages: [tini]", "packages: [no-such-package]"), "install packages")
        self.refused(DESCRIPTION.replace("source: hello", "source: missing"), "missing")

    def test_it_runs(self):
        root = self.mounted()
        result = command.run("chroot", "--userspec", "900:900", root, "env", "GREETING=hello", "tini", "--", "/srv/hello")
        self.assertEqual(result.stdout, "hello\n")
