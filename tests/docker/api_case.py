# SPDX-License-Identifier: Apache-2.0
"""The words of tests that speak HTTP with the engine themselves."""

import http.client
import json
import socket

from docker import engine_home

IMAGE = "busybox"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class ApiCase(engine_home.Case):
    def socket_path(self):
        return self.home.environment["DOCKER_HOST"].removeprefix("unix://")

    def call(self, method, path, body=None, headers=None):
        """(status, headers, body)"""
        connection = UnixConnection(self.socket_path())
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), data

    def get(self, path):
        status, _, data = self.call("GET", path)
        self.assertEqual(status, 200, data)
        return json.loads(data)

    def make(self, *words, **settings):
        status, _, data = self.call("POST", "/containers/create", {
            "Image": IMAGE, "Cmd": list(words), "HostConfig": {"NetworkMode": "none"}} | settings)
        self.assertEqual(status, 201, data)
        identity = json.loads(data)["Id"]
        self.addCleanup(self.call, "DELETE", f"/containers/{identity}?force=1")
        return identity
