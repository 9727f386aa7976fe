# SPDX-License-Identifier: Apache-2.0
"""Images, as docker's command handles them, and a registry of our own."""

import json
import os
import tarfile
import time
import unittest

from docker import engine_home
from lib import command
from lib.images import Layout, OurRegistry, busybox_layer, layer_tar, skopeo

HEX = "[0-9a-f]"


def setUpModule():
    global home, registry, layout, other
    home = engine_home.Case.home = engine_home.start()
    registry = OurRegistry()
    unittest.addModuleCleanup(registry.remove)
    base = layer_tar(busybox_layer())
    layout = Layout([base, layer_tar({"etc/": None, "etc/motd": "hello\n"})])
    unittest.addModuleCleanup(layout.remove)
    other = Layout([base, layer_tar({"etc/": None, "etc/motd": "other\n"})], config={"Cmd": ["/bin/sh"], "Labels": {"a": "b"}})
    unittest.addModuleCleanup(other.remove)
    for source, name in ((layout, "small:1"), (layout, "small:2"), (other, "small:3"), (other, "other:1")):
        skopeo("copy", "--dest-tls-verify=false", source.source, f"docker://{registry.address}/{name}")


class Case(engine_home.Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.remove_all)

    def remove_all(self):
        containers = self.out("ps", "-aq").split()
        if containers:
            self.docker("rm", "-f", *containers)
        images = self.out("images", "-aq").split()
        if images:
            self.docker("rmi", "-f", *dict.fromkeys(images))

    def pull(self, name="small:1", *options):
        full = f"{registry.address}/{name}"
        self.docker("pull", *options, full)
        return full

    def names(self, *options):
        return sorted(self.out("images", "--format", "{{.Repository}}:{{.Tag}}", *options).split())


class Pull(Case):
    def test_tells_what_it_does(self):
        name = f"{registry.address}/small:1"
        lines = self.out("pull", name).splitlines()
        self.assertEqual(lines[0], "1: Pulling from small")
        for layer in layout.layers:
            self.assertIn(f"{layer['digest'][7:19]}: Pull complete", lines)
        self.assertEqual(lines[-3:], [f"Digest: {layout.manifest['digest']}",
                                      f"Status: Downloaded newer image for {name}", name])
        self.assertEqual(self.out("pull", name).splitlines()[-2], f"Status: Image is up to date for {name}")

    def test_quiet(self):
        name = f"{registry.address}/small:1"
        self.assertEqual(self.out("pull", "--quiet", name), name)

    def test_by_digest(self):
        name = f"{registry.address}/small@{layout.manifest['digest']}"
        self.docker("pull", name)
        self.assertEqual(self.inspect(name)["RepoTags"], [])
        self.assertEqual(self.inspect(name)["RepoDigests"], [name])

    def test_all_tags(self):
        self.docker("pull", "--all-tags", f"{registry.address}/small")
        self.assertEqual(self.names(), [f"{registry.address}/small:{tag}" for tag in (1, 2, 3)])

    def test_layers_that_are_here_are_not_fetched(self):
        self.pull("small:1")
        self.assertIn("Already exists", self.out("pull", f"{registry.address}/other:1"))

    def test_of_what_is_not_there(self):
        self.assert_mentions(self.refused("pull", f"{registry.address}/small:none"),
                             f"manifest for {registry.address}/small:none not found")
        self.refused("pull", f"{registry.address}/nothing:1")
        self.assert_mentions(self.refused("pull", "localhost:1/x"), "localhost:1")
        self.assert_mentions(self.refused("pull", "Not Valid"), "invalid reference format")

    def test_run_pulls_what_is_missing(self):
        result = self.docker("run", "--rm", "--network", "none", f"{registry.address}/small:1", "busybox", "cat", "/etc/motd")
        self.assertEqual(result.stdout, "hello\n")
        self.assertIn(f"Unable to find image '{registry.address}/small:1' locally", result.stderr)


