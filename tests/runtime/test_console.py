# SPDX-License-Identifier: Apache-2.0
"""Terminals: made in the container, handed out through --console-socket."""

import fcntl
import os
import pty
import socket
import struct
import subprocess
import termios
import unittest

from lib.runtime import PATIENCE, ConsoleSocket, RuntimeTest, beyond_runc


TIOCGPTN = 0x80045430  # ioctl_tty(2); Python 3.11 has no name for it


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Create(RuntimeTest):
    def terminal(self, bundle):
        """Runs a bundle on a terminal of its own, to the end. Returns what it said, without '\r'."""
        bundle.process["terminal"] = True
        console = self.console()
        container = self.created(bundle, "--console-socket", console.path)
        console.accept()
        container.start()
        return console.read_until(None).replace("\r", "")

    def test_the_descriptor_that_comes_is_the_master_of_a_terminal(self):
        bundle = self.bundle("sleep", "600")
        bundle.process["terminal"] = True
        console = self.console()
        self.created(bundle, "--console-socket", console.path)
        master, _ = console.accept()
        number, = struct.unpack("i", fcntl.ioctl(master, TIOCGPTN, b"\0" * 4))
        self.assertEqual(number, 0, "the first terminal of the container's own devpts")

    def test_what_the_process_writes_comes_out(self):
        self.assertEqual(self.terminal(self.script("echo hello")), "hello\n")

    def test_what_is_typed_goes_in(self):
        bundle = self.script("read line; echo \"got $line\"")
        bundle.process["terminal"] = True
        console = self.console()
        container = self.created(bundle, "--console-socket", console.path)
        master, _ = console.accept()
        container.start()
        os.write(master, b"words\n")
        self.assertIn("got words", console.read_until("got words"))

    def test_all_three_streams_are_the_terminal(self):
        out = self.terminal(self.script("for n in 0 1 2; do readlink /proc/self/fd/$n; done"))
        self.assertEqual(out, "/dev/pts/0\n" * 3)

    def test_it_is_the_controlling_terminal_of_the_session(self):
        self.assertIn("controlling yes session own", self.terminal(self.bundle("probe", "terminal")))

    def test_dev_console_is_the_same_terminal(self):
        self.assertIn("console same", self.terminal(self.bundle("probe", "terminal")))

    def test_dev_console_is_absent_without_a_terminal(self):
        self.assertEqual(self.inside("ls /dev/console 2>&1 | grep -c 'No such'"), "1\n")

    def test_dev_ptmx_is_of_the_containers_own_devpts(self):
        self.assertEqual(self.inside("readlink /dev/ptmx"), "pts/ptmx\n")

    def test_it_belongs_to_the_user(self):
        bundle = self.bundle("probe", "terminal")
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.assertIn("owner 1000:5 mode 620", self.terminal(bundle))

    def test_console_size(self):
        bundle = self.bundle("stty", "size")
        bundle.process["consoleSize"] = {"height": 33, "width": 99}
        self.assertEqual(self.terminal(bundle), "33 99\n")

    @beyond_runc
    def test_a_console_size_that_does_not_fit_is_refused(self):
        bundle = self.bundle("stty", "size")
        bundle.process["terminal"] = True
        bundle.process["consoleSize"] = {"height": 70000, "width": 99}
        console = self.console()
        self.assert_refused(self.runtime.try_create(bundle, "--console-socket", console.path), "consoleSize")

    def test_a_new_size_reaches_the_process(self):
        bundle = self.script("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done")
        bundle.process["terminal"] = True
        console = self.console()
        container = self.created(bundle, "--console-socket", console.path)
        master, _ = console.accept()
        container.start()
        console.read_until("ready")
        set_size(master, 44, 123)
        self.assertIn("44 123", console.read_until("44 123"))

    def test_control_c_interrupts_the_process(self):
        bundle = self.script("trap 'echo interrupted; exit' INT; echo ready; while :; do sleep 0.01; done")
        bundle.process["terminal"] = True
        console = self.console()
        container = self.created(bundle, "--console-socket", console.path)
        master, _ = console.accept()
        container.start()
        console.read_until("ready")
        os.write(master, b"\x03")
        self.assertIn("interrupted", console.read_until("interrupted"))

    def test_closing_the_master_hangs_up(self):
        bundle = self.bundle("probe", "catch", "1")
        bundle.process["terminal"] = True
        console = self.console()
        container = self.created(bundle, "--console-socket", console.path)
        console.accept()
        container.start()
        console.read_until("ready")
        os.close(console.master)
        console.master = None
        container.wait()

    def test_no_descriptor_of_the_making_stays_open(self):
        out = self.terminal(self.bundle("probe", "fds"))
        self.assertEqual([line.split()[0] for line in sorted(out.splitlines())], ["0", "1", "2"])

    def test_a_user_without_rights_to_dev_can_use_it(self):
        bundle = self.script("echo fine > /dev/tty")
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.assertEqual(self.terminal(bundle), "fine\n")

    def test_create_with_a_terminal_and_no_socket_is_refused(self):
        bundle = self.bundle("sleep", "600")
        bundle.process["terminal"] = True
        self.assert_create_refused(bundle, "console")

    def test_create_with_a_socket_and_no_terminal_is_refused(self):
        console = self.console()
        outcome = self.runtime.try_create(self.bundle("sleep", "600"), "--console-socket", console.path)
        self.assert_refused(outcome, "console")

    def test_a_socket_that_is_not_there_is_named_and_nothing_stays(self):
        bundle = self.bundle("sleep", "600")
        bundle.process["terminal"] = True
        outcome = self.runtime.try_create(bundle, "--console-socket", "/proc/nowhere/socket")
        self.assert_refused(outcome, "/proc/nowhere/socket")
        self.assert_nothing_left(bundle.id)

    def test_a_socket_that_nobody_listens_to_is_refused(self):
        path = f"{self.scratch}/s"
        with socket.socket(socket.AF_UNIX) as unheard:
            unheard.bind(path)
        bundle = self.bundle("sleep", "600")
        bundle.process["terminal"] = True
        self.assert_refused(self.runtime.try_create(bundle, "--console-socket", path), path)
        self.assert_nothing_left(bundle.id)

    def test_a_file_in_place_of_the_socket_is_refused(self):
        bundle = self.bundle("sleep", "600")
        bundle.process["terminal"] = True
        outcome = self.runtime.try_create(bundle, "--console-socket", "/etc/passwd")
        self.assert_refused(outcome, "/etc/passwd")

    def test_a_listener_that_hangs_up_at_once_does_not_hang_the_runtime(self):
        bundle = self.bundle("sleep", "600")
        bundle.process["terminal"] = True
        console = self.console()
        bundle.save()
        self.runtime.remember(bundle)
        process = self.runtime.popen("create", "--bundle", bundle.path, "--console-socket", console.path,
                                     bundle.id,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        connection, _ = console.socket.accept()
        connection.close()
        process.wait(PATIENCE)


class Exec(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.container = self.running()

    def test_tty_with_a_console_socket(self):
        console = self.console()
        self.container.exec("probe", "terminal", ok=True,
                            options=["--tty", "--detach", "--console-socket", console.path])
        console.accept()
        self.assertIn("controlling yes session own", console.read_until(None))

    def test_process_json_with_a_terminal_and_size(self):
        console = self.console()
        self.container.exec_process(["stty", "size"], terminal=True, consoleSize={"height": 20, "width": 70},
                                    ok=True,
                                    options=["--detach", "--console-socket", console.path])
        console.accept()
        self.assertEqual(console.read_until(None), "20 70\r\n")

    def test_it_belongs_to_the_user(self):
        console = self.console()
        self.container.exec("probe", "terminal", ok=True, options=[
            "--user", "1000:1000", "--tty", "--detach", "--console-socket", console.path])
        console.accept()
        self.assertIn("owner 1000:5 mode 620", console.read_until(None))

    def test_detached_with_a_terminal_and_no_socket_is_refused(self):
        outcome = self.container.exec("true", options=["--tty", "--detach"])
        self.assertEqual(outcome.code, 255)
        self.assert_refused(outcome, "console")

    def test_two_terminals_are_two(self):
        consoles = [self.console(), self.console()]
        for console in consoles:
            self.container.exec("sh", "-c", "tty; sleep 600", options=["-t", "-d", "--console-socket",
                                                                     console.path],
                                ok=True)
            console.accept()
        names = {console.read_until("\n").strip() for console in consoles}
        self.assertEqual(names, {"/dev/pts/0", "/dev/pts/1"})


class Interactive(RuntimeTest):
    """A person at a terminal: the runtime itself passes on what is typed and shown."""

    def on_terminal(self, *words):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        set_size(slave, 31, 97)
        process = self.runtime.popen(*words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                     preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(slave)
        console = ConsoleSocket(self.scratch)
        console.socket.close()
        console.master = master
        return process, console

    def run_on_terminal(self, bundle):
        bundle.process["terminal"] = True
        bundle.save()
        self.runtime.remember(bundle)
        return self.on_terminal("run", "--bundle", bundle.path, bundle.id)

    def test_run_shows_the_output_and_gives_the_status(self):
        process, console = self.run_on_terminal(self.script("tty; exit 5"))
        self.assertIn("/dev/pts/0", console.read_until("pts/0"))
        self.assertEqual(process.wait(PATIENCE), 5)

    def test_run_passes_on_what_is_typed(self):
        process, console = self.run_on_terminal(self.script("echo ready; read x; echo \"<$x>\""))
        console.read_until("ready")
        os.write(console.master, b"word\n")
        self.assertIn("<word>", console.read_until("<word>"))
        self.assertEqual(process.wait(PATIENCE), 0)

    @beyond_runc
    def test_run_has_the_size_of_the_outer_terminal_from_the_start(self):
        for _ in range(5):
            _, console = self.run_on_terminal(self.bundle("stty", "size"))
            self.assertEqual(console.read_until("\n").split(), ["31", "97"])

    def test_run_passes_on_a_new_size(self):
        _, console = self.run_on_terminal(
            self.script("trap 'stty size' WINCH; echo ready; while :; do sleep 0.01; done"))
        console.read_until("ready")
        set_size(console.master, 17, 77)
        self.assertIn("17 77", console.read_until("17 77"))

    def test_control_c_goes_to_the_container_not_to_the_runtime(self):
        process, console = self.run_on_terminal(
            self.script("trap 'echo caught; exit 6' INT; echo ready; while :; do sleep 0.01; done"))
        console.read_until("ready")
        os.write(console.master, b"\x03")
        console.read_until("caught")
        self.assertEqual(process.wait(PATIENCE), 6)

    def test_exec_with_tty(self):
        container = self.running()
        process, console = self.on_terminal("exec", "--tty", container.id, "sh", "-c", "tty; exit 8")
        self.assertIn("/dev/pts/0", console.read_until("pts/0"))
        self.assertEqual(process.wait(PATIENCE), 8)

    def test_the_outer_terminal_is_restored(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        before = termios.tcgetattr(slave)
        bundle = self.bundle("true")
        bundle.process["terminal"] = True
        bundle.save()
        self.runtime.remember(bundle)
        process = self.runtime.popen("run", "--bundle", bundle.path, bundle.id, stdin=slave, stdout=slave,
                                     stderr=slave, start_new_session=True)
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(termios.tcgetattr(slave), before)


if __name__ == "__main__":
    unittest.main()
