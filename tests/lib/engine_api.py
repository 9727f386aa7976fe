# SPDX-License-Identifier: Apache-2.0
"""The Engine API without a client: for tests that ask much, or that want to see a connection break."""

import http.client
import json
import socket
import urllib.parse


class Gone(Exception):
    """The daemon was not there, or ended before it had answered: whether it did what was asked is not known."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body

    @property
    def ok(self):
        return self.status < 300

    def json(self):
        return json.loads(self.body)

    def lines(self):
        """Of a body that is one object a line."""
        return [json.loads(line) for line in self.body.splitlines() if line.strip()]

    def __str__(self):
        return f"{self.status} {self.body.decode(errors='replace').strip()}"


class EngineApi:
    """A connection a call, from any thread."""

    def __init__(self, path, timeout=60):
        self.path, self.timeout = path, timeout

    def call(self, method, target, body=None, **query):
        """`body`: an object, or bytes of a tar. Raises Gone; everything else is in the Answer."""
        headers = {"Content-Type": "application/x-tar" if isinstance(body, bytes) else "application/json"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if query:
            target += "?" + urllib.parse.urlencode(query)
        connection = UnixConnection(self.path, self.timeout)
        try:
            connection.request(method, "/v1.41" + target, body, headers if body is not None else {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        except TimeoutError as late:
            raise AssertionError(f"no answer within {self.timeout} s: {method} {target}") from late
        except (OSError, http.client.HTTPException) as error:
            raise Gone(f"{method} {target}: {error!r}") from None
        finally:
            connection.close()

    def must(self, method, target, body=None, **query):
        answer = self.call(method, target, body, **query)
        assert answer.ok, f"{method} {target}: {answer}"
        return answer

    def create(self, name, command, image="busybox", **host_config):
        body = {"Image": image, "Cmd": command, "HostConfig": {"NetworkMode": "none", **host_config}}
        return self.call("POST", "/containers/create", body, name=name)

    def start(self, name):
        return self.call("POST", f"/containers/{name}/start")

    def wait(self, name, condition="not-running"):
        """The exit code."""
        return self.must("POST", f"/containers/{name}/wait", condition=condition).json()["StatusCode"]

    def inspect(self, name):
        return self.must("GET", f"/containers/{name}/json").json()

    def remove(self, name):
        return self.call("DELETE", f"/containers/{name}", force=1, v=1)

    def exec(self, name, command):
        """Its exit code, after its end; None when it could not be started."""
        made = self.call("POST", f"/containers/{name}/exec",
                         {"Cmd": command, "AttachStdout": True, "AttachStderr": True})
        if not made.ok:
            return None
        execution = made.json()["Id"]
        if not self.call("POST", f"/exec/{execution}/start", {}).ok:
            return None
        return self.must("GET", f"/exec/{execution}/json").json()["ExitCode"]

    def logs(self, name):
        """Standard output of a container without a terminal."""
        frames, text = self.must("GET", f"/containers/{name}/logs", stdout=1).body, b""
        while frames:
            size = int.from_bytes(frames[4:8], "big")
            text, frames = text + frames[8:8 + size], frames[8 + size:]
        return text.decode()

    def events(self, since, until):
        """Seconds since 1970."""
        return self.must("GET", "/events", since=f"{since:.9f}", until=f"{until:.9f}").lines()

    def attach(self, name):
        """A socket to standard input and output; what comes is in frames."""
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(self.timeout)
        stream.connect(self.path)
        stream.sendall(f"POST /v1.41/containers/{name}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: localhost\r\n"
                       "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = stream.recv(1)
            assert byte, f"the daemon hung up: {head}"
            head += byte
        assert head.startswith(b"HTTP/1.1 101 "), head
        return stream

    def remove_everything(self, keep_images=()):
        """Containers, networks, volumes, what builds kept, and all images but those of these names."""
        for container in self.must("GET", "/containers/json", all=1).json():
            self.remove(container["Id"])
        for network in self.must("GET", "/networks", filters='{"type":["custom"]}').json():
            self.call("DELETE", f"/networks/{network['Id']}")
        for volume in self.must("GET", "/volumes").json()["Volumes"] or []:
            self.call("DELETE", f"/volumes/{volume['Name']}", force=1)
        for image in self.must("GET", "/images/json").json():
            names = [name for name in image["RepoTags"] or [] if name != "<none>:<none>"]
            for name in [name for name in names if name not in keep_images] if names else [image["Id"]]:
                self.call("DELETE", f"/images/{name}", force=1)
        self.must("POST", "/build/prune", all=1)
