# SPDX-License-Identifier: Apache-2.0
"""The Python client, as Debian ships it."""

import textwrap

from kube import kube_case
from lib import command


def setUpModule():
    kube_case.start()


class Client(kube_case.Case):
    def script(self, text):
        """Runs it with `core`, the API of core/v1, `namespace`, and `config_map()`; asserts are its own."""
        head = f"""
            import kubernetes
            from kubernetes.client import V1ConfigMap, V1ObjectMeta
            kubernetes.config.load_kube_config({self.plane.kubeconfig!r})
            core = kubernetes.client.CoreV1Api()
            namespace = {self.namespace!r}

            def config_map(name, **data):
                return V1ConfigMap(metadata=V1ObjectMeta(name=name), data=data)

            def refused(call, *arguments):
                try:
                    call(*arguments)
                except kubernetes.client.ApiException as failure:
                    return failure.status
            """
        command.run("/usr/bin/python3", "-c", textwrap.dedent(head) + textwrap.dedent(text), env=self.plane.environment())

    def test_objects_are_made_listed_in_pages_and_deleted(self):
        self.script("""
            for number in range(5):
                core.create_namespaced_config_map(namespace, config_map(f"map-{number}", n=str(number)))
            first = core.list_namespaced_config_map(namespace, limit=2)
            assert [one.metadata.name for one in first.items] == ["map-0", "map-1"], first
            rest = core.list_namespaced_config_map(namespace, _continue=first.metadata._continue)
            assert [one.metadata.name for one in rest.items] == ["map-2", "map-3", "map-4"], rest
            core.delete_collection_namespaced_config_map(namespace)
            assert core.list_namespaced_config_map(namespace).items == []
            """)

    def test_a_watch_tells_every_change_in_order(self):
        self.script("""
            revision = core.list_namespaced_config_map(namespace).metadata.resource_version
            core.create_namespaced_config_map(namespace, config_map("one", a="1"))
            core.patch_namespaced_config_map("one", namespace, {"data": {"a": "2"}})
            core.delete_namespaced_config_map("one", namespace)
            watch = kubernetes.watch.Watch()
            events = []
            for event in watch.stream(core.list_namespaced_config_map, namespace, resource_version=revision, timeout_seconds=30):
                events.append((event["type"], event["object"].data["a"]))
                if event["type"] == "DELETED":
                    watch.stop()
            assert events == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")], events
            """)

    def test_errors_are_read_as_such(self):
        self.script("""
            found = refused(core.read_namespaced_config_map, "none", namespace)
            assert found == 404, found
            found = refused(core.create_namespaced_config_map, namespace, config_map("Wrong"))
            assert found == 422, found
            """)
