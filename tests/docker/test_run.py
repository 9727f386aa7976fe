# SPDX-License-Identifier: Apache-2.0
"""`docker run` and what it leaves: streams, exit codes, terminals, names, and the life of a container."""

import os
import signal
import subprocess
import time

from docker import engine_home
from lib import command
from lib.runtime import wait_for

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Containers(engine_home.CleanCase):
    def run_once(self, *words, options=(), **more):
        return self.docker("run", "--rm", "--network", "none", *options, IMAGE, *words, **more)

    def sleeper(self, *options, words=("sleep", "1000")):
        return self.out("run", "-d", "--network", "none", *options, IMAGE, *words)

    def status(self, name):
        return self.inspect(name)["State"]["Status"]


class Run(Containers):
    def test_streams_are_two_and_the_status_is_the_programs(self):
        result = self.run_once("sh", "-c", "echo out; echo err >&2; exit 7", status=7)
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))
        self.assertEqual(self.out("ps", "-aq"), "")  # --rm

    def test_a_killed_program_has_128_and_its_signal(self):
        self.run_once("sh", "-c", "kill -9 $$", options=["--init"], status=137)

    def test_what_cannot_be_started_is_127_or_126(self):
        self.assert_mentions(self.run_once("no-such-program", status=127).stderr, "no-such-program", "not found")
        self.assert_mentions(self.run_once("/etc", status=126).stderr, "/etc", "permission denied")
        self.assertEqual(self.out("ps", "-aq"), "")

    def test_what_is_wrong_before_the_start_is_125(self):
        self.assert_mentions(self.docker("run", "--rm", "--pull", "never", "no-such-image", status=125).stderr,
                             "No such image: no-such-image:latest")
        self.run_once("true", options=["--no-such-option"], status=125)
        self.assert_mentions(self.run_once("true", options=["--memory", "1m"], status=125).stderr,
                             "minimum memory limit allowed is 6MB")

    def test_input_goes_in_and_ends(self):
        self.assertEqual(self.run_once("cat", options=["-i"], stdin="a line\n").stdout, "a line\n")
        self.assertEqual(self.run_once("cat", stdin="nobody reads this").stdout, "")

    def test_much_goes_in_and_out(self):
        text = "".join(f"{number}\n" for number in range(200_000))
        self.assertEqual(self.run_once("cat", options=["-i"], stdin=text).stdout, text)

    def test_a_terminal(self):
        result = command.run_on_terminal(
            engine_home.DOCKER, "run", "--rm", "-it", "--network", "none", IMAGE, "sh", "-c",
            # Sized by the client once it runs.
            "tty; until set -- $(stty size 2>/dev/null) && [ ${1:-0} -gt 0 ]; do sleep 0.05; done; echo $1 $2; "
            "read line; echo got $line; exit 4",
            env=self.home.environment, status=4, stdin="word\n", rows=33, columns=99)
        self.assert_mentions(result.stdout, "/dev/pts/0", "33 99", "got word")

    def test_environment_directory_user_and_hostname(self):
        result = self.run_once("sh", "-c", "echo $A $HOSTNAME; pwd; id -u; hostname",
                               options=["-e", "A=b", "-w", "/tmp", "-u", "1000:1000", "-h", "box"])
        self.assertEqual(result.stdout.split(), ["b", "box", "/tmp", "1000", "box"])

    def test_detached(self):
        made = self.out("run", "-d", "--name", "web", "--network", "none", IMAGE, "sh", "-c", "echo ready; sleep 1000")
        self.assertRegex(made, r"^[0-9a-f]{64}$")
        self.assertEqual(self.status("web"), "running")
        self.assertEqual(self.out("ps", "-q", "--no-trunc"), made)
        wait_for(lambda: self.out("logs", "web") == "ready", "the log")

    def test_names(self):
        self.sleeper("--name", "web")
        self.assert_mentions(self.docker("run", "--name", "web", IMAGE, status=125).stderr, "Conflict",
                             '"/web" is already in use by container', "You have to remove (or rename) that container")
        self.docker("rename", "web", "db")
        self.assertEqual(self.inspect("db")["Name"], "/db")
        self.assert_mentions(self.refused("inspect", "web"), "No such object: web")
        self.assert_mentions(self.docker("run", "--name", "a b", IMAGE, status=125).stderr, "Invalid container name")
        unnamed = self.sleeper()
        self.assertRegex(self.inspect(unnamed)["Name"], r"^/[a-z]+_[a-z]+\d*$")

    def test_ids_may_be_abbreviated(self):
        made = self.sleeper()
        for digits in (12, 6):
            self.assertEqual(self.inspect(made[:digits])["Id"], made)

    def test_signals_are_passed_on(self):
        client = subprocess.Popen([engine_home.DOCKER, "run", "--rm", "--name", "web", "--network", "none", IMAGE, "sh", "-c",
                                   "trap 'echo hup; exit 9' HUP; echo ready; while true; do sleep 0.1; done"],
                                  env={**os.environ, **self.home.environment}, stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.stdout.close)
        self.assertEqual(client.stdout.readline(), "ready\n")
        client.send_signal(signal.SIGHUP)
        self.assertEqual(client.wait(30), 9)
        self.assertEqual(client.stdout.read(), "hup\n")

    def test_init_and_read_only_and_limits(self):
        self.assert_mentions(self.run_once("ps", options=["--init"]).stdout, "init")
        self.assert_mentions(self.run_once("touch", "/x", options=["--read-only"], status=1).stderr, "Read-only")
        limits = self.inspect(self.sleeper("--memory", "64m", "--pids-limit", "50", "--cpus", "0.5"))["HostConfig"]
        self.assertEqual((limits["Memory"], limits["PidsLimit"], limits["NanoCpus"]), (64 << 20, 50, 500_000_000))

    def test_capabilities_and_tmpfs_and_sysctl(self):
        self.run_once("mount", "-t", "tmpfs", "x", "/tmp", status=1)
        self.run_once("mount", "-t", "tmpfs", "x", "/tmp", options=["--cap-add", "SYS_ADMIN", "--security-opt",
                                                                    "apparmor=unconfined"])
        self.assert_mentions(self.run_once("mount", options=["--tmpfs", "/scratch:size=1m"]).stdout, "on /scratch type tmpfs")
        self.assertEqual(self.run_once("cat", "/proc/sys/kernel/msgmax", options=["--sysctl", "kernel.msgmax=9000"]).stdout,
                         "9000\n")

    def test_binds_and_volumes(self):
        directory = f"{self.home.directory}/shared"
        os.makedirs(directory, exist_ok=True)
        self.run_once("sh", "-c", "echo from inside > /shared/file", options=["-v", f"{directory}:/shared"])
        with open(f"{directory}/file") as file:
            self.assertEqual(file.read(), "from inside\n")
        self.run_once("touch", "/shared/x", options=["-v", f"{directory}:/shared:ro"], status=1)
        self.run_once("sh", "-c", "echo kept > /data/x", options=["-v", "kept:/data"])
        self.assertEqual(self.run_once("cat", "/data/x", options=["-v", "kept:/data"]).stdout, "kept\n")
        self.docker("volume", "rm", "kept")

    def test_namespaces_of_another(self):
        self.sleeper("--name", "first", "--ipc", "shareable")
        for kind in ("pid", "ipc", "network"):
            link = {"network": "net"}.get(kind, kind)
            theirs = self.out("exec", "first", "readlink", f"/proc/self/ns/{link}")
            # Only one may be given per kind: run_once says --network none.
            ours = self.out("run", "--rm", f"--{kind}", "container:first", IMAGE, "readlink", f"/proc/self/ns/{link}")
            self.assertEqual(ours, theirs, kind)


