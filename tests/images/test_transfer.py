# SPDX-License-Identifier: Apache-2.0
"""Our pulls and pushes: with Debian's docker-registry, in the middle of things, many at once."""

import json
import os
import random
import signal
import threading
import time
import unittest

from lib.images import DebianRegistry, Layout, OurRegistry, Store, busybox_layer, layer_tar, skopeo
from lib.runtime import wait_for

MB = 1 << 20


def setUpModule():
    global theirs, ours, layout, large
    theirs = DebianRegistry()
    unittest.addModuleCleanup(theirs.remove)
    ours = OurRegistry()
    unittest.addModuleCleanup(ours.remove)
    layout = Layout([layer_tar(busybox_layer()), layer_tar({"etc/": None, "etc/motd": "hello\n"})])
    unittest.addModuleCleanup(layout.remove)
    noise = random.Random(1)
    large = Layout([layer_tar({f"file-{i}": noise.randbytes(8 * MB)}) for i in range(4)], level=0)
    unittest.addModuleCleanup(large.remove)
    for registry in (theirs, ours):
        for source, name in ((layout, "small:1"), (large, "large:1")):
            skopeo("copy", "--dest-tls-verify=false", source.source, f"docker://{registry.address}/{name}")


class Case(unittest.TestCase):
    def store(self):
        store = Store()
        self.addCleanup(store.remove)
        return store


class DockerRegistry(Case):
    def test_pull_and_push(self):
        store = self.store()
        name = f"{theirs.address}/small:1"
        self.assertIn("Downloaded newer image", store.image("pull", name).stdout)
        self.assertIn("up to date", store.image("pull", name).stdout)
        for form in ("oci", "docker"):
            pushed = f"{theirs.address}/pushed-{form}:1"
            store.image("push", "--source", name, "--format", form, pushed)
            inspected = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{pushed}").stdout)
            self.assertEqual(inspected["Layers"], [layer["digest"] for layer in layout.layers])

    def test_pull_by_digest(self):
        store = self.store()
        digest = layout.manifest["digest"]
        store.image("pull", f"{theirs.address}/small@{digest}")
        store.image("pull", f"{theirs.address}/small@sha256:{'0' * 64}", status=1)

    def test_an_error_says_all_that_is_known(self):
        result = self.store().image("pull", f"{theirs.address}/nothing:here", status=1)
        for part in (f"pull '{theirs.address}/nothing:here'", f"registry '{theirs.address}'", "404", "MANIFEST_UNKNOWN"):
            self.assertIn(part, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()[-1:]), 1)


class Memory(Case):
    def test_a_pull_needs_no_more_where_a_layer_asks_for_much(self):
        """Windows of zstd, of which each layer says how large they are: five as they are common, one of 128 MiB."""
        noise = random.Random(2)
        parts = [noise.randbytes(4 * MB) for _ in range(5)]
        common = Layout([layer_tar({"file": part * 4}) for part in parts], zstd=["-1", "--zstd=wlog=23"])
        self.addCleanup(common.remove)
        # What is repeated is far apart, and there is more of it than fits into the window.
        far = Layout([layer_tar({f"file-{i}": parts[i % 5] for i in range(35)})], zstd=["-1", "--long=27"])
        self.addCleanup(far.remove)
        for name, images in (("common", common), ("far", far)):
            with self.subTest(name):
                name = f"{ours.address}/{name}:1"
                skopeo("copy", "--dest-tls-verify=false", images.source, f"docker://{name}")
                self.assertLess(self.peak_of_pull(name), 64)

    def peak_of_pull(self, name):
        """MiB. Of a high-water mark, the last look before the end counts."""
        store = self.store()
        pull = store.popen("image", "pull", name)
        peak = 0
        while pull.poll() is None:
            with open(f"/proc/{pull.pid}/status") as status:
                peak = max([peak, *(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))])
            time.sleep(0.005)
        self.assertEqual(pull.returncode, 0, pull.communicate()[1])
        self.assertGreater(peak, 0)
        return peak / 1024


