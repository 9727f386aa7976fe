# SPDX-License-Identifier: Apache-2.0
"""A container that attacks: what has worked on runtimes, replayed. None may find anything."""

import json
import os
import re
import shutil
import stat
import subprocess
import unittest

from lib.bundle import helper
from lib.runtime import PROGRAM, RuntimeTest, beyond_runc, fields, is_alive, read, read_bytes, wait_for, write


class RuntimeBinary(RuntimeTest):
    """CVE-2019-5736: a process of the runtime that enters the container must not give its program away."""

    def setUp(self):
        super().setUp()
        self.before = read_bytes(os.path.realpath(PROGRAM))

    def tearDown(self):
        self.assertEqual(read_bytes(os.path.realpath(PROGRAM)), self.before,
                         "the runtime's program was changed")

    def test_a_container_whose_program_is_the_runtime_itself(self):
        # A link to /proc/self/exe runs what executes it: the runtime's own program, inside the container.
        for target in ("/proc/self/exe", "/proc/1/exe"):
            with self.subTest(target):
                bundle = self.bundle("/entry")
                os.symlink(target, bundle.host("/entry"))
                self.runtime.run(bundle)

    def test_a_script_whose_interpreter_is_the_runtime_itself(self):
        bundle = self.bundle("/entry")
        bundle.file("/entry", "#!/proc/self/exe\n", 0o755)
        self.runtime.run(bundle)
        container = self.running()
        container.bundle.file("/entry", "#!/proc/self/exe\n", 0o755)
        container.exec("/entry")

    def test_exec_of_a_link_to_the_runtime_itself(self):
        container = self.running()
        os.symlink("/proc/self/exe", container.bundle.host("/entry"))
        container.exec("/entry")

    def stolen(self, container, entry):
        """What a process in the container got hold of and could write to, while others enter."""
        out = f"{self.scratch}/stolen"
        with open(out, "w") as file:
            thief = self.runtime.popen("exec", container.id, "probe", "steal-exe", "1.5", stdout=file)
        try:
            for _ in range(25):
                container.exec(*entry)
            thief.wait(20)
        finally:
            thief.kill()
            thief.wait()
        self.assertIn("done", read(out))
        return [line for line in read(out).splitlines() if line.startswith("WROTE")]

    def test_a_watcher_opens_the_program_of_every_process_that_enters(self):
        bundle = self.bundle("sleep", "600")
        bundle.process["capabilities"] = {which: bundle.process["capabilities"][which] + ["CAP_SYS_PTRACE"]
                                          for which in ("bounding", "effective", "permitted")}
        container = self.running(bundle)
        outside = [line for line in self.stolen(container, ["true"]) if "busybox" not in line]
        self.assertEqual(outside, [])

    def test_a_watcher_while_the_entered_program_is_the_runtime_itself(self):
        container = self.running()
        container.bundle.file("/entry", "#!/proc/self/exe\n", 0o755)
        outside = [line for line in self.stolen(container, ["/entry"]) if "busybox" not in line]
        self.assertEqual(outside, [])

    @beyond_runc
    def test_the_program_that_enters_is_not_the_file_of_the_host(self):
        bundle = self.bundle("/entry")
        os.symlink("/proc/self/exe", bundle.host("/entry"))
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
        container = self.created(self.bundle("sleep", "600"))
        host = os.stat(os.path.realpath(PROGRAM))
        inside = os.stat(f"/proc/{container.pid}/exe")
        self.assertNotEqual((inside.st_dev, inside.st_ino), (host.st_dev, host.st_ino))
        with self.assertRaises(OSError):
            with open(f"/proc/{container.pid}/exe", "r+b") as file:
                file.write(b"#")

    @beyond_runc
    def test_where_it_runs_from(self):
        # The root of an overlay that is mounted nowhere.
        self.assertEqual(os.readlink(f"/proc/{self.created().pid}/exe"), f"/{os.path.basename(PROGRAM)}")

    def test_privileges_do_not_open_the_program(self):
        """A container that may do everything on the host, against one that is waiting to be started."""
        names = json.loads(self.runtime("features").stdout)["linux"]["capabilities"]
        waiting = self.created(self.bundle("sleep", "600"))
        bundle = self.bundle("probe", "pry-exe", str(waiting.pid))
        bundle.without_namespace("pid")
        bundle.capabilities(bounding=names, permitted=names, effective=names)
        bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
        mode = os.stat(os.path.realpath(PROGRAM))
        outcome = self.runtime.run(bundle)
        lines = outcome.stdout.splitlines()
        self.assertEqual(lines[-1:], ["done"], outcome)
        self.assertGreater(len([line for line in lines if line.startswith("refused")]), 20)
        self.assertEqual([line for line in lines if line.startswith("WROTE")], [], outcome)
        after = os.stat(os.path.realpath(PROGRAM))
        self.assertEqual((after.st_mode, after.st_uid, after.st_gid), (mode.st_mode, mode.st_uid, mode.st_gid))

    def test_loader_settings_of_the_container_do_not_reach_the_runtime(self):
        bundle = self.bundle("true")
        bundle.process["env"] += ["LD_PRELOAD=/evil.so", "LD_LIBRARY_PATH=/",
                                  "GLIBC_TUNABLES=glibc.malloc.check=3"]
        bundle.file("/evil.so", "not a library", 0o755)
        self.assertEqual(self.runtime.run(bundle).code, 0)


