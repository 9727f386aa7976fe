# SPDX-License-Identifier: Apache-2.0
"""The API itself: versions, errors, streams over plain HTTP, listeners, dockerd's name and flags."""

import json
import os
import socket
import struct
import subprocess
import tempfile
import unittest

from docker import engine_home
from docker.api_case import IMAGE, ApiCase
from lib import command, isolation
from lib.engine_api import UnixConnection
from lib.runtime import wait_for


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Api(ApiCase):
    def test_ping(self):
        for method in ("HEAD", "GET"):
            status, headers, data = self.call(method, "/_ping")
            self.assertEqual((status, data), (200, b"OK" if method == "GET" else b""))
            for name in ("Api-Version", "Docker-Experimental", "Ostype", "Server", "Builder-Version", "Swarm"):
                self.assertIn(name, headers)
            self.assertEqual((headers["Ostype"], headers["Swarm"]), ("linux", "inactive"))
            self.assertIn("no-cache", headers["Cache-Control"])

    def test_versions(self):
        for version in ("1.24", "1.30", "1.41", "1.44"):
            self.assertEqual(self.get(f"/v{version}/containers/json"), [])
        self.assertEqual(self.call("GET", "/v1.12/containers/json")[0], 400)
        status, _, data = self.call("GET", "/v1.99/info")
        self.assertEqual(status, 400)
        self.assert_mentions(json.loads(data)["message"], "client version 1.99 is too new")

    def test_errors(self):
        for method, path, body, status, words in (
                ("GET", "/containers/none/json", None, 404, "No such container: none"),
                ("POST", "/containers/none/start", None, 404, "No such container: none"),
                ("GET", "/nothing", None, 404, "page not found"),
                ("POST", "/containers/create", "{", 400, ""),
                ("POST", "/containers/create", {"Image": 5}, 400, "Image"),
                ("POST", "/containers/create", {"Image": IMAGE, "HostConfig": {"Memory": "much"}}, 400, "Memory"),
                ("POST", "/containers/create", {"Image": "no/such:image"}, 404, "No such image: no/such:image"),
                ("GET", "/containers/json?filters=%7B", None, 400, "filter"),
                ("GET", "/containers/json?limit=x", None, 400, ""),
                ("GET", "/exec/none/json", None, 404, "No such exec instance: none")):
            got, _, data = self.call(method, path, body)
            self.assertEqual(got, status, (path, data))
            self.assert_mentions(json.loads(data)["message"], words)

    def test_a_state_that_is_already_so_is_304(self):
        identity = self.make("sleep", "1000")
        self.assertEqual([self.call("POST", f"/containers/{identity}/start")[0] for _ in range(2)], [204, 304])
        self.assertEqual([self.call("POST", f"/containers/{identity}/stop?t=0")[0] for _ in range(2)], [204, 304])

    def test_wait_answers_at_once_and_tells_at_the_end(self):
        identity = self.make("sh", "-c", "exit 7")
        connection = UnixConnection(self.socket_path())
        connection.request("POST", f"/v1.41/containers/{identity}/wait?condition=next-exit")
        response = connection.getresponse()  # before it was started
        self.assertEqual(response.status, 200)
        self.call("POST", f"/containers/{identity}/start")
        self.assertEqual(json.loads(response.read())["StatusCode"], 7)
        connection.close()

    def test_attach_by_upgrade_has_frames(self):
        identity = self.make("sh", "-c", "read a; echo out $a; echo err >&2", OpenStdin=True, StdinOnce=True, AttachStdin=True)
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(self.socket_path())
        client.sendall(f"POST /v1.44/containers/{identity}/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n"
                       "Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n".encode())
        stream = client.makefile("rb")
        self.assertTrue(stream.readline().startswith(b"HTTP/1.1 101"))
        headers = b"".join(iter(stream.readline, b"\r\n"))
        self.assertIn(b"application/vnd.docker.multiplexed-stream", headers)
        self.call("POST", f"/containers/{identity}/start")
        client.sendall(b"word\n")
        client.shutdown(socket.SHUT_WR)
        found = {1: b"", 2: b""}
        while header := stream.read(8):
            which, size = struct.unpack(">BxxxI", header)
            found[which] += stream.read(size)
        self.assertEqual(found, {1: b"out word\n", 2: b"err\n"})

    def test_attach_for_what_was_said(self):
        identity = self.make("echo", "said")
        self.call("POST", f"/containers/{identity}/start")
        self.call("POST", f"/containers/{identity}/wait")
        status, headers, data = self.call("POST", f"/v1.41/containers/{identity}/attach?logs=1&stdout=1&stream=0")
        self.assertEqual((status, headers["Content-Type"], data),
                         (200, "application/vnd.docker.raw-stream", b"\1\0\0\0\0\0\0\5said\n"))

    def test_stats_once(self):
        identity = self.make("sleep", "1000")
        self.assertEqual(self.get(f"/containers/{identity}/stats?stream=false")["id"], identity)
        self.call("POST", f"/containers/{identity}/start")
        stats = self.get(f"/containers/{identity}/stats?stream=false")
        self.assertGreater(stats["cpu_stats"]["system_cpu_usage"], stats["precpu_stats"]["system_cpu_usage"])
        self.assertGreater(stats["memory_stats"]["usage"], 0)
        self.assertEqual(self.get(f"/containers/{identity}/stats?stream=false&one-shot=true")["pids_stats"]["current"], 1)

    def test_many_idle_streams_hold_no_threads(self):
        connections = []
        for _ in range(200):
            connection = UnixConnection(self.socket_path())
            self.addCleanup(connection.close)
            connection.request("GET", "/events")
            connections.append(connection)
        for connection in connections:
            connection.response = connection.getresponse()
        self.docker("tag", IMAGE, "other:1")
        self.docker("rmi", "other:1")
        for connection in connections:
            self.assertEqual(json.loads(connection.response.readline())["Type"], "image")

    def test_settings_of_older_clients(self):
        _, _, data = self.call("POST", "/v1.40/containers/create", {"Image": IMAGE, "HostConfig": {"NetworkMode": "none"}})
        identity = json.loads(data)["Id"]
        self.addCleanup(self.call, "DELETE", f"/containers/{identity}?force=1")
        self.assertEqual(self.get(f"/containers/{identity}/json")["HostConfig"]["CgroupnsMode"], "host")


