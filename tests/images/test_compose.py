# SPDX-License-Identifier: Apache-2.0
"""Images composed from Debian's packages: what is in them, twice the same, what is attached, what is refused."""

import contextlib
import email.utils
import http.server
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading
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


SPEC = """
Name: tiny
Version: 1.2
Release: 3
Summary: A test
License: Apache-2.0
Requires: tiny-shell
%description
A test.
%package shell
Summary: What it needs
%description shell
What it needs.
%package unneeded
Summary: What nobody needs
%description unneeded
What nobody needs.
%install
mkdir -p %{buildroot}/usr/bin
cp /bin/busybox %{buildroot}/usr/bin/busybox
ln -s busybox %{buildroot}/usr/bin/sh
touch %{buildroot}/unneeded
%files
/usr/bin/busybox
%files shell
/usr/bin/sh
%files unneeded
/unneeded
"""

RPM_DESCRIPTION = """
distribution: rpm
suite: "1"
keyring: none
sources: ["test=file://{repository}"]
packages: [tiny]
files: [{{path: /etc/motd, content: "from packages\\n"}}]
config: {{cmd: [/usr/bin/busybox, cat, /etc/motd]}}
source_date_epoch: 1700000000
"""


class Composed:
    """Words for tests that compose from an archive of their own."""

    def composed(self, description, **environment):
        """A new store with the image, and the image's id."""
        store = Store(environment)
        self.addCleanup(store.remove)
        return store, store.image("compose", "--quiet", "--tag", "base:1", description, timeout=240).stdout.strip()

    def packages_of(self, store):
        """The attachment's, by name."""
        blobs = store.small_blobs()
        for text in blobs.values():
            if b'"artifactType":"application/spdx+json"' in text:
                spdx = json.loads(blobs[json.loads(text)["layers"][0]["digest"]])
                return {package["name"]: package for package in spdx["packages"]}
        raise AssertionError("nothing is attached")


@unittest.skipUnless(shutil.which("dnf") and shutil.which("createrepo_c") and shutil.which("rpmbuild"),
                     "dnf, rpm or createrepo-c is not installed")
class Rpm(Composed, unittest.TestCase):
    timeout = 300

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="rpm-")
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        repository = f"{self.directory}/repository"
        isolation.write(f"{self.directory}/tiny.spec", SPEC)
        command.run("rpmbuild", "--quiet", "-bb", "--define", f"_topdir {self.directory}/top", "--define",
                    f"_rpmdir {repository}", "--define", "_build_id_links none", "--define", "debug_package %{nil}",
                    f"{self.directory}/tiny.spec", env={"HOME": self.directory})
        command.run("createrepo_c", "--quiet", repository)
        self.description = f"{self.directory}/image.yaml"
        isolation.write(self.description, RPM_DESCRIPTION.format(repository=repository))

    def test_it_has_the_packages_named_and_what_they_need_and_is_the_same_twice(self):
        store, image = self.composed(self.description)
        self.assertEqual(self.composed(self.description)[1], image)
        target = f"{store.root}/mounted"
        os.mkdir(target)
        store.mount("base:1", "look", target)
        self.addCleanup(store.gantry, "snapshot", "rm", "look")
        self.addCleanup(store.gantry, "snapshot", "unmount", target)
        said = command.run("chroot", target, "/usr/bin/busybox", "cat", "/etc/motd").stdout
        self.assertEqual(said, "from packages\n")
        self.assertFalse(os.path.exists(f"{target}/unneeded"))
        installed = command.run("rpm", "--root", target, "--dbpath", "/usr/lib/sysimage/rpm", "--query", "--all",
                                "--queryformat", "%{NAME}\n").stdout.split()
        self.assertEqual(sorted(installed), ["tiny", "tiny-shell"])
        packages = self.packages_of(store)
        self.assertEqual(set(packages) - {image}, {"tiny", "tiny-shell"})
        self.assertIn("pkg:rpm/", packages["tiny"]["externalRefs"][0]["referenceLocator"])

    def test_what_is_not_there_is_refused(self):
        isolation.write(self.description, isolation.read(self.description).replace("[tiny]", "[none-such]"))
        store = Store()
        self.addCleanup(store.remove)
        result = store.image("compose", self.description, status=None, timeout=240)
        self.assertNotEqual(result.status, 0)
        self.assertIn("none-such", result.stderr + result.stdout)
        self.assertEqual([name for name in os.listdir(store.root) if name.startswith("compose-")], [])


@unittest.skipUnless(os.path.exists(f"{PACKAGES}/complete") and shutil.which("gpg"),
                     "tools/test-packages has made no archive, or there is no gpg")
class SignedArchive(Composed, unittest.TestCase):
    """An archive under Ubuntu's words, behind HTTP and signed, as those of distributions are."""

    timeout = 300

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="archive-")
        self.addCleanup(scratch.cleanup)
        self.directory = scratch.name
        archive = f"{self.directory}/archive"
        os.makedirs(f"{archive}/dists/noble/main/binary-amd64")
        os.symlink(f"{PACKAGES}/pool", f"{archive}/pool")
        shutil.copy(f"{PACKAGES}/dists/bookworm/main/binary-amd64/Packages", f"{archive}/dists/noble/main/binary-amd64")
        options = [f"-oAPT::FTPArchive::Release::{field}={value}" for field, value in
                   (("Suite", "noble"), ("Codename", "noble"), ("Components", "main"), ("Architectures", "amd64"))]
        release = command.run("apt-ftparchive", *options, "release", f"{archive}/dists/noble").stdout
        isolation.write(f"{archive}/dists/noble/Release", release)
        self.sign(f"{archive}/dists/noble")
        self.serve(archive)
        self.description = f"{self.directory}/image.yaml"
        isolation.write(self.description, f"distribution: ubuntu\nsuite: noble\nmirror: {self.url}\n"
                                          f"keyring: {self.directory}/archive.gpg\npackages: [tini]\n")

    def sign(self, directory):
        home = f"{self.directory}/gnupg"
        os.mkdir(home, 0o700)
        gpg = ("gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        try:
            command.run(*gpg, "--quick-generate-key", "archive@localhost", "ed25519", "sign")
            command.run(*gpg, "--output", f"{directory}/InRelease", "--clear-sign", f"{directory}/Release")
            command.run(*gpg, "--output", f"{self.directory}/archive.gpg", "--export")
        finally:
            command.run("gpgconf", "--homedir", home, "--kill", "all")

    def serve(self, archive):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=archive)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def test_twice_it_is_the_same_image_of_the_archive_s_date(self):
        store, image = self.composed(self.description)
        self.assertEqual(self.composed(self.description)[1], image)
        release = isolation.read(f"{self.directory}/archive/dists/noble/Release")
        date = next(line.removeprefix("Date: ") for line in release.splitlines() if line.startswith("Date: "))
        created = email.utils.parsedate_to_datetime(date).strftime("%Y-%m-%dT%H:%M:%S")
        self.assertTrue(store.inspect("base:1")["Created"].startswith(created))
        self.assertIn("pkg:deb/ubuntu/tini@", self.packages_of(store)["tini"]["externalRefs"][0]["referenceLocator"])

    def test_one_that_nobody_trusted_has_signed_is_refused(self):
        isolation.write(f"{self.directory}/other.gpg", "")
        isolation.write(self.description, isolation.read(self.description).replace("archive.gpg", "other.gpg"))
        store = Store()
        self.addCleanup(store.remove)
        self.assertNotEqual(store.image("compose", self.description, status=None, timeout=240).status, 0)
        self.assertEqual(store.image("ls", "--quiet").stdout, "")
