# SPDX-License-Identifier: Apache-2.0
"""A proxy of the test's own: HTTP, with tunnels, and SOCKS 5, with TLS towards it or not."""

import select
import socket
import ssl
import threading


class Proxy:
    """Serves until it is removed; `seen` is the first line of each request, or "SOCKS host:port"."""

    def __init__(self, tls=None):
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"localhost:{self.listener.getsockname()[1]}"
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(tls.certificate, tls.key)
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            client = self.context.wrap_socket(client, server_side=True) if self.context else client
            first = client.recv(1)
            server = self.socks(client) if first == b"\5" else self.http(client, first)
            with client, server:
                pump(client, server)
        except (OSError, ValueError):
            client.close()

    def socks(self, client):
        """RFC 1928, without authentication and for names only."""
        client.recv(client.recv(1)[0])
        client.sendall(b"\5\0")
        kind = client.recv(4)[3]
        host = socket.inet_ntoa(client.recv(4)) if kind == 1 else client.recv(client.recv(1)[0]).decode()
        port = int.from_bytes(client.recv(2), "big")
        self.seen.append(f"SOCKS {host}:{port}")
        server = socket.create_connection((host, port))
        client.sendall(b"\5\0\0\1\0\0\0\0\0\0")
        return server

    def http(self, client, first):
        head = first
        while not head.endswith(b"\r\n\r\n"):
            more = client.recv(1)
            if not more:
                raise ValueError("no request")
            head += more
        line, rest = head.decode().split("\r\n", 1)
        self.seen.append(line)
        method, target, _ = line.split()
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
            server = socket.create_connection((host, int(port)))
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            return server
        host, path = target.removeprefix("http://").split("/", 1)
        name, port = host.rsplit(":", 1)
        server = socket.create_connection((name, int(port)))
        # One request a connection: what comes next would need another first line.
        rest = rest.removesuffix("\r\n") + "Connection: close\r\n\r\n"
        server.sendall(f"{method} /{path} HTTP/1.1\r\n{rest}".encode())
        return server

    def remove(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def pump(a, b):
    """Both ways, until one of them ends."""
    while True:
        pending = [s for s in (a, b) if isinstance(s, ssl.SSLSocket) and s.pending()]
        for source in pending or select.select([a, b], [], [])[0]:
            data = source.recv(1 << 16)
            if not data:
                return
            (b if source is a else a).sendall(data)
