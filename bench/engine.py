#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers by gantryd, beside dockerd, podman and containerd as Debian ships them.

    bench/engine.py [--rounds 15] [--only run,exec,life,remove,sleepers,ps,logs,rest,ready,storm,own]
                    [--drivers gantry,dockerd,podman,containerd] [--sleepers 200] [--storm 1000] [--log-mb 1000]
                    [--dir DIR] [--build DIR]

run       `docker run --rm IMAGE true` by the same client for gantryd and dockerd, without a network and with the default
          one; `podman run` and `ctr run` without one. What Docker's client takes by itself (`docker --version`) is
          measured in the same turns
exec      `docker exec C true`                     life   `docker start` and `docker stop` of a container that exits at once
remove    ms of DELETE of a container at the moment in which its end was told, through the API
sleepers  seconds in which so many sleeping containers are created and started through the API by eight threads, and the
          memory (PSS) that daemon and shims take for each
ps        milliseconds of GET /containers/json?all=1 with 500 containers
logs      MB/s of `docker logs` of a container that has written 1 GB (--log-mb) in lines of 100 bytes; three rounds
rest      PSS of the daemon with nothing to do, and its CPU         ready  ms from its start to its first answer, with
          500 containers on disk
storm     seconds in which a thousand containers, started by 64 threads, have all run to their end
own       `gantry run --rm --network none IMAGE true`

Drivers take turns; medians of the rounds. Each target is printed with its ratio. Stores are in memory unless --dir says
else. Needs root; ninja -C build/release programs. Runs itself by tests/run.py, in a machine of its own.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, f"{CHECKOUT}/tests")

IMAGE = "bench.local/busybox:1"
DOCKER = "/usr/bin/docker"  # by path: a newer client elsewhere in PATH is not what Debian ships
LISTED = 500


class Unable(Exception):
    """A driver cannot do it."""


def run(*argv, stdin=subprocess.DEVNULL):
    result = subprocess.run(argv, stdin=stdin, capture_output=True, text=True, errors="replace")
    if result.returncode:
        raise Unable(f"{shlex.join(argv)}: {(result.stderr or result.stdout).strip()}")
    return result.stdout.strip()


# ---- What is measured


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Api:
    """The Engine API on a unix socket; a connection a thread, kept."""

    def __init__(self, path):
        self.path = path
        self.local = threading.local()

    def call(self, method, target, body=None):
        kept = getattr(self.local, "connection", None)
        try:
            answer, data = self.ask(kept or self.connect(), method, target, body)
        except (OSError, http.client.HTTPException):
            if kept is None:
                raise
            answer, data = self.ask(self.connect(), method, target, body)  # the kept one had its time
        if answer.status >= 400:
            raise Unable(f"{method} {target}: {answer.status} {data.decode(errors='replace').strip()}")
        return data

    def connect(self):
        self.local.connection = UnixConnection(self.path)
        return self.local.connection

    def ask(self, connection, method, target, body):
        connection.request(method, target, None if body is None else json.dumps(body),
                           {} if body is None else {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer, answer.read()

    def create(self, command, **host_config):
        body = {"Image": IMAGE, "Cmd": command, "HostConfig": {"NetworkMode": "none", **host_config}}
        return json.loads(self.call("POST", "/v1.41/containers/create", body))["Id"]

    def start(self, container):
        self.call("POST", f"/v1.41/containers/{container}/start")

    def wait(self, container):
        self.call("POST", f"/v1.41/containers/{container}/wait")

    def remove(self, container):
        self.call("DELETE", f"/v1.41/containers/{container}?force=1&v=1")

    def remove_all(self):
        containers = json.loads(self.call("GET", "/v1.41/containers/json?all=1"))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda container: self.remove(container["Id"]), containers))