class RuntimeBinaryInMemory(RuntimeBinary):
    """The same where the kernel offers no overlay with the program: the runtime then runs from a copy in memory."""

    def setUp(self):
        super().setUp()
        # A mounted file, which an overlay of its directory would not show.
        self.runtime.program = f"{self.directory('bin')}/{os.path.basename(PROGRAM)}"
        write(self.runtime.program, "")
        subprocess.run(["mount", "--bind", os.path.realpath(PROGRAM), self.runtime.program], check=True)
        self.addCleanup(subprocess.run, ["umount", self.runtime.program], check=True)
        self.addCleanup(setattr, self.runtime, "program", PROGRAM)  # for the containers that are left

    def test_where_it_runs_from(self):
        self.assertIn("memfd:", os.readlink(f"/proc/{self.created().pid}/exe"))


class LeakedDescriptors(RuntimeTest):
    """CVE-2024-21626: a descriptor of the host, or a working directory through one."""

    def test_no_number_is_a_way_out_as_a_working_directory(self):
        # Those that the runtime has open while it sets things up, by any number it could have.
        for number in list(range(3, 24)) + [100]:
            for base in ("/proc/self/fd", "/dev/fd", "/proc/1/fd", "/proc/thread-self/fd"):
                if base != "/proc/self/fd" and number > 10:
                    continue
                with self.subTest(base=base, number=number):
                    self.tried = self.bundle("probe", "cwd")
                    self.tried.process["cwd"] = f"{base}/{number}"
                    outcome = self.runtime.run(self.tried)
                    if outcome.code == 0:
                        self.assertIn("up is root", outcome.stdout)

    def test_no_number_is_a_way_out_by_a_link_in_the_image(self):
        for number in range(3, 16):
            with self.subTest(number):
                bundle = self.bundle("probe", "cwd")
                os.symlink(f"/proc/self/fd/{number}/../../..", bundle.host("/work"))
                bundle.process["cwd"] = "/work"
                outcome = self.runtime.run(bundle)
                if outcome.code == 0:
                    self.assertIn("up is root", outcome.stdout)

    def test_no_number_is_a_way_out_for_exec(self):
        container = self.running()
        for number in range(3, 24):
            with self.subTest(number):
                outcome = container.exec("probe", "cwd", options=["--cwd", f"/proc/self/fd/{number}"])
                if outcome.code == 0:
                    self.assertIn("up is root", outcome.stdout)

    def test_the_program_cannot_be_reached_through_a_descriptor(self):
        for number in range(3, 16):
            with self.subTest(number):
                bundle = self.bundle(f"/proc/self/fd/{number}/bin/sh", "-c", "cat /proc/sys/kernel/hostname")
                outcome = self.runtime.run(bundle)
                self.assertNotEqual(outcome.code, 0)

    def test_open_directories_of_the_caller_stay_outside(self):
        bundle = self.bundle("probe", "fds")
        outcome = self.runtime.run(bundle, open_fds={n: f"{self.scratch}/x" for n in range(3, 10)})
        self.assertEqual(sorted(line.split()[0] for line in outcome.stdout.splitlines()), ["0", "1", "2"])

    def test_a_created_container_holds_nothing_of_the_host_but_its_streams(self):
        container = self.created()
        allowed = {container.stdout_path, container.stderr_path, "/dev/null"}
        for name in os.listdir(f"/proc/{container.pid}/fd"):
            target = os.readlink(f"/proc/{container.pid}/fd/{name}")
            info = os.stat(f"/proc/{container.pid}/fd/{name}")
            if target in allowed or stat.S_ISFIFO(info.st_mode) or stat.S_ISSOCK(info.st_mode):
                continue
            with self.subTest(f"{name} -> {target}"):
                # Nothing through which a path of the host could be walked.
                self.assertFalse(stat.S_ISDIR(info.st_mode), f"an open directory: {target}")

    def test_a_created_container_is_no_way_out_for_who_may_trace_it(self):
        """Another container of the pod may have CAP_SYS_PTRACE, and with that opens /proc/<pid>/fd."""
        created = self.created()
        bundle = self.script("for fd in /proc/1/fd/*; do ls $fd/../../../../.. 2>/dev/null; done; echo end")
        bundle.namespace("pid", f"/proc/{created.pid}/ns/pid")
        allowed = ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"]
        bundle.capabilities(bounding=allowed, permitted=allowed, effective=allowed)
        self.assertEqual(self.inside(bundle=bundle), "end\n")

    def test_nothing_is_open_once_the_program_runs(self):
        container = self.running()
        wait_for(lambda: "sleep" in container.proc("cmdline"), "the program")
        self.assertEqual(sorted(os.listdir(f"/proc/{container.pid}/fd")), ["0", "1", "2"])


