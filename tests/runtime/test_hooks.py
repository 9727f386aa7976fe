# SPDX-License-Identifier: Apache-2.0
"""hooks: when they run, what they are told, and what their failure means."""

import json
import os
import re
import signal
import subprocess
import unittest

from lib.runtime import RuntimeTest, beyond_runc, fields, read, wait_for, wait_for_exit

KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


class HookTest(RuntimeTest):
    def hook(self, bundle, kind, body, name=None, **more):
        """A hook that is a shell script; it finds a directory of ours in $D. The one of startContainer is in
        the container, where the directory is mounted."""
        name = name or kind
        text = f"#!/bin/sh\nD={self.directory('hooks')}\n{body}\n"
        path = f"{self.directory('scripts')}/{name}"
        if kind == "startContainer":
            path = f"/hooks/{name}"
            bundle.file(path, text, 0o755)
            bundle.bind(self.directory("hooks"), self.directory("hooks"))
        else:
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, 0o755)
        bundle.hook(kind, path, **more)

    def written(self, name):
        return read(f"{self.directory('hooks')}/{name}")

    def all_kinds(self, body):
        bundle = self.bundle("sleep", "600")
        for kind in KINDS:
            self.hook(bundle, kind, body.replace("KIND", kind))
        return bundle


class When(HookTest):
    @beyond_runc
    def test_each_runs_in_its_step_and_in_order(self):
        bundle = self.all_kinds("echo KIND >> $D/log")
        container = self.created(bundle)
        self.assertEqual(self.written("log").split(), KINDS[:3])
        container.start()
        wait_for(lambda: len(self.written("log").split()) == 5, "the hooks of start")
        self.assertEqual(self.written("log").split(), KINDS[:5])
        container.delete("--force", ok=True)
        self.assertEqual(self.written("log").split(), KINDS)

    def test_several_of_a_kind_run_in_the_order_of_the_list(self):
        bundle = self.bundle("true")
        for number in range(5):
            self.hook(bundle, "createRuntime", f"echo {number} >> $D/log", name=str(number))
        self.runtime.run(bundle, ok=True)
        self.assertEqual(self.written("log").split(), list("01234"))

    def test_start_container_runs_before_the_program(self):
        bundle = self.script("echo program >> /log")
        self.hook(bundle, "startContainer", "sleep 0.2; echo hook >> /log")
        self.inside(bundle=bundle)
        self.assertEqual(read(bundle.host("/log")).split(), ["hook", "program"])

    def test_create_runtime_runs_when_the_namespaces_are_there(self):
        bundle = self.bundle("sleep", "600")
        self.hook(bundle, "createRuntime", "pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' | tr -d '\\n'); "
                                           "readlink /proc/$pid/ns/net /proc/self/ns/net > $D/net")
        container = self.created(bundle)
        theirs, own = self.written("net").split()
        self.assertEqual((theirs, own), (os.readlink(f"/proc/{container.pid}/ns/net"),
                                         os.readlink("/proc/self/ns/net")))

    def test_create_container_runs_in_the_containers_mount_namespace_before_the_root_is_changed(self):
        bundle = self.bundle("sleep", "600")
        self.hook(bundle, "createContainer", "readlink /proc/self/ns/mnt > $D/mnt")
        container = self.created(bundle)
        self.assertEqual(self.written("mnt").strip(), os.readlink(f"/proc/{container.pid}/ns/mnt"))

    def test_start_container_runs_in_the_container(self):
        bundle = self.bundle("sleep", "600")
        self.hook(bundle, "startContainer", "hostname > $D/name; ls / > $D/root")
        self.running(bundle)
        wait_for(lambda: os.path.exists(f"{self.directory('hooks')}/root"), "the hook")
        self.assertEqual(self.written("name"), "gantry-test\n")
        self.assertIn("hooks", self.written("root").split())

    def test_poststop_runs_when_the_process_is_gone(self):
        bundle = self.bundle("sleep", "600")
        container = self.created(bundle)
        self.hook(bundle, "poststop",
                  f"kill -0 {container.pid} 2>/dev/null && echo alive > $D/x || echo gone > $D/x")
        container.delete("--force", ok=True)
        bundle.id += "b"
        second = self.running(bundle)
        second.delete("--force", ok=True)
        self.assertEqual(self.written("x"), "gone\n")

    def test_poststop_runs_after_a_foreground_run(self):
        bundle = self.bundle("true")
        self.hook(bundle, "poststop", "echo ran > $D/x")
        self.runtime.run(bundle, ok=True)
        self.assertEqual(self.written("x"), "ran\n")

    def test_none_runs_for_exec(self):
        container = self.running(self.all_kinds("echo KIND >> $D/log"))
        wait_for(lambda: len(self.written("log").split()) == 5, "the hooks of start")
        container.exec("true", ok=True)
        self.assertEqual(len(self.written("log").split()), 5)


