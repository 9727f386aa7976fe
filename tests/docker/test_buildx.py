# SPDX-License-Identifier: Apache-2.0
"""docker build with the buildx plugin, and compose 2: both speak BuildKit's gRPC to the daemon."""

import json
import os
import subprocess
import tarfile
import tempfile
import unittest

from lib import clients, command, isolation
from lib.gantryd import DOCKER, GantrydHome
from lib.images import OurRegistry

DOCKERFILE = """\
FROM busybox AS base
ARG GREETING=hello
RUN echo "$GREETING" > /greeting

FROM base
COPY file dir/ /data/
ENV A=b
LABEL made.by=tests
CMD ["busybox", "cat", "/greeting"]
"""


def setUpModule():
    global home
    if not clients.are_there():
        raise unittest.SkipTest("tools/newer-clients has fetched no newer docker")
    home = GantrydHome()
    unittest.addModuleCleanup(home.remove)
    home.make_image()
    home.environment["DOCKER_CONFIG"] = clients.configure(f"{home.directory}/newer")
    # buildx leaves a file behind for every Dockerfile that it read from standard input.
    home.environment["TMPDIR"] = home.directory


def docker(*arguments, **options):
    return command.run(clients.DOCKER, *arguments, env=home.environment, **options)


class Case(unittest.TestCase):
    timeout = 180

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="buildx-")
        self.addCleanup(scratch.cleanup)
        self.context = f"{scratch.name}/context"
        self.out = f"{scratch.name}/out"
        os.makedirs(f"{self.context}/dir")
        self.write("Dockerfile", DOCKERFILE)
        self.write("file", "one\n")
        self.write("dir/other", "two\n")

    def write(self, name, text):
        isolation.write(f"{self.context}/{name}", text)

    def build(self, *options, **more):
        return docker("buildx", "build", "--progress=plain", *options, self.context, **more)

    def run_image(self, name, *arguments):
        return docker("run", "--rm", "--network=none", name, *arguments).stdout


class Build(Case):
    def test_an_image_is_built_into_the_engine(self):
        result = docker("build", "--tag", "app:1", "--build-arg", "GREETING=good day", self.context)
        self.assertIn("RUN echo", result.stderr)
        self.assertEqual(self.run_image("app:1"), "good day\n")
        self.assertEqual(self.run_image("app:1", "busybox", "cat", "/data/file", "/data/other"), "one\ntwo\n")
        config = json.loads(docker("image", "inspect", "app:1").stdout)[0]["Config"]
        self.assertIn("A=b", config["Env"])
        self.assertEqual(config["Labels"], {"made.by": "tests"})

    def test_a_second_build_is_cached_until_a_file_changes(self):
        self.build("--tag", "app:2")
        again = self.build("--tag", "app:2").stderr
        self.assertIn("CACHED", again)
        self.write("file", "changed\n")
        self.build("--tag", "app:2")
        self.assertEqual(self.run_image("app:2", "busybox", "cat", "/data/file"), "changed\n")

    def test_what_dockerignore_excludes_does_not_come(self):
        self.write(".dockerignore", "dir/other\n")
        self.write("dir/third", "three\n")
        self.build("--tag", "app:3")
        self.assertEqual(self.run_image("app:3", "busybox", "ls", "/data"), "file\nthird\n")

    def test_a_target_and_labels(self):
        self.build("--tag", "app:4", "--target", "base", "--label", "a=b")
        self.assertEqual(self.run_image("app:4", "busybox", "cat", "/greeting"), "hello\n")
        self.assertEqual(json.loads(docker("image", "inspect", "app:4").stdout)[0]["Config"]["Labels"], {"a": "b"})

    def test_a_dockerfile_elsewhere(self):
        os.mkdir(f"{self.context}/build")
        self.write("build/app.Dockerfile", 'FROM busybox\nCOPY file /f\nCMD ["busybox", "cat", "/f"]\n')
        self.build("--tag", "app:5", "--file", f"{self.context}/build/app.Dockerfile")
        self.assertEqual(self.run_image("app:5"), "one\n")

    def test_a_dockerfile_on_standard_input(self):
        docker("buildx", "build", "--tag", "app:6", "--file", "-", self.context, stdin="FROM busybox\nCOPY file /f\n")
        self.assertEqual(self.run_image("app:6", "busybox", "cat", "/f"), "one\n")

    def test_a_context_on_standard_input(self):
        path = f"{self.out}.tar"
        with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:  # buildx knows others by later bytes only
            tar.add(self.context, arcname=".")
        with open(path, "rb") as context:
            result = subprocess.run([clients.DOCKER, "buildx", "build", "--tag", "app:7", "-"], stdin=context,
                                    capture_output=True, text=True, timeout=60, env=os.environ | home.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.run_image("app:7", "busybox", "cat", "/data/other"), "two\n")

    def test_a_secret_is_there_for_its_step_and_nowhere_else(self):
        isolation.write(f"{self.out}.secret", "do not tell")
        self.write("Dockerfile", "FROM busybox\nRUN --mount=type=secret,id=key busybox wc -c < /run/secrets/key > /size\n"
                                 "RUN test ! -s /run/secrets/key\n")
        self.build("--tag", "app:8", "--secret", f"id=key,src={self.out}.secret")
        self.assertEqual(self.run_image("app:8", "busybox", "cat", "/size").strip(), "11")
        for root, _, names in os.walk(f"{home.directory}/root"):
            for name in names:
                with open(os.path.join(root, name), "rb") as file:
                    self.assertNotIn(b"do not tell", file.read(), name)

    def test_a_failing_step_is_the_builds_failure_and_shown(self):
        self.write("Dockerfile", "FROM busybox\nRUN echo before; exit 7\n")
        result = self.build(status=None)
        self.assertNotEqual(result.status, 0)
        self.assertIn("before", result.stderr)
        self.assertIn("exit code: 7", result.stderr)

    def test_a_bad_dockerfile_is_refused_with_its_line(self):
        self.write("Dockerfile", "FROM busybox\nRUNN x\n")
        result = self.build(status=None)
        self.assertNotEqual(result.status, 0)
        self.assertIn("Dockerfile:2", result.stderr)


