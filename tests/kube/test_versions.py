# SPDX-License-Identifier: Apache-2.0
"""Custom resources of several versions: converted by a webhook or by nobody, stored in one and then in another."""

import json
import time

from kube import kube_case
from lib.kube_client import Watch
from lib.webhook import Webhook

PLURAL = "boxes.example.com"


def setUpModule():
    kube_case.start()


def version(name, size, stored=False, served=True, selectable=()):
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": size}, "copies": {"type": "integer"}, "picked": {"type": "string"}}}, "status": {
            "type": "object", "properties": {"made": {"type": "integer"}}}}}
    return {"name": name, "served": served, "storage": stored, "schema": {"openAPIV3Schema": schema},
            "selectableFields": [{"jsonPath": path} for path in selectable],
            "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.copies",
                                                     "statusReplicasPath": ".status.made",
                                                     "labelSelectorPath": ".spec.picked"}}}


def definition(*versions, **conversion):
    spec = {"group": "example.com", "scope": "Namespaced", "names": {"plural": "boxes", "singular": "box", "kind": "Box"},
            "versions": list(versions)}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": PLURAL},
            "spec": spec | conversion}


def box(name, api, **spec):
    return {"apiVersion": f"example.com/{api}", "kind": "Box", "metadata": {"name": name}, "spec": spec}


def convert(request):
    """v1 says "4 cm", v2 says 4. What is 13 cannot be converted, and who says so is believed. An object may be a part."""
    converted = []
    for object_ in request["objects"]:
        size = object_.get("spec", {}).get("size")
        if size == 13:
            return {"result": {"status": "Failed", "message": "no box is that large"}}
        if isinstance(size, int) and request["desiredAPIVersion"].endswith("v1"):
            object_["spec"]["size"] = f"{size} cm"
        elif isinstance(size, str):
            object_["spec"]["size"] = int(size.split()[0])
        object_["apiVersion"] = request["desiredAPIVersion"]
        object_["metadata"].setdefault("annotations", {})["converted"] = "yes"
        object_["metadata"]["finalizers"] = ["never.example.com/kept"]
        converted.append(object_)
    return {"result": {"status": "Success"}, "convertedObjects": converted}


class Versions(kube_case.Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.plane.kubectl, "delete", "crd", PLURAL, "--ignore-not-found", "--timeout=30s")

    def define(self, *versions, **conversion):
        self.plane.apply(definition(*versions, **conversion))
        self.out("wait", "--for=condition=Established", f"crd/{PLURAL}", "--timeout=30s")
        names = {each["name"] for each in versions if each["served"]}
        deadline = time.monotonic() + 30
        while not names <= self.served() and time.monotonic() < deadline:
            time.sleep(0.05)

    def served(self):
        """The versions whose objects can be asked for."""
        return {name for name in ("v1", "v2")
                if self.plane.raw(f"/apis/example.com/{name}/namespaces/{self.namespace}/boxes")[0] != 404}

    def shown(self, name, api):
        return self.get(f"boxes.{api}.example.com", name)


