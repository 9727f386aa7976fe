# SPDX-License-Identifier: Apache-2.0
"""gantry network trace: what it says of a packet is what becomes of one."""

import json

from lib import command
from lib.images import GANTRY
from lib.sockets import cannot_reach, reach
from network import network_case
from network.network_case import BESIDE


def setUpModule():
    network_case.start()


class Trace(network_case.Case):
    def trace(self, origin, destination, *options, status):
        environment = {"GANTRY_HOST": self.home.environment["DOCKER_HOST"]}
        return command.run(GANTRY, "network", "trace", *options, origin, destination, env=environment, status=status)

    def test_a_packet_that_arrives_and_one_that_does_not(self):
        self.docker("network", "create", "--subnet", "10.1.0.0/24", "front")
        self.docker("network", "create", "--subnet", "10.2.0.0/24", "back")
        web = self.run_one("web", "--network", "front")
        db = self.run_one("db", "--network", "front", "--network-alias", "sql")
        other = self.run_one("other", "--network", "back")
        server = self.serve(db, 5432)
        said = self.trace("web", "sql:5432", status=0).stdout
        self.assert_mentions(said, "sandbox 'web'\n", "name 'sql' is 10.1.0.3", "route 10.1.0.0/24", "host\n", "sandbox 'db'\n",
                             "somebody listens at tcp port 5432")
        self.assertEqual(reach(server, web, "10.1.0.3", 5432), "10.1.0.2")
        said = self.trace("other", "10.1.0.3:5432", status=1).stdout
        self.assert_mentions(said, "x chain forward: 10.1.0.3 is of network 'front'")
        self.assertTrue(cannot_reach(server, other, "10.1.0.3", 5432))
        self.assert_mentions(self.trace("web", "sql:5433", status=1).stdout, "x nobody listens at tcp port 5433")
        self.assert_mentions(self.trace("web", "127.0.0.11:53/udp", status=0).stdout, "name service")

    def test_published_ports_and_other_machines(self):
        web = self.run_one("web", "-p", "8080:80")
        server = self.serve(web, 80)
        self.assertEqual(reach(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")
        for origin, address in (("10.9.0.2", "10.9.0.1"), ("host", "127.0.0.1")):
            said = self.trace(origin, f"{address}:8080", status=0).stdout
            self.assert_mentions(said, "chain published: tcp port 8080", "sandbox 'web'\n")
        steps = json.loads(self.trace("web", "10.9.0.2:443", "--json", status=0).stdout)
        self.assertEqual(steps[-1]["verdict"], "passes")
        self.assertTrue(any("gets the host's address" in step["what"] for step in steps))

    def test_what_it_does_not_understand(self):
        self.run_one("web")
        self.run_one("alone", "--network", "container:web")
        self.trace("alone", "10.9.0.2:1", status=0)
        for origin, destination, why in (("nosuch", "1.2.3.4:5", "No such container"), ("web", "1.2.3.4", "invalid destination"),
                                         ("web", "1.2.3.4:0", "invalid port"), ("web", "1.2.3.4:5/icmp", "invalid protocol")):
            with self.subTest(why):
                self.assert_mentions(self.trace(origin, destination, status=1).stderr, why)
