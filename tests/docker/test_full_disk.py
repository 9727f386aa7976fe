# SPDX-License-Identifier: Apache-2.0
"""A disk that is full during every operation: each says so, leaves nothing half done, and works when there is room again.
What only reads works all the time, and so does making room."""

import os
import subprocess
import unittest

from docker import engine_home
from lib import command
from lib.engine_api import EngineApi
from lib.gantryd import GantrydHome
from lib.images import Layout, OurRegistry, busybox_layer, layer_tar
from lib.runtime import wait_for, wait_for_exit

SIZE = 48 << 20  # bytes of the daemon's disk


class SmallDisk(GantrydHome):
    """A gantryd whose data root is a file system of its own, and small."""

    def start(self):
        self.root = f"{self.directory}/root"
        if not os.path.isdir(self.root):
            os.mkdir(self.root)
            command.run("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self.root)
        super().start()

    def end(self):
        self.free()
        super().end()
        command.run("umount", self.root)

    def fill(self):
        """To the last byte."""
        with open(f"{self.root}/ballast", "wb", buffering=0) as ballast:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        ballast.write(bytes(size))
                except OSError:
                    pass

    def free(self):
        if os.path.exists(f"{self.root}/ballast"):
            os.unlink(f"{self.root}/ballast")


def setUpModule():
    global home, api, registry
    home = engine_home.Case.home = SmallDisk()
    unittest.addModuleCleanup(home.remove)
    api = EngineApi(home.socket)
    home.make_image(files={"bin/echo": "", "bin/": None})
    registry = OurRegistry()
    unittest.addModuleCleanup(registry.remove)
    layout = Layout([layer_tar(busybox_layer()), layer_tar({"etc/": None, "etc/data": os.urandom(1 << 20)})])
    unittest.addModuleCleanup(layout.remove)
    command.run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", layout.source,
                f"docker://{registry.address}/data:1")


