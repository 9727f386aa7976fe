# SPDX-License-Identifier: Apache-2.0
"""exec, attach and logs: streams of processes that run, have run, or will."""

import os
import re
import subprocess
import time

from docker import engine_home
from lib import command
from lib.runtime import wait_for

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Streams(engine_home.CleanCase):
    def start(self, *words, options=(), name="web"):
        return self.out("run", "-d", "--name", name, "--network", "none", *options, IMAGE, *words)

    def tell(self, file):
        """The container waits for that file. It may end at once then, and touch with it: any status will do."""
        self.docker("exec", "web", "touch", file, status=None)

    def client(self, *arguments, **options):
        """A client that runs beside the test."""
        process = subprocess.Popen([engine_home.DOCKER, *arguments], env={**os.environ, **self.home.environment},
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   **options)
        self.addCleanup(self.end, process)
        return process

    def attached(self, count=1):
        """Clients at the output of 'web', from now on."""
        since = f"{time.time():.9f}"
        clients = [self.client("attach", "--no-stdin", "web") for _ in range(count)]

        def are_told():
            return self.out("events", "--since", since, "--until", f"{time.time():.9f}", "--filter", "event=attach")
        wait_for(lambda: len(are_told().splitlines()) == count, "the clients to be attached")
        return clients

    @staticmethod
    def end(process):
        process.kill()
        process.communicate()

    def on_terminal(self, *arguments, **options):
        return command.run_on_terminal(engine_home.DOCKER, *arguments, env=self.home.environment, **options)


class Exec(Streams):
    def setUp(self):
        super().setUp()
        self.start("sleep", "1000")

    def test_output_status_and_input(self):
        result = self.docker("exec", "web", "sh", "-c", "echo out; echo err >&2; exit 5", status=5)
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))
        self.assertEqual(self.out("exec", "-i", "web", "cat", stdin="a line\n"), "a line")
        self.docker("exec", "web", "sh", "-c", "kill -9 $$", status=137)

    def test_every_status_arrives(self):
        for number in range(30):
            self.docker("exec", "web", "sh", "-c", f"exit {number}", status=number)

    def test_user_directory_and_environment(self):
        self.assertEqual(self.out("exec", "-u", "1000:1001", "-w", "/tmp", "-e", "A=b", "web", "sh", "-c",
                                  "id -u; id -g; pwd; echo $A").split(), ["1000", "1001", "/tmp", "b"])

    def test_a_terminal(self):
        # The client sizes the terminal when the process has begun; until then busybox's stty fails, or says nothing.
        script = ("until set -- $(stty size 2>/dev/null) && [ ${1:-0} -gt 0 ]; do sleep 0.05; done; echo $1 $2; "
                  "read a; echo got $a; exit 3")
        result = self.on_terminal("exec", "-it", "web", "sh", "-c", script, stdin="word\n", status=3, rows=25, columns=77)
        self.assert_mentions(result.stdout, "25 77", "got word")

    def test_detached(self):
        self.assertEqual(self.out("exec", "-d", "web", "sh", "-c", "echo done > /tmp/file"), "")
        wait_for(lambda: self.docker("exec", "web", "cat", "/tmp/file", status=None).stdout == "done\n", "the file")

    def test_what_cannot_be_run(self):
        result = self.docker("exec", "web", "no-such-program", status=127)
        self.assert_mentions(result.stdout + result.stderr, "no-such-program", "not found")
        self.assert_mentions(self.refused("exec", "nobody", "true"), "No such container: nobody")
        self.docker("stop", "-t", "0", "web")
        self.assert_mentions(self.refused("exec", "web", "true"), "is not running")

    def test_much_output_is_complete(self):
        self.assertEqual(self.docker("exec", "web", "seq", "200000").stdout, "".join(f"{n}\n" for n in range(1, 200001)))

    def test_the_container_ends_meanwhile(self):
        client = self.client("exec", "web", "sleep", "1000")
        wait_for(lambda: "sleep 1000\n" * 2 in "\n".join(
            line.split(None, 7)[-1] for line in self.out("top", "web").splitlines()) + "\n", "the second sleep")
        self.docker("kill", "web")
        self.assertEqual(client.wait(30), 137)


