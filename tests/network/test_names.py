# SPDX-License-Identifier: Apache-2.0
"""Names that are not containers': whom the name service asks for them, and when that changes."""

import os
import shutil

from lib import command, isolation, name_server
from lib.runtime import wait_for
from network import network_case
from network.network_case import BESIDE

RESOLV_CONF = "/etc/resolv.conf"
FIRST, SECOND, DEAD = "10.9.0.2", "10.9.0.3", "10.9.0.4"


def setUpModule():
    network_case.start()


class Names(network_case.Case):
    def setUp(self):
        super().setUp()
        command.run("ip", "-n", "beside", "addr", "add", f"{SECOND}/24", "dev", "uplink")
        self.addCleanup(command.run, "ip", "-n", "beside", "addr", "del", f"{SECOND}/24", "dev", "uplink")
        self.enterContext(name_server.serving(BESIDE, FIRST, "192.0.2.1"))
        self.enterContext(name_server.serving(BESIDE, SECOND, "192.0.2.2"))
        before = f"{self.home.directory}/resolv.conf"
        shutil.copy(RESOLV_CONF, before)
        self.addCleanup(shutil.move, before, RESOLV_CONF)
        self.docker("network", "create", "net")

    def use(self, *servers):
        """As a program that manages the file does it: another file in its place."""
        isolation.write(f"{RESOLV_CONF}.new", "".join(f"nameserver {server}\n" for server in servers))
        os.rename(f"{RESOLV_CONF}.new", RESOLV_CONF)

    def wait_for_answer(self, name, address):
        wait_for(lambda: address in self.resolve("web", name), f"{name} to be {address}")

    def test_the_hosts_servers_are_asked_and_followed(self):
        self.use(FIRST)
        web = self.run_one("web", "--network", "net")
        self.wait_for_answer("first.example", "192.0.2.1")
        self.assertEqual(name_server.ask_by_tcp(web, "127.0.0.11", "tcp.example"), "192.0.2.1")
        self.use(SECOND)
        self.wait_for_answer("second.example", "192.0.2.2")
        self.use(DEAD, SECOND)
        self.wait_for_answer("third.example", "192.0.2.2")
        self.home.restart()
        self.wait_for_answer("fourth.example", "192.0.2.2")

    def test_a_containers_own_servers(self):
        self.use(FIRST)
        self.run_one("web", "--network", "net", "--dns", SECOND)
        self.wait_for_answer("own.example", "192.0.2.2")

    def test_containers_share_an_alias(self):
        for name in ("one", "two", "web"):
            self.run_one(name, "--network", "net", "--network-alias", "shared")
        self.assert_mentions(self.resolve("web", "shared"), *(self.address(name, "net") for name in ("one", "two", "web")))
        gone = self.address("one", "net")
        self.docker("rm", "-f", "one")
        self.assertNotIn(gone, self.resolve("web", "shared"))