class Life(Containers):
    def test_create_start_stop_start_remove(self):
        made = self.out("create", "--name", "web", "--network", "none", IMAGE, "sh", "-c",
                        "trap 'exit 3' TERM; echo up; while true; do sleep 0.1; done")
        self.assertEqual(self.status("web"), "created")
        self.assertEqual(self.out("start", "web"), "web")
        self.docker("start", "web")  # once more is no error
        wait_for(lambda: "up" in self.out("logs", "web"), "the trap to be set")
        self.assertEqual(self.out("stop", "web"), "web")
        self.docker("stop", "web")
        self.assertEqual((self.status("web"), self.inspect("web")["State"]["ExitCode"]), ("exited", 3))
        self.assertEqual(self.out("wait", "web"), "3")
        self.docker("start", "web")
        self.assert_mentions(self.refused("rm", "web"), "cannot remove", "running")
        self.assertEqual(self.out("rm", "-f", made[:10]), made[:10])
        self.assert_mentions(self.refused("start", "web"), "No such container: web")

    def test_stop_kills_who_does_not_listen(self):
        self.sleeper("--name", "deaf", words=("sh", "-c", "trap '' TERM; while true; do sleep 0.1; done"))
        self.docker("stop", "-t", "0", "deaf")
        self.assertEqual(self.inspect("deaf")["State"]["ExitCode"], 137)

    def test_the_stop_signal_is_the_containers(self):
        self.sleeper("--name", "web", "--stop-signal", "USR1", words=(
            "sh", "-c", "trap 'exit 5' USR1; echo up; while true; do sleep 0.1; done"))
        wait_for(lambda: "up" in self.out("logs", "web"), "the trap to be set")
        self.docker("stop", "web")
        self.assertEqual(self.inspect("web")["State"]["ExitCode"], 5)

    def test_kill(self):
        self.sleeper("--name", "web")
        self.assert_mentions(self.refused("kill", "-s", "NOSUCH", "web"), "invalid signal", "NOSUCH")
        self.docker("kill", "web")
        self.assertEqual(self.out("wait", "web"), "137")
        self.assert_mentions(self.refused("kill", "web"), "is not running")

    def test_restart(self):
        self.sleeper("--name", "web")
        before = self.inspect("web")["State"]
        self.docker("restart", "-t", "0", "web")
        after = self.inspect("web")["State"]
        self.assertEqual(after["Status"], "running")
        self.assertNotEqual(before["Pid"], after["Pid"])

    def test_pause(self):
        self.sleeper("--name", "web")
        self.docker("pause", "web")
        self.assertEqual(self.status("web"), "paused")
        self.assert_mentions(self.out("ps"), "(Paused)")
        self.assert_mentions(self.refused("pause", "web"), "already paused")
        self.assert_mentions(self.refused("exec", "web", "true"), "paused")
        self.docker("unpause", "web")
        self.assert_mentions(self.refused("unpause", "web"), "is not paused")
        self.assertEqual(self.out("exec", "web", "echo", "again"), "again")

    def test_wait_for_several(self):
        self.sleeper("--name", "one", words=("sh", "-c", "sleep 0.2; exit 1"))
        self.sleeper("--name", "two", words=("sh", "-c", "exit 2"))
        self.assertEqual(self.out("wait", "one", "two").split(), ["1", "2"])

    def test_update(self):
        self.sleeper("--name", "web")
        self.docker("update", "--memory", "128m", "--memory-swap", "256m", "--restart", "always", "web")
        config = self.inspect("web")["HostConfig"]
        self.assertEqual((config["Memory"], config["RestartPolicy"]["Name"]), (128 << 20, "always"))
        self.docker("update", "--restart", "no", "web")

    def test_restart_policies(self):
        self.sleeper("--name", "tries", "--restart", "on-failure:2", words=("sh", "-c", "echo once; exit 1"))
        wait_for(lambda: self.status("tries") == "exited", "the last try")
        self.assertEqual(self.inspect("tries")["RestartCount"], 2)
        self.assertEqual(self.out("logs", "tries"), "once\n" * 2 + "once")
        self.assert_mentions(self.docker("run", "--rm", "--restart", "always", IMAGE, status=125).stderr, "Conflicting options")

    def test_health(self):
        self.sleeper("--name", "web", "--health-cmd", "test -e /tmp/well", "--health-interval", "200ms",
                     "--health-retries", "2")
        self.assertIn(self.inspect("web")["State"]["Health"]["Status"], ("starting", "unhealthy"))
        self.docker("exec", "web", "touch", "/tmp/well")
        wait_for(lambda: self.inspect("web")["State"]["Health"]["Status"] == "healthy", "health")
        self.assert_mentions(self.out("ps"), "(healthy)")
        self.docker("exec", "web", "rm", "/tmp/well")
        wait_for(lambda: self.inspect("web")["State"]["Health"]["Status"] == "unhealthy", "its absence")
        self.assertEqual(self.out("ps", "-q", "--filter", "health=unhealthy", "--no-trunc"), self.inspect("web")["Id"])

    def test_out_of_memory_is_said(self):
        made = self.docker("run", "--name", "hungry", "--network", "none", "--memory", "16m", "--memory-swap", "16m", IMAGE,
                           "sh", "-c", "tail -c 200m /dev/zero | cat > /dev/null; a=$(tail -c 100m /dev/zero | tr '\\0' x); exit 0",
                           status=None)
        self.assertNotEqual(made.status, 125, made)
        self.assertTrue(self.inspect("hungry")["State"]["OOMKilled"])

    def test_prune_removes_what_does_not_run(self):
        self.sleeper("--name", "runs")
        self.out("create", "--name", "keeps", "--label", "keep=1", "--network", "none", IMAGE)
        gone = self.out("create", "--name", "goes", "--network", "none", IMAGE)
        self.assert_mentions(self.out("container", "prune", "-f", "--filter", "label!=keep"), gone)
        self.assertEqual(sorted(self.out("ps", "-a", "--format", "{{.Names}}").split()), ["keeps", "runs"])

    def test_forty_at_once(self):
        started = time.monotonic()
        clients = [subprocess.Popen([engine_home.DOCKER, "run", "--rm", "--network", "none", IMAGE, "echo", str(number)],
                                    env={**os.environ, **self.home.environment}, stdout=subprocess.PIPE, text=True)
                   for number in range(40)]
        said = sorted(int(client.communicate(timeout=100)[0]) for client in clients)
        self.assertEqual(said, list(range(40)), f"after {time.monotonic() - started:.1f} s")
        self.assertEqual({client.returncode for client in clients}, {0})
        self.assertEqual(self.out("ps", "-aq"), "")
