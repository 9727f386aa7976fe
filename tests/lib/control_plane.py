# SPDX-License-Identifier: Apache-2.0
"""A control plane of a test's own, `gantry server`, and kubectl for it."""

import json
import os
import shutil
import socket
import ssl
import tempfile
import urllib.error
import urllib.request

from lib import clients, command
from lib.images import GANTRY


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
        context = ssl.create_default_context()
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

    def raw(self, path, method="GET", body=None, content_type="application/json", headers=None):
        """Status and body of a request as the administrator."""
        context = self.trusting()
        context.load_cert_chain(*self._identity())
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": content_type} | (headers or {}),
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def _identity(self):
        """The administrator's certificate and key, out of his kubeconfig, as files."""
        files = f"{self.directory}/admin.crt", f"{self.directory}/admin.key"
        if not os.path.exists(files[1]):
            for path, what in zip(files, ("client-certificate-data", "client-key-data")):
                shown = self.kubectl("config", "view", "--raw", "-o", f"jsonpath={{.users[0].user.{what}}}").stdout
                with open(path, "wb") as file:
                    file.write(command.run("base64", "-d", stdin=shown).stdout.encode())
        return files
