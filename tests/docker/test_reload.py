# SPDX-License-Identifier: Apache-2.0
"""What a daemon takes over while it runs."""

import json
import os
import signal
import ssl
import tempfile
import unittest

from docker import engine_home
from lib import command, isolation
from lib.gantryd import GANTRYD
from lib.runtime import wait_for
from lib.sockets import free_port


class Reload(unittest.TestCase):
    """SIGHUP: certificates and what of daemon.json may change while containers run."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="dockerd-")
        self.addCleanup(lambda: command.run("rm", "-r", self.directory))
        self.program = f"{self.directory}/dockerd"
        os.symlink(GANTRYD, self.program)
        self.file = f"{self.directory}/daemon.json"
        self.port = free_port()

    def configure(self, **keys):
        isolation.write(self.file, json.dumps({"bridge": "gantry9"} | keys))

    def start(self):
        words = ["--config-file", self.file, "--data-root", f"{self.directory}/data", "--exec-root", f"{self.directory}/run",
                 "-H", f"unix://{self.directory}/sock", "-H", f"tcp://127.0.0.1:{self.port}", "--tls",
                 "--tlscert", f"{self.directory}/cert.pem", "--tlskey", f"{self.directory}/key.pem"]
        self.daemon = command.Daemon(self.program, *words, ready=lambda: self.docker("version", status=None).status == 0)
        self.addCleanup(command.run, "ip", "link", "delete", "gantry9", status=None)
        self.addCleanup(self.daemon.stop)

    def docker(self, *arguments, **options):
        return command.run(engine_home.DOCKER, "-H", f"unix://{self.directory}/sock", *arguments, **options)

    def info(self):
        return json.loads(self.docker("info", "--format", "{{json .}}").stdout)

    def make_certificate(self, name):
        command.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-keyout", f"{self.directory}/key.pem", "-out", f"{self.directory}/cert.pem")

    def shown_certificate(self):
        """Whose it is, of the one that a new connection is greeted with."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.port))
        return command.run("openssl", "x509", "-noout", "-subject", stdin=pem).stdout.strip()

    def test_what_may_change_changes(self):
        self.make_certificate("first")
        self.configure(labels=["a=1"], **{"insecure-registries": ["one:5000"]})
        self.start()
        self.assertIn("first", self.shown_certificate())
        self.assertEqual((self.info()["Labels"], self.info()["Debug"]), (["a=1"], False))

        self.make_certificate("second")
        self.configure(labels=["a=2", "b=3"], debug=True, **{"insecure-registries": ["two:5000"],
                                                             "registry-mirrors": ["http://mirror:5000"],
                                                             "shutdown-timeout": 5, "live-restore": False})
        self.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.info()["Labels"] == ["a=2", "b=3"], "the new labels")
        info = self.info()
        self.assertTrue(info["Debug"])
        self.assertIn("two:5000", info["RegistryConfig"]["IndexConfigs"])
        self.assertNotIn("one:5000", info["RegistryConfig"]["IndexConfigs"])
        self.assertIn("http://mirror:5000", info["RegistryConfig"]["Mirrors"][0])
        wait_for(lambda: "second" in self.shown_certificate(), "the new certificate")
        # The client counts times in whole seconds.
        wait_for(lambda: self.docker("events", "--since", "1h", "--until", "0s", "--filter", "type=daemon", "--format",
                                     "{{.Action}}").stdout.split() == ["reload"], "the event")

    def test_what_is_wrong_changes_nothing(self):
        self.make_certificate("first")
        self.configure(labels=["a=1"])
        self.start()
        for broken in ('{"labels": 5}', "{", '{"nobody-knows": 1}'):
            isolation.write(self.file, broken)
            self.daemon.new_log()
            self.daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "reload failed" in self.daemon.new_log(), "the log to tell")
            self.assertEqual(self.info()["Labels"], ["a=1"])