def pss_of(pid):
    """KiB."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return 0


def cpu_of(pid):
    """Seconds."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processes_of(home):
    """The daemon, its helpers and its shims: those that have its directory on their command line."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{name}/cmdline") as file:
            if home in file.read() and int(name) != os.getpid():
                found.append(int(name))
    return found


# ---- Drivers


class DockerLike:
    """A daemon with the Engine API, and Debian's client for it."""

    def __init__(self, home, program):
        self.home, self.program = home, program
        self.socket = f"{home}/socket"
        self.client = [DOCKER, "--host", f"unix://{self.socket}"]
        self.api = Api(self.socket)
        with open(f"{home}/daemon.json", "w") as file:
            file.write("{}")
        self.log = open(f"{home}/log", "ab")
        self.start()

    def start(self):
        """Milliseconds to its first answer."""
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [self.program, "--host", f"unix://{self.socket}", "--data-root", f"{self.home}/data", "--exec-root",
             f"{self.home}/exec", "--pidfile", f"{self.home}/pid", "--config-file", f"{self.home}/daemon.json"],
            stdout=self.log, stderr=self.log)
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = UnixConnection(self.socket)
                connection.request("GET", "/_ping")
                if connection.getresponse().status == 200:
                    return (time.monotonic() - begin) * 1e3
            if self.process.poll() is not None:
                with open(f"{self.home}/log") as log:
                    raise Unable(f"{self.program} does not start: {log.read()[-2000:]}")
            time.sleep(0.001)

    def load(self, archive):
        run(*self.client, "load", "--input", archive)

    def run_args(self, network):
        return [*self.client, "run", "--rm", *(["--network", network] if network else []), IMAGE, "true"]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def stop(self):
        with contextlib.suppress(Unable):
            self.api.remove_all()
        self.end()
        self.log.close()
        subprocess.run(["umount", "--recursive", f"{self.home}/exec/netns/default"], stderr=subprocess.DEVNULL)


class Gantry(DockerLike):
    def __init__(self, home, options):
        # Under this name it takes dockerd's options.
        program = f"{home}/dockerd"
        os.symlink(f"{options.build}/bin/gantryd", program)
        self.gantry = f"{options.build}/bin/gantry"
        super().__init__(home, program)


class Dockerd(DockerLike):
    def __init__(self, home, _):
        super().__init__(home, "/usr/sbin/dockerd")


class Podman:
    def __init__(self, home, _):
        self.root = f"{home}/store"
        self.command = ["podman", "--root", self.root, "--runroot", f"{home}/run", "--storage-driver", "overlay",
                        "--cgroup-manager", "cgroupfs", "--events-backend", "file",
                        "--runtime", "/usr/sbin/runc"]  # crun refuses hosts with both versions of cgroups

    def load(self, archive):
        run(*self.command, "load", "--input", archive)

    def run_args(self, network):
        if not network:
            raise Unable("its networks are made by other programs")
        return [*self.command, "run", "--rm", "--network", network, IMAGE, "true"]

    def stop(self):
        subprocess.run(["umount", f"{self.root}/overlay"], stderr=subprocess.DEVNULL)


