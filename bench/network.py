#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets between containers and through published ports, beside dockerd and the bare host.

    bench/network.py [--seconds 2] [--rounds 3] [--ports 1000] [--loads stream,ask] [--build DIR]

Medians of the rounds, and the best of the first figure: MB/s by our own load and by iperf3 (Debian's; left out where it is not installed), requests a second
with their median and p99, connections a second; 1 and 16 streams. Paths:
from one container to another, and from a machine beside the host (a namespace behind a veth) to a published port. The
bare host is the same without containers: namespaces on a bridge, and a port of the host itself. With --ports, the
published port is measured once more beside that many others. Each engine has a machine of its own (tests/run.py) in each
round: what else goes on meets all of them.
Needs root; ninja -C DIR gantryd gantry-runtime bench_packets.
"""

import argparse
import collections
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, f"{CHECKOUT}/tests")

BESIDE = "/run/netns/beside"
LOADS = (("stream", 1), ("stream", 16), ("iperf3", 1), ("iperf3", 16), ("ask", 1), ("ask", 16), ("connect", 1),
         ("connect", 16))
UNITS = {"stream": "MB/s", "iperf3": "MB/s, MB for each second of both processors' time", "ask": "requests/s, us", "connect": "connections/s"}


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def ip(*words):
    run("ip", *words)


def make_neighbour():
    ip("netns", "add", "beside")
    ip("link", "add", "uplink", "type", "veth", "peer", "name", "uplink", "netns", "beside")
    for where in ([], ["-n", "beside"]):
        ip(*where, "addr", "add", f"10.9.0.{2 if where else 1}/24", "dev", "uplink")
        ip(*where, "link", "set", "uplink", "up")


class Bare:
    """Namespaces on a bridge, made by hand."""

    def __enter__(self):
        ip("link", "add", "bare0", "type", "bridge")
        ip("link", "set", "bare0", "up")
        for number in (2, 3):
            ip("netns", "add", f"bare{number}")
            ip("link", "add", f"bare{number}", "type", "veth", "peer", "name", "eth0", "netns", f"bare{number}")
            ip("link", "set", f"bare{number}", "master", "bare0", "up")
            ip("-n", f"bare{number}", "addr", "add", f"10.8.0.{number}/24", "dev", "eth0")
            ip("-n", f"bare{number}", "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_):
        for number in (2, 3):
            ip("netns", "del", f"bare{number}")
        ip("link", "del", "bare0")

    def paths(self):
        return {"container to container": ("/run/netns/bare2", "/run/netns/bare3", "10.8.0.2", 80),
                "published port": (None, BESIDE, "10.9.0.1", 80)}


class Engine:
    def __init__(self, home):
        self.home = home

    def __enter__(self):
        from docker import engine_home
        self.home.docker("import", "--change", "CMD [\"sh\"]", engine_home.busybox_tar(self.home.directory), "busybox")
        for name, *options in (("web", "-p", "8080:80"), ("other",)):
            self.home.docker("run", "-d", "--name", name, *options, "busybox", "sleep", "100000")
        return self

    def __exit__(self, *_):
        self.home.remove()

    def of(self, name, field):
        return self.home.docker("inspect", "-f", "{{.NetworkSettings.%s}}" % field, name).stdout.strip()

    def publish_many(self, count):
        self.home.docker("run", "-d", "--name", "many", "-p", f"20000-{19999 + count}:20000-{19999 + count}", "busybox",
                         "sleep", "100000")

    def paths(self):
        web, other = self.of("web", "SandboxKey"), self.of("other", "SandboxKey")
        return {"container to container": (web, other, self.of("web", "IPAddress"), 80),
                "published port": (web, BESIDE, "10.9.0.1", 8080)}


def in_namespace(netns, *argv):
    return ["nsenter", f"--net={netns}", *argv] if netns else list(argv)


@contextlib.contextmanager
def served(netns, *argv):
    """A server that says on its first line that it is there."""
    server = subprocess.Popen(in_namespace(netns, *argv), stdout=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()
        yield
    finally:
        server.kill()
        server.wait()


def measure(options, path):
    serving, asking, address, port = path
    program = f"{options.build}/bin/bench_packets"

    def ask_ours(kind, streams):
        return [float(word) for word in run(*in_namespace(asking, program, kind, address, str(port), str(streams),
                                                          str(options.seconds))).split()]

    def ask_iperf3(_, streams):
        said = json.loads(run(*in_namespace(asking, "iperf3", "--client", address, "--port", str(port), "--parallel",
                                            str(streams), "--time", str(max(1, round(options.seconds))), "--json")))
        end = said["end"]
        rate = end["sum_received"]["bits_per_second"] / 8e6
        used = end["cpu_utilization_percent"]["host_total"] + end["cpu_utilization_percent"]["remote_total"]
        return [rate, rate * 100 / used]

    figures = {}
    for server, ask, kinds in (((program, "serve", "80"), ask_ours, ("stream", "ask", "connect")),
                               (("iperf3", "--server", "--port", "80", "--forceflush"), ask_iperf3, ("iperf3",))):
        if not shutil.which(server[0]) or not set(kinds) & set(options.loads):
            continue
        with served(serving, *server):
            for kind, streams in LOADS:
                if kind in kinds and kind in options.loads:
                    figures[f"{kind} {streams}"] = ask(kind, streams)
    return figures


def inside(options):
    """Prints the figures of one engine, as JSON."""
    os.environ["GANTRYD"] = f"{options.build}/bin/gantryd"
    make_neighbour()
    if options.inside == "bare":
        machine = Bare()
    elif options.inside == "dockerd":
        from lib.dockerd import DockerHome
        machine = Engine(DockerHome())
    else:
        from lib.gantryd import GantrydHome
        machine = Engine(GantrydHome())
    with machine:
        figures = {name: measure(options, path) for name, path in machine.paths().items()}
        if options.inside == "gantry" and options.ports:
            machine.publish_many(options.ports)
            figures[f"published port beside {options.ports}"] = measure(options, machine.paths()["published port"])
    with open(options.result, "w") as file:
        json.dump(figures, file)


def measure_engine(options, engine):
    with tempfile.NamedTemporaryFile() as result:
        subprocess.run([f"{CHECKOUT}/tests/run.py", "--shell",
                        f"{sys.executable} {os.path.realpath(__file__)} --inside {engine} --result {result.name} "
                        f"--seconds {options.seconds} --ports {options.ports} --build {options.build} "
                        f"--loads {','.join(options.loads)}"], check=True)
        return json.load(open(result.name))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ports", type=int, default=1000)
    parser.add_argument("--engines", default="bare,dockerd,gantry")
    parser.add_argument("--build", default=f"{CHECKOUT}/build/release")
    parser.add_argument("--loads", type=lambda text: text.split(","), default=list(UNITS), metavar="LOAD,...",
                        help=", ".join(UNITS))
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--result", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = os.path.realpath(options.build)
    if options.inside:
        return inside(options)
    # Of each path, load and engine: the figures of each round.
    results = collections.defaultdict(lambda: collections.defaultdict(lambda: collections.defaultdict(list)))
    for engine in options.engines.split(",") * options.rounds:
        for path, figures in measure_engine(options, engine).items():
            for load, numbers in figures.items():
                results[path][load][engine].append(numbers)
    for path, loads in results.items():
        for kind, streams in LOADS:
            engines = loads[f"{kind} {streams}"]
            if not engines:  # iperf3 is not installed
                continue
            print(f"{path}, {kind} x {streams} ({UNITS[kind]}):")
            for engine, rounds in engines.items():
                medians = (f"{statistics.median(column):10.0f}" for column in zip(*rounds))
                print(f"    {engine:8}", *medians, f"   best {max(numbers[0] for numbers in rounds):.0f}")


if __name__ == "__main__":
    main()
