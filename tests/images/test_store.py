# SPDX-License-Identifier: Apache-2.0
"""What is kept: what it takes, what goes and what stays, damage and its repair, snapshots and their differences."""

import json
import os
import shutil
import tarfile
import tempfile
import unittest

from lib import command
from lib.bundle import Bundle
from lib.images import Layout, OurRegistry, Store, busybox_layer, layer_tar
from lib.isolation import read, write
from lib.runtime import PROGRAM as RUNTIME, wait_for


def setUpModule():
    global layout
    layout = Layout([layer_tar(busybox_layer() | {"data/": None, "data/kept": "k" * 100_000, "data/removed": "r"}),
                     layer_tar({"etc/": None, "etc/motd": "hello\n"})])
    unittest.addModuleCleanup(layout.remove)


class StoreCase(unittest.TestCase):
    def setUp(self):
        self.store = Store()
        self.addCleanup(self.store.remove)

    def load(self, name="app:1", source=None):
        self.store.image("load", "--input", (source or layout).directory, "--name", name)

    def directory(self, name):
        """One that every user gets to, unlike the store, to mount in."""
        path = tempfile.mkdtemp(prefix=f"{name}-")
        self.addCleanup(os.rmdir, path)
        self.addCleanup(command.run, "umount", "-l", path, status=None)
        os.chmod(path, 0o755)
        return path

    def layout(self, *layers, **more):
        made = Layout(list(layers), **more)
        self.addCleanup(made.remove)
        return made

    def usage(self):
        return json.loads(self.store.image("df", "--format", "json").stdout)

    def content(self):
        """Bytes without the database, whose file grows by its log when that is emptied."""
        usage = self.usage()
        return usage["Blobs"] + usage["Layers"]

    def assert_all_is_well(self):
        self.assertIn(" 0 findings", self.store.image("check").stdout)

    def blob_path(self, digest):
        algorithm, digits = digest.split(":")
        return f"{self.store.root}/content/blobs/{algorithm}/{digits[:2]}/{digits}"


class DiskUsage(StoreCase):
    def test_df_says_what_du_says(self):
        registry = OurRegistry(store=self.store)  # keeps the database's log from going with the last who has it open
        self.addCleanup(registry.remove)
        wait_for(registry.requests, "the access log's first line", 60)  # its file is in the root, too
        for what in (lambda: None, self.load, lambda: self.store.gantry("snapshot", "create", "app:1", "key"),
                     lambda: self.store.image("rm", "--force", "app:1")):
            what()
            usage = self.usage()
            du = int(command.run("du", "--summarize", "--block-size=1", self.store.root).stdout.split()[0])
            self.assertEqual(usage["Total"], du)
            self.assertEqual(sum(usage[part] for part in ("Blobs", "Transfers", "Metadata", "Layers", "Snapshots")),
                             usage["Total"])

    def test_removing_frees_it(self):
        empty = self.usage()
        self.load()
        self.assertGreater(self.usage()["Blobs"], empty["Blobs"])
        self.store.image("rm", "app:1")
        usage = self.usage()
        self.assertEqual((usage["Blobs"], usage["Layers"], usage["Snapshots"]),
                         (empty["Blobs"], empty["Layers"], empty["Snapshots"]))


