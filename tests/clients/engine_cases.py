# SPDX-License-Identifier: Apache-2.0
"""What podman and docker both promise about containers, asked of both with the same words.

A class that mixes this in has engine(*arguments, **options of command.run) and engine_on_terminal(...).
"""

import concurrent.futures
import json
import os
import re
import tempfile
import time

from lib import cgroups, command, isolation
from lib.runtime import IS_RUNC, wait_for

IMAGE = "gantry-test-busybox"


def make_image_tar(directory):
    """The image of all client tests, as a tar of its files."""
    root, tar = f"{directory}/rootfs", f"{directory}/rootfs.tar"
    command.run(f"{isolation.CHECKOUT}/tools/busybox-rootfs", root)
    command.run("tar", "-C", root, "-cf", tar, ".")
    return tar


def all_at_once(function, count):
    """function(0) to function(count - 1), each on a thread of its own; their values in order."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, range(count)))


def skip_without_criu(test):
    check = command.run("criu", "check", status=None)
    if check.status != 0:
        test.skipTest(f"criu check: {' '.join(check.stderr.split())}")


class EngineCases:
    NETWORK = "--network=none"
    REMOVE = ("rm", "-f")
    EXEC_NOT_FOUND = 127

    # -- words the tests are written in

    def run_container(self, *options, program, status=0, **more):
        """A container in the foreground, removed when it ends."""
        return self.engine("run", "--rm", self.NETWORK, *options, IMAGE, *program, status=status, **more)

    def inside(self, script, *options):
        """What a shell script prints inside a new container."""
        return self.run_container(*options, program=["sh", "-c", script]).stdout.strip()

    def start(self, *options, script="trap 'exit 0' TERM; sleep 1000 & wait"):
        """A container in the background, removed when the test ends. Returns its name."""
        name = f"{self._testMethodName}-{len(self._cleanups)}"
        self.addCleanup(self.engine, *self.REMOVE, name, status=None)
        self.engine("run", "-d", "--name", name, self.NETWORK, *options, IMAGE, "sh", "-c", script)
        return name

    def inspect(self, name, what):
        return self.engine("inspect", "-f", "{{" + what + "}}", name).stdout.strip()

    def pid_of(self, name):
        return int(self.inspect(name, ".State.Pid"))

    def wait_for_log(self, name, text):
        wait_for(lambda: text in self.engine("logs", name).stdout, f"'{text}' is in the log of {name}")

    def shared_directory(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return directory.name

    def assert_mentions(self, text, *parts):
        for part in parts:
            self.assertIn(part.lower(), text.lower())

    def skip_if_runc_cannot_be_privileged(self):
        bounding = re.search(r"CapBnd:\s*(\w+)", isolation.read("/proc/self/status")).group(1)
        if IS_RUNC and not int(bounding, 16) >> 24 & 1:
            self.skipTest("runc does not leave out what this machine does not let it have (CAP_SYS_RESOURCE)")

    # -- running a program

    def test_output_and_error_output_stay_apart(self):
        result = self.run_container(program=["sh", "-c", "echo out; echo err >&2"])
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))

    def test_standard_input_arrives(self):
        result = self.run_container("-i", program=["wc", "-c"], stdin="x" * 100_000)
        self.assertEqual(result.stdout.strip(), "100000")

    def test_a_megabyte_of_output_arrives_whole(self):
        result = self.run_container(program=["sh", "-c", "yes 123456789 | head -n 100000"])
        self.assertEqual(result.stdout, "123456789\n" * 100_000)

    def test_exit_status_is_the_programs(self):
        self.run_container(program=["sh", "-c", "exit 7"], status=7)

    def test_command_not_found_is_127(self):
        result = self.run_container(program=["no-such-program"], status=127)
        self.assert_mentions(result.stderr, "no-such-program", "not found")

    def test_absolute_path_not_found_is_127(self):
        result = self.run_container(program=["/bin/no-such-program"], status=127)
        self.assert_mentions(result.stderr, "/bin/no-such-program", "no such file or directory")

    def test_not_executable_is_126(self):
        result = self.run_container(program=["/etc/passwd"], status=126)
        self.assert_mentions(result.stderr, "/etc/passwd", "permission denied")

    def test_bad_option_is_125(self):
        self.run_container("--no-such-option", program=["true"], status=125)

    def test_terminal(self):
        result = self.engine_on_terminal("run", "--rm", "-it", self.NETWORK, IMAGE, "sh", "-c",
                                         "tty; for i in $(seq 100); do [ \"$(stty size 2>&1)\" = '30 100' ] && break; sleep 0.05; "
                                         "done; stty size; echo $TERM")  # docker sets the size after the start
        self.assertEqual(result.stdout.split(), ["/dev/pts/0", "30", "100", "xterm"])

    def test_typing_at_a_shell(self):
        result = self.engine_on_terminal("run", "--rm", "-it", self.NETWORK, IMAGE, "sh",
                                         stdin="echo $((6*7))\nexit 3\n", status=3)
        self.assertIn("42", result.stdout)

    # -- process settings

    def test_environment(self):
        self.assertEqual(self.inside("echo $COLOUR,$PATH", "-e", "COLOUR=deep blue", "-e", "PATH=/bin:/x"),
                         "deep blue,/bin:/x")

    def test_working_directory(self):
        self.assertEqual(self.inside("pwd", "-w", "/home/web"), "/home/web")

    def test_user_by_name(self):
        self.assertEqual(self.inside("id -u; id -g; echo $HOME", "--user", "web").split(),
                         ["1000", "1000", "/home/web"])

    def test_user_by_number_and_extra_groups(self):
        self.assertEqual(self.inside("id -u; id -G", "--user", "1234:2345", "--group-add", "26").split(),
                         ["1234", "2345", "26"])

    def test_unknown_user(self):
        result = self.run_container("--user", "nobody-here", program=["true"], status=None)
        self.assertIn(result.status, (125, 126))
        self.assert_mentions(result.stderr, "nobody-here")

    def capabilities(self, *options):
        text = self.inside("grep Cap /proc/self/status", *options)
        return {line.split(":")[0]: int(line.split()[1], 16) for line in text.splitlines()}

    def test_default_capabilities(self):
        have = self.capabilities()
        self.assertEqual(have["CapEff"], have["CapBnd"])
        self.assertTrue(have["CapEff"] & 1 << 0, "CAP_CHOWN")
        self.assertFalse(have["CapEff"] & 1 << 21, "CAP_SYS_ADMIN")

    def test_capabilities_added_and_dropped(self):
        have = self.capabilities("--cap-drop", "ALL", "--cap-add", "CHOWN", "--cap-add", "SYS_PTRACE")
        self.assertEqual(have["CapEff"], 1 << 0 | 1 << 19)
        self.assertEqual(have["CapBnd"], 1 << 0 | 1 << 19)

    def test_capabilities_of_an_ordinary_user(self):
        have = self.capabilities("--user", "web")
        self.assertEqual(have["CapEff"], 0)
        self.assertNotEqual(have["CapBnd"], 0)

    def test_privileged(self):
        self.skip_if_runc_cannot_be_privileged()
        have = self.capabilities("--privileged")
        self.assertTrue(have["CapEff"] & 1 << 21, "CAP_SYS_ADMIN")
        self.assertEqual(self.inside("mount -t tmpfs x /tmp && echo mounted", "--privileged"), "mounted")

    def test_no_new_privileges(self):
        self.assertEqual(self.inside("grep NoNewPrivs /proc/self/status").split()[1], "0")
        self.assertEqual(self.inside("grep NoNewPrivs /proc/self/status",
                                     "--security-opt", "no-new-privileges").split()[1], "1")

    def test_seccomp_is_on_and_can_be_off(self):
        self.assertEqual(self.inside("grep Seccomp: /proc/self/status").split()[1], "2")
        self.assertEqual(self.inside("grep Seccomp: /proc/self/status",
                                     "--security-opt", "seccomp=unconfined").split()[1], "0")

    def test_seccomp_profile_of_ones_own(self):
        profile = f"{self.shared_directory()}/profile.json"
        isolation.write(profile, json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 75}]}))
        result = self.run_container("--security-opt", f"seccomp={profile}", program=["mkdir", "/x"], status=1)
        self.assert_mentions(result.stderr, "Value too large")  # errno 75, EOVERFLOW

    def test_limits_of_the_process(self):
        self.assertEqual(self.inside("ulimit -Sn; ulimit -Hn; grep processes /proc/self/limits",
                                     "--ulimit", "nofile=100:200", "--ulimit", "nproc=2000:3000").split(),
                         ["100", "200", "Max", "processes", "2000", "3000", "processes"])

    def test_sysctl(self):
        self.assertEqual(self.inside("cat /proc/sys/kernel/msgmax", "--sysctl", "kernel.msgmax=1234"), "1234")

    def test_oom_score(self):
        self.assertEqual(self.inside("cat /proc/self/oom_score_adj", "--oom-score-adj", "500"), "500")

    def test_hostname(self):
        self.assertEqual(self.inside("hostname", "--hostname", "lighthouse"), "lighthouse")

    def test_init(self):
        self.assertRegex(self.inside("cat /proc/1/comm; cat /proc/self/stat", "--init"), r"init|catatonit|tini")

    # -- files

    def test_read_only(self):
        result = self.run_container("--read-only", program=["touch", "/x"], status=1)
        self.assert_mentions(result.stderr, "read-only file system")

    def test_tmpfs(self):
        shown = self.inside("grep ' /scratch ' /proc/mounts; touch /scratch/x && echo writable",
                            "--tmpfs", "/scratch:size=1m,noexec,mode=700")
        self.assert_mentions(shown, "tmpfs", "size=1024k", "noexec", "mode=700", "writable")

    def test_volume(self):
        directory = self.shared_directory()
        isolation.write(f"{directory}/from-host", "hello")
        self.assertEqual(self.inside("cat /data/from-host; echo hi > /data/from-container",
                                     "-v", f"{directory}:/data"), "hello")
        self.assertEqual(isolation.read(f"{directory}/from-container"), "hi\n")

    def test_volume_read_only(self):
        result = self.run_container("-v", f"{self.shared_directory()}:/data:ro", program=["touch", "/data/x"],
                                    status=1)
        self.assert_mentions(result.stderr, "read-only file system")

    def test_volume_of_a_file(self):
        file = f"{self.shared_directory()}/one"
        isolation.write(file, "one file")
        self.assertEqual(self.inside("cat /etc/one", "-v", f"{file}:/etc/one:ro"), "one file")

    def test_volume_that_follows_the_host(self):
        directory = self.shared_directory()
        name = self.start("-v", f"{directory}:/data:rslave")
        os.mkdir(f"{directory}/late")
        command.run("mount", "-t", "tmpfs", "tmpfs", f"{directory}/late")
        self.addCleanup(command.run, "umount", f"{directory}/late")
        isolation.write(f"{directory}/late/file", "mounted later")
        self.assertEqual(self.engine("exec", name, "cat", "/data/late/file").stdout, "mounted later")

    def test_device(self):
        self.assertEqual(self.inside("stat -c %F:%t:%T /dev/other", "--device", "/dev/zero:/dev/other"),
                         "character special file:1:5")

    def test_devices_not_granted_are_refused(self):
        result = self.run_container(program=["sh", "-c", "mknod /tmp/kmsg c 1 11 && head -c 1 /tmp/kmsg"], status=1)
        self.assert_mentions(result.stderr, "not permitted")

    def test_kernel_interfaces_are_closed(self):
        masked = [path for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list") if os.path.exists(path)]
        self.assertEqual(self.inside(f"cat {' '.join(masked)}"), "")
        for path in ("/proc/sys/kernel/msgmax", "/proc/sysrq-trigger", "/sys/kernel/profiling"):
            result = self.run_container(program=["sh", "-c", f"echo 1 > {path}"], status=None)
            self.assertNotEqual(result.status, 0, f"{path} could be written")

    def test_standard_devices(self):
        self.assertEqual(self.inside("cd /dev; stat -c %n:%t:%T null zero full random urandom tty; "
                                     "for l in fd stdin stdout stderr ptmx; do readlink $l; done; "
                                     "ls -d pts mqueue shm").split(),
                         ["null:1:3", "zero:1:5", "full:1:7", "random:1:8", "urandom:1:9", "tty:5:0",
                          "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx",
                          "mqueue", "pts", "shm"])

    def test_copy_in_and_out(self):
        name = self.start()
        source = f"{self.shared_directory()}/file"
        isolation.write(source, "copied")
        self.engine("cp", source, f"{name}:/tmp/in")
        self.assertEqual(self.engine("exec", name, "cat", "/tmp/in").stdout, "copied")
        self.engine("exec", name, "sh", "-c", "echo back > /tmp/out")
        self.engine("cp", f"{name}:/tmp/out", f"{source}-back")
        self.assertEqual(isolation.read(f"{source}-back"), "back\n")

    # -- namespaces and networks

    def test_a_container_sees_itself_alone(self):
        self.assertEqual(self.inside("echo $$; ls /sys/class/net; ps -o pid | wc -l").split()[:2], ["1", "lo"])

    def test_host_namespaces(self):
        for option, kind in (("--pid=host", "pid"), ("--ipc=host", "ipc"), ("--uts=host", "uts")):
            with self.subTest(option):
                self.assertEqual(self.inside(f"readlink /proc/self/ns/{kind}", option),
                                 os.readlink(f"/proc/self/ns/{kind}"))
                self.assertNotEqual(self.inside(f"readlink /proc/self/ns/{kind}"),
                                    os.readlink(f"/proc/self/ns/{kind}"))

    def test_host_network(self):
        result = self.engine("run", "--rm", "--network=host", IMAGE, "readlink", "/proc/self/ns/net")
        self.assertEqual(result.stdout.strip(), os.readlink("/proc/self/ns/net"))

    def test_bridge_network(self):
        result = self.engine("run", "--rm", IMAGE, "sh", "-c",
                             "ping -c 1 -w 5 $(ip route | sed -n 's/default via //p' | cut -d ' ' -f 1)")
        self.assertIn("1 packets received", result.stdout)

    def test_network_of_another_container(self):
        name = self.start()
        shared = self.engine("run", "--rm", f"--network=container:{name}", IMAGE, "readlink", "/proc/self/ns/net")
        self.assertEqual(shared.stdout.strip(), os.readlink(f"/proc/{self.pid_of(name)}/ns/net"))

    def test_pid_namespace_of_another_container(self):
        name = self.start()
        self.assertEqual(self.inside("readlink /proc/self/ns/pid", f"--pid=container:{name}"),
                         os.readlink(f"/proc/{self.pid_of(name)}/ns/pid"))

    def test_container_with_the_hosts_pids_dies_whole(self):
        name = self.start("--pid=host", script="sleep 1003 & sleep 1003 & wait")
        pid = self.pid_of(name)
        children = wait_for(
            lambda: (found := isolation.read(f"/proc/{pid}/task/{pid}/children").split())[1:] and found, "children")
        self.engine("kill", name)
        self.engine("wait", name)
        wait_for(lambda: not any(os.path.exists(f"/proc/{child}") for child in children),
                           f"the children {children} are gone")

    # -- limits, as the kernel has them

    def test_memory_limit(self):
        pid = self.pid_of(self.start("--memory", "64m"))
        self.assertEqual(cgroups.value(pid, "memory.limit_in_bytes", "memory.max"), str(64 << 20))

    def test_pids_limit(self):
        name = self.start("--pids-limit", "20")
        self.assertEqual(cgroups.value(self.pid_of(name), "pids.max", "pids.max"), "20")
        bomb = self.engine("exec", name, "sh", "-c", "for i in $(seq 40); do sleep 5 & done", status=None)
        self.assert_mentions(bomb.stderr, "can't fork")

    def test_cpu_limits(self):
        pid = self.pid_of(self.start("--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0"))
        self.assertIn(cgroups.value(pid, "cpu.cfs_quota_us", "cpu.max"), ("50000", "50000 100000"))
        self.assertIn(cgroups.value(pid, "cpu.shares", "cpu.weight"), ("512", "20", "59"))
        self.assertEqual(cgroups.value(pid, "cpuset.cpus", "cpuset.cpus"), "0")
        self.assertIn("Cpus_allowed_list:\t0\n", isolation.read(f"/proc/{pid}/status"))

    def test_update(self):
        name = self.start("--memory", "64m", "--memory-swap", "64m")
        self.engine("update", "--memory", "48m", "--cpus", "0.25", name)
        pid = self.pid_of(name)
        self.assertEqual(cgroups.value(pid, "memory.limit_in_bytes", "memory.max"), str(48 << 20))
        self.assertIn(cgroups.value(pid, "cpu.cfs_quota_us", "cpu.max"), ("25000", "25000 100000"))

    def test_out_of_memory(self):
        name = self.start("--memory", "16m", "--memory-swap", "16m", script="tail /dev/zero; exit $?")
        self.assertEqual(self.engine("wait", name, timeout=60).stdout.strip(), "137")

    def test_cgroup_namespace(self):
        self.assertEqual(self.inside("cut -d : -f 3 /proc/self/cgroup | sort -u", "--cgroupns=private"), "/")

    # -- exec

    def test_exec(self):
        name = self.start()
        result = self.engine("exec", name, "sh", "-c", "echo out; echo err >&2; exit 5", status=5)
        self.assertEqual((result.stdout, result.stderr), ("out\n", "err\n"))

    def test_exec_settings(self):
        name = self.start()
        result = self.engine("exec", "-e", "COLOUR=red", "-u", "web", "-w", "/tmp", name,
                             "sh", "-c", "echo $COLOUR $(id -u) $PWD")
        self.assertEqual(result.stdout.split(), ["red", "1000", "/tmp"])

    def test_exec_standard_input(self):
        self.assertEqual(self.engine("exec", "-i", self.start(), "wc", "-c", stdin="x" * 70_000).stdout.strip(),
                         "70000")

    def test_exec_on_a_terminal(self):
        result = self.engine_on_terminal("exec", "-it", self.start(), "sh", "-c", "tty; exit 4", status=4)
        self.assertEqual(result.stdout.strip(), "/dev/pts/0")

    def test_exec_detached(self):
        name = self.start()
        self.engine("exec", "-d", name, "touch", "/tmp/was-here")
        wait_for(lambda: self.engine("exec", name, "test", "-e", "/tmp/was-here", status=None).status == 0,
                           "the detached command has run")

    def test_exec_privileged(self):
        self.skip_if_runc_cannot_be_privileged()
        self.engine("exec", "--privileged", self.start(), "sh", "-c",
                    "[ $((0x$(sed -n 's/CapEff:.//p' /proc/self/status) >> 21 & 1)) = 1 ]")

    def test_exec_command_not_found(self):
        result = self.engine("exec", self.start(), "no-such-program",
                             status=self.EXEC_NOT_FOUND)
        self.assert_mentions(result.stdout + result.stderr, "no-such-program")

    def test_exec_not_executable_is_126(self):
        result = self.engine("exec", self.start(), "/etc/passwd", status=126)
        self.assert_mentions(result.stdout + result.stderr, "permission denied")

    def test_exec_joins_the_container(self):
        name = self.start()
        inside = self.engine("exec", name, "sh", "-c", "cat /proc/self/cgroup; cd /proc/self/ns; "
                             "for n in mnt pid net ipc uts cgroup; do readlink $n; done").stdout.split()
        pid = self.pid_of(name)
        self.assertEqual(inside[-6:], [os.readlink(f"/proc/{pid}/ns/{kind}")
                                       for kind in ("mnt", "pid", "net", "ipc", "uts", "cgroup")])
        first = self.engine("exec", name, "cat", "/proc/1/cgroup").stdout.split()
        self.assertEqual(inside[:-6], first)

    def test_many_execs_at_once(self):
        name = self.start()
        self.assertEqual(
            all_at_once(lambda i: self.engine("exec", name, "echo", str(i)).stdout.strip(), 16),
            [str(i) for i in range(16)])

    # -- life and death

    def test_pause_and_unpause(self):
        directory = self.shared_directory()
        name = self.start("-v", f"{directory}:/data",
                          script="i=0; while :; do i=$((i+1)); echo $i > /data/new; mv /data/new /data/count; done")
        count = f"{directory}/count"
        wait_for(lambda: os.path.exists(count), "the container counts")
        self.engine("pause", name)
        self.assertIn("aused", self.engine("ps", "-a", "--format", "{{.Status}} {{.State}}",
                                           "--filter", f"name={name}").stdout)
        before = isolation.read(count)
        time.sleep(0.2)
        self.assertEqual(isolation.read(count), before, "a paused container went on")
        self.engine("exec", name, "true", status=None)  # refused, and nothing breaks
        self.engine("unpause", name)
        wait_for(lambda: isolation.read(count) != before, "the container counts again")

    def test_kill_sends_the_signal(self):
        name = self.start(script="trap 'echo got it; exit 9' USR1; echo ready; while :; do sleep 0.05; done")
        self.wait_for_log(name, "ready")
        self.engine("kill", "--signal", "USR1", name)
        self.assertEqual(self.engine("wait", name).stdout.strip(), "9")
        self.assertEqual(self.engine("logs", name).stdout, "ready\ngot it\n")

    def test_kill(self):
        name = self.start()
        self.engine("kill", name)
        self.assertEqual(self.engine("wait", name).stdout.strip(), "137")

    def test_stop_asks_first(self):
        name = self.start(script="trap 'exit 11' TERM; echo ready; while :; do sleep 0.05; done")
        self.wait_for_log(name, "ready")
        self.engine("stop", name)
        self.assertEqual(self.inspect(name, ".State.ExitCode"), "11")

    def test_stop_kills_who_does_not_listen(self):
        name = self.start(script="trap '' TERM; echo ready; while :; do sleep 0.05; done")
        self.wait_for_log(name, "ready")
        self.engine("stop", "-t", "1", name)
        self.assertEqual(self.inspect(name, ".State.ExitCode"), "137")

    def test_restart(self):
        name = self.start()
        before = self.pid_of(name)
        self.engine("restart", "-t", "1", name)
        self.assertNotEqual(self.pid_of(name), before)
        self.assertEqual(self.inspect(name, ".State.Running"), "true")

    def test_restart_policy(self):
        name = self.start("--restart", "on-failure:2", script="echo run; exit 1")
        wait_for(lambda: self.engine("logs", name).stdout == "run\n" * 3
                           and self.inspect(name, ".State.Running") == "false", "it has been tried three times")

    def test_create_then_start(self):
        name = f"{self._testMethodName}"
        self.addCleanup(self.engine, *self.REMOVE, name, status=None)
        self.engine("create", "--name", name, self.NETWORK, IMAGE, "sh", "-c", "echo started; exit 6")
        self.assertEqual(self.inspect(name, ".State.Status"), "created")
        self.assertEqual(self.engine("start", "-a", name, status=6).stdout, "started\n")
        self.assertEqual(self.engine("start", "-a", name, status=6).stdout, "started\n", "started again")

    def test_removing_by_force(self):
        for state in ("running", "paused"):
            with self.subTest(state):
                name = self.start()
                id_, pid = self.inspect(name, ".Id"), self.pid_of(name)
                self.assertNotEqual(cgroups.named(id_), [])
                if state == "paused":
                    self.engine("pause", name)
                self.engine(*self.REMOVE, name)
                wait_for(lambda: not os.path.exists(f"/proc/{pid}"), f"process {pid} is gone")
                wait_for(lambda: cgroups.named(id_) == [], "its cgroups are gone")
                self.assertEqual(self.engine("ps", "-aq", "--filter", f"name={name}").stdout, "")

    def test_a_failed_start_leaves_nothing(self):
        name = self._testMethodName
        self.addCleanup(self.engine, *self.REMOVE, name, status=None)
        self.engine("run", "-d", "--name", name, self.NETWORK, IMAGE, "no-such-program", status=127)
        id_ = self.inspect(name, ".Id")
        wait_for(lambda: cgroups.named(id_) == [], "no cgroup of it is left")
        self.engine("rm", name)

    def test_logs(self):
        name = self.start(script="echo one; echo two >&2; echo three")
        self.engine("wait", name)
        logs = self.engine("logs", name)
        self.assertEqual((logs.stdout, logs.stderr), ("one\nthree\n", "two\n"))

    def test_top(self):
        name = self.start(script="sleep 1001 & sleep 1002 & wait")
        shown = wait_for(lambda: (text := self.engine("top", name).stdout).count("sleep 100") >= 2 and text,
                                   "top shows both")
        self.assert_mentions(shown, "sleep 1001", "sleep 1002")

    def test_stats(self):
        name = self.start("--memory", "64m")
        shown = self.engine("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}}", name).stdout
        self.assertRegex(shown, rf"{name} [0-9.]+\w+ / (64MiB|67.11MB) 2")

    def test_many_containers_at_once(self):
        self.assertEqual(all_at_once(lambda i: self.inside(f"echo {i}"), 12), [str(i) for i in range(12)])
