# SPDX-License-Identifier: Apache-2.0
"""Docker's legacy links: names, what the linking container is told, and how they go."""

from docker import engine_home
from lib.runtime import wait_for

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Links(engine_home.CleanCase):
    def setUp(self):
        super().setUp()
        self.docker("run", "-d", "--name", "db", "--expose", "5432", IMAGE, "sleep", "1000")
        self.docker("run", "-d", "--name", "web", "--link", "db:sql", "--link", "db", IMAGE, "sleep", "1000")

    def names(self, name):
        return sorted(self.out("ps", "-a", "--no-trunc", "--filter", f"name=^/?{name}$", "--format", "{{.Names}}").split(","))

    def hosts(self):
        """Addresses in web's /etc/hosts by their names."""
        lines = [line.split() for line in self.out("exec", "web", "cat", "/etc/hosts").splitlines()]
        return {name: line[0] for line in lines for name in line[1:]}

    def address(self, name):
        return self.inspect(name)["NetworkSettings"]["IPAddress"]

    def test_names(self):
        self.assertEqual(self.names("db"), ["db", "web/db", "web/sql"])
        self.assertEqual(self.names("web"), ["web"])
        self.assertEqual(sorted(self.inspect("web")["HostConfig"]["Links"]), ["/db:/web/db", "/db:/web/sql"])
        self.docker("rename", "db", "base")
        self.docker("rename", "web", "shop")
        self.assertEqual(self.names("base"), ["base", "shop/db", "shop/sql"])
        self.assertEqual(sorted(self.inspect("shop")["HostConfig"]["Links"]), ["/base:/shop/db", "/base:/shop/sql"])
        self.home.restart()
        self.assertEqual(self.names("base"), ["base", "shop/db", "shop/sql"])

    def test_a_link_is_removed(self):
        self.assertEqual(self.out("rm", "--link", "/web/sql"), "/web/sql")
        self.assertEqual(self.names("db"), ["db", "web/db"])
        self.assertEqual(self.inspect("web")["HostConfig"]["Links"], ["/db:/web/db"])
        self.assertNotIn("sql", self.hosts())
        self.assertIn("db", self.hosts())
        self.assert_mentions(self.refused("rm", "--link", "web/sql"), "No such container")
        self.assert_mentions(self.refused("rm", "--link", "web"), "cannot remove the default link name")
        self.assert_mentions(self.refused("rm", "--link", "nobody/sql"), "No such container: nobody/sql")
        self.assertEqual(self.inspect("db")["State"]["Status"], "running")

    def test_a_peer_that_restarts_is_found_at_its_new_address(self):
        before = self.address("db")
        self.assertEqual(self.hosts()["sql"], before)
        self.docker("stop", "-t", "0", "db")
        # Somebody else takes the address meanwhile.
        self.docker("run", "-d", "--name", "other", "--ip", before, IMAGE, "sleep", "1000", status=None)
        self.docker("run", "-d", "--name", "another", IMAGE, "sleep", "1000")
        self.docker("start", "db")
        wait_for(lambda: self.hosts().get("sql") == self.address("db"), "the new address")

    def test_what_cannot_be_linked(self):
        self.assert_mentions(self.refused("run", "--link", "nobody:x", IMAGE, "true", status=125), "nobody")
        self.docker("stop", "-t", "0", "db")
        self.docker("stop", "-t", "0", "web")
        self.assert_mentions(self.refused("start", "web"), "Cannot link to a non running container: /db AS /web/")
