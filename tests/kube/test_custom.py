# SPDX-License-Identifier: Apache-2.0
"""CustomResourceDefinitions and their objects."""

import json

from kube import kube_case


def setUpModule():
    kube_case.start()


def definition(group="example.com"):
    schema = {"type": "object", "properties": {
        "spec": {"type": "object", "required": ["size"],
                 "x-kubernetes-validations": [{"rule": "self.size % 2 == 0", "message": "size must be even"}],
                 "properties": {"size": {"type": "integer", "minimum": 1, "maximum": 10},
                                "color": {"type": "string", "default": "red", "enum": ["red", "green"]}}},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"widgets.{group}"},
            "spec": {"group": group, "scope": "Namespaced",
                     "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"]},
                     "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
                                   "additionalPrinterColumns": [
                                       {"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                                   "schema": {"openAPIV3Schema": schema}}]}}


def widget(name, **spec):
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


class Widgets(kube_case.Case):
    def setUp(self):
        super().setUp()
        self.plane.apply(definition())
        self.out("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=30s")

    def tearDown(self):
        self.out("delete", "crd", "widgets.example.com", "--timeout=30s")

    def test_defaults_columns_and_short_names(self):
        self.apply(widget("one", size=4))
        self.assertEqual(self.get("wd", "one")["spec"], {"size": 4, "color": "red"})
        self.assertRegex(self.out("get", "widgets"), r"NAME +SIZE\none +4")
        self.assertIn("color\t<string>", self.out("explain", "widget.spec"))

    def test_what_the_schema_and_its_rules_refuse(self):
        for spec, reason in (({"size": 3}, "size must be even"), ({"size": 12}, "less than or equal to 10"),
                             ({"size": 2, "color": "blue"}, 'supported values: "red", "green"')):
            self.assertIn(reason, self.apply(widget("wrong", **spec), status=1).stderr)
        self.assertIn("spec.size: Required value", self.refused(
            "create", "--validate=false", "-f", "-", stdin=json.dumps(widget("wrong", color="red"))))
        self.assertRegex(self.apply(widget("wrong", size=2, weight=1), status=1).stderr, r'unknown field "(spec\.)?weight"')

    def test_patched_and_applied_as_built_in_kinds(self):
        self.apply(widget("one", size=4))
        self.out("patch", "widget", "one", "--type=merge", "-p", '{"spec":{"size":6}}')
        object_ = widget("one", size=8)
        object_["metadata"]["namespace"] = self.namespace
        self.assertIn("conflict", self.refused("apply", "--server-side", "--field-manager=other", "-f", "-",
                                               stdin=json.dumps(object_)))
        self.assertEqual(self.get("widget", "one")["metadata"]["generation"], 2)

    def test_status_is_a_part_of_its_own(self):
        self.apply(widget("one", size=4))
        self.out("patch", "widget", "one", "--subresource=status", "--type=merge", "-p", '{"status":{"ready":true},"spec":{"size":8}}')
        shown = self.get("widget", "one")
        self.assertEqual((shown["spec"]["size"], shown["status"]), (4, {"ready": True}))


class Definitions(kube_case.Case):
    def test_one_that_is_wrong_is_refused(self):
        wrong = definition()
        wrong["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"] = [
            {"rule": "self.nothing > 1"}]
        self.assertIn("undefined field 'nothing'", self.plane.apply(wrong, status=1).stderr)

    def test_objects_go_with_their_definition(self):
        self.plane.apply(definition())
        self.out("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=30s")
        self.apply(widget("one", size=4))
        self.out("delete", "crd", "widgets.example.com", "--timeout=30s")
        self.plane.apply(definition())
        self.out("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=30s")
        self.assertEqual(self.get("widgets")["items"], [])
        self.out("delete", "crd", "widgets.example.com", "--timeout=30s")