class Remove(StoreCase):
    def setUp(self):
        super().setUp()
        self.load()
        self.image_id = layout.config["digest"]

    def test_a_name_goes_and_the_image_with_its_last(self):
        self.store.image("tag", "app:1", "app:2")
        self.assertEqual(self.store.image("rm", "app:1").stdout, "Untagged: app:1\n")
        self.assertEqual(self.store.image("rm", "app:2").stdout, f"Untagged: app:2\nDeleted: {self.image_id}\n")
        self.assertEqual(self.store.image("ls", "-q").stdout, "")

    def test_by_id_and_by_the_beginning_of_one(self):
        for word in (self.image_id, self.image_id.split(":")[1][:12], self.image_id.split(":")[1][:5]):
            with self.subTest(word):
                self.assertEqual(self.store.image("rm", word).stdout, f"Untagged: app:1\nDeleted: {self.image_id}\n")
                self.load()

    def test_an_id_with_several_names_wants_force(self):
        self.store.image("tag", "app:1", "other:1")
        self.assertIn("2 names", self.store.image("rm", self.image_id, status=1).stderr)
        self.assertEqual(self.store.image("rm", "--force", self.image_id).stdout,
                         f"Untagged: app:1\nUntagged: other:1\nDeleted: {self.image_id}\n")

    def test_what_is_used_stays(self):
        self.store.gantry("snapshot", "create", "app:1", "key")
        self.assertIn("snapshot/key", self.store.image("rm", "app:1", status=1).stderr)
        self.assertEqual(self.store.image("prune", "--all").stdout.splitlines()[0], "Total reclaimed space: 0B")
        self.store.gantry("snapshot", "rm", "key")
        self.store.image("rm", "app:1")

    def test_a_snapshot_that_could_not_be_made_holds_nothing(self):
        self.load("other:1", self.layout(layer_tar({"file": "x"})))
        self.store.gantry("snapshot", "create", "app:1", "key")
        self.assertIn("already", self.store.gantry("snapshot", "create", "other:1", "key", status=1).stderr)
        self.store.image("rm", "other:1")

    def test_what_is_not_there_is_said_and_the_others_go(self):
        result = self.store.image("rm", "no-such:1", "app:1", status=1)
        self.assertIn("no-such", result.stderr)
        self.assertEqual(self.store.image("ls", "-q").stdout, "")


class Prune(StoreCase):
    def test_dangling_images_go_and_all_by_request(self):
        self.load("old:1", self.layout(layer_tar({"old": "x" * 50_000}), config={"Labels": {"keep": "yes"}}))
        self.load("app:1", self.layout(layer_tar({"app": "x"})))
        self.load("app:1")  # takes the name of the one before
        self.assertEqual(len(self.store.image("ls", "-q").stdout.split()), 3)
        before = self.content()
        said = self.store.image("prune").stdout
        self.assertEqual(said.count("Deleted: sha256:"), 1)
        self.assertNotIn("space: 0B", said)
        self.assertLess(self.content(), before)
        self.assertEqual(set(self.store.list()), {"old:1", "app:1"})
        self.store.image("prune", "--all", "--filter", "label=keep=yes")
        self.assertEqual(set(self.store.list()), {"app:1"})
        self.store.image("prune", "--all", "--force")
        self.assertEqual(self.store.list(), {})
        self.assert_all_is_well()


class List(StoreCase):
    def setUp(self):
        super().setUp()
        self.load("app:1")
        self.load("registry.example:5000/team/tool:2",
                  self.layout(layer_tar({"tool": "x"}), config={"Labels": {"tier": "back", "empty": ""}}))

    def names(self, *options):
        lines = map(json.loads, self.store.image("ls", "--format", "json", *options).stdout.splitlines())
        return sorted(f"{line['Repository']}:{line['Tag']}" for line in lines)

    def test_filters(self):
        app, tool = "app:1", "registry.example:5000/team/tool:2"
        for options, expected in (
                (("-f", "reference=app"), [app]), (("-f", "reference=app:*"), [app]), (("-f", "reference=app:2"), []),
                (("-f", "reference=registry.example:5000/*/*"), [tool]), (("-f", "reference=*"), [app]),
                (("-f", "label=tier"), [tool]), (("-f", "label=tier=back"), [tool]), (("-f", "label=tier=front"), []),
                (("-f", "label=tier", "-f", "label=made.by"), []), (("-f", "dangling=true"), []),
                (("-f", "dangling=false"), [app, tool]), (("app",), [app]), ((), [app, tool])):
            with self.subTest(options):
                self.assertEqual(self.names(*options), expected)
        for wrong in ("color=red", "dangling=perhaps", "dangling"):
            self.store.image("ls", "--filter", wrong, status=1)

    def test_the_table(self):
        lines = self.store.image("ls").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"])
        app = next(line for line in lines if line.startswith("app ")).split()
        self.assertEqual(app[:3], ["app", "1", layout.config["digest"].split(":")[1][:12]])
        self.assertIn("DIGEST", self.store.image("ls", "--digests").stdout)
        self.assertIn(layout.config["digest"], self.store.image("ls", "--no-trunc").stdout)

    def test_ids_are_listed_once_however_many_names_there_are(self):
        self.store.image("tag", "app:1", "app:2")
        self.assertEqual(len(self.store.image("ls", "-q").stdout.split()), 2)