class Show(Case):
    def test_list(self):
        name = self.pull("small:1")
        (line,) = self.out("images", "--no-trunc", "--format", "{{json .}}").splitlines()
        shown = json.loads(line)
        self.assertEqual((shown["Repository"], shown["Tag"]), tuple(name.rsplit(":", 1)))
        self.assertEqual(shown["ID"], layout.config["digest"])
        self.assertRegex(shown["Size"], r"^\d\.\d+MB$")
        self.assertEqual(self.out("images", "-q"), layout.config["digest"][7:19])
        self.assertIn(layout.manifest["digest"], self.out("images", "--digests"))

    def test_filters(self):
        small, other_ = self.pull("small:1"), self.pull("other:1")
        self.docker("tag", other_, "local:latest")
        self.assertEqual(self.names("--filter", "label=a"), sorted([other_, "local:latest"]))
        self.assertEqual(self.names("--filter", "label=a=c"), [])
        self.assertEqual(self.names("--filter", "reference=loc*"), ["local:latest"])
        self.assertEqual(self.names("--filter", "reference=*/small"), [small])
        self.assertEqual(self.names(f"{registry.address}/small"), [small])
        self.assertEqual(self.names("--filter", "dangling=true"), [])
        self.assert_mentions(self.refused("images", "--filter", "colour=red"), "invalid filter")

    def test_inspect(self):
        name = self.pull("small:1")
        shown = self.inspect(name)
        self.assertEqual(shown["Id"], layout.config["digest"])
        self.assertEqual(shown["RepoTags"], [name])
        self.assertEqual(shown["RepoDigests"], [f"{registry.address}/small@{layout.manifest['digest']}"])
        self.assertEqual(shown["Created"], "2026-11-21T10:20:30Z")
        self.assertEqual(shown["Config"]["Cmd"], ["/bin/sh"])
        self.assertEqual(shown["Config"]["Labels"], {"made.by": "tests"})
        self.assertEqual((shown["Architecture"], shown["Os"]), ("amd64", "linux"))
        self.assertEqual(len(shown["RootFS"]["Layers"]), 2)
        for ref in (layout.config["digest"], layout.config["digest"][7:19], layout.config["digest"][7:13]):
            self.assertEqual(self.inspect(ref)["Id"], shown["Id"])
        self.assertEqual(self.refused("image", "inspect", "nothing"), "Error: No such image: nothing")

    def test_history(self):
        name = self.pull("small:1")
        lines = self.out("history", "--no-trunc", "--format", "{{.ID}} {{.CreatedBy}} {{.Size}}", name).splitlines()
        self.assertEqual(len(lines), 2)
        self.assertEqual(lines[0], f"{layout.config['digest']} layer 1 6B")
        self.assert_matches(lines[1], r"<missing> layer 0 \d\.\d+MB")

    def test_disk_usage(self):
        self.pull("small:1")
        self.pull("other:1")
        self.docker("create", "--network", "none", f"{registry.address}/small:1")
        (images,) = [json.loads(line) for line in self.out("system", "df", "--format", "{{json .}}").splitlines()
                     if json.loads(line)["Type"] == "Images"]
        self.assertEqual((images["TotalCount"], images["Active"]), ("2", "1"))
        self.assertRegex(self.out("system", "df", "-v"), r"small +1 +[0-9a-f]{12} .* 6B +1")