class LinksInTheRoot(RuntimeTest):
    """A root file system that is a trap: whatever the runtime makes or mounts must stay inside."""

    def setUp(self):
        super().setUp()
        self.outside = self.directory("outside")
        write(f"{self.outside}/file", "of the host")
        self.before = self.listing()

    def listing(self):
        found = {}
        for directory, names, files in os.walk(self.outside):
            for name in names + files:
                info = os.lstat(f"{directory}/{name}")
                found[f"{directory}/{name}"] = (info.st_mode, info.st_uid, info.st_size, info.st_mtime_ns)
        return found

    def assert_outside_untouched(self):
        self.assertEqual(self.listing(), self.before)
        self.assertFalse([line for line in read("/proc/self/mountinfo").splitlines() if self.outside in line])

    def replaced(self, path, target):
        bundle = self.bundle()
        shutil.rmtree(bundle.host(path), ignore_errors=True)
        os.makedirs(os.path.dirname(bundle.host(path)), exist_ok=True)
        os.symlink(target, bundle.host(path))
        return bundle

    @beyond_runc
    def test_each_directory_of_the_system_as_a_link_out(self):
        for path in ("/dev", "/proc", "/sys", "/etc", "/tmp"):
            for target in (self.outside, "../../../../../../../../" + self.outside):
                with self.subTest(path=path, target=target):
                    bundle = self.replaced(path, target)
                    bundle.process["args"] = ["true"]
                    bundle.process["cwd"] = "/tmp/deep"
                    self.runtime.run(bundle)  # refusing is as good as staying inside
                    self.assert_outside_untouched()

    def test_proc_as_a_link_within_the_root_is_refused(self):
        for path in ("/proc", "/sys"):
            with self.subTest(path):
                bundle = self.replaced(path, "tmp")
                self.assert_create_refused(bundle)

    def test_below_dev_as_links_out(self):
        bundle = self.bundle("true")
        bundle.without_mount("/dev")
        for name in ("null", "console", "ptmx", "fd", "stdin", "shm", "pts", "mqueue"):
            os.symlink(f"{self.outside}/{name}", bundle.host(f"/dev/{name}"))
        self.runtime.run(bundle)
        self.assert_outside_untouched()

    def test_a_device_by_a_link_out(self):
        bundle = self.replaced("/data", self.outside)
        bundle.linux["devices"] = [{"type": "c", "path": "/data/node", "major": 1, "minor": 3,
                                    "fileMode": 0o666}]
        self.runtime.run(bundle)
        self.assert_outside_untouched()

    def test_a_device_over_a_link_to_a_file_out(self):
        bundle = self.replaced("/data", f"{self.outside}/file")
        bundle.linux["devices"] = [{"type": "c", "path": "/data", "major": 1, "minor": 3, "fileMode": 0o666,
                                    "uid": 7}]
        self.runtime.run(bundle)
        self.assert_outside_untouched()

    def test_masked_and_read_only_paths_by_a_link_out(self):
        bundle = self.replaced("/data", f"{self.outside}/file")
        bundle.linux["maskedPaths"] = ["/data"]
        bundle.linux["readonlyPaths"] = ["/data"]
        self.runtime.run(bundle)
        self.assert_outside_untouched()

    def test_the_working_directory_by_a_link_out(self):
        bundle = self.replaced("/data", self.outside)
        bundle.process["cwd"] = "/data/made"
        bundle.process["args"] = ["true"]
        self.runtime.run(bundle)
        self.assert_outside_untouched()

    def test_a_mount_target_with_a_link_at_every_step(self):
        bundle = self.bundle()
        os.symlink("/b", bundle.host("/a"))
        os.symlink("../../..", bundle.host("/b"))
        source = self.directory("source")
        bundle.bind(source, f"/a/{self.outside}/target")
        self.runtime.run(bundle)
        self.assert_outside_untouched()

    def test_links_that_go_in_circles_are_refused(self):
        bundle = self.bundle()
        os.symlink("loop", bundle.host("/loop"))
        bundle.bind(self.outside, "/loop/x", "ro")
        self.assert_create_refused(bundle, "/loop")

    def test_a_root_that_is_a_link_out_is_refused_or_is_that_place(self):
        bundle = self.bundle()
        os.rename(bundle.root, f"{bundle.path}/real")
        os.symlink("real", bundle.root)
        bundle.process["args"] = ["echo", "fine"]
        outcome = self.runtime.run(bundle)
        self.assertEqual(outcome.stdout, "fine\n" if outcome.code == 0 else "")

    def test_tmpcopyup_of_a_link_out(self):
        bundle = self.replaced("/data", self.outside)
        bundle.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup"])
        out = self.runtime.run(bundle).stdout
        self.assertNotIn("of the host", out)
        self.assert_outside_untouched()


