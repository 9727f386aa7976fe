# SPDX-License-Identifier: Apache-2.0
"""Another API server behind this one: an APIService, what kubectl sees of it, and what it says of one that is ill."""

import base64
import http.server
import json
import shutil
import tempfile
import unittest

from kube import kube_case
from kube.kube_case import KUBECTLS, Case
from lib import command
from lib.fake_kubelet import HttpsServer, certificate
from lib.runtime import wait_for

ADDRESS = "10.250.7.2"  # what endpoints may have: no loopback
GROUP = "far.example.com"

THING = {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": "one"}, "size": 7}
RESOURCES = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1",
             "resources": [{"name": "things", "singularName": "thing", "namespaced": False, "kind": "Thing",
                            "shortNames": ["th"], "verbs": ["get", "list", "watch", "create"]}]}
KIND = {"group": GROUP, "version": "v1", "kind": "Thing"}
OPENAPI = {"openapi": "3.0.0", "info": {"title": "far", "version": "v1"},
           "paths": {f"/apis/{GROUP}/v1/things": {"get": {
               "x-kubernetes-action": "list", "x-kubernetes-group-version-kind": KIND, "responses": {"200": {
                   "description": "OK"}}}}},
           "components": {"schemas": {"com.example.far.v1.Thing": {
               "type": "object", "description": "something far away",
               "properties": {"size": {"type": "integer", "description": "how large it is"}},
               "x-kubernetes-group-version-kind": [KIND]}}}}

OPENAPI_2 = {"swagger": "2.0", "info": OPENAPI["info"], "definitions": OPENAPI["components"]["schemas"], "paths": {
    f"/apis/{GROUP}/v1/things/{{name}}": {"get": {
        "x-kubernetes-action": "get", "x-kubernetes-group-version-kind": KIND, "responses": {"200": {
            "description": "OK", "schema": {"$ref": "#/definitions/com.example.far.v1.Thing"}}}}}}}


def setUpModule():
    kube_case.start()
    command.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
    unittest.addModuleCleanup(command.run, "ip", "address", "del", f"{ADDRESS}/32", "dev", "lo")