class State(HookTest):
    @beyond_runc
    def test_each_is_told_on_standard_input(self):
        bundle = self.all_kinds("cat > $D/KIND")
        bundle.config["annotations"] = {"org.example.a": "b"}
        container = self.running(bundle)
        pid = container.pid
        wait_for(lambda: os.path.exists(f"{self.directory('hooks')}/poststart"), "the hooks of start")
        container.delete("--force", ok=True)
        expected = {"prestart": "creating", "createRuntime": "creating", "createContainer": "creating",
                    "startContainer": "created", "poststart": "running", "poststop": "stopped"}
        for kind, status in expected.items():
            with self.subTest(kind):
                state = json.loads(self.written(kind))
                self.assertEqual((state["id"], state["bundle"], state["status"], state["annotations"]),
                                 (bundle.id, bundle.path, status, {"org.example.a": "b"}))
                self.assertRegex(state["ociVersion"], r"^1\.")
                if kind in ("prestart", "createRuntime", "poststart"):
                    self.assertEqual(state["pid"], pid)

    def test_it_need_not_be_read(self):
        bundle = self.all_kinds("exit 0")
        bundle.config["annotations"] = {"big": "x" * 200000}
        self.running(bundle)


class Call(HookTest):
    def test_has_the_args_of_the_entry_and_its_environment_only(self):
        bundle = self.bundle("true")
        path = f"{self.scratch}/hook"
        with open(path, "w") as file:
            file.write(f'#!/bin/sh\necho "$0 $@" > {self.scratch}/args\ntr "\\0" "\\n" < /proc/self/environ '
                       f'> {self.scratch}/env\n')
        os.chmod(path, 0o755)
        bundle.config["hooks"] = {"createRuntime": [
            {"path": path, "args": ["hook-name", "one", "two three"], "env": ["A=1", "PATH=/usr/bin:/bin"]}]}
        self.runtime.run(bundle, ok=True)
        self.assertTrue(read(f"{self.scratch}/args").endswith("one two three\n"))
        lines = read(f"{self.scratch}/env").split()
        self.assertLessEqual({"A=1", "PATH=/usr/bin:/bin"}, set(lines))
        self.assertNotIn("HOME", " ".join(lines))

    def test_without_args_has_its_own_path_as_the_name(self):
        bundle = self.bundle("true")
        path = f"{self.scratch}/hook"
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\ntr '\\0' ' ' < /proc/$$/cmdline > {self.scratch}/line\n")
        os.chmod(path, 0o755)
        bundle.config["hooks"] = {"createRuntime": [{"path": path}]}
        self.runtime.run(bundle, ok=True)
        self.assertIn(path, read(f"{self.scratch}/line"))

    def descriptors_of(self, *kinds):
        bundle = self.bundle("true")
        for kind in kinds:
            self.hook(bundle, kind, f"ls -l /proc/self/fd > $D/{kind}")
        self.runtime.run(bundle, ok=True)
        found = []
        for kind in kinds:
            open_files = re.findall(r"(\d+) -> (.*)", self.written(kind))
            # But for the directory that `ls` reads.
            found.append([number for number, target in open_files if not target.startswith("/proc/")])
        return found

    def test_gets_no_other_descriptor(self):
        self.assertEqual(self.descriptors_of("prestart", "createRuntime", "poststart", "poststop"),
                         [["0", "1", "2"]] * 4)

    @beyond_runc
    def test_gets_no_other_descriptor_in_the_container_either(self):
        self.assertEqual(self.descriptors_of("createContainer"), [["0", "1", "2"]])

    @beyond_runc
    def test_no_signal_is_blocked_or_ignored_also_by_a_runtime_in_the_foreground(self):
        bundle = self.bundle("true")
        bundle.bind(self.directory("hooks"), self.directory("hooks"))
        for kind in KINDS:  # not by a shell, which would set its signals right
            bundle.hook(kind, "/bin/cp", "/proc/self/status", f"{self.directory('hooks')}/{kind}")
        self.runtime.run(bundle, ok=True)
        for kind in KINDS:
            with self.subTest(kind):
                status = fields(self.written(kind))
                self.assertEqual((status["SigBlk"], status["SigIgn"]), ("0" * 16, "0" * 16))

    @beyond_runc
    def test_one_does_not_outlive_a_killed_runtime(self):
        bundle = self.bundle("true")
        self.hook(bundle, "createRuntime", "echo $$ > $D/new && mv $D/new $D/pid; exec sleep 600")
        bundle.save()
        self.runtime.remember(bundle)
        with self.runtime.popen("create", "--bundle", bundle.path, bundle.id, stdin=subprocess.DEVNULL) as maker:
            self.addCleanup(maker.kill)
            wait_for(lambda: os.path.exists(f"{self.directory('hooks')}/pid"), "the hook")
            maker.kill()
        wait_for_exit(int(self.written("pid")))
        self.runtime("delete", "--force", bundle.id, ok=True)

    def test_much_output_does_not_hang_it(self):
        bundle = self.bundle("true")
        self.hook(bundle, "createRuntime", "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2")
        self.runtime.run(bundle, ok=True)

    @beyond_runc
    def test_a_daemon_that_it_leaves_does_not_hang_the_runtime(self):
        bundle = self.bundle("true")
        self.hook(bundle, "createRuntime", "sleep 600 & echo $! > $D/pid")
        self.addCleanup(lambda: os.kill(int(self.written("pid")), signal.SIGKILL))
        self.runtime.run(bundle, ok=True)


