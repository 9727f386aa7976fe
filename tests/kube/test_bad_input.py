# SPDX-License-Identifier: Apache-2.0
"""What no client should send: the right status, a message that helps, little memory, and a server that goes on."""

import itertools
import json

from kube import kube_case
from kube.kube_case import config_map, deployment, pod
from lib.kube_client import raw_connection
from lib.runtime import fields, read

JSON_PATCH, MERGE, STRATEGIC, APPLY = (f"application/{name}" for name in (
    "json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"))
YAML = "application/yaml"
LIMIT = 3 << 20    # bytes of a body
MEMORY = 450 << 10  # KiB: what the most expensive body of all takes while it is read, and the server


def setUpModule():
    kube_case.start()


class Requests(kube_case.Case):
    def setUp(self):
        super().setUp()
        self.client = self.plane.client()
        self.addCleanup(self.client.close)
        self.maps = f"/api/v1/namespaces/{self.namespace}/configmaps"
        self.pods = f"/api/v1/namespaces/{self.namespace}/pods"
        self.deployments = f"/apis/apps/v1/namespaces/{self.namespace}/deployments"

    def refuses(self, status, part, method, path, body=None, **options):
        """That status, as a Status, whose message has this part."""
        what = f"{method} {path} {str(body)[:60]}"
        with self.subTest(what):
            with self.plane.client() as client:  # a refused body ends its connection
                answer = client.ask(method, path, body, **options)
            self.assertEqual((answer.status, answer.json().get("kind"), answer.json().get("code")), (status, "Status", status),
                             f"{what}: {answer.body[:400]}")
            self.assertIn(part, answer.message)
            return answer

    def make(self, path, object_):
        answer = self.client.ask("POST", path, object_)
        self.assertEqual(answer.status, 201, answer.message)
        return answer.json()


