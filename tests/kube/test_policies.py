# SPDX-License-Identifier: Apache-2.0
"""Policies in the Common Expression Language that administrators write with kubectl."""

import json

from kube import kube_case
from kube.kube_case import config_map, deployment, pod
from lib.runtime import wait_for

GROUP = "admissionregistration.k8s.io/v1"


def setUpModule():
    kube_case.start()


def by_apply(expression):
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def by_patch(expression):
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def rule(*resources):
    return {"apiGroups": ["", "apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": list(resources)}


SIDECAR = by_apply("""
    Object{
      metadata: Object.metadata{labels: {"mesh": "on"}},
      spec: Object.spec{
        initContainers: [Object.spec.initContainers{name: "proxy", image: "mesh/proxy", restartPolicy: "Always"}]
      }
    }""")


class MutatingPolicies(kube_case.Case):
    def put(self, *mutations, resources=("pods",), name="", binding=None, **spec):
        """A policy with its binding, for the test's namespace alone."""
        name = f"{self.namespace}{name}"
        self.plane.apply(
            {"apiVersion": GROUP, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": {
                "matchConstraints": {"resourceRules": [rule(*resources)]}, "failurePolicy": "Fail",
                "reinvocationPolicy": "Never", "mutations": list(mutations), **spec}},
            {"apiVersion": GROUP, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": {
                "policyName": name, "matchResources": {"namespaceSelector": {"matchLabels": {
                    "kubernetes.io/metadata.name": self.namespace}}}, **(binding or {})}})
        self.addCleanup(self.plane.kubectl, "delete", "--ignore-not-found",
                        "mutatingadmissionpolicy,mutatingadmissionpolicybinding", name)
        return name

    def tried(self, one):
        """The object as it would be created."""
        status, answer = self.ask(one)
        self.assertEqual(status, 201, answer)
        return answer

    def refusal(self, one):
        status, answer = self.ask(one)
        return answer["message"] if status >= 400 else ""

    def ask(self, one):
        path = f"/api/v1/namespaces/{self.namespace}/{one['kind'].lower()}s?dryRun=All"
        status, answer = self.plane.raw(path, "POST", one)
        return status, json.loads(answer)

    def labels(self, one):
        return self.tried(one)["metadata"].get("labels", {})

    def test_a_sidecar_and_a_label_by_an_apply_configuration(self):
        self.apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": {"limits": [
            {"type": "Container", "default": {"memory": "64Mi"}}]}})
        name = self.put(SIDECAR)
        wait_for(lambda: "mesh" in self.labels(pod("web")))
        self.apply(pod("web", labels={"app": "web"}))
        made = self.get("pod", "web")
        self.assertEqual(made["metadata"]["labels"], {"app": "web", "mesh": "on"})
        proxy = made["spec"]["initContainers"][0]
        self.assertEqual((proxy["name"], proxy["restartPolicy"], len(made["spec"]["containers"])), ("proxy", "Always", 1))
        # What a policy adds goes by the other plugins, too.
        self.assertEqual(proxy["resources"]["limits"], {"memory": "64Mi"})
        self.assertIn("/var/run/secrets/kubernetes.io/serviceaccount", [mount["mountPath"] for mount in proxy["volumeMounts"]])
        listed = self.plane.kubectl("get", "mutatingadmissionpolicy", name).stdout.split()
        self.assertEqual(listed[:7], ["NAME", "MUTATIONS", "PARAMKIND", "AGE", name, "1", "<unset>"])

    def test_a_json_patch(self):
        self.put(by_patch("""[
            JSONPatch{op: "test", path: "/kind", value: "ConfigMap"},
            JSONPatch{op: "add", path: "/metadata/annotations", value: {}},
            JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("example.com/by"),
                      value: request.userInfo.username}]"""), resources=["configmaps"])
        wait_for(lambda: self.tried(config_map("c"))["metadata"].get("annotations"))
        self.kubectl("create", "configmap", "c")
        self.assertEqual(self.get("configmap", "c")["metadata"]["annotations"], {"example.com/by": "kubernetes-admin"})

    def test_parameters(self):
        self.put(by_apply("Object{metadata: Object.metadata{labels: {'team': variables.team}}}"),
                 paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
                 variables=[{"name": "team", "expression": "params.data.team"}],
                 binding={"paramRef": {"name": "teams", "parameterNotFoundAction": "Deny"}})
        wait_for(lambda: "no params found" in self.refusal(pod("web")))
        self.kubectl("create", "configmap", "teams", "--from-literal=team=blue")
        wait_for(lambda: not self.refusal(pod("web")))
        self.assertEqual(self.labels(pod("web")), {"team": "blue"})

    def test_failures(self):
        broken = by_apply("Object{metadata: Object.metadata{labels: {'team': object.metadata.annotations.team}}}")
        name = self.put(broken)
        wait_for(lambda: self.refusal(pod("web")))
        self.assertIn(f"policy '{name}' with binding '{name}' denied request: ",
                      self.refused("run", "web", "--image=busybox"))
        self.put(broken, failurePolicy="Ignore")
        wait_for(lambda: not self.refusal(pod("web")))
        self.kubectl("run", "web", "--image=busybox")

    def test_what_may_not_be_said(self):
        self.put(by_apply("Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'a': 'b'}}}}"),
                 resources=["deployments"])
        wait_for(lambda: "may not mutate atomic arrays, maps or structs: .spec.selector" in self.kubectl(
            "create", "deployment", "web", "--image=busybox", "--dry-run=server", status=None).stderr)
        for expression, why in (("object.x", "must evaluate to Object but got dyn"),
                                ("Object{", "Syntax error"), ("Pod{}", "undeclared reference to 'Pod'")):
            with self.assertRaises(AssertionError) as refused:
                self.put(by_apply(expression))
            self.assertIn(why, str(refused.exception))

    def test_who_asks_for_it_is_asked_again(self):
        count = by_apply("""Object{metadata: Object.metadata{labels: {
            "seen": string(int(object.?metadata.labels.seen.orValue("0")) + 1)}}}""")
        late = by_apply("Object{metadata: Object.metadata{labels: {'late': 'yes'}}}")
        self.put(count, name="-a", reinvocationPolicy="IfNeeded")
        self.put(late, name="-b")
        wait_for(lambda: self.labels(pod("web")) == {"seen": "2", "late": "yes"})
        self.put(count, name="-a", reinvocationPolicy="Never")
        wait_for(lambda: self.labels(pod("web")) == {"seen": "1", "late": "yes"})

    def test_conditions_and_a_custom_resource(self):
        group = f"{self.namespace}.example.com"
        self.plane.apply({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                          "metadata": {"name": f"lamps.{group}"}, "spec": {
                              "group": group, "scope": "Namespaced", "names": {"plural": "lamps", "kind": "Lamp"},
                              "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                                  "type": "object", "properties": {"spec": {"type": "object", "properties": {
                                      "bulbs": {"type": "array", "x-kubernetes-list-type": "map",
                                                "x-kubernetes-list-map-keys": ["name"], "items": {
                                                    "type": "object", "required": ["name"], "properties": {
                                                        "name": {"type": "string"}, "watts": {"type": "integer"}}}}}}}}}}]}})
        self.addCleanup(self.plane.kubectl, "delete", "crd", f"lamps.{group}")
        self.plane.kubectl("wait", "--for=condition=Established", f"crd/lamps.{group}", "--timeout=30s")
        self.put(by_apply("Object{spec: Object.spec{bulbs: [Object.spec.bulbs{name: 'main', watts: 7}]}}"),
                 matchConstraints={"resourceRules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"],
                                                      "resources": ["lamps"]}]},
                 matchConditions=[{"name": "new", "expression": "!object.metadata.name.startsWith('old')"}])
        bulbs = [{"name": "side", "watts": 3}, {"name": "main", "watts": 60}]

        def made(name):
            self.apply({"apiVersion": f"{group}/v1", "kind": "Lamp", "metadata": {"name": name}, "spec": {"bulbs": bulbs}})
            return self.get(f"lamps.{group}", name)["spec"]["bulbs"]
        wait_for(lambda: self.kubectl("delete", f"lamps.{group}", "new", "--ignore-not-found") and made("new") != bulbs)
        self.assertEqual(self.get(f"lamps.{group}", "new")["spec"]["bulbs"], [bulbs[0], {"name": "main", "watts": 7}])
        self.assertEqual(made("old"), bulbs)

    def test_objects_that_exist_are_changed_by_updates(self):
        self.apply(deployment("web"))
        self.put(by_apply("Object{spec: Object.spec{replicas: object.spec.replicas > 3 ? 3 : object.spec.replicas}}"),
                 resources=["deployments"])
        wait_for(lambda: self.out("scale", "deployment", "web", "--replicas=2") and self.out(
            "set", "env", "deployment/web", "A=b", "--dry-run=server"))
        self.apply(deployment("web", replicas=9))
        wait_for(lambda: self.out("annotate", "--overwrite", "deployment", "web", "n=1") and
                 self.get("deployment", "web")["spec"]["replicas"] == 3)


class ValidatingPolicies(kube_case.Case):
    def test_expressions_that_do_not_fit_their_kinds_are_told(self):
        name = self.namespace

        def put(expression):
            self.plane.apply({"apiVersion": GROUP, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": {
                "matchConstraints": {"resourceRules": [rule("deployments")]}, "validations": [{"expression": expression}]}})

        def checked(generation):
            status = self.plane.get("validatingadmissionpolicy", name).get("status", {})
            return status.get("observedGeneration") == generation and status["typeChecking"]
        put("object.replicas > 1")
        self.addCleanup(self.plane.kubectl, "delete", "validatingadmissionpolicy", name)
        [warning] = wait_for(lambda: checked(1))["expressionWarnings"]
        self.assertEqual(warning["fieldRef"], "spec.validations[0].expression")
        self.assertIn("apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'", warning["warning"])
        put("object.spec.replicas > 1")
        wait_for(lambda: checked(2) == {})
