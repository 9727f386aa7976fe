# SPDX-License-Identifier: Apache-2.0
"""What is refused leaves nothing behind: a client that errs for ever does not make the daemon grow."""

import json
import urllib.parse

from docker import engine_home
from lib.engine_api import UnixConnection

LONG = "x" * 16_000
TIMES = 1_000
REFUSED = (
    ("GET", "/events", {"filters": json.dumps({"label": [LONG]}), "since": "never"}),
    ("POST", "/build", {"version": "2", "buildid": LONG, "outputs": "[{}, {}]"}),
)


def setUpModule():
    engine_home.Case.home = engine_home.start()


class RefusedRequests(engine_home.CleanCase):
    def memory(self):
        """Bytes of its own that are resident."""
        with open(f"/proc/{self.home.daemon.process.pid}/status") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon:"))

    def refuse(self, method, path, query):
        target = f"{path}?{urllib.parse.urlencode(query)}"
        connection = UnixConnection(self.home.socket)
        for _ in range(TIMES):
            connection.request(method, target)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 400)
        connection.close()

    def test_the_daemon_does_not_grow(self):
        for request in REFUSED:
            with self.subTest(request[1]):
                self.refuse(*request)  # whatever it needs once it has from now on
                before = self.memory()
                self.refuse(*request)
                self.assertLess(self.memory() - before, TIMES * len(LONG) / 2)
