# SPDX-License-Identifier: Apache-2.0
"""docker-py (Debian's python3-docker) with containers and execs."""

import textwrap

from docker import engine_home
from lib import command


def setUpModule():
    engine_home.start_with_image("busybox:latest")


class Python(engine_home.Case):
    def tearDown(self):
        if containers := self.out("ps", "-aq").split():
            self.docker("rm", "-f", "-v", *containers)

    def script(self, text):
        """Runs it with `client` and `make` there; it fails by an exception."""
        head = """
            import docker, io, tarfile
            client = docker.from_env(version="auto")
            def make(*words, **settings):
                return client.containers.run("busybox", list(words), detach=True, network_mode="none", **settings)
        """
        command.run("/usr/bin/python3", "-c", textwrap.dedent(head) + textwrap.dedent(text), env=self.home.environment)

    def test_run(self):
        self.script("""
            assert client.containers.run("busybox", "echo out", remove=True, network_mode="none") == b"out\\n"
            try:
                client.containers.run("busybox", ["sh", "-c", "echo no >&2; exit 3"], remove=True, network_mode="none")
            except docker.errors.ContainerError as error:
                assert (error.exit_status, error.stderr) == (3, b"no\\n"), (error.exit_status, error.stderr)
            else:
                raise AssertionError("no error")
            try:
                client.containers.run("no-such-image:1")
            except (docker.errors.ImageNotFound, docker.errors.APIError):
                pass
        """)

    def test_life(self):
        self.script("""
            web = make("sleep", "1000", name="web", labels={"tier": "front"}, environment={"A": "b"})
            assert web.status == "created" or web.status == "running"
            web.reload()
            assert (web.status, web.name, web.labels) == ("running", "web", {"tier": "front"})
            assert client.containers.get("web").id == web.id
            assert [c.id for c in client.containers.list(filters={"label": "tier=front"})] == [web.id]
            web.pause(); web.reload(); assert web.status == "paused"
            web.unpause(); web.rename("db"); web.reload(); assert web.name == "db"
            web.update(mem_limit="64m", memswap_limit="128m"); web.reload()
            assert web.attrs["HostConfig"]["Memory"] == 64 << 20
            assert "sleep 1000" in str(web.top())
            web.restart(timeout=0)
            web.stop(timeout=0)
            assert web.wait()["StatusCode"] == 137
            web.remove()
            try:
                client.containers.get("db")
                raise AssertionError("still there")
            except docker.errors.NotFound:
                pass
        """)

    def test_logs_and_attach(self):
        self.script("""
            web = make("sh", "-c", "echo one; echo two >&2; sleep 0.3; echo three")
            # Two pipes: which of them was read first is the engine's own affair.
            assert sorted(b"".join(web.logs(stream=True, follow=True)).split()) == [b"one", b"three", b"two"]
            assert web.logs(stdout=True, stderr=False) == b"one\\nthree\\n"
            assert web.logs(tail=1, stderr=False) == b"three\\n"
            assert web.logs(timestamps=True, tail=1, stderr=False).endswith(b"Z three\\n")
            web.remove()
            web = client.containers.create("busybox", ["sh", "-c", "sleep 0.5; echo late"], network_mode="none")
            stream = web.attach(stream=True)
            web.start()
            assert b"".join(stream) == b"late\\n"
            web.remove()
        """)

    def test_exec(self):
        self.script("""
            web = make("sleep", "1000")
            assert web.exec_run("echo out") == (0, b"out\\n")
            code, (out, err) = web.exec_run(["sh", "-c", "echo out; echo err >&2; exit 9"], demux=True)
            assert (code, out, err) == (9, b"out\\n", b"err\\n"), (code, out, err)
            assert b"".join(web.exec_run("seq 3", stream=True).output) == b"1\\n2\\n3\\n"
            made = client.api.exec_create(web.id, "cat", stdin=True)
            link = client.api.exec_start(made["Id"], socket=True)
            link._sock.sendall(b"through\\n")
            link._sock.shutdown(1)
            data = b""
            while part := link._sock.recv(4096):
                data += part
            assert data[8:] == b"through\\n", data
            assert client.api.exec_inspect(made["Id"])["ExitCode"] == 0
            web.remove(force=True)
        """)

    def test_archives_and_changes(self):
        self.script("""
            web = make("sleep", "1000")
            data = io.BytesIO()
            with tarfile.open(fileobj=data, mode="w") as tar:
                member = tarfile.TarInfo("file"); member.size = 4
                tar.addfile(member, io.BytesIO(b"text"))
            assert web.put_archive("/tmp", data.getvalue())
            stream, stat = web.get_archive("/tmp/file")
            assert (stat["name"], stat["size"]) == ("file", 4), stat
            with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
                assert tar.extractfile("file").read() == b"text"
            assert {"Path": "/tmp/file", "Kind": 1} in web.diff()
            image = web.commit("kept", "1", changes="ENV A=b")
            assert "A=b" in image.attrs["Config"]["Env"]
            assert len(b"".join(web.export())) > 10240
            web.remove(force=True)
            client.images.remove(image.id)
        """)

    def test_events_stats_and_system(self):
        self.script("""
            feed = client.events(decode=True, filters={"type": "container", "event": "create"})
            import threading
            threading.Timer(0.5, lambda: make("true", name="seen")).start()
            event = next(feed)
            assert (event["status"], event["Actor"]["Attributes"]["name"]) == ("create", "seen"), event
            feed.close()
            web = make("sleep", "1000")
            assert web.stats(stream=False)["pids_stats"]["current"] == 1
            first = next(web.stats(decode=True))
            assert first["id"] == web.id
            assert client.ping()
            assert client.version()["ApiVersion"] and client.info()["ContainersRunning"] == 1
            for container in client.containers.list(all=True):
                container.remove(force=True)
        """)
