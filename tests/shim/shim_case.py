# SPDX-License-Identifier: Apache-2.0
"""What the shim's test files share: a scratch directory, containers that are gone afterwards."""

import json
import shutil
import tempfile
import unittest

from lib.bundle import Bundle
from lib.shim import STDERR, STDIN, STDOUT, Shim

ATTACH_ALL = STDIN | STDOUT | STDERR


class ShimTest(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix="shim-test-")
        self.addCleanup(shutil.rmtree, self.scratch)

    def bundle(self, *args, terminal=False):
        bundle = Bundle(*args, parent=self.scratch)
        self.addCleanup(bundle.remove)
        bundle.process["terminal"] = terminal
        return bundle

    def shim(self, *args, options=(), log=None, terminal=False, bundle=None):
        """A created container. Its program is a shell script if it is one word with a blank."""
        if bundle is None:
            bundle = self.bundle(*(("sh", "-c", args[0]) if len(args) == 1 else args), terminal=terminal)
        shim = Shim(self.scratch, bundle, *(["--terminal"] if terminal else []), *options, log=log)
        self.addCleanup(shim.remove)
        return shim

    def attached(self, shim, flags=STDOUT | STDERR):
        client = shim.connect()
        self.addCleanup(client.close)
        client.attach(flags)
        return client

    def run_to_exit(self, shim):
        with shim.connect() as client:
            client.start()
            return client.wait_exit()

    def process_file(self, *args, terminal=False, env=()):
        """A process.json for exec; its path."""
        path = tempfile.mktemp(prefix="process-", suffix=".json", dir=self.scratch)
        with open(path, "w") as file:
            json.dump({"terminal": terminal, "user": {"uid": 0, "gid": 0}, "cwd": "/", "args": list(args),
                       "env": ["PATH=/bin", *env]}, file)
        return path
