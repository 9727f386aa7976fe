# SPDX-License-Identifier: Apache-2.0
"""What networks are made of: drivers, options and addresses."""

from lib import command
from lib.sockets import cannot_reach, reach
from network import network_case
from network.network_case import BESIDE, IMAGE


def setUpModule():
    network_case.start()


class Drivers(network_case.Case):
    def interfaces(self, container):
        """Names of them, without their other ends."""
        return [line.split(": ")[1].split("@")[0] for line in self.out("exec", container, "ip", "-o", "link").splitlines()]

    def test_macvlan_is_on_the_link_of_its_parent(self):
        self.docker("network", "create", "--driver", "macvlan", "--opt", "parent=uplink", "--subnet", "10.9.0.0/24",
                    "--gateway", "10.9.0.2", "lan")
        web = self.run_one("web", "--network", "lan", "--ip", "10.9.0.200")
        self.assertEqual(reach(self.serve(web, 80), BESIDE, "10.9.0.200", 80), "10.9.0.2")
        self.docker("rm", "-f", "web")
        self.docker("network", "rm", "lan")
        self.assertEqual(command.run("ip", "-o", "link", "show", "type", "macvlan").stdout, "")

    def test_host_none_and_a_network_of_another(self):
        self.run_one("web")
        for mode in ("host", "none", "container:web"):
            self.docker("run", "-d", "--name", mode[:4], "--network", mode, IMAGE, "sleep", "1000")
        self.assertIn("uplink", self.interfaces("host"))
        self.assertEqual(self.interfaces("none"), ["lo"])
        self.assertIn(self.address("web"), self.out("exec", "cont", "ip", "-4", "addr"))
        self.docker("network", "disconnect", "bridge", "web")
        self.assertEqual(self.interfaces("cont"), ["lo"])
        self.docker("network", "connect", "bridge", "web")
        self.assertIn(self.address("web"), self.out("exec", "cont", "ip", "-4", "addr"))

    def test_without_icc_nobody_reaches_a_neighbour(self):
        self.docker("network", "create", "--opt", "com.docker.network.bridge.enable_icc=false", "apart")
        web = self.run_one("web", "--network", "apart", "-p", "8080:80")
        other = self.run_one("other", "--network", "apart")
        server = self.serve(web, 80)
        self.assertTrue(cannot_reach(server, other, self.address("web", "apart"), 80))
        self.assertEqual(reach(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")

    def test_addresses_are_given_once_and_run_out(self):
        self.docker("network", "create", "--subnet", "10.7.0.0/24", "--ip-range", "10.7.0.8/30", "--gateway", "10.7.0.254", "net")
        self.run_one("fixed", "--network", "net", "--ip", "10.7.0.9", "--mac-address", "02:00:00:00:00:77")
        self.assert_mentions(self.out("exec", "fixed", "ip", "addr", "show", "eth0"), "10.7.0.9/24", "02:00:00:00:00:77")
        self.assertIn("default via 10.7.0.254", self.out("exec", "fixed", "ip", "route"))
        self.assert_mentions(self.refused("run", "--network", "net", "--ip", "10.7.0.9", IMAGE, "true", status=125),
                             "Address already in use")
        names = ("one", "two", "three")
        for name in names:
            self.run_one(name, "--network", "net")
        self.assertEqual({self.address(name, "net") for name in names}, {"10.7.0.8", "10.7.0.10", "10.7.0.11"})
        self.assert_mentions(self.refused("run", "--network", "net", IMAGE, "true", status=125), "no available IPv4 addresses")
        free = self.address("two", "net")
        self.docker("rm", "-f", "two")
        self.run_one("four", "--network", "net")
        self.assertEqual(self.address("four", "net"), free)
