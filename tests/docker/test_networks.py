# SPDX-License-Identifier: Apache-2.0
"""Networks, as docker's command handles them. What packets do in them is tests/network's."""

import ipaddress
import json
import socket
import unittest

from docker import engine_home
from lib.runtime import wait_for

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Networks(engine_home.CleanCase):
    leftovers = engine_home.CONTAINERS + engine_home.NETWORKS

    def networks(self, *options):
        return sorted(self.out("network", "ls", "--format", "{{.Name}}", *options).split())

    def network(self, name):
        return json.loads(self.out("network", "inspect", name))[0]

    def sleeper(self, *options):
        return self.out("run", "-d", *options, IMAGE, "sleep", "1000")

    def endpoint(self, container, network):
        return self.inspect(container)["NetworkSettings"]["Networks"][network]

    def test_those_that_are_always_there(self):
        self.assertEqual(self.networks(), ["bridge", "host", "none"])
        self.assertEqual(self.out("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").splitlines(),
                         ["bridge bridge local", "host host local", "none null local"])
        bridge = self.network("bridge")
        self.assertEqual(bridge["Options"]["com.docker.network.bridge.default_bridge"], "true")
        self.assertEqual(len(bridge["IPAM"]["Config"]), 1)
        for name in ("bridge", "host", "none"):
            self.assert_mentions(self.refused("network", "rm", name), "pre-defined network and cannot be removed")

    def test_create_inspect_remove(self):
        made = self.out("network", "create", "--label", "kind=test", "--subnet", "10.99.0.0/16", "--gateway", "10.99.0.7",
                        "--ip-range", "10.99.5.0/24", "--opt", "com.docker.network.driver.mtu=1400", "net")
        self.assertRegex(made, r"^[0-9a-f]{64}$")
        shown = self.network("net")
        self.assertEqual((shown["Id"], shown["Name"], shown["Driver"], shown["Scope"]), (made, "net", "bridge", "local"))
        self.assertEqual(shown["IPAM"]["Config"], [{"Subnet": "10.99.0.0/16", "IPRange": "10.99.5.0/24",
                                                    "Gateway": "10.99.0.7"}])
        self.assertEqual((shown["Internal"], shown["EnableIPv6"], shown["Labels"]), (False, False, {"kind": "test"}))
        self.assertEqual(self.network(made[:12])["Name"], "net")
        self.assert_mentions(self.refused("network", "create", "net"), "network with name net already exists")
        self.assertEqual(self.out("network", "rm", "net"), "net")
        for words in (("inspect", "net"), ("rm", "net")):
            self.assert_mentions(self.refused("network", *words), "net")

    def test_bad_input(self):
        for options, why in ((("--subnet", "nonsense"), "invalid"), (("--driver", "nothing"), "nothing"),
                             (("--subnet", "10.98.0.0/24", "--gateway", "10.97.0.1"), "10.97.0.1")):
            with self.subTest(why):
                self.assert_mentions(self.refused("network", "create", *options, "bad"), why)
        self.docker("network", "create", "--subnet", "10.98.0.0/16", "first")
        self.assert_mentions(self.refused("network", "create", "--subnet", "10.98.5.0/24", "second"), "overlap")
        self.assertEqual(self.networks("--filter", "type=custom"), ["first"])

    @unittest.skipIf(engine_home.IS_ORIGINAL, "it has these")
    def test_what_is_not_supported_is_refused(self):
        for options, why in ((("--driver", "overlay"), "network driver 'overlay' is not supported"),
                             (("--driver", "ipvlan"), "network driver 'ipvlan' is not supported"),
                             (("--scope", "swarm"), "networks of scope 'swarm' are not supported"),
                             (("--config-only",), "config-only networks are not supported"),
                             (("--ingress",), "needs a swarm"),
                             (("--opt", "com.docker.network.bridge.colour=red"), "is not supported"),
                             (("--opt", "com.docker.network.bridge.gateway_mode_ipv4=isolated"), "internal network")):
            with self.subTest(why):
                self.assert_mentions(self.refused("network", "create", *options, "bad"), why)
        self.docker("network", "create", "--attachable", "--subnet", "10.98.0.0/24", "good")
        container = self.sleeper()
        self.assert_mentions(self.refused("network", "connect", "--driver-opt", "com.docker.network.endpoint.colour=red",
                                          "good", container), "endpoint option")
        self.assertEqual(self.network("good")["Containers"], {})

    def test_options_of_an_endpoint(self):
        self.docker("network", "create", "--subnet", "10.98.0.0/24", "net")
        container = self.sleeper()
        self.docker("network", "connect", "--driver-opt", "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1",
                    "--link-local-ip", "169.254.7.7", "--ip", "10.98.0.77", "net", container)
        self.assertEqual(self.out("exec", container, "cat", "/proc/sys/net/ipv4/conf/eth1/log_martians"), "1")
        shown = self.out("exec", container, "ip", "-4", "addr", "show", "eth1")
        self.assert_mentions(shown, "169.254.7.7/16", "10.98.0.77/24")

    def test_filters(self):
        one = self.out("network", "create", "--label", "kind=test", "one")
        self.docker("network", "create", "--internal", "two")
        self.assertEqual(self.networks("--filter", "label=kind"), ["one"])
        self.assertEqual(self.networks("--filter", "name=tw"), ["two"])
        self.assertEqual(self.networks("--filter", f"id={one[:10]}"), ["one"])
        self.assertEqual(self.networks("--filter", "driver=null"), ["none"])
        self.assertEqual(self.networks("--filter", "type=builtin"), ["bridge", "host", "none"])
        self.assertEqual(self.networks("--filter", "dangling=true"), ["one", "two"])
        self.assertEqual(self.networks("--filter", "scope=swarm"), [])
        self.assert_mentions(self.refused("network", "ls", "--filter", "colour=red"), "invalid filter")

    def test_containers_of_a_network(self):
        self.docker("network", "create", "--subnet", "10.99.0.0/24", "net")
        container = self.sleeper("--network", "net", "--name", "web", "--ip", "10.99.0.77", "--network-alias", "front")
        member = self.network("net")["Containers"][container]
        endpoint = self.endpoint("web", "net")
        self.assertEqual((member["Name"], member["IPv4Address"]), ("web", "10.99.0.77/24"))
        self.assertEqual(member["MacAddress"], endpoint["MacAddress"])
        self.assertEqual((endpoint["IPAddress"], endpoint["IPPrefixLen"], endpoint["Gateway"]), ("10.99.0.77", 24, "10.99.0.1"))
        self.assertIn("front", endpoint["Aliases"])
        self.assert_mentions(self.refused("network", "rm", "net"), "has active endpoints")
        self.docker("stop", "-t", "0", "web")
        self.assertEqual(self.network("net")["Containers"], {})

    def test_a_network_by_its_id_is_shown_by_its_name(self):
        made = self.out("network", "create", "net")
        container = self.sleeper("--network", made, "--network-alias", "front")
        self.assertEqual(list(self.inspect(container)["NetworkSettings"]["Networks"]), ["net"])
        self.assertIn("front", self.endpoint(container, "net")["Aliases"])
        self.assertEqual(list(self.network("net")["Containers"]), [container])
        self.docker("restart", "-t", "0", container)
        self.assertEqual(list(self.inspect(container)["NetworkSettings"]["Networks"]), ["net"])
        self.docker("network", "disconnect", made, container)
        self.assertEqual(self.inspect(container)["NetworkSettings"]["Networks"], {})

    def test_connect_and_disconnect_while_it_runs(self):
        self.docker("network", "create", "net")
        container = self.sleeper()
        self.docker("network", "connect", "--alias", "other", "net", container)
        self.assertEqual(sorted(self.inspect(container)["NetworkSettings"]["Networks"]), ["bridge", "net"])
        address = self.endpoint(container, "net")["IPAddress"]
        self.assertIn(ipaddress.ip_address(address),
                      ipaddress.ip_network(self.network("net")["IPAM"]["Config"][0]["Subnet"]))
        self.assertIn(address, self.out("exec", container, "ip", "-4", "addr"))
        self.assert_mentions(self.refused("network", "connect", "net", container), "already exists in network net")
        self.docker("network", "disconnect", "net", container)
        self.assertNotIn(address, self.out("exec", container, "ip", "-4", "addr"))
        self.assert_mentions(self.refused("network", "disconnect", "net", container), "is not connected to")

    def test_connect_of_one_that_is_stopped_counts_when_it_starts(self):
        self.docker("network", "create", "net")
        container = self.out("create", IMAGE, "sleep", "1000")
        self.docker("network", "connect", "net", container)
        self.docker("start", container)
        self.assertNotEqual(self.endpoint(container, "net")["IPAddress"], "")

    def test_prune(self):
        for name in ("kept", "gone"):
            self.docker("network", "create", *(("--label", "keep=yes") if name == "kept" else ()), name)
        self.docker("network", "create", "used")
        self.sleeper("--network", "used")
        self.assertEqual(self.out("network", "prune", "--force", "--filter", "label!=keep"), "Deleted Networks:\ngone")
        self.assertEqual(self.networks("--filter", "type=custom"), ["kept", "used"])

    def test_names_are_found(self):
        self.docker("network", "create", "net")
        self.sleeper("--network", "net", "--name", "server", "--network-alias", "alias")
        for name in ("server", "alias"):
            script = f"for i in $(seq 30); do ping -c 1 -W 1 {name} && break; done"  # a busy host may lose the first
            said = self.out("run", "--rm", "--network", "net", IMAGE, "sh", "-c", script)
            self.assert_mentions(said, "1 packets received")

    def test_a_published_port(self):
        container = self.out("run", "-d", "-p", "127.0.0.1:18080:80", IMAGE, "sh", "-c",
                             "while :; do echo hello | nc -l -p 80; done")
        self.assertEqual(self.out("port", container), "80/tcp -> 127.0.0.1:18080")

        def answers():
            try:
                with socket.create_connection(("127.0.0.1", 18080), 5) as connection:
                    return connection.recv(100) == b"hello\n"
            except OSError:
                return False

        wait_for(answers, "an answer of the published port", 30)
        self.assert_mentions(self.refused("run", "--rm", "-p", "127.0.0.1:18080:81", IMAGE, "true", status=125),
                             "port is already allocated")