class Check(StoreCase):
    def setUp(self):
        super().setUp()
        self.load()
        self.blob = layout.layers[0]["digest"]

    def repair(self, damage):
        """What is said of damage, that --repair mends it, and that loading again makes it whole."""
        found = self.store.image("check", status=1).stdout
        self.assertIn(f"{damage}: ", found)
        self.assertIn(self.blob, found)
        self.assertIn("(repaired)", self.store.image("check", "--repair", status=None).stdout)
        self.load()
        self.assert_all_is_well()

    def test_a_damaged_blob(self):
        path = self.blob_path(self.blob)
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            file.seek(100)
            byte = file.read(1)
            file.seek(100)
            file.write(bytes([byte[0] ^ 1]))
        self.assertIn(" 0 findings", self.store.image("check", "--quick").stdout)  # its size is right
        self.repair("blob-content")

    def test_a_blob_that_was_cut(self):
        os.chmod(self.blob_path(self.blob), 0o600)
        os.truncate(self.blob_path(self.blob), 1000)
        self.store.image("check", "--quick", status=1)
        self.repair("blob-size")

    def test_a_missing_blob(self):
        os.unlink(self.blob_path(self.blob))
        self.repair("blob-missing")

    def test_an_orphaned_file(self):
        orphan = self.blob_path("sha256:" + "0" * 64)
        os.makedirs(os.path.dirname(orphan), exist_ok=True)
        write(orphan, "nobody knows me")
        self.assertIn("orphaned-file", self.store.image("check", status=1).stdout)
        self.store.image("check", "--repair")
        self.assertFalse(os.path.exists(orphan))
        self.assert_all_is_well()


