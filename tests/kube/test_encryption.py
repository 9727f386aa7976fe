# SPDX-License-Identifier: Apache-2.0
"""Values encrypted in the store under the key of a plugin (kms v2), which may go away, and a file that is read anew."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time

from kube import kube_case
from lib import command
from lib.control_plane import ControlPlane
from lib.images import GANTRY
from lib.kms import Kms
from lib.runtime import wait_for

SECRETBOX = "secretbox: {keys: [{name: one, secret: a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=}]}"


class Encryption(kube_case.Case):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="encryption-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.socket = f"{self.directory}/kms.sock"
        self.file = f"{self.directory}/encryption.yaml"
        self.plugin = Kms(self.socket)
        self.addCleanup(lambda: self.plugin.stop())
        self.configure(self.kms())
        self.plane = ControlPlane("--encryption-provider-config", self.file,
                                  "--encryption-provider-config-automatic-reload", directory=f"{self.directory}/plane")
        self.addCleanup(self.plane.remove)
        super().setUp()

    def kms(self):
        return f"kms: {{apiVersion: v2, name: test, endpoint: 'unix://{self.socket}', timeout: 2s}}"

    def configure(self, *providers):
        with open(f"{self.file}.new", "w", encoding="utf-8") as file:
            file.write("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
                       "- resources: [secrets]\n  providers:\n" + "".join(f"  - {{{each}}}\n" for each in providers))
        os.rename(f"{self.file}.new", self.file)

    def stored(self, name):
        """The value in the store itself."""
        key = f"/registry/secrets/{self.namespace}/{name}"
        with contextlib.closing(sqlite3.connect(f"file:{self.plane.directory}/store.db?mode=ro", uri=True)) as store:
            return store.execute("SELECT CAST(value AS BLOB) FROM changes WHERE key = ? ORDER BY id DESC", (key,)).fetchone()[0]

    def secret(self, name):
        return self.get("secret", name)["data"]["a"]

    def test_secrets_are_written_under_the_plugins_key_and_read_without_it(self):
        self.out("create", "secret", "generic", "one", "--from-literal=a=plain-words")
        self.assertTrue(self.stored("one").startswith(b"k8s:enc:kms:v2:test:"))
        self.assertNotIn(b"plain-words", self.stored("one"))
        self.assertEqual(self.plugin.asked.count("Encrypt"), 1)
        self.assertEqual(self.plane.raw("/livez/kms-providers"), (200, b"ok"))

        self.plugin.stop()
        self.assertEqual(self.secret("one"), "cGxhaW4td29yZHM=")
        self.out("create", "secret", "generic", "two", "--from-literal=a=b")  # its seed is good for three minutes
        self.plugin = Kms(self.socket)
        self.plane.stop()
        self.plane.start()
        self.assertEqual((self.secret("one"), self.secret("two")), ("cGxhaW4td29yZHM=", "Yg=="))

    def test_a_server_without_its_plugin_says_so(self):
        self.out("create", "secret", "generic", "one", "--from-literal=a=b")
        self.plane.stop()
        self.plugin.stop()
        refused = command.run(GANTRY, "server", "--data-dir", self.plane.directory, *self.plane.options, status=1)
        self.assertIn("kms 'test'", refused.stderr)
        self.plugin = Kms(self.socket)
        self.plane.start()
        self.assertEqual(self.secret("one"), "Yg==")

    def test_the_file_is_read_anew_while_it_runs(self):
        self.out("create", "secret", "generic", "one", "--from-literal=a=b")
        self.configure("rot13: {}")
        self.configure(SECRETBOX, self.kms())

        def is_rewritten():
            self.out("annotate", "secret", "one", f"now={time.monotonic()}", "--overwrite")
            return self.stored("one").startswith(b"k8s:enc:secretbox:v1:one:")

        wait_for(is_rewritten, "the new configuration")
        self.assertEqual(self.secret("one"), "Yg==")
