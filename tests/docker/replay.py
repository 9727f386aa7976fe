# SPDX-License-Identifier: Apache-2.0
"""An engine and the surroundings in which the lines of tests/docker/recorded are typed."""

import os
import pathlib
import shutil
import socket
import tempfile

from docker import engine_home
from lib import transcripts
from lib.engine_api import EngineApi
from lib.images import DebianRegistry
from lib.transcripts import Transcript

RECORDED = pathlib.Path(__file__).parent / "recorded"
IMAGE = "busybox:latest"

# `await TEXT COMMAND...`: again and again, until its output has the text.
AWAIT = """#!/bin/sh
text=$1; shift
for i in $(seq 600); do
    "$@" 2>&1 | grep -qF -- "$text" && exit
    sleep 0.05
done
echo "await: '$*' never said '$text'" >&2
exit 99
"""

# `values [KEY]`: what `inspect` printed, or what is below a key of it, as lines of a place and a value; Go says
# nothing in three ways.
VALUES = r"""#!/bin/sh
jq -r --arg key "$1" '.[0] | if $key == "" then . else .[$key] end
    | paths((type != "object" and type != "array") or length == 0) as $place
    | "\($place | join(".")) \(getpath($place) | if . == null or . == [] or . == {} then "none" else tojson end)"' | LC_ALL=C sort
"""


class Replay:
    """With docker's client; another command has its own `environment`, and a name by which records know it."""

    def __init__(self, home, client=engine_home.DOCKER, name=None, environment=None):
        self.home, self.name, self.names = home, name, []
        home.docker("import", "--change", 'CMD ["/bin/sh"]', engine_home.busybox_tar(home.directory), IMAGE)
        self.programs = tempfile.mkdtemp(prefix="programs-")
        self.registry = DebianRegistry()
        self.socket = home.environment["DOCKER_HOST"].removeprefix("unix://")
        self.environment = home.environment | (environment or {}) | {
            "PATH": f"{self.programs}:{os.environ['PATH']}", "REGISTRY": self.registry.address, "DOCKER_BUILDKIT": "0"}
        self.write_program("docker", f'#!/bin/sh\nexec {client} "$@"\n')
        self.write_program("await", AWAIT)
        self.write_program("values", VALUES)
        self.names += [(f"{home.directory}/data/", "<home>/<root>/"), (f"{home.directory}/root/", "<home>/<root>/"), ("-json.log", ".log"),
                       (home.directory, "<home>"), (self.registry.address, "<registry>"), (self.socket, "<socket>"),
                       (socket.gethostname(), "<host>")]

    def write_program(self, name, text):
        path = f"{self.programs}/{name}"
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def answers(self, case):
        """[(step, what it answered)]; all that the case made is gone afterwards."""
        directory = tempfile.mkdtemp(prefix="case-")
        names = [*self.names, (directory, "<dir>")]
        try:
            return [(step, transcripts.run(step.command, cwd=directory, env=self.environment, names=names))
                    for step in case.steps()]
        finally:
            EngineApi(self.socket).remove_everything(keep_images=(IMAGE,))
            shutil.rmtree(directory)

    def remove(self):
        self.registry.remove()
        shutil.rmtree(self.programs)

    def differences(self, path, case):
        """For people."""
        return "\n".join(f"{path.name}:{step.line}: $ {step.command}\n--- recorded\n{self.wanted(step)}+++ now\n{answer}"
                         for step, answer in self.answers(case) if not self.is_as_wanted(step, answer))

    def wanted(self, step):
        return step.expected(self.name) if self.name else step.expected()

    def is_as_wanted(self, step, answer):
        return answer.tells_the_same_as(self.wanted(step)) if self.name else answer.is_like(self.wanted(step))


def a_test_for_each_file(test_case):
    """Decorates a class that has a Replay as `replay`."""
    def test_of(path):
        def test(self):
            for case in Transcript(path).cases:
                with self.subTest(case.title):
                    found = self.replay.differences(path, case)
                    if found:
                        self.fail(found)
        return test

    for path in sorted(RECORDED.glob("*.txt")):
        setattr(test_case, f"test_{path.stem}", test_of(path))
    return test_case