class WithAWebhook(Versions):
    def setUp(self):
        super().setUp()
        self.webhook = Webhook(convert)
        self.addCleanup(self.webhook.stop)
        self.define(version("v1", "string", selectable=[".spec.size"]),
                    version("v2", "integer", stored=True, selectable=[".spec.size"]), **self.by_webhook())

    def by_webhook(self):
        return {"conversion": {"strategy": "Webhook", "webhook": {
            "conversionReviewVersions": ["v1"], "clientConfig": self.webhook.client_config()}}}

    def test_every_verb_speaks_the_version_that_was_asked_for(self):
        self.apply(box("one", "v1", size="4 cm"), box("two", "v2", size=6))
        self.assertEqual(self.shown("one", "v1")["spec"], {"size": "4 cm"})
        self.assertEqual(self.shown("one", "v2")["spec"], {"size": 4})
        listed = self.get("boxes.v1.example.com")["items"]
        self.assertEqual([(each["apiVersion"], each["spec"]["size"]) for each in listed],
                         [("example.com/v1", "4 cm"), ("example.com/v1", "6 cm")])
        self.out("patch", "boxes.v1.example.com", "two", "--type=merge", "-p", '{"spec":{"size":"8 cm"}}')
        self.assertEqual(self.shown("two", "v2")["spec"], {"size": 8})
        self.out("delete", "boxes.v1.example.com", "one")
        self.refused("get", "boxes.v2.example.com", "one")

    def test_of_metadata_labels_and_annotations_alone_are_converted(self):
        self.apply(box("one", "v1", size="4 cm"))
        metadata = self.shown("one", "v2")["metadata"]
        self.assertEqual(metadata["annotations"]["converted"], "yes")
        self.assertNotIn("finalizers", metadata)

    def test_watched_in_both_versions(self):
        self.apply(box("one", "v2", size=4))
        with Watch(self.plane, f"/apis/example.com/v1/namespaces/{self.namespace}/boxes") as watch:
            events = iter(watch)
            self.assertEqual(next(events)["object"]["spec"]["size"], "4 cm")
            self.out("patch", "boxes.v2.example.com", "one", "--type=merge", "-p", '{"spec":{"size":5}}')
            self.assertEqual(next(events)["object"]["spec"]["size"], "5 cm")

    def test_selected_by_what_the_version_that_was_asked_for_says(self):
        self.apply(box("one", "v2", size=4), box("two", "v2", size=6))
        for api, selector in (("v1", "spec.size=4 cm"), ("v2", "spec.size=4"), ("v1", "spec.size!=6 cm")):
            listed = self.out("get", f"boxes.{api}.example.com", "-o", "name", "--field-selector", selector)
            self.assertEqual(listed, "box.example.com/one", selector)
        self.assertEqual(self.out("get", "boxes.v1.example.com", "-o", "name", "--field-selector", "spec.size=4"), "")
        path = (f"/apis/example.com/v1/namespaces/{self.namespace}/boxes?watch=1&timeoutSeconds=2&fieldSelector="
                "spec.size%3D4%20cm")
        self.out("patch", "boxes.v2.example.com", "two", "--type=merge", "-p", '{"spec":{"size":4}}')
        told = [json.loads(line) for line in self.plane.raw(path)[1].splitlines()]
        self.assertEqual([(each["type"], each["object"]["metadata"]["name"], each["object"]["spec"]["size"]) for each in told],
                         [("ADDED", "one", "4 cm"), ("ADDED", "two", "4 cm")])
        self.out("delete", "boxes.v1.example.com", "--field-selector", "spec.size=4 cm")
        self.assertEqual(self.get("boxes.v2.example.com")["items"], [])

    def test_applied_in_one_version_and_then_in_the_other(self):
        for api, size in (("v1", "4 cm"), ("v2", 6)):
            one = box("one", api, size=size)
            one["metadata"]["namespace"] = self.namespace
            self.out("apply", "--server-side", "--field-manager=me", "-f", "-", stdin=json.dumps(one))
        shown = json.loads(self.out("get", "boxes.v2.example.com", "one", "-o", "json", "--show-managed-fields"))
        self.assertEqual(shown["spec"], {"size": 6})
        self.assertEqual([(each["manager"], each["apiVersion"]) for each in shown["metadata"]["managedFields"]],
                         [("me", "example.com/v2")])

    def test_admission_sees_the_version_that_it_asks_for(self):
        seen = []
        admission = Webhook(lambda request: seen.append(request["object"]) or {"allowed": True})
        self.addCleanup(admission.stop)
        self.plane.apply({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                          "metadata": {"name": "boxes"}, "webhooks": [{
                              "name": "boxes.example.com", "clientConfig": admission.client_config(), "sideEffects": "None",
                              "admissionReviewVersions": ["v1"], "rules": [{
                                  "apiGroups": ["example.com"], "apiVersions": ["v2"], "resources": ["boxes"],
                                  "operations": ["CREATE"]}]}]})
        self.addCleanup(self.plane.kubectl, "delete", "validatingwebhookconfiguration", "boxes")
        self.apply(box("one", "v1", size="4 cm"))
        self.assertEqual([(each["apiVersion"], each["spec"]) for each in seen], [("example.com/v2", {"size": 4})])

    def test_a_failure_is_told_in_the_webhooks_words(self):
        self.apply(box("large", "v2", size=13))
        self.assertIn("conversion webhook for example.com/v2, Kind=Box failed: no box is that large",
                      self.refused("get", "boxes.v1.example.com", "large"))
        self.assertEqual(self.shown("large", "v2")["spec"], {"size": 13})

    def test_a_webhook_that_is_gone_harms_nobody_who_does_not_need_it(self):
        self.apply(box("one", "v2", size=4))
        other = Webhook(convert)
        config = other.client_config()
        other.stop()
        self.plane.apply(definition(version("v1", "string"), version("v2", "integer", stored=True), conversion={
            "strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": config}}))
        deadline = time.monotonic() + 30
        while self.kubectl("get", "boxes.v1.example.com", "one", status=None).status == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertIn("conversion webhook for example.com/v2, Kind=Box failed",
                      self.refused("get", "boxes.v1.example.com", "one"))
        self.out("patch", "boxes.v2.example.com", "one", "--type=merge", "-p", '{"spec":{"size":5}}')


