# SPDX-License-Identifier: Apache-2.0
"""gantryd is killed (kill -9) at random moments while clients create, start, stop, remove, exec, build and pull. What it
answered stays true, what ran runs on, every exit code, event and log line is there, and nothing else is left.

GANTRY_KILL_ROUNDS says how often (10); GANTRY_KILL_SEED which moments and deeds."""

import contextlib
import io
import itertools
import os
import random
import socket
import sqlite3
import tarfile
import threading
import time
import unittest

from docker import engine_home
from lib import cgroups, command
from lib.engine_api import EngineApi, Gone
from lib.images import Layout, OurRegistry, busybox_layer, layer_tar
from lib.runtime import wait_for

ROUNDS = int(os.environ.get("GANTRY_KILL_ROUNDS", 10))
SEED = int(os.environ.get("GANTRY_KILL_SEED", random.SystemRandom().randrange(1 << 30)))
WORKERS = 4
LINES = 50  # that a short container writes
PORT = 18080


def setUpModule():
    global home, api, registry
    home = engine_home.start()
    api = EngineApi(home.socket)
    home.docker("import", engine_home.busybox_tar(home.directory), "busybox")
    registry = OurRegistry()
    unittest.addModuleCleanup(registry.remove)
    layout = Layout([layer_tar(busybox_layer()), layer_tar({"etc/": None, "etc/motd": "pulled\n"})])
    unittest.addModuleCleanup(layout.remove)
    command.run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", layout.source,
                f"docker://{registry.address}/pulled:1")


def build_context(dockerfile):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        tar.addfile(member, io.BytesIO(dockerfile.encode()))
    return data.getvalue()


class Worker(threading.Thread):
    """A client that does this and that with containers of its own until the daemon is gone, and remembers what it was
    told about each."""

    names = itertools.count()

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.exits = {}        # name -> its exit code by itself; None: it runs until somebody ends it
        self.created = set()   # the daemon said so
        self.started = set()
        self.ending = set()    # somebody tried to end it
        self.removing = set()  # somebody tried to remove it, or it removes itself
        self.vanishing = set()  # of these, those that remove themselves
        self.images = set()
        self.failures = []

    def run(self):
        deeds = [self.run_short] * 4 + [self.run_long] * 2 + [self.exec] * 2 + [self.end] * 2 + [self.remove] * 2 + \
            [self.build, self.pull]
        try:
            while True:
                self.random.choice(deeds)()
        except Gone:
            pass
        except AssertionError as error:
            self.failures.append(str(error))

    def check(self, answer, *fine):
        if not answer.ok and answer.status not in fine:
            raise AssertionError(str(answer))
        return answer

    def new_container(self, script, code, **host_config):
        name = f"w{next(self.names)}"
        self.exits[name] = code
        if host_config.get("AutoRemove"):
            self.removing.add(name)
            self.vanishing.add(name)
        self.check(api.create(name, ["sh", "-c", script], **host_config))
        self.created.add(name)
        self.check(api.start(name))
        self.started.add(name)
        return name

    def run_short(self):
        code = self.random.randrange(100)
        name = self.new_container(f"i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); done; exit {code}", code,
                                  AutoRemove=self.random.random() < 0.3)
        if name not in self.removing and self.random.random() < 0.5 and api.wait(name) != code:
            raise AssertionError(f"{name} did not end with {code}")

    def run_long(self):
        self.new_container("trap 'exit 9' TERM; while :; do sleep 1; done", None)

    def any_running(self):
        names = sorted(name for name in self.started - self.removing - self.ending if self.exits[name] is None)
        return self.random.choice(names) if names else None

    def exec(self):
        if name := self.any_running():
            code = self.random.randrange(100)
            found = api.exec(name, ["sh", "-c", f"exit {code}"])
            if found != code:
                raise AssertionError(f"an exec in {name} ended with {found} instead of {code}")

    def end(self):
        if name := self.any_running():
            self.ending.add(name)
            verb = self.random.choice(["kill", "stop?t=0", "pause"])
            self.check(api.call("POST", f"/containers/{name}/{verb}"))

    def remove(self):
        if names := sorted(self.created - self.removing):
            name = self.random.choice(names)
            self.removing.add(name)
            self.check(api.remove(name))

    def build(self):
        tag = f"built{next(self.names)}"
        answer = self.check(api.call("POST", "/build", build_context(f"FROM busybox\nRUN echo {tag} > /tag\n"), t=tag))
        if b"errorDetail" in answer.body:
            raise AssertionError(str(answer))
        if b"Successfully tagged" in answer.body:
            self.images.add(tag)

    def pull(self):
        name = f"{registry.address}/pulled"
        answer = self.check(api.call("POST", "/images/create", fromImage=name, tag="1"))
        if b"errorDetail" in answer.body:
            raise AssertionError(str(answer))
        self.check(api.call("DELETE", f"/images/{name}:1"), 404, 409)  # another worker pulls or removes it, too


