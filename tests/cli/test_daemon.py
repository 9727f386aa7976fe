# SPDX-License-Identifier: Apache-2.0
"""Which daemon the command means, what the user has configured, and a named daemon's images."""

import json
import tempfile

from cli import home
from lib import command
from lib.images import GANTRY, OurRegistry


def setUpModule():
    home.start()


class Environment(home.Case):
    def bare(self, *arguments, env=None, **options):
        """Without any variable that names a daemon."""
        clean = dict.fromkeys(("GANTRY_HOST", "DOCKER_HOST", "DOCKER_CONTEXT"), "")
        return command.run(GANTRY, *arguments, env=clean | (env or {}), **options)

    def test_the_daemon_by_docker_s_variables(self):
        host = self.environment["GANTRY_HOST"]
        self.assertIn("Server:", self.bare("version", env={"DOCKER_HOST": host}).stdout)
        self.assertIn("Server:", self.bare("-H", host, "version", env={"DOCKER_CONTEXT": "staging"}).stdout)
        refused = self.bare("ps", env={"DOCKER_CONTEXT": "staging"}, status=1).stderr
        self.assertIn("'staging'", refused)
        self.assertIn("-H", refused)

    def test_the_configuration(self):
        with tempfile.TemporaryDirectory() as directory:
            with open(f"{directory}/config.json", "w", encoding="utf-8") as file:
                json.dump({"psFormat": "={{.Names}}=", "imagesFormat": "<{{.Repository}}>", "networksFormat": "n {{.Name}}",
                           "volumesFormat": "v {{.Name}}", "HttpHeaders": {"X-Test": "yes"}, "auths": {}}, file)
            env = {"DOCKER_CONFIG": directory}
            self.container("--name", "configured")
            self.assertEqual(self.gantry("ps", env=env).stdout, "=configured=\n")
            self.assertEqual(self.gantry("ps", "--format", "{{.State}}", env=env).stdout, "running\n")
            self.assertEqual(len(self.gantry("ps", "-q", env=env).stdout.strip()), 12)
            self.assertIn("<busybox>", self.gantry("images", env=env).stdout)
            self.assertIn("n bridge", self.gantry("network", "ls", env=env).stdout)
            with open(f"{directory}/config.json", "w", encoding="utf-8") as file:
                file.write("{")
            broken = self.gantry("ps", "-q", env=env)
            self.assertIn("config.json", broken.stderr)

    def test_version_without_a_daemon(self):
        shown = self.bare("-H", "unix:///nowhere/gantry.sock", "version", status=1)
        self.assertIn("Client: Gantry\n Version: ", shown.stdout)
        self.assertIn("Is gantryd running?", shown.stderr)

    def test_version_by_a_template_and_as_json(self):
        self.assert_same_as_docker("version", "--format", "{{.Server.Version}} {{.Server.APIVersion}} {{.Server.Os}}")
        whole = json.loads(self.out("version", "--format", "json"))
        self.assertEqual(whole["Client"]["ApiVersion"], whole["Server"]["ApiVersion"])

    def test_info_has_docker_s_layout(self):
        """The server's part, line by line but for what differs by design."""
        def lines(text):
            return [line.split(":")[0] for line in text.split("Server:\n")[1].splitlines() if line]
        ours, theirs = lines(self.gantry("info").stdout), lines(self.docker("info"))
        missing = [line for line in theirs if line not in ours and "version" not in line and line != " Registry"]
        self.assertEqual(missing, [])


