# SPDX-License-Identifier: Apache-2.0
"""The host's own packet rules: they stay as they are, they are obeyed, and what they take from us comes back."""

from lib import command
from lib.nft import nft
from lib.sockets import cannot_reach, reach, reach_in_the_end
from network import network_case
from network.network_case import BESIDE

SITE = """
    table inet site {
        set friends { type ipv4_addr; elements = { 10.9.0.2, 10.9.0.7 }; }
        chain input { type filter hook input priority 0; policy accept; tcp dport 9 drop; }
        chain forward { type filter hook forward priority -5; policy accept; ip saddr @friends accept; }
    }
    table ip site-nat {
        chain out { type nat hook postrouting priority 200; oifname "nosuch" masquerade; }
    }
    """


def setUpModule():
    network_case.start()


class Firewall(network_case.Case):
    def of_others(self):
        """All tables but ours."""
        tables = [line for line in nft("list tables").splitlines() if line != f"table inet {self.home.bridge}"]
        return "".join(nft(f"list {table}") for table in tables)

    def test_rules_of_others_stay_as_they_are(self):
        nft(SITE)
        self.addCleanup(nft, "delete table inet site; delete table ip site-nat")
        for program in ("iptables", "ip6tables"):
            command.run(program, "-A", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP")
            self.addCleanup(command.run, program, "-D", "INPUT", "-p", "tcp", "--dport", "9", "-j", "DROP")
        before = self.of_others()
        self.assertIn("friends", before)
        self.docker("network", "create", "--ipv6", "--subnet", "fd00:5::/64", "net")
        web = self.run_one("web", "--network", "net", "-p", "8080:80")
        self.assertEqual(reach(self.serve(web, 80), BESIDE, "10.9.0.1", 8080), "10.9.0.2")
        self.assertEqual(self.of_others(), before)
        self.home.restart()
        self.assertEqual(self.of_others(), before)
        self.remove_all()
        self.assertEqual(self.of_others(), before)

    def test_a_rule_of_the_host_that_drops_wins(self):
        web = self.run_one("web", "-p", "8080:80")
        server = self.serve(web, 80)
        nft("table inet strict { chain forward { type filter hook forward priority 10; tcp dport 80 drop; }; }\n")
        self.addCleanup(nft, "delete table inet strict")
        self.assertTrue(cannot_reach(server, BESIDE, "10.9.0.1", 8080))
        nft("flush table inet strict")
        self.assertEqual(reach_in_the_end(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")

    def test_flushed_rules_come_back(self):
        web = self.run_one("web", "-p", "8080:80")
        server = self.serve(web, 80)
        for flush in ("flush ruleset", f"delete table inet {self.home.bridge}",
                      f"flush map inet {self.home.bridge} published4", f"delete chain inet {self.home.bridge} output"):
            with self.subTest(flush):
                nft(flush)
                self.assertEqual(reach_in_the_end(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")

    def test_a_removed_bridge_or_interface_comes_back(self):
        web = self.run_one("web", "-p", "8080:80")
        server = self.serve(web, 80)
        address = self.address("web")
        self.assertEqual(reach(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")
        for link in (self.home.bridge, f"veth{self.endpoint('web')['EndpointID'][:11]}"):
            with self.subTest(link):
                command.run("ip", "link", "delete", link)
                self.assertEqual(reach_in_the_end(server, BESIDE, "10.9.0.1", 8080), "10.9.0.2")
                self.assertEqual(self.address("web"), address)