@unittest.skipIf(engine_home.IS_ORIGINAL, "about ours alone")
class Listeners(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="dockerd-")
        self.addCleanup(command.run, "rm", "-rf", self.directory)
        from lib.gantryd import GANTRYD
        self.program = f"{self.directory}/dockerd"
        os.symlink(GANTRYD, self.program)
        self.arguments = ["--data-root", f"{self.directory}/data", "--exec-root", f"{self.directory}/exec", "--pidfile",
                          f"{self.directory}/pid", "--bridge", "dockerd0", "--cgroup-parent", "/dockerd-test", "--config-file",
                          f"{self.directory}/daemon.json"]
        isolation.write(f"{self.directory}/daemon.json", "{}")

    def docker(self, *arguments, **options):
        return command.run(engine_home.DOCKER, *arguments, **options)

    def start(self, *arguments, host, client=()):
        daemon = command.Daemon(self.program, *self.arguments, *arguments,
                                ready=lambda: self.docker("-H", host, *client, "version", status=None).status == 0)
        self.addCleanup(daemon.stop)
        return daemon

    def test_under_the_name_dockerd(self):
        unix = f"unix://{self.directory}/docker.sock"
        isolation.write(f"{self.directory}/daemon.json", '{"labels": ["zone=a"], "live-restore": true}')
        daemon = self.start("-H", unix, "--userland-proxy=false", "--iptables=false", host=unix)
        self.assertEqual(json.loads(self.docker("-H", unix, "info", "--format", "{{json .Labels}}").stdout), ["zone=a"])
        log = daemon.new_log()
        for part in ("live-restore is ignored", "--userland-proxy is ignored", "--iptables is ignored"):
            self.assertIn(part, log)
        self.assertEqual(isolation.read(f"{self.directory}/pid").strip(), str(daemon.process.pid))
        second = command.run(self.program, *self.arguments, "-H", f"unix://{self.directory}/second.sock", status=1)
        self.assertIn(f"process {daemon.process.pid}", second.stderr)

    def test_wrong_flags_and_files(self):
        self.assertIn("no-such-flag", command.run(self.program, "--no-such-flag", status=125).stderr)
        isolation.write(f"{self.directory}/daemon.json", '{"no-such-key": 1}')
        self.assertIn("no-such-key", command.run(self.program, *self.arguments, "--validate", status=125).stderr)
        isolation.write(f"{self.directory}/daemon.json", '{"debug": true}')
        self.assertEqual(command.run(self.program, *self.arguments, "--validate").stdout, "configuration OK\n")
        self.assertIn("Docker version", command.run(self.program, "--version").stdout)

    def test_sockets_that_systemd_hands_over(self):
        path = f"{self.directory}/activated.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            fd = os.dup2(listener.fileno(), 50)
            script = 'exec 3<&50 50<&-; LISTEN_FDS=1 LISTEN_FDNAMES=docker LISTEN_PID=$$ exec "$@"'
            process = subprocess.Popen(["bash", "-c", script, "bash", self.program, *self.arguments, "-H", "fd://"],
                                       pass_fds=[fd], stderr=subprocess.DEVNULL)
            os.close(fd)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        wait_for(lambda: self.docker("-H", f"unix://{path}", "version", status=None).status == 0, "the daemon")

    def test_tcp_wants_to_know_who_asks(self):
        keys = f"{self.directory}/keys"
        os.mkdir(keys)
        openssl = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9")
        command.run(*openssl, "-subj", "/CN=authority", "-keyout", f"{keys}/ca.key", "-out", f"{keys}/ca.pem")
        for name in ("server", "client"):
            command.run(*openssl, "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-addext",
                        "basicConstraints=critical,CA:FALSE", "-CA", f"{keys}/ca.pem", "-CAkey", f"{keys}/ca.key", "-keyout",
                        f"{keys}/{name}.key", "-out", f"{keys}/{name}.pem")
        host = "tcp://127.0.0.1:2376"
        proof = ("--tlsverify", "--tlscacert", f"{keys}/ca.pem", "--tlscert", f"{keys}/client.pem", "--tlskey", f"{keys}/client.key")
        self.start("-H", host, "--tlsverify", "--tlscacert", f"{keys}/ca.pem", "--tlscert", f"{keys}/server.pem", "--tlskey",
                   f"{keys}/server.key", host=host, client=proof)
        self.docker("-H", host, *proof, "ps")
        self.docker("-H", host, "--tlsverify", "--tlscacert", f"{keys}/ca.pem", "ps", status=1)
        self.docker("-H", host, "ps", status=1)
