# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frame by frame (RFC 9113), for what no library would send. Heads are sent without compression; those that
come back are not decoded: bodies tell what was answered."""

import struct
from typing import NamedTuple

from lib.kube_client import raw_connection

DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM = ACK = 1
END_HEADERS = 4
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
LARGE_WINDOW = 1 << 30


class Frame(NamedTuple):
    type: int
    flags: int
    stream: int
    payload: bytes


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def text(value):
    """A string of HPACK (RFC 7541 section 5.2), not compressed."""
    data = value.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, coded = len(data) - 127, b"\x7f"
    while rest >= 128:
        coded, rest = coded + bytes([rest % 128 + 128]), rest // 128
    return coded + bytes([rest]) + data


def field(name, value):
    return b"\x00" + text(name) + text(value)  # a literal that is not indexed


class Connection:
    def __init__(self, plane, identity=None, window=LARGE_WINDOW, **options):
        self.socket = raw_connection(plane, "h2", identity, **options)
        self.authority = f"127.0.0.1:{plane.port}"
        self.received = b""
        self.next_stream = 1
        settings = struct.pack(">HI", INITIAL_WINDOW_SIZE, window)
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, settings)
                  + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGE_WINDOW)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def head(self, method, path, **fields):
        named = {":method": method, ":scheme": "https", ":path": path, ":authority": self.authority} | fields
        return b"".join(field(name, value) for name, value in named.items())

    def begin(self, method, path, is_all=True, **fields):
        """The bytes of a request on a new stream, and that stream's number."""
        stream = self.next_stream
        self.next_stream += 2
        return frame(HEADERS, END_HEADERS | (END_STREAM if is_all else 0), stream, self.head(method, path, **fields)), stream

    def request(self, method, path, **options):
        data, stream = self.begin(method, path, **options)
        self.send(data)
        return stream

    def read(self):
        """The next frame; None at the end. What has to be acknowledged is."""
        while True:
            if len(self.received) >= 9:
                length = int.from_bytes(self.received[:3], "big")
                if len(self.received) >= 9 + length:
                    kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
                    found = Frame(kind, flags, stream & 0x7FFFFFFF, self.received[9:9 + length])
                    self.received = self.received[9 + length:]
                    if kind == SETTINGS and not flags & ACK:
                        self.send(frame(SETTINGS, ACK, 0))
                    return found
            try:
                data = self.socket.recv(1 << 16)
            except (ConnectionError, TimeoutError):
                return None
            if not data:
                return None
            self.received += data

    def frames(self):
        return iter(self.read, None)

    def body(self, stream):
        """All of an answer; what comes on other streams meanwhile is passed over."""
        found = b""
        for each in self.frames():
            if each.stream != stream:
                continue
            if each.type == DATA:
                found += each.payload
            if each.type == RESET or each.flags & END_STREAM and each.type in (DATA, HEADERS):
                break
        return found
