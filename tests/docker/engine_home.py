# SPDX-License-Identifier: Apache-2.0
"""The engine under test for a file of tests: gantryd, or with ENGINE=dockerd the original, which shows that a test
expects what Docker does."""

import json
import os
import re
import unittest

from lib import command, isolation

# By path: a newer client elsewhere in PATH is not what Debian ships.
DOCKER = "/usr/bin/docker"
IS_ORIGINAL = os.environ.get("ENGINE") == "dockerd"


def busybox_tar(directory):
    """A tar of the files that containers of tests have: busybox, all its applets, a few users."""
    root, tar = f"{directory}/rootfs", f"{directory}/rootfs.tar"
    command.run(f"{isolation.CHECKOUT}/tools/busybox-rootfs", root)
    command.run("tar", "-C", root, "-cf", tar, ".")
    return tar


def start():
    """A new engine; ends with the module's tests."""
    if IS_ORIGINAL:
        from lib.dockerd import DockerHome as Home
    else:
        from lib.gantryd import GantrydHome as Home
    home = Home()
    unittest.addModuleCleanup(home.remove)
    return home


def start_with_image(name="busybox", command="sh"):
    """A new engine, also for `Case`, with busybox as an image whose CMD is `command`."""
    home = Case.home = start()
    home.docker("import", "--change", f"CMD {json.dumps([command])}", busybox_tar(home.directory), name)
    return home


class Case(unittest.TestCase):
    """Words that tests of docker's command are written in. A file's setUpModule sets `Case.home`."""

    home = None

    def setUp(self):
        self.home.daemon.new_log()

    def explain(self):
        return f"the daemon's log of this time:\n{self.home.daemon.new_log()}"

    def docker(self, *arguments, **options):
        return self.home.docker(*arguments, **options)

    def out(self, *arguments, **options):
        return self.docker(*arguments, **options).stdout.strip()

    def refused(self, *arguments, status=1, **options):
        """What it says on standard error."""
        return self.docker(*arguments, status=status, **options).stderr.strip()

    def inspect(self, *arguments):
        return json.loads(self.out("inspect", *arguments))[0]

    def assert_mentions(self, text, *parts):
        for part in parts:
            self.assertIn(part.lower(), text.lower())

    def assert_matches(self, text, pattern):
        self.assertTrue(re.fullmatch(pattern, text, re.S), f"{text!r} is not like {pattern!r}")


# What may be left behind: what lists names, and what removes them.
CONTAINERS = ((("ps", "-aq"), ("rm", "-f", "-v")),)
NETWORKS = ((("network", "ls", "-q", "--filter", "type=custom"), ("network", "rm")),)
VOLUMES = ((("volume", "ls", "-q"), ("volume", "rm")),)


class CleanCase(Case):
    """A case that leaves nothing to the next one."""

    leftovers = CONTAINERS

    def setUp(self):
        super().setUp()
        self.addCleanup(self.remove_all)

    def remove_all(self):
        for listed, remove in self.leftovers:
            if names := self.out(*listed).split():
                self.docker(*remove, *names)
