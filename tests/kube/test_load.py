# SPDX-License-Identifier: Apache-2.0
"""Slow clients, silent ones, and very many: others are served, memory stays bounded, nothing that was said is lost."""

import collections
import contextlib
import json
import os
import struct
import time

from kube import kube_case
from kube.kube_case import config_map
from lib import command, http2
from lib.kube_client import raw_connection
from lib.runtime import fields, read, wait_for

WATCHES = int(os.environ.get("WATCHES", "10000"))
WATCHES_OF_A_CONNECTION = 250
SLOW = 200
SLOW_BODIES = 300  # more than one user may be sending
KIB_A_WATCH = 10  # PSS, as the issue has it: 100 MB for ten thousand
PROMPT = 5        # seconds: on a machine that others use; a held-up server needs a minute


def setUpModule():
    kube_case.start()


class Load(kube_case.Case):
    timeout = 240

    def setUp(self):
        super().setUp()
        self.maps = f"/api/v1/namespaces/{self.namespace}/configmaps"
        self.open = contextlib.ExitStack()
        self.addCleanup(self.open.close)

    def memory(self):
        """Kilobytes, PSS."""
        return int(fields(read(f"/proc/{self.plane.daemon.process.pid}/smaps_rollup"))["Pss"].split()[0])

    def say(self, identity, words, **options):
        """On a connection of its own."""
        peer = self.open.enter_context(raw_connection(self.plane, identity=identity, **options))
        peer.sendall(words)
        return peer

    def ask(self, identity, path, **options):
        return self.say(identity, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), **options)

    def connect2(self, identity=None, **options):
        return self.open.enter_context(http2.Connection(self.plane, identity, **options))

    def make(self, name, **data):
        status, body = self.plane.raw(self.maps, "POST", config_map(name, **data))
        self.assertEqual(status, 201, body)

    def check_served_promptly(self):
        began = time.monotonic()
        self.make(f"prompt-{os.urandom(4).hex()}-x", a="1")
        self.assertEqual(self.plane.raw(self.maps)[0], 200)
        self.assertLess(time.monotonic() - began, PROMPT)


class SlowClients(Load):
    def test_those_who_say_half_or_nothing_hold_up_nobody(self):
        before = self.memory()
        half_a_head = b"GET /version HTTP/1.1\r\nHost: x\r\nX-"
        no_body = b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
        peers = [self.say(None, (no_body, half_a_head)[number % 2]) for number in range(SLOW)]
        self.check_served_promptly()
        self.assertLess(self.memory() - before, SLOW * 64)
        self.assertIn(b" 401 ", peers[0].recv(100))
        self.assertIn(b" 408 ", peers[1].recv(100))  # after some seconds

    def test_administrators_with_slow_bodies_hold_up_no_other(self):
        identity = self.plane.administrator()
        head = f"POST {self.maps} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n".encode()
        for _ in range(40):
            self.say(identity, head + b'{"metadata":')
        for _ in range(20):
            peer = self.connect2(identity)
            peer.request("POST", self.maps, is_all=False)
        self.check_served_promptly()

    def test_slow_bodies_hold_no_seats_and_leave_others_their_rate(self):
        token = self.writer()
        before = self.time_of_writes()
        head = (f"POST {self.maps} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n").encode()
        peers = [self.say(None, head + b'{"metadata":') for _ in range(SLOW_BODIES)]
        refused = peers[-1].recv(4096)  # one alone gets half of the room for bodies
        self.assertIn(b" 429 ", refused)
        self.assertIn(b"Retry-After: 1", refused)
        taken = [line for line in self.plane.raw("/metrics")[1].decode().splitlines()
                 if line.startswith("apiserver_flowcontrol_current_executing_seats{")]
        self.assertTrue(taken)
        self.assertEqual({line.split()[-1] for line in taken}, {"0"}, taken)
        meanwhile = self.time_of_writes()
        with self.plane.client(token) as client:  # who waits for nothing of his is served
            self.assertEqual(client.get(self.maps).status, 200)
        self.assertNotIn(b"HTTP", self.said(peers[0]))
        self.open.close()
        self.assertLess(meanwhile, 3 * max(before, self.time_of_writes()) + 1)  # of a machine that others use, too

    def writer(self):
        """The token of an account that may write what this test writes."""
        self.kubectl("create", "serviceaccount", "writer")
        self.kubectl("create", "role", "writer", "--verb=create,list", "--resource=configmaps")
        self.kubectl("create", "rolebinding", "writer", "--role=writer", f"--serviceaccount={self.namespace}:writer")
        user = f"--as=system:serviceaccount:{self.namespace}:writer"
        wait_for(lambda: self.kubectl("get", "configmaps", user, status=None).status == 0)
        return self.out("create", "token", "writer")

    def time_of_writes(self):
        began = time.monotonic()
        with self.plane.client() as client:
            for _ in range(100):
                self.assertEqual(client.ask("POST", self.maps, config_map(f"w-{os.urandom(6).hex()}-x")).status, 201)
        return time.monotonic() - began

    @staticmethod
    def said(peer):
        peer.settimeout(0)
        with contextlib.suppress(OSError):
            return peer.recv(4096)
        return b""

    def test_who_does_not_read_a_list_costs_little_and_holds_up_nobody(self):
        for number in range(20):
            self.make(f"large-{number}", a="x" * 500_000)
        identity = self.plane.administrator()
        before = self.memory()
        peers = [self.ask(identity, self.maps, receive_buffer=4096) for _ in range(20)]
        stalled = [self.connect2(identity, window=0) for _ in range(20)]
        for peer in stalled:
            peer.request("GET", self.maps)
        self.check_served_promptly()
        self.assertLess(self.memory() - before, 40 << 10)  # and not twenty times ten megabytes, or forty
        for peer in peers:
            self.assertIn(b"200 OK", peer.recv(100))

    def test_who_does_not_read_a_watch_costs_little(self):
        identity = self.plane.administrator()
        peers = [self.ask(identity, f"{self.maps}?watch=1", receive_buffer=4096) for _ in range(20)]
        for peer in peers:
            peer.recv(1)  # it has begun
        before = self.memory()
        with self.plane.client() as client:
            client.ask("POST", self.maps, config_map("large"))
            for number in range(300):
                changed = client.ask("PUT", f"{self.maps}/large", config_map("large", a=f"{number} " + "x" * 200_000))
                self.assertEqual(changed.status, 200, changed.message)
        self.assertLess(self.memory() - before, 120 << 10)  # sixty megabytes were said, to twenty
        self.check_served_promptly()


