# SPDX-License-Identifier: Apache-2.0
"""The init of `--init`: a first process that is a good one for a program which is not."""

import os
import shutil
import signal

from lib.runtime import wait_for
from lib.shim import SHIM, STDOUT
from shim.shim_case import ShimTest

INIT = os.environ.get("GANTRY_INIT", os.path.join(os.path.dirname(SHIM), "gantry-init"))


class Init(ShimTest):
    def container(self, *args, init=("--",), **options):
        bundle = self.bundle("/sbin/docker-init", *init, *(("sh", "-c", args[0]) if len(args) == 1 else args),
                             terminal=options.get("terminal", False))
        bundle.file("/sbin/docker-init")
        shutil.copy(INIT, bundle.host("/sbin/docker-init"))
        return self.shim(bundle=bundle, **options)

    def status_of(self, *args, **options):
        return self.run_to_exit(self.container(*args, **options)).code

    def test_it_ends_as_the_program_ends(self):
        self.assertEqual(self.status_of("exit 0"), 0)
        self.assertEqual(self.status_of("exit 37"), 37)
        self.assertEqual(self.status_of("kill -KILL $$"), 137)
        self.assertEqual(self.status_of("kill -TERM $$"), 143)

    def test_a_program_that_cannot_be_executed(self):
        shim = self.container("/no/such/program", "x")
        self.assertEqual(self.run_to_exit(shim).code, 127)
        self.assertEqual(shim.logged("stderr"),
                         b"init: execute '/no/such/program': No such file or directory (ENOENT)\n")
        self.assertEqual(self.status_of("/etc/passwd", "x"), 126)

    def test_wrong_use_is_told(self):
        shim = self.container("x", "y", init=("-x",))
        self.assertEqual(self.run_to_exit(shim).code, 2)
        self.assertEqual(shim.logged("stderr"), b"init: unknown option '-x'\n")

    def test_it_is_pid_1_and_the_program_is_not(self):
        shim = self.container("echo $PPID; readlink /proc/1/exe")
        self.run_to_exit(shim)
        self.assertEqual(shim.logged(), b"1\n/sbin/docker-init\n")

    def test_signals_reach_the_program(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH):
            shim = self.container(f"trap 'echo got; exit 9' {int(number)}; echo ready; while :; do sleep .02; done")
            client = self.attached(shim, STDOUT)
            client.start()
            client.read_until(b"ready")
            client.signal(number)
            self.assertEqual(client.wait_exit().code, 9, number)

    def test_with_g_they_reach_its_group(self):
        shim = self.container("trap 'wait; exit 4' TERM; "
                              "sh -c 'trap \"echo child; exit\" TERM; echo ready; while :; do sleep .02; done' & wait",
                              init=("-g", "--"))
        client = self.attached(shim, STDOUT)
        client.start()
        client.read_until(b"ready")
        client.signal(signal.SIGTERM)
        self.assertEqual(client.wait_exit().code, 4)
        self.assertIn(b"child", client.output[0, "stdout"])

    def test_orphans_are_reaped(self):
        shim = self.container("for i in 1 2 3 4 5; do (sleep .05 &) ; done;"
                              "while set -- /proc/[0-9]*; [ $# -gt 2 ]; do sleep .05; done; echo reaped")
        self.assertEqual(self.run_to_exit(shim).code, 0)
        self.assertEqual(shim.logged(), b"reaped\n")

    def test_signals_are_as_the_program_would_have_found_them(self):
        look = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
        with_init, without = self.container(look), self.shim(look)
        for shim in (with_init, without):
            self.run_to_exit(shim)
        self.assertEqual(with_init.logged(), without.logged())

    def test_the_program_has_the_terminal(self):
        shim = self.container("read line; echo got $line; sleep 60", terminal=True)
        client = self.attached(shim, STDOUT)
        client.start()
        client.write(b"words\n")
        client.read_until(b"got words")
        client.write(b"\x03")  # reaches the foreground group: the program, which it kills
        self.assertEqual(client.wait_exit().code, 130)

    def test_it_is_small(self):
        shim = self.container("sleep 60")
        shim.start()
        wait_for(lambda: os.path.basename(os.readlink(f"/proc/{shim.init}/exe")) == "docker-init", "the init")
        with open(f"/proc/{shim.init}/status") as file:
            own = next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
        self.assertLess(own, 200)  # KiB
