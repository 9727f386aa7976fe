# SPDX-License-Identifier: Apache-2.0
"""Networks of projects by docker compose, version 1 and 2: who finds and reaches whom."""

import os
import tempfile
import textwrap
import unittest

from docker import engine_home
from lib import clients, command
from lib.sockets import cannot_reach, reach
from network import network_case
from network.network_case import BESIDE

PROJECT = """
    version: "2.4"
    x-idle: &idle {image: busybox, command: sleep 1000, stop_grace_period: 0s}
    services:
      web:
        <<: *idle
        networks: {front: {ipv4_address: 10.21.0.80, aliases: [www]}, back: {aliases: [app]}}
        ports: ["8080:80", "9000-9001:90-91/udp"]
      db:
        <<: *idle
        networks: {back: {ipv6_address: "fd00:22::5"}}
        dns_search: shop.example
        links: ["web:frontend"]
      visitor:
        <<: *idle
        networks: [front]
    networks:
      front:
        ipam: {config: [{subnet: 10.21.0.0/24, gateway: 10.21.0.7}]}
        driver_opts: {com.docker.network.driver.mtu: "1400"}
      back:
        internal: true
        enable_ipv6: true
        ipam: {config: [{subnet: 10.22.0.0/24}, {subnet: "fd00:22::/64"}]}
    """


def setUpModule():
    network_case.start()


class Projects:
    """What both versions promise. A class that mixes this in has compose(*arguments)."""

    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory(prefix="project-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.file = f"{self.directory}/docker-compose.yml"
        with open(self.file, "w") as file:
            file.write(textwrap.dedent(PROJECT))

    def test_networks_of_a_project(self):
        self.compose("up", "--detach")
        web, db, visitor = (self.out("ps", "-q", "--filter", f"label=com.docker.compose.service={service}")
                            for service in ("web", "db", "visitor"))
        back, front = sorted(self.out("network", "ls", "--format", "{{.Name}}", "--filter", "type=custom").split())
        self.assertEqual(self.endpoint(web, front)["IPAddress"], "10.21.0.80")
        self.assertEqual(self.endpoint(web, front)["Gateway"], "10.21.0.7")
        self.assertEqual(self.endpoint(db, back)["GlobalIPv6Address"], "fd00:22::5")
        for asks, name, address in ((visitor, "www", "10.21.0.80"), (db, "app", self.address(web, back)),
                                    (db, "frontend", self.address(web, back)), (web, "db", "fd00:22::5")):
            self.assertIn(address, self.resolve(asks, name), name)
        self.assertNotIn("fd00:22::5", self.resolve(visitor, "db"))
        self.assertIn("search shop.example", self.out("exec", db, "cat", "/etc/resolv.conf"))
        self.assertIn("mtu 1400", self.out("exec", visitor, "ip", "link", "show", "eth0"))
        server = self.serve(self.sandbox(web), 80)
        self.assertEqual(reach(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")
        self.assertEqual(reach(server, self.sandbox(db), self.address(web, back), 80), self.address(db, back))
        self.assertEqual(reach(server, self.sandbox(visitor), "10.21.0.80", 80), self.address(visitor, front))
        outside = self.serve(BESIDE, 80)
        self.assertEqual(reach(outside, self.sandbox(web), "10.9.0.2", 80), "10.9.0.1")
        self.assertTrue(cannot_reach(outside, self.sandbox(db), "10.9.0.2", 80))
        self.compose("down")
        self.assertEqual(self.out("network", "ls", "-q", "--filter", "type=custom"), "")


class Version1(Projects, network_case.Case):
    def compose(self, *arguments):
        environment = {**self.home.environment, "PATH": f"{os.path.dirname(engine_home.DOCKER)}:{os.environ['PATH']}"}
        return command.run("/usr/bin/docker-compose", "--project-directory", self.directory, "--file", self.file, *arguments,
                           env=environment, timeout=120)


@unittest.skipUnless(clients.are_there(), "tools/newer-clients has not fetched compose 2")
class Version2(Projects, network_case.Case):
    def compose(self, *arguments):
        environment = {**self.home.environment, "DOCKER_CONFIG": clients.configure(f"{self.home.directory}/client2")}
        return command.run(clients.DOCKER, "compose", "--project-directory", self.directory, "--file", self.file, *arguments,
                           env=environment, timeout=120)
