# SPDX-License-Identifier: Apache-2.0
"""What was answered is there: after kill -9, on a full disk, and on an etcd cluster that loses a member."""

import concurrent.futures
import http.client
import itertools
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from kube import kube_case
from kube.kube_case import config_map
from lib import clients
from lib.control_plane import ControlPlane
from lib.kube_client import Watch
from lib.runtime import wait_for

WRITERS = int(os.environ.get("WRITERS", "8"))
DEATHS = 3
MAPS = "/api/v1/namespaces/default/configmaps"


def listed(plane):
    with plane.client() as client:
        answer = client.get(MAPS)
    assert answer.status == 200, answer
    return answer.json()


class Writer:
    """Counts in one object, each number a write of its own. `acknowledged` is the last that was answered, `begun` the
    last that was asked for: nobody knows of that one when the server dies."""

    def __init__(self, plane, number):
        self.plane = plane
        self.name = f"counter-{number}"
        self.acknowledged = self.begun = 0

    def write(self):
        """Until the server does not answer any more."""
        try:
            with self.plane.client() as client:
                self.look(client)
                while True:
                    self.begun = self.acknowledged + 1
                    answer = self.put(client, self.begun)
                    if answer.status >= 500:  # a member of etcd has died, and nobody knows whether it was done
                        wait_for(lambda: client.get(f"{MAPS}/{self.name}").status < 500, "another member", 60)
                        self.look(client)
                        continue
                    assert answer.status in (200, 201), answer
                    self.acknowledged = self.begun
        except (OSError, http.client.HTTPException):  # the latter: it has died in the middle of an answer
            return

    def look(self, client):
        """What it is at: the last write may have been done without an answer."""
        answer = client.get(f"{MAPS}/{self.name}")
        found = int(answer.json()["data"]["first"]) if answer.status == 200 else 0
        assert self.acknowledged <= found <= self.begun, f"{self.name}: {self.acknowledged}, {found}, {self.begun}"
        self.acknowledged = found

    def put(self, client, number):
        # Both ends of an object that is longer than a page of the file: a half of it would show.
        data = {"first": str(number), "filling": "x" * 6000, "last": str(number)}
        method, path = ("POST", MAPS) if number == 1 else ("PUT", f"{MAPS}/{self.name}")
        return client.ask(method, path, config_map(self.name, **data))


class Follower:
    """Watches as clients do: from what it has seen last on, over as many connections as it takes."""

    def __init__(self, test, plane):
        self.plane = plane
        self.revision = listed(plane)["metadata"]["resourceVersion"]
        self.seen = {}  # name -> its numbers, as they were told
        self.faults = []
        self.is_over = False
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()
        test.addCleanup(self.stop)

    def follow(self):
        while not self.is_over:
            try:
                with Watch(self.plane, MAPS, timeout=2, resourceVersion=self.revision, allowWatchBookmarks="true") as watch:
                    if watch.answer.status != 200:
                        self.faults.append(watch.answer.read())
                    for event in watch:
                        self.take(event)
                        if self.is_over:
                            return
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)  # the server is not there now, or has died in the middle of an answer

    def take(self, event):
        if event["type"] == "ERROR":
            self.faults.append(event)
            return
        metadata = event["object"]["metadata"]
        if int(metadata["resourceVersion"]) < int(self.revision):
            self.faults.append(f"{metadata['resourceVersion']} after {self.revision}")
        self.revision = metadata["resourceVersion"]
        if event["type"] != "BOOKMARK" and metadata["name"].startswith("counter-"):
            self.seen.setdefault(metadata["name"], []).append(int(event["object"]["data"]["last"]))

    def wait_for(self, numbers):
        """Until it has been told all."""
        wait_for(lambda: {name: seen[-1] for name, seen in self.seen.items()} == numbers, f"the watch to tell {numbers}")

    def stop(self):
        self.is_over = True
        self.thread.join()


class Storm:
    """Writers at work, a watch that sees all, and a server that is killed and started again."""

    timeout = 180

    def ride(self, plane, disturb=lambda: None):
        """`disturb` is done once, in the middle of writes."""
        plane.administrator()  # unpacked once
        follower = Follower(self, plane)
        writers = [Writer(plane, number) for number in range(WRITERS)]
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            for death in range(DEATHS):
                storms = [pool.submit(writer.write) for writer in writers]
                self.wait_for_writes(writers)
                if death == 0:
                    disturb()
                    self.wait_for_writes(writers)
                plane.daemon.kill()
                for storm in storms:
                    storm.result()
                plane.start()
        with plane.client() as client:
            for writer in writers:
                writer.look(client)
        objects = {item["metadata"]["name"]: item["data"] for item in listed(plane)["items"] if "filling" in item.get("data", {})}
        self.assertEqual(set(objects), {writer.name for writer in writers})
        for name, data in objects.items():
            self.assertEqual((name, data["first"], len(data["filling"])), (name, data["last"], 6000))
        follower.wait_for({writer.name: writer.acknowledged for writer in writers})
        self.assertEqual(follower.faults, [])
        for writer in writers:
            # A number that nobody had answered for may have been written twice.
            told = [number for number, _ in itertools.groupby(follower.seen[writer.name])]
            self.assertEqual(told, list(range(1, writer.acknowledged + 1)))


    def wait_for_writes(self, writers):
        before = sum(writer.acknowledged for writer in writers)
        wait_for(lambda: sum(writer.acknowledged for writer in writers) > before + 40, "writes to be under way", 60)


