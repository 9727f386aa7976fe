# SPDX-License-Identifier: Apache-2.0
"""Every path of the API's specification (engine_api.txt) answers as it says: it is there, wrong types and values are
refused with the name of what is wrong, what is not known is ignored, and what does not exist is 404."""

import json
import pathlib
import urllib.parse
from typing import NamedTuple

from docker import engine_home
from docker.api_case import IMAGE, ApiCase

WRONG = {"string": {"not": "a string"}, "integer": "x", "boolean": "x", "array": 5, "object": 5}
# Fields that no engine on Linux reads, or that only answers have.
UNREAD = {"CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth", "Isolation", "ContainerIDFile", "ArgsEscaped",
          "Cgroup", "NetworkID", "EndpointID", "Gateway", "IPAddress", "IPPrefixLen", "IPv6Gateway", "GlobalIPv6Address",
          "GlobalIPv6PrefixLen", "DNSNames", "Scope", "ConfigFrom"}
# What else has to be in a body before it is looked into further.
NEEDED = {"/networks/create": {"Name": "specification"}, "/networks/{id}/connect": {"Container": "nobody"},
          "/networks/{id}/disconnect": {"Container": "nobody"}}
NEEDS_SWARM = ("/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs")
# How to name a thing of that kind that is not there: what {id} or {name} stands for.
NOBODY = "f0f0f0f0f0f0"


class Endpoint(NamedTuple):
    method: str
    path: str
    parameters: list    # (name, type, is required)
    fields: list        # (path, type)

    def __str__(self):
        return f"{self.method} {self.path}"


