# SPDX-License-Identifier: Apache-2.0
"""What the runtime answers about itself and its containers, and how it takes its command line."""

import json
import os
import re
import subprocess
import unittest

from lib.runtime import PATIENCE, PROGRAM, RuntimeTest, beyond_runc, is_alive, read, read_log, wait_for, write


class List(RuntimeTest):
    def test_json_has_every_container(self):
        containers = {self.created().id: "created", self.running().id: "running"}
        listed = json.loads(self.runtime("list", "--format", "json", ok=True).stdout)
        self.assertEqual({entry["id"]: entry["status"] for entry in listed}, containers)
        self.assertEqual({key for key in listed[0]} - {"annotations"},
                         {"ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"})

    def test_json_names_the_owner(self):
        self.created()
        self.assertEqual(json.loads(self.runtime("list", "-f", "json").stdout)[0]["owner"], "root")

    def test_quiet_has_ids_only(self):
        ids = sorted([self.created().id, self.created().id])
        self.assertEqual(sorted(self.runtime("list", "--quiet", ok=True).stdout.split()), ids)

    def test_table_has_a_heading_and_a_line_each(self):
        container = self.running()
        heading, line = self.runtime("list", ok=True).stdout.splitlines()
        self.assertEqual(heading.split(), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])
        self.assertEqual(line.split()[:4], [container.id, str(container.pid), "running",
                                            container.bundle.path])

    def test_without_a_state_directory_is_empty(self):
        self.assertEqual(self.runtime("list", "--quiet", ok=True).stdout, "")

    def test_skips_what_is_no_container(self):
        container = self.created()
        self.directory("state/half-made")
        self.assertEqual(self.runtime("list", "--quiet", ok=True).stdout.split(), [container.id])


class Ps(RuntimeTest):
    def test_json_is_the_list_of_host_pids(self):
        container = self.running(self.script("sleep 601 & echo ready; sleep 600"))
        container.wait_for_output("ready")
        wait_for(lambda: len(json.loads(self.runtime("ps", "--format", "json", container.id).stdout)) == 2,
                 "2")
        pids = json.loads(self.runtime("ps", "--format", "json", container.id).stdout)
        self.assertIn(container.pid, pids)
        self.assertTrue(all(is_alive(pid) for pid in pids))

    def test_table_is_of_the_container_only(self):
        container = self.running()
        heading, *lines = self.runtime("ps", container.id, ok=True).stdout.splitlines()
        self.assertIn("PID", heading)
        self.assertEqual(len(lines), 1)
        self.assertIn(str(container.pid), lines[0].split())

    def test_options_go_to_ps(self):
        container = self.running()
        wait_for(lambda: container.proc("comm") == "sleep\n", "the program")  # named late in execve(2)
        lines = self.runtime("ps", container.id, "-o", "pid,comm", ok=True).stdout.splitlines()
        self.assertEqual(lines[1].split(), [str(container.pid), "sleep"])

    def test_an_unknown_format_is_refused(self):
        self.assertNotEqual(self.runtime("ps", "--format", "xml", self.running().id).code, 0)


class PauseAndResume(RuntimeTest):
    def test_a_paused_container_does_not_run(self):
        container = self.running(self.script("while :; do echo .; sleep 0.01; done"))
        container.wait_for_output(".")
        self.runtime("pause", container.id, ok=True)
        self.assertTrue(container.cgroup_file("freezer", "freezer.state") == "FROZEN"
                        or "frozen 1" in container.cgroup_file("", "cgroup.events"))
        before = len(container.stdout)
        subprocess.run(["sleep", "0.1"])
        self.assertEqual(len(container.stdout), before)

    def test_resume_lets_it_go_on(self):
        container = self.running(self.script("while :; do echo .; sleep 0.01; done"))
        self.runtime("pause", container.id, ok=True)
        before = len(container.stdout)
        self.runtime("resume", container.id, ok=True)
        wait_for(lambda: len(container.stdout) > before, "more output")
        self.assertEqual(container.status, "running")

    def test_resume_of_a_running_container_is_refused(self):
        self.assert_refused(self.runtime("resume", self.running().id))

    def test_pause_of_a_paused_container_is_refused(self):
        container = self.running()
        self.runtime("pause", container.id, ok=True)
        self.assert_refused(self.runtime("pause", container.id))

    def test_pause_of_a_stopped_container_is_refused(self):
        container = self.running(self.bundle("true"))
        container.wait()
        self.assert_refused(self.runtime("pause", container.id))


