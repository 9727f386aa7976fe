#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""load and save of image archives, beside dockerd and podman.

    bench/archive.py [--runs 3] [--drivers gantry,podman,dockerd] [--gantry PROGRAM] [--dir DIR]

The images are made on the spot, as docker-archive with uncompressed layers: about 150 MB of this host's /usr in five
layers, and one layer with 50,000 files of 100 bytes. Each run loads into a store that does not have the image, then
saves it. Prints the median seconds of each, gantry's peak memory, and how many times as fast gantry is as the best of
the others. Needs root, podman and dockerd; run it on a machine of its own: tests/run.py --shell $PWD/bench/archive.py
"""

import argparse
import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
NAME = "localhost/bench:1"


def host_files(limit):
    """Files of /usr, up to so many bytes, in an order that is the same each time."""
    total = 0
    for directory, names, files in os.walk("/usr/lib"):
        names.sort()
        for file in sorted(files):
            path = os.path.join(directory, file)
            if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > 32 << 20:
                continue
            total += os.path.getsize(path)
            if total > limit:
                return
            yield path


def mixed_layers():
    files = list(host_files(150 << 20))
    share = len(files) // 5 + 1
    for first in range(0, len(files), share):
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            for path in files[first:first + share]:
                tar.add(path, arcname=path.lstrip("/"), recursive=False)
        yield layer.getvalue()


def small_files_layer():
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for number in range(50_000):
            entry = tarfile.TarInfo(f"files/{number // 500}/{number}")
            entry.size = 100
            tar.addfile(entry, io.BytesIO(b"%0100d" % number))
    yield layer.getvalue()


def write_archive(path, layers):
    layers = list(layers)
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()
                                                                   for layer in layers]}}).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    members = {f"layer{i}/layer.tar": layer for i, layer in enumerate(layers)}
    manifest = json.dumps([{"Config": config_name, "RepoTags": [NAME], "Layers": list(members)}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, text in {**members, config_name: config, "manifest.json": manifest}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))


class Gantry:
    peak = 0  # MiB of resident memory, of any call

    def __init__(self, home, program):
        self.command = [program, "--root", f"{home}/store"]

    def call(self, *arguments):
        child = subprocess.Popen([*self.command, *arguments], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{child.args}: exit status {child.returncode}")
        Gantry.peak = max(Gantry.peak, usage.ru_maxrss / 1024)

    def load(self, archive):
        self.call("image", "load", "-i", archive)

    def save(self, archive):
        self.call("image", "save", "-o", archive, NAME)

    def remove(self):
        subprocess.run([*self.command, "image", "rm", NAME], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*self.command, "image", "prune", "--force"], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        pass


class Podman:
    def __init__(self, home, _):
        self.command = ["podman", "--root", f"{home}/store", "--runroot", f"{home}/run", "--storage-driver", "overlay"]

    def load(self, archive):
        subprocess.run([*self.command, "load", "-q", "-i", archive], check=True, stdout=subprocess.DEVNULL)

    def save(self, archive):
        subprocess.run([*self.command, "save", "-q", "-o", archive, NAME], check=True)

    def remove(self):
        subprocess.run([*self.command, "rmi", "-f", NAME], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        subprocess.run(["umount", f"{self.command[2]}/overlay"], stderr=subprocess.DEVNULL)


class Dockerd:
    def __init__(self, home, _):
        with open(f"{home}/daemon.json", "w") as file:
            file.write("{}")
        self.home = home
        self.command = ["/usr/bin/docker", "--host", f"unix://{home}/socket"]
        with open(f"{home}/log", "w") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", "--host", f"unix://{home}/socket", "--data-root", f"{home}/data", "--exec-root",
                 f"{home}/exec", "--pidfile", f"{home}/pid", "--config-file", f"{home}/daemon.json", "--bridge", "none",
                 "--iptables=false"], stdout=log, stderr=log)
        while subprocess.run([*self.command, "version"], capture_output=True).returncode:
            if self.daemon.poll() is not None:
                sys.exit(f"dockerd does not start:\n{open(f'{home}/log').read()}")
            time.sleep(0.1)

    def load(self, archive):
        subprocess.run([*self.command, "load", "-q", "-i", archive], check=True, stdout=subprocess.DEVNULL)

    def save(self, archive):
        subprocess.run([*self.command, "save", "-o", archive, NAME], check=True)

    def remove(self):
        subprocess.run([*self.command, "rmi", "-f", NAME], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait()
        subprocess.run(["umount", f"{self.home}/exec/netns/default"], stderr=subprocess.DEVNULL)


DRIVERS = {"gantry": Gantry, "podman": Podman, "dockerd": Dockerd}


def seconds_of(call, *arguments):
    os.sync()
    begin = time.monotonic()
    call(*arguments)
    return time.monotonic() - begin


def measure(driver, archive, runs, scratch, program):
    """Median seconds of load and of save."""
    home = tempfile.mkdtemp(dir=scratch)
    engine = DRIVERS[driver](home, program)
    loads, saves = [], []
    try:
        for _ in range(runs):
            loads.append(seconds_of(engine.load, archive))
            out = f"{home}/saved.tar"
            saves.append(seconds_of(engine.save, out))
            os.unlink(out)
            engine.remove()
    finally:
        engine.stop()
        shutil.rmtree(home)
    return statistics.median(loads), statistics.median(saves)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--drivers", default=",".join(DRIVERS))
    parser.add_argument("--gantry", default=f"{CHECKOUT}/build/release/bin/gantry")
    parser.add_argument("--dir", help="where everything is done (default: a new one in the temporary directory)")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(dir=options.dir))
        for what, layers in {"150 MB in 5 layers": mixed_layers, "50,000 small files": small_files_layer}.items():
            archive = f"{scratch}/archive.tar"
            # In a process of its own: what a program takes here before it is another counts as that one's memory.
            maker = multiprocessing.Process(target=lambda: write_archive(archive, layers()))
            maker.start()
            maker.join()
            print(f"{what} ({os.path.getsize(archive) / 1e6:.0f} MB)\n{'':10}{'load s':>10}{'save s':>10}")
            figures = {}
            for driver in options.drivers.split(","):
                figures[driver] = measure(driver, archive, options.runs, scratch, options.gantry)
                print(f"{driver:10}{figures[driver][0]:10.2f}{figures[driver][1]:10.2f}")
                if driver == "gantry":
                    print(f"{'':10}peak memory {Gantry.peak:.1f} MiB")
            others = [figure for driver, figure in figures.items() if driver != "gantry"]
            if others and "gantry" in figures:
                ratios = (min(other[i] for other in others) / figures["gantry"][i] for i in (0, 1))
                print(f"{'ratio':10}" + "".join(f"{ratio:10.1f}" for ratio in ratios))


if __name__ == "__main__":
    main()
