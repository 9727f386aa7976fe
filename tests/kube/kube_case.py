# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Kubernetes API are written in."""

import contextlib
import os
import subprocess
import unittest

from lib import clients, etcd
from lib.control_plane import ControlPlane

KUBECTLS = {"of this Debian": clients.OLD_KUBECTL, "of the next": clients.KUBECTL}


def start(*options):
    """A new control plane for a module's `Case`; ends with the module's tests."""
    if not clients.are_there():
        raise unittest.SkipTest("there is no kubectl: tools/newer-clients")
    Case.plane = ControlPlane(*options)
    unittest.addModuleCleanup(Case.plane.remove)


def etcd_of_three(test=None, program="etcd"):
    """A new cluster; ends with the test, or with the module's tests."""
    if not etcd.is_there():
        raise unittest.SkipTest("there is no etcd: tools/setup")
    cluster = etcd.Etcd(program=program)
    (test.addCleanup if test else unittest.addModuleCleanup)(cluster.remove)
    return cluster


class Case(unittest.TestCase):
    plane = None

    def setUp(self):
        self.plane.daemon.new_log()
        self.namespace = f"test-{os.urandom(4).hex()}-x"  # never what YAML would read as a number
        self.plane.raw("/api/v1/namespaces", "POST", {"metadata": {"name": self.namespace}})
        self.addCleanup(self.plane.raw, f"/api/v1/namespaces/{self.namespace}", "DELETE")

    def explain(self):
        return f"the server's log of this time:\n{self.plane.daemon.new_log()}"

    def kubectl(self, *arguments, **options):
        return self.plane.kubectl("-n", self.namespace, *arguments, **options)

    def out(self, *arguments, **options):
        return self.kubectl(*arguments, **options).stdout.strip()

    def refused(self, *arguments, **options):
        """What it says on standard error."""
        return self.kubectl(*arguments, status=1, **options).stderr.strip()

    @contextlib.contextmanager
    def following(self, *arguments, program=clients.KUBECTL):
        """kubectl that goes on: what it says, line by line."""
        with subprocess.Popen([program, "-n", self.namespace, *arguments], text=True, stdout=subprocess.PIPE,
                              env={**os.environ, **self.plane.environment()}) as process:
            try:
                yield (line.rstrip() for line in process.stdout)
            finally:
                process.kill()

    def get(self, *arguments):
        return self.plane.get("-n", self.namespace, *arguments)

    def apply(self, *objects, **options):
        return self.plane.apply(*({**one, "metadata": {"namespace": self.namespace, **one["metadata"]}} for one in objects),
                                **options)


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name, image="busybox", labels=None, **container):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}},
            "spec": {"containers": [{"name": "main", "image": image, **container}]}}


def deployment(name, replicas=1, image="busybox"):
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels},
                                  "spec": {"containers": [{"name": "main", "image": image}]}}}}
