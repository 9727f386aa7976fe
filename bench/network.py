#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets between containers and through published ports, beside dockerd and the bare host.

    bench/network.py [--seconds 0.5] [--rounds 9] [--ports 1000] [--loads stream,ask] [--build DIR]

Medians of the rounds, and the best of the first figure: MB/s by our own load and by iperf3 (Debian's; left out where it is not
installed), requests a second with their median and p99, connections a second; 1 and 16 streams. Paths: from one container
to another, and from a machine beside the host (a namespace behind a veth) to a published port. The bare host is the same
without containers: namespaces on a bridge, and a port of the host itself. "crowded" is an engine of ours that publishes
--ports other ports as well.

One stream has both its ends on one processor: what is counted is then what a packet costs. On two it would be where the
scheduler happens to wake whom, which makes a factor of five.

Each engine has a machine of its own (tests/run.py). All of them stand at once and take turns, so that what else goes on meets
all of them.
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

import processors

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, f"{CHECKOUT}/tests")

BESIDE = "/run/netns/beside"
PATHS = ("container to container", "published port")
UNITS = {"stream": "MB/s", "iperf3": "MB/s, MB for each second of both processors' time", "ask": "requests/s, us",
         "connect": "connections/s"}


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout.strip()


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
        return dict(zip(PATHS, (("/run/netns/bare2", "/run/netns/bare3", "10.8.0.2", 80), (None, BESIDE, "10.9.0.1", 80))))


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
        return dict(zip(PATHS, ((web, other, self.of("web", "IPAddress"), 80), (web, BESIDE, "10.9.0.1", 8080))))


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


def server_of(options, kind):
    return ["iperf3", "--server", "--port", "80", "--forceflush"] if kind == "iperf3" else [
        f"{options.build}/bin/bench_packets", "serve", "80"]


def ask_ours(options, place, kind, address, port, streams):
    return [float(word) for word in run(*place, f"{options.build}/bin/bench_packets", kind, address, str(port), str(streams),
                                        str(options.seconds)).split()]


def ask_iperf3(options, place, _, address, port, streams):
    end = json.loads(run(*place, "iperf3", "--client", address, "--port", str(port), "--parallel", str(streams), "--time",
                         str(max(1, round(options.seconds))), "--json"))["end"]
    rate = end["sum_received"]["bits_per_second"] / 8e6
    used = end["cpu_utilization_percent"]["host_total"] + end["cpu_utilization_percent"]["remote_total"]
    return [rate, rate * 100 / used]


def measure(options, path, kind, streams):
    serving, asking, address, port = path
    place = ["taskset", "--cpu-list", "0"] if streams == 1 else []
    with served(serving, *place, *server_of(options, kind)):
        ask = ask_iperf3 if kind == "iperf3" else ask_ours
        return ask(options, in_namespace(asking, *place), kind, address, port, streams)


def inside(options):
    """Of each load asked for on a line, the figures of one engine, on a line: until there are no more."""
    os.environ["GANTRYD"] = f"{options.build}/bin/gantryd"
    processors.take()
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
        paths = machine.paths()
        if options.inside == "crowded":
            machine.publish_many(options.ports)
        for line in sys.stdin:
            path, kind, streams = json.loads(line)
            print(json.dumps(measure(options, paths[path], kind, streams)), flush=True)


class Machine:
    """The outer end of inside()."""

    def __init__(self, options, engine):
        self.process = subprocess.Popen(
            [f"{CHECKOUT}/tests/run.py", "--shell",
             f"{sys.executable} {os.path.realpath(__file__)} --inside {engine} --seconds {options.seconds} "
             f"--ports {options.ports} --build {options.build}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        if answer := self.process.stdout.readline():
            return json.loads(answer)
        sys.exit(f"no answer to {words}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one load; iperf3 takes whole ones")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--ports", type=int, default=1000)
    parser.add_argument("--engines", default="bare,dockerd,gantry,crowded")
    parser.add_argument("--build", default=f"{CHECKOUT}/build/release")
    parser.add_argument("--loads", type=lambda text: text.split(","), default=list(UNITS), metavar="LOAD,...",
                        help=", ".join(UNITS))
    parser.add_argument("--streams", type=lambda text: [int(word) for word in text.split(",")], default=[1, 16])
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = os.path.realpath(options.build)
    if options.inside:
        return inside(options)
    loads = [(path, kind, streams) for path in PATHS for kind in UNITS for streams in options.streams
             if kind in options.loads and (kind != "iperf3" or shutil.which("iperf3"))]
    with contextlib.ExitStack() as stack:
        machines = {engine: stack.enter_context(Machine(options, engine)) for engine in options.engines.split(",")}
        rounds = collections.defaultdict(list)  # of a load and an engine: the figures of each
        for turn in range(options.rounds):
            order = collections.deque(machines.items())
            order.rotate(turn)  # what waits for its processor is as old for everybody
            for load in loads:
                for engine, machine in order:
                    rounds[*load, engine].append(machine.ask(*load))
    for path, kind, streams in loads:
        print(f"{path}, {kind} x {streams} ({UNITS[kind]}):")
        for engine in machines:
            figures = rounds[path, kind, streams, engine]
            medians = (f"{statistics.median(column):10.0f}" for column in zip(*figures))
            print(f"    {engine:8}", *medians, f"   best {max(numbers[0] for numbers in figures):.0f}")


if __name__ == "__main__":
    main()
