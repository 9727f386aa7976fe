# SPDX-License-Identifier: Apache-2.0
"""gantryd with the role of a registry."""

import json
import os
import shutil
import signal
import socket
import tempfile
import unittest
import urllib.request

from lib import command
from lib.images import GANTRY, Layout, Tls, answers, layer_tar, skopeo
from lib.isolation import write
from lib.runtime import wait_for

GANTRYD = f"{os.path.dirname(GANTRY)}/gantryd"
ADDRESS = "127.0.0.1:5800"


class Daemon(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="gantryd-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.tls = Tls()
        self.addCleanup(self.tls.remove)
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(f"{self.directory}/notify")
        self.notified.settimeout(30)
        self.addCleanup(self.notified.close)

    def configure(self, roles, **more):
        path = f"{self.directory}/gantryd.json"
        write(path, json.dumps({"root": f"{self.directory}/store", "roles": roles} | more))
        return path

    def start(self, registry):
        daemon = command.Daemon(GANTRYD, "--config", self.configure({"registry": {"listen": [ADDRESS]} | registry}),
                                env={"NOTIFY_SOCKET": f"{self.directory}/notify"},
                                ready=lambda: answers(f"http{'s' if 'tls' in registry else ''}://{ADDRESS}/v2/",
                                                      self.tls.context()))
        self.addCleanup(lambda: daemon.process.poll() is None and daemon.stop())
        return daemon

    def heard(self):
        return self.notified.recv(1000).decode()

    def test_it_serves_and_tells_how_far_it_is(self):
        layout = Layout([layer_tar({"file": "x"})])
        self.addCleanup(layout.remove)
        daemon = self.start({})
        self.assertEqual(self.heard(), "READY=1")
        skopeo("copy", "--dest-tls-verify=false", layout.source, f"docker://{ADDRESS}/app:1")
        listed = command.run(GANTRY, "--root", f"{self.directory}/store", "registry", "ls", "app")
        self.assertEqual(listed.stdout, "1\n")
        daemon.stop()
        self.assertEqual(daemon.process.returncode, 0)
        self.assertEqual(self.heard(), "STOPPING=1")

    def test_a_new_certificate_is_taken_on_sighup(self):
        daemon = self.start({"tls": {"certificate": self.tls.certificate, "key": self.tls.key}})
        self.assertEqual(self.heard(), "READY=1")
        other = Tls()
        self.addCleanup(other.remove)
        shutil.copy(other.certificate, self.tls.certificate)
        shutil.copy(other.key, self.tls.key)
        daemon.process.send_signal(signal.SIGHUP)
        self.assertRegex(self.heard(), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
        self.assertEqual(self.heard(), "READY=1")
        urllib.request.urlopen(f"https://{ADDRESS}/v2/", timeout=5, context=other.context()).close()
        write(self.tls.key, "no key")  # stays as it was, and is said
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload failed" in daemon.new_log(), "the log to tell")
        urllib.request.urlopen(f"https://{ADDRESS}/v2/", timeout=5, context=other.context()).close()

    def test_what_it_cannot_do_is_said_at_once(self):
        for roles, words in (({"node": {}}, "not there yet"), ({}, "nothing to do"), ({"x": {}}, "no such role"),
                             ({"registry": {"listne": []}}, "roles.registry")):
            with self.subTest(words):
                config = self.configure(roles)
                self.assertIn(words, command.run(GANTRYD, "--config", config, status=None).stderr)
                self.assertNotEqual(command.run(GANTRYD, "--check", "--config", config, status=None).status, 0)
        command.run(GANTRYD, "--check", "--config", self.configure({"registry": {}}))
