# SPDX-License-Identifier: Apache-2.0
"""Logs that go to services: fluentd, syslog over everything it is spoken over, journald. `docker logs` has them, too."""

import os
import re
import socket
import unittest

from docker import engine_home
from lib import command
from lib.log_services import Fluentd, Journal, Syslog, SyslogUdp
from lib.runtime import wait_for
from lib.sockets import free_port

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class LogDrivers(engine_home.CleanCase):
    def setUp(self):
        super().setUp()
        self.directory = self.home.directory

    def service(self, service):
        self.addCleanup(service.close)
        return service

    def path(self, name):
        path = f"{self.directory}/{name}"
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        return path

    def run_one(self, driver, *options, script="echo out; echo err >&2", name="web", **settings):
        words = [word for option in options for word in ("--log-opt", option)]
        return self.docker("run", "--name", name, "--network", "none", "--log-driver", driver, *words, "--label", "tier=front",
                           IMAGE, "sh", "-c", script, **settings)

    def receives(self, service, count):
        wait_for(lambda: len(service.received) >= count, f"{count} records")
        self.assertEqual(len(service.received), count, service.received)
        return service.received

    def test_fluentd(self):
        fluentd = self.service(Fluentd())
        self.run_one("fluentd", f"fluentd-address={fluentd.address}", "tag=app.{{.Name}}", "labels=tier")
        events = sorted(self.receives(fluentd, 2), key=lambda event: event[2]["log"])
        identity = self.inspect("web")["Id"]
        for (tag, time, record), (text, stream) in zip(events, (("err", "stderr"), ("out", "stdout"))):
            self.assertEqual(tag, "app.web")
            self.assertIsInstance(time, int)
            self.assertEqual(record, {"container_id": identity, "container_name": "/web", "log": text, "source": stream,
                                      "tier": "front"})
        self.assertEqual(sorted(self.docker("logs", "web").stdout.split()), ["out"])
        self.assertEqual(self.docker("logs", "web").stderr.split(), ["err"])

    def test_fluentd_over_a_unix_socket_with_nanoseconds(self):
        fluentd = self.service(Fluentd(path=self.path("fluentd.sock")))
        self.run_one("fluentd", f"fluentd-address={fluentd.address}", "fluentd-sub-second-precision=true", script="echo x")
        [(tag, time, _)] = self.receives(fluentd, 1)
        self.assertEqual(tag, self.inspect("web")["Id"][:12])
        self.assertIsInstance(time, tuple)

    def test_fluentd_that_is_away(self):
        port = free_port()
        address = f"fluentd-address=127.0.0.1:{port}"
        refused = self.run_one("fluentd", address, status=125).stderr
        self.assert_mentions(refused, "failed to initialize logging driver", str(port))
        # With fluentd-async nobody waits for it, and what was said comes when it is there.
        self.run_one("fluentd", address, "fluentd-async=true", "fluentd-retry-wait=50ms", script="echo one; echo two",
                     name="patient")
        fluentd = self.service(Fluentd(port=port))
        self.assertEqual([record["log"] for _, _, record in self.receives(fluentd, 2)], ["one", "two"])

    def test_fluentd_that_comes_back_misses_nothing(self):
        fluentd = Fluentd()
        self.docker("run", "-d", "-i", "--name", "cat", "--network", "none", "--log-driver", "fluentd", "--log-opt",
                    f"fluentd-address={fluentd.address}", "--log-opt", "fluentd-retry-wait=50ms", IMAGE, "sh", "-c",
                    "n=0; while [ $n -lt 200 ]; do n=$((n+1)); echo $n; [ $n -ne 100 ] || read go; done")
        self.receives(fluentd, 100)
        fluentd.close()
        # What the system had taken when the service went is the service's; all that is said now waits.
        command.run(engine_home.DOCKER, "exec", "cat", "true", env=self.home.environment)
        again = self.service(Fluentd(port=fluentd.port))
        self.docker("attach", "cat", stdin="go\n")
        wait_for(lambda: again.received and again.received[-1][2]["log"] == "200", "the last line")
        self.assertEqual([record["log"] for _, _, record in again.received], [str(n) for n in range(101, 201)])

    def test_fluentd_that_acknowledges(self):
        fluentd = self.service(Fluentd(ignored=2))
        self.run_one("fluentd", f"fluentd-address={fluentd.address}", "fluentd-request-ack=true", "fluentd-retry-wait=50ms",
                     script="for i in 1 2 3 4 5; do echo $i; done")
        wait_for(lambda: len(fluentd.received) >= 7, "all of them, and twice the first again")
        self.assertEqual([record["log"] for _, _, record in fluentd.received], ["1", "1", "1", "2", "3", "4", "5"])

    def test_syslog_over_tcp(self):
        syslog = self.service(Syslog())
        self.run_one("syslog", f"syslog-address={syslog.address}", "syslog-facility=local0", "tag={{.Name}}")
        lines = sorted(self.receives(syslog, 2))
        self.assertRegex(lines[0], rf"^<131>\w{{3}} [ \d]\d \d\d:\d\d:\d\d {re.escape(socket.gethostname())} web\[\d+\]: err$")
        self.assertRegex(lines[1], r"^<134>.* web\[\d+\]: out$")

    def test_syslog_over_udp(self):
        syslog = self.service(SyslogUdp())
        self.run_one("syslog", f"syslog-address={syslog.address}", "syslog-format=rfc5424micro", "tag=app", script="echo x")
        [line] = self.receives(syslog, 1)
        self.assertRegex(line, r"^<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ app \d+ app - x$")

    def test_syslog_over_a_unix_stream(self):
        syslog = self.service(Syslog(path=self.path("syslog.sock")))
        self.run_one("syslog", f"syslog-address={syslog.address}", script="echo x")
        [line] = self.receives(syslog, 1)
        self.assertTrue(line.endswith("]: x"), line)

    def certificate(self, name="localhost"):
        path = self.path(f"{name}.pem")
        command.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", f"{path}.crt")
        with open(path, "a", encoding="utf-8") as both, open(f"{path}.crt", encoding="utf-8") as certificate:
            both.write(certificate.read())
        self.addCleanup(os.unlink, f"{path}.crt")
        return path

    def test_syslog_over_tls(self):
        certificate = self.certificate()
        syslog = self.service(Syslog(certificate=certificate, framed=True))
        self.run_one("syslog", f"syslog-address={syslog.address}", f"syslog-tls-ca-cert={certificate}.crt",
                     "syslog-format=rfc5424", script="echo secret")
        [line] = self.receives(syslog, 1)
        self.assertRegex(line, r"^<30>1 .* - secret$")

    def test_syslog_over_tls_that_is_not_trusted(self):
        syslog = self.service(Syslog(certificate=self.certificate(), framed=True))
        self.run_one("syslog", f"syslog-address={syslog.address}", "syslog-format=rfc5424", script="echo no")
        wait_for(lambda: "does not answer" in self.home.daemon.new_log(), "the daemon to say so")
        self.run_one("syslog", f"syslog-address={syslog.address}", "syslog-tls-skip-verify=true", "syslog-format=rfc5424",
                     script="echo yes", name="blind")
        self.assertTrue(self.receives(syslog, 1)[0].endswith("yes"))

    @unittest.skipIf(os.path.exists("/run/systemd/journal/socket"), "the host has a journal")
    def test_journald(self):
        os.makedirs("/run/systemd/journal", exist_ok=True)
        self.addCleanup(os.unlink, Journal.PATH)
        journal = self.service(Journal())
        self.run_one("journald", "tag={{.ImageName}}", "labels=tier")
        fields = {record["MESSAGE"]: record for record in self.receives(journal, 2)}
        self.assertEqual((fields["out"]["PRIORITY"], fields["err"]["PRIORITY"]), ("6", "3"))
        self.assertEqual((fields["out"]["CONTAINER_NAME"], fields["out"]["CONTAINER_TAG"], fields["out"]["TIER"]),
                         ("web", IMAGE, "front"))
        self.assertEqual(self.docker("logs", "web").stdout, "out\n")

    def test_wrong_options(self):
        for driver, option, words in (
                ("fluentd", "fluentd-address=udp://127.0.0.1", "udp"), ("fluentd", "fluentd-async=maybe", "fluentd-async"),
                ("fluentd", "fluentd-retry-wait=soon", "fluentd-retry-wait"), ("fluentd", "fluentd-colour=red", "unknown log opt"),
                ("fluentd", "fluentd-request-ack=perhaps", "neither true nor false"), ("fluentd", "tag={{.Nobody}}", "Nobody"),
                ("fluentd", "fluentd-max-retries=many", "fluentd-max-retries"), ("syslog", "syslog-address=tcp://host:0", "port"),
                ("syslog", "syslog-address=gopher://x", "gopher"), ("syslog", "syslog-format=xml", "xml"),
                ("syslog", "fluentd-address=x", "unknown log opt")):
            with self.subTest(option):
                self.assert_mentions(self.run_one(driver, option, status=125).stderr, words)
