# SPDX-License-Identifier: Apache-2.0
"""An etcd cluster of a test's own (Debian's packages etcd-server and etcd-client)."""

import shutil
import tempfile

from lib import command
from lib.runtime import wait_for
from lib.sockets import free_port


def is_there():
    return shutil.which("etcd") is not None and shutil.which("etcdctl") is not None


class Etcd:
    def __init__(self, members=3, program="etcd"):
        self.directory = tempfile.mkdtemp(prefix="etcd-")
        ports = [(free_port(), free_port()) for _ in range(members)]
        self.endpoints = [f"http://127.0.0.1:{client}" for client, _ in ports]
        peers = ",".join(f"m{number}=http://127.0.0.1:{peer}" for number, (_, peer) in enumerate(ports))
        self.members = [command.Daemon(
            program, "--name", f"m{number}", "--data-dir", f"{self.directory}/m{number}", "--initial-cluster", peers,
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
            ready=lambda: True) for number, (client, peer) in enumerate(ports)]
        wait_for(lambda: self.control("endpoint", "health", status=None).status == 0, "etcd to be ready", 60)

    @property
    def servers(self):
        """As --etcd-servers takes them."""
        return ",".join(self.endpoints)

    def control(self, *arguments, **options):
        return command.run("etcdctl", "--endpoints", self.servers, *arguments, env={"ETCDCTL_API": "3"}, **options)

    def kill(self, member):
        self.members[member].kill()

    def remove(self):
        for member in self.members:
            if member.process.poll() is None:
                member.stop()
            member.log.close()
        shutil.rmtree(self.directory)