class Bodies(Requests):
    def test_json_that_is_none(self):
        for body, part in (('{"metadata":{"name":"a"', "the text ends too early"), ("hello", "expected a value"),
                           ("", "too early"), ('{"metadata":{}} x', "something follows"), ("{}{}", "something follows"),
                           (b'{"data":{"a":"\xff\xfe"}}', "not UTF-8"), ('{"data":{"a":"\\ud800"}}', "surrogate"),
                           ('{"data":{"a":NaN}}', "expected a value"), ("[]", "cannot unmarshal array"),
                           ('{"x":1e999}', "out of range"), ("[" * 100_000, "nested deeper than 200"),
                           ('{"a":' * 100_000, "nested deeper than 200"),
                           ('{"a":' + "[" * 5000 + "]" * 5000 + "}", "nested deeper than 200")):
            self.refuses(400, part, "POST", self.maps, body)

    def test_yaml_that_is_none_or_explodes(self):
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in itertools.pairwise("abcdefghijkl"))
        for body, part in ((bomb, "becomes too large"), ("a: &a [*a]", "nested too deeply"), ("[" * 100_000, "line 1"),
                           ("- " * 100_000, "line 1"), ('metadata: {name: "x', "line 1"), ("a: 1\n---\nb: 1\n", "2 documents"),
                           ("a: 1\na: 2\n", "line 2, column 1: the key 'a' is there twice"), ("? [a]\n: 1", "has to be text"),
                           ("!!python/object:os.system x", "cannot unmarshal string")):
            self.refuses(400, part, "POST", self.maps, body, content_type=YAML)
        self.make(self.maps, config_map("one"))
        self.refuses(400, "becomes too large", "PATCH", f"{self.maps}/one?fieldManager=me", bomb, content_type=APPLY)

    def test_protobuf_and_other_forms(self):
        protobuf = "application/vnd.kubernetes.protobuf"
        for body in (b"nothing", b"k8s\0" + b"\xff" * 50, b"k8s\0\x0a\xff\xff\xff\xff\x0f"):
            self.refuses(400, "", "POST", self.maps, body, content_type=protobuf)
        self.refuses(415, "application/json", "POST", self.maps, "a", content_type="text/plain")
        self.refuses(406, "application/json", "GET", self.maps, headers={"Accept": "text/html"})

    def test_values_of_other_types(self):
        for path, object_, part in (
                (self.maps, {**config_map("a"), "data": {"a": 5}}, "number into Go struct field ConfigMap.data.a of type string"),
                (self.deployments, deployment("a", replicas="three"), "string into Go struct field DeploymentSpec.spec.replicas"),
                (self.deployments, deployment("a", replicas=1.5), "number 1.5 into"),
                (self.deployments, deployment("a", replicas=99999999999), "number 99999999999 into"),
                (self.pods, {"metadata": {"name": "a"}, "spec": {"containers": {}}}, "object into Go struct field PodSpec.spec.containers")):
            self.refuses(400, part, "POST", path, object_)

    def test_kinds_and_paths_that_are_not_there(self):
        for object_, part in (({"apiVersion": "v1", "kind": "Nothing"}, "cannot be handled as a ConfigMap"),
                              ({"apiVersion": "v1", "kind": "Pod"}, "cannot be handled as a ConfigMap"),
                              ({"apiVersion": "v9", "kind": "ConfigMap"}, "does not match the expected API version (v1)"),
                              ({"metadata": {"name": "a", "namespace": "other"}}, "does not match the namespace")):
            self.refuses(400, part, "POST", self.maps, object_)
        for path in ("/api/v1/nothings", "/apis/nothing.io/v1/things", f"{self.pods}/x/nothing"):
            self.refuses(404, "could not find the requested resource", "GET", path)
        self.refuses(404, 'configmaps "../../secrets" not found', "GET", f"{self.maps}/..%2f..%2fsecrets")
        self.refuses(400, "hexadecimal", "GET", f"{self.maps}/%zz")
        self.refuses(405, "does not allow this method", "PATCH", self.maps, "{}", content_type=MERGE)
        self.refuses(405, "does not allow this method", "POST", f"{self.maps}/a", config_map("a"))

    def test_names_labels_and_annotations_out_of_their_grammar(self):
        for metadata, part in (({"name": "A_b"}, "lowercase RFC 1123 subdomain"), ({"name": "a" * 254}, "253"), ({}, "Required value"),
                               ({"name": "a", "labels": {"-x/y/z": "1"}}, "valid label key"),
                               ({"name": "a", "labels": {"x": "y" * 64}}, "63"),
                               ({"name": "a", "annotations": {"x": "y" * (300 << 10)}}, "Too long")):
            answer = self.refuses(422, part, "POST", self.maps, {"metadata": metadata})
            self.assertTrue(answer.json()["details"]["causes"][0]["field"].startswith("metadata."))

    def test_a_body_that_is_cut_makes_nothing(self):
        text = json.dumps(config_map("cut", a="x" * 5000)).encode()
        with raw_connection(self.plane, identity=self.plane.administrator()) as half:
            half.sendall(f"POST {self.maps} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text[:3000])
        self.assertEqual(self.client.get(f"{self.maps}/cut").status, 404)

    def test_parameters(self):
        for query, part in (("labelSelector=a==b==c", "unable to parse requirement"), ("labelSelector=a+in+(", "expected"),
                            ("fieldSelector=spec.x=1", "field label not supported"), ("limit=-1", "negative"),
                            ("limit=x", "no number"), ("resourceVersion=x", "Invalid value"), ("continue=abc", "continue key"),
                            ("watch=1&timeoutSeconds=x", "no number")):
            self.refuses(400, part, "GET", f"{self.maps}?{query}")
        self.refuses(422, "supported values", "GET", f"{self.maps}?resourceVersion=1&resourceVersionMatch=Odd")
        self.refuses(400, "dryRun", "POST", f"{self.maps}?dryRun=Some", config_map("a"))
        self.refuses(422, "128 bytes", "POST", f"{self.maps}?fieldManager={'m' * 129}", config_map("a"))


class Sizes(Requests):
    timeout = 240

    def highest_memory(self):
        """KiB since the last call."""
        process = f"/proc/{self.plane.daemon.process.pid}"
        highest = int(fields(read(f"{process}/status"))["VmHWM"].split()[0])
        with open(f"{process}/clear_refs", "w") as file:
            file.write("5")
        return highest

    def test_bodies_over_the_limit(self):
        large = json.dumps(config_map("large", a="x" * LIMIT))
        part = f"limit is {LIMIT}"
        self.refuses(413, part, "POST", self.maps, large)
        for method, path, content_type in (("POST", self.maps, "application/json"), ("PUT", f"{self.maps}/a", YAML),
                                           ("PATCH", f"{self.maps}/a", MERGE), ("DELETE", f"{self.maps}/a", "application/json")):
            self.refuses(413, part, method, path, b"x" * (20 << 20), content_type=content_type)
        self.refuses(413, part, "POST", self.maps, iter([b"x" * (1 << 20)] * 20))  # in chunks: nobody has said how much

    def test_an_object_that_is_too_large_for_the_store(self):
        self.refuses(422, "Too long: may not be more than 1048576 bytes", "POST", self.maps, config_map("large", a="x" * 1_600_000))
        env = [{"name": "a", "value": "x" * 1_600_000}]
        self.refuses(413, "the store takes at most", "POST", self.pods, pod("large", env=env))

    def test_what_becomes_much_more_than_it_was_takes_little_memory(self):
        # Of each it was hundreds of megabytes once, or minutes.
        def pod_of(containers):
            return f'{{"metadata":{{"name":"a"}},"spec":{{"containers":[{containers}]}}}}'
        self.highest_memory()
        self.refuses(413, "with the defaults", "POST", self.pods, pod_of(",".join(["{}"] * 500_000)))
        self.refuses(413, "with the defaults", "POST", self.pods, pod_of('{"ports":[' + ",".join(["{}"] * 1_000_000) + "]}"))
        self.refuses(422, "Required value", "POST", self.maps, "a: [" + "1," * 1_000_000 + "1]", content_type=YAML)
        self.refuses(422, "Required value", "POST", self.maps, "".join(f"k{n}: &a{n} 1\n" for n in range(100_000)), content_type=YAML)
        self.refuses(422, "valid label", "POST", self.maps, {"metadata": {"name": "a", "labels": {f"k{n}": "-" for n in range(100_000)}}})
        self.refuses(422, "must not be empty", "POST", self.maps,
                     '{"metadata":{"name":"a","ownerReferences":[' + ",".join(["{}"] * 1_000_000) + "]}}")
        self.assertLess(self.highest_memory(), MEMORY)

    def test_warnings_are_no_head_that_no_client_reads(self):
        answer = self.client.ask("POST", self.maps, '{"metadata":{"name":"odd"},' + ",".join(f'"k{n}":1' for n in range(200_000)) + "}")
        self.assertEqual(answer.status, 201)
        self.assertIn('unknown field \\"k', answer.headers["warning"])


class Patches(Requests):
    def setUp(self):
        super().setUp()
        self.make(self.maps, config_map("map", a="1"))
        self.make(self.pods, pod("pod"))

    def test_json_patches_that_do_not_apply(self):
        path = f"{self.maps}/map"
        for status, body, part in (
                (400, "{}", "array of operations"), (400, "[", "too early"), (400, '[{"op":"odd","path":"/data"}]', "odd"),
                (400, '[{"op":"add","path":"data","value":1}]', "does not begin with '/'"),
                (400, '[{"op":"add","path":"/data/a"}]', "no value"),
                (400, '[{"op":"add","path":"/data/a","value":5}]', "cannot unmarshal number"),
                (422, '[{"op":"replace","path":"/data/b","value":"1"}]', "missing key"),
                (422, '[{"op":"test","path":"/data/a","value":"9"}]', "test failed"),
                (422, '[{"op":"remove","path":"/none/x"}]', "missing key"),
                (422, '[{"op":"move","from":"/metadata","path":"/metadata/labels"}]', "inside"),
                (400, '[{"op":"replace","path":"/metadata/name","value":"b"}]', "does not match the name on the URL"),
                (413, [{"op": "add", "path": "/data/b", "value": "1"}] * 10_001, "10000, got 10001"),
                # Each copy doubles what the one before has made.
                (422, [{"op": "add", "path": "/metadata/annotations", "value": {"a": "x" * 1000}}] +
                      [{"op": "copy", "from": "/metadata/annotations", "path": f"/metadata/annotations/a{n}"} for n in range(60)],
                 "too much to copy")):
            self.refuses(status, part, "PATCH", path, body, content_type=JSON_PATCH)
        self.assertEqual(self.client.get(path).json()["data"], {"a": "1"})

    def test_merge_patches_that_do_not_apply(self):
        path = f"{self.maps}/map"
        for status, body, part in ((400, "[]", "JSON object"), (400, '{"data":', "too early"), (400, '{"data":5}', "number into"),
                                   (400, '{"a":' * 5000, "nested deeper"), (409, '{"metadata":{"resourceVersion":"1"}}', "has been modified"),
                                   (409, '{"metadata":{"uid":"x"}}', "Precondition failed")):
            self.refuses(status, part, "PATCH", path, body, content_type=MERGE)
        self.refuses(404, 'configmaps "none" not found', "PATCH", f"{self.maps}/none", "{}", content_type=MERGE)
        self.refuses(422, "force: Forbidden", "PATCH", f"{path}?force=true", "{}", content_type=MERGE)
        self.refuses(415, "application/json-patch+json", "PATCH", path, "{}", content_type="application/odd")

    def test_strategic_patches_that_do_not_apply(self):
        for status, spec, part in (
                (422, {"containers": [{"image": "x"}]}, "does not contain declared merge key: name"),
                (422, {"containers": [5]}, "merge key"), (400, {"containers": "x"}, "string into"),
                (400, {"containers": [{"name": "main", "$patch": "odd"}]}, "unknown patch type"),
                (400, {"$setElementOrder/containers": 5}, "setElementOrder"), (400, {"$retainKeys": 5}, "retainKeys")):
            self.refuses(status, part, "PATCH", f"{self.pods}/pod", {"spec": spec}, content_type=STRATEGIC)

    def test_what_cannot_be_applied(self):
        path = f"{self.maps}/map"
        head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n"
        self.refuses(422, "fieldManager: Required value", "PATCH", path, head, content_type=APPLY)
        self.refuses(422, "128 bytes", "PATCH", f"{path}?fieldManager={'m' * 129}", head, content_type=APPLY)
        mine = f"{path}?fieldManager=me"
        for status, body, part in ((400, head.replace("map}", "other}"), "does not match the name on the URL"),
                                   (400, head.replace("ConfigMap", "Secret"), "invalid object type: /v1, Kind=Secret"),
                                   (400, head.replace("v1", "v2"), "invalid object type: /v2"),
                                   (400, head + "data: {a: 5}", "number into"), (409, head + 'data: {a: "2"}', "Apply failed with 1 conflict"),
                                   (400, head + "data: [", "line 4")):
            self.refuses(status, part, "PATCH", mine, body, content_type=APPLY)