class WithoutAWebhook(Versions):
    def stored_versions(self):
        return self.plane.get("crd", PLURAL)["status"]["storedVersions"]

    def test_what_was_stored_in_one_version_is_shown_when_another_is_stored(self):
        self.define(version("v1", "integer", stored=True), version("v2", "integer"))
        self.apply(box("old", "v1", size=1))
        self.define(version("v1", "integer"), version("v2", "integer", stored=True))
        self.assertEqual(self.stored_versions(), ["v1", "v2"])
        self.assertEqual(self.shown("old", "v2")["apiVersion"], "example.com/v2")
        self.assertEqual([each["apiVersion"] for each in self.get("boxes.v2.example.com")["items"]], ["example.com/v2"])
        refused = self.plane.apply(definition(version("v2", "integer", stored=True)), status=1).stderr
        self.assertIn("status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions", refused)
        self.out("patch", "crd", PLURAL, "--subresource=status", "--type=merge", "-p", '{"status":{"storedVersions":["v2"]}}')
        self.plane.apply(definition(version("v2", "integer", stored=True)))
        self.assertEqual(self.stored_versions(), ["v2"])

    def test_a_version_that_is_stored_need_not_be_served(self):
        self.define(version("v1", "integer", stored=True, served=False), version("v2", "integer"))
        self.apply(box("one", "v2", size=1))
        self.assertEqual(self.shown("one", "v2")["spec"], {"size": 1})
        self.out("delete", "crd", PLURAL, "--timeout=30s")
        self.define(version("v2", "integer", stored=True))
        self.assertEqual(self.get("boxes.v2.example.com")["items"], [])

    def test_those_who_use_an_old_version_are_told(self):
        old = version("v1", "integer") | {"deprecated": True, "deprecationWarning": "v1 of boxes goes in 2027"}
        self.define(old, version("v2", "integer", stored=True))
        self.assertIn("Warning: v1 of boxes goes in 2027", self.kubectl("get", "boxes.v1.example.com").stderr)
        self.assertNotIn("Warning", self.kubectl("get", "boxes.v2.example.com").stderr)

    def test_scaled_where_the_definition_says(self):
        self.define(version("v1", "integer", stored=True))
        self.apply(box("one", "v1", size=1, copies=2, picked="app=box"))
        self.out("scale", "box/one", "--replicas=5")
        self.assertEqual(self.shown("one", "v1")["spec"], {"size": 1, "copies": 5, "picked": "app=box"})
        self.out("patch", "box", "one", "--subresource=status", "--type=merge", "-p", '{"status":{"made":3}}')
        scale = json.loads(self.plane.raw(f"/apis/example.com/v1/namespaces/{self.namespace}/boxes/one/scale")[1])
        self.assertEqual((scale["spec"], scale["status"]), ({"replicas": 5}, {"replicas": 3, "selector": "app=box"}))
