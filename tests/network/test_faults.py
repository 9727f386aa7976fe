# SPDX-License-Identifier: Apache-2.0
"""Many changes at once, and a daemon that is killed in their middle: no address twice, nothing left over."""

import concurrent.futures
import itertools
import json
import os

from lib import command
from lib.runtime import wait_for
from network import network_case

# Connects and disconnects at once, and kills in the middle of them. More are tried by hand: STORM=200 KILLS=50
STORM = int(os.environ.get("STORM", "24"))
KILLS = int(os.environ.get("KILLS", "3"))
CONTAINERS = 8


def setUpModule():
    network_case.start()


class Faults(network_case.Case):
    def setUp(self):
        super().setUp()
        self.docker("network", "create", "--subnet", "10.3.0.0/16", "net")
        self.names = [f"c{i}" for i in range(CONTAINERS)]
        with concurrent.futures.ThreadPoolExecutor(CONTAINERS) as pool:
            list(pool.map(self.run_one, self.names))

    def members(self):
        return json.loads(self.out("network", "inspect", "net"))[0]["Containers"].values()

    def addresses_inside(self, container):
        return [line.split()[3] for line in command.run(
            "nsenter", f"--net={self.sandbox(container)}", "ip", "-4", "-o", "addr").stdout.splitlines()]

    def ports_of_bridge(self):
        bridge = f"br-{self.out('network', 'inspect', '-f', '{{.Id}}', 'net')[:12]}"
        return command.run("ip", "-o", "link", "show", "master", bridge).stdout.splitlines()

    def assert_that_all_agree(self):
        """What inspect says, the kernel has, and nothing else."""
        members = {member["Name"]: member["IPv4Address"] for member in self.members()}
        self.assertEqual(len(set(members.values())), len(members))
        for name in self.names:
            shown = self.inspect(name)["NetworkSettings"]["Networks"].get("net")
            self.assertEqual(f"{shown['IPAddress']}/16" if shown else None, members.get(name), name)
            inside = [address for address in self.addresses_inside(name) if address.startswith("10.3.")]
            self.assertEqual(inside, [members[name]] if name in members else [], name)
        self.assertEqual(len(self.ports_of_bridge()), len(members))

    def test_many_connects_and_disconnects_at_once(self):
        def come_and_go(number):
            name = self.names[number % CONTAINERS]
            self.docker("network", "connect", "net", name, status=None)  # another may have been quicker
            self.docker("network", "disconnect", "net", name, status=None)

        with concurrent.futures.ThreadPoolExecutor(STORM) as pool:
            list(pool.map(come_and_go, range(STORM)))
            self.assert_that_all_agree()
            for verb in ("connect", "disconnect"):
                list(pool.map(lambda name, verb=verb: self.docker("network", verb, "net", name, status=None), self.names))
                self.assert_that_all_agree()
        self.assertEqual(list(self.members()), [])

    def test_a_network_in_use_is_not_removed(self):
        self.docker("network", "connect", "net", "c0")
        with concurrent.futures.ThreadPoolExecutor(CONTAINERS) as pool:
            removed = pool.submit(self.docker, "network", "rm", "net", status=None)
            list(pool.map(lambda name: self.docker("network", "connect", "net", name), self.names[1:]))
        self.assert_mentions(removed.result().stderr, "has active endpoints")
        self.assert_that_all_agree()

    def test_killed_in_the_middle_of_changes(self):
        turn = itertools.count()

        def change(name):
            """Until the daemon is gone."""
            while self.docker("network", ("connect", "disconnect")[next(turn) % 2], "net", name,
                              status=None).stderr.find("Cannot connect") < 0 and not self.is_killed:
                pass

        for kill in range(KILLS):
            self.is_killed = False
            before = next(turn)
            with concurrent.futures.ThreadPoolExecutor(CONTAINERS) as pool:
                changes = [pool.submit(change, name) for name in self.names]
                wait_for(lambda: next(turn) > before + 20 + kill, "changes to be under way")
                self.home.daemon.kill()
                self.is_killed = True
                for each in changes:
                    each.result()
            self.home.start()
            self.assert_that_all_agree()
        for member in list(self.members()):
            self.docker("network", "disconnect", "net", member["Name"])
        self.assert_that_all_agree()