class Witnesses:
    """Containers that run through it all."""

    def __init__(self):
        for name, script in (("clock", "i=0; while :; do echo $i; i=$((i+1)); usleep 20000; done"),
                             ("web", "mkdir /www; echo here >/www/index.html; httpd -f -p 80 -h /www"), ("echo", "cat")):
            options = {"web": ("-p", f"{PORT}:80"), "echo": ("-i", "--network", "none")}.get(name, ("--network", "none"))
            home.docker("run", "-d", "--name", name, *options, "busybox", "sh", "-c", script)
        self.pids = {name: self.pid_of(name) for name in ("clock", "web", "echo")}
        self.requests, self.refused, self.is_over = 0, [], threading.Event()
        wait_for(lambda: self.try_request() is None, "the web server")
        self.prober = threading.Thread(target=self.probe, daemon=True)
        self.prober.start()

    def pid_of(self, name):
        state = api.inspect(name)["State"]
        assert state["Running"], state
        return state["Pid"]

    def try_request(self):
        try:
            with socket.create_connection(("127.0.0.1", PORT), timeout=30) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b""
                while part := client.recv(4096):
                    answer += part
            return None if answer.endswith(b"here\n") else f"answered {answer}"
        except OSError as error:
            return repr(error)

    def probe(self):
        while not self.is_over.wait(0.02):
            self.requests += 1
            if problem := self.try_request():
                self.refused.append(problem)

    def check(self, test):
        test.assertEqual(self.refused, [])
        test.assertEqual({name: self.pid_of(name) for name in self.pids}, self.pids)
        numbers = [int(line) for line in api.logs("clock").split()]
        test.assertEqual(numbers, list(range(len(numbers))))
        with api.attach("echo") as stream:
            word = f"word {len(numbers)}\n".encode()
            stream.sendall(word)
            got = b""
            while len(got) < 8 + len(word):
                part = stream.recv(4096)
                test.assertTrue(part, f"the stream ended after {got}")
                got += part
            test.assertEqual(got[8:], word)
        return len(numbers)

    def end(self):
        self.is_over.set()
        self.prober.join()


