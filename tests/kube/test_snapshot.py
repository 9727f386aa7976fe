# SPDX-License-Identifier: Apache-2.0
"""A control plane's store as one file: saved while it is written to, restored where there is none."""

import concurrent.futures
import json
import os
import shutil
import tempfile
import unittest

from kube.kube_case import config_map
from kube.test_store import names, write
from lib import clients, command
from lib.control_plane import ControlPlane
from lib.images import GANTRY
from lib.runtime import wait_for


@unittest.skipUnless(clients.are_there(), "there is no kubectl: tools/newer-clients")
class Snapshots(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane()
        self.addCleanup(self.plane.remove)
        self.plane.raw("/api/v1/namespaces/default")  # the administrator's certificate is unpacked
        self.directory = tempfile.mkdtemp(prefix="restored-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = f"{self.directory}/saved"

    def snapshot(self, verb, directory, **options):
        return command.run(GANTRY, "snapshot", verb, "--data-dir", directory, self.file, **options)

    def restored(self):
        """A control plane on what was restored, with the authorities that the clients know."""
        directory = f"{self.directory}/plane"
        os.mkdir(directory)
        shutil.copytree(f"{self.plane.directory}/pki", f"{directory}/pki")
        self.snapshot("restore", directory)
        plane = ControlPlane(directory=directory)
        self.addCleanup(plane.remove)
        return plane

    def test_saved_in_a_storm_of_writes_it_has_all_that_was_answered_before(self):
        is_enough = False
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            storms = [pool.submit(write, self.plane, writer, lambda: is_enough) for writer in range(4)]
            wait_for(lambda: len(names(self.plane)) > 20, "writes to be under way")
            before = names(self.plane)
            self.snapshot("save", self.plane.directory)
            is_enough = True
            written = {name for storm in storms for name in storm.result()}
        self.assertGreater(os.path.getsize(self.file), 10_000)
        shown = names(self.restored())
        self.assertLessEqual(before, shown)
        self.assertLessEqual(shown - {"kube-root-ca.crt"}, written | before)

    def test_who_remembers_a_later_revision_is_told_to_look_again(self):
        self.plane.apply(config_map("one", a="1"))
        self.snapshot("save", self.plane.directory)
        self.plane.apply(config_map("one", a="2"))
        later = self.plane.get("configmap", "one")["metadata"]["resourceVersion"]
        restored = self.restored()
        self.assertEqual(restored.get("configmap", "one")["data"], {"a": "1"})
        status, told = restored.raw(f"/api/v1/configmaps?watch=1&timeoutSeconds=2&resourceVersion={later}")
        event = json.loads(told.splitlines()[0])
        self.assertEqual((status, event["type"], event["object"]["code"]), (200, "ERROR", 410))

    def test_nothing_is_replaced_and_nothing_damaged_is_taken(self):
        self.snapshot("save", self.plane.directory)
        self.assertIn("exists already", self.snapshot("save", self.plane.directory, status=1).stderr)
        self.assertIn("exists already", self.snapshot("restore", self.plane.directory, status=1).stderr)
        with open(self.file, "r+b") as file:
            file.seek(5000)
            file.write(b"\x7f")
        self.assertIn("digest", self.snapshot("restore", f"{self.directory}/other", status=1).stderr)
        self.assertFalse(os.path.exists(f"{self.directory}/other/store.db"))
