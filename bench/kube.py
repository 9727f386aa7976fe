#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes API server as a whole: gantryd's control plane with its own store, each figure beside its target.

    bench/kube.py [--only start,crud,list,watch,idle,store] [--count 10000] [--clients 16] [--dir DIR]

start   ms until /readyz answers 200: the first time (certificates are made), again, and with 100,000 objects; memory
crud    requests a second, ms of the median and the slowest hundredth, and processor time of the server and of the
        clients (one thread for all) for each
list    MB/s of JSON, and microseconds of the server's processor for each pod that is returned: all pods, a page of 500,
        selected by a label (1, 10 and 100 %), by fields (1 %, one, all)
watch   ms from a write to its delivery to 100 watchers, 1,000 writes a second
idle    MiB that 10,000 watches cost which are told nothing: 100 of them share a connection (HTTP/2), or none do
store   synced writes a second without the server, beside etcd with one member

Memory is PSS, when the server has been left alone for a while. Where the clients are the limit, which are on the same
processors, the processor time counts: its target is a fifteenth of the 1 to 6 ms that kube-apiserver and etcd take.
ninja -C build/release gantryd bench_kube_load bench_store_writes; --build names another build directory.
"""

import argparse
import base64
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import servers

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
STOCK = {  # requests a second of kube-apiserver with etcd, 16 clients, on this kind of machine
    "configmaps": {"create": 570, "get": 980, "update": 430, "patch": 410, "apply": 330, "delete": 380},
    "pods": {"create": 530, "get": 750, "update": 195},
}
TIMES = 15
VERBS = ("create", "get", "update", "patch", "apply", "delete")
REST = 15  # seconds after which the server has given back what a rush took


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """gantryd server on a free port, its data below `directory`, which may have been there before."""

    def __init__(self, build, directory):
        self.build, self.directory, self.port = build, directory, free_port()
        began = time.monotonic()
        self.log = open(f"{directory}/log", "ab")
        self.process = subprocess.Popen(
            [f"{build}/bin/gantryd", "server", "--data-dir", f"{directory}/data", "--bind-address", "127.0.0.1",
             "--advertise-address", "127.0.0.1", "--secure-port", str(self.port)],
            stdout=self.log, stderr=subprocess.STDOUT)
        self.wait_until_ready()
        self.ready_ms = 1000 * (time.monotonic() - began)
        self.take_identity()

    def wait_until_ready(self):
        context = ssl._create_unverified_context()
        while self.process.poll() is None:
            try:
                with context.wrap_socket(socket.create_connection(("127.0.0.1", self.port))) as connection:
                    connection.send(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if b" 200 " in connection.recv(100):
                        return
            except OSError:
                pass
            time.sleep(0.001)
        sys.exit(f"the server does not start: {open(self.log.name).read()}")

    def take_identity(self):
        config = open(f"{self.directory}/data/pki/admin.conf").read()
        self.identity = []
        for key in ("client-certificate-data", "client-key-data"):
            path = f"{self.directory}/{key}"
            with open(path, "wb") as file:
                file.write(base64.b64decode(re.search(rf'{key}"?: *"?([A-Za-z0-9+/=]+)', config)[1]))
            self.identity.append(path)

    def make_namespace(self):
        context = ssl._create_unverified_context()
        context.load_cert_chain(*self.identity)
        body = b'{"metadata":{"name":"bench"}}'
        with context.wrap_socket(socket.create_connection(("127.0.0.1", self.port))) as connection:
            connection.send(b"POST /api/v1/namespaces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            answer = connection.recv(100)
        if b" 201 " not in answer:
            sys.exit(f"the namespace is not made: {answer}")
        account = "/api/v1/namespaces/bench/serviceaccounts/default"
        while subprocess.run(self.load_command("list", account, 1), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL).returncode != 0:
            time.sleep(0.05)  # pods need it

    def load_command(self, *words):
        return [f"{self.build}/bin/bench_kube_load", str(self.port), *self.identity, str(self.process.pid),
                *map(str, words)]

    def load(self, *words):
        printed = subprocess.run(self.load_command(*words), check=True, stdout=subprocess.PIPE).stdout
        return json.loads(printed)

    def memory(self):
        """MiB."""
        rollup = open(f"/proc/{self.process.pid}/smaps_rollup").read()
        return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1]) / 1024

    def stop(self):
        servers.stop(self.process)
        self.log.close()


def show(what, value, unit, target=None, more=""):
    """`target`: (at least or at most, number); None: there is none."""
    verdict = ""
    if target is not None:
        sense, wanted = target
        is_met = value >= wanted if sense == "least" else value <= wanted
        verdict = f"at {sense} {wanted:<10,.5g} {'' if is_met else 'missed'}"
    print(f"{what:34}{value:12,.1f} {unit:6} {verdict:28} {more}".rstrip(), flush=True)


def least(number):
    return ("least", number)


def most(number):
    return ("most", number)


def measure_start(options, directory):
    server = Server(options.build, directory)
    show("ready, first start", server.ready_ms, "ms", most(150))
    server.stop()
    server = Server(options.build, directory)
    show("ready, empty", server.ready_ms, "ms", most(150))
    time.sleep(REST)
    show("memory at rest", server.memory(), "MiB", most(40))
    server.make_namespace()
    server.load("create", "configmaps", 100_000, options.clients)
    server.stop()
    server = Server(options.build, directory)
    show("ready, 100,000 objects", server.ready_ms, "ms", most(1000))
    show("memory then", server.memory(), "MiB")
    server.stop()


def processors(got):
    """What a request costs both ends, and how much of the machine that is: near 100 % only less of it makes more."""
    busy = (got["cpu"] + got["client_cpu"]) * got["rate"] / 1e4 / os.cpu_count()
    return (f"{got['cpu']:.0f} us of processor each, the clients' {got['client_cpu']:.0f}; "
            f"processors {busy:.0f} % theirs")


def measure_crud(options, server):
    for resource, rates in STOCK.items():
        for verb in VERBS:
            count = options.count if verb in rates else options.count // 4
            if verb == "delete":
                count = options.count
            got = server.load(verb, resource, count, options.clients)
            target = least(TIMES * rates[verb]) if verb in rates else None
            show(f"{resource} {verb}", got["rate"], "/s", target,
                 f"p50 {got['p50']:.2f} ms, p99 {got['p99']:.2f} ms, {processors(got)}")


def measure_list(options, server):
    server.load("create", "bound-pods", options.count, options.clients)
    time.sleep(REST)
    show(f"memory with {options.count:,} pods", server.memory(), "MiB", most(120))
    everything = options.count
    for what, query, returned in (
            ("all", "", everything), ("a page of 500", "limit=500", min(500, everything)),
            ("by a label, 1 %", "labelSelector=number%3D7", everything / 100),
            ("by a label, 10 %", "labelSelector=tenth%3D7", everything / 10),
            ("by a label, all", "labelSelector=app%3Dbench", everything),
            ("by a field, 1 %", "fieldSelector=spec.nodeName%3Dnode-7", everything / 100),
            ("by a field, one", "fieldSelector=metadata.name%3Do-0000007", 1),
            ("by a field, all", "fieldSelector=status.phase%3DPending", everything)):
        # Often enough that the server's processor time, which is counted in hundredths of a second, says something.
        times = int(min(5000, max(20, 200_000 / returned)))
        got = server.load("list", f"/api/v1/pods?{query}", times)
        speed = f", {got['bytes'] / got['cpu']:,.0f} MB for each second of it" if got["cpu"] else ""
        show(f"list {what}", got["bytes"] * got["rate"] / 1e6, "MB/s", None,
             f"{got['bytes']:,} bytes; {got['cpu'] / returned:.2f} us of processor for each of {returned:,.0f}{speed}")
    server.load("delete", "bound-pods", options.count, options.clients)


def measure_watch(_options, server):
    got = server.load("watch", 100, 3000, 1000)
    show("write to delivery, p99", got["p99"], "ms", most(5), f"p50 {got['p50']:.2f} ms, longest {got['max']:.1f} ms")
    server.load("delete", "configmaps", 1, 1)


def measure_idle(options, directory):
    for what, streams in (("100 a connection", 100), ("a connection each", 0)):
        os.mkdir(f"{directory}/{streams}")
        server = Server(options.build, f"{directory}/{streams}")  # without what another rush has left
        server.make_namespace()
        time.sleep(REST)
        before = server.memory()
        clients = subprocess.Popen(server.load_command("idle", options.watches, streams), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        if not clients.stdout.readline():
            sys.exit("the watches were not opened")
        time.sleep(REST)
        show(f"{options.watches:,} watches, {what}", server.memory() - before, "MiB", most(100))
        clients.stdin.close()
        clients.wait()
        server.stop()


def measure_store(options, directory):
    subprocess.run([f"{options.build}/bin/bench_store_writes", f"{directory}/store"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="start,crud,list,watch,idle,store")
    parser.add_argument("--count", type=int, default=10_000, help="objects of a kind")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--watches", type=int, default=10_000)
    parser.add_argument("--build", default=f"{CHECKOUT}/build/release")
    parser.add_argument("--dir", help="on the file system that is asked about; a temporary directory")
    options = parser.parse_args()
    options.build = os.path.realpath(options.build)
    wanted = options.only.split(",")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = tempfile.mkdtemp(prefix="kube-bench-", dir=options.dir)
    try:
        if "start" in wanted:
            os.mkdir(f"{directory}/start")
            measure_start(options, f"{directory}/start")
        on_server = {"crud": measure_crud, "list": measure_list, "watch": measure_watch}
        if any(word in on_server for word in wanted):
            server = Server(options.build, directory)
            try:
                server.make_namespace()
                for word in [word for word in on_server if word in wanted]:
                    on_server[word](options, server)
            finally:
                server.stop()
        if "idle" in wanted:
            os.mkdir(f"{directory}/idle")
            measure_idle(options, f"{directory}/idle")
        if "store" in wanted:
            measure_store(options, directory)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