class KilledDaemon(engine_home.Case):
    timeout = 60 + 10 * ROUNDS

    @classmethod
    def setUpClass(cls):
        cls.home = home

    def test_loses_nothing(self):
        self.witnesses = Witnesses()
        self.addCleanup(self.witnesses.end)
        self.addCleanup(lambda: print(f"    {ROUNDS} kills, seed {SEED}, {self.deeds} containers, "
                                      f"{self.witnesses.requests} requests", flush=True))
        self.deeds = 0
        seen = 0
        for number in range(ROUNDS):
            try:
                self.one_round(random.Random(SEED + number))
                now = self.witnesses.check(self)
                self.assertGreater(now, seen)
                seen = now
            except (AssertionError, Gone) as error:
                raise AssertionError(f"round {number}, GANTRY_KILL_SEED={SEED}: {error}") from error

    def one_round(self, dice):
        began = time.time()
        workers = [Worker(dice.random()) for _ in range(WORKERS)]
        for worker in workers:
            worker.start()
        time.sleep(dice.uniform(0.02, 0.8))  # at a random moment, which is what this is about
        home.daemon.kill()
        for worker in workers:
            worker.join()
        if dice.random() < 0.3:  # while it repairs
            home.start()
            time.sleep(dice.uniform(0, 0.1))
            home.daemon.kill()
        home.start()
        self.assertEqual([failure for worker in workers for failure in worker.failures], [])
        for worker in workers:
            self.deeds += len(worker.created)
            self.check_answers(worker)
        self.clean_up(workers)
        self.check_events(began, {name for worker in workers for name in worker.exits}, workers)
        self.check_nothing_else()

    def check_answers(self, worker):
        there = {name: api.call("GET", f"/containers/{name}/json") for name in worker.created}
        for name in worker.created - worker.removing:
            self.assertTrue(there[name].ok, f"{name} was created and is gone")
        for name in worker.started - worker.removing - worker.ending:
            code = worker.exits[name]
            if code is None:
                self.assertTrue(there[name].json()["State"]["Running"], there[name].body)
                continue
            self.assertEqual(api.wait(name), code, name)
            self.assertEqual(api.logs(name), "".join(f"line {i}\n" for i in range(LINES)), name)
        for name in worker.started & worker.vanishing:
            try:
                wait_for(lambda: api.call("GET", f"/containers/{name}/json").status == 404, f"{name} to remove itself")
            except AssertionError as error:
                raise AssertionError(f"{error}; it is {api.call('GET', f'/containers/{name}/json').body}") from error
        for image in worker.images:
            self.assertTrue(api.call("GET", f"/images/{image}/json").ok, f"{image} was built and is gone")

    def clean_up(self, workers):
        for worker in workers:
            for name in worker.exits:
                answer = api.remove(name)
                if answer.status == 409:  # it is being removed
                    wait_for(lambda: api.call("GET", f"/containers/{name}/json").status == 404, f"an end of '{answer}'")
                else:
                    self.assertIn(answer.status, (204, 404), answer)
            for image in worker.images:
                api.must("DELETE", f"/images/{image}")

    def check_events(self, began, names, workers):
        told = {}  # name -> its events
        for event in api.events(began, time.time()):
            if event["Type"] == "container":
                told.setdefault(event["Actor"]["Attributes"]["name"], []).append(event)
        exits = {name: code for worker in workers for name, code in worker.exits.items()}
        ending = set().union(*(worker.ending | worker.removing for worker in workers))
        started = set().union(*(worker.started for worker in workers))
        for name, events in told.items():
            if name not in names or not name.startswith("c"):
                continue
            actions = [event["Action"] for event in events]
            counts = {action: actions.count(action) for action in ("create", "start", "die", "destroy")}
            starts = counts["start"]
            self.assertEqual(counts, {"create": 1, "start": starts, "die": starts, "destroy": 1}, f"{name}: {actions}")
            self.assertGreaterEqual(starts, name in started, f"{name}: {actions}")
            for event in events:
                if event["Action"] == "die" and exits[name] is not None and name not in ending:
                    self.assertEqual(event["Actor"]["Attributes"]["exitCode"], str(exits[name]), name)
        for worker in workers:
            self.assertEqual(worker.created - told.keys(), set(), "without events")

    def check_nothing_else(self):
        witnesses = {api.inspect(name)["Id"] for name in self.witnesses.pids}
        root, run = f"{home.directory}/root", f"{home.directory}/run"

        def left():
            found = {directory: set(os.listdir(directory)) for directory in
                     (f"{root}/containers", f"{run}/shims", f"{run}/runtime", f"{root}/build/work", f"{run}/build")
                     if os.path.isdir(directory)}
            for parent in cgroups.named(home.cgroup):
                found[parent] = set(next(os.walk(parent))[1])
            left = {directory: names - witnesses for directory, names in found.items() if names - witnesses}
            if rootfs := os.listdir(f"{run}/rootfs"):
                left["rootfs"] = rootfs
            if layers := directories_without_rows():
                left["snapshots"] = layers
            if trash := os.listdir(f"{root}/snapshots/trash"):
                left["trash"] = trash
            return left

        def directories_without_rows():
            with contextlib.closing(sqlite3.connect(f"file:{root}/metadata.db?mode=ro", uri=True)) as database:
                rows = {str(number) for number, in database.execute("SELECT number FROM directories")}
            return {name for name in os.listdir(f"{root}/snapshots") if name.isdigit()} ^ rows

        try:
            wait_for(lambda: not left(), "nothing to be left of what is gone")
        except AssertionError as error:
            raise AssertionError(f"{error}: {left()}") from None
        with contextlib.closing(sqlite3.connect(f"file:{root}/metadata.db?mode=ro", uri=True)) as database:
            keys = {key.removeprefix("container/") for key, in database.execute("SELECT key FROM snapshots")}
        self.assertEqual(keys, witnesses)
        report = api.must("POST", "/gantry/v1/check", contents=0).json()
        self.assertEqual(report["Findings"], [], "what the daemon says of its own disk")
