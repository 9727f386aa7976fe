#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The registry beside Debian's docker-registry, in turns.

    bench/registry.py [--seconds 3] [--rounds 3] [--clients 1,16] [--only push,pull,upload,download,rest] [--dir DIR]

push      images a second: a config and two layers of 1 KiB, each blob by HEAD, POST, PATCH, PUT, then the manifest
pull      images a second: manifest by tag and three blobs
upload    MB/s: blobs of 64 MiB        download  MB/s: the same blob again and again; what a client sends or takes is not
          copied in the client, so that it is the server that is measured
rest      memory of the server with nothing to do: when it has started, and some seconds after all of the above

Plain HTTP on loopback, the stores on the disk of --dir (a temporary directory). Each figure is the median of the
rounds; the next columns are how many times as fast gantry is, the target, and for large blobs the floor and how many
times as fast as docker-registry that is: what the same sockets give, on the same disk, to a program that does nothing
but receive, hash and write, or sendfile. Where that is below the target, no server can reach it. At the end, processor
time of the two servers for 1,000 images or MB, which says more than the rates when others are working.
What is pushed is synced to disk by both, so uploads measure the disk unless --dir is a tmpfs (/dev/shm).
ninja -C build/release bench_registry_serve bench_registry_load; --build names another build directory.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import servers

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
UNITS = {"push": "images/s", "pull": "images/s", "upload": "MB/s", "download": "MB/s"}
TARGET = 3


class Server:
    """A registry on a free port, with an empty store below `directory`."""

    def __init__(self, name, command, directory, log):
        self.name = name
        self.log = open(log, "w+b")
        self.process = subprocess.Popen(command, cwd=directory, stdout=self.log, stderr=subprocess.STDOUT)
        self.address = self.wait_for_address()

    def wait_for_address(self):
        for _ in range(500):
            self.log.seek(0)
            text = self.log.read().decode(errors="replace")
            found = re.search(r"(127\.0\.0\.1:[1-9]\d*)", text)
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        sys.exit(f"{self.name} does not start: {text}")

    def memory(self):
        """KiB that are this process's own, and all that is resident."""
        rollup = open(f"/proc/{self.process.pid}/smaps_rollup").read()
        value = {key: int(kib) for key, kib in re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.M)}
        return value["Private_Clean"] + value["Private_Dirty"], value["Rss"]

    def processor_time(self):
        """Seconds so far, in the kernel too."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        servers.stop(self.process)
        self.log.close()


def start_gantry(build, directory):
    config = f"{directory}/gantry.json"
    with open(config, "w") as file:
        json.dump({"listen": ["127.0.0.1:0"]}, file)
    return Server("gantry", [f"{build}/bin/bench_registry_serve", f"{directory}/gantry-store", config], directory,
                  f"{directory}/gantry.log")


def start_peer(directory):
    config = f"{directory}/peer.yml"
    with open(config, "w") as file:
        file.write(f"""version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {directory}/peer-store, maxthreads: 100}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:0"}}
""")
    return Server("docker-registry", ["docker-registry", "serve", config], directory, f"{directory}/peer.log")


def load(build, what, where, clients, seconds):
    """Operations or megabytes a second, and how many those were; `where`: an address, or for a floor a directory."""
    printed = subprocess.run([f"{build}/bin/bench_registry_load", what, where, str(clients), str(seconds)],
                             check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    operations, took, megabytes = (float(word) for word in printed)
    moved = operations if UNITS.get(what) == "images/s" else megabytes
    return moved / took, moved


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", default="1,16")
    parser.add_argument("--only", default="push,pull,upload,download,rest")
    parser.add_argument("--build", default=f"{CHECKOUT}/build/release")
    parser.add_argument("--dir")
    options = parser.parse_args()
    options.build = os.path.realpath(options.build)
    wanted = options.only.split(",")
    if not shutil.which("docker-registry"):
        sys.exit("docker-registry is not installed: tools/setup")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers and stores go all the same
    directory = tempfile.mkdtemp(prefix="registry-bench-", dir=options.dir)
    servers = []
    try:
        servers = [start_gantry(options.build, directory), start_peer(directory)]
        time.sleep(1)
        fresh = {server.name: server.memory() for server in servers}
        print(f"{'':26}{servers[0].name:>18}{servers[1].name:>18}{'times':>8}{'target':>8}{'floor':>10}{'times':>8}{'CPU s':>8}{'a 1,000':>9}")
        for what in [word for word in wanted if word in UNITS]:
            for clients in [int(word) for word in options.clients.split(",")]:
                rates = {server: [] for server in servers}
                processor = dict.fromkeys(servers, 0)  # seconds
                amounts = dict.fromkeys(servers, 0)
                floors = []
                for _ in range(options.rounds):
                    for server in servers:
                        before = server.processor_time()
                        rate, amount = load(options.build, what, server.address, clients, options.seconds)
                        rates[server].append(rate)
                        processor[server] += server.processor_time() - before
                        amounts[server] += amount
                    if UNITS[what] == "MB/s":
                        floors.append(load(options.build, f"{what}-floor", directory, clients, options.seconds)[0])
                ours, theirs = (statistics.median(rates[server]) for server in servers)
                costs = [1000 * processor[server] / amounts[server] for server in servers]
                label = f"{what}, {clients} at once, {UNITS[what]}"
                floor = statistics.median(floors) if floors else 0
                least = f"{floor:10.1f}{floor / theirs:8.1f}" if floors else f"{'':18}"
                print(f"{label:26}{ours:18.1f}{theirs:18.1f}{ours / theirs:8.1f}{TARGET:8}{least}"
                      + "".join(f"{cost:8.2f}" for cost in costs), flush=True)
        if "rest" in wanted:
            time.sleep(15)  # threads without work end
            for when, memory in (("started", fresh), ("at rest", {s.name: s.memory() for s in servers})):
                for which, index in (("own", 0), ("resident", 1)):
                    ours, theirs = (memory[server.name][index] / 1024 for server in servers)
                    label = f"{when}, {which}, MiB"
                    print(f"{label:26}{ours:18.1f}{theirs:18.1f}{theirs / ours:8.1f}{'<15' if index else '':>8}")
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