class Far(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.split("?")[0]
        self.server.asked.append((self.headers["X-Remote-User"], self.headers.get_all("X-Remote-Group"), self.path))
        if self.server.is_ill:
            self.reply({"kind": "Status", "code": 500}, 500)
        elif path == f"/apis/{GROUP}/v1":
            self.reply(RESOURCES)
        elif path == "/openapi/v3":
            self.reply({"paths": {f"apis/{GROUP}/v1": {"serverRelativeURL": f"/openapi/v3/apis/{GROUP}/v1?hash=A1"}}})
        elif path == f"/openapi/v3/apis/{GROUP}/v1":
            self.reply(OPENAPI)
        elif path == "/openapi/v2":
            self.reply(OPENAPI_2)
        elif path == f"/apis/{GROUP}/v1/things" and "watch=" in self.path:
            self.watch()
        elif path == f"/apis/{GROUP}/v1/things":
            self.reply({"kind": "ThingList", "apiVersion": f"{GROUP}/v1", "metadata": {"resourceVersion": "1"},
                        "items": [THING]})
        elif path == f"/apis/{GROUP}/v1/things/one":
            self.reply(THING)
        else:
            self.reply({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
                        "message": "there is no such thing"}, 404)

    def do_POST(self):
        made = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.made.append(made)
        self.reply(made, 201)

    def watch(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for size in (8, 9):
            event = json.dumps({"type": "MODIFIED", "object": {**THING, "size": size}}).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def reply(self, body, status=200):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Aggregation(Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.mkdtemp(prefix="far-")
        cls.addClassCleanup(shutil.rmtree, directory)
        cls.identity = certificate(directory, "far", "DNS:far.default.svc")
        cls.far = HttpsServer(Far, cls.identity, f"{cls.plane.directory}/pki/front-proxy-ca.crt", ADDRESS)
        cls.far.asked, cls.far.made, cls.far.is_ill = [], [], False
        cls.addClassCleanup(cls.far.stop)
        cls.put_service()
        cls.plane.apply(cls.api_service())
        cls.addClassCleanup(cls.plane.kubectl, "delete", "apiservice", f"v1.{GROUP}")
        cls.plane.kubectl("wait", "--for=condition=Available", f"apiservice/v1.{GROUP}", "--timeout=30s")

    @classmethod
    def put_service(cls):
        port = cls.far.port
        cls.plane.apply(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "far", "namespace": "default"},
             "spec": {"ports": [{"name": "https", "port": 443, "targetPort": port}]}},
            {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "far", "namespace": "default"},
             "subsets": [{"addresses": [{"ip": ADDRESS}], "ports": [{"name": "https", "port": port}]}]})

    @classmethod
    def api_service(cls, priority=10):
        with open(cls.identity[0], "rb") as file:
            bundle = base64.b64encode(file.read()).decode()
        return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"v1.{GROUP}"},
                "spec": {"group": GROUP, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": priority,
                         "caBundle": bundle, "service": {"namespace": "default", "name": "far"}}}

    def condition(self):
        found = self.plane.get("apiservice", f"v1.{GROUP}")["status"]["conditions"]
        return next((each["status"], each["reason"]) for each in found if each["type"] == "Available")

    def test_its_resources_are_like_any_others(self):
        for name, program in KUBECTLS.items():
            with self.subTest(kubectl=name):
                self.assertRegex(self.out("get", "things", program=program), r"NAME +AGE\none ")
                self.assertEqual(self.out("get", "th", "one", "-o", "jsonpath={.size}", program=program), "7")
                self.assertIn("there is no such thing", self.refused("get", "thing", "two", program=program))
                self.assertRegex(self.out("api-resources", f"--api-group={GROUP}", program=program), r"things +th ")
        users = {(user, tuple(groups)) for user, groups, path in self.far.asked if path.endswith("/things/one")}
        self.assertEqual(users, {("kubernetes-admin", ("system:masters", "system:authenticated"))})

    def test_it_is_written_to_watched_and_explained(self):
        self.out("create", "--validate=false", "-f", "-", stdin=json.dumps({**THING, "metadata": {"name": "new"}}))
        self.assertEqual(self.far.made[-1]["metadata"]["name"], "new")
        shown = self.plane.raw(f"/apis/{GROUP}/v1/things?watch=true")[1].decode().splitlines()
        self.assertEqual([json.loads(line)["object"]["size"] for line in shown], [8, 9])
        for name, program in KUBECTLS.items():  # by OpenAPI 2, and 3
            with self.subTest(kubectl=name):
                self.assertIn("how large it is", self.out("explain", "thing.size", program=program))

    def test_discovery_has_it_in_every_form(self):
        groups = json.loads(self.plane.raw("/apis")[1])["groups"]
        self.assertIn(GROUP, [group["name"] for group in groups])
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        items = json.loads(self.plane.raw("/apis", headers={"Accept": accept})[1])["items"]
        version = next(item for item in items if item["metadata"].get("name") == GROUP)["versions"][0]
        self.assertEqual((version["freshness"], version["resources"][0]["resource"]), ("Current", "things"))

    def test_its_openapi_2_is_part_of_ours(self):
        document = json.loads(self.plane.raw("/openapi/v2")[1])
        self.assertEqual(document["definitions"]["com.example.far.v1.Thing"]["description"], "something far away")
        self.assertIn(f"/apis/{GROUP}/v1/things/{{name}}", document["paths"])
        self.assertIn("/api/v1/namespaces/{namespace}/pods", document["paths"])

    def test_what_is_served_here_has_services_too(self):
        self.assertEqual(self.out("get", "apiservice", "v1.apps", "-o", "jsonpath={.status.conditions[0].reason}"), "Local")
        self.assertRegex(self.out("get", "apiservice", "v1."), r"v1\. +Local +True")

    def test_one_that_is_not_there(self):
        self.plane.kubectl("delete", "service", "far", "-n", "default")
        self.addCleanup(wait_for, lambda: self.condition() == ("True", "Passed"))
        self.addCleanup(self.put_service)
        wait_for(lambda: self.condition() == ("False", "ServiceNotFound"))
        self.assertIn("service unavailable", self.plane.raw(f"/apis/{GROUP}/v1/things")[1].decode())
        self.assertEqual(self.plane.raw(f"/apis/{GROUP}/v1/things")[0], 503)
        self.out("get", "configmaps")

    def test_one_that_is_ill_is_found_out(self):
        self.far.is_ill = True
        self.addCleanup(wait_for, lambda: self.condition() == ("True", "Passed"))
        self.addCleanup(setattr, self.far, "is_ill", False)
        self.plane.apply(self.api_service(priority=11))  # what has changed is looked at at once
        wait_for(lambda: self.condition() == ("False", "FailedDiscoveryCheck"))

    def test_who_may_is_decided_here(self):
        refused = self.refused("get", "things", "--as=nobody")
        self.assertIn(f'User "nobody" cannot list resource "things" in API group "{GROUP}"', refused)
