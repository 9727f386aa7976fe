# SPDX-License-Identifier: Apache-2.0
"""What was answered is there: after kill -9, and on an etcd cluster that loses a member."""

import concurrent.futures
import json
import os
import shutil
import tempfile
import unittest

from kube.kube_case import config_map
from lib import clients, command
from lib.control_plane import ControlPlane, free_port
from lib.runtime import wait_for

WRITERS = int(os.environ.get("WRITERS", "8"))


def names(plane):
    status, body = plane.raw("/api/v1/namespaces/default/configmaps")
    assert status == 200, body
    return {item["metadata"]["name"] for item in json.loads(body)["items"]}


def write(plane, writer, until):
    """Names that were answered to be there, until the server does not answer any more."""
    written = []
    while not until():
        name = f"w{writer}-{len(written)}"
        try:
            status, _ = plane.raw("/api/v1/namespaces/default/configmaps", "POST", config_map(name))
        except OSError:
            break
        if status == 201:
            written.append(name)
    return written


@unittest.skipUnless(clients.are_there(), "there is no kubectl: tools/newer-clients")
class Embedded(unittest.TestCase):
    def test_killed_in_a_storm_of_writes_nothing_is_lost(self):
        plane = ControlPlane()
        self.addCleanup(plane.remove)
        plane.raw("/api/v1/namespaces/default")  # the administrator's certificate is unpacked
        is_killed = False
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            storms = [pool.submit(write, plane, writer, lambda: is_killed) for writer in range(WRITERS)]
            wait_for(lambda: len(names(plane)) > 50, "writes to be under way")
            plane.daemon.kill()
            is_killed = True
            written = {name for storm in storms for name in storm.result()}
        plane.start()
        self.assertGreater(len(written), 50)
        self.assertEqual(written - names(plane), set())


class Etcd:
    """A cluster of three."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="etcd-")
        ports = [(free_port(), free_port()) for _ in range(3)]
        self.endpoints = [f"http://127.0.0.1:{client}" for client, _ in ports]
        peers = ",".join(f"m{number}=http://127.0.0.1:{peer}" for number, (_, peer) in enumerate(ports))
        self.members = [command.Daemon(
            "etcd", "--name", f"m{number}", "--data-dir", f"{self.directory}/m{number}", "--initial-cluster", peers,
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
            ready=lambda: True) for number, (client, peer) in enumerate(ports)]
        wait_for(lambda: command.run("etcdctl", "--endpoints", ",".join(self.endpoints), "endpoint", "health", status=None,
                                     env={"ETCDCTL_API": "3"}).status == 0, "etcd to be ready", 60)

    def remove(self):
        for member in self.members:
            if member.process.poll() is None:
                member.stop()
            member.log.close()
        shutil.rmtree(self.directory)


@unittest.skipUnless(clients.are_there(), "there is no kubectl: tools/newer-clients")
class OnEtcd(unittest.TestCase):
    def setUp(self):
        self.etcd = Etcd()
        self.addCleanup(self.etcd.remove)

    def plane(self, **options):
        plane = ControlPlane("--etcd-servers", ",".join(self.etcd.endpoints), **options)
        self.addCleanup(plane.remove)
        return plane

    def test_two_servers_show_the_same_and_a_member_may_die(self):
        first, second = self.plane(), self.plane()
        first.apply(config_map("one", a="1"))
        self.assertEqual(second.get("configmap", "one")["data"], {"a": "1"})
        self.etcd.members[0].kill()
        wait_for(lambda: second.kubectl("patch", "configmap", "one", "--type=merge", "-p", '{"data":{"a":"2"}}',
                                        status=None).status == 0, "a write without that member", 60)
        wait_for(lambda: first.get("configmap", "one")["data"] == {"a": "2"}, "the other server to see it", 60)
