# SPDX-License-Identifier: Apache-2.0
"""gantry run, exec, attach, logs: streams, terminals, signals and exit statuses."""

import hashlib
import os
import signal
import subprocess
import tempfile

from cli import home
from lib.images import GANTRY
from lib.runtime import wait_for


def setUpModule():
    home.start()


class Run(home.Case):
    def run_busybox(self, *program, options=(), **settings):
        return self.gantry("run", "--rm", "--network", "none", *options, "busybox", *program, **settings)

    def test_output_goes_where_the_process_sends_it(self):
        result = self.run_busybox("sh", "-c", "echo out; echo err >&2")
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))

    def test_the_status_is_the_process_s(self):
        self.run_busybox("sh", "-c", "exit 7", status=7)
        self.run_busybox("sh", "-c", "(sh -c 'kill -9 $$'); exit $?", status=137)

    def test_failures_before_it_runs_have_docker_s_statuses(self):
        self.assertIn("nothing", self.run_busybox("/nothing", status=127).stderr)
        self.run_busybox("/etc", status=126)
        self.assertIn("unknown option", self.gantry("run", "--nothing", "busybox", status=125).stderr)
        self.assertIn("No such image", self.gantry("run", "--pull", "never", "nothing", status=125).stderr)
        self.assertIn("expected IMAGE", self.gantry("run", status=1).stderr)

    def test_standard_input_reaches_it_and_ends(self):
        data = os.urandom(3 << 20).hex()
        result = self.run_busybox("sha256sum", options=["-i"], stdin=data)
        self.assertEqual(result.stdout.split()[0], hashlib.sha256(data.encode()).hexdigest())

    def test_without_i_there_is_no_input(self):
        self.assertEqual(self.run_busybox("cat", stdin="not read").stdout, "")

    def test_large_output_is_whole(self):
        result = self.run_busybox("sh", "-c", "seq 300000; echo end >&2")
        self.assertEqual(result.stdout.count("\n"), 300000)
        self.assertEqual(result.stderr, "end\n")

    def test_a_terminal(self):
        result = self.on_terminal("run", "--rm", "-it", "--network", "none", "busybox", "sh", "-c",
                                  "stty size; read x; echo got-$x; exit 3", status=3, stdin="word\n")
        self.assertIn("30 100", result.stdout)
        self.assertIn("got-word", result.stdout)

    def test_a_terminal_that_is_none_is_refused(self):
        self.assertIn("not a TTY", self.run_busybox("sh", options=["-it"], status=1).stderr)

    def test_detached_it_shows_the_id(self):
        name = self.container("--name", "detached")
        self.assertRegex(name, "^[0-9a-f]{64}$")
        self.assertEqual(self.out("ps", "-q", "--no-trunc"), name)

    def test_detach_keys_leave_it_running_and_attach_comes_back(self):
        # It says something now and then, as the terminal of the test waits for a sign of life.
        name = self.container("-it", run=("sh", "-c", "while sleep 0.2; do echo tick; done & exec sh"))
        left = self.on_terminal("attach", name, stdin="echo one-$((1+1))\n\x10\x11")
        self.assertIn("read escape sequence", left.stdout)
        self.assertEqual(self.inspect(name)["State"]["Running"], True)
        self.on_terminal("attach", name, stdin="exit 4\n", status=4)

    def test_a_signal_is_passed_on(self):
        process = subprocess.Popen(
            [GANTRY, "run", "--rm", "--name", "signalled", "--network", "none", "busybox", "sh", "-c",
             "trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.1; done"],
            stdout=subprocess.PIPE, text=True, env={**os.environ, **self.environment})
        try:
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.stdout.readline(), "told\n")
            self.assertEqual(process.wait(60), 5)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def test_the_id_is_written_to_a_file_once(self):
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/id"
            name = self.container("--cidfile", path)
            with open(path) as file:
                self.assertEqual(file.read(), name)
            self.assertIn("container ID file found", self.gantry("run", "--cidfile", path, "busybox", status=125).stderr)

    def test_variables_come_from_options_files_and_ours(self):
        with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
            file.write("# comment\nFROM_FILE=1\nOURS\n\nBOTH=file\n")
            file.flush()
            said = self.run_busybox("env", options=["--env-file", file.name, "-e", "BOTH=option", "-e", "MISSING"],
                                    env={"OURS": "mine"}).stdout.splitlines()
        for line in ("FROM_FILE=1", "OURS=mine", "BOTH=option"):
            self.assertIn(line, said)
        self.assertFalse([line for line in said if line.startswith("MISSING")])


class Exec(home.Case):
    def test_streams_and_status(self):
        name = self.container()
        result = self.gantry("exec", name, "sh", "-c", "echo out; echo err >&2; exit 6", status=6)
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))
        self.assertEqual(self.out("exec", "-i", name, "cat", stdin="typed"), "typed")

    def test_options_reach_the_process(self):
        name = self.container()
        said = self.out("exec", "-u", "1000", "-w", "/tmp", "-e", "A=b", name, "sh", "-c", "id -u; pwd; echo $A")
        self.assertEqual(said.split(), ["1000", "/tmp", "b"])

    def test_a_terminal(self):
        name = self.container()
        result = self.on_terminal("exec", "-it", name, "sh", "-c", "stty size; tty; exit 2", status=2)
        self.assertIn("30 100", result.stdout)
        self.assertIn("/dev/pts", result.stdout)

    def test_detached(self):
        name = self.container()
        self.assertEqual(self.out("exec", "-d", name, "touch", "/tmp/was-here"), "")
        wait_for(lambda: self.gantry("exec", name, "test", "-e", "/tmp/was-here", status=None).status == 0, "the file")

    def test_of_what_does_not_run_is_refused(self):
        self.assertIn("No such container", self.refused("exec", "nothing", "true"))
        name = self.container(run=("true",))
        self.gantry("wait", name)
        self.assertIn("not running", self.refused("exec", name, "true"))


class Logs(home.Case):
    def test_both_streams_lines_and_times(self):
        name = self.container(run=("sh", "-c", "for i in 1 2 3; do echo line $i; done; echo err >&2"))
        self.gantry("wait", name)
        result = self.gantry("logs", name)
        self.assertEqual((result.stdout, result.stderr), ("line 1\nline 2\nline 3\n", "err\n"))
        self.assertRegex(self.gantry("logs", "-t", name).stdout, r"(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z line 1$")
        self.assertEqual(self.gantry("logs", "--since", "1h", name).stdout.count("\n"), 3)
        self.assertEqual(self.gantry("logs", "--until", "1h", name).stdout, "")

    def test_following_ends_with_the_container(self):
        name = self.container(run=("sh", "-c", "echo one; read x < /tmp/wait 2>/dev/null; sleep 0.2; echo two"))
        self.assertEqual(self.out("logs", "-f", name), "one\ntwo")


class Start(home.Case):
    def test_an_interactive_one_is_started_and_attached_again(self):
        name = self.out("create", "-i", "--network", "none", "busybox", "cat")
        self.addCleanup(self.gantry, "rm", "-f", name)
        for word in ("first", "second"):
            self.assertEqual(self.out("start", "-ai", name, stdin=word), word)
        self.assertEqual(self.out("start", name), name)
