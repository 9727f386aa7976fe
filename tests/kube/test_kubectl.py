# SPDX-License-Identifier: Apache-2.0
"""kubectl, two releases of it, as people use it."""

import json

from kube import kube_case
from kube.kube_case import KUBECTLS, config_map, deployment, pod
from lib import command


def setUpModule():
    kube_case.start()


class Objects(kube_case.Case):
    def test_created_shown_changed_and_deleted_by_both_releases(self):
        for release, program in KUBECTLS.items():
            with self.subTest(release):
                name = f"map-{len(release)}"
                self.assertEqual(self.out("create", "configmap", name, "--from-literal=a=1", program=program),
                                 f"configmap/{name} created")
                self.assertEqual(self.get("configmap", name)["data"], {"a": "1"})
                self.assertRegex(self.out("get", "configmaps", name, program=program), rf"NAME +DATA +AGE\n{name} +1 +\d+s")
                self.out("label", "configmap", name, "color=red", program=program)
                self.out("annotate", "configmap", name, "note=x", program=program)
                self.out("patch", "configmap", name, "--type=merge", "-p", '{"data":{"b":"2"}}', program=program)
                self.out("patch", "configmap", name, "--type=json", "-p",
                         '[{"op":"replace","path":"/data/a","value":"3"}]', program=program)
                found = self.get("configmap", "-l", "color=red")["items"]
                self.assertEqual([(one["data"], one["metadata"]["annotations"]["note"]) for one in found],
                                 [({"a": "3", "b": "2"}, "x")])
                self.assertEqual(self.out("delete", "configmap", name, program=program), f'configmap "{name}" deleted')
                self.assertIn(f'configmaps "{name}" not found', self.refused("get", "configmap", name, program=program))

    def test_strategic_patches_know_the_keys_of_lists(self):
        self.apply(pod("web"))
        self.out("patch", "pod", "web", "-p", '{"spec":{"containers":[{"name":"main","image":"other"}]}}')
        containers = self.get("pod", "web")["spec"]["containers"]
        self.assertEqual([(one["name"], one["image"]) for one in containers], [("main", "other")])

    def test_what_is_wrong_is_named(self):
        message = self.refused("create", "-f", "-", stdin=json.dumps(pod("Web", image="")))
        self.assertIn("metadata.name: Invalid value", message)
        self.assertIn("spec.containers[0].image: Required value", message)
        wrong = pod("web")
        wrong["spec"]["container"] = []
        self.assertIn('unknown field "spec.container"', self.refused("create", "-f", "-", stdin=json.dumps(wrong)))
        self.apply(config_map("there"))
        self.assertIn("AlreadyExists", self.refused("create", "-f", "-", stdin=json.dumps(config_map("there"))))

    def test_edited(self):
        self.apply(config_map("edited", a="1"))
        edited = self.kubectl("edit", "configmap", "edited", environment={"KUBE_EDITOR": "sed -i 's/\"1\"/\"2\"/'"})
        self.assertEqual(edited.stdout.strip(), "configmap/edited edited")
        self.assertEqual(self.get("configmap", "edited")["data"], {"a": "2"})

    def test_scaled(self):
        self.apply(deployment("web"))
        self.out("scale", "deployment", "web", "--replicas=3")
        self.assertEqual(self.get("deployment", "web")["spec"]["replicas"], 3)
        self.assertRegex(self.out("get", "deployment", "web"), r"NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0/3 +0 +0 ")

    def test_replaced_with_the_revision_that_was_read(self):
        self.apply(config_map("one", a="1"))
        read = self.get("configmap", "one")
        self.out("patch", "configmap", "one", "--type=merge", "-p", '{"data":{"a":"2"}}')
        read["data"] = {"a": "3"}
        self.assertIn("the object has been modified", self.refused("replace", "-f", "-", stdin=json.dumps(read)))

    def test_replaced_whole_or_made_anew(self):
        self.apply(config_map("one", a="1", b="2"))
        before = self.get("configmap", "one")["metadata"]["uid"]
        object_ = json.dumps({**config_map("one", c="3"), "metadata": {"name": "one", "namespace": self.namespace}})
        self.assertEqual(self.out("replace", "-f", "-", stdin=object_), "configmap/one replaced")
        self.assertEqual(self.get("configmap", "one")["data"], {"c": "3"})
        self.out("replace", "--force", "-f", "-", stdin=object_)
        self.assertNotEqual(self.get("configmap", "one")["metadata"]["uid"], before)

    def test_watched(self):
        self.apply(config_map("seen", a="1"))
        for release, program in KUBECTLS.items():
            with self.subTest(release), self.following("get", "configmap", "seen", "--watch", "-o", "jsonpath={.data.a}{'\\n'}",
                                                       program=program) as lines:
                self.assertEqual(next(lines), "1")
                self.out("patch", "configmap", "seen", "--type=merge", "-p", '{"data":{"a":"2"}}')
                self.assertEqual(next(lines), "2")
                self.out("patch", "configmap", "seen", "--type=merge", "-p", '{"data":{"a":"1"}}')
                self.assertEqual(next(lines), "1")

    def test_waited_for(self):
        self.apply(pod("web"))
        self.refused("wait", "pod", "web", "--for=condition=Ready", "--timeout=1ms")
        with self.following("wait", "pod", "web", "--for=condition=Ready", "--timeout=30s") as lines:
            self.out("patch", "pod", "web", "--subresource=status", "--type=merge", "-p",
                     '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}')
            self.assertEqual(next(lines), "pod/web condition met")
        self.out("wait", "pod", "web", "--for=jsonpath={.status.conditions[0].status}=True", "--timeout=30s")
        self.out("patch", "pod", "web", "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/held"]}}')
        self.out("delete", "pod", "web", "--wait=false")
        self.refused("wait", "pod", "web", "--for=delete", "--timeout=1ms")
        self.out("patch", "pod", "web", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        self.out("wait", "pod", "web", "--for=delete", "--timeout=30s")

    def test_revisions_of_a_rollout_are_told(self):
        self.apply(deployment("web"))
        owner = self.get("deployment", "web")
        for revision in ("1", "2"):
            self.apply(replica_set(owner, f"web-{revision}", revision))
        history = self.out("rollout", "history", "deployment/web")
        self.assertRegex(history, r"REVISION +CHANGE-CAUSE\n1 +made by 1\n2 +made by 2")
        self.assertRegex(self.out("rollout", "history", "deployment/web", "--revision=2"), r"Image:\s+image:2")


def replica_set(owner, name, revision):
    """As a deployment's controller leaves one behind."""
    labels = owner["spec"]["selector"]["matchLabels"]
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {
        "name": name, "labels": labels, "annotations": {"deployment.kubernetes.io/revision": revision,
                                                        "kubernetes.io/change-cause": f"made by {revision}"},
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": owner["metadata"]["name"],
                             "uid": owner["metadata"]["uid"], "controller": True}]},
        "spec": {"selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": f"image:{revision}"}]}}}}


