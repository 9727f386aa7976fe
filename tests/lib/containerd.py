# SPDX-License-Identifier: Apache-2.0
"""A containerd of the test's own, and ctr, with our runtime."""

import os
import shutil
import tempfile
import textwrap

from lib import cgroups, command, isolation
from lib.runtime import PROGRAM


class ContainerdHome:
    """A containerd of our own, and its client."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="containerd-")
        os.chmod(self.directory, 0o711)  # the root of a user namespace has to find its files
        self.socket = f"{self.directory}/containerd.sock"
        self.runtime_options = ("--runc-binary", PROGRAM, "--runc-root", f"{self.directory}/runc")  # of `ctr run`
        isolation.write(f"{self.directory}/config.toml", textwrap.dedent(f"""
            version = 2
            root = "{self.directory}/root"
            state = "{self.directory}/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [grpc]
            address = "{self.socket}"
            [ttrpc]
            address = "{self.socket}.ttrpc"
            """))
        self.start()

    def start(self):
        self.daemon = command.Daemon("containerd", "--config", f"{self.directory}/config.toml",
                                     ready=lambda: self.ctr("version", status=None).status == 0)

    def command(self, *arguments):
        return ["ctr", "--address", self.socket, *arguments]

    def ctr(self, *arguments, **options):
        return command.run(*self.command(*arguments), **options)

    def remove(self):
        left = self.ctr("container", "list", "-q").stdout
        states = os.listdir(f"{self.directory}/runc/default") if os.path.exists(f"{self.directory}/runc") else []
        groups = [directory for parent in cgroups.named("default") for directory in next(os.walk(parent))[1]]
        self.daemon.stop()
        cgroups.remove_empty("default")  # containerd's name space, as the parent of its containers
        shutil.rmtree(self.directory)
        shutil.rmtree("/run/containerd", ignore_errors=True)  # the shims' sockets
        assert (left, states, groups) == ("", [], []), f"left: {left} {states} {groups}"