class Events(RuntimeTest):
    def stats(self, container):
        event = json.loads(self.runtime("events", "--stats", container.id, ok=True).stdout)
        self.assertEqual((event["type"], event["id"]), ("stats", container.id))
        return event["data"]

    def test_stats_tell_processes(self):
        bundle = self.bundle("sleep", "600")
        bundle.resources["pids"] = {"limit": 17}
        pids = self.stats(self.running(bundle))["pids"]
        self.assertEqual((pids["current"], pids["limit"]), (1, 17))

    def test_stats_tell_memory(self):
        bundle = self.bundle("sleep", "600")
        bundle.resources["memory"] = {"limit": 64 << 20}
        container = self.running(bundle)
        memory = self.stats(container)["memory"]
        self.assertEqual(memory["usage"]["limit"], 64 << 20)
        self.assertAlmostEqual(memory["usage"]["usage"],
                               int(container.cgroup_file("memory", "memory.usage_in_bytes")), delta=1 << 20)
        self.assertIn("rss", memory["raw"])

    def test_stats_tell_cpu_time_in_nanoseconds(self):
        busy = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; sleep 600"
        container = self.running(self.script(busy))
        container.wait_for_output("done")
        used = self.stats(container)["cpu"]["usage"]["total"]
        self.assertAlmostEqual(used, int(container.cgroup_file("cpuacct", "cpuacct.usage")), delta=20_000_000)

    def test_stats_of_a_stopped_container_are_refused(self):
        container = self.running(self.bundle("true"))
        container.wait()
        self.assert_refused(self.runtime("events", "--stats", container.id), container.id)

    def test_a_stats_event_comes_every_interval_until_the_end(self):
        container = self.running()
        events = self.runtime.popen("events", "--interval", "50ms", container.id, stdout=subprocess.PIPE,
                                    text=True)
        try:
            for _ in range(3):
                self.assertEqual(json.loads(events.stdout.readline())["type"], "stats")
            container.delete("--force", ok=True)
            events.communicate(timeout=PATIENCE)
            self.assertEqual(events.returncode, 0)
        finally:
            events.kill()
            events.wait()

    def test_running_out_of_memory_is_an_event(self):
        bundle = self.script("read x; tail /dev/zero")
        bundle.resources["memory"] = {"limit": 16 << 20}
        reader, writer = os.pipe()
        container = self.created(bundle, stdin=reader)
        os.close(reader)
        container.start()
        events = self.runtime.popen("events", "--interval", "100ms", container.id, stdout=subprocess.PIPE,
                                    text=True)
        try:
            events.stdout.readline()  # it is watching
            os.write(writer, b"go\n")
            while json.loads(events.stdout.readline())["type"] != "oom":
                pass
        finally:
            os.close(writer)
            events.kill()
            events.wait()


