# SPDX-License-Identifier: Apache-2.0
"""TCP and UDP between network namespaces (paths; None is the test's own): who reaches whom, and who is seen."""

import contextlib
import ctypes
import itertools
import os
import select
import socket
import threading

from lib.runtime import wait_for

CLONE_NEWNET = 0x40000000
PATIENCE = 20         # seconds: a slow machine
NOTHING_COMES = 0.3   # seconds after which a packet counts as dropped
_libc = ctypes.CDLL(None, use_errno=True)
# Below those that the kernel gives to whoever connects: what is free stays free until the one it is for has it.
_ports = itertools.count(20_000)


def inside(netns, work):
    """What `work` answers, run by a thread of the namespace."""
    if netns is None:
        return work()
    answer = []

    def run():
        fd = os.open(netns, os.O_RDONLY)
        try:
            if _libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            answer.append((work(), None))
        except OSError as error:
            answer.append((None, error))
        finally:
            os.close(fd)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = answer[0]
    if error:
        raise error
    return value


def free_port():
    """A port of 127.0.0.1 for a server that is to be told of one; never the same twice."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(netns, port, address="0.0.0.0", kind=socket.SOCK_STREAM):
    def make():
        server = socket.socket(family_of(address), kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        if kind == socket.SOCK_STREAM:
            server.listen(16)
        return server
    return inside(netns, make)


def wait(sock, seconds):
    return bool(select.select([sock], [], [], seconds)[0])


def reach(server, netns, address, port, patience=PATIENCE):
    """The address that the server sees of a client in `netns`; None: it does not get there."""
    if server.type & socket.SOCK_DGRAM == socket.SOCK_DGRAM:
        return _reach_by_datagram(server, netns, address, port, patience)

    def connect():
        client = socket.socket(family_of(address), socket.SOCK_STREAM)
        client.setblocking(False)
        client.connect_ex((address, port))
        return client

    with inside(netns, connect) as client:
        if not wait(server, patience):
            return None
        accepted, peer = server.accept()
        with accepted:
            accepted.sendall(b"hello")
            assert wait(client, PATIENCE), "the client was not answered"
            assert client.recv(16) == b"hello"
        return peer[0]


def _reach_by_datagram(server, netns, address, port, patience):
    while wait(server, 0):
        server.recvfrom(16)  # sent twice by who was there before

    def send():
        client = socket.socket(family_of(address), socket.SOCK_DGRAM)
        client.connect((address, port))
        client.send(b"ping")
        return client

    with inside(netns, send) as client:
        # One that is lost on the way is sent again.
        for _ in range(max(1, round(patience / NOTHING_COMES))):
            if wait(server, min(patience, NOTHING_COMES)):
                break
            client.send(b"ping")
        else:
            return None
        data, peer = server.recvfrom(16)
        server.sendto(data, peer)
        assert wait(client, PATIENCE), "the client was not answered"
        assert client.recv(16) == b"ping"
        return peer[0]


def reach_in_the_end(server, netns, address, port):
    """The same where a connection may fail at first, since the way there is being repaired."""
    def attempt():
        while wait(server, 0):
            server.accept()[0].close()  # of an attempt that was given up
        with contextlib.suppress(AssertionError, OSError):
            seen.append(reach(server, netns, address, port, NOTHING_COMES))
        return seen and seen[-1]

    seen = []
    return wait_for(attempt, f"{address} port {port} to be reached")


def cannot_reach(server, netns, address, port):
    return reach(server, netns, address, port, NOTHING_COMES) is None
