# SPDX-License-Identifier: Apache-2.0
"""`run`: exit status, signals, standard streams, descriptors; and the options it shares with `create`."""

import ctypes
import os
import signal
import socket
import subprocess
import unittest

from lib.runtime import PATIENCE, RuntimeTest, beyond_runc, is_alive, read, wait_for, wait_for_exit

KEYCTL = 250
KEYCTL_GET_KEYRING_ID = 0
KEY_SPEC_SESSION_KEYRING = -3


class Foreground(RuntimeTest):
    def start(self, *args, **options):
        """A `run` that is under way, its output in a pipe."""
        bundle = self.bundle(*args)
        bundle.save()
        self.container = self.runtime.remember(bundle)
        process = self.runtime.popen("run", "--bundle", bundle.path, "--pid-file", self.container.pid_path,
                                     bundle.id,
                                     stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, **options)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_the_status_is_that_of_the_process(self):
        self.assertEqual(self.runtime.run(self.script("exit 7")).code, 7)

    def test_the_highest_status_comes_through(self):
        self.assertEqual(self.runtime.run(self.script("exit 255")).code, 255)

    def test_a_signal_is_128_and_its_number(self):
        process = self.start("sleep", "600")
        wait_for(lambda: os.path.exists(self.container.pid_path) and read(self.container.pid_path),
                 "the pid file")
        os.kill(self.container.pid, signal.SIGKILL)
        self.assertEqual(process.wait(PATIENCE), 137)

    def test_leaves_nothing(self):
        bundle = self.bundle("true")
        self.runtime.run(bundle, ok=True)
        self.assertEqual(self.runtime.left_of(bundle.id), [])

    def test_leaves_nothing_of_background_processes(self):
        bundle = self.script("sleep 601 & exit 0")
        bundle.without_namespace("pid")
        self.runtime.run(bundle, ok=True)
        self.assert_nothing_left(bundle.id)

    def test_with_keep_leaves_the_stopped_container(self):
        bundle = self.bundle("true")
        self.runtime.run(bundle, "--keep", ok=True)
        self.assertEqual(self.runtime.containers[0].status, "stopped")

    def test_a_missing_program_gives_status_1(self):
        outcome = self.runtime.run(self.bundle("no-such-program"))
        self.assertEqual(outcome.code, 1)
        self.assert_refused(outcome, "no-such-program")

    def test_standard_input_reaches_the_process(self):
        bundle = self.bundle("cat")
        self.assertEqual(self.runtime.run(bundle, input="hello\n").stdout, "hello\n")

    def test_output_and_errors_stay_apart(self):
        outcome = self.runtime.run(self.script("echo out; echo err >&2"))
        self.assertEqual((outcome.stdout, outcome.stderr), ("out\n", "err\n"))

    def test_ten_megabytes_come_through_a_pipe_whole(self):
        process = self.start("cat")
        data = "0123456789abcde\n" * 655360
        self.assertEqual(process.communicate(data, timeout=PATIENCE)[0], data)
        self.assertEqual(process.returncode, 0)

    def test_created_containers_have_the_callers_own_standard_streams(self):
        container = self.running()
        self.assertEqual(os.readlink(f"/proc/{container.pid}/fd/1"), container.stdout_path)
        self.assertEqual(os.readlink(f"/proc/{container.pid}/fd/2"), container.stderr_path)

    def test_closed_standard_streams_do_not_let_others_take_their_numbers(self):
        bundle = self.script("probe fds > /dev/shm/x; cat /dev/shm/x >&2")
        bundle.save()
        self.runtime.remember(bundle)
        command = " ".join(self.runtime.words("run", "--bundle", bundle.path, bundle.id))
        process = subprocess.run(["sh", "-c", f"{command} <&- >&-"], stderr=subprocess.PIPE, text=True)
        for line in process.stderr.splitlines():
            self.assertNotIn(self.runtime.root, line)
            self.assertNotIn("cgroup", line)

    def test_signals_are_forwarded(self):
        for name in ("TERM", "INT", "HUP", "USR1", "QUIT"):
            with self.subTest(name):
                number = getattr(signal, f"SIG{name}")
                process = self.start("probe", "catch", str(int(number)))
                self.assertEqual(process.stdout.readline(), "ready\n")
                process.send_signal(number)
                self.assertEqual(process.wait(PATIENCE), 40)

    def test_orphans_of_the_container_are_reaped(self):
        bundle = self.script("sh -c 'true & sleep 0.05' & sleep 0.3; exit 4")
        bundle.without_namespace("pid")
        self.assertEqual(self.runtime.run(bundle).code, 4)

    def test_the_container_gets_a_session_of_its_own(self):
        self.assertEqual(self.runtime.run(self.bundle("probe", "session")).stdout, "1 1 1\n")


class Detached(RuntimeTest):
    def test_returns_at_once_with_status_0(self):
        bundle = self.script("sleep 601; exit 9")
        bundle.save()
        container = self.runtime.remember(bundle)
        self.runtime("run", "--detach", "--bundle", bundle.path, "--pid-file", container.pid_path, bundle.id,
                     ok=True)
        self.assertTrue(is_alive(container.pid))
        self.assertEqual(container.status, "running")

    def test_keeps_the_stopped_container(self):
        bundle = self.bundle("true")
        bundle.save()
        container = self.runtime.remember(bundle)
        self.runtime("run", "-d", "-b", bundle.path, "--pid-file", container.pid_path, bundle.id, ok=True)
        wait_for_exit(container.pid)
        self.assertEqual(container.status, "stopped")


