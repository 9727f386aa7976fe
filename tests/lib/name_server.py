# SPDX-License-Identifier: Apache-2.0
"""A name server of a test's own: every name has the one address that it was told."""

import contextlib
import os
import select
import socket
import struct
import threading

from lib import sockets

QUERY_HEAD = struct.Struct("!HHHHHH")
ADDRESS_RECORD = struct.pack("!HHHIH", 0xc00c, 1, 1, 60, 4)  # of the name asked for, type A, class IN, 60 s, 4 bytes


def question(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return QUERY_HEAD.pack(7, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, 1, 1)


def answer(query, address):
    """To a query for one name; to one for anything but its A record: nothing is known."""
    end = query.index(b"\0", QUERY_HEAD.size) + 5
    is_for_address = query[end - 4:end - 2] == b"\0\1"
    head = QUERY_HEAD.pack(QUERY_HEAD.unpack_from(query)[0], 0x8180, 1, int(is_for_address), 0, 0)
    return head + query[QUERY_HEAD.size:end] + (ADDRESS_RECORD + socket.inet_aton(address) if is_for_address else b"")


@contextlib.contextmanager
def serving(netns, at, address):
    """At the address `at` of a network namespace, by UDP."""
    server = sockets.serve(netns, 53, at, socket.SOCK_DGRAM)
    stopped, stop = os.pipe()

    def serve():
        while server in select.select([server, stopped], [], [])[0]:
            query, client = server.recvfrom(512)
            server.sendto(answer(query, address), client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        os.close(stop)
        thread.join()
        os.close(stopped)
        server.close()


def ask_by_tcp(netns, at, name):
    """The last four bytes of the answer, as an address."""
    def ask():
        with socket.create_connection((at, 53), sockets.PATIENCE) as connection:
            query = question(name)
            connection.sendall(struct.pack("!H", len(query)) + query)
            with connection.makefile("rb") as said:
                size, = struct.unpack("!H", said.read(2))
                return socket.inet_ntoa(said.read(size)[-4:])
    return sockets.inside(netns, ask)
