# SPDX-License-Identifier: Apache-2.0
"""`exec`: one more process in a running container."""

import os
import signal
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

from lib.runtime import (PATIENCE, RuntimeTest, beyond_runc, cgroup_directory, fields, is_alive, read,
                         wait_for, wait_for_exit)

NET_ADMIN = 1 << 12


class Exec(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.container = self.running()

    def status(self, *options):
        """/proc/self/status of a process executed with options."""
        return fields(self.container.exec("cat", "/proc/self/status", options=options, ok=True).stdout)

    def output(self, *args, options=()):
        return self.container.exec(*args, options=options, ok=True).stdout

    def test_the_status_is_that_of_the_process(self):
        self.assertEqual(self.container.exec("sh", "-c", "exit 7").code, 7)

    def test_a_signal_is_128_and_its_number(self):
        self.assertEqual(self.container.exec("probe", "raise", "9").code, 137)

    def test_streams_are_the_callers(self):
        outcome = self.container.exec("sh", "-c", "cat; echo err >&2", input="in")
        self.assertEqual((outcome.stdout, outcome.stderr), ("in", "err\n"))

    def test_no_descriptor_leaks_in(self):
        lines = self.output("probe", "fds").splitlines()
        self.assertEqual([line.split()[0] for line in sorted(lines)], ["0", "1", "2"])

    def test_preserve_fds_passes_that_many(self):
        outcome = self.container.exec("readlink", "/proc/self/fd/3", options=["--preserve-fds", "1"],
                                      open_fds={3: f"{self.scratch}/passed"})
        self.assertTrue(outcome.stdout.endswith("/passed\n"), outcome)

    # podman and dockerd make 127 and 126 of the texts.
    def test_a_program_that_is_not_there_gives_status_255(self):
        outcome = self.container.exec("no-such-program")
        self.assertEqual(outcome.code, 255)
        self.assert_refused(outcome, "no-such-program")
        self.assertRegex(outcome.error.lower(), "executable file not found|no such file or directory")

    def test_a_program_that_is_not_executable_gives_status_255(self):
        outcome = self.container.exec("/etc/passwd")
        self.assertEqual(outcome.code, 255)
        self.assert_refused(outcome, "/etc/passwd")
        self.assertIn("permission denied", outcome.error.lower())

    def test_without_a_program_is_refused(self):
        outcome = self.container.exec()
        self.assertEqual(outcome.code, 255)
        self.assertTrue(outcome.error)

    def test_options_after_the_id_belong_to_the_program(self):
        self.assertEqual(self.output("echo", "--user", "-t"), "--user -t\n")

    def test_it_is_in_all_namespaces_of_the_container(self):
        mine = "for n in cgroup ipc mnt net pid uts user time; do readlink /proc/self/ns/$n; done"
        theirs = [os.readlink(f"/proc/{self.container.pid}/ns/{name}")
                  for name in ("cgroup", "ipc", "mnt", "net", "pid", "uts", "user", "time")]
        self.assertEqual(self.output("sh", "-c", mine).split(), theirs)

    def test_it_is_in_all_cgroups_of_the_container(self):
        pid_path = f"{self.scratch}/exec.pid"
        self.container.exec("sleep", "600", options=["--detach", "--pid-file", pid_path], ok=True)
        self.assertEqual(sorted(read(f"/proc/{read(pid_path)}/cgroup").splitlines()),
                         sorted(self.container.proc("cgroup").splitlines()))

    def test_cgroup_option_puts_it_below(self):
        below = f"{self.container.cgroup('pids')}/below"
        os.mkdir(below)
        pid_path = f"{self.scratch}/exec.pid"
        self.container.exec("sleep", "600", options=["--cgroup", "pids:/below", "-d", "--pid-file", pid_path],
                            ok=True)
        self.assertEqual(cgroup_directory(int(read(pid_path)), "pids"), below)

    def test_cgroup_option_cannot_leave_the_container(self):
        pid_path = f"{self.scratch}/exec.pid"
        outcome = self.container.exec("sleep", "600", options=["--cgroup", "pids:/../..", "-d", "--pid-file",
                                                               pid_path])
        if outcome.code == 0:
            self.assertEqual(cgroup_directory(int(read(pid_path)), "pids"), self.container.cgroup("pids"))

    def test_it_has_the_environment_of_the_container_and_more(self):
        lines = self.output("env", options=["--env", "A=1", "--env", "B=x y"]).splitlines()
        self.assertLessEqual({"A=1", "B=x y", f"GANTRY_TEST={self.container.id}"}, set(lines))

    def test_it_starts_in_the_working_directory_of_the_container(self):
        self.assertEqual(self.output("pwd"), "/\n")

    def test_cwd(self):
        self.assertEqual(self.output("pwd", options=["--cwd", "/tmp"]), "/tmp\n")

    def test_cwd_must_be_absolute(self):
        self.assertNotEqual(self.container.exec("pwd", options=["--cwd", "tmp"]).code, 0)

    def test_user_and_group(self):
        status = self.status("--user", "1000:1001")
        self.assertEqual((status["Uid"], status["Gid"]), ("1000\t1000\t1000\t1000", "1001\t1001\t1001\t1001"))

    def test_user_alone_has_group_0(self):
        self.assertEqual(self.status("--user", "1000")["Gid"].split()[0], "0")

    def test_a_user_that_is_no_number_is_refused(self):
        for user in ("nobody", "1:", "-1", "1:x", "99999999999999999999"):
            with self.subTest(user):
                self.assertNotEqual(self.container.exec("true", options=["--user", user]).code, 0)

    @beyond_runc
    def test_a_user_beyond_32_bits_is_refused(self):
        self.assertNotEqual(self.container.exec("true", options=["--user", "4294967296"]).code, 0)

    def test_home_is_that_of_the_user(self):
        self.assertEqual(self.output("sh", "-c", "echo $HOME", options=["--user", "1000"]), "/home/user\n")

    def test_additional_gids(self):
        status = self.status("--additional-gids", "12", "--additional-gids", "34")
        self.assertEqual(status["Groups"].split(), ["12", "34"])

    def test_an_ordinary_user_has_no_capabilities(self):
        self.assertEqual(int(self.status("--user", "1000")["CapEff"], 16), 0)

    def test_cap_adds_one(self):
        self.assertEqual(int(self.status()["CapEff"], 16) & NET_ADMIN, 0)
        self.assertEqual(int(self.status("--cap", "CAP_NET_ADMIN")["CapEff"], 16) & NET_ADMIN, NET_ADMIN)

    def test_no_new_privs(self):
        self.assertEqual(self.status("--no-new-privs")["NoNewPrivs"], "1")

    def test_it_does_not_get_no_new_privs_by_itself(self):
        self.assertEqual(self.status()["NoNewPrivs"], "0")

    def test_it_starts_with_no_signal_blocked_or_ignored(self):
        status = self.status()
        self.assertEqual((int(status["SigBlk"], 16), int(status["SigIgn"], 16)), (0, 0))

    def test_it_has_a_session_of_its_own(self):
        pid, group, session = self.output("probe", "session").split()
        self.assertTrue(pid == group == session)

    def test_detached_returns_at_once_and_writes_the_host_pid(self):
        path = f"{self.scratch}/exec.pid"
        self.container.exec("sleep", "601", options=["--detach", "--pid-file", path], ok=True)
        # The runtime sees close-on-exec do its work; the kernel sets the new arguments a little later.
        wait_for(lambda: read(f"/proc/{read(path)}/cmdline") == "sleep\0" + "601\0", "the program")

    def test_detached_reports_a_missing_program(self):
        outcome = self.container.exec("no-such-program", options=["--detach"])
        self.assertEqual(outcome.code, 255)
        self.assert_refused(outcome, "no-such-program")

    def test_a_paused_container_is_refused(self):
        self.runtime("pause", self.container.id, ok=True)
        outcome = self.container.exec("true")
        self.assertEqual(outcome.code, 255)
        self.assert_refused(outcome, "paused")

    def test_ignore_paused_waits_for_resume(self):
        self.runtime("pause", self.container.id, ok=True)
        process = self.runtime.popen("exec", "--ignore-paused", self.container.id, "echo", "thawed",
                                     stdout=subprocess.PIPE, text=True)
        try:
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(0.3)
            self.runtime("resume", self.container.id, ok=True)
            self.assertEqual(process.communicate(timeout=PATIENCE)[0], "thawed\n")
        finally:
            process.kill()
            process.wait()

    def test_a_stopped_container_is_refused(self):
        self.container.kill("KILL", ok=True)
        self.container.wait()
        outcome = self.container.exec("true")
        self.assertEqual(outcome.code, 255)
        self.assert_refused(outcome, "stopped")

    def test_an_unknown_container_is_refused(self):
        self.assert_refused(self.runtime("exec", "unknown", "true"), "does not exist")

    def test_signals_to_the_runtime_are_forwarded(self):
        process = self.runtime.popen("exec", self.container.id, "probe", "catch", "15",
                                     stdout=subprocess.PIPE,
                                     text=True)
        try:
            self.assertEqual(process.stdout.readline(), "ready\n")
            process.terminate()
            self.assertEqual(process.wait(PATIENCE), 40)
        finally:
            process.kill()
            process.communicate()

    def test_it_ends_with_the_container(self):
        process = self.runtime.popen("exec", self.container.id, "sh", "-c", "echo ready; exec sleep 600",
                                     stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(process.stdout.readline(), "ready\n")
            self.container.kill("KILL", ok=True)
            self.assertEqual(process.wait(PATIENCE), 137)
        finally:
            process.kill()
            process.communicate()

    def test_32_callers_at_once_each_get_their_own(self):
        with ThreadPoolExecutor(32) as pool:
            outcomes = list(pool.map(lambda n: self.container.exec("sh", "-c", f"echo {n}; exit {n}"),
                                     range(32)))
        self.assertEqual([(outcome.code, outcome.stdout) for outcome in outcomes],
                         [(n, f"{n}\n") for n in range(32)])

    def test_a_created_container_can_be_entered(self):
        container = self.created()
        self.assertEqual(container.exec("echo", "early").stdout, "early\n")
        self.assertEqual(container.status, "created")

    def test_the_session_keyring_is_the_containers(self):
        first = self.runtime.create(self.script("probe keyring; exec sleep 600")).start()
        first.wait_for_output("\n")
        self.assertEqual(first.exec("probe", "keyring").stdout, first.stdout)


class ExecProcess(RuntimeTest):
    """--process: the whole of process.json."""

    def setUp(self):
        super().setUp()
        self.container = self.running()

    def status(self, **process):
        return fields(self.container.exec_process(["cat", "/proc/self/status"], ok=True, **process).stdout)

    def test_args_env_and_cwd(self):
        outcome = self.container.exec_process(["sh", "-c", "pwd; echo $A"], env=["A=b", "PATH=/bin"],
                                              cwd="/tmp")
        self.assertEqual(outcome.stdout, "/tmp\nb\n")

    def test_the_environment_is_that_of_the_file_alone(self):
        outcome = self.container.exec_process(["env"], env=["PATH=/bin", "HOME=/x"])
        self.assertEqual(sorted(outcome.stdout.split()), ["HOME=/x", "PATH=/bin"])

    def test_user_and_groups(self):
        status = self.status(user={"uid": 5, "gid": 6, "additionalGids": [7, 8]})
        self.assertEqual((status["Uid"].split()[0], status["Gid"].split()[0], status["Groups"].split()),
                         ("5", "6", ["7", "8"]))

    @beyond_runc
    def test_umask(self):
        self.assertEqual(self.status(user={"uid": 5, "gid": 6, "umask": 0o27})["Umask"], "0027")

    def test_capabilities_in_five_sets(self):
        sets = {"bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_FOWNER"], "permitted": ["CAP_KILL", "CAP_CHOWN"],
                "effective": ["CAP_KILL"], "inheritable": ["CAP_KILL", "CAP_CHOWN"], "ambient": ["CAP_KILL"]}
        status = self.status(capabilities=sets, user={"uid": 9, "gid": 9})
        self.assertEqual(int(status["CapBnd"], 16), 1 << 5 | 1 << 0 | 1 << 3)
        self.assertEqual(int(status["CapInh"], 16), 1 << 5 | 1 << 0)
        # execve(2) of an ordinary user keeps the ambient ones alone.
        for name in ("CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[name], 16), 1 << 5, name)

    def test_rlimits(self):
        outcome = self.container.exec_process(["sh", "-c", "ulimit -t; ulimit -Ht"],
                                              rlimits=[{"type": "RLIMIT_CPU", "soft": 100, "hard": 200}])
        self.assertEqual(outcome.stdout, "100\n200\n")

    def test_no_new_privileges(self):
        self.assertEqual(self.status(noNewPrivileges=True)["NoNewPrivs"], "1")

    @beyond_runc
    def test_oom_score_adj(self):
        outcome = self.container.exec_process(["cat", "/proc/self/oom_score_adj"], oomScoreAdj=321)
        self.assertEqual(outcome.stdout, "321\n")

    def test_engines_way_with_a_pid_file(self):
        path = f"{self.scratch}/exec.pid"
        self.container.exec_process(["sleep", "601"], options=["--detach", "--pid-file", path], ok=True)
        self.assertTrue(is_alive(int(read(path))))
        os.kill(int(read(path)), signal.SIGKILL)
        wait_for_exit(int(read(path)))

    def test_a_file_that_is_no_json_is_refused(self):
        path = f"{self.scratch}/bad.json"
        with open(path, "w") as file:
            file.write("{")
        outcome = self.runtime("exec", "--process", path, self.container.id)
        self.assertEqual(outcome.code, 255)
        self.assertTrue(outcome.error)

    def test_a_missing_file_is_named(self):
        outcome = self.runtime("exec", "--process", "/proc/nowhere.json", self.container.id)
        self.assertIn("/proc/nowhere.json", outcome.error)

    def test_a_field_of_the_wrong_type_is_named(self):
        outcome = self.container.exec_process(["true"], cwd=7)
        self.assertEqual(outcome.code, 255)
        self.assert_refused(outcome, "cwd")

    def test_no_args_are_refused(self):
        outcome = self.container.exec_process([])
        self.assertEqual(outcome.code, 255)
        self.assert_refused(outcome, "args")

    def test_the_seccomp_filter_of_the_container_holds(self):
        bundle = self.bundle("sleep", "600")
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}]}
        container = self.running(bundle)
        self.assertEqual(container.exec_process(["probe", "call", "162"]).stdout, "ENOMSG\n")


if __name__ == "__main__":
    unittest.main()