class Failure(HookTest):
    def failing(self, kind, body="echo the reason >&2; exit 3", **more):
        bundle = self.bundle("sleep", "600")
        self.hook(bundle, kind, body, **more)
        return bundle

    def test_of_a_hook_of_create_fails_create_and_leaves_nothing(self):
        for kind in ("prestart", "createRuntime", "createContainer"):
            with self.subTest(kind):
                self.assert_create_refused(self.failing(kind), "hook")

    @beyond_runc
    def test_names_the_kind_the_hook_and_the_status(self):
        for kind in ("prestart", "createRuntime", "createContainer"):
            with self.subTest(kind):
                self.assert_create_refused(self.failing(kind), kind, "3")

    def test_shows_what_the_hook_said(self):
        self.assert_create_refused(self.failing("createRuntime"), "the reason")

    def test_of_start_container_fails_start(self):
        container = self.created(self.failing("startContainer"))
        self.runtime("start", container.id)  # the error may be seen only by the container's own process
        wait_for(lambda: container.status == "stopped", "the container to stop")
        self.assertNotIn("sleep", container.stdout)

    @beyond_runc
    def test_of_start_container_is_an_error_of_start(self):
        container = self.created(self.failing("startContainer"))
        self.assert_refused(self.runtime("start", container.id), "startContainer")

    @beyond_runc
    def test_of_poststart_is_an_error_and_stops_the_container(self):
        container = self.created(self.failing("poststart"))
        pid = container.pid
        self.assert_refused(self.runtime("start", container.id), "hook")
        wait_for_exit(pid)

    @beyond_runc
    def test_of_poststop_is_logged_and_the_rest_goes_on(self):
        bundle = self.failing("poststop")
        self.hook(bundle, "poststop", "echo second > $D/x", name="second")
        container = self.running(bundle)
        outcome = container.delete("--force")
        self.assertEqual(outcome.code, 0)
        self.assertTrue(outcome.log)
        self.assertEqual(self.written("x"), "second\n")
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_keeps_the_next_hooks_from_running(self):
        bundle = self.failing("createRuntime")
        self.hook(bundle, "createRuntime", "echo no > $D/x", name="second")
        self.assert_create_refused(bundle)
        self.assertFalse(os.path.exists(f"{self.directory('hooks')}/x"))

    def test_of_create_runs_poststop(self):
        bundle = self.failing("createContainer")
        self.hook(bundle, "poststop", "echo ran > $D/x")
        self.assert_create_refused(bundle)
        self.assertEqual(self.written("x"), "ran\n")

    def test_a_timeout_ends_the_hook_and_is_an_error(self):
        for kind in ("createRuntime", "createContainer"):
            with self.subTest(kind):
                error = self.assert_create_refused(self.failing(kind, "echo $$ > $D/pid; exec sleep 600",
                                                                timeout=2))
                self.assertRegex(error.lower(), "time|longer|killed")
                if kind == "createRuntime":
                    self.assertFalse(os.path.exists(f"/proc/{self.written('pid').strip()}"))

    def test_a_hook_that_a_signal_ends_is_an_error(self):
        self.assert_create_refused(self.failing("createRuntime", "kill -9 $$"))

    def test_a_hook_that_is_not_there_is_named(self):
        bundle = self.bundle()
        bundle.hook("createRuntime", "/proc/nowhere/hook")
        self.assert_create_refused(bundle, "/proc/nowhere/hook")

    def test_a_hook_that_is_not_executable_is_named(self):
        bundle = self.bundle()
        bundle.hook("createRuntime", "/etc/passwd")
        self.assert_create_refused(bundle, "/etc/passwd")

    def test_a_relative_path_is_refused(self):
        bundle = self.bundle()
        bundle.hook("createRuntime", "bin/hook")
        self.assert_create_refused(bundle)

    @beyond_runc
    def test_a_timeout_of_nothing_is_refused(self):
        bundle = self.bundle()
        bundle.hook("createRuntime", "/bin/true", timeout=0)
        self.assert_create_refused(bundle, "timeout")


if __name__ == "__main__":
    unittest.main()