class Apply(kube_case.Case):
    def test_by_the_client(self):
        for release, program in KUBECTLS.items():
            with self.subTest(release):
                name = f"applied-{len(release)}"
                self.assertIn("created", self.apply(config_map(name, a="1", b="2"), program=program).stdout)
                self.assertIn("unchanged", self.apply(config_map(name, a="1", b="2"), program=program).stdout)
                self.assertIn("configured", self.apply(config_map(name, a="1"), program=program).stdout)
                self.assertEqual(self.get("configmap", name)["data"], {"a": "1"})

    def test_by_the_server_with_owners_of_fields(self):
        object_ = json.dumps({**config_map("shared", a="1"), "metadata": {"name": "shared", "namespace": self.namespace}})
        self.out("apply", "--server-side", "--field-manager=one", "-f", "-", stdin=object_)
        other = object_.replace('"1"', '"2"')
        conflict = self.refused("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=other)
        self.assertIn('conflict with "one"', conflict)
        self.assertIn(".data.a", conflict)
        self.out("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-", stdin=other)
        shown = json.loads(self.out("get", "configmap", "shared", "-o", "json", "--show-managed-fields"))
        self.assertEqual(shown["data"], {"a": "2"})
        self.assertEqual({entry["manager"] for entry in shown["metadata"]["managedFields"]}, {"two"})

    def test_diff_shows_what_would_change(self):
        self.apply(config_map("one", a="1"))
        changed = json.dumps({**config_map("one", a="2"), "metadata": {"name": "one", "namespace": self.namespace}})
        self.assertIn('+  a: "2"', self.out("diff", "-f", "-", stdin=changed, status=1))
        self.assertEqual(self.get("configmap", "one")["data"], {"a": "1"})

    def test_dry_run_changes_nothing(self):
        self.out("create", "configmap", "ghost", "--dry-run=server")
        self.refused("get", "configmap", "ghost")


class Description(kube_case.Case):
    def test_explained_by_both_releases(self):
        for release, program in KUBECTLS.items():
            with self.subTest(release):
                text = self.out("explain", "deployment.spec.template.spec.containers", program=program)
                self.assertRegex(text, r"image\s+<string>")

    def test_resources_are_listed(self):
        listed = self.out("api-resources", "--no-headers")
        for line in (r"pods +po +v1 +true +Pod", r"deployments +deploy +apps/v1 +true +Deployment",
                     r"leases +coordination.k8s.io/v1 +true +Lease"):
            self.assertRegex(listed, line)
        self.assertIn("apps/v1", self.out("api-versions").split())


class Access(kube_case.Case):
    def test_roles_allow_what_they_say(self):
        self.out("create", "serviceaccount", "robot")
        self.out("create", "role", "reader", "--verb=get,list", "--resource=pods")
        self.out("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={self.namespace}:robot")
        robot = f"--as=system:serviceaccount:{self.namespace}:robot"
        self.assertEqual(self.out("auth", "can-i", "list", "pods", robot), "yes")
        self.assertEqual(self.out("auth", "can-i", "delete", "pods", robot, status=1), "no")
        self.assertRegex(self.out("auth", "can-i", "--list", robot), r"pods +\[\] +\[\] +\[get list\]")
        self.assertIn(f'User "system:serviceaccount:{self.namespace}:robot" cannot list resource "secrets" in API group '
                      f'"" in the namespace "{self.namespace}"', self.refused("get", "secrets", robot))

    def test_a_token_is_its_account(self):
        self.out("create", "serviceaccount", "robot")
        token = self.out("create", "token", "robot")
        self.assertIn("cannot list resource", self.refused_to_bearer(token))
        self.assertIn("Unauthorized", self.refused_to_bearer(token[:-6] + "AAAAAA"))

    def refused_to_bearer(self, token):
        return self.refused("--server", self.plane.url, "--certificate-authority", f"{self.plane.directory}/pki/ca.crt",
                            "--token", token, "get", "pods", environment={"KUBECONFIG": "/dev/null"})

    def test_who_says_nothing_sees_health_alone(self):
        for path, status in (("/healthz", "200"), ("/readyz", "200"), ("/api/v1/pods", "401"), ("/version", "401")):
            seen = command.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
                               f"{self.plane.directory}/pki/ca.crt", self.plane.url + path).stdout
            self.assertEqual((path, seen), (path, status))


class Limits(kube_case.Case):
    def test_a_quota_holds(self):
        self.out("create", "quota", "one", "--hard=configmaps=2")
        self.apply(config_map("first"))
        self.out("wait", "resourcequota", "one", "--for=jsonpath={.status.used.configmaps}=1", "--timeout=30s")
        self.assertIn("exceeded quota", self.apply(config_map("second"), config_map("third"), status=1).stderr)