class Outputs(Case):
    def test_files_into_a_directory(self):
        self.build("--output", f"type=local,dest={self.out}")
        self.assertEqual(isolation.read(f"{self.out}/greeting"), "hello\n")
        self.assertEqual(isolation.read(f"{self.out}/data/other"), "two\n")

    def test_a_tar(self):
        self.build("--output", f"type=tar,dest={self.out}.tar")
        with tarfile.open(f"{self.out}.tar") as tar:
            self.assertEqual(tar.extractfile("data/file").read(), b"one\n")


    def test_an_archive_for_docker_load_leaves_no_image_here(self):
        self.build("--tag", "archived:1", "--output", f"type=docker,dest={self.out}.tar")
        self.assertEqual(docker("image", "ls", "--quiet", "archived").stdout, "")
        self.assertEqual(docker("image", "ls", "--quiet", "--filter", "dangling=true").stdout, "")
        self.assertIn("archived:1", docker("load", "--input", f"{self.out}.tar").stdout)
        self.assertEqual(self.run_image("archived:1"), "hello\n")

    def test_an_archive_of_oci_s_form(self):
        self.build("--tag", "archived:2", "--output", f"type=oci,dest={self.out}.tar")
        with tarfile.open(f"{self.out}.tar") as tar:
            index = json.load(tar.extractfile("index.json"))
            digest = index["manifests"][0]["digest"]
            manifest = json.load(tar.extractfile(f"blobs/{digest.replace(':', '/')}"))
        self.assertEqual(index["manifests"][0]["annotations"]["io.containerd.image.name"], "docker.io/library/archived:2")
        self.assertEqual(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json")

    def test_several_outputs_of_one_build(self):
        self.build("--tag", "several:1", "--output", f"type=local,dest={self.out}", "--output", f"type=tar,dest={self.out}.tar",
                   "--output", "type=image")
        self.assertEqual(isolation.read(f"{self.out}/greeting"), "hello\n")
        with tarfile.open(f"{self.out}.tar") as tar:
            self.assertEqual(tar.extractfile("greeting").read(), b"hello\n")
        self.assertEqual(self.run_image("several:1"), "hello\n")

    def test_a_push_goes_to_the_registry_and_the_next_build_takes_its_steps_from_there(self):
        registry = OurRegistry()
        self.addCleanup(registry.remove)
        name = f"{registry.address}/pushed:1"
        self.write("Dockerfile", "FROM busybox\nRUN busybox cat /proc/uptime > /when\n")
        self.build("--tag", name, "--push", "--cache-to", "type=inline")
        first = self.run_image(name, "busybox", "cat", "/when")
        docker("rmi", name)
        docker("builder", "prune", "--all", "--force")
        said = self.build("--tag", "again:1", "--cache-from", f"type=registry,ref={name}").stderr
        self.assertIn("CACHED", said)
        self.assertEqual(self.run_image("again:1", "busybox", "cat", "/when"), first)

    def test_metadata_and_the_image_s_id_in_files(self):
        self.build("--tag", "described:1", "--metadata-file", f"{self.out}.json", "--iidfile", f"{self.out}.id")
        image = docker("image", "inspect", "--format", "{{.Id}}", "described:1").stdout.strip()
        self.assertEqual(isolation.read(f"{self.out}.id"), image)
        metadata = json.loads(isolation.read(f"{self.out}.json"))
        self.assertEqual(metadata["containerimage.config.digest"], image)
        self.assertEqual(metadata["image.name"], "docker.io/library/described:1")


class Refusals(Case):
    def refused(self, *options, **more):
        result = self.build(*options, status=None, **more)
        self.assertNotEqual(result.status, 0)
        return result.stderr

    def test_what_is_not_there_says_so(self):
        for options, why in ((("--platform", "linux/amd64,linux/arm64"), "one platform at a time"),
                             (("--cache-to", f"type=local,dest={self.out}"), "type=inline"),
                             (("--provenance=true",), "Attestations are not supported"),
                             (("--output", "type=oci,tar=false,dest=" + self.out), "not a directory")):
            with self.subTest(options):
                self.assertIn(why, self.refused(*options))
        self.write("Dockerfile", "FROM busybox\nRUN --device=vendor.com/gpu=0 true\n")
        self.assertIn("Dockerfile:2", self.refused())

    def test_without_attestations_is_how_it_is(self):
        self.build("--tag", "plain:1", "--provenance=false", "--sbom=false")
        self.assertEqual(self.run_image("plain:1"), "hello\n")


class Questions(Case):
    """What buildx 0.13 asks by --print, and later ones by --call and --check."""

    def ask(self, name):
        result = command.run(clients.DOCKER, "buildx", "build", f"--print={name}", self.context, env=home.environment |
                             {"BUILDX_EXPERIMENTAL": "1"})
        return result.stdout

    def test_targets(self):
        self.assertRegex(self.ask("targets"), r"base\b(.|\n)*default")

    def test_an_outline(self):
        self.assertRegex(self.ask("outline"), r"GREETING +hello")

    def test_what_is_better_written_otherwise(self):
        self.write("Dockerfile", "FROM busybox\nMAINTAINER me\nENV A=$PATH B=$UNKNOWN\nCOPY file /\n")
        self.write(".dockerignore", "file\n")
        said = self.ask("lint")
        for rule in ("MaintainerDeprecated", "UndefinedVar", "CopyIgnoredFile"):
            self.assertIn(rule, said)
        self.assertNotIn("'$PATH'", said)

    def test_a_build_says_it_too_and_ends_by_it_if_it_is_to(self):
        self.write("Dockerfile", "FROM busybox as app\nCMD run\n")
        said = self.build("--tag", "linted:1").stderr
        self.assertIn("FromAsCasing", said)
        self.assertIn("JSONArgsRecommended", said)
        said = self.build("--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=FromAsCasing;error=true", status=None)
        self.assertNotEqual(said.status, 0)
        self.assertIn("lint violation found for rules: JSONArgsRecommended", said.stderr)


class Bake(Case):
    def test_a_group_of_targets(self):
        self.write("docker-bake.hcl", """
variable "GREETING" { default = "baked" }
group "default" { targets = ["app", "base"] }
target "app" {
  tags = ["baked:app"]
  args = { GREETING = GREETING }
  labels = { made = "by-bake" }
}
target "base" {
  inherits = ["app"]
  target = "base"
  tags = ["baked:base"]
}
""")
        command.run(clients.DOCKER, "buildx", "bake", "--progress=plain", env=home.environment, cwd=self.context)
        self.assertEqual(self.run_image("baked:app"), "baked\n")
        self.assertEqual(self.run_image("baked:base", "busybox", "cat", "/greeting"), "baked\n")
        labels = json.loads(docker("image", "inspect", "baked:app").stdout)[0]["Config"]["Labels"]
        self.assertEqual(labels, {"made": "by-bake", "made.by": "tests"})

    def test_targets_that_stand_on_each_other(self):
        self.write("base.Dockerfile", "FROM busybox\nENV FROM_BASE=yes\nRUN echo base > /base\n")
        self.write("files.Dockerfile", "FROM scratch\nCOPY file /made/\n")
        self.write("Dockerfile", "FROM base\nCOPY --from=files /made/file /copied\nRUN echo $FROM_BASE > /env\n")
        self.write("docker-bake.hcl", """
target "base" { dockerfile = "base.Dockerfile" }
target "files" { dockerfile = "files.Dockerfile" }
target "default" {
  contexts = { base = "target:base", files = "target:files" }
  tags = ["baked:linked"]
}
""")
        self.addCleanup(docker, "image", "prune", "--force")  # targets without a tag become images without a name
        for expected in ("one\n", "changed\n"):
            self.write("file", expected)
            command.run(clients.DOCKER, "buildx", "bake", "--progress=plain", env=home.environment, cwd=self.context)
            self.assertEqual(self.run_image("baked:linked", "busybox", "cat", "/base", "/copied", "/env"), f"base\n{expected}yes\n")

    def test_a_compose_file(self):
        self.write("compose.yaml", "services:\n  one: {image: 'baked:one', build: {context: ., args: {GREETING: one}}}\n"
                                   "  two: {image: 'baked:two', build: {context: ., args: {GREETING: two}}}\n")
        command.run(clients.DOCKER, "buildx", "bake", "--progress=plain", env=home.environment, cwd=self.context)
        self.assertEqual([self.run_image(f"baked:{name}") for name in ("one", "two")], ["one\n", "two\n"])


class WithoutPlugins(Case):
    """docker 20.10 as Debian 12 has it asks for BuildKit's builds by POST /build?version=2."""

    def build(self, *options, **more):
        more.setdefault("env", home.environment)
        return command.run(DOCKER, "build", "--progress=plain", *options, **more)

    def test_an_image(self):
        said = self.build("--tag", "direct:1", "--build-arg", "GREETING=direct", "--label", "a=b", self.context).stderr
        self.assertIn("RUN echo", said)
        self.assertEqual(self.run_image("direct:1"), "direct\n")
        self.assertIn("CACHED", self.build("--tag", "direct:1", "--build-arg", "GREETING=direct", self.context).stderr)

    def test_a_context_and_a_dockerfile_on_standard_input(self):
        self.build("--tag", "direct:2", "-", stdin="FROM busybox\nRUN echo piped > /how\n")
        self.assertEqual(self.run_image("direct:2", "busybox", "cat", "/how"), "piped\n")
        path = f"{self.out}.tar"
        with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
            tar.add(self.context, arcname=".")
        with open(path, "rb") as context:
            result = subprocess.run([DOCKER, "build", "--tag", "direct:3", "-"], stdin=context, capture_output=True, text=True,
                                    timeout=60, env=os.environ | home.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.run_image("direct:3", "busybox", "cat", "/data/other"), "two\n")

    def test_files_secrets_and_failures(self):
        self.build("--output", self.out, self.context)
        self.assertEqual(isolation.read(f"{self.out}/greeting"), "hello\n")
        isolation.write(f"{self.out}.secret", "do not tell")
        self.write("Dockerfile", "FROM busybox\nRUN --mount=type=secret,id=key busybox wc -c < /run/secrets/key > /size\n")
        self.build("--tag", "direct:4", "--secret", f"id=key,src={self.out}.secret", self.context)
        self.assertEqual(self.run_image("direct:4", "busybox", "cat", "/size").strip(), "11")
        self.write("Dockerfile", "FROM busybox\nRUN exit 7\n")
        result = self.build(self.context, status=None)
        self.assertNotEqual(result.status, 0)
        self.assertIn("exit code: 7", result.stderr)


class Cache(Case):
    def test_it_is_shown_and_pruned(self):
        self.build("--tag", "app:9")
        self.assertIn("RUN echo", docker("buildx", "du", "--verbose").stdout)
        docker("builder", "prune", "--all", "--force")
        self.assertNotIn("CACHED", self.build("--tag", "app:9").stderr)


class Compose(Case):
    def test_it_builds_and_runs_a_project(self):
        self.write("compose.yaml", "services:\n  app:\n    build: .\n    network_mode: none\n    command: [busybox, sleep, '600']\n")
        project = ("compose", "--project-directory", self.context, "--project-name", "built")
        docker(*project, "up", "--detach", "--build")
        try:
            self.assertEqual(docker(*project, "exec", "-T", "app", "busybox", "cat", "/greeting").stdout, "hello\n")
        finally:
            docker(*project, "down", "--timeout", "0", "--rmi", "all")
