# SPDX-License-Identifier: Apache-2.0
"""A gantryd for a file of tests, and the words they are written in: our command, and Debian's docker beside it."""

import json
import unittest

from docker import engine_home
from lib import command
from lib.images import GANTRY

IMAGE = "busybox"


def start():
    home = Case.home = engine_home.start()
    home.docker("import", "--change", 'CMD ["/bin/sh"]', engine_home.busybox_tar(home.directory), IMAGE)
    Case.environment = {"GANTRY_HOST": home.environment["DOCKER_HOST"]}


class Case(unittest.TestCase):
    home = None
    environment = {}

    def setUp(self):
        self.home.daemon.new_log()

    def explain(self):
        return f"the daemon's log of this time:\n{self.home.daemon.new_log()}"

    def gantry(self, *arguments, env=None, **options):
        return command.run(GANTRY, *arguments, env={**self.environment, **(env or {})}, **options)

    def on_terminal(self, *arguments, **options):
        return command.run_on_terminal(GANTRY, *arguments, env=self.environment, **options)

    def out(self, *arguments, **options):
        return self.gantry(*arguments, **options).stdout.strip()

    def refused(self, *arguments, status=1, **options):
        return self.gantry(*arguments, status=status, **options).stderr.strip()

    def docker(self, *arguments, **options):
        return self.home.docker(*arguments, **options).stdout

    def assert_same_as_docker(self, *arguments):
        """Both show the same; times that are counted in seconds may change between the two, but not again and again."""
        for _ in range(20):
            ours, theirs = self.gantry(*arguments).stdout, self.docker(*arguments)
            if ours == theirs:
                return
        self.assertEqual(ours, theirs)

    def inspect(self, name):
        return json.loads(self.out("inspect", name))[0]

    def container(self, *options, run=("sleep", "1000")):
        """A running container that goes with the test; its id."""
        name = self.out("run", "-d", "--network", "none", *options, IMAGE, *run)
        self.addCleanup(self.gantry, "rm", "-f", "-v", name)
        return name