class Attach(Streams):
    def start_held(self, script):
        """Runs `script` once there is /tmp/go, and ends once there is /tmp/end: a client that has attached looks again
        whether the container runs before it shows anything."""
        until = "while [ ! -e /tmp/{} ]; do sleep 0.05; done"
        self.start("sh", "-c", f"{until.format('go')}; {script}; {until.format('end')}; exit 6")

    def test_output_from_now_on_and_the_status(self):
        self.start_held("echo line")
        [client] = self.attached()
        self.tell("/tmp/go")
        self.assertEqual(client.stdout.readline(), "line\n")
        self.tell("/tmp/end")
        self.assertEqual(client.wait(30), 6)
        self.assertEqual(client.stdout.read(), "")

    def test_input(self):
        self.start("sh", "-c", "read a; echo got $a", options=["-i"])
        client = self.client("attach", "web")
        client.stdin.write("word\n")
        client.stdin.flush()
        self.assertEqual(client.wait(30), 0)
        self.assertIn(client.stdout.read(), "got word\n")
        self.assertEqual(self.out("logs", "web"), "got word")

    def test_start_attached_shows_everything(self):
        self.docker("create", "--name", "web", "--network", "none", IMAGE, "sh", "-c", "echo first; exit 2")
        for _ in range(3):
            self.assertEqual(self.docker("start", "-a", "web", status=2).stdout, "first\n")

    def test_interactive_container_starts_again(self):
        """The seed's case: exit, start, attach."""
        self.on_terminal("run", "-it", "--name", "web", "--network", "none", IMAGE, "sh", stdin="touch /new; exit\n")
        self.assertIn("A /new", self.out("diff", "web"))
        result = self.on_terminal("start", "-ai", "web", stdin="ls /new; exit 4\n", status=4)
        self.assertIn("/new", result.stdout)

    def test_detach_keys_leave_it_running(self):
        result = self.on_terminal("run", "-it", "--name", "web", "--network", "none", IMAGE, "sh", "-c", "echo up; sleep 1000",
                                  stdin="\x10\x11", status=None)
        self.assertIn("up", result.stdout)
        self.assertEqual(self.inspect("web")["State"]["Status"], "running")

    def test_two_clients_see_the_same(self):
        self.start_held("seq 1 1000")
        clients = self.attached(2)
        self.tell("/tmp/go")
        for client in clients:
            self.assertEqual(client.stdout.readline(), "1\n")
        self.tell("/tmp/end")
        for client in clients:
            self.assertEqual(client.stdout.read(), "".join(f"{n}\n" for n in range(2, 1001)))

    def test_stopped_and_paused_ones_are_refused(self):
        self.start("true")
        self.out("wait", "web")
        self.assert_mentions(self.refused("attach", "web"), "cannot attach to a stopped container")
        self.start("sleep", "1000", name="still")
        self.docker("pause", "still")
        self.assert_mentions(self.refused("attach", "still"), "paused")

    def test_a_client_that_does_not_read_loses_nothing(self):
        self.start("sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; seq 1 300000")
        [client] = self.attached()
        self.tell("/tmp/go")
        time.sleep(0.5)  # it writes until nobody takes more
        self.assertEqual(client.stdout.read(), "".join(f"{n}\n" for n in range(1, 300001)))


class Logs(Streams):
    def test_both_streams(self):
        self.start("sh", "-c", "echo out; echo err >&2")
        self.out("wait", "web")
        result = self.docker("logs", "web")
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))

    def test_of_a_terminal(self):
        self.start("sh", "-c", "echo out; echo err >&2", options=["-t"])
        self.out("wait", "web")
        result = self.docker("logs", "web")
        self.assertEqual((result.stdout.split(), result.stderr), (["out", "err"], ""))

    def test_they_are_complete_when_wait_returns(self):
        for number in range(10):
            name = f"web{number}"
            self.start("seq", "20000", name=name)
            self.out("wait", name)
            self.assertEqual(len(self.out("logs", name).split()), 20000)

    def test_tail_timestamps_since_until(self):
        self.start("sh", "-c", "seq 1 100; sleep 1; seq 101 110")
        self.out("wait", "web")
        self.assertEqual(self.out("logs", "--tail", "3", "web").split(), ["108", "109", "110"])
        self.assertEqual(self.out("logs", "--tail", "0", "web"), "")
        stamped = self.out("logs", "-t", "--tail", "20", "web").splitlines()
        for line in stamped:
            self.assert_matches(line, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \d+")
        middle = stamped[10].split()[0]  # of 101
        self.assertEqual(self.out("logs", "--since", middle, "web").split(), [str(n) for n in range(101, 111)])
        early = stamped[9].split()[0]  # of 100
        self.assertEqual(self.out("logs", "--until", early, "--tail", "1", "web"), "100")

    def test_follow_ends_with_the_container(self):
        self.start("sh", "-c", "echo one; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo two")
        client = self.client("logs", "-f", "web")
        self.assertEqual(client.stdout.readline(), "one\n")
        self.tell("/tmp/go")
        self.assertEqual(client.stdout.readline(), "two\n")
        self.assertEqual(client.wait(30), 0)
        self.assertEqual(self.docker("logs", "-f", "web").stdout, "one\ntwo\n")

    def test_follow_over_a_rotation(self):
        self.start("sh", "-c", "seq 1 3000; while [ ! -e /tmp/go ]; do sleep 0.05; done; seq 3001 9000",
                   options=["--log-opt", "max-size=50k", "--log-opt", "max-file=50"])
        client = self.client("logs", "-f", "web")
        self.assertEqual(client.stdout.readline(), "1\n")
        self.tell("/tmp/go")
        self.assertEqual(client.stdout.read(), "".join(f"{n}\n" for n in range(2, 9001)))

    def test_without_a_log(self):
        self.start("echo", "x", options=["--log-driver", "none"])
        self.out("wait", "web")
        self.assert_mentions(self.refused("logs", "web"), "configured logging driver does not support reading")

    def test_long_lines_and_lines_without_end(self):
        self.start("sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; printf end")
        self.out("wait", "web")
        self.assertEqual(self.docker("logs", "web").stdout, "x" * 100000 + "\nend")

    def test_details(self):
        self.start("echo", "x", options=["--label", "tier=web", "--log-opt", "labels=tier"])
        self.out("wait", "web")
        self.assertEqual(self.out("logs", "--details", "web"), "tier=web x")
        self.assertTrue(re.match("x", self.out("logs", "web")))
