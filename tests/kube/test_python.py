# SPDX-License-Identifier: Apache-2.0
"""The Python client, as Debian ships it."""

import kubernetes
from kube import kube_case


def setUpModule():
    kube_case.start()


class Client(kube_case.Case):
    def setUp(self):
        super().setUp()
        self.api = kubernetes.client.ApiClient(
            kubernetes.config.kube_config.new_client_from_config(self.plane.kubeconfig).configuration)
        self.addCleanup(self.api.close)
        # Certificates out of kubeconfigs, which it otherwise keeps as files until the process ends.
        self.addCleanup(kubernetes.config.kube_config._cleanup_temp_files)
        self.core = kubernetes.client.CoreV1Api(self.api)

    def config_map(self, name, **data):
        return kubernetes.client.V1ConfigMap(metadata=kubernetes.client.V1ObjectMeta(name=name), data=data)

    def test_objects_are_made_listed_in_pages_and_deleted(self):
        for number in range(5):
            self.core.create_namespaced_config_map(self.namespace, self.config_map(f"map-{number}", n=str(number)))
        first = self.core.list_namespaced_config_map(self.namespace, limit=2)
        self.assertEqual([one.metadata.name for one in first.items], ["map-0", "map-1"])
        rest = self.core.list_namespaced_config_map(self.namespace, _continue=first.metadata._continue)
        self.assertEqual([one.metadata.name for one in rest.items], ["map-2", "map-3", "map-4"])
        self.core.delete_collection_namespaced_config_map(self.namespace)
        self.assertEqual(self.core.list_namespaced_config_map(self.namespace).items, [])

    def test_a_watch_tells_every_change_in_order(self):
        revision = self.core.list_namespaced_config_map(self.namespace).metadata.resource_version
        self.core.create_namespaced_config_map(self.namespace, self.config_map("one", a="1"))
        self.core.patch_namespaced_config_map("one", self.namespace, {"data": {"a": "2"}})
        self.core.delete_namespaced_config_map("one", self.namespace)
        watch = kubernetes.watch.Watch()
        events = [(event["type"], event["object"].data["a"]) for event in watch.stream(
            self.core.list_namespaced_config_map, self.namespace, resource_version=revision, timeout_seconds=1)]
        self.assertEqual(events, [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")])

    def test_errors_are_read_as_such(self):
        with self.assertRaises(kubernetes.client.ApiException) as refused:
            self.core.read_namespaced_config_map("none", self.namespace)
        self.assertEqual((refused.exception.status, refused.exception.reason), (404, "Not Found"))
        with self.assertRaises(kubernetes.client.ApiException) as refused:
            self.core.create_namespaced_config_map(self.namespace, self.config_map("Wrong"))
        self.assertEqual(refused.exception.status, 422)