class Embedded(Storm, unittest.TestCase):
    def test_killed_in_a_storm_of_writes_nothing_is_lost_and_watches_miss_nothing(self):
        plane = ControlPlane()
        self.addCleanup(plane.remove)
        self.ride(plane)

    def test_a_full_disk_refuses_writes_alone_and_until_there_is_room(self):
        directory = tempfile.mkdtemp(prefix="disk-")
        self.addCleanup(os.rmdir, directory)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "disk", directory], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", directory], check=True)
        plane = ControlPlane(directory=directory)
        self.addCleanup(plane.remove)
        plane.administrator()
        with open(f"{directory}/filler", "wb") as filler:
            filler.write(bytes(8 << 20))
        with plane.client() as client:
            number = 0
            while (answer := client.ask("POST", MAPS, config_map(f"map-{number}", a="x" * 500_000))).status == 201:
                number += 1
                self.assertLess(number, 100, "the disk does not fill")
            self.assertEqual((answer.status, answer.json()["reason"]), (500, "InternalError"), answer)
            self.assertIn("No space left on device", answer.message)
            self.assertEqual(client.get(f"{MAPS}/map-0").status, 200)
            self.assertEqual(client.get(f"{MAPS}/map-{number}").status, 404)
            self.assertEqual(len(listed(plane)["items"]), number)
            os.unlink(f"{directory}/filler")
            answer = client.ask("POST", MAPS, config_map(f"map-{number}", a="x" * 500_000))
            self.assertEqual(answer.status, 201, answer.message)
        plane.stop()
        plane.start()
        self.assertEqual(len(listed(plane)["items"]), number + 1)


def setUpModule():
    if not clients.are_there():
        raise unittest.SkipTest("there is no kubectl: tools/newer-clients")


class OnEtcd(Storm, unittest.TestCase):
    """On a newer one than all other tests."""

    def setUp(self):
        if not os.path.exists(clients.ETCD):
            self.skipTest("there is no newer etcd: tools/newer-clients")
        self.etcd = kube_case.etcd_of_three(self, clients.ETCD)

    def plane(self):
        plane = ControlPlane("--etcd-servers", self.etcd.servers)
        self.addCleanup(plane.remove)
        return plane

    def test_killed_in_a_storm_of_writes_nothing_is_lost_and_watches_miss_nothing(self):
        self.ride(self.plane(), disturb=lambda: self.etcd.kill(0))

    def test_who_slept_through_a_compaction_reads_all_anew(self):
        first, second = self.plane(), self.plane()
        revision = listed(second)["metadata"]["resourceVersion"]
        sleeper = second.daemon.process
        with Watch(second, MAPS, resourceVersion=revision) as watch:
            sleeper.send_signal(signal.SIGSTOP)
            with first.client() as client:
                for number in range(100):  # more than waits on the way to the sleeper
                    answer = client.ask("POST", MAPS, config_map(f"map-{number}", a="x" * 50_000))
                    self.assertEqual(answer.status, 201, answer.message)
                client.ask("DELETE", f"{MAPS}/map-0")
            self.etcd.control("compaction", str(int(listed(first)["metadata"]["resourceVersion"])))
            sleeper.send_signal(signal.SIGCONT)
            self.assertEqual([item["metadata"]["name"] for item in listed(second)["items"]],
                             [item["metadata"]["name"] for item in listed(first)["items"]])
            # Who watched there is told everything, or that he has to list anew.
            told = {}
            for event in watch:
                if event["type"] == "ERROR":
                    self.assertEqual(event["object"]["code"], 410)
                    break
                told[event["object"]["metadata"]["name"]] = event["type"]
                if len(told) == 100 and told["map-0"] == "DELETED":
                    break
            else:
                self.fail(f"the watch ended in the middle, after {len(told)} objects")
        with first.client() as client:
            self.assertEqual(client.ask("POST", MAPS, config_map("after")).status, 201)
        self.assertIn("after", [item["metadata"]["name"] for item in listed(second)["items"]])

    def test_two_servers_show_and_tell_the_same_and_a_member_may_die(self):
        first, second = self.plane(), self.plane()
        follower = Follower(self, second)
        writer = Writer(first, 0)
        with first.client() as client:
            for number in range(1, 20):
                self.assertIn(writer.put(client, number).status, (200, 201))
            self.etcd.kill(0)
            wait_for(lambda: writer.put(client, 20).status == 200, "a write without that member", 60)
        follower.wait_for({writer.name: 20})
        self.assertEqual(follower.faults, [])
        self.assertEqual(sorted(set(follower.seen[writer.name])), list(range(1, 21)))
        self.assertEqual(listed(first)["items"], listed(second)["items"])
