# SPDX-License-Identifier: Apache-2.0
"""A host with an engine, and a machine beside it: what tests of packets are written in."""

import unittest

from docker import engine_home
from lib import command
from lib.sockets import serve

IMAGE = "busybox"
BESIDE = "/run/netns/beside"  # 10.9.0.2 and fd09::2, behind the host's 10.9.0.1 and fd09::1


def start():
    engine_home.start_with_image(IMAGE)
    for words in (("netns", "add", "beside"),
                  ("link", "add", "uplink", "type", "veth", "peer", "name", "uplink", "netns", "beside"),
                  ("addr", "add", "10.9.0.1/24", "dev", "uplink"), ("link", "set", "uplink", "up"),
                  ("addr", "add", "fd09::1/64", "dev", "uplink", "nodad"),
                  ("-n", "beside", "addr", "add", "10.9.0.2/24", "dev", "uplink"),
                  ("-n", "beside", "addr", "add", "fd09::2/64", "dev", "uplink", "nodad"),
                  ("-n", "beside", "link", "set", "uplink", "up"), ("-n", "beside", "link", "set", "lo", "up")):
        command.run("ip", *words)
    unittest.addModuleCleanup(command.run, "umount", "/run/netns")  # which the first use of `ip netns` has mounted
    unittest.addModuleCleanup(command.run, "ip", "netns", "del", "beside")


class Case(engine_home.CleanCase):
    leftovers = engine_home.CONTAINERS + engine_home.NETWORKS

    def run_one(self, name, *options):
        """Its network namespace."""
        self.docker("run", "-d", "--name", name, *options, IMAGE, "sleep", "1000")
        return self.sandbox(name)

    def sandbox(self, container):
        return self.inspect(container)["NetworkSettings"]["SandboxKey"]

    def endpoint(self, container, network="bridge"):
        return self.inspect(container)["NetworkSettings"]["Networks"][network]

    def address(self, container, network="bridge"):
        return self.endpoint(container, network)["IPAddress"]

    def serve(self, netns, port, *arguments, **options):
        server = serve(netns, port, *arguments, **options)
        self.addCleanup(server.close)
        return server

    def resolve(self, container, name):
        """The name as it is: busybox appends the search list to one without a dot, and asks for nothing else."""
        return self.out("exec", container, "nslookup", f"{name}.", status=None)
