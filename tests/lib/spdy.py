# SPDX-License-Identifier: Apache-2.0
"""The server's side of SPDY/3.1, as far as kubectl of some years ago speaks it: streams with headers and bytes."""

import queue
import struct
import threading
import zlib

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1
VERSION = 0x8003

# What both sides' compression of headers knows beforehand (draft-mbelshe-httpbis-spdy-00, section 2.6.10.1): words
# with their lengths, then what stands without.
WORDS = """options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow
authorization cache-control connection content-base content-encoding content-language content-length content-location
content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match
if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range
referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get
status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin""".split()
REST = ("100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
        "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
        "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
        "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
        "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.")
DICTIONARY = b"".join(struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in WORDS) + REST.encode()


class Stream:
    def __init__(self, connection, number, headers):
        self.connection, self.number, self.headers = connection, number, headers
        self.received = queue.Queue()

    def read(self):
        """What came next; empty at the end."""
        return self.received.get()

    def write(self, data, fin=False):
        self.connection.send_data(self.number, data, FIN if fin else 0)

    def close(self):
        self.write(b"", fin=True)


class Connection:
    """Calls `on_stream` for each new stream, on the thread that runs `serve`."""

    def __init__(self, read, write, on_stream):
        self.read_exactly, self.write, self.on_stream = read, write, on_stream
        self.inflate = zlib.decompressobj(zdict=DICTIONARY)
        self.deflate = zlib.compressobj(zdict=DICTIONARY)
        self.streams = {}
        self.lock = threading.Lock()

    def serve(self):
        try:
            while self._read_frame():
                pass
        except (OSError, EOFError):
            pass
        finally:
            for stream in self.streams.values():
                stream.received.put(b"")

    def _read_frame(self):
        first, second = struct.unpack(">II", self.read_exactly(8))
        flags, body = second >> 24, self.read_exactly(second & 0xFFFFFF)
        if not first & 0x80000000:
            self._deliver(first, flags, body)
            return True
        kind = first & 0xFFFF
        if kind == SYN_STREAM:
            self._open(flags, body)
        elif kind == RST_STREAM:
            self._deliver(struct.unpack(">I", body[:4])[0], FIN, b"")
        elif kind == PING:
            self._send(PING, 0, body)
        return kind != GOAWAY

    def _deliver(self, number, flags, data):
        stream = self.streams.get(number)
        if stream is None:
            return
        if data:
            stream.received.put(data)
        if flags & FIN:
            stream.received.put(b"")

    def _open(self, flags, body):
        number = struct.unpack(">I", body[:4])[0]
        stream = self.streams[number] = Stream(self, number, self._headers(self.inflate.decompress(body[10:])))
        with self.lock:
            packed = self.deflate.compress(struct.pack(">I", 0)) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
            self._send_locked(SYN_REPLY, 0, struct.pack(">I", number) + packed)
        if flags & FIN:
            stream.received.put(b"")
        self.on_stream(stream)

    @staticmethod
    def _headers(block):
        texts, at = [], 4
        while at < len(block):
            size = struct.unpack(">I", block[at:at + 4])[0]
            texts.append(block[at + 4:at + 4 + size].decode())
            at += 4 + size
        return dict(zip(texts[::2], texts[1::2]))

    def _send(self, kind, flags, body):
        with self.lock:
            self._send_locked(kind, flags, body)

    def _send_locked(self, kind, flags, body):
        self.write(struct.pack(">HHI", VERSION, kind, flags << 24 | len(body)) + body)

    def send_data(self, number, data, flags):
        with self.lock:
            self.write(struct.pack(">II", number, flags << 24 | len(data)) + data)
