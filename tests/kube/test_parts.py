# SPDX-License-Identifier: Apache-2.0
"""Subresources that are more than a part of their object, selectors, and what the server counts."""

import base64
import json
import re

from kube import kube_case
from kube.kube_case import config_map, pod
from lib import command

BUDGETS = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
MERGE = "application/merge-patch+json"


def setUpModule():
    kube_case.start()


class Case(kube_case.Case):
    def asked(self, method, path, body=None, **options):
        """Status and object of an answer, of paths within the namespace too."""
        status, answer = self.plane.raw(path.format(self.namespace), method, body, **options)
        return status, json.loads(answer)


def labelled(name, **labels):
    made = config_map(name)
    made["metadata"]["labels"] = labels
    return made


class Eviction(Case):
    def setUp(self):
        super().setUp()
        self.apply(pod("web", labels={"app": "web"}))
        self.asked("PATCH", "/api/v1/namespaces/{}/pods/web/status", {"status": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}, content_type=MERGE)
        self.asked("POST", BUDGETS, {"metadata": {"name": "one"}, "spec": {
            "minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}})

    def evict(self):
        return self.asked("POST", "/api/v1/namespaces/{}/pods/web/eviction", {
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": self.namespace}})

    def say(self, **status):
        self.asked("PATCH", f"{BUDGETS}/one/status", {"status": status}, content_type=MERGE)

    def test_a_budget_that_is_used_up_says_why(self):
        status, answer = self.evict()
        self.assertEqual((status, answer["details"]["retryAfterSeconds"], answer["details"]["causes"]), (
            429, 10, [{"reason": "DisruptionBudget",
                       "message": "The disruption budget one is still being processed by the server."}]))
        self.say(observedGeneration=1, disruptionsAllowed=0, currentHealthy=1, desiredHealthy=1, expectedPods=1)
        status, answer = self.evict()
        self.assertEqual((status, answer["message"], answer["details"]["causes"][0]["message"]), (
            429, "Cannot evict pod as it would violate the pod's disruption budget.",
            "The disruption budget one needs 1 healthy pods and has 1 currently"))

    def test_who_may_go_is_marked_and_counted(self):
        self.say(observedGeneration=1, disruptionsAllowed=1, currentHealthy=2, desiredHealthy=1, expectedPods=2)
        self.out("label", "pod", "web", "kept=yes")
        self.out("patch", "pod", "web", "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/stay"]}}')
        self.assertEqual(self.evict()[0], 201)
        shown = self.get("pod", "web")
        self.assertIn("deletionTimestamp", shown["metadata"])
        self.assertEqual([each["reason"] for each in shown["status"]["conditions"] if each["type"] == "DisruptionTarget"],
                         ["EvictionByEvictionAPI"])
        budget = self.get("poddisruptionbudget", "one")["status"]
        self.assertEqual((budget["disruptionsAllowed"], list(budget["disruptedPods"])), (0, ["web"]))
        self.out("patch", "pod", "web", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


class SigningRequests(Case):
    def setUp(self):
        super().setUp()
        key = command.run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                          "-keyout", "/dev/null", "-subj", "/CN=joe").stdout
        self.request = {"metadata": {"name": self.namespace}, "spec": {
            "request": base64.b64encode(key.encode()).decode(), "signerName": "example.com/one", "usages": ["client auth"]}}
        self.addCleanup(self.asked, "DELETE", f"{REQUESTS}/{self.namespace}")

    def test_a_verdict_is_dated_and_final(self):
        self.assertEqual(self.asked("POST", REQUESTS, self.request)[0], 201)
        self.out("certificate", "approve", self.namespace)
        shown = self.plane.get("csr", self.namespace)
        self.assertRegex(shown["status"]["conditions"][0]["lastTransitionTime"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        shown["status"]["conditions"] = [{"type": "Denied", "status": "True", "reason": "x", "message": "y"}]
        status, answer = self.asked("PUT", f"{REQUESTS}/{self.namespace}/approval", shown)
        self.assertEqual(status, 422)
        self.assertIn('updates may not remove a condition of type "Approved"', answer["message"])

    def test_what_is_no_request_is_refused(self):
        self.request["spec"] |= {"request": "eA==", "signerName": "nobody"}
        status, answer = self.asked("POST", REQUESTS, self.request)
        self.assertEqual((status, [each["field"] for each in answer["details"]["causes"]]),
                         (422, ["spec.request", "spec.signerName"]))


class Accounts(Case):
    def test_the_first_pods_of_a_namespace_have_their_account(self):
        """Which the control plane makes a moment after the namespace."""
        with self.plane.client() as client:
            for number in range(30):
                name = f"{self.namespace}-{number}-x"
                self.assertEqual(client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}}).status, 201)
                made = client.ask("POST", f"/api/v1/namespaces/{name}/pods", pod("web"))
                self.assertEqual(made.status, 201, made.message)
                client.ask("DELETE", f"/api/v1/namespaces/{name}")


class Selectors(Case):
    def test_events_are_selected_by_the_names_of_both_groups(self):
        self.asked("POST", "/api/v1/namespaces/{}/events", {
            "metadata": {"name": "one"}, "reason": "Seen", "reportingComponent": "tests", "involvedObject": {
                "kind": "Pod", "name": "web", "namespace": self.namespace}})
        for path, selector in (("/api/v1", "involvedObject.name"), ("/apis/events.k8s.io/v1", "regarding.name")):
            found = {name: self.asked("GET", f"{path}/namespaces/{{}}/events?fieldSelector={selector}%3D{name}")[1]["items"]
                     for name in ("web", "other")}
            self.assertEqual({name: len(items) for name, items in found.items()}, {"web": 1, "other": 0}, selector)

    def test_few_of_many_are_found_and_watched_as_they_come_and_go(self):
        maps = f"/api/v1/namespaces/{self.namespace}/configmaps"
        with self.plane.client() as client:
            for number in range(600):
                made = client.ask("POST", maps, labelled(f"m-{number:03}", part=f"p{number % 100}"))
                self.assertEqual(made.status, 201, made.message)
        named = [f"configmap/m-{number:03}" for number in range(7, 600, 100)]
        list_of_few = ("get", "configmaps", "-l", "part in (p7, none)", "-o", "name", "--chunk-size=2")
        with self.following("get", "configmaps", "-l", "part=p7", "--watch", "-o", "name") as lines:
            self.assertEqual([next(lines) for _ in named], named)
            for gone, come in (("m-007", "m-000"), ("m-307", "m-599"), ("m-000", "m-007")):
                self.assertEqual(self.out(*list_of_few).splitlines(), named)
                self.out("label", "--overwrite", "configmap", "m-450", "part=p51")  # which is not watched
                self.out("label", "--overwrite", "configmap", gone, "part=none-now")
                self.assertEqual(next(lines), f"configmap/{gone}")
                self.out("label", "--overwrite", "configmap", come, "part=p7")
                self.assertEqual(next(lines), f"configmap/{come}")
                named = sorted({*named, f"configmap/{come}"} - {f"configmap/{gone}"})


class Metrics(Case):
    def metrics(self):
        """Samples by their names with labels."""
        text = self.out("get", "--raw", "/metrics")
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}

    def sample(self, name, **labels):
        found = [value for key, value in self.metrics().items()
                 if key.split("{")[0] == name and all(f'{label}="{wanted}"' in key for label, wanted in labels.items())]
        return sum(found)

    def test_requests_and_objects_are_counted(self):
        created = {"verb": "POST", "resource": "configmaps", "code": "201"}
        before, there = self.sample("apiserver_request_total", **created), self.sample(
            "apiserver_storage_objects", resource="configmaps")
        self.out("create", "configmap", "one")
        self.assertEqual(self.sample("apiserver_request_total", **created), before + 1)
        self.assertEqual(self.sample("apiserver_storage_objects", resource="configmaps"), there + 1)
        self.refused("get", "configmap", "none")
        self.assertGreaterEqual(self.sample("apiserver_request_total", verb="GET", resource="configmaps", code="404"), 1)
        self.assertGreater(self.sample("process_resident_memory_bytes"), 1e6)

    def test_only_for_those_who_may(self):
        self.assertIn('User "nobody" cannot get path "/metrics"', self.refused("get", "--raw", "/metrics", "--as=nobody"))
