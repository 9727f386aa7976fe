# SPDX-License-Identifier: Apache-2.0
"""`docker cp` with a container that swaps directories for links while files are copied: nothing of the host is read, and
nothing there is written."""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time

from docker import engine_home
from lib.engine_api import EngineApi, Gone
from lib.runtime import wait_for

SECRET = b"this is the host's\n"
SECONDS = 3  # of trying, for each test; both sides are as fast as they can

# In the container's mount namespace: a directory and a link change places, for ever.
SWAPPER = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
namespace = os.open(f"/proc/{sys.argv[1]}/ns/mnt", os.O_RDONLY)
if libc.setns(namespace, 0) < 0: sys.exit(os.strerror(ctypes.get_errno()))
at, exchange, renameat2 = -100, 2, libc.renameat2
if renameat2(at, b"/tmp/d", at, b"/tmp/l", exchange) < 0: sys.exit(os.strerror(ctypes.get_errno()))
print("swapping", flush=True)
while True: renameat2(at, b"/tmp/d", at, b"/tmp/l", exchange)
"""


def setUpModule():
    global home, api
    home = engine_home.Case.home = engine_home.start()
    api = EngineApi(home.socket)
    home.docker("import", engine_home.busybox_tar(home.directory), "busybox")


def tar_of(files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path.rstrip("/"))
            if path.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o777
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content or b""))
    return data.getvalue()


class HostileContainer(engine_home.Case):
    def setUp(self):
        super().setUp()
        self.host = tempfile.TemporaryDirectory(prefix="host-")
        self.addCleanup(self.host.cleanup)
        with open(f"{self.host.name}/file", "wb") as file:
            file.write(SECRET)
        self.before = self.look_at_host()

    def look_at_host(self):
        return [(path, stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_uid)
                for path in (self.host.name, f"{self.host.name}/file") for stat in (os.stat(path),)] + \
            [os.listdir(self.host.name)]

    def start(self, link):
        script = f"mkdir -p /tmp/d; echo inside >/tmp/d/file; ln -s '{link}' /tmp/l; echo ready; sleep 1000"
        container = self.out("run", "-d", "--network", "none", "busybox", "sh", "-c", script)
        self.addCleanup(lambda: self.docker("rm", "-f", container))
        wait_for(lambda: self.out("logs", container) == "ready", "the directory and the link")
        pid = self.inspect(container)["State"]["Pid"]
        swapper = subprocess.Popen([sys.executable, "-c", SWAPPER, str(pid)], stdout=subprocess.PIPE)
        self.addCleanup(lambda: (swapper.kill(), swapper.communicate()))
        self.assertEqual(swapper.stdout.readline(), b"swapping\n")
        return container

    def links(self):
        return {"absolute": self.host.name, "relative": "../" * 20 + self.host.name.lstrip("/"),
                "by_proc": f"/proc/1/root{self.host.name}"}

    def attempts(self):
        end = time.monotonic() + SECONDS / len(self.links())
        while time.monotonic() < end:
            yield

    def test_nothing_of_the_host_is_read(self):
        seen = set()
        for name, link in self.links().items():
            with self.subTest(link=name):
                container = self.start(link)
                for _ in self.attempts():
                    for path in ("/tmp/d/file", "/tmp/d", "/tmp/d/.", "/tmp"):
                        try:
                            answer = api.call("GET", f"/containers/{container}/archive", path=path)
                        except Gone:  # what was there when the answer began was not when its body did: the tar is cut
                            continue
                        self.assertNotIn(SECRET, answer.body)
                        seen.add((path, answer.status))
                    head = api.call("HEAD", f"/containers/{container}/archive", path="/tmp/d/file")
                    self.assertIn(head.status, (200, 404, 400))
        # Both were met: the directory and the link.
        self.assertLessEqual({("/tmp/d/file", 200), ("/tmp/d/file", 404)}, seen)

    def test_nothing_is_written_to_the_host(self):
        seen = set()
        for name, link in self.links().items():
            with self.subTest(link=name):
                container = self.start(link)
                for number, _ in enumerate(self.attempts()):
                    for path, files in (("/tmp/d", {"evil": b"evil"}), ("/tmp", {"d/file": b"evil"}),
                                        ("/tmp", {"d/": None, f"d/new{number}": b"evil"}), ("/", {"tmp/d/sub/": None})):
                        answer = api.call("PUT", f"/containers/{container}/archive", tar_of(files), path=path)
                        seen.add((path, answer.status))
                    self.assertEqual(self.look_at_host(), self.before)
        self.assertLessEqual({("/tmp/d", 200), ("/tmp/d", 404)}, seen)