def endpoints():
    found = []
    for line in (pathlib.Path(__file__).parent / "engine_api.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("  "):
            found[-1].fields.append(tuple(line.split()))
            continue
        method, path, *parameters = line.split()
        split = [parameter.removesuffix("!").split(":") + [parameter.endswith("!")] for parameter in parameters]
        found.append(Endpoint(method, path, [tuple(one) for one in split], []))
    return found


ENDPOINTS = endpoints()


def holder(path, value):
    """A body whose field at that path is that value: "A.B[].C" is {"A": {"B": [{"C": value}]}}."""
    head, _, rest = path.partition(".")
    name = head.rstrip("[]{}")
    inner = holder(rest, value) if rest else value
    marks = head[len(name):]
    while marks:
        inner = [inner] if marks.endswith("[]") else {"key": inner}
        marks = marks[:-2]
    return {name: inner}


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Specification(ApiCase):
    def setUp(self):
        super().setUp()
        self.container = self.make("sleep", "1000")

    def ask(self, endpoint, query=None, body=None, name=None):
        """(status, message or whole answer) for a thing that is there, or `name`."""
        path = endpoint.path
        if "{" in path:
            path = path.replace("{id}", name or self.thing(path)).replace("{name}", name or self.thing(path))
        if query:
            path += "?" + urllib.parse.urlencode(query)
        status, _, data = self.call(endpoint.method, path, body)
        try:
            return status, json.loads(data)["message"]
        except (ValueError, KeyError, TypeError):
            return status, data.decode(errors="replace")

    def thing(self, path):
        kind = path.split("/")[1]
        if kind == "exec":
            return self.exec()
        return {"containers": self.container, "images": IMAGE, "networks": "bridge", "volumes": self.volume}.get(kind, NOBODY)

    volume = "specification"

    def exec(self):
        self.call("POST", f"/containers/{self.container}/start")
        _, _, data = self.call("POST", f"/containers/{self.container}/exec", {"Cmd": ["true"]})
        return json.loads(data)["Id"]

    def test_every_path_is_there(self):
        for endpoint in ENDPOINTS:
            with self.subTest(str(endpoint)):
                query = {"until": "1"} if endpoint.path == "/events" else None
                status, message = self.ask(endpoint, query, name=NOBODY)
                self.assertNotIn("page not found", message)
                self.assertNotEqual(status, 500, message)

    def test_what_is_not_there_is_told(self):
        for endpoint in ENDPOINTS:
            if "{" not in endpoint.path or endpoint.path.startswith(("/distribution", *NEEDS_SWARM)):
                continue
            query = {name: "/tmp" if name == "path" else "1" for name, _, is_required in endpoint.parameters if is_required}
            query |= {"stdout": "1"} if endpoint.path.endswith("/logs") else {}
            query |= {"repo": "some/name"} if endpoint.path.endswith("/tag") else {}
            body = {"Cmd": ["true"]} if endpoint.path.endswith("/exec") else {"Container": self.container}
            with self.subTest(str(endpoint)):
                if endpoint.path.endswith(("/start", "/attach/ws")) or endpoint.method in ("GET", "HEAD", "DELETE"):
                    body = None
                if (endpoint.method, endpoint.path) == ("POST", "/exec/{id}/start"):
                    body = {"Detach": True}
                status, message = self.ask(endpoint, query, body, name=NOBODY)
                if endpoint.path.endswith("/attach/ws"):
                    self.assertEqual(status, 400, "no WebSocket is asked for")
                elif (endpoint.method, endpoint.path) == ("PUT", "/volumes/{name}"):
                    self.assertEqual(status, 503, message)
                elif endpoint.path == "/images/{name}/push":
                    self.assertEqual(status, 200, "dockerd has begun to answer when it looks for the image")
                    self.assertIn("An image does not exist locally", message)
                else:
                    self.assertEqual(status, 404, message)

    def test_a_swarm_is_not_there(self):
        for endpoint in ENDPOINTS:
            if endpoint.path.startswith(NEEDS_SWARM):
                status, message = self.ask(endpoint)
                self.assertIn(status, (501, 503), f"{endpoint}: {message}")
                self.assertIn("swarm", message)

    def test_wrong_types_are_refused_by_name(self):
        for endpoint in ENDPOINTS:
            for path, kind in endpoint.fields:
                names = [part.rstrip("[]{}") for part in path.split(".")]
                if UNREAD.intersection(names):
                    continue
                with self.subTest(f"{endpoint}: {path}"):
                    body = holder(path, WRONG[kind])
                    if kind == "string" and path.endswith(("[]", "{}")):
                        body = holder(path, ["not a string"])
                    status, message = self.ask(endpoint, body=NEEDED.get(endpoint.path, {}) | body)
                    self.assertEqual(status, 400, message)
                    self.assertIn(names[-1].lower(), message.lower())

    def test_unknown_fields_and_parameters_are_ignored(self):
        strange = {"NobodyKnowsThis": {"nested": [1, "a", None]}}
        for path, body, expected in (
                ("/containers/create", {"Image": IMAGE, "HostConfig": {"NetworkMode": "none", **strange}}, 201),
                (f"/containers/{self.container}/update", {}, 200),
                (f"/containers/{self.container}/rename?name=renamed", {}, 204),
                ("/volumes/create", {"Name": self.volume}, 201),
                ("/networks/create", {"Name": "strange", "Internal": True}, 201),
                (f"/commit?container={self.container}&repo=strange", {}, 201)):
            status, _, data = self.call("POST", path + ("&" if "?" in path else "?") + "nobodyKnows=this", body | strange)
            self.assertEqual(status, expected, data)
            if path == "/containers/create":
                self.call("DELETE", f"/containers/{json.loads(data)['Id']}")
        self.call("DELETE", "/networks/strange")
        self.call("DELETE", f"/volumes/{self.volume}")
        self.call("DELETE", "/images/strange")

    def test_numbers_in_queries(self):
        self.call("POST", f"/containers/{self.container}/start")
        for endpoint in ENDPOINTS:
            if endpoint.path.startswith((*NEEDS_SWARM, "/plugins")) or endpoint.method == "PUT":
                continue
            for name, kind, _ in endpoint.parameters:
                if kind != "integer":
                    continue
                for value in ("x", "1x", "99999999999999999999"):
                    with self.subTest(f"{endpoint}: {name}={value}"):
                        query = {"h": "1", "w": "1", "stdout": "1", "term": "x"} | {name: value}
                        status, message = self.ask(endpoint, query)
                        self.assertEqual(status, 400, message)
                        self.assertIn(name, message)

    def test_filters(self):
        self.call("POST", "/volumes/create", {"Name": self.volume})
        for endpoint in ENDPOINTS:
            if not any(name == "filters" for name, _, _ in endpoint.parameters) or endpoint.path.startswith(NEEDS_SWARM):
                continue
            for value, word in (("{", "filter"), ('{"nobody-knows": ["x"]}', "nobody-knows"), ('["a"]', "filter"),
                                ('{"label": 5}', "label")):
                with self.subTest(f"{endpoint}: {value}"):
                    status, message = self.ask(endpoint, {"filters": value, "until": "1", "term": "x"})
                    self.assertEqual(status, 400, message)
                    self.assertIn(word, message)
        self.call("DELETE", f"/volumes/{self.volume}")