class Update(RuntimeTest):
    def container(self):
        bundle = self.bundle("sleep", "600")
        bundle.resources["memory"] = {"limit": 128 << 20}
        return self.running(bundle)

    def test_reads_resources_from_standard_input(self):
        container = self.container()
        self.runtime("update", "--resources", "-", container.id, input='{"pids": {"limit": 33}}', ok=True)
        self.assertEqual(container.cgroup_file("pids", "pids.max"), "33")

    def test_takes_the_option_with_an_equals_sign(self):
        container = self.container()
        self.runtime("update", "--resources=-", container.id, input='{"cpu": {"shares": 300}}', ok=True)
        self.assertEqual(container.cgroup_file("cpu", "cpu.shares"), "300")

    def test_reads_resources_from_a_file(self):
        container = self.container()
        path = f"{self.scratch}/resources.json"
        write(path, json.dumps({"memory": {"limit": 200 << 20}, "cpu": {"quota": 50000, "period": 100000}}))
        self.runtime("update", "--resources", path, container.id, ok=True)
        self.assertEqual(container.cgroup_file("memory", "memory.limit_in_bytes"), str(200 << 20))
        self.assertEqual(container.cgroup_file("cpu", "cpu.cfs_quota_us"), "50000")

    def test_leaves_alone_what_is_not_named(self):
        container = self.container()
        self.runtime("update", "--resources", "-", container.id, input='{"pids": {"limit": 33}}', ok=True)
        self.assertEqual(container.cgroup_file("memory", "memory.limit_in_bytes"), str(128 << 20))

    def test_takes_options(self):
        container = self.container()
        self.runtime("update", "--cpu-share", 400, "--cpu-quota", 60000, "--cpu-period", 100000, "--memory",
                     150 << 20,
                     "--memory-reservation", 100 << 20, "--pids-limit", 44, "--cpuset-cpus", "0",
                     container.id, ok=True)
        for controller, name, value in (("cpu", "cpu.shares", "400"), ("cpu", "cpu.cfs_quota_us", "60000"),
                                        ("memory", "memory.limit_in_bytes", str(150 << 20)),
                                        ("memory", "memory.soft_limit_in_bytes", str(100 << 20)),
                                        ("pids", "pids.max", "44"), ("cpuset", "cpuset.cpus", "0")):
            with self.subTest(name):
                self.assertEqual(container.cgroup_file(controller, name), value)

    def test_makes_memory_and_swap_smaller_and_larger(self):
        bundle = self.bundle("sleep", "600")
        bundle.resources["memory"] = {"limit": 64 << 20, "swap": 128 << 20}
        container = self.running(bundle)
        for limit, swap in ((256 << 20, 512 << 20), (32 << 20, 48 << 20), (100 << 20, -1),
                            (80 << 20, 90 << 20)):
            with self.subTest(limit=limit, swap=swap):
                self.runtime("update", "--memory", limit, "--memory-swap", swap, container.id, ok=True)
                self.assertEqual(container.cgroup_file("memory", "memory.limit_in_bytes"), str(limit))
                if swap != -1:
                    self.assertEqual(container.cgroup_file("memory", "memory.memsw.limit_in_bytes"),
                                     str(swap))

    def test_of_a_limit_below_what_is_in_use_is_refused(self):
        bundle = self.script("head -c 40m /dev/zero > /dev/shm/x; echo ready; sleep 600")
        bundle.resources["memory"] = {"limit": 64 << 20}
        container = self.running(bundle)
        container.wait_for_output("ready")
        self.assert_refused(self.runtime("update", "--memory", 8 << 20, container.id), "memory")

    def test_of_resources_that_are_no_json_is_refused(self):
        self.assertNotEqual(self.runtime("update", "--resources", "-", self.container().id, input="{").code,
                            0)

    def test_of_a_stopped_container_is_refused(self):
        container = self.running(self.bundle("true"))
        container.wait()
        self.assert_refused(self.runtime("update", "--memory", 1 << 30, container.id))

    def test_of_a_created_container_works(self):
        container = self.created()
        self.runtime("update", "--pids-limit", "21", container.id, ok=True)
        self.assertEqual(container.cgroup_file("pids", "pids.max"), "21")

    def test_does_not_take_devices_away(self):
        container = self.container()
        before = container.cgroup_file("devices", "devices.list")
        self.runtime("update", "--resources", "-", container.id, input='{"pids": {"limit": 33}}', ok=True)
        self.assertEqual(container.cgroup_file("devices", "devices.list"), before)
        self.assertEqual(container.exec("sh", "-c", "echo x > /dev/null").code, 0)