class Descriptors(RuntimeTest):
    def fds(self, bundle, *options, **more):
        lines = self.runtime.run(bundle, *options, ok=True, **more).stdout.splitlines()
        return {int(number): target for number, target in (line.split(" ", 1) for line in lines)}

    def test_only_the_standard_streams_are_open(self):
        self.assertEqual(set(self.fds(self.bundle("probe", "fds"))), {0, 1, 2})

    def test_a_descriptor_of_the_caller_does_not_leak(self):
        found = self.fds(self.bundle("probe", "fds"), open_fds={3: f"{self.scratch}/leak",
                                                                9: f"{self.scratch}/leak"})
        self.assertEqual(set(found), {0, 1, 2})

    def test_preserve_fds_passes_that_many(self):
        path = f"{self.scratch}/passed"
        found = self.fds(self.bundle("probe", "fds"), "--preserve-fds", "2",
                         open_fds={3: path, 4: path, 5: path})
        self.assertEqual(set(found), {0, 1, 2, 3, 4})
        self.assertTrue(found[3].endswith("/passed"))

    @beyond_runc
    def test_preserve_fds_of_one_that_is_not_open_is_refused_or_nothing(self):
        outcome = self.runtime.run(self.bundle("probe", "fds"), "--preserve-fds", "3")
        if outcome.code == 0:
            self.assertEqual(len(outcome.stdout.splitlines()), 3)
        else:
            self.assertTrue(outcome.error)

    def test_listen_fds_are_passed_with_their_count(self):
        bundle = self.bundle("sh", "-c", "echo $LISTEN_FDS $LISTEN_PID; readlink /proc/self/fd/3")
        bundle.save()
        self.runtime.remember(bundle)
        words = self.runtime.words("run", "--bundle", bundle.path, bundle.id)
        out = subprocess.run(["sh", "-c", f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3>{self.scratch}/listening',
                              "sh",
                              *words], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        self.assertEqual(out[0], "1 1")
        self.assertTrue(out[1].endswith("/listening"), out[1])


class Notify(RuntimeTest):
    """NOTIFY_SOCKET in the runtime's environment, as conmon has it for `podman run --sdnotify=container`."""

    def setUp(self):
        super().setUp()
        self.path = f"{self.scratch}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)

    def test_the_container_can_say_that_it_is_ready(self):
        bundle = self.script("probe notify READY=1; exec sleep 600")
        container = self.created(bundle, env=os.environ | {"NOTIFY_SOCKET": self.path})
        self.runtime("start", container.id, env={"NOTIFY_SOCKET": self.path}, ok=True)
        message = self.socket.recv(4096)
        while b"READY=1" not in message:  # MAINPID=... comes by itself
            message = self.socket.recv(4096)

    def test_a_socket_that_is_not_there_is_no_reason_to_fail(self):
        outcome = self.runtime.run(self.bundle("true"), env={"NOTIFY_SOCKET": "/proc/nowhere/notify"})
        self.assertEqual(outcome.code, 0, outcome)


class Options(RuntimeTest):
    def own_keyring(self):
        return ctypes.CDLL(None).syscall(KEYCTL, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0)

    def test_the_session_keyring_is_new(self):
        self.assertNotEqual(int(self.runtime.run(self.bundle("probe", "keyring"), ok=True).stdout),
                            self.own_keyring())

    def test_no_new_keyring_keeps_the_callers(self):
        outcome = self.runtime.run(self.bundle("probe", "keyring"), "--no-new-keyring", ok=True)
        self.assertEqual(int(outcome.stdout), self.own_keyring())

    def test_no_pivot_confines_to_the_root_all_the_same(self):
        bundle = self.script("ls -d /../../usr /usr 2>/dev/null; "
                             "head -1 /proc/self/mountinfo | cut -d' ' -f5")
        self.assertEqual(self.runtime.run(bundle, "--no-pivot").stdout, "/\n")

    def test_the_old_root_is_not_among_the_mounts(self):
        points = self.runtime.run(self.bundle("cut", "-d ", "-f5", "/proc/self/mountinfo"),
                                  ok=True).stdout.split()
        expected = {"/", "/proc", "/dev", "/dev/pts", "/sys", "/dev/mqueue", "/dev/shm"}
        self.assertLessEqual(expected, set(points))
        for point in points:
            self.assertTrue(point in expected or point.startswith(("/proc/", "/sys/")), point)

    def test_systemd_cgroup_without_systemd_says_so(self):
        bundle = self.bundle("true")
        bundle.linux["cgroupsPath"] = f"system.slice:gantry:{bundle.id}"
        bundle.save()
        self.runtime.remember(bundle)
        outcome = self.runtime("--systemd-cgroup", "run", "--bundle", bundle.path, bundle.id)
        self.assert_refused(outcome, "systemd")


if __name__ == "__main__":
    unittest.main()