class Snapshots(StoreCase):
    def setUp(self):
        super().setUp()
        self.load()
        self.mnt = self.directory("mnt")

    def snapshot(self, *arguments, **options):
        return self.store.gantry("snapshot", *arguments, **options)

    def changed(self):
        """A snapshot with changes of every kind, mounted."""
        self.store.mount("app:1", "key", self.mnt)
        write(f"{self.mnt}/data/added", "a")
        write(f"{self.mnt}/etc/motd", "changed\n")
        os.unlink(f"{self.mnt}/data/removed")
        shutil.rmtree(f"{self.mnt}/tmp")

    def test_diff_lists_what_was_changed(self):
        self.changed()
        self.assertEqual(self.snapshot("diff", "key").stdout.splitlines(),
                         ["C /data", "A /data/added", "D /data/removed", "C /etc/motd", "D /tmp"])

    def test_export_is_imported_as_an_image(self):
        self.changed()
        tar = f"{self.store.root}/flat.tar"
        self.snapshot("export", "--output", tar, "key")
        self.store.image("import", "--config", '{"Cmd":["/bin/sh"]}', tar, "flat:1")
        self.assertEqual(self.store.inspect("flat:1")["Config"]["Cmd"], ["/bin/sh"])
        flat = self.directory("flat")
        self.store.image("mount", "flat:1", flat)
        self.assertEqual(read(f"{flat}/etc/motd"), "changed\n")
        self.assertFalse(os.path.exists(f"{flat}/data/removed"))
        self.store.image("unmount", flat)

    def test_a_layer_is_the_difference(self):
        self.changed()
        tar = f"{self.store.root}/layer.tar"
        self.snapshot("diff", "--layer", tar, "key")
        self.assertEqual(sorted(command.run("tar", "tf", tar).stdout.split()),
                         [".wh.tmp", "data/", "data/.wh.removed", "data/added", "etc/", "etc/motd"])
        with open(tar, "rb") as file:
            data = file.read()
        whole = self.layout(layer_tar(busybox_layer() | {"data/": None, "data/kept": "k", "data/removed": "r"}), data)
        self.load("layered:1", whole)
        target = self.directory("layered")
        self.store.image("mount", "layered:1", target)
        self.assertEqual(sorted(os.listdir(f"{target}/data")), ["added", "kept"])
        self.assertEqual(read(f"{target}/etc/motd"), "changed\n")
        self.assertFalse(os.path.exists(f"{target}/tmp"))
        self.store.image("unmount", target)
        self.store.image("import", tar, "part:1")
        self.assertEqual(len(self.store.inspect("part:1")["RootFS"]["Layers"]), 1)

    def test_it_is_not_removed_while_it_is_mounted(self):
        self.changed()
        self.assertIn("mounted", self.snapshot("rm", "key", status=1).stderr)
        self.snapshot("unmount", self.mnt)
        self.snapshot("rm", "key")
        self.assertEqual(len(self.snapshot("ls").stdout.splitlines()), 1)

    def test_ids_are_mapped_both_ways(self):
        self.snapshot("create", "--id-map", "0:100000:65536", "app:1", "key")
        self.snapshot("mount", "key", self.mnt)
        self.assertEqual(os.stat(f"{self.mnt}/etc/motd").st_uid, 100000)
        command.run("setpriv", "--reuid=100000", "--regid=100000", "--clear-groups", "/bin/busybox", "touch",
                    f"{self.mnt}/data/new")
        self.assertEqual(os.stat(f"{self.mnt}/data/new").st_uid, 100000)
        self.snapshot("unmount", self.mnt)
        self.assertEqual(self.snapshot("diff", "key").stdout.splitlines(), ["C /data", "A /data/new"])
        tar = f"{self.store.root}/layer.tar"
        self.snapshot("diff", "--layer", tar, "key")
        with tarfile.open(tar) as layer:
            self.assertEqual({member.uid for member in layer}, {0})
        for wrong in ("1:2", "1:2:x", "1:2:3:4", ""):
            self.snapshot("create", "--id-map", wrong, "app:1", "wrong", status=1)

    def test_an_image_of_128_layers_and_no_more(self):
        layers = [layer_tar({f"layer-{i}": str(i), "last": str(i)}) for i in range(129)]
        self.load("deep:1", self.layout(*layers[:128]))
        self.store.mount("deep:1", "deep", self.mnt)
        self.assertEqual(read(f"{self.mnt}/last"), "127")
        self.assertEqual(len(os.listdir(self.mnt)), 129)
        self.snapshot("unmount", self.mnt)
        too_deep = self.layout(*layers)
        refused = self.store.image("load", "--input", too_deep.directory, "--name", "deeper:1", status=None)
        refused = refused if refused.status else self.snapshot("create", "deeper:1", "deeper", status=1)
        self.assertIn("128", refused.stderr)
        self.assertNotIn("deeper", self.snapshot("ls").stdout)

    def test_gantry_runtime_runs_it(self):
        self.store.gantry("snapshot", "create", "app:1", "key")
        with Bundle("/bin/busybox", "sh", "-c", "cat /etc/motd; echo written > /data/new") as bundle:
            shutil.rmtree(bundle.root)
            os.mkdir(bundle.root)
            bundle.save()
            self.snapshot("mount", "key", bundle.root)
            self.assertEqual(command.run(RUNTIME, "run", "--bundle", bundle.path, bundle.id).stdout, "hello\n")
            self.snapshot("unmount", bundle.root)
        self.assertIn("A /data/new", self.snapshot("diff", "key").stdout)


class ImageMounts(StoreCase):
    def setUp(self):
        super().setUp()
        self.load()
        self.mnt = self.directory("mnt")

    def test_files_are_seen_and_cannot_be_changed(self):
        self.store.image("mount", "app:1", self.mnt)
        self.assertEqual(read(f"{self.mnt}/etc/motd"), "hello\n")
        with self.assertRaises(OSError):
            write(f"{self.mnt}/etc/motd", "changed")
        self.assertIn("mounted", self.store.image("mount", "app:1", self.mnt, status=1).stderr)
        self.store.image("rm", "app:1", status=1)
        self.store.image("unmount", self.mnt)
        self.store.image("unmount", self.mnt, status=1)
        self.store.image("rm", "app:1")

    def test_a_mount_that_went_by_itself_is_in_nobodys_way(self):
        for _ in range(2):
            self.store.image("mount", "app:1", self.mnt)
            command.run("umount", self.mnt)
        self.store.image("unmount", self.mnt)
        self.store.image("rm", "app:1")
