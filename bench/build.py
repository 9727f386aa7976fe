#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds from Dockerfiles, beside buildah and docker's classic builder as Debian ships them.

    bench/build.py [--rounds 5] [--drivers gantry,buildah,docker] [--only cached,runs,context] [--program PATH]

Seconds from the start of the client's command to its end, the median of the rounds; drivers take turns.

    cached   a Dockerfile of 20 steps of which all are cached
    runs     ten short RUN steps, none cached
    context  COPY of 50,000 files: the first time, again, and again after one file has changed

Needs root; ninja -C build/release gantry gantry-runtime. Runs itself by tests/run.py. All three run their
containers by our runtime, so what is compared is the building.
"""

import argparse
import contextlib
import os
import shlex
import statistics
import sys
import time

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, f"{CHECKOUT}/tests")

MAX_CACHED, MAX_RUNS = 0.2, 0.4  # of each peer's time

CACHED = "FROM localhost/base\n" + "".join(
    f"ENV V{i}={i}\nRUN echo step {i} > /step{i}\nCOPY file{i} /copied/\n" for i in range(6)) + "CMD sh\n"
RUNS = "FROM localhost/base\n" + "".join(f"RUN echo step {i} > /step{i}\n" for i in range(10))


class Gantry:
    def __init__(self):
        from lib import builds
        self.builds = builds.OurBuilds()

    def build(self, directory, *options):
        self.builds.build(directory, "--quiet", "-t", "localhost/bench", *options)

    def remove(self):
        self.builds.remove()


class Buildah:
    def __init__(self, ours):
        from lib import builds
        self.builds = builds.BuildahBuilds(ours)

    def build(self, directory, *options):
        self.builds.build(directory, "-t", "localhost/bench", *options)

    def remove(self):
        self.builds.remove()


class Docker:
    def __init__(self, ours):
        from lib import builds, dockerd
        self.home = dockerd.DockerHome()
        archive = f"{self.home.directory}/base.tar"
        ours.store.image("save", "--output", archive, builds.BASE)
        self.home.docker("load", "--input", archive)
        self.home.environment["DOCKER_BUILDKIT"] = "0"

    def build(self, directory, *options):
        self.home.docker("build", "--quiet", "-t", "localhost/bench", *options, directory, timeout=300)

    def remove(self):
        self.home.remove()


def seconds(work):
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


class Bench:
    def __init__(self, options, drivers):
        self.options, self.drivers = options, drivers

    def rounds(self, work):
        """{driver: median seconds}, each driver in turn."""
        figures = {name: [] for name in self.drivers}
        for _ in range(self.options.rounds):
            for name, driver in self.drivers.items():
                figures[name].append(seconds(lambda d=driver: work(d)))
        return {name: statistics.median(values) for name, values in figures.items()}

    def show(self, what, figures, most=None):
        for name, value in figures.items():
            ratio = "" if name == "gantry" or "gantry" not in figures else f"  gantry takes {figures['gantry'] / value:.2f} of it"
            verdict = ""
            if ratio and most is not None:
                verdict = f" (at most {most}: {'met' if figures['gantry'] <= most * value else 'MISSED'})"
            print(f"{what:24} {name:8} {value:8.3f} s{ratio}{verdict}", flush=True)

    def cached(self, context):
        directory = context({"Dockerfile": CACHED} | {f"file{i}": "x" * i for i in range(6)})
        for driver in self.drivers.values():
            driver.build(directory)
        self.show("20 cached steps", self.rounds(lambda driver: driver.build(directory)), MAX_CACHED)

    def runs(self, context):
        directory = context({"Dockerfile": RUNS})
        self.show("10 RUNs, no cache", self.rounds(lambda driver: driver.build(directory, "--no-cache")), MAX_RUNS)

    def context(self, context):
        files = {f"d{i // 500}/f{i}": f"file {i}" for i in range(50_000)}
        directory = context(files | {"Dockerfile": "FROM localhost/base\nCOPY . /files/\n"})
        once = {name: seconds(lambda d=driver: d.build(directory)) for name, driver in self.drivers.items()}
        self.show("50,000 files, first", once)
        self.show("50,000 files, the same", self.rounds(lambda driver: driver.build(directory)))
        with open(f"{directory}/d7/f3501", "w") as file:
            file.write("changed")
        again = {name: seconds(lambda d=driver: d.build(directory)) for name, driver in self.drivers.items()}
        self.show("50,000 files, one other", again)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--drivers", default="gantry,buildah,docker")
    parser.add_argument("--only", default="cached,runs,context")
    parser.add_argument("--program", default=f"{CHECKOUT}/build/release/bin/gantry")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["GANTRY"] = os.path.realpath(options.program)
    if not options.inside:
        again = shlex.join([sys.executable, os.path.realpath(__file__), *sys.argv[1:], "--inside"])
        os.execv(sys.executable, [sys.executable, f"{CHECKOUT}/tests/run.py", "--shell", again])
    from lib import builds
    with contextlib.ExitStack() as stack:
        drivers = {}
        gantry = Gantry()
        stack.callback(gantry.remove)
        for name in options.drivers.split(","):
            drivers[name] = gantry if name == "gantry" else {"buildah": Buildah, "docker": Docker}[name](gantry.builds)
            if name != "gantry":
                stack.callback(drivers[name].remove)

        def context(files):
            made = builds.Context(files)
            stack.callback(made.remove)
            return made.directory

        bench = Bench(options, drivers)
        for part in options.only.split(","):
            getattr(bench, part)(context)


if __name__ == "__main__":
    main()