class Swapping(RuntimeTest):
    """CVE-2021-30465 and kin: another container exchanges names for links while this one is made."""

    ROUNDS = 60

    def setUp(self):
        super().setUp()
        self.outside = self.directory("outside")
        write(f"{self.outside}/file", "of the host")

    def racing(self, bundle, path, link_target):
        """Exchanges a directory of the root and a link out, all the time."""
        real, link = bundle.host(path), bundle.host(path) + ".link"
        os.makedirs(real, exist_ok=True)
        os.symlink(link_target, link)
        process = subprocess.Popen([helper("probe"), "swap", "60", real, link])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def attack(self, bundle, check):
        outcomes = set()
        bundle.save()
        self.runtime.remember(bundle)
        for _ in range(self.ROUNDS):
            outcome = self.runtime("run", "--bundle", bundle.path, bundle.id)
            outcomes.add(outcome.code)
            check(outcome)
            self.assertEqual(sorted(os.listdir(self.outside)), ["file"])
        return outcomes

    @beyond_runc
    def test_a_bind_target_is_never_outside(self):
        bundle = self.script("cat /data/sub/file 2>/dev/null; true")
        source = self.directory("source")
        write(f"{source}/file", "right")
        self.racing(bundle, "/data", self.outside)
        bundle.bind(source, "/data/sub")

        def check(outcome):
            self.assertNotIn("of the host", outcome.stdout)
            self.assertNotIn(self.outside + "/sub", read("/proc/self/mountinfo"))

        self.attack(bundle, check)

    @beyond_runc
    def test_no_file_of_proc_is_left_unprotected(self):
        # Wherever proc ends up: below the name or below the one it was exchanged for.
        bundle = self.script("for p in /proc /proc.link; do probe open $p/sys/kernel/hostname w; "
                             "cat $p/keys 2>/dev/null; done")
        self.racing(bundle, "/proc", "/tmp")

        def check(outcome):
            self.assertLessEqual(set(outcome.stdout.split()), {"EROFS", "ENOENT"})

        self.attack(bundle, check)

    @beyond_runc
    def test_the_null_that_masks_is_the_null_device(self):
        """CVE-2025-31133: /dev/null exchanged for a link while paths are masked with it."""
        bundle = self.script("cat /proc/keys | head -c 10; stat -L -c '%t:%T' /proc/keys; true")
        bundle.without_mount("/dev")
        for name in ("pts", "shm", "mqueue"):
            bundle.without_mount(f"/dev/{name}")
        os.mknod(bundle.host("/dev/null"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.symlink("/proc/sys/kernel/core_pattern", bundle.host("/dev/null.link"))
        process = subprocess.Popen([helper("probe"), "swap", "60", bundle.host("/dev/null"),
                                    bundle.host("/dev/null.link")])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def check(outcome):
            if outcome.code == 0 and outcome.stdout:
                self.assertEqual(outcome.stdout, "1:3\n")

        self.attack(bundle, check)

    @beyond_runc
    def test_the_console_goes_over_a_node_of_the_container(self):
        """CVE-2025-52565: /dev/console exchanged for a link to a file of procfs."""
        bundle = self.bundle("sleep", "600")
        bundle.process["terminal"] = True
        bundle.without_mount("/dev")
        for name in ("shm", "mqueue"):
            bundle.without_mount(f"/dev/{name}")
        os.makedirs(bundle.host("/dev/pts"))
        bundle.file("/dev/console")
        os.symlink("/proc/sys/kernel/core_pattern", bundle.host("/dev/console.link"))
        process = subprocess.Popen([helper("probe"), "swap", "60", bundle.host("/dev/console"),
                                    bundle.host("/dev/console.link")])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        bundle.save()
        container = self.runtime.remember(bundle)
        for _ in range(self.ROUNDS // 2):
            console = self.console()
            outcome = self.runtime("create", "--bundle", bundle.path, "--console-socket", console.path,
                                   bundle.id,
                                   stdin=subprocess.DEVNULL)
            if outcome.code == 0:
                pid = container.state["pid"]
                covered = [line.split()[4] for line in read(f"/proc/{pid}/mountinfo").splitlines()
                           if " - devpts " in line]
                self.assertFalse([point for point in covered if point.startswith("/proc")], covered)
                container.delete("--force", ok=True)


class Procfs(RuntimeTest):
    """CVE-2019-16884, CVE-2023-27561, CVE-2025-52881: a false /proc catches what the runtime writes there."""

    def test_mounts_onto_proc_are_refused(self):
        for destination in ("/proc", "/proc/self/attr", "/proc/sys", "/proc/1", "/proc/self/fd/3",
                            "/proc/./sys",
                            "/tmp/../proc/sys", "//proc//sys"):
            with self.subTest(destination):
                bundle = self.bundle()
                bundle.config["mounts"].append({"destination": destination, "type": "bind",
                                                "source": self.directory(), "options": ["rbind"]})
                self.assert_create_refused(bundle, "proc")

    def test_a_tmpfs_onto_proc_is_refused(self):
        bundle = self.bundle()
        bundle.mount("/proc", "tmpfs", "tmpfs")
        self.assert_create_refused(bundle, "/proc")

    def test_a_tmpfs_onto_sys_is_refused_or_hides_nothing(self):
        bundle = self.bundle()
        bundle.config["mounts"].append({"destination": "/proc/self", "type": "tmpfs", "source": "tmpfs"})
        self.assert_create_refused(bundle, "/proc/self")

    def test_through_a_link_is_refused(self):
        bundle = self.bundle()
        os.symlink("/proc/sys", bundle.host("/data"))
        bundle.bind(self.directory(), "/data")
        self.assert_create_refused(bundle, "proc")

    def test_what_lxcfs_covers_is_allowed(self):
        for name in ("uptime", "meminfo", "cpuinfo", "stat", "loadavg", "diskstats", "swaps"):
            with self.subTest(name):
                write(f"{self.scratch}/false", "false\n")
                bundle = self.bundle()
                bundle.bind(f"{self.scratch}/false", f"/proc/{name}", "ro")
                self.assertEqual(self.inside(f"cat /proc/{name}", bundle), "false\n")

    def test_a_container_without_proc_gets_no_security_settings_from_a_false_one(self):
        # Files prepared in the image under /proc must not swallow writes meant for the kernel.
        bundle = self.bundle("sleep", "600")
        bundle.without_mount("/proc")
        bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
        for name in ("oom_score_adj", "attr/exec", "timens_offsets", "setgroups"):
            bundle.file(f"/proc/self/{name}", "untouched")
        bundle.process["oomScoreAdj"] = 77
        if self.runtime.try_create(bundle).code == 0:
            self.assertEqual(read(f"/proc/{self.runtime.containers[0].state['pid']}/oom_score_adj"), "77\n")
        for name in ("oom_score_adj", "attr/exec", "timens_offsets", "setgroups"):
            self.assertEqual(read(bundle.host(f"/proc/self/{name}")), "untouched")

    def test_sysctls_go_to_the_kernel_not_to_a_file_of_the_image(self):
        bundle = self.bundle("cat", "/proc/sys/net/ipv4/ip_forward")
        bundle.file("/proc/sys/net/ipv4/ip_forward", "untouched")
        bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
        self.assertEqual(self.runtime.run(bundle).stdout, "1\n")
        self.assertEqual(read(bundle.host("/proc/sys/net/ipv4/ip_forward")), "untouched")

    def test_exec_does_not_trust_the_proc_of_the_container(self):
        """A container that mounted over its own /proc gets nothing written there by exec."""
        bundle = self.bundle("sh", "-c", "mount -t tmpfs x /proc && mkdir -p /proc/self/attr /proc/1 && "
                                         "for f in oom_score_adj attr/exec; do "
                                         "echo untouched > /proc/self/$f; done; "
                                         "echo ready; exec sleep 600")
        every = ["CAP_SYS_ADMIN"]
        bundle.capabilities(bounding=every, permitted=every, effective=every)
        container = self.running(bundle)
        container.wait_for_output("ready")
        container.exec_process(["true"], oomScoreAdj=500)
        for name in ("oom_score_adj", "attr/exec"):
            self.assertEqual(read(f"/proc/{container.pid}/root/proc/self/{name}"), "untouched\n")


class Passwd(RuntimeTest):
    """Files of the image that the runtime reads for a user's home directory."""

    def home(self, passwd, uid=1000):
        bundle = self.bundle("sh", "-c", "echo $HOME")
        if isinstance(passwd, (str, bytes)):
            bundle.file("/etc/passwd", passwd)
        else:
            os.unlink(bundle.host("/etc/passwd"))
            passwd(bundle.host("/etc/passwd"))
        bundle.process["user"] = {"uid": uid, "gid": 1000}
        return self.runtime.run(bundle, seconds=10)

    def test_a_line_of_ten_megabytes(self):
        outcome = self.home("x:" + "a" * 10_000_000 + "\nuser:x:1000:1000::/home/user:/bin/sh\n")
        self.assertIn(outcome.stdout, ("/home/user\n", "/\n", ""))

    def test_nul_bytes(self):
        outcome = self.home(b"us\0er:x:1000:1000::/home/\0user:/bin/sh\nuser:x:1000:1000::/right:/bin/sh\n")
        self.assertNotIn("\0", outcome.stdout)

    def test_a_home_with_a_newline_or_an_equals_sign_stays_one_variable(self):
        bundle = self.bundle("sh", "-c", "env | grep -c INJECTED=")
        bundle.file("/etc/passwd", "user:x:1000:1000::/home\rINJECTED=1:/bin/sh\n")
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.assertNotIn("\nINJECTED", self.runtime.run(bundle).stdout)

    @beyond_runc
    def test_ids_that_are_negative_too_large_or_no_numbers_are_not_the_user(self):
        lines = "".join(f"user:x:{uid}:1000::/wrong:/bin/sh\n" for uid in
                        ("-1000", "4294968296", "18446744073709552616", "1000x", " 1000", "+1000", "0x3e8",
                         ""))
        self.assertEqual(self.home(lines + "user:x:1000:1000::/right:/bin/sh\n").stdout, "/right\n")

    def test_root_is_not_found_by_an_overflow(self):
        self.assertEqual(self.home("evil:x:4294967296:0::/wrong:/bin/sh\n", uid=0).stdout, "/\n")

    @beyond_runc
    def test_too_few_fields(self):
        self.assertEqual(self.home("user\nuser:x\nuser:x:1000\nuser:x:1000:1000\n:::::\n\n").stdout, "/\n")

    @beyond_runc
    def test_a_fifo_does_not_hang_the_runtime(self):
        outcome = self.home(os.mkfifo)
        self.assertIn(outcome.stdout, ("/\n", ""))

    def test_a_link_to_a_file_of_the_host_is_not_read(self):
        write(f"{self.scratch}/passwd", "user:x:1000:1000::/of-the-host:/bin/sh\n")
        outcome = self.home(lambda path: os.symlink(f"{self.scratch}/passwd", path))
        self.assertNotIn("/of-the-host", outcome.stdout)

    def test_a_link_to_an_endless_device(self):
        outcome = self.home(lambda path: os.symlink("/dev/zero", path))
        self.assertIn(outcome.stdout, ("/\n", ""))

    def test_a_directory(self):
        outcome = self.home(os.mkdir)
        self.assertIn(outcome.stdout, ("/\n", ""))

    @beyond_runc
    def test_exec_reads_the_file_of_the_container_as_it_is_now(self):
        container = self.running()
        os.unlink(container.bundle.host("/etc/passwd"))
        os.mkfifo(container.bundle.host("/etc/passwd"))
        outcome = container.exec("sh", "-c", "echo $HOME", options=["--user", "1000"], seconds=10)
        self.assertIn(outcome.stdout, ("/\n", ""))


class Processes(RuntimeTest):
    def test_the_runtime_that_enters_cannot_be_read_from_inside(self):
        """The environment of the runtime belongs to the host, also while its process enters."""
        bundle = self.script(
            "while :; do for p in /proc/[0-9]*; do n=${p#/proc/}; [ $n -gt 1 ] && [ $n != $$ ] && "
            "cat $p/environ 2>/dev/null | tr '\\0' '\\n' | grep RUNTIME_SECRET; done; done")
        container = self.running(bundle)
        for _ in range(10):
            container.exec("true", env={"RUNTIME_SECRET": "1"})
        self.assertNotIn("RUNTIME_SECRET", container.stdout)

    def test_a_container_cannot_fool_kill_with_a_reused_pid(self):
        container = self.running(self.bundle("true"))
        container.wait()
        bystander = subprocess.Popen(["sleep", "600"])
        self.addCleanup(bystander.wait)
        self.addCleanup(bystander.kill)
        state = f"{self.runtime.root}/{container.id}/state.json"
        if os.path.exists(state):
            # As if the kernel had given the number to somebody else since.
            text = read(state)
            pid = re.search(r'"(?:init_process_)?pid"\s*:\s*(\d+)', text)
            if pid:
                write(state, text[:pid.start(1)] + str(bystander.pid) + text[pid.end(1):])
        container.kill("KILL")
        container.delete("--force")
        self.assertIsNone(bystander.poll())

    def test_a_fork_bomb_is_ended_by_delete(self):
        bundle = self.script("bomb() { bomb | bomb & }; bomb; echo ready; sleep 600")
        bundle.resources["pids"] = {"limit": 60}
        container = self.running(bundle)
        wait_for(lambda: int(container.cgroup_file("pids", "pids.current")) > 20, "the bomb")
        container.delete("--force", ok=True)
        self.assertEqual(self.runtime.left_of(container.id), [])

    def test_a_container_that_stops_itself_is_deleted_all_the_same(self):
        container = self.running(self.script("sleep 600 & kill -STOP $!; echo ready; wait"))
        container.wait_for_output("ready")
        container.delete("--force", ok=True)

    def test_a_container_that_takes_its_streams_apart_does_not_hang_delete(self):
        container = self.running(self.script("exec 0<&- 1>&- 2>&-; exec sleep 600"))
        container.delete("--force", ok=True)

    def test_exec_is_not_stopped_by_signals_from_inside(self):
        container = self.running(self.script("trap '' CHLD; while :; do kill -STOP -1; kill -CONT -1; done"))
        outcome = container.exec("echo", "through")
        self.assertIn(outcome.code, (0, 1, 137, 255))

    def test_capabilities_of_the_runtime_do_not_come_in_with_exec(self):
        container = self.running()
        status = fields(container.exec("cat", "/proc/self/status").stdout)
        own = fields(container.proc("status"))
        for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
            self.assertEqual(status[name], own[name])

    def test_a_program_that_ignores_term_outlives_kill_but_not_delete(self):
        container = self.running(self.script("trap '' TERM; echo ready; while :; do sleep 0.1; done"))
        container.wait_for_output("ready")
        container.kill("TERM", ok=True)
        self.assertEqual(container.status, "running")
        os.kill(container.pid, 0)
        container.delete("--force", ok=True)
        self.assertFalse(is_alive(container.pid))


if __name__ == "__main__":
    unittest.main()
