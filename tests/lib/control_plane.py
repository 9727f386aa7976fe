# SPDX-License-Identifier: Apache-2.0
"""A control plane of a test's own, `gantry server`, and kubectl for it."""

import base64
import json
import os
import shutil
import ssl
import tempfile
import urllib.request

from lib import clients, command, kube_client
from lib.images import GANTRY
from lib.sockets import free_port


class ControlPlane:
    def __init__(self, *options, directory=None):
        self.own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="control-plane-")
        self.port = free_port()
        self.options = options
        self.kubeconfig = f"{self.directory}/pki/admin.conf"
        self.start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def start(self):
        self.daemon = command.Daemon(
            GANTRY, "server", "--data-dir", self.directory, "--bind-address", "127.0.0.1", "--advertise-address",
            "127.0.0.1", "--secure-port", str(self.port), *self.options, ready=self.is_ready)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5, context=self.trusting()) as answer:
                return answer.status == 200
        except OSError:
            return False

    def trusting(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # alone the cluster's authority: reading the system's takes long
        context.load_verify_locations(f"{self.directory}/pki/ca.crt")
        return context

    def stop(self):
        self.daemon.stop()

    def remove(self):
        if self.daemon.process.poll() is None:
            self.daemon.stop()
        if self.own_directory:
            shutil.rmtree(self.directory)

    def environment(self):
        return {"KUBECONFIG": self.kubeconfig, "HOME": self.directory}

    def kubectl(self, *arguments, program=clients.KUBECTL, environment=None, **options):
        return command.run(program, *arguments, env=self.environment() | (environment or {}), **options)

    def apply(self, *objects, **options):
        """What `kubectl apply` says to these objects, given as dictionaries."""
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        return self.kubectl("apply", "-f", "-", stdin=json.dumps(listed), **options)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "-o", "json", *arguments).stdout)

    def client(self, identity=kube_client.ADMINISTRATOR, **options):
        return kube_client.Client(self, identity, **options)

    def raw(self, path, method="GET", body=None, **options):
        """Status and body of a request as the administrator."""
        with self.client() as client:
            return client.ask(method, path, body, **options)[:2]

    def administrator(self):
        """His certificate and key, out of his kubeconfig, as files."""
        files = f"{self.directory}/admin.crt", f"{self.directory}/admin.key"
        for path, what in zip(files, ("client-certificate-data", "client-key-data")):
            if not os.path.exists(path):
                shown = self.kubectl("config", "view", "--raw", "-o", f"jsonpath={{.users[0].user.{what}}}").stdout
                with open(path, "wb") as file:
                    file.write(base64.b64decode(shown))
        return files