class Features(RuntimeTest):
    @classmethod
    def setUpClass(cls):
        cls.features = json.loads(subprocess.run([PROGRAM, "features"], stdout=subprocess.PIPE,
                                                 check=True).stdout)

    def test_tell_the_versions(self):
        self.assertEqual(self.features["ociVersionMin"], "1.0.0")
        self.assertRegex(self.features["ociVersionMax"], r"^1\.\d+\.\d+")

    @beyond_runc
    def test_reach_version_1_3(self):
        self.assertEqual(self.features["ociVersionMax"], "1.3.0")

    def test_name_the_hooks(self):
        self.assertEqual(set(self.features["hooks"]), {"prestart", "createRuntime", "createContainer",
                                                       "startContainer", "poststart", "poststop"})

    def test_name_the_mount_options(self):
        self.assertLessEqual({"bind", "rbind", "ro", "rro", "nosuid", "rnosuid", "noatime", "rprivate",
                              "shared",
                              "tmpcopyup"}, set(self.features["mountOptions"]))

    def test_name_the_namespaces(self):
        self.assertLessEqual({"cgroup", "ipc", "mount", "network", "pid", "user", "uts"},
                             set(self.features["linux"]["namespaces"]))

    @beyond_runc
    def test_name_the_time_namespace(self):
        self.assertIn("time", self.features["linux"]["namespaces"])

    def test_name_the_capabilities(self):
        self.assertLessEqual({"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"},
                             set(self.features["linux"]["capabilities"]))

    def test_tell_about_cgroups(self):
        cgroup = self.features["linux"]["cgroup"]
        self.assertTrue(cgroup["v1"] and cgroup["v2"])

    def test_name_the_seccomp_actions(self):
        seccomp = self.features["linux"]["seccomp"]
        self.assertTrue(seccomp["enabled"])
        self.assertLessEqual({"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                              "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE",
                              "SCMP_ACT_TRAP"}, set(seccomp["actions"]))
        self.assertLessEqual({"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
                              "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"}, set(seccomp["operators"]))
        self.assertIn("SCMP_ARCH_X86_64", seccomp["archs"])

    @beyond_runc
    def test_name_the_seccomp_flags(self):
        seccomp = self.features["linux"]["seccomp"]
        self.assertLessEqual(set(seccomp["supportedFlags"]), set(seccomp["knownFlags"]))
        self.assertIn("SECCOMP_FILTER_FLAG_LOG", seccomp["supportedFlags"])

    @beyond_runc
    def test_tell_what_of_1_3_there_is(self):
        self.assertIs(self.features["linux"]["intelRdt"]["enabled"], False)
        self.assertIs(self.features["linux"]["netDevices"]["enabled"], True)
        self.assertIs(self.features["linux"]["mountExtensions"]["idmap"]["enabled"], True)


COMMANDS = ("checkpoint create delete events exec features kill list pause ps restore resume run spec start "
            "state update").split()


