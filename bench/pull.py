#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pulling from a registry on loopback, beside dockerd, podman, containerd and a floor.

    bench/pull.py [--rounds 3] [--images debian,files-gzip,...] [--registries ours,debian] [--drivers gantry,podman,...]
                  [--only pull,list,own] [--dir DIR] [--build DIR]

Seconds from the start of the client's command to its end, the least and the median of the rounds, into a store that
has nothing of the image; drivers take turns, every second round the other way around, each after what was written before
it is on disk and the memory that it may need was used once. Ratios are medians of those of each round. The images are
those of bench/pull_images.py, the registries ours and Debian's docker-registry. The floor (bench_pull_floor) downloads,
decompresses and writes the same files. Then: `gantry image ls` of a thousand images, and a pull of the 1 GB image from
our registry on the store that it serves. Each target is printed with its ratio; peak memory is VmHWM. A driver that
cannot read an image says so and has no figure.

--dir is where stores and registries are; by default that is in memory, so that the disk is left out of it. Needs
root; ninja -C build/release gantry bench_pull_floor. Makes its images outside, and then runs itself by tests/run.py.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import select
import shlex
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

import processors
import pull_images

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, f"{CHECKOUT}/tests")
from lib import images  # noqa: E402

CACHE = f"{CHECKOUT}/build/bench"
DOCKER = "/usr/bin/docker"  # by path: a newer client elsewhere in PATH is not what Debian ships
MAX_OF_PEER, MAX_OF_FLOOR, MAX_PEAK, MAX_LIST, MAX_OWN = 0.5, 1.3, 64, 5, 50


class Unable(Exception):
    """A driver cannot do it."""


def run(*argv):
    result = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if result.returncode:
        raise Unable((result.stderr or result.stdout).strip().splitlines()[-1])
    return result.stdout


