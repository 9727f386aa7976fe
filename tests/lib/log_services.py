# SPDX-License-Identifier: Apache-2.0
"""Small log services for tests: fluentd's forward protocol and syslog, over TCP, TLS, UDP and unix sockets."""

import socket
import socketserver
import ssl
import struct
import threading


def _unpack(read):
    """One value of MessagePack, as far as events have it; EOFError at the end."""
    def number(size):
        return int.from_bytes(read(size), "big")

    head = number(1)
    if head < 0x80:
        return head
    if head < 0x90:
        return {_unpack(read): _unpack(read) for _ in range(head & 0xf)}
    if head < 0xa0:
        return [_unpack(read) for _ in range(head & 0xf)]
    if head < 0xc0:
        return read(head & 0x1f).decode()
    if head in (0xcc, 0xcd, 0xce, 0xcf):
        return number(1 << (head - 0xcc))
    if head == 0xd7:    # an extension of eight bytes: EventTime
        assert number(1) == 0
        return struct.unpack(">II", read(8))
    if head in (0xd9, 0xda, 0xdb):
        return read(number(1 << (head - 0xd9))).decode()
    if head == 0xde:
        return {_unpack(read): _unpack(read) for _ in range(number(2))}
    raise ValueError(f"byte {head:#x} begins nothing known")


class _Service:
    """What has come is in `received`; `address` is where to send it."""

    def __init__(self, server):
        self.received = []
        self.server = server
        server.service = self
        self.thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        for connection in self.server.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass    # the other side has gone before


class _Server:
    """Knows its connections, so that they end with it."""

    daemon_threads = True
    connections = ()

    def process_request(self, request, client_address):
        if isinstance(request, socket.socket):
            self.connections = (*self.connections, request)
        super().process_request(request, client_address)


class _Tcp(_Server, socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    tls = None

    def get_request(self):
        connection, address = super().get_request()
        return (self.tls.wrap_socket(connection, server_side=True) if self.tls else connection), address


class _Unix(_Server, socketserver.ThreadingUnixStreamServer):
    pass


class _Udp(_Server, socketserver.UDPServer):
    pass


def _reader(connection):
    def read(size):
        data = b""
        while len(data) < size:
            more = connection.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data
    return read


def _short_text(text):
    return bytes([0xa0 + len(text)]) + text.encode()


class Fluentd(_Service):
    """`received`: (tag, time, record) of every event. It acknowledges what asks for that, but for the `ignored` first."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            read = _reader(self.request)
            while True:
                try:
                    tag, time, record, options = _unpack(read)
                except (EOFError, ConnectionError):
                    return
                service = self.server.service
                service.received.append((tag, time, record))
                if len(service.received) <= service.ignored:
                    return
                if chunk := options.get("chunk"):
                    self.request.sendall(b"\x81" + _short_text("ack") + _short_text(chunk))

    def __init__(self, port=0, path=None, ignored=0):
        self.ignored = ignored
        super().__init__(_Unix(path, self.Handler) if path else _Tcp(("127.0.0.1", port), self.Handler))
        self.port = None if path else self.server.server_address[1]
        self.address = f"unix://{path}" if path else f"127.0.0.1:{self.port}"


class Syslog(_Service):
    """`received`: lines over TCP, TLS and unix sockets, and messages with their length in front as they came."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.server.service.received.append(line.decode().rstrip("\n"))

    class Framed(socketserver.BaseRequestHandler):
        def handle(self):
            read = _reader(self.request)
            try:
                while True:
                    size = b""
                    while not size.endswith(b" "):
                        size += read(1)
                    self.server.service.received.append(read(int(size)).decode())
            except (EOFError, ConnectionError):
                pass

    def __init__(self, path=None, certificate=None, framed=False):
        handler = self.Framed if framed else self.Handler
        server = _Unix(path, handler) if path else _Tcp(("127.0.0.1", 0), handler)
        if certificate:
            server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.tls.load_cert_chain(certificate)
        super().__init__(server)
        scheme = "tcp+tls" if certificate else "tcp"
        self.address = f"unix://{path}" if path else f"{scheme}://127.0.0.1:{self.server.server_address[1]}"


class SyslogUdp(_Service):
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.server.service.received.append(self.request[0].decode())

    def __init__(self):
        super().__init__(_Udp(("127.0.0.1", 0), self.Handler))
        self.address = f"udp://127.0.0.1:{self.server.server_address[1]}"


class Journal:
    """The journal's socket at its own place: `received` are dictionaries of fields without newlines."""

    PATH = "/run/systemd/journal/socket"

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.PATH)
        self.socket.setblocking(False)
        self.fields = []

    @property
    def received(self):
        while True:
            try:
                data = self.socket.recv(1 << 20)
            except BlockingIOError:
                return self.fields
            self.fields.append(dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line))

    def close(self):
        self.socket.close()
