# SPDX-License-Identifier: Apache-2.0
"""Containers that fork without end, fill their log, ignore signals and exhaust memory; many at once; a volume's server that
does not answer. Each is dealt with, and others do not notice.

GANTRY_PARALLEL_STARTS says how many at once (100)."""

import concurrent.futures
import contextlib
import os
import subprocess
import time

from docker import engine_home
from lib.engine_api import EngineApi
from lib.fuse_server import FuseServer
from lib.runtime import wait_for

PARALLEL = int(os.environ.get("GANTRY_PARALLEL_STARTS", 100))
IN_TIME = 30  # seconds, for what is not to be held up


def setUpModule():
    global home, api
    home = engine_home.Case.home = engine_home.start()
    api = EngineApi(home.socket)
    home.docker("import", engine_home.busybox_tar(home.directory), "busybox")


class Case(engine_home.CleanCase):
    def running(self, *words, options=()):
        return self.out("run", "-d", "--network", "none", *options, "busybox", *words)

    def check_others_go_on(self):
        self.assertEqual(self.out("run", "--rm", "--network", "none", "busybox", "echo", "fine", timeout=IN_TIME), "fine")
        self.docker("ps", "-a", timeout=IN_TIME)


class Containers(Case):
    timeout = 120 + PARALLEL
    def test_forks_without_end(self):
        bomb = self.running("sleep", "1000", options=("--pids-limit", "64"))
        self.docker("exec", "-d", bomb, "sh", "-c", "bomb() { bomb | bomb & }; bomb; sleep 1000")

        def processes():
            return api.must("GET", f"/containers/{bomb}/stats", stream=0).json()["pids_stats"]["current"]
        highest = wait_for(lambda: max(processes(), 0), "a figure")
        self.assertLessEqual(highest, 64)
        self.check_others_go_on()
        self.assertLessEqual(processes(), 64)
        self.docker("rm", "-f", bomb, timeout=IN_TIME)

    def test_fills_its_log(self):
        loud = self.running("yes", "0123456789" * 10, options=("--log-opt", "max-size=200k", "--log-opt", "max-file=3"))
        log = f"{home.directory}/root/containers/{loud}"

        def sizes():
            found = []
            for name in os.listdir(log):
                with contextlib.suppress(FileNotFoundError):  # it was renamed meanwhile
                    found += [os.stat(f"{log}/{name}").st_size] if ".log" in name else []
            return found
        wait_for(lambda: len(sizes()) >= 3, "the log to be rotated")
        for _ in range(20):
            self.assertLess(sum(sizes()), 4 * 200_000 + (1 << 20))  # one may be on its way out
            time.sleep(0.01)
        self.assertEqual(set(self.out("logs", "--tail", "5", loud, timeout=IN_TIME).split()), {"0123456789" * 10})
        self.check_others_go_on()
        self.docker("rm", "-f", loud, timeout=IN_TIME)

    def test_ignores_signals(self):
        deaf = self.running("sh", "-c", "trap '' TERM INT HUP QUIT USR1; echo ready; while :; do sleep 1; done")
        wait_for(lambda: self.out("logs", deaf) == "ready", "the trap")
        self.docker("kill", "-s", "TERM", deaf)
        self.docker("kill", "-s", "USR1", deaf)
        self.assertTrue(self.inspect(deaf)["State"]["Running"])
        self.docker("stop", "-t", "1", deaf, timeout=IN_TIME)
        state = self.inspect(deaf)["State"]
        self.assertEqual((state["Status"], state["ExitCode"], state["OOMKilled"]), ("exited", 137, False))

    def test_exhausts_memory(self):
        began = time.time()
        options = ("--memory", "16m", "--memory-swap", "16m", "--name", "greedy")
        self.docker("run", "--network", "none", *options, "busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=128M", status=137)
        state = self.inspect("greedy")["State"]
        self.assertEqual((state["Status"], state["ExitCode"], state["OOMKilled"]), ("exited", 137, True))
        actions = [event["Action"] for event in api.events(began, time.time()) if event["Type"] == "container"]
        self.assertEqual([action for action in actions if action in ("oom", "die")], ["oom", "die"])
        self.docker("start", "-a", "greedy", status=137)  # once more, from the beginning

    def test_many_at_once(self):
        def run(number):
            name = f"many{number}"
            for answer in (api.create(name, ["sh", "-c", f"echo {number}; exit {number % 100}"]), api.start(name)):
                self.assertTrue(answer.ok, answer)
            return api.wait(name), api.logs(name)
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            results = list(pool.map(run, range(PARALLEL)))
        print(f"    {PARALLEL} containers at once: {time.monotonic() - started:.1f} s, load {os.getloadavg()[0]:.0f}",
              flush=True)
        self.assertEqual(results, [(number % 100, f"{number}\n") for number in range(PARALLEL)])


class HungVolumeServer(Case):
    def setUp(self):
        super().setUp()
        self.directory = f"{home.directory}/served"
        os.makedirs(self.directory, exist_ok=True)
        self.server = FuseServer(self.directory)
        self.addCleanup(self.end_server)
        self.bind = ("-v", f"{self.directory}:/data")
        self.docker("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={self.directory}", "remote")
        self.addCleanup(lambda: self.docker("volume", "rm", "remote"))
        self.addCleanup(self.remove_all)
        self.addCleanup(self.end_server)

    def end_server(self):
        if self.server:
            self.server.end()
            self.server = None

    def check_all_answers(self):
        self.check_others_go_on()
        for words in (["ps", "-a", "-s"], ["volume", "ls"], ["volume", "inspect", "remote"], ["info"], ["images"],
                      ["system", "df", "-v"], ["network", "ls"]):
            self.docker(*words, timeout=IN_TIME)

    def test_blocks_nobody_else(self):
        uses = self.running("sleep", "1000", options=self.bind)
        self.server.hang()
        starting = [subprocess.Popen([engine_home.DOCKER, "run", "--rm", "--network", "none", *options, "busybox", "true"],
                                     env=os.environ | home.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     text=True) for options in (self.bind, ("-v", "remote:/data"))]
        self.addCleanup(lambda: [client.kill() or client.communicate() for client in starting])
        self.check_all_answers()
        self.docker("inspect", uses, timeout=IN_TIME)
        self.docker("exec", uses, "true", timeout=IN_TIME)
        self.docker("stop", "-t", "0", uses, timeout=IN_TIME)
        self.docker("rm", uses, timeout=IN_TIME)
        self.end_server()
        for client in starting:
            said, _ = client.communicate(timeout=60)
            self.assertNotEqual(client.returncode, 0, said)
            self.assert_mentions(said, "error")
        wait_for(lambda: self.out("ps", "-aq") == "", "those that could not start to be removed")

    def test_does_not_hold_up_a_new_daemon(self):
        uses = self.running("sleep", "1000", options=("-v", "remote:/data"))
        self.server.hang()
        home.daemon.kill()
        home.start()
        self.check_all_answers()
        self.assertTrue(self.inspect(uses)["State"]["Running"])
        self.docker("rm", "-f", uses, timeout=IN_TIME)
