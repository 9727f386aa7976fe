# SPDX-License-Identifier: Apache-2.0
"""A container's life by the command line: create, start, state, kill, delete, list, ps, pause, resume."""

import ctypes
import json
import os
import signal
import subprocess
import unittest

from lib.runtime import (PATIENCE, RuntimeTest, beyond_runc, fields, is_alive, read, wait_for, wait_for_exit,
                         write)

CATCH = ("probe", "catch")  # says "ready", exits with 40 when the signal comes


class CreateAndStart(RuntimeTest):
    def test_a_created_container_has_a_process_but_not_yet_its_program(self):
        container = self.created(self.script("echo started"))
        self.assertEqual(container.status, "created")
        self.assertTrue(is_alive(container.pid))
        self.assertEqual(container.stdout, "")

    def test_start_runs_the_program(self):
        container = self.running(self.script("echo started"))
        container.wait_for_output("started")

    def test_start_keeps_the_process_id(self):
        container = self.created()
        pid = container.pid
        container.start()
        wait_for(lambda: container.proc("cmdline") == "sleep\0" + "600\0", "the program")
        self.assertEqual(container.state["pid"], pid)

    def test_the_pid_file_holds_the_number_and_nothing_else(self):
        container = self.created()
        self.assertEqual(read(container.pid_path), str(container.state["pid"]))

    def test_the_bundle_is_the_working_directory_unless_named(self):
        bundle = self.bundle("sleep", "600")
        bundle.save()
        container = self.runtime.remember(bundle)
        self.runtime("create", bundle.id, cwd=bundle.path, ok=True)
        self.assertEqual(container.state["bundle"], bundle.path)

    def test_a_relative_bundle_is_taken_from_the_working_directory(self):
        bundle = self.bundle("sleep", "600")
        bundle.save()
        container = self.runtime.remember(bundle)
        self.runtime("create", "--bundle", os.path.basename(bundle.path), bundle.id, cwd=self.scratch,
                     ok=True)
        self.assertEqual(container.state["bundle"], bundle.path)

    def test_an_id_in_use_is_refused(self):
        container = self.created()
        self.assert_refused(self.runtime.try_create(container.bundle), "exist")
        self.assertEqual(container.status, "created")

    def test_a_second_start_is_refused(self):
        container = self.running()
        self.assert_refused(self.runtime("start", container.id), "running")
        self.assertTrue(is_alive(container.pid))

    def test_starting_a_stopped_container_is_refused(self):
        container = self.running(self.bundle("true"))
        container.wait()
        self.assert_refused(self.runtime("start", container.id), "stopped")

    def test_a_missing_bundle_is_named(self):
        outcome = self.runtime("create", "--bundle", "/proc/nowhere/bundle", "gt-missing")
        self.assert_refused(outcome, "/proc/nowhere/bundle")

    def test_a_bundle_without_a_config_is_refused(self):
        bundle = self.bundle()
        self.assert_create_refused(bundle, "config.json", save=False)

    # dockerd makes 127 of "not found" and 126 of "permission denied", podman likewise.
    def test_a_program_that_is_not_there_fails_create(self):
        error = self.assert_create_refused(self.bundle("no-such-program"), "no-such-program").lower()
        self.assertTrue("executable file not found" in error or "no such file or directory" in error, error)

    def test_a_program_with_a_path_that_is_not_there_fails_create(self):
        error = self.assert_create_refused(self.bundle("/no/such/program"), "/no/such/program")
        self.assertIn("no such file or directory", error.lower())

    def test_a_program_that_is_not_executable_fails_create(self):
        error = self.assert_create_refused(self.bundle("/etc/passwd"), "/etc/passwd")
        self.assertIn("permission denied", error.lower())

    def test_a_directory_is_not_a_program(self):
        self.assert_create_refused(self.bundle("/etc"), "/etc")

    def test_failed_create_leaves_no_pid_file(self):
        bundle = self.bundle("no-such-program")
        bundle.save()
        path = f"{self.scratch}/pid"
        self.runtime.remember(bundle)
        self.assertNotEqual(self.runtime("create", "--bundle", bundle.path, "--pid-file", path,
                                         bundle.id).code, 0)
        self.assertFalse(os.path.exists(path))

    def test_a_pid_file_that_cannot_be_written_fails_create_and_leaves_nothing(self):
        bundle = self.bundle("sleep", "600")
        bundle.save()
        self.runtime.remember(bundle)
        outcome = self.runtime("create", "--bundle", bundle.path, "--pid-file", "/proc/nowhere/pid",
                               bundle.id)
        self.assert_refused(outcome, "/proc/nowhere/")
        self.assert_nothing_left(bundle.id)

    def test_two_creates_of_one_id_at_once_make_one_container(self):
        bundle = self.bundle("sleep", "600")
        bundle.save()
        self.runtime.remember(bundle)
        calls = [self.runtime.popen("create", "--bundle", bundle.path, bundle.id, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(4)]
        self.assertEqual(sorted(call.wait() == 0 for call in calls), [False, False, False, True])

    def test_the_process_belongs_to_the_caller_once_create_is_over(self):
        # conmon and containerd's shim are sub-reapers: the container's process becomes their child.
        script = ("import ctypes, os, subprocess, sys\n"
                  "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"
                  "subprocess.run(sys.argv[1:], check=True)\n"
                  "pid, status = os.wait()\n"
                  "print(pid, os.waitstatus_to_exitcode(status))\n")
        bundle = self.script("exit 3")
        bundle.save()
        container = self.runtime.remember(bundle)
        shim = subprocess.Popen(["python3", "-c", script, *self.runtime.words(
            "create", "--bundle", bundle.path, "--pid-file", container.pid_path, bundle.id)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: os.path.exists(container.pid_path) and read(container.pid_path), "the pid file")
        wait_for(lambda: fields(read(f"/proc/{container.pid}/status"))["PPid"] == str(shim.pid),
                 "a new parent")
        container.start()
        self.assertEqual(shim.communicate(timeout=PATIENCE)[0], f"{container.pid} 3\n")


class Ids(RuntimeTest):
    def refused(self, id):
        bundle = self.bundle()
        bundle.save()
        outcome = self.runtime("create", "--bundle", bundle.path, id)
        self.assertEqual(outcome.code, 1)
        self.assertTrue(outcome.error)
        self.assertEqual(os.listdir(self.runtime.root) if os.path.exists(self.runtime.root) else [], [])

    def test_an_empty_id_is_refused(self):
        self.refused("")

    def test_a_slash_is_refused(self):
        self.refused("a/b")

    def test_dot_dot_is_refused(self):
        self.refused("..")

    def test_a_dot_is_refused(self):
        self.refused(".")

    def test_a_space_is_refused(self):
        self.refused("a b")

    def test_a_newline_is_refused(self):
        self.refused("a\nb")

    def test_a_letter_beyond_ascii_is_refused(self):
        self.refused("\u00fc")

    def test_a_colon_is_refused(self):
        self.refused("a:b")

    def test_an_id_of_5000_letters_is_refused(self):
        self.refused("a" * 5000)

    def test_all_characters_that_engines_use_are_accepted(self):
        bundle = self.bundle("sleep", "600")
        bundle.id += "_A.b+c-D"
        self.assertEqual(self.created(bundle).status, "created")

    def test_other_commands_do_not_look_outside_of_the_state_directory(self):
        self.created()
        secret = self.directory("outside")
        for command in (["state"], ["start"], ["kill"], ["delete", "--force"], ["ps"], ["pause"], ["exec"]):
            with self.subTest(command=command[0]):
                words = [*command, "../outside", *(["true"] if command == ["exec"] else [])]
                self.assertNotEqual(self.runtime(*words).code, 0)
        self.assertTrue(os.path.isdir(secret))


class State(RuntimeTest):
    def test_has_what_the_specification_asks_for(self):
        bundle = self.bundle("sleep", "600")
        bundle.config["annotations"] = {"org.example.a": "b"}
        state = self.created(bundle).state
        self.assertRegex(state["ociVersion"], r"^1\.\d+\.\d+")
        self.assertEqual(state["id"], bundle.id)
        self.assertEqual(state["bundle"], bundle.path)
        self.assertEqual(state["annotations"], {"org.example.a": "b"})
        self.assertIsInstance(state["pid"], int)

    def test_has_what_runc_adds(self):
        state = self.created().state
        self.assertTrue(state["rootfs"].endswith("/rootfs"))
        self.assertRegex(state["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")
        self.assertIn("owner", state)

    def test_is_created_running_paused_stopped(self):
        container = self.created()
        seen = [container.status]
        container.start()
        seen.append(container.status)
        self.runtime("pause", container.id, ok=True)
        seen.append(container.status)
        self.runtime("resume", container.id, ok=True)
        container.kill("KILL", ok=True)
        container.wait()
        seen.append(container.status)
        self.assertEqual(seen, ["created", "running", "paused", "stopped"])

    def test_is_stopped_with_pid_0_when_the_process_has_ended(self):
        container = self.running(self.bundle("true"))
        container.wait()
        self.assertEqual(container.state["pid"], 0)

    def test_is_stopped_while_the_process_is_a_zombie(self):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: ours to reap
        try:
            container = self.running(self.bundle("true"))
            wait_for_exit(container.pid)
            self.assertTrue(os.path.exists(f"/proc/{container.pid}"))
            self.assertEqual(container.status, "stopped")
            os.waitpid(container.pid, 0)
        finally:
            ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)

    def test_of_a_killed_created_container_is_stopped(self):
        container = self.created()
        os.kill(container.pid, signal.SIGKILL)
        container.wait()

    def test_of_an_unknown_container_says_that_it_does_not_exist(self):
        outcome = self.runtime("state", "unknown")
        self.assertEqual(outcome.code, 1)
        self.assert_refused(outcome, "does not exist")


class Kill(RuntimeTest):
    def caught(self, *words):
        container = self.running(self.bundle(*CATCH, "12"))
        container.wait_for_output("ready")
        container.kill(*words, ok=True)
        container.wait()

    def test_takes_a_number(self):
        self.caught("12")

    def test_takes_a_name(self):
        self.caught("USR2")

    def test_takes_a_name_with_sig(self):
        self.caught("SIGUSR2")

    def test_takes_a_name_in_small_letters(self):
        self.caught("usr2")

    def test_sends_term_when_not_told(self):
        container = self.running(self.bundle(*CATCH, "15"))
        container.wait_for_output("ready")
        container.kill(ok=True)
        container.wait()

    def test_of_signal_0_only_asks(self):
        container = self.running()
        self.assertEqual(container.kill("0").code, 0)
        self.assertTrue(is_alive(container.pid))

    def test_refuses_a_name_that_is_none(self):
        container = self.running()
        self.assert_refused(container.kill("BOGUS"), "BOGUS")
        self.assertTrue(is_alive(container.pid))

    def test_refuses_a_number_out_of_range(self):
        container = self.running()
        self.assert_refused(container.kill("99"))

    def test_takes_a_real_time_signal(self):
        container = self.running(self.bundle(*CATCH, "40"))
        container.wait_for_output("ready")
        container.kill("40", ok=True)
        container.wait()

    # containerd's shim and dockerd look for these words.
    def test_of_a_stopped_container_says_not_running(self):
        container = self.running(self.bundle("true"))
        container.wait()
        self.assert_refused(container.kill("KILL"), "container not running")

    def test_of_an_unknown_container_says_does_not_exist(self):
        self.assert_refused(self.runtime("kill", "unknown", "KILL"), "does not exist")

    def test_all_reaches_every_process(self):
        container = self.running(self.script("sleep 601 & sleep 602 & echo ready; sleep 603"))
        container.wait_for_output("ready")
        wait_for(lambda: len(json.loads(self.runtime("ps", "--format", "json", container.id).stdout)) == 3,
                 "3")
        pids = json.loads(self.runtime("ps", "--format", "json", container.id).stdout)
        container.kill("KILL", "--all", ok=True)
        for pid in pids:
            wait_for_exit(pid)

    def test_without_all_reaches_the_first_process_only(self):
        bundle = self.script("sleep 601 & echo $!; trap 'exit 0' TERM; wait")
        bundle.without_namespace("pid")
        container = self.running(bundle)
        container.wait_for_output("\n")
        child = int(container.stdout)
        container.kill("TERM", ok=True)
        container.wait()
        self.assertTrue(is_alive(child))
        container.delete("--force", ok=True)
        wait_for_exit(child)

    def test_all_reaches_processes_after_the_first_is_gone_when_the_pid_namespace_is_shared(self):
        bundle = self.script("sleep 601 & echo $!")
        bundle.without_namespace("pid")
        container = self.running(bundle)
        container.wait()
        child = int(container.stdout)
        self.assertTrue(is_alive(child))
        container.kill("KILL", "--all", ok=True)
        wait_for_exit(child)

    def test_reaches_a_paused_container(self):
        container = self.running()
        self.runtime("pause", container.id, ok=True)
        container.kill("KILL", ok=True)
        self.runtime("resume", container.id)
        container.wait()

    def test_ends_a_created_container(self):
        container = self.created()
        container.kill("KILL", ok=True)
        container.wait()


class Delete(RuntimeTest):
    def test_removes_a_stopped_container(self):
        container = self.running(self.bundle("true"))
        container.wait()
        container.delete(ok=True)
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_of_a_created_container_ends_it(self):
        container = self.created()
        pid = container.pid
        container.delete(ok=True)
        self.assertFalse(is_alive(pid))
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_of_a_running_container_is_refused(self):
        container = self.running()
        outcome = container.delete()
        self.assertEqual(outcome.code, 1)
        self.assert_refused(outcome, container.id, "not stopped")
        self.assertEqual(container.status, "running")

    def test_of_a_paused_container_is_refused(self):
        container = self.running()
        self.runtime("pause", container.id, ok=True)
        self.assert_refused(container.delete(), container.id)

    def test_by_force_of_a_running_container_leaves_nothing(self):
        container = self.running()
        pid = container.pid
        container.delete("--force", ok=True)
        self.assertFalse(is_alive(pid))
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_by_force_of_a_paused_container_leaves_nothing(self):
        container = self.running()
        self.runtime("pause", container.id, ok=True)
        container.delete("--force", ok=True)
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_by_force_ends_processes_that_ignore_everything(self):
        container = self.running(self.script("trap '' TERM INT HUP; echo ready; while :; do sleep 1; done"))
        container.wait_for_output("ready")
        container.delete("-f", ok=True)
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_by_force_ends_processes_in_cgroups_that_the_container_made(self):
        bundle = self.bundle("spread")
        bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw"])
        bundle.script("/bin/spread", "mkdir -p /sys/fs/cgroup/pids/below\nsleep 601 &\n"
                                     "echo $! > /sys/fs/cgroup/pids/below/cgroup.procs && echo ready\n"
                                     "sleep 600")
        container = self.running(bundle)
        container.wait_for_output("ready")
        container.delete("--force", ok=True)
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_by_force_ends_what_outlived_the_first_process(self):
        bundle = self.script("setsid sleep 601 & echo $!")
        bundle.without_namespace("pid")
        container = self.running(bundle)
        container.wait()
        child = int(container.stdout)
        container.delete("--force", ok=True)
        wait_for_exit(child)

    def test_of_an_unknown_container_says_does_not_exist(self):
        outcome = self.runtime("delete", "unknown")
        self.assertEqual(outcome.code, 1)
        self.assert_refused(outcome, "does not exist")

    def test_by_force_of_an_unknown_container_is_no_error(self):
        self.runtime("delete", "--force", "unknown", ok=True)

    def test_by_force_twice_is_no_error(self):
        container = self.running()
        container.delete("--force", ok=True)
        container.delete("--force", ok=True)

    def test_by_force_works_when_the_bundle_is_gone(self):
        container = self.running()
        os.unlink(f"{container.bundle.path}/config.json")
        container.delete("--force", ok=True)

    @beyond_runc
    def test_by_force_removes_a_container_whose_state_is_damaged(self):
        container = self.running(self.bundle("true"))
        container.wait()
        for name in os.listdir(f"{self.runtime.root}/{container.id}"):
            if name.endswith(".json"):
                write(f"{self.runtime.root}/{container.id}/{name}", "{")
        container.delete("--force", ok=True)

    def test_frees_the_id(self):
        container = self.running(self.bundle("true"))
        container.wait()
        container.delete(ok=True)
        self.runtime("create", "--bundle", container.bundle.path, container.id, ok=True,
                     stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main()
