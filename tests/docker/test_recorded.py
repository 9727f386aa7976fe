# SPDX-License-Identifier: Apache-2.0
"""What docker's client says of gantryd is what it said of Docker's own daemon: the transcripts in tests/docker/recorded,
which tools/record-docker writes."""

from docker import engine_home, replay


def setUpModule():
    engine_home.Case.home = engine_home.start()


@replay.a_test_for_each_file
class Recorded(engine_home.Case):
    timeout = 300

    @classmethod
    def setUpClass(cls):
        cls.replay = replay.Replay(cls.home)
        cls.addClassCleanup(cls.replay.remove)
