# SPDX-License-Identifier: Apache-2.0
"""What buildah cannot be compared in: forms of COPY and ADD of docker's own front end, where contexts come from, what a
RUN has, several stages at once, and what is shown."""

import contextlib
import hashlib
import http.server
import os
import socket
import subprocess
import tarfile
import tempfile
import threading
import unittest

from lib import builds, command
from lib.images import GANTRY


def setUpModule():
    global ours
    ours = builds.OurBuilds()
    unittest.addModuleCleanup(ours.remove)


class Case(unittest.TestCase):
    def context(self, dockerfile, **files):
        context = builds.Context({"Dockerfile": dockerfile} | files)
        self.addCleanup(context.remove)
        return context.directory

    def files(self, directory, *options, times=()):
        return builds.files_in(ours.tar_of(directory, *options), times=times)

    def built(self, dockerfile, *options, **files):
        return self.files(self.context(dockerfile, **files), *options)

    def text(self, path, dockerfile, *options, **files):
        """What a file of the result holds."""
        with tarfile.open(ours.tar_of(self.context(dockerfile, **files), *options)) as tar:
            return tar.extractfile(path).read().decode()


    @contextlib.contextmanager
    def served(self, files):
        with tempfile.TemporaryDirectory(prefix="served-") as directory:
            builds.write_files(directory, files)

            class Handler(http.server.SimpleHTTPRequestHandler):
                def __init__(self, *arguments):
                    super().__init__(*arguments, directory=directory)

                def log_message(self, *_):
                    pass

            with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
                thread = threading.Thread(target=server.serve_forever)
                thread.start()
                yield f"http://127.0.0.1:{server.server_port}"
                server.shutdown()
                thread.join()


class Copy(Case):
    tree = {"a/one.txt": "1", "a/b/two.txt": "2", "a/b/two.log": "l", "c/three.txt": "3"}

    def names(self, instruction):
        return sorted(path for path, entry in self.built(f"FROM scratch\n{instruction}\n", **self.tree).items()
                      if entry["type"] == "file")

    def test_parents_keep_the_directories_of_sources(self):
        self.assertEqual(self.names("COPY --parents a/b/*.txt c /to/"), ["to/a/b/two.txt", "to/c/three.txt"])
        self.assertEqual(self.names("COPY --parents a/./b/two.txt /to/"), ["to/b/two.txt"])
        self.assertEqual(self.names("COPY --parents ./**/*.txt /"), ["a/b/two.txt", "a/one.txt", "c/three.txt"])

    def test_excludes_leave_out(self):
        self.assertEqual(self.names("COPY --exclude=**/*.log --exclude=c a /to/"), ["to/b/two.txt", "to/one.txt"])

    def test_a_linked_copy_has_only_its_own_files_in_its_layer(self):
        found = self.built("FROM localhost/base\nCOPY --link --chown=7:8 --chmod=0640 a/one.txt /etc/linked/\n", **self.tree)
        self.assertEqual((found["etc/linked/one.txt"]["owner"], found["etc/linked/one.txt"]["mode"]), ("7:8", "0o640"))
        self.assertIn("etc/passwd", found)

    def test_symbolic_modes(self):
        found = self.built("FROM scratch\nCOPY --chmod=u=rwX,go=rX a /to\n", **self.tree)
        self.assertEqual((found["to/b"]["mode"], found["to/one.txt"]["mode"]), ("0o755", "0o644"))


