# SPDX-License-Identifier: Apache-2.0
"""Where packets go in the networks of containers: between them, to and from the host, and a machine beside it."""

import os
import socket

from lib.sockets import cannot_reach, reach, serve
from network import network_case
from network.network_case import BESIDE, IMAGE

UDP = socket.SOCK_DGRAM


def setUpModule():
    network_case.start()


class Packets(network_case.Case):
    def test_two_networks_and_one_container_in_both(self):
        self.docker("network", "create", "--subnet", "10.1.0.0/24", "front")
        self.docker("network", "create", "--subnet", "10.2.0.0/24", "back")
        self.run_one("web", "--network", "front", "--network-alias", "www")
        self.docker("network", "connect", "--alias", "app", "back", "web")
        db = self.run_one("db", "--network", "back", "--ip", "10.2.0.77", "--network-alias", "sql")
        proxy = self.run_one("proxy", "--network", "front")
        server = self.serve(db, 5432)
        web = self.sandbox("web")
        self.assertEqual(reach(server, web, "10.2.0.77", 5432), self.address("web", "back"))
        self.assertTrue(cannot_reach(server, proxy, "10.2.0.77", 5432))
        for asks, name, address in (("web", "db", "10.2.0.77"), ("web", "sql.back", "10.2.0.77"),
                                    ("proxy", "www", self.address("web", "front")),
                                    ("db", "app", self.address("web", "back"))):
            self.assertIn(address, self.out("exec", asks, "nslookup", name, status=None), name)
        self.assertNotEqual(self.docker("exec", "proxy", "nslookup", "db", status=None).status, 0)

    def test_published_ports_from_everywhere(self):
        web = self.run_one("web", "-p", "8080:80", "-p", "9000-9002:90-92", "-p", "5353-5354:53-54/udp", "-p", "127.0.0.1:7070:70")
        other = self.run_one("other")
        gateway = self.inspect("web")["NetworkSettings"]["Gateway"]
        for host_port, port, kind in ((8080, 80, socket.SOCK_STREAM), (9000, 90, socket.SOCK_STREAM),
                                      (9002, 92, socket.SOCK_STREAM), (5353, 53, UDP), (5354, 54, UDP)):
            with self.subTest(port=host_port):
                server = self.serve(web, port, kind=kind)
                # From outside clients are seen as who they are.
                self.assertEqual(reach(server, BESIDE, "10.9.0.1", host_port), "10.9.0.2")
                self.assertEqual(reach(server, None, "127.0.0.1", host_port), gateway)
                self.assertEqual(reach(server, None, "10.9.0.1", host_port), "10.9.0.1")
                for netns in (other, web):
                    self.assertEqual(reach(server, netns, gateway, host_port), gateway)
        server = self.serve(web, 70)
        self.assertEqual(reach(server, None, "127.0.0.1", 7070), gateway)
        self.assertTrue(cannot_reach(server, BESIDE, "10.9.0.1", 7070))
        ports = self.inspect("web")["NetworkSettings"]["Ports"]
        self.assertEqual(ports["80/tcp"], [{"HostIp": "0.0.0.0", "HostPort": "8080"}])
        self.assertEqual(ports["70/tcp"], [{"HostIp": "127.0.0.1", "HostPort": "7070"}])
        self.docker("rm", "-f", "web")
        with socket.socket() as client:
            self.assertNotEqual(client.connect_ex(("127.0.0.1", 8080)), 0)

    def test_an_ephemeral_port(self):
        web = self.run_one("web", "-p", "80")
        host_port = int(self.out("port", "web", "80").splitlines()[0].rpartition(":")[2])
        self.assertEqual(reach(self.serve(web, 80), BESIDE, "10.9.0.1", host_port), "10.9.0.2")

    def test_a_port_in_use_names_its_user(self):
        self.run_one("web", "-p", "8080:80")
        self.assert_mentions(self.refused("run", "--rm", "-p", "8080:81", IMAGE, "true", status=125),
                             "port is already allocated by 'web'")
        with serve(None, 8081):
            self.assert_mentions(self.refused("run", "--rm", "-p", "8081:81", IMAGE, "true", status=125),
                                 f"port is already allocated by process {os.getpid()}")

    def test_ipv6(self):
        self.docker("network", "create", "--ipv6", "--subnet", "fd00:1::/64", "six")
        web = self.run_one("web", "--network", "six", "--ip6", "fd00:1::77", "-p", "8080:80")
        other = self.run_one("other", "--network", "six")
        server = self.serve(web, 80, "::")
        seen = self.inspect("other")["NetworkSettings"]["Networks"]["six"]["GlobalIPv6Address"]
        self.assertEqual(reach(server, other, "fd00:1::77", 80), seen)
        self.assertEqual(reach(server, BESIDE, "fd09::1", 8080), "fd09::2")
        self.assertEqual(reach(server, BESIDE, "10.9.0.1", 8080), "::ffff:10.9.0.2")
        self.assertIn("fd00:1::77", self.out("exec", "other", "nslookup", "web", status=None))

    def test_internal_networks(self):
        self.docker("network", "create", "--internal", "inner")
        one = self.run_one("one", "--network", "inner", "-p", "8080:80")
        two = self.run_one("two", "--network", "inner")
        server = self.serve(one, 80)
        self.assertIsNotNone(reach(server, two, self.address("one", "inner"), 80))
        outside = self.serve(BESIDE, 80)
        self.assertTrue(cannot_reach(outside, one, "10.9.0.2", 80))
        self.assertTrue(cannot_reach(server, BESIDE, "10.9.0.1", 8080))

    def test_links(self):
        self.docker("run", "-d", "--name", "db", "--expose", "5432", "-e", "PASSWORD=x", IMAGE, "sleep", "1000")
        shown = self.out("run", "--rm", "--link", "db:sql", IMAGE, "sh", "-c", "env; cat /etc/hosts")
        address = self.address("db")
        self.assert_mentions(shown, f"SQL_PORT_5432_TCP=tcp://{address}:5432", "SQL_ENV_PASSWORD=x", f"{address}\tsql")

    def test_a_killed_daemon_leaves_everything_reachable(self):
        self.docker("network", "create", "net")
        web = self.run_one("web", "--network", "net", "-p", "8080:80")
        self.docker("network", "connect", "bridge", "web")
        server = self.serve(web, 80)
        self.assertEqual(reach(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")
        self.home.daemon.kill()
        self.assertEqual(reach(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")
        self.home.start()
        self.assertEqual(reach(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")
        self.run_one("other", "--network", "net")
        self.assertIn(self.address("other", "net"), self.resolve("web", "other"))
        self.assertIn(self.address("web", "net"), self.out("exec", "other", "nslookup", "web", status=None))
        self.docker("rm", "-f", "web")
        self.run_one("next", "--network", "net", "-p", "8080:80")
