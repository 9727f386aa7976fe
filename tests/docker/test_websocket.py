# SPDX-License-Identifier: Apache-2.0
"""attach by WebSocket, with Debian's python3-websocket, which docker-py uses."""

import textwrap

from docker import engine_home
from lib import command

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class WebSocketAttach(engine_home.CleanCase):
    def script(self, text):
        """Runs it with `attach(name, version=..., **query)` there, which opens a WebSocket."""
        head = """
            import os, socket, urllib.parse, websocket
            from websocket import ABNF
            def attach(name, version="1.41", **query):
                plain = socket.socket(socket.AF_UNIX)
                plain.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
                path = f"/v{version}/containers/{name}/attach/ws?" + urllib.parse.urlencode(query)
                return websocket.create_connection("ws://localhost" + path, socket=plain, timeout=60)
            def read_all(socket):
                text = b""
                while True:
                    kind, data = socket.recv_data()
                    if kind == ABNF.OPCODE_CLOSE:
                        return text
                    text += data
        """
        command.run("/usr/bin/python3", "-c", textwrap.dedent(head) + textwrap.dedent(text), env=self.home.environment)

    def test_input_output_and_end(self):
        self.docker("create", "-i", "--name", "cat", "--network", "none", IMAGE, "sh", "-c", "cat; echo end >&2")
        self.docker("start", "cat")
        self.script("""
            one = attach("cat", stream=1, stdin=1, stdout=1, stderr=1)
            one.send("hello ")
            one.send_binary(b"world\\n")
            said = b""
            while not said.endswith(b"\\n"):
                said += one.recv()
            assert said == b"hello world\\n", said
            one.ping("?")
            kind, data = one.recv_data(control_frame=True)
            assert (kind, data) == (ABNF.OPCODE_PONG, b"?"), (kind, data)
            # The end of input is the process'; what it says then comes to who is still there.
            two = attach("cat", stream=1, stdout=1, stderr=1)
            one.close()
            assert read_all(two) == b"end\\n"
        """)
        self.assertEqual(self.out("wait", "cat"), "0")

    def test_what_was_said_before(self):
        self.docker("run", "--name", "said", "--network", "none", IMAGE, "sh", "-c", "echo out; echo err >&2")
        self.script("""
            socket = attach("said", logs=1, stdout=1, stderr=1)
            text = read_all(socket)
            assert sorted(text.splitlines()) == [b"err", b"out"], text
        """)

    def test_a_terminal_is_left_by_its_keys(self):
        self.docker("run", "-d", "-i", "-t", "--name", "tty", "--network", "none", IMAGE)
        self.script("""
            socket = attach("tty", stream=1, stdin=1, stdout=1, detachKeys="ctrl-x")
            socket.send("echo $((40+2))\\n")
            text = b""
            while b"42" not in text:
                text += socket.recv()
            socket.send("\\x18")
            read_all(socket)
        """)
        self.assertEqual(self.inspect("tty")["State"]["Status"], "running")

    def test_much_goes_both_ways(self):
        self.docker("run", "-d", "-i", "--name", "many", "--network", "none", IMAGE, "cat")
        self.script("""
            import threading
            socket = attach("many", stream=1, stdin=1, stdout=1)
            sent = os.urandom(3 << 20)
            def write():
                for at in range(0, len(sent), 100_000):
                    socket.send_binary(sent[at:at + 100_000])
            writer = threading.Thread(target=write)
            writer.start()
            received = b""
            while len(received) < len(sent):
                received += socket.recv()
            writer.join()
            assert received == sent
        """)

    def test_old_clients_get_text(self):
        self.docker("run", "--name", "old", "--network", "none", IMAGE, "echo", "text")
        self.script("""
            kind, data = attach("old", version="1.27", logs=1, stdout=1).recv_data()
            assert (kind, data) == (ABNF.OPCODE_TEXT, b"text\\n"), (kind, data)
            kind, data = attach("old", version="1.28", logs=1, stdout=1).recv_data()
            assert kind == ABNF.OPCODE_BINARY, kind
        """)

    def test_what_is_refused(self):
        self.docker("create", "--name", "there", "--network", "none", IMAGE)
        self.script("""
            import http.client
            class Connection(http.client.HTTPConnection):
                def connect(self):
                    self.sock = socket.socket(socket.AF_UNIX)
                    self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
            plain = Connection("localhost")
            plain.request("GET", "/v1.41/containers/there/attach/ws?stream=1")
            assert plain.getresponse().status == 400
            try:
                attach("not-there", stream=1)
            except websocket.WebSocketBadStatusException as refused:
                assert refused.status_code == 404, refused
            else:
                raise AssertionError("attached to nothing")
        """)