class Remote(Case):
    def test_a_file_with_its_checksum(self):
        with self.served({"file": "remote\n"}) as url:
            digest = "sha256:" + hashlib.sha256(b"remote\n").hexdigest()
            found = self.built(f"FROM scratch\nADD --checksum={digest} {url}/file /to/\n")
            self.assertEqual(found["to/file"]["content"], digest.split(":")[1])
            self.assertEqual(found["to/file"]["mode"], "0o600")
            wrong = ours.build(self.context(f"FROM scratch\nADD --checksum=sha256:{'0' * 64} {url}/file /to/\n"), status=1)
            self.assertIn("Dockerfile:2", wrong.stderr)
            self.assertIn(digest, wrong.stderr)

    def test_one_that_is_not_there(self):
        with self.served({}) as url:
            self.assertIn("404", ours.build(self.context(f"FROM scratch\nADD {url}/file /to/\n"), status=1).stderr)

    def repository(self):
        directory = tempfile.mkdtemp(prefix="repository-", suffix=".git")
        self.addCleanup(command.run, "rm", "-r", directory)
        builds.write_files(directory, {"Dockerfile": "FROM scratch\nCOPY . /all/\n", "sub/Dockerfile":
                                       "FROM scratch\nCOPY file /sub/\n", "sub/file": "in sub"})

        def git(*arguments):
            command.run("git", "-C", directory, "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments)

        git("init", "--quiet", "--initial-branch=main")
        git("add", ".")
        git("commit", "--quiet", "--message=first")
        git("checkout", "--quiet", "-b", "other")
        builds.write_files(directory, {"added": "on a branch"})
        git("add", ".")
        git("commit", "--quiet", "--message=second")
        git("checkout", "--quiet", "main")
        return f"file://{directory}"

    def test_a_repository_as_the_context(self):
        url = self.repository()
        self.assertEqual({path for path, entry in self.files(url).items() if entry["type"] == "file"},
                         {"all/Dockerfile", "all/sub/Dockerfile", "all/sub/file"})
        self.assertIn("all/added", self.files(f"{url}#other"))
        self.assertIn("sub/file", self.files(f"{url}#main:sub"))
        self.assertIn("no-such-branch", ours.build(f"{url}#no-such-branch", status=1).stderr)

    def test_a_repository_that_is_added(self):
        url = self.repository()
        self.assertIn("to/added", self.built(f"FROM scratch\nADD {url}#other /to\n"))
        self.assertIn("to/.git/HEAD", self.built(f"FROM scratch\nADD --keep-git-dir=true {url}#main /to\n"))

    def test_a_tar_as_the_context(self):
        directory = self.context("FROM scratch\nCOPY a /from-tar\n", a="a")
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w:gz") as tar:
                tar.add(directory, arcname=".")
            file.seek(0)
            result = subprocess.run([GANTRY, "--root", ours.store.root, *ours.command("-", "-o", "-")], stdin=file,
                                    capture_output=True)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertIn(b"from-tar", result.stdout)

    def test_further_contexts_of_files_and_images(self):
        other = self.context("", file="other")
        found = self.built("FROM tool AS copied\nFROM scratch\nCOPY --from=files file /file\nCOPY --from=copied /bin/busybox /b\n",
                           "--build-context", f"files={other}", "--build-context", "tool=docker-image://localhost/base")
        self.assertLessEqual({"file", "b"}, set(found))


class Directives(Case):
    def test_syntax_and_escape(self):
        text = "# syntax=docker/dockerfile:1\n# escape=`\nFROM localhost/base\nRUN echo one `\n  two > /said\nENV A=C:\\dir\nRUN echo $A >> /said\n"
        self.assertEqual(self.text("said", text), "one two\nC:\\dir\n")

    def test_arguments_by_their_scopes(self):
        text = ("ARG ONE=1\nARG TWO=2\nFROM localhost/base AS base\nARG ONE\nRUN echo \"$ONE $TWO.\" > /said\n"
                "FROM base\nRUN echo \"$ONE.\" >> /said\nARG ONE=own\nARG TWO\nENV TWO=env\nRUN echo \"$ONE $TWO\" >> /said\n")
        self.assertEqual(self.text("said", text), "1 .\n.\nown env\n")
        self.assertEqual(self.text("said", text, "--build-arg", "ONE=given"), "given .\n.\ngiven env\n")

    def test_platforms_are_arguments(self):
        self.assertRegex(self.text("said", "FROM --platform=$BUILDPLATFORM localhost/base\nARG TARGETARCH BUILDOS\n"
                                           "RUN echo $TARGETARCH $BUILDOS > /said\n"), r"^\w+ linux\n$")


class Run(Case):
    def test_it_has_a_network_of_its_own(self):
        seen = self.text("seen", "FROM localhost/base\nRUN ls /sys/class/net > /seen; busybox ip route >> /seen\n")
        self.assertIn("eth0\nlo\ndefault via ", seen)
        self.assertFalse([name for name in os.listdir("/sys/class/net") if name.startswith("gb-")])

    def test_the_host_s_loopback_is_not_its_own(self):
        with self.served({"file": ""}) as url:
            dockerfile = f"FROM localhost/base\nRUN busybox wget -q -O /got {url}/file && echo reached > /a || echo no > /a\n"
            self.assertEqual(self.text("a", dockerfile), "no\n")
            self.assertEqual(self.text("a", dockerfile, "--network", "host"), "reached\n")

    def test_none_and_host(self):
        names = "FROM localhost/base\nRUN --network=none ls /sys/class/net > /none\nRUN --network=host ls /sys/class/net > /host\n"
        result = ours.build(self.context(names), status=1)
        self.assertIn("Dockerfile:3", result.stderr)
        with tarfile.open(ours.tar_of(self.context(names), "--allow", "network.host")) as tar:
            self.assertEqual(tar.extractfile("none").read(), b"lo\n")
            self.assertEqual(set(tar.extractfile("host").read().decode().split()), set(os.listdir("/sys/class/net")))
        self.assertIn("outside of the daemon", ours.build(self.context("FROM localhost/base\nRUN true # 1\n"), "--network", "mine",
                                                          status=1).stderr)

    def test_privileges_are_a_container_s_unless_more_was_allowed(self):
        text = "FROM localhost/base\nRUN grep CapEff /proc/self/status > /caps\nRUN --security=insecure grep CapEff /proc/self/status >> /caps\n"
        bounded, full = (int(line.split()[1], 16) for line in self.text("caps", text, "--allow", "security.insecure").splitlines())
        self.assertEqual(bounded, 0xa80425fb)  # docker's default capabilities
        self.assertEqual(full & bounded, bounded)
        self.assertGreater(full, bounded)

    def test_an_agent_for_one_step_with_the_owner_that_it_wants(self):
        path = f"{ours.store.root}/agent"
        with socket.socket(socket.AF_UNIX) as agent:
            agent.bind(path)
            agent.listen()
            said = self.text("said", "FROM localhost/base\nRUN --mount=type=ssh,uid=1000,gid=1001,mode=0640 "
                                     "stat -c %u:%g:%a $SSH_AUTH_SOCK > /said\n", "--ssh", f"default={path}")
        os.unlink(path)
        self.assertEqual(said, "1000:1001:640\n")

    def test_caches_are_shared_and_locked(self):
        self.assertEqual(self.text("b", "FROM localhost/base\nRUN --mount=type=cache,id=kept,target=/c,sharing=locked echo 1 >> /c/n\n"
                                        "RUN --mount=type=cache,id=kept,target=/c,sharing=locked cat /c/n > /b\n"), "1\n")

    @unittest.skipIf(os.cpu_count() < 2, "one RUN at a time on one processor")
    def test_stages_are_built_side_by_side(self):
        # Each waits for the other.
        meet = "RUN --mount=type=cache,id=meeting,target=/c touch /c/{0} && until test -e /c/{1}; do sleep 0.1; done; echo > /{0}\n"
        found = self.built(f"FROM localhost/base AS one\n{meet.format('one', 'two')}FROM localhost/base AS two\n"
                           f"{meet.format('two', 'one')}FROM scratch\nCOPY --from=one /one /\nCOPY --from=two /two /\n")
        self.assertEqual(set(found), {"one", "two"})


class Checks(Case):
    def test_what_is_better_written_otherwise_is_shown_with_its_lines(self):
        context = builds.Context({"Dockerfile": "FROM localhost/base AS Final\nENV A=$PATH B=$NONE\nCOPY left /\n", ".dockerignore": "left\n"})
        self.addCleanup(context.remove)
        said = ours.build(context.directory, "--check", status=1).stdout
        for rule, line in (("StageNameCasing", 1), ("UndefinedVar", 2), ("CopyIgnoredFile", 3)):
            self.assertRegex(said, rf"WARNING: {rule} - https://\S+\n.*\n\nDockerfile:{line}\n")
        self.assertNotIn("$PATH'", said)
        builds.write_files(context.directory, {"Dockerfile": "FROM localhost/base\n"})
        self.assertIn("no warnings", ours.build(context.directory, "--check").stdout)


class Shown(Case):
    def test_on_a_terminal_steps_that_run_are_drawn_over(self):
        directory = self.context("FROM localhost/base\nRUN echo from-the-step; echo more\n")
        arguments = list(ours.command(directory))
        arguments[arguments.index("plain")] = "tty"
        screen = command.run_on_terminal(GANTRY, "--root", ours.store.root, *arguments).stdout
        self.assertIn("\x1b[J", screen)
        self.assertRegex(screen, r"✓ \[2/2\] RUN echo from-the-step; echo more +DONE")

    def test_results_in_files(self):
        directory = self.context("FROM localhost/base\nLABEL a=b\n")
        out = f"{ours.store.root}/out"
        image = ours.build(directory, "-t", "localhost/named", "--iidfile", f"{out}.id", "--metadata-file", f"{out}.json")
        with open(f"{out}.id") as file:
            self.assertEqual(file.read(), image.stdout.strip())
        with open(f"{out}.json") as file:
            self.assertIn('"image.name": "localhost/named:latest"', file.read())

    def test_an_archive_leaves_no_image(self):
        directory = self.context("FROM localhost/base\nRUN echo archived > /a\n")
        before = ours.store.image("ls", "--quiet").stdout
        for form, document in (("docker", "manifest.json"), ("oci", "index.json")):
            path = f"{ours.store.root}/{form}.tar"
            ours.build(directory, "-t", "localhost/archived:1", "-o", f"type={form},dest={path}")
            with tarfile.open(path) as tar:
                self.assertIn(b"localhost/archived:1", tar.extractfile(document).read())
        self.assertEqual(ours.store.image("ls", "--quiet").stdout, before)
