# SPDX-License-Identifier: Apache-2.0
"""gantry answers what docker answered: the transcripts of tests/docker/recorded, with our command in docker's place."""

from cli import home
from docker import engine_home, replay
from lib import cgroups
from lib.images import GANTRY


def setUpModule():
    home.Case.home = engine_home.start()


@replay.a_test_for_each_file
class Recorded(home.Case):
    timeout = 300

    @classmethod
    def setUpClass(cls):
        environment = {"GANTRY_HOST": cls.home.environment["DOCKER_HOST"], "GANTRY_ROOT": f"{cls.home.directory}/root"}
        cls.replay = replay.Replay(cls.home, client=GANTRY, name="gantry", environment=environment)
        cls.addClassCleanup(cls.replay.remove)
        cls.addClassCleanup(cgroups.remove_empty, "gantry")  # above those of RUN