class Names(Case):
    def test_tag(self):
        name = self.pull("small:1")
        for given, kept in (("mine", "mine:latest"), ("team/mine:2", "team/mine:2"), ("localhost:1/x:y", "localhost:1/x:y")):
            self.docker("tag", name, given)
            self.assertIn(kept, self.names())
        self.assertEqual(self.inspect("mine")["Id"], layout.config["digest"])
        self.assert_mentions(self.refused("tag", "nothing", "x"), "No such image: nothing:latest")
        self.assert_mentions(self.refused("tag", name, "Upper"), "invalid reference format")

    def test_a_name_moves_and_leaves_an_image_without_one(self):
        small, other_ = self.pull("small:1"), self.pull("other:1")
        self.docker("tag", small, "mine")
        self.docker("tag", other_, "mine")
        self.assertEqual(self.inspect("mine")["Id"], other.config["digest"])

    def test_remove_by_name(self):
        name = self.pull("small:1")
        self.docker("tag", name, "mine:1")
        self.assertEqual(self.out("rmi", "mine:1"), "Untagged: mine:1")
        lines = self.out("rmi", name).splitlines()
        self.assertEqual(lines[:3], [f"Untagged: {name}",
                                     f"Untagged: {registry.address}/small@{layout.manifest['digest']}",
                                     f"Deleted: {layout.config['digest']}"])
        self.assertEqual(len(lines), 5)
        for line in lines[3:]:
            self.assert_matches(line, f"Deleted: sha256:{HEX}{{64}}")
        self.assert_mentions(self.refused("rmi", name), f"No such image: {name}")

    def test_remove_by_id(self):
        name = self.pull("small:1")
        image = layout.config["digest"][7:19]
        self.docker("tag", name, "mine:1")
        self.assert_mentions(self.refused("rmi", image), f"conflict: unable to delete {image} (must be forced) - image is "
                             "referenced in multiple repositories")
        self.docker("rmi", "-f", image)
        self.assertEqual(self.names(), [])

    def test_remove_what_a_container_uses(self):
        name = self.pull("small:1")
        image = layout.config["digest"][7:19]
        container = self.out("create", "--network", "none", name, "busybox", "sleep", "1000")
        self.assert_mentions(
            self.refused("rmi", name), f'conflict: unable to remove repository reference "{name}" (must force) - container '
            f"{container[:12]} is using its referenced image {image}")
        self.assert_mentions(self.refused("rmi", image), f"conflict: unable to delete {image} (must be forced) - image is "
                             f"being used by stopped container {container[:12]}")
        self.docker("start", container)
        self.assert_mentions(
            self.refused("rmi", "-f", image), f"conflict: unable to delete {image} (cannot be forced) - image is being used "
            f"by running container {container[:12]}")
        self.assertEqual(self.out("rmi", "-f", name).splitlines()[0], f"Untagged: {name}")
        self.docker("exec", container, "busybox", "true")

    def test_prune(self):
        small, other_ = self.pull("small:1"), self.pull("other:1")
        self.docker("tag", small, "moving")
        self.docker("rmi", small)
        self.docker("tag", other_, "moving")
        self.assert_mentions(self.out("image", "prune", "--force"), layout.config["digest"], "Total reclaimed space:")
        self.assertEqual(self.names(), sorted([other_, "moving:latest"]))
        self.docker("create", "--network", "none", "moving")
        self.assertIn("Total reclaimed space: 0B", self.out("image", "prune", "--force", "--all"))
        self.docker("rm", *self.out("ps", "-aq").split())
        self.docker("image", "prune", "--force", "--all", "--filter", "label!=a")
        self.assertNotEqual(self.names(), [])
        self.docker("image", "prune", "--force", "--all")
        self.assertEqual(self.names(), [])


class Push(Case):
    def test_push(self):
        name = f"{registry.address}/pushed/{self._testMethodName}:1"
        self.docker("tag", self.pull("small:1"), name)
        lines = self.out("push", name).splitlines()
        self.assertEqual(lines[0], f"The push refers to repository [{name.rsplit(':', 1)[0]}]")
        self.assert_matches(lines[-1], rf"1: digest: sha256:{HEX}{{64}} size: \d+")
        shown = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{name}").stdout)
        self.assertEqual(shown["Labels"], {"made.by": "tests"})
        self.assertIn("Layer already exists", self.out("push", name))
        self.docker("rmi", "-f", layout.config["digest"])
        self.docker("pull", name)

    def test_all_tags(self):
        repository = f"{registry.address}/pushed/{self._testMethodName}"
        name = self.pull("small:1")
        for tag in ("a", "b"):
            self.docker("tag", name, f"{repository}:{tag}")
        self.docker("push", "--all-tags", repository)
        tags = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{repository}").stdout)["Tags"]
        self.assertEqual(tags, ["a", "b"])

    def test_of_what_is_not_here(self):
        self.assert_mentions(self.refused("push", f"{registry.address}/nothing:1"),
                             f"An image does not exist locally with the tag: {registry.address}/nothing")


