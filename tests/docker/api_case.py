# SPDX-License-Identifier: Apache-2.0
"""The words of tests that speak HTTP with the engine themselves."""

import json

from docker import engine_home
from lib.engine_api import UnixConnection

IMAGE = "busybox"


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