class Images(home.Case):
    def remove(self, *names):
        for name in names:
            self.addCleanup(self.gantry, "rmi", "-f", name, status=None)

    def test_listed_named_and_removed(self):
        self.remove("second:1", "third:2")
        self.gantry("tag", "busybox", "second:1")
        self.gantry("image", "tag", "busybox", "third:2")
        names = self.out("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        self.assertEqual({"busybox:latest", "second:1", "third:2"} & set(names), {"busybox:latest", "second:1", "third:2"})
        self.assert_same_as_docker("images")
        self.assert_same_as_docker("images", "-q")
        self.assert_same_as_docker("images", "--digests", "--no-trunc", "second")
        self.assert_same_as_docker("images", "-q", "--filter", "reference=third")
        self.assert_same_as_docker("history", "--no-trunc", "busybox")
        self.assertEqual(self.out("rmi", "second:1"), "Untagged: second:1")
        self.assertIn("No such image", self.refused("rmi", "second:1"))
        inspected = json.loads(self.out("image", "inspect", "third:2"))[0]
        self.assertIn("third:2", inspected["RepoTags"])
        self.assertEqual(self.out("image", "inspect", "--format", "{{.Os}}", "third:2"), "linux")

    def test_inspect_shows_what_is_there(self):
        missing = self.gantry("image", "inspect", "nothing", status=1)
        self.assertEqual(missing.stdout, "[]\n")
        self.assertIn("No such image", missing.stderr)
        both = self.gantry("image", "inspect", "nothing", "busybox", status=1)
        self.assertEqual(len(json.loads(both.stdout)), 1)

    def test_a_tag_is_no_digest(self):
        self.assertIn("digest reference", self.refused("tag", "busybox", f"busybox@sha256:{'a' * 64}"))

    def test_prune_tells_what_it_has_removed(self):
        with tempfile.TemporaryDirectory() as directory:
            archive = f"{directory}/flat.tar"
            self.gantry("export", "-o", archive, self.container())
            for _ in range(2):  # the second takes the name of the first
                self.gantry("import", "-m", str(_), archive, "flat:1")
        self.assertRegex(self.out("image", "prune", "-f"), r"^Deleted Images:\ndeleted: sha256:[0-9a-f]{64}\n")
        self.remove("flat:1")

    def test_files(self):
        self.remove("flat:1")
        with tempfile.TemporaryDirectory() as directory:
            saved, flat = f"{directory}/saved.tar", f"{directory}/flat.tar"
            self.gantry("tag", "busybox", "kept:1")
            self.gantry("save", "-o", saved, "kept:1")
            self.gantry("rmi", "kept:1")
            self.assertEqual(self.out("load", "-i", saved), "Loaded image: kept:1")
            self.assertIn("kept:1", self.out("images", "--format", "{{.Repository}}:{{.Tag}}"))
            self.gantry("rmi", "kept:1")
            name = self.container()
            self.gantry("export", "-o", flat, name)
            self.gantry("import", "-c", "CMD [\"true\"]", flat, "flat:1")
            self.assertEqual(json.loads(self.out("image", "inspect", "flat:1"))[0]["Config"]["Cmd"], ["true"])
            self.gantry("image", "prune", "-f")

    def test_registries(self):
        registry = OurRegistry()
        self.addCleanup(registry.remove)
        name = f"{registry.address}/team/app:1"
        self.remove(name)
        self.gantry("tag", "busybox", name)
        self.assertRegex(self.gantry("push", name).stdout, r"1: digest: sha256:[0-9a-f]{64} size: \d+\n$")
        self.assertEqual(self.out("push", "-q", name), name)
        self.assertEqual(self.out("push", "-q", "-a", name.removesuffix(":1")), name.removesuffix(":1"))
        self.assertIn("--all-tags", self.refused("push", "-a", name))
        self.gantry("rmi", name)
        self.assertEqual(self.out("pull", name).splitlines()[-1], name)
        self.assertEqual(self.out("pull", "-q", name), name)
        self.assertTrue(self.gantry("pull", name.removesuffix(":1"), status=1).stdout.startswith("Using default tag: latest\n"))
        self.assertIn(name, self.out("images", "--format", "{{.Repository}}:{{.Tag}}"))
        found = self.out("search", "--format", "{{.Name}}", f"{registry.address}/app").split()
        self.assertEqual(found, [f"{registry.address}/team/app"])
        self.assertEqual(self.docker("search", "--format", "{{.Name}}", f"{registry.address}/nothing"), "")

    def test_the_store_is_meant_where_it_is_named(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(self.gantry("--root", directory, "image", "ls", "-q").stdout, "")