class ManyWatches(Load):
    def test_ten_thousand_over_http2_are_told_everything(self):
        identity = self.plane.administrator()
        before = self.memory()
        connections = []
        for _ in range(0, WATCHES, WATCHES_OF_A_CONNECTION):
            connection = self.connect2(identity)
            requests = [connection.begin("GET", f"{self.maps}?watch=1")[0] for _ in range(WATCHES_OF_A_CONNECTION)]
            connection.send(b"".join(requests))
            connections.append(connection)
        for connection in connections:
            begun = {frame.stream for frame in self.until(connection, lambda frame: frame.type == http2.HEADERS)}
            self.assertEqual(len(begun), WATCHES_OF_A_CONNECTION)
        self.assertLess(self.memory() - before, WATCHES * KIB_A_WATCH)
        for name in ("first", "second", "last"):
            self.make(name)
        for connection in connections:
            told = collections.defaultdict(bytes)
            for frame in self.until(connection, lambda frame: b'"name":"last"' in frame.payload):
                told[frame.stream] += frame.payload
            self.assertEqual(len(told), WATCHES_OF_A_CONNECTION)
            for events in told.values():
                self.assertEqual([(event["type"], event["object"]["metadata"]["name"]) for event in map(json.loads, events.splitlines())],
                                 [("ADDED", "first"), ("ADDED", "second"), ("ADDED", "last")])
        self.check_served_promptly()

    def until(self, connection, is_last):
        """The frames of all streams, until as many as there are watches were the last of theirs."""
        left = WATCHES_OF_A_CONNECTION
        for frame in connection.frames():
            if frame.stream != 0:
                yield frame
                left -= is_last(frame)
            if left == 0:
                return
        self.fail(f"the connection ended before {left} streams had what they wait for")

    def test_five_hundred_over_http1_are_told_and_those_that_vanish_are_forgotten(self):
        identity = self.plane.administrator()
        watches = [self.ask(identity, f"{self.maps}?watch=1") for _ in range(WATCHES // 20)]
        for watch in watches:
            self.assertIn(b"200 OK", watch.recv(4096))
        descriptors = f"/proc/{self.plane.daemon.process.pid}/fd"
        before = len(os.listdir(descriptors))
        for watch in watches[::2]:
            watch.close()
        wait_for(lambda: len(os.listdir(descriptors)) <= before - len(watches) // 2, "the connections to be forgotten")
        self.make("seen")
        for watch in watches[1::2]:
            self.assertIn(b'"name":"seen"', self.read_event(watch))

    @staticmethod
    def read_event(watch):
        said = b""
        while not said.endswith(b"\n\r\n"):
            said += watch.recv(4096)
        return said


    def test_peers_that_vanish_without_a_word_are_asked_for_by_the_kernel(self):
        identity = self.plane.administrator()
        self.ask(identity, f"{self.maps}?watch=1").recv(1)
        connection = self.connect2(identity)
        connection.request("GET", f"{self.maps}?watch=1")
        wait_for(lambda: connection.read().type == http2.HEADERS, "the watch to begin")
        wait_for(lambda: self.timers().count("timer:(keepalive") == 2, "both connections to be kept an eye on")

    def timers(self):
        """As soon as nothing is on its way any more, of every connection: what it waits for."""
        return command.run("ss", "-tnoH", "state", "established", f"( sport = :{self.plane.port} )").stdout


class AbuseOfHttp2(Load):
    """Each of these has stopped servers of the world once."""

    def ended(self, connection, data):
        """Sends this again and again, for as long as it is taken."""
        with contextlib.suppress(OSError):
            for _ in range(2000):
                connection.send(data)
            self.fail("it was all taken")

    def check(self, data):
        """The connection of who sends this for ever ends, and others are served meanwhile."""
        before = self.memory()
        with http2.Connection(self.plane, self.plane.administrator()) as connection:
            self.ended(connection, data(connection))
        self.assertLess(self.memory() - before, 32 << 10)
        self.check_served_promptly()

    def test_streams_that_are_reset_at_once(self):
        before = self.memory()
        with http2.Connection(self.plane, self.plane.administrator()) as connection, contextlib.suppress(OSError):
            for _ in range(300):
                rush = b""
                for _ in range(200):
                    data, stream = connection.begin("GET", self.maps)
                    rush += data + http2.frame(http2.RESET, 0, stream, struct.pack(">I", 8))
                connection.send(rush)
            self.fail("sixty thousand streams were begun and reset")
        self.assertLess(self.memory() - before, 32 << 10)
        self.check_served_promptly()

    def test_heads_that_never_end(self):
        def flood(connection):
            connection.send(http2.frame(http2.HEADERS, 0, 1, connection.head("GET", self.maps)))
            return http2.frame(http2.CONTINUATION, 0, 1, http2.field("x", "y" * 16_000))
        self.check(flood)

    def test_pings_and_settings_whose_answers_nobody_reads(self):
        self.check(lambda _: http2.frame(http2.PING, 0, 0, bytes(8)) * 1000)
        self.check(lambda _: http2.frame(http2.SETTINGS, 0, 0, struct.pack(">HI", http2.INITIAL_WINDOW_SIZE, 1)) * 1000)

    def test_more_streams_than_are_allowed(self):
        connection = self.connect2(self.plane.administrator())
        connection.send(b"".join(connection.begin("GET", f"{self.maps}?watch=1")[0] for _ in range(400)))
        refused = begun = 0
        while refused + begun < 400:
            frame = connection.read()
            self.assertIsNotNone(frame, f"it ended after {begun} and {refused}")
            refused += frame.type == http2.RESET
            begun += frame.type == http2.HEADERS
        self.assertGreater(begun, 200)
        self.assertGreater(refused, 100)
        self.check_served_promptly()

    def test_large_bodies_and_bad_requests_have_their_statuses(self):
        connection = self.connect2(self.plane.administrator())
        stream = connection.request("POST", self.maps, is_all=False, **{"content-type": "application/json"})
        self.send_body(connection, stream, 4 << 20)
        status = json.loads(connection.body(stream))
        self.assertEqual((status["code"], status["reason"]), (413, "RequestEntityTooLarge"))
        stream = connection.request("GET", "/api/v1/nothings")
        self.assertEqual(json.loads(connection.body(stream))["code"], 404)
        nobody = self.connect2()
        stream = nobody.request("GET", self.maps, authorization="Bearer forged")
        self.assertEqual(json.loads(nobody.body(stream))["code"], 401)

    @staticmethod
    def send_body(connection, stream, size):
        """As far as the server lets it."""
        window = connection_window = 65_535
        while size > 0:
            taken = min(size, window, connection_window, 16_384)
            if taken > 0:
                connection.send(http2.frame(http2.DATA, 0, stream, bytes(taken)))
                size, window, connection_window = size - taken, window - taken, connection_window - taken
                continue
            frame = connection.read()
            if frame is None or (frame.stream == stream and frame.type in (http2.HEADERS, http2.RESET)):
                return
            if frame.type == http2.WINDOW_UPDATE:
                more = struct.unpack(">I", frame.payload)[0]
                window, connection_window = (window + more, connection_window) if frame.stream else (window, connection_window + more)