class Gantry:
    peak = 0.0  # MiB, of the last pull

    def __init__(self, home, options):
        self.program, self.root = f"{options.build}/bin/gantry", f"{home}/store"

    def pull(self, name, _):
        with subprocess.Popen([self.program, "--root", self.root, "image", "pull", "--quiet", name],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
            ended = select.poll()
            pidfd = os.pidfd_open(child.pid)
            ended.register(pidfd, select.POLLIN)
            # A high-water mark, so that the last look before the end is the one that counts. wait4(2) would count the
            # memory of this program, too, out of which the child began.
            while not ended.poll(20):
                with open(f"/proc/{child.pid}/status") as status:
                    for line in status:
                        if line.startswith("VmHWM:"):
                            self.peak = int(line.split()[1]) / 1024
            os.close(pidfd)
            if child.wait():
                raise Unable(child.stderr.read().strip())

    def forget(self, name):
        run(self.program, "--root", self.root, "image", "rm", name)

    def stop(self):
        pass


class Floor:
    def __init__(self, home, options):
        self.program, self.directory = f"{options.build}/bin/bench_pull_floor", f"{home}/files"

    def pull(self, name, layout):
        os.mkdir(self.directory)
        plans = sorted(f"{layout}/{file}" for file in os.listdir(layout) if file.startswith("plan-"))
        run(self.program, name.split(":")[1].split("/")[0], self.directory, *plans)

    def forget(self, _):
        shutil.rmtree(self.directory)

    def stop(self):
        pass


class Podman:
    def __init__(self, home, _):
        self.root = f"{home}/store"
        self.command = ["podman", "--root", self.root, "--runroot", f"{home}/run", "--storage-driver", "overlay"]

    def pull(self, name, _):
        run(*self.command, "pull", "--quiet", "--tls-verify=false", name)

    def forget(self, name):
        run(*self.command, "rmi", "--force", name)

    def stop(self):
        subprocess.run(["umount", f"{self.root}/overlay"], stderr=subprocess.DEVNULL)


class Daemon:
    """A peer that is a daemon; `client` is the command that asks it."""

    def __init__(self, home, command, client):
        self.client = client
        with open(f"{home}/log", "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while subprocess.run([*client, "version"], capture_output=True).returncode:
            if self.process.poll() is not None:
                sys.exit(f"{command[0]} does not start:\n{open(f'{home}/log').read()}")
            time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Dockerd(Daemon):
    def __init__(self, home, _):
        self.home = home
        with open(f"{home}/daemon.json", "w") as file:
            file.write("{}")
        super().__init__(home, ["dockerd", "--host", f"unix://{home}/socket", "--data-root", f"{home}/data",
                                "--exec-root", f"{home}/exec", "--pidfile", f"{home}/pid", "--config-file",
                                f"{home}/daemon.json", "--bridge", "none", "--iptables=false"],
                         [DOCKER, "--host", f"unix://{home}/socket"])

    def pull(self, name, _):
        run(*self.client, "pull", "--quiet", name)

    def forget(self, name):
        run(*self.client, "rmi", "--force", name)

    def stop(self):
        super().stop()
        subprocess.run(["umount", f"{self.home}/exec/netns/default"], stderr=subprocess.DEVNULL)


class Containerd(Daemon):
    def __init__(self, home, _):
        with open(f"{home}/config.toml", "w") as file:
            file.write(f'version = 2\nroot = "{home}/root"\nstate = "{home}/state"\n'
                       'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                       f'[grpc]\naddress = "{home}/socket"\n[ttrpc]\naddress = "{home}/ttrpc"\n')
        super().__init__(home, ["containerd", "--config", f"{home}/config.toml"],
                         ["ctr", "--address", f"{home}/socket", "--namespace", "bench"])

    def pull(self, name, _):
        run(*self.client, "images", "pull", "--plain-http", name)

    def forget(self, name):
        run(*self.client, "images", "remove", "--sync", name)


DRIVERS = {"gantry": Gantry, "floor": Floor, "podman": Podman, "dockerd": Dockerd, "containerd": Containerd}


class Verdicts:
    """Targets: printed at the end, together."""

    def __init__(self):
        self.lines = []

    def add(self, what, value, most, unit=""):
        verdict = "ok" if value <= most else "MISSED"
        self.lines.append(f"{what:52} {value:8.2f}{unit:4} at most {most}{unit:4} {verdict}")

    def __str__(self):
        return "targets (medians)\n" + "\n".join(self.lines)


def seconds_of(call, *arguments):
    begin = time.monotonic()
    call(*arguments)
    return time.monotonic() - begin


def cpu_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def touch_memory(directory):
    """Below a hypervisor the first use of a page costs a fault in the host, as much as a hundred later ones: whoever
    came first, or used the most, would pay for the others. So what a pull may use is used once before, and freed."""
    path = f"{directory}/touched"
    zeros = bytes(1 << 20)
    with open(path, "wb", buffering=0) as file:
        for _ in range(2048):
            file.write(zeros)
    os.unlink(path)


def pull_once(engine, name, layout):
    """Seconds, and CPU seconds of the command."""
    os.sync()  # what the turn before left to be written is not this one's
    touch_memory(tempfile.gettempdir())
    cpu = cpu_of_children()
    try:
        seconds = seconds_of(engine.pull, name, layout)
        cpu = cpu_of_children() - cpu
    finally:
        with contextlib.suppress(Unable, FileNotFoundError):
            engine.forget(name)
    return seconds, cpu


def measure_pulls(options, registry, registry_name, engines, verdicts):
    for image in options.images:
        layout = f"{CACHE}/{image}"
        name = f"{registry.address}/{image}:1"
        run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", f"oci:{layout}:1", f"docker://{name}")
        seconds, cpu, unable, peaks = {}, {}, {}, []
        for number in range(options.rounds):
            in_order = list(engines.items())
            for driver, engine in reversed(in_order) if number % 2 else in_order:
                if driver in unable:
                    continue
                try:
                    figures = pull_once(engine, name, layout)
                    seconds.setdefault(driver, []).append(figures[0])
                    cpu.setdefault(driver, []).append(figures[1])
                except Unable as why:
                    unable[driver] = why
                if driver == "gantry":
                    peaks.append(engine.peak)
        title = f"{pull_images.TITLES[image]}, from {registry_name}"
        print(f"\n{title}\n{'':12}{'least s':>9}{'median s':>9}{'CPU s':>9}")
        median = {driver: statistics.median(figures) for driver, figures in seconds.items()}
        for driver, figures in seconds.items():
            # What a daemon takes does not show in its client.
            own = "" if issubclass(DRIVERS[driver], Daemon) else f"{statistics.median(cpu[driver]):9.2f}"
            note = f"   peak memory {max(peaks):.1f} MiB" if driver == "gantry" else ""
            print(f"{driver:12}{min(figures):9.2f}{median[driver]:9.2f}{own}{note}")
        for driver, why in unable.items():
            print(f"{driver:12}cannot: {why}")
        sys.stdout.flush()

        def ratio_to(driver):
            # What slows a round down slows down both of it.
            return statistics.median(ours / theirs for ours, theirs in zip(seconds["gantry"], seconds[driver]))

        peers = [driver for driver in median if driver not in ("gantry", "floor")]
        if peers:
            verdicts.add(f"{title}: / peer", max(map(ratio_to, peers)), MAX_OF_PEER)
        if "floor" in median:
            verdicts.add(f"{title}: / floor", ratio_to("floor"), MAX_OF_FLOOR)
        verdicts.add(f"{title}: peak", max(peaks), MAX_PEAK, " MiB")


def all_pulls(options, scratch, verdicts):
    with contextlib.ExitStack() as stack:
        engines = {}
        for driver in options.drivers:
            home = stack.enter_context(tempfile.TemporaryDirectory(dir=scratch))
            engines[driver] = DRIVERS[driver](home, options)
            stack.callback(engines[driver].stop)
        kinds = {"ours": images.OurRegistry, "debian": images.DebianRegistry}
        for kind in options.registries:
            registry = kinds[kind]()
            try:
                measure_pulls(options, registry, "ours" if kind == "ours" else "docker-registry", engines, verdicts)
            finally:
                registry.remove()


def milliseconds_of(rounds, *argv):
    """Without the pipes and threads of subprocess.run, which cost as much as a small program."""
    figures = []
    for _ in range(rounds):
        begin = time.monotonic()
        pid = os.posix_spawn(argv[0], argv, os.environ,
                             file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        _, status = os.waitpid(pid, 0)
        figures.append((time.monotonic() - begin) * 1e3)
        if status:
            sys.exit(f"{shlex.join(argv)} ended with status {status}")
    return min(figures), statistics.median(figures)


def list_thousand(options, scratch, verdicts):
    """A docker-archive with a thousand images over one layer."""
    members = {"layer.tar": images.layer_tar({"etc/": None, "etc/name": "bench"})}
    listed = []
    for number in range(1000):
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"number": str(number)}},
                             "created": "2026-01-02T03:04:05Z",
                             "rootfs": {"type": "layers", "diff_ids": [images.digest_of(members["layer.tar"])]}})
        members[f"{number}.json"] = config.encode()
        listed.append({"Config": f"{number}.json", "RepoTags": [f"localhost/bench-{number}:1"], "Layers": ["layer.tar"]})
    members["manifest.json"] = json.dumps(listed).encode()
    with tempfile.TemporaryDirectory(dir=scratch) as home:
        with tarfile.open(f"{home}/archive", "w") as tar:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        gantry = [f"{options.build}/bin/gantry", "--root", f"{home}/store"]
        run(*gantry, "image", "load", "--input", f"{home}/archive")
        listed = len(run(*gantry, "image", "ls", "--quiet").splitlines())
        if listed != 1000:
            sys.exit(f"{listed} images are listed")
        least, median = milliseconds_of(50, *gantry, "image", "ls")
        _, start = milliseconds_of(50, gantry[0], "--version")
        print(f"\nimage ls of 1000 images: least {least:.2f} ms, median {median:.2f} ms; of that the program's start "
              f"and end, median, {start:.2f} ms")
        verdicts.add("image ls of 1000 images", median, MAX_LIST, " ms")