class FullDisk(engine_home.Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.clean_up)

    def clean_up(self):
        home.free()
        if containers := self.out("ps", "-aq").split():
            self.docker("rm", "-f", "-v", *containers)

    def files(self):
        """All names on the disk but those of databases, locks and of who holds them, which come and go."""
        found = set()
        for directory, _, names in os.walk(home.root):
            if directory.removeprefix(home.root).startswith(("/locks", "/sessions")):
                continue
            found |= {f"{directory}/{name}" for name in names if ".db" not in name}
            found.add(directory)
        return found - {f"{home.root}/ballast"}

    def check(self, *arguments, env=None, is_small=False):
        """The command is refused with a reason while the disk is full, leaves nothing behind, and works afterwards. What
        `is_small` may work at once: databases keep some room for it."""
        def run():
            return command.run(engine_home.DOCKER, *arguments, env={**home.environment, **(env or {})}, status=None)
        before = self.files()
        home.fill()
        refused = run()
        if is_small and refused.status == 0:
            return
        self.assertNotEqual(refused.status, 0, refused)
        self.assertIn("no space left on device", (refused.stdout + refused.stderr).lower())
        try:
            wait_for(lambda: not self.files() - before)
        except AssertionError:
            self.fail(f"left: {sorted(self.files() - before)}")
        home.free()
        fine = run()
        self.assertEqual(fine.status, 0, fine)

    def running(self, *script, options=()):
        return self.out("run", "-d", "--network", "none", *options, "busybox", "sh", "-c", *script)

    def test_create(self):
        self.check("create", "--name", "made", "--network", "none", "busybox", is_small=True)
        self.assertEqual(self.out("ps", "-a", "--format", "{{.Names}}"), "made")

    def test_start(self):
        self.docker("create", "--name", "web", "--network", "none", "busybox", "busybox", "sleep", "1000")
        home.fill()
        self.refused("start", "web")
        self.assertIn("no space left", self.inspect("web")["State"]["Error"].lower())
        self.assertEqual(os.listdir(f"{home.directory}/run/shims"), [])
        home.free()
        self.docker("start", "web")

    def test_exec_and_logs(self):
        web = self.running("echo hello; busybox sleep 1000")
        wait_for(lambda: self.out("logs", web) == "hello", "the log")
        home.fill()
        self.assertEqual(self.out("exec", web, "busybox", "echo", "hi"), "hi")
        self.assertEqual(self.out("logs", web), "hello")
        self.assertEqual(self.out("ps", "-q"), web[:12])
        self.assertEqual(self.inspect(web)["State"]["Status"], "running")

    def test_output_waits_for_room(self):
        writer = self.running("read go; i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; exit 3",
                              options=("-i",))
        pid = self.inspect(writer)["State"]["Pid"]
        home.fill()
        with api.attach(writer) as stream:
            stream.sendall(b"go\n")
            wait_for_exit(pid)
        home.free()
        self.assertEqual(self.out("wait", writer), "3")
        self.assertEqual(self.out("logs", writer).split(), [str(i) for i in range(3000)])

    def test_an_end_is_known_and_kept(self):
        ending = self.running("read go; exit 7", options=("-i",))
        home.fill()
        with api.attach(ending) as stream:
            stream.sendall(b"go\n")
        self.assertEqual(self.out("wait", ending), "7")
        home.free()
        home.daemon.kill()
        home.start()
        state = self.inspect(ending)["State"]
        self.assertEqual((state["Status"], state["ExitCode"]), ("exited", 7))

    def test_an_end_is_recorded_once_there_is_room(self):
        ending = self.running("read go; exit 7", options=("-i",))
        home.fill()
        # Until even the room that the databases keep is used up.
        for number in range(2000):
            answer = api.create(f"one-more-{number}", ["true"])
            if not answer.ok:
                break
        self.assert_mentions(str(answer), "no space left on device")
        with api.attach(ending) as stream:
            stream.sendall(b"go\n")
        self.assertEqual(self.out("wait", ending), "7")
        home.free()
        wait_for(lambda: not os.path.exists(f"{home.directory}/run/shims/{ending}"), "the end to be recorded")
        home.daemon.kill()
        home.start()
        state = self.inspect(ending)["State"]
        self.assertEqual((state["Status"], state["ExitCode"]), ("exited", 7))

    def test_removing_makes_room(self):
        web = self.running("busybox dd if=/dev/zero of=/big bs=1M count=8; busybox sleep 1000")
        wait_for(lambda: self.docker("exec", web, "busybox", "test", "-s", "/big", status=None).status == 0, "the file")
        home.fill()
        self.docker("rm", "-f", web)
        self.docker("run", "--rm", "--network", "none", "busybox", "busybox", "true")

    def test_removes_itself(self):
        home.fill()
        client = subprocess.run([engine_home.DOCKER, "run", "--rm", "--network", "none", "busybox", "busybox", "true"],
                                env=os.environ | home.environment, capture_output=True, text=True, timeout=60)
        self.assertNotEqual(client.returncode, 0)
        self.assertIn("no space left", client.stderr.lower())
        home.free()
        self.assertEqual(self.out("ps", "-aq"), "")

    def test_commit(self):
        web = self.running("busybox dd if=/dev/urandom of=/data bs=64k count=16 2>/dev/null; busybox sleep 1000")
        wait_for(lambda: "/data" in self.out("diff", web), "the file")
        self.check("commit", web, "committed")
        self.docker("rmi", "committed")

    def test_build(self):
        context = f"{home.directory}/context"
        os.makedirs(context, exist_ok=True)
        with open(f"{context}/Dockerfile", "w") as file:
            file.write("FROM busybox\nRUN busybox dd if=/dev/urandom of=/data bs=64k count=16\nCOPY Dockerfile /\n")
        command.run(engine_home.DOCKER, "build", "-", stdin="FROM busybox\n", env=home.environment | {"DOCKER_BUILDKIT": "0"})
        self.check("build", "-t", "built", context, env={"DOCKER_BUILDKIT": "0"})
        self.docker("rmi", "built")

    def test_pull(self):
        name = f"{registry.address}/data:1"
        self.check("pull", name)
        self.docker("rmi", name)

    def test_load(self):
        tar, name = f"{home.directory}/saved.tar", f"{registry.address}/data:1"
        self.docker("pull", name)
        self.docker("save", "-o", tar, name)
        self.docker("rmi", name)
        self.check("load", "-i", tar)
        self.docker("rmi", name)

    def test_import(self):
        web = self.running("busybox dd if=/dev/urandom of=/data bs=64k count=16 2>/dev/null; busybox sleep 1000")
        wait_for(lambda: "/data" in self.out("diff", web), "the file")
        tar = f"{home.directory}/exported.tar"
        self.docker("export", "-o", tar, web)
        self.check("import", tar, "imported")
        self.docker("rmi", "imported")

    def test_push(self):
        self.docker("tag", "busybox", f"{registry.address}/pushed:1")
        home.fill()
        self.docker("push", f"{registry.address}/pushed:1")
        self.docker("rmi", f"{registry.address}/pushed:1")

    def test_changes_of_what_is_there(self):
        web = self.running("busybox sleep 1000", options=("-m", "64m", "--memory-swap", "64m"))
        self.docker("network", "create", "front")
        self.addCleanup(self.docker, "network", "rm", "front")
        self.addCleanup(self.remove_containers)
        self.docker("stop", "-t", "0", self.out("run", "-d", "--name", "other", "--network", "front", "busybox", "busybox", "sleep",
                                                "1000"))
        self.docker("start", "other")
        self.addCleanup(self.docker, "rmi", "more:1")
        for words in (("update", "-m", "128m", "--memory-swap", "128m", web), ("rename", web, "renamed"), ("pause", web),
                      ("unpause", web), ("tag", "busybox", "more:1"), ("network", "disconnect", "front", "other"),
                      ("network", "connect", "front", "other"), ("kill", web), ("start", web), ("restart", "-t", "0", web),
                      ("stop", "-t", "0", web), ("volume", "rm", "-f", "nothing")):
            with self.subTest(words=words):
                self.check(*words, is_small=True)

    def remove_containers(self):
        home.free()
        self.docker("rm", "-f", "-v", *self.out("ps", "-aq").split())

    def test_what_only_reads(self):
        web = self.running("echo x > /file; busybox sleep 1000")
        wait_for(lambda: "/file" in self.out("diff", web), "the file")
        home.fill()
        for words in (("export", "-o", f"{home.directory}/exported.tar", web), ("save", "-o", f"{home.directory}/read.tar", "busybox"),
                      ("cp", f"{web}:/file", f"{home.directory}/read"), ("top", web), ("stats", "--no-stream", web),
                      ("system", "df", "-v"), ("info",), ("history", "busybox"), ("volume", "ls"), ("network", "inspect", "bridge"),
                      ("events", "--since", "1h", "--until", "0s")):
            with self.subTest(words=words):
                self.docker(*words)

    def test_a_daemon_begins(self):
        web = self.running("busybox sleep 1000")
        ended = self.running("exit 3")
        self.assertEqual(self.out("wait", ended), "3")
        home.fill()
        home.daemon.kill()
        home.start()
        self.assertEqual(self.out("exec", web, "busybox", "echo", "hi"), "hi")
        self.assertEqual(self.inspect(ended)["State"]["ExitCode"], 3)
        self.docker("rm", "-f", web, ended)

    def test_volume_create(self):
        self.check("volume", "create", "data", is_small=True)
        self.docker("volume", "rm", "data")

    def test_network_create(self):
        self.check("network", "create", "front", is_small=True)
        self.docker("network", "rm", "front")

    def test_cp(self):
        web = self.running("echo >/tmp/there; busybox sleep 1000")
        wait_for(lambda: "/tmp/there" in self.out("diff", web), "the file")
        source = f"{home.directory}/big"
        with open(source, "wb") as file:
            file.write(os.urandom(1 << 20))
        self.check("cp", source, f"{web}:/tmp/big")
        back = f"{home.directory}/back"
        self.docker("cp", f"{web}:/tmp/big", back)
        command.run("cmp", source, back)