class Containerd:
    def __init__(self, home, _):
        with open(f"{home}/config.toml", "w") as file:
            file.write(f'version = 2\nroot = "{home}/root"\nstate = "{home}/state"\n'
                       'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                       f'[grpc]\naddress = "{home}/socket"\n[ttrpc]\naddress = "{home}/ttrpc"\n')
        self.client = ["ctr", "--address", f"{home}/socket", "--namespace", "bench"]
        self.log = open(f"{home}/log", "w")
        self.process = subprocess.Popen(["containerd", "--config", f"{home}/config.toml"], stdout=self.log,
                                        stderr=self.log)
        while subprocess.run([*self.client, "version"], capture_output=True).returncode:
            time.sleep(0.1)
        self.number = 0

    def load(self, archive):
        run(*self.client, "images", "import", archive)

    def run_args(self, network):
        if not network:
            raise Unable("it has no networks")
        self.number += 1
        return [*self.client, "run", "--rm", IMAGE, f"bench{self.number}", "true"]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


DRIVERS = {"gantry": Gantry, "dockerd": Dockerd, "podman": Podman, "containerd": Containerd}


# ---- Measuring


class Verdicts:
    """Targets: printed at the end, together."""

    def __init__(self):
        self.lines = []

    def at_most(self, what, value, most, unit=""):
        self.lines.append(f"{what:64}{value:9.2f}{unit:4} at most {most:g}{unit:4} {'ok' if value <= most else 'MISSED'}")

    def at_least(self, what, value, least, unit=""):
        self.lines.append(f"{what:64}{value:9.2f}{unit:4} at least {least:g}{unit:3} {'ok' if value >= least else 'MISSED'}")

    def __str__(self):
        return "targets (medians)\n" + "\n".join(self.lines)


def milliseconds_of(argv):
    begin = time.monotonic()
    run(*argv)
    return (time.monotonic() - begin) * 1e3


class Client:
    """Docker's client without a daemon."""

    def run_args(self, _):
        return [DOCKER, "--version"]


class Bench:
    def __init__(self, options, engines, verdicts):
        self.options, self.engines, self.verdicts = options, engines, verdicts

    def docker_engines(self):
        return {name: engine for name, engine in self.engines.items() if isinstance(engine, DockerLike)}

    def in_turns(self, title, engines, measure, rounds=None):
        """{driver: median} of what `measure` answers in milliseconds, and a table."""
        return self.table(title, *self.take_turns(engines, measure, rounds or self.options.rounds))

    @staticmethod
    def take_turns(engines, measure, rounds):
        figures = {}
        unable = {}
        for _ in range(rounds):
            for name, engine in engines.items():
                if name not in unable:
                    try:
                        figures.setdefault(name, []).append(measure(engine))
                    except Unable as why:
                        unable[name] = why
        return figures, unable

    @staticmethod
    def table(title, figures, unable):
        print(f"\n{title}\n{'':12}{'least ms':>10}{'median ms':>11}")
        for name, values in figures.items():
            if name not in unable:
                print(f"{name:12}{min(values):10.1f}{statistics.median(values):11.1f}")
        for name, why in unable.items():
            print(f"{name:12}cannot: {why}")
        sys.stdout.flush()
        return {name: statistics.median(values) for name, values in figures.items() if name not in unable}

    def with_client(self, engines):
        """And Docker's client alone, in the same turns: the machine may be busy with other things."""
        return engines | {"the client": Client()}

    def against_dockerd(self, what, medians, most):
        """Without what the client takes by itself."""
        if medians.keys() >= {"gantry", "dockerd"}:
            own = medians["the client"]
            self.verdicts.at_most(f"{what} / dockerd, without the client's own start",
                                  (medians["gantry"] - own) / (medians["dockerd"] - own), most)

    def run(self):
        for network, title in (("none", "run --rm without a network"), ("", "run --rm with the default network")):
            medians = self.in_turns(title, self.with_client(self.engines),
                                    lambda engine: milliseconds_of(engine.run_args(network)))
            self.against_dockerd(title, medians, 0.2)
            if medians.keys() >= {"gantry", "podman"}:
                self.verdicts.at_most(f"{title} / podman", medians["gantry"] / medians["podman"], 0.5)

    def exec(self):
        def measure(engine):
            return milliseconds_of([*engine.client, "exec", container[engine], "true"] if engine in container else
                                   engine.run_args(""))

        container = {engine: engine.api.create(["sleep", "1000"]) for engine in self.docker_engines().values()}
        for engine, name in container.items():
            engine.api.start(name)
        medians = self.in_turns("exec C true", self.with_client(self.docker_engines()), measure)
        self.against_dockerd("exec", medians, 0.25)
        for engine, name in container.items():
            engine.api.remove(name)

    def life(self):
        ends_at_once = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
        container = {engine: engine.api.create(ends_at_once) for engine in self.docker_engines().values()}
        times = {"start": {}, "stop": {}}
        for _ in range(self.options.rounds):
            for name, engine in self.with_client(self.docker_engines()).items():
                for verb, figures in times.items():  # in pairs, so that each finds what it needs
                    argv = [*engine.client, verb, container[engine]] if engine in container else engine.run_args("")
                    figures.setdefault(name, []).append(milliseconds_of(argv))
        for verb, figures in times.items():
            self.against_dockerd(verb, self.table(f"{verb} C", figures, {}), 0.25)
        for engine, name in container.items():
            engine.api.remove(name)

    def remove(self):
        def measure(engine):
            container = engine.api.create(["true"])
            engine.api.start(container)
            engine.api.wait(container)
            begin = time.monotonic()
            engine.api.remove(container)
            return (time.monotonic() - begin) * 1e3

        self.in_turns("remove, as soon as it has ended", self.docker_engines(), measure)

    def sleepers(self):
        count = self.options.sleepers
        seconds = {}
        print(f"\n{count} sleeping containers\n{'':12}{'s':>8}{'KiB of ours each':>18}")
        for name, engine in self.docker_engines().items():
            before = sum(map(pss_of, processes_of(engine.home)))
            begin = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda _: engine.api.start(engine.api.create(["sleep", "1000"])), range(count)))
            seconds[name] = time.monotonic() - begin
            each = (sum(map(pss_of, processes_of(engine.home))) - before) / count
            print(f"{name:12}{seconds[name]:8.2f}{each:18.0f}", flush=True)
            if name == "gantry":
                self.verdicts.at_most("a sleeping container, memory of ours", each, 400, " KiB")
            engine.api.remove_all()
        if seconds.keys() >= {"gantry", "dockerd"}:
            self.verdicts.at_least(f"{count} sleeping containers: times as fast as dockerd",
                                   seconds["dockerd"] / seconds["gantry"], 5)

    def with_listed(self, engine):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: engine.api.create(["true"]), range(LISTED)))

    def ps(self):
        def measure(engine):
            begin = time.monotonic()
            listed = engine.api.call("GET", "/v1.41/containers/json?all=1")
            milliseconds = (time.monotonic() - begin) * 1e3
            if len(json.loads(listed)) != LISTED:
                raise Unable(f"{len(json.loads(listed))} containers are listed")
            return milliseconds

        for engine in self.docker_engines().values():
            self.with_listed(engine)
        medians = self.in_turns(f"ps -a with {LISTED} containers", self.docker_engines(), measure)
        if "gantry" in medians:
            self.verdicts.at_most(f"ps -a with {LISTED} containers", medians["gantry"], 5, " ms")
        for engine in self.docker_engines().values():
            engine.api.remove_all()

    def logs(self):
        size = self.options.log_mb * 1_000_000
        container = {}

        def measure(engine):
            begin = time.monotonic()
            with subprocess.Popen([*engine.client, "logs", container[engine]], stdout=subprocess.PIPE) as logs:
                count = int(run("wc", "-c", stdin=logs.stdout))
            if count != size:
                raise Unable(f"the log has {count} bytes of {size}")
            return (time.monotonic() - begin) * 1e3

        for engine in self.docker_engines().values():
            container[engine] = engine.api.create(["sh", "-c", f"yes {'x' * 99} | head -c {size}"],
                                                  LogConfig={"Type": "json-file", "Config": {"max-size": "4g"}})
            engine.api.start(container[engine])
            engine.api.wait(container[engine])
        medians = self.in_turns(f"logs of {self.options.log_mb} MB", self.docker_engines(), measure,
                                min(self.options.rounds, 3))
        for name, milliseconds in medians.items():
            print(f"{name:12}{size / 1e3 / milliseconds:10.0f} MB/s")
        if medians.keys() >= {"gantry", "dockerd"}:
            self.verdicts.at_least(f"logs of {self.options.log_mb} MB: times as fast as dockerd",
                                   medians["dockerd"] / medians["gantry"], 3)
        for engine, name in container.items():
            engine.api.remove(name)

    def rest(self):
        print(f"\nat rest\n{'':12}{'PSS MiB':>8}{'CPU %':>8}")
        for name, engine in self.docker_engines().items():
            time.sleep(15)  # pools give their threads back, collectors have run
            pids = processes_of(engine.home)
            cpu, begin = sum(map(cpu_of, pids)), time.monotonic()
            time.sleep(20)
            percent = (sum(map(cpu_of, pids)) - cpu) / (time.monotonic() - begin) * 100
            memory = sum(map(pss_of, pids)) / 1024
            print(f"{name:12}{memory:8.1f}{percent:8.2f}", flush=True)
            if name == "gantry":
                self.verdicts.at_most("at rest", memory, 15, " MiB")
                self.verdicts.at_most("CPU at rest", percent, 0.1, " %")

    def ready(self):
        def measure(engine):
            engine.end()
            return engine.start()

        for engine in self.docker_engines().values():
            self.with_listed(engine)
        medians = self.in_turns(f"ready, with {LISTED} containers on disk", self.docker_engines(), measure,
                                min(self.options.rounds, 5))
        if "gantry" in medians:
            self.verdicts.at_most(f"ready with {LISTED} containers on disk", medians["gantry"], 50, " ms")
        for engine in self.docker_engines().values():
            engine.api.remove_all()

    def storm(self):
        engine, count = self.engines.get("gantry"), self.options.storm
        if engine is None:
            return
        ids = [engine.api.create(["true"]) for _ in range(count)]
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda name: (engine.api.start(name), engine.api.wait(name)), ids))
        seconds = time.monotonic() - begin
        print(f"\n{count} started at once: {seconds:.2f} s until all have ended")
        self.verdicts.at_most(f"{count} parallel starts", seconds, 20, " s")
        engine.api.remove_all()

    def own(self):
        engine = self.engines.get("gantry")
        if engine is None:
            return
        argv = [engine.gantry, "--host", f"unix://{engine.socket}", "run", "--rm", "--network", "none", IMAGE, "true"]
        medians = self.in_turns("gantry run --rm --network none", {"gantry": engine}, lambda _: milliseconds_of(argv))
        if medians:
            self.verdicts.at_most("gantry run --rm --network none", medians["gantry"], 25, " ms")


