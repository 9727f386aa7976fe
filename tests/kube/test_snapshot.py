# SPDX-License-Identifier: Apache-2.0
"""A control plane's store as one file: saved while it is written to, restored where there is none."""

import concurrent.futures
import os
import shutil
import tempfile
import unittest

from kube.kube_case import config_map
from kube.test_store import Writer, listed
from lib import clients, command
from lib.control_plane import ControlPlane
from lib.images import GANTRY
from lib.kube_client import Watch
from lib.runtime import wait_for


@unittest.skipUnless(clients.are_there(), "there is no kubectl: tools/newer-clients")
class Snapshots(unittest.TestCase):
    def setUp(self):
        self.plane = ControlPlane()
        self.addCleanup(self.plane.remove)
        self.plane.administrator()  # unpacked once
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
        writers = [Writer(self.plane, number) for number in range(4)]
        with concurrent.futures.ThreadPoolExecutor(len(writers)) as pool:
            storms = [pool.submit(writer.write) for writer in writers]
            wait_for(lambda: all(writer.acknowledged > 5 for writer in writers), "writes to be under way")
            before = {writer.name: writer.acknowledged for writer in writers}
            self.snapshot("save", self.plane.directory)
            self.plane.stop()
            for storm in storms:
                storm.result()
        saved = {item["metadata"]["name"]: item["data"] for item in listed(self.restored())["items"]
                 if "filling" in item.get("data", {})}
        for writer in writers:
            data = saved[writer.name]
            self.assertEqual(data["first"], data["last"])
            self.assertTrue(before[writer.name] <= int(data["last"]) <= writer.begun, (data["last"], before, writer.begun))

    def test_who_remembers_a_later_revision_is_told_to_look_again(self):
        self.plane.apply(config_map("one", a="1"))
        self.snapshot("save", self.plane.directory)
        self.plane.apply(config_map("one", a="2"))
        later = self.plane.get("configmap", "one")["metadata"]["resourceVersion"]
        restored = self.restored()
        self.assertEqual(restored.get("configmap", "one")["data"], {"a": "1"})
        with Watch(restored, "/api/v1/configmaps", resourceVersion=later) as watch:
            event = next(iter(watch))
        self.assertEqual((watch.answer.status, event["type"], event["object"]["code"]), (200, "ERROR", 410))

    def test_nothing_is_replaced_and_nothing_damaged_is_taken(self):
        self.snapshot("save", self.plane.directory)
        self.assertIn("exists already", self.snapshot("save", self.plane.directory, status=1).stderr)
        self.assertIn("exists already", self.snapshot("restore", self.plane.directory, status=1).stderr)
        with open(self.file, "r+b") as file:
            file.seek(5000)
            file.write(b"\x7f")
        self.assertIn("digest", self.snapshot("restore", f"{self.directory}/other", status=1).stderr)
        self.assertFalse(os.path.exists(f"{self.directory}/other/store.db"))