class Login(Case):
    def guarded(self):
        htpasswd = f"{registry.store.root}/htpasswd"
        command.run("htpasswd", "-Bbc", htpasswd, "alice", "secret")
        guarded = OurRegistry("--htpasswd", htpasswd)
        self.addCleanup(guarded.remove)
        return guarded

    def test_opens_what_needs_a_login(self):
        guarded = self.guarded()
        name = f"{guarded.address}/mine:1"
        self.docker("tag", self.pull("small:1"), name)
        self.refused("push", name)
        self.assert_mentions(self.refused("login", "-u", "alice", "--password-stdin", guarded.address, stdin="wrong"),
                             "unauthorized")
        self.assertIn("Login Succeeded",
                      self.out("login", "-u", "alice", "--password-stdin", guarded.address, stdin="secret"))
        self.docker("push", name)
        self.docker("rmi", name)
        self.docker("pull", name)
        self.docker("logout", guarded.address)
        self.docker("rmi", name)
        self.refused("pull", name)


class Archives(Case):
    def saved(self, *names):
        path = f"{home.directory}/saved.tar"
        self.docker("save", "--output", path, *names)
        self.addCleanup(os.unlink, path)
        return path

    def test_save_and_load(self):
        name = self.pull("small:1")
        path = self.saved(name)
        with tarfile.open(path) as tar:
            manifest = json.load(tar.extractfile("manifest.json"))
        self.assertEqual(manifest[0]["RepoTags"], [name])
        self.docker("rmi", name)
        self.assertEqual(self.out("load", "--input", path).splitlines()[-1], f"Loaded image: {name}")
        self.assertEqual(self.inspect(name)["Id"], layout.config["digest"])
        self.assertEqual(self.out("run", "--rm", "--network", "none", name, "busybox", "cat", "/etc/motd"), "hello")

    def test_several_and_without_a_name(self):
        small, other_ = self.pull("small:1"), self.pull("other:1")
        path = self.saved(small, other.config["digest"])
        self.docker("rmi", small, other_)
        said = self.out("load", "--input", path)
        self.assert_mentions(said, f"Loaded image: {small}", f"Loaded image ID: {other.config['digest']}")

    def test_of_what_is_not_here_and_of_nonsense(self):
        self.assert_mentions(self.refused("save", "--output", f"{home.directory}/x", "nothing"), "No such image: nothing")
        nonsense = f"{home.directory}/nonsense"
        with open(nonsense, "w") as file:
            file.write("no archive " * 100)
        self.addCleanup(os.unlink, nonsense)
        self.refused("load", "--input", nonsense)
        self.assertEqual(self.names(), [])

    def test_import(self):
        tar = f"{home.directory}/flat.tar"
        with open(tar, "wb") as file:
            file.write(layer_tar(busybox_layer() | {"etc/motd": "flat\n"}))
        self.addCleanup(os.unlink, tar)
        image = self.out("import", "--message", "from a tar", "--change", 'CMD ["busybox", "cat", "/etc/motd"]', "--change",
                         "ENV A=b", tar, "flat:1")
        self.assert_matches(image, f"sha256:{HEX}{{64}}")
        shown = self.inspect("flat:1")
        self.assertEqual((shown["Id"], shown["Comment"], shown["Config"]["Env"]), (image, "from a tar", ["A=b"]))
        self.assertEqual(self.out("run", "--rm", "--network", "none", "flat:1"), "flat")
        self.assert_mentions(self.refused("import", "--change", "RUN true", tar), "run")


class Events(Case):
    def test_of_images(self):
        since = time.time()
        name = self.pull("small:1")
        self.docker("tag", name, "mine:1")
        self.docker("rmi", "mine:1", name)
        shown = self.out("events", "--since", f"{since:.9f}", "--until", f"{time.time():.9f}", "--filter", "type=image",
                         "--format", "{{.Action}} {{.Actor.ID}}").splitlines()
        image = layout.config["digest"]
        self.assertEqual(shown, [f"pull {name}", f"tag {image}", f"untag {image}", f"untag {image}", f"delete {image}"])


class Off(Case):
    """What there is not."""

    def test_swarm(self):
        for words in (("node", "ls"), ("service", "ls"), ("secret", "ls"), ("config", "ls"), ("swarm", "join-token", "worker")):
            self.assert_mentions(self.refused(*words), "This node is not a swarm manager.")
        self.assert_mentions(self.refused("swarm", "leave"), "not part of a swarm")

    def test_plugins(self):
        self.assertEqual(self.out("plugin", "ls", "-q"), "")
        self.assert_mentions(self.refused("plugin", "inspect", "some"), "some")