def pull_from_own(options, _, verdicts):
    registry = images.OurRegistry()
    name = f"{registry.address}/large-gzip:1"
    gantry = [f"{options.build}/bin/gantry", "--root", registry.store.root, "image"]
    try:
        run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", f"oci:{CACHE}/large-gzip:1",
            f"docker://{name}")
        figures = []
        for _ in range(11):
            figures.append(seconds_of(run, *gantry, "pull", "--quiet", name) * 1e3)
            run(*gantry, "rm", name)
    finally:
        registry.remove()
    print(f"\n1 GB from the own registry: least {min(figures):.1f} ms, median {statistics.median(figures):.1f} ms")
    verdicts.add("1 GB from the own registry", statistics.median(figures), MAX_OWN, " ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", default=",".join(pull_images.TITLES))
    parser.add_argument("--registries", default="ours,debian")
    parser.add_argument("--drivers", default=",".join(DRIVERS))
    parser.add_argument("--only", default="pull,list,own")
    parser.add_argument("--dir")
    parser.add_argument("--build", default=f"{CHECKOUT}/build/release")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = os.path.realpath(options.build)
    options.images = options.images.split(",")
    only = options.only.split(",")
    if not options.inside:
        needed = set(options.images if "pull" in only else []) | set(["large-gzip"] if "own" in only else [])
        pull_images.make(CACHE, sorted(needed))
        # Inside, the working directory is another.
        absolute = ["--build", options.build, *(["--dir", os.path.realpath(options.dir)] if options.dir else [])]
        command = shlex.join([sys.executable, os.path.realpath(__file__), "--inside", *sys.argv[1:], *absolute])
        os.environ["GANTRY"] = f"{options.build}/bin/gantry"  # for tests/lib
        os.execv(sys.executable, [sys.executable, f"{CHECKOUT}/tests/run.py", "--shell", command])
    processors.take()
    options.registries, options.drivers = options.registries.split(","), options.drivers.split(",")
    verdicts = Verdicts()
    with tempfile.TemporaryDirectory(prefix="bench-pull-", dir=options.dir) as scratch:
        tempfile.tempdir = scratch  # registries and stores of tests/lib, too
        for what, measure in {"pull": all_pulls, "list": list_thousand, "own": pull_from_own}.items():
            if what in only:
                measure(options, scratch, verdicts)
    print(f"\n{verdicts}")


if __name__ == "__main__":
    main()