def make_archive(scratch):
    from lib import images

    layout = images.Layout([images.layer_tar(images.busybox_layer() | {
        f"bin/{name}": images.busybox_layer()["bin/busybox"] for name in ("true", "sleep", "yes", "head")})])
    try:
        run("skopeo", "--insecure-policy", "copy", layout.source, f"docker-archive:{scratch}/image.tar:{IMAGE}")
    finally:
        layout.remove()
    return f"{scratch}/image.tar"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="run,exec,life,remove,sleepers,ps,logs,rest,ready,storm,own")
    parser.add_argument("--drivers", default=",".join(DRIVERS))
    parser.add_argument("--sleepers", type=int, default=200)
    parser.add_argument("--storm", type=int, default=1000)
    parser.add_argument("--log-mb", type=int, default=1000)
    parser.add_argument("--dir")
    parser.add_argument("--build", default=f"{CHECKOUT}/build/release")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.build = os.path.realpath(options.build)
    if not options.inside:
        # Inside, the working directory is another.
        absolute = ["--build", options.build, *(["--dir", os.path.realpath(options.dir)] if options.dir else [])]
        command = shlex.join([sys.executable, os.path.realpath(__file__), "--inside", *sys.argv[1:], *absolute])
        os.environ["GANTRY"] = f"{options.build}/bin/gantry"  # for tests/lib
        os.execv(sys.executable, [sys.executable, f"{CHECKOUT}/tests/run.py", "--shell", command])
    verdicts = Verdicts()
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-engine-", dir=options.dir))
        archive = make_archive(scratch)
        engines = {}
        for name in options.drivers.split(","):
            home = f"{scratch}/{name}"
            os.mkdir(home)
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            engines[name] = DRIVERS[name](home, options)
            stack.callback(engines[name].stop)
            engines[name].load(archive)
        bench = Bench(options, engines, verdicts)
        for part in options.only.split(","):
            try:
                getattr(bench, part)()
            except Unable as why:
                print(f"\n{part} cannot be measured: {why}")
    print(f"\n{verdicts}")


if __name__ == "__main__":
    main()