class Killed(Case):
    def test_a_pull_that_is_killed_leaves_nothing_but_what_the_next_goes_on_from(self):
        store = self.store()
        name = f"{theirs.address}/large:1"
        for delay in (0.005, 0.02, 0.04, 0.08, 0.12, 0.16):
            pull = store.popen("image", "pull", name)
            time.sleep(delay)  # anywhere: it is the point that any moment will do
            pull.send_signal(signal.SIGKILL)
            pull.communicate()
            self.assertIn("0 findings", store.image("check").stdout)
        store.image("pull", name)
        self.assertIn("0 findings", store.image("check").stdout)
        store.image("rm", name)
        self.assertEqual(json.loads(store.image("df", "--format", "json").stdout)["Blobs"], 0)

    def test_a_push_that_is_killed_leaves_nothing_visible(self):
        store = self.store()
        store.image("pull", f"{ours.address}/large:1")
        push = store.popen("image", "push", "--source", f"{ours.address}/large:1", f"{ours.address}/half:1")
        time.sleep(0.03)
        push.send_signal(signal.SIGKILL)
        push.communicate()
        status = skopeo("inspect", "--tls-verify=false", f"docker://{ours.address}/half:1", status=None).status
        if push.returncode < 0:
            self.assertIn(status, (0, 1))
        store.image("push", "--source", f"{ours.address}/large:1", f"{ours.address}/half:1")
        skopeo("inspect", "--tls-verify=false", f"docker://{ours.address}/half:1")

    def test_a_registry_that_is_killed_loses_nothing_that_it_has_acknowledged(self):
        registry = OurRegistry()
        self.addCleanup(registry.remove)
        acknowledged = []
        stop = threading.Event()

        def push_on():
            for i in range(1000):
                if stop.is_set():
                    return
                name = f"{registry.address}/kept:{i}"
                if skopeo("copy", "--dest-tls-verify=false", layout.source, f"docker://{name}", status=None).status == 0:
                    acknowledged.append(name)

        thread = threading.Thread(target=push_on)
        thread.start()
        wait_for(lambda: len(acknowledged) >= 2, "pushes", 60)
        registry.daemon.kill()
        stop.set()
        thread.join()
        registry.start()
        store = self.store()
        for name in acknowledged:
            store.image("pull", "--quiet", name)
        self.assertIn("0 findings", registry.store.image("check").stdout)


class AtOnce(Case):
    def test_two_processes_that_pull_the_same_fetch_it_once(self):
        store = self.store()
        before = len(ours.requests())
        pulls = [store.popen("image", "pull", f"{ours.address}/large:1") for _ in range(4)]
        for pull in pulls:
            _, said = pull.communicate(timeout=60)
            self.assertEqual(pull.returncode, 0, said)
        for layer in large.layers:
            fetched = [line for line in ours.requests()[before:] if line == f"GET /v2/large/blobs/{layer['digest']}"]
            self.assertEqual(len(fetched), 1)

    def test_images_may_be_removed_while_others_are_pulled(self):
        store = self.store()
        for _ in range(5):
            pull = store.popen("image", "pull", f"{ours.address}/large:1")
            store.image("prune", "--all")
            _, said = pull.communicate(timeout=60)
            self.assertEqual(pull.returncode, 0, said)
            store.image("rm", f"{ours.address}/large:1", status=None)
        self.assertIn("0 findings", store.image("check").stdout)


class OwnRegistry(Case):
    def test_a_pull_from_a_registry_on_the_same_store_moves_no_bytes(self):
        registry = OurRegistry(store=self.store())
        self.addCleanup(registry.remove)
        name = f"{registry.address}/large:1"
        skopeo("copy", "--dest-tls-verify=false", large.source, f"docker://{name}")
        before = len(registry.requests())
        registry.store.image("pull", name)
        self.assertEqual([line for line in registry.requests()[before:] if "/blobs/" in line], [])
        target = f"{registry.store.root}/mounted"
        os.mkdir(target)
        registry.store.mount(name, "key", target)
        self.assertEqual(os.path.getsize(f"{target}/file-3"), 8 * MB)
        registry.store.gantry("snapshot", "unmount", target)

    def test_history_and_rollback(self):
        registry = OurRegistry()
        self.addCleanup(registry.remove)
        for source in (layout, large):
            skopeo("copy", "--dest-tls-verify=false", source.source, f"docker://{registry.address}/app:1")
        history = registry.store.gantry("registry", "history", "app:1").stdout
        self.assertLess(history.index(large.manifest["digest"]), history.index(layout.manifest["digest"]))
        registry.store.gantry("registry", "rollback", "app:1")
        inspected = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{registry.address}/app:1").stdout)
        self.assertEqual(inspected["Digest"], layout.manifest["digest"])