class CommandLine(RuntimeTest):
    def test_version_has_lines_that_engines_parse(self):
        outcome = subprocess.run([PROGRAM, "--version"], stdout=subprocess.PIPE, text=True, check=True)
        first, *rest = outcome.stdout.splitlines()
        self.assertRegex(first, r"^\S+ version \d+\.\d+\.\d+")
        self.assertTrue(any(re.match(r"^spec: 1\.\d+\.\d+", line) for line in rest))

    def test_help_names_every_command(self):
        text = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
        for command in COMMANDS:
            self.assertIn(command, text)

    def test_every_command_has_help(self):
        for command in COMMANDS:
            with self.subTest(command):
                outcome = subprocess.run([PROGRAM, command, "--help"], stdout=subprocess.PIPE, text=True)
                self.assertEqual(outcome.returncode, 0)
                self.assertIn(command, outcome.stdout)

    @beyond_runc
    def test_an_unknown_command_is_refused(self):
        self.assert_refused(self.runtime("bogus"), "bogus")

    def test_an_unknown_option_is_refused(self):
        outcome = self.runtime("state", "--bogus", "x")
        self.assertEqual(outcome.code, 1)
        self.assertIn("bogus", outcome.error)

    def test_a_missing_argument_is_refused(self):
        self.assertEqual(self.runtime("state").code, 1)

    def test_an_argument_too_many_is_refused(self):
        self.assertEqual(self.runtime("state", "a", "b").code, 1)

    def test_errors_go_to_standard_error_as_well(self):
        outcome = self.runtime("state", "unknown")
        self.assertIn("does not exist", outcome.stderr)

    def test_the_log_is_one_json_object_a_line_with_level_msg_and_time(self):
        entry = self.runtime("state", "unknown").log[-1]
        self.assertEqual(entry["level"], "error")
        self.assertRegex(entry["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
        self.assertTrue(entry["msg"])

    def test_the_log_grows(self):
        log = f"{self.scratch}/log"
        for _ in range(2):
            subprocess.run([PROGRAM, "--root", self.runtime.root, "--log", log, "--log-format=json", "state",
                            "x"],
                           stderr=subprocess.DEVNULL)
        self.assertEqual(len(read_log(log)), 2)

    def test_the_text_log_has_level_and_message(self):
        log = f"{self.scratch}/log"
        subprocess.run([PROGRAM, "--root", self.runtime.root, "--log", log, "state", "x"],
                       stderr=subprocess.DEVNULL)
        self.assertRegex(read(log), r'time="[^"]+" level=error msg=".*does not exist.*"\n$')

    def test_debug_says_more(self):
        log = f"{self.scratch}/log"
        bundle = self.bundle("true")
        bundle.save()
        subprocess.run([PROGRAM, "--debug", "--root", self.runtime.root, "--log", log, "--log-format", "json",
                        "run",
                        "--bundle", bundle.path, bundle.id], check=True)
        self.assertIn("debug", [entry["level"] for entry in read_log(log)])

    def test_a_successful_call_logs_nothing(self):
        bundle = self.bundle("true")
        self.assertEqual(self.runtime.run(bundle).log, [])

    def test_an_unknown_log_format_is_refused(self):
        outcome = subprocess.run([PROGRAM, "--log-format", "xml", "list"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("xml", outcome.stderr)

    def test_a_log_that_cannot_be_opened_is_an_error(self):
        outcome = subprocess.run([PROGRAM, "--log", "/proc/nowhere/log", "list"], stderr=subprocess.PIPE,
                                 text=True)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("/proc/nowhere/log", outcome.stderr)

    def test_the_state_directory_is_for_its_owner_only(self):
        container = self.created()
        self.assertEqual(os.stat(f"{self.runtime.root}/{container.id}").st_mode & 0o066, 0)


class Spec(RuntimeTest):
    def test_makes_a_configuration_that_runs(self):
        bundle = self.bundle()
        self.runtime("spec", "--bundle", bundle.path, ok=True)
        bundle.config = json.loads(read(f"{bundle.path}/config.json"))
        self.assertEqual(bundle.process["args"], ["sh"])
        self.assertIs(bundle.process["terminal"], True)
        bundle.process["terminal"] = False
        bundle.process["args"] = ["sh", "-c", "echo $$"]
        self.assertEqual(self.inside(bundle=bundle), "1\n")

    def test_does_not_overwrite(self):
        bundle = self.bundle()
        bundle.save("mine")
        self.assertNotEqual(self.runtime("spec", "--bundle", bundle.path).code, 0)
        self.assertEqual(read(f"{bundle.path}/config.json"), "mine")

    def test_for_rootless_use_maps_the_caller_to_root(self):
        directory = self.directory()
        os.chown(directory, 12345, 12345)
        outcome = self.runtime("spec", "--rootless", cwd=directory, user=12345)
        self.assertEqual(outcome.code, 0, outcome)
        linux = json.loads(read(f"{directory}/config.json"))["linux"]
        self.assertIn({"type": "user"}, linux["namespaces"])
        self.assertEqual(linux["uidMappings"], [{"containerID": 0, "hostID": 12345, "size": 1}])
        self.assertNotIn("resources", linux)


if __name__ == "__main__":
    unittest.main()
