# SPDX-License-Identifier: Apache-2.0
"""WebSockets (RFC 6455) by hand: what a test's server needs to take one, and a client to ask for one."""

import base64
import hashlib
import os
import struct
import threading

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def acceptance(key):
    digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return base64.b64encode(digest).decode()


class Socket:
    def __init__(self, read, write, is_client=False):
        self.read_exactly, self.write, self.is_client = read, write, is_client
        self.lock = threading.Lock()

    def receive(self):
        """Kind and bytes of the next message; None when it is over. Pings are answered."""
        kind, data = None, b""
        while True:
            first, second = self.read_exactly(2)
            size = second & 127
            if size == 126:
                size = struct.unpack(">H", self.read_exactly(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self.read_exactly(8))[0]
            mask = self.read_exactly(4) if second & 128 else b"\0\0\0\0"
            part = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.read_exactly(size)))
            opcode = first & 15
            if opcode == CLOSE:
                self.send(part, CLOSE)
                return None
            if opcode == PING:
                self.send(part, PONG)
                continue
            if opcode == PONG:
                continue
            kind, data = opcode or kind, data + part
            if first & 128:
                return kind, data

    def send(self, data, kind=BINARY):
        mask = os.urandom(4) if self.is_client else b""
        size = len(data)
        length = bytes([size]) if size < 126 else struct.pack(">BH", 126, size) if size < 65536 else struct.pack(
            ">BQ", 127, size)
        head = bytes([128 | kind, length[0] | (128 if self.is_client else 0)]) + length[1:]
        if mask:
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        with self.lock:
            self.write(head + mask + data)

    def close(self, status=1000):
        self.send(struct.pack(">H", status), CLOSE)
