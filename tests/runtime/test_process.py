# SPDX-License-Identifier: Apache-2.0
"""Every field of `process` in config.json, as the process itself and the kernel see it."""

import contextlib
import os
import resource
import unittest

from lib.bundle import CAPABILITIES, PATH
from lib.runtime import RuntimeTest, beyond_runc, fields, read, wait_for, write

CAP_SYS_RESOURCE = 24

CAPABILITY_NAMES = """
    CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
    SYS_PTRACE SYS_PACCT
    SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
    SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
    CHECKPOINT_RESTORE""".split()  # in the order of their numbers


def mask(*names):
    return sum(1 << CAPABILITY_NAMES.index(name.removeprefix("CAP_")) for name in names)


def bounding_set():
    return int(fields(read("/proc/self/status"))["CapBnd"], 16)


class ProcessTest(RuntimeTest):
    def status(self, bundle=None):
        return fields(self.inside("cat /proc/self/status", bundle))

    def assert_said(self, bundle, word):
        """Refused, or done less than asked for with a warning: never in silence."""
        outcome = self.runtime.run(bundle)
        if outcome.code != 0:
            self.assert_refused(outcome, word)
        else:
            self.assertTrue(any(word in warning for warning in outcome.warnings), outcome)


class Args(ProcessTest):
    def test_reach_the_program_byte_by_byte(self):
        args = ["cat", "/proc/self/cmdline", "/dev/null"]
        self.assertEqual(self.runtime.run(self.bundle(*args)).stdout, "\0".join(args) + "\0")

    def test_may_be_empty_have_spaces_newlines_and_any_letter(self):
        bundle = self.bundle("sh", "-c", 'for a; do echo "<$a>"; done', "sh", "", "a b", "c\nd",
                             "\u00fc\u4e2d", "\\\"'")
        self.assertEqual(self.runtime.run(bundle).stdout, "<>\n<a b>\n<c\nd>\n<\u00fc\u4e2d>\n<\\\"'>\n")

    def test_the_program_is_looked_for_in_the_containers_path(self):
        bundle = self.bundle("tool")
        bundle.script("/opt/tool", "echo found")
        bundle.process["env"] = ["PATH=/proc/nowhere:/opt:/bin"]
        self.assertEqual(self.runtime.run(bundle).stdout, "found\n")

    def test_a_program_with_a_relative_path_is_taken_from_the_working_directory(self):
        bundle = self.bundle("./tool")
        bundle.script("/opt/tool", "echo found")
        bundle.process["cwd"] = "/opt"
        self.assertEqual(self.runtime.run(bundle).stdout, "found\n")

    def test_of_nothing_are_refused(self):
        bundle = self.bundle()
        bundle.process["args"] = []
        self.assert_create_refused(bundle, "args")

    def test_of_one_megabyte_come_through(self):
        bundle = self.bundle("sh", "-c", "echo $#", "sh", *["x" * 100000] * 10)
        self.assertEqual(self.runtime.run(bundle).stdout, "10\n")


class Env(ProcessTest):
    def lines(self, bundle):
        bundle.process["args"] = ["cat", "/proc/self/environ"]
        return self.runtime.run(bundle, ok=True).stdout.rstrip("\0").split("\0")

    def test_is_what_was_asked_for_and_home(self):
        bundle = self.bundle()
        bundle.process["env"] = [PATH, "A=1", "B=x=y", "EMPTY="]
        self.assertEqual(sorted(self.lines(bundle)), sorted([PATH, "A=1", "B=x=y", "EMPTY=", "HOME=/root"]))

    def test_has_nothing_of_the_callers(self):
        os.environ["SECRET_OF_THE_CALLER"] = "1"
        self.addCleanup(os.environ.pop, "SECRET_OF_THE_CALLER")
        self.assertFalse([line for line in self.lines(self.bundle()) if "SECRET" in line])

    def test_home_is_from_the_containers_passwd(self):
        bundle = self.bundle()
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.assertIn("HOME=/home/user", self.lines(bundle))

    def test_home_of_a_user_that_passwd_does_not_know_is_the_root(self):
        bundle = self.bundle()
        bundle.process["user"] = {"uid": 4321, "gid": 1}
        self.assertIn("HOME=/", self.lines(bundle))

    def test_home_without_passwd_is_the_root(self):
        bundle = self.bundle()
        os.unlink(bundle.host("/etc/passwd"))
        self.assertIn("HOME=/", self.lines(bundle))

    def test_home_is_left_alone_when_given(self):
        bundle = self.bundle()
        bundle.process["env"].append("HOME=/mine")
        self.assertEqual([line for line in self.lines(bundle) if line.startswith("HOME=")], ["HOME=/mine"])

    def test_of_a_thousand_entries_comes_through(self):
        bundle = self.bundle()
        bundle.process["env"] += [f"V{n}={'x' * 200}" for n in range(1000)]
        self.assertEqual(len(self.lines(bundle)), 1000 + 4)


class Cwd(ProcessTest):
    def test_is_where_the_process_starts(self):
        bundle = self.bundle("pwd")
        bundle.process["cwd"] = "/tmp"
        self.assertEqual(self.runtime.run(bundle).stdout, "/tmp\n")

    def test_is_made_when_absent(self):
        bundle = self.bundle("pwd")
        bundle.process["cwd"] = "/some/where/new"
        self.assertEqual(self.runtime.run(bundle).stdout, "/some/where/new\n")

    def test_may_be_on_a_mount(self):
        bundle = self.bundle("sh", "-c", "echo x > file; cat /data/file")
        bundle.bind(self.directory(), "/data")
        bundle.process["cwd"] = "/data"
        self.assertEqual(self.runtime.run(bundle).stdout, "x\n")

    def test_a_relative_one_is_refused(self):
        bundle = self.bundle()
        bundle.process["cwd"] = "tmp"
        self.assert_create_refused(bundle, "cwd")

    def test_an_empty_one_is_refused(self):
        bundle = self.bundle()
        bundle.process["cwd"] = ""
        self.assert_create_refused(bundle, "cwd")

    # Volumes of root are given to programs of ordinary users, who then start where they may not go.
    def test_that_the_user_may_not_enter_is_where_the_process_starts(self):
        bundle = self.bundle("readlink", "/proc/self/cwd")
        os.mkdir(bundle.host("/closed"), 0o700)
        bundle.process["cwd"] = "/closed"
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        bundle.capabilities()
        self.assertEqual(self.runtime.run(bundle).stdout, "/closed\n")

    def test_a_file_is_refused(self):
        bundle = self.bundle("pwd")
        bundle.process["cwd"] = "/etc/passwd"
        self.assert_create_refused(bundle, "/etc/passwd")


class User(ProcessTest):
    def of(self, **user):
        bundle = self.bundle()
        bundle.process["user"] = user
        return self.status(bundle)

    def test_uid_and_gid(self):
        status = self.of(uid=1234, gid=5678)
        self.assertEqual((status["Uid"], status["Gid"]), ("\t".join(["1234"] * 4), "\t".join(["5678"] * 4)))

    @beyond_runc
    def test_of_any_32_bit_number(self):
        self.assertEqual(self.of(uid=4000000000, gid=4000000001)["Uid"].split()[0], "4000000000")

    def test_has_no_groups_but_those_asked_for(self):
        self.assertEqual(self.of(uid=1000, gid=1000)["Groups"], "")

    def test_additional_gids(self):
        self.assertEqual(self.of(uid=1000, gid=1000, additionalGids=[3, 5, 70000])["Groups"].split(),
                         ["3", "5", "70000"])

    def test_of_a_hundred_groups(self):
        groups = list(range(1000, 1100))
        self.assertEqual(self.of(uid=1, gid=1, additionalGids=groups)["Groups"].split(),
                         [str(gid) for gid in groups])

    def test_umask_is_0022_when_not_given(self):
        self.assertEqual(self.of(uid=0, gid=0)["Umask"], "0022")

    def test_umask(self):
        self.assertEqual(self.of(uid=0, gid=0, umask=0o77)["Umask"], "0077")

    def test_umask_of_zero(self):
        self.assertEqual(self.of(uid=0, gid=0, umask=0)["Umask"], "0000")

    def test_absent_is_root(self):
        bundle = self.bundle()
        del bundle.process["user"]
        self.assertEqual(self.status(bundle)["Uid"].split()[0], "0")


class Capabilities(ProcessTest):
    def sets(self, bundle):
        status = self.status(bundle)
        return [int(status[name], 16) for name in ("CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb")]

    def test_of_root_are_those_of_the_bounding_set(self):
        self.assertEqual(self.sets(self.bundle())[:3], [mask(*CAPABILITIES)] * 3)

    def test_none_at_all(self):
        bundle = self.bundle()
        bundle.capabilities()
        self.assertEqual(self.sets(bundle), [0, 0, 0, 0, 0])

    def test_absent_means_none(self):
        bundle = self.bundle()
        del bundle.process["capabilities"]
        self.assertEqual(self.sets(bundle), [0, 0, 0, 0, 0])

    def test_inheritable(self):
        bundle = self.bundle()
        bundle.capabilities(bounding=["CAP_KILL"], inheritable=["CAP_KILL"])
        self.assertEqual(self.sets(bundle)[3], mask("KILL"))

    def test_ambient_ones_are_effective_for_an_ordinary_user(self):
        bundle = self.bundle()
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        some = ["CAP_NET_RAW", "CAP_KILL"]
        bundle.capabilities(bounding=some, permitted=some, effective=some, inheritable=some,
                            ambient=["CAP_NET_RAW"])
        self.assertEqual(self.sets(bundle), [mask(*some), mask("NET_RAW"), mask("NET_RAW"), mask(*some),
                                             mask("NET_RAW")])

    def test_an_ordinary_user_without_ambient_ones_has_none(self):
        bundle = self.bundle()
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        self.assertEqual(self.sets(bundle)[1:3], [0, 0])

    def test_beyond_the_bounding_set_are_not_to_be_had(self):
        bundle = self.bundle()
        bundle.capabilities(bounding=["CAP_CHOWN"], permitted=["CAP_CHOWN"], effective=["CAP_CHOWN"])
        self.assertEqual(self.sets(bundle)[:3], [mask("CHOWN")] * 3)

    def test_an_unknown_one_is_a_warning(self):
        bundle = self.bundle("true")
        bundle.process["capabilities"]["bounding"].append("CAP_OF_TOMORROW")
        outcome = self.runtime.run(bundle)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertTrue(any("CAP_OF_TOMORROW" in warning for warning in outcome.warnings), outcome.log)

    @beyond_runc
    def test_that_the_runtime_lacks_are_cut_with_a_warning(self):
        if bounding_set() >> CAP_SYS_RESOURCE & 1:
            self.skipTest("this machine gives all capabilities")
        bundle = self.bundle("cat", "/proc/self/status")
        every = ["CAP_" + name for name in CAPABILITY_NAMES]
        bundle.capabilities(bounding=every, permitted=every, effective=every)
        outcome = self.runtime.run(bundle)
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(int(fields(outcome.stdout)["CapEff"], 16), bounding_set())
        self.assertTrue(any("CAP_SYS_RESOURCE" in warning for warning in outcome.warnings), outcome.log)

    def test_have_no_securebits(self):
        self.assertIn("securebits 0 ", self.runtime.run(self.bundle("probe", "prctl")).stdout)


class Rlimits(ProcessTest):
    def test_soft_and_hard(self):
        bundle = self.bundle()
        bundle.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 512, "hard": 1024},
                                     {"type": "RLIMIT_CPU", "soft": 100, "hard": 200}]
        text = self.inside("cat /proc/self/limits", bundle)
        self.assertRegex(text, r"Max core file size +512 +1024 ")
        self.assertRegex(text, r"Max cpu time +100 +200 ")

    def test_every_kind(self):
        kinds = ["AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE",
                 "NPROC",
                 "RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK"]
        bundle = self.bundle()
        bundle.process["rlimits"] = []
        for number, kind in enumerate(kinds):
            # Nothing above what there is: that takes a privilege this machine may not give.
            index = getattr(resource, f"RLIMIT_{kind}", {"LOCKS": 10}.get(kind))
            hard = resource.getrlimit(index)[1]
            value = (1 << 30) + number * 4096 if hard in (-1, resource.RLIM_INFINITY) else min(hard,
                                                                                               1000 + number)
            bundle.process["rlimits"].append({"type": f"RLIMIT_{kind}", "soft": value, "hard": value})
        text = self.inside("cat /proc/self/limits", bundle)
        values = {line[:26].strip(): line[26:].split()[:2] for line in text.splitlines()[1:]}
        names = {"AS": "Max address space", "CORE": "Max core file size", "CPU": "Max cpu time",
                 "DATA": "Max data size", "FSIZE": "Max file size", "LOCKS": "Max file locks",
                 "MEMLOCK": "Max locked memory", "MSGQUEUE": "Max msgqueue size", "NICE": "Max nice priority",
                 "NOFILE": "Max open files", "NPROC": "Max processes", "RSS": "Max resident set",
                 "RTPRIO": "Max realtime priority", "RTTIME": "Max realtime timeout",
                 "SIGPENDING": "Max pending signals", "STACK": "Max stack size"}
        for limit in bundle.process["rlimits"]:
            with self.subTest(limit["type"]):
                self.assertEqual(values[names[limit["type"].removeprefix("RLIMIT_")]],
                                 [str(limit["soft"]), str(limit["hard"])])

    def test_infinity_is_the_largest_number(self):
        bundle = self.bundle()
        bundle.process["rlimits"] = [{"type": "RLIMIT_CPU", "soft": 2**64 - 1, "hard": 2**64 - 1}]
        self.assertRegex(self.inside("cat /proc/self/limits", bundle), r"Max cpu time +unlimited +unlimited ")

    def test_absent_are_the_callers(self):
        line = [line for line in read("/proc/self/limits").splitlines() if line.startswith("Max stack size")]
        self.assertIn(line[0], self.inside("cat /proc/self/limits"))

    def test_an_unknown_one_is_refused(self):
        bundle = self.bundle()
        bundle.process["rlimits"] = [{"type": "RLIMIT_BOGUS", "soft": 1, "hard": 1}]
        self.assert_create_refused(bundle, "RLIMIT_BOGUS")

    @beyond_runc
    def test_the_same_one_twice_is_refused(self):
        bundle = self.bundle()
        bundle.process["rlimits"] = [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}] * 2
        self.assert_create_refused(bundle, "RLIMIT_CPU")

    def test_a_soft_one_above_the_hard_one_is_refused(self):
        bundle = self.bundle()
        bundle.process["rlimits"] = [{"type": "RLIMIT_CPU", "soft": 20, "hard": 10}]
        self.assert_create_refused(bundle)

    @beyond_runc
    def test_above_what_the_runtime_may_set_is_said(self):
        if bounding_set() >> CAP_SYS_RESOURCE & 1:
            self.skipTest("this machine lets the runtime raise every limit")
        bundle = self.bundle("true")
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": limit + 1, "hard": limit + 1}]
        self.assert_said(bundle, "RLIMIT_NOFILE")


class Others(ProcessTest):
    def test_no_new_privileges(self):
        bundle = self.bundle()
        bundle.process["noNewPrivileges"] = True
        self.assertEqual(self.status(bundle)["NoNewPrivs"], "1")

    def test_new_privileges_are_allowed_unless_said(self):
        self.assertEqual(self.status()["NoNewPrivs"], "0")

    def test_oom_score_adj(self):
        bundle = self.bundle()
        bundle.process["oomScoreAdj"] = 123
        self.assertEqual(self.inside("cat /proc/self/oom_score_adj", bundle), "123\n")

    def test_oom_score_adj_absent_is_the_callers(self):
        before = read("/proc/self/oom_score_adj").strip()
        write("/proc/self/oom_score_adj", "7")
        self.addCleanup(write, "/proc/self/oom_score_adj", before)
        self.assertEqual(self.inside("cat /proc/self/oom_score_adj"), "7\n")

    @beyond_runc
    def test_oom_score_adj_below_what_the_runtime_may_set_is_said(self):
        if bounding_set() >> CAP_SYS_RESOURCE & 1:
            self.skipTest("this machine lets the runtime set every score")
        bundle = self.bundle("true")
        bundle.process["oomScoreAdj"] = -900
        self.assert_said(bundle, "oomScoreAdj")

    @beyond_runc
    def test_oom_score_adj_out_of_range_is_refused(self):
        bundle = self.bundle()
        bundle.process["oomScoreAdj"] = 1001
        self.assert_create_refused(bundle, "oomScoreAdj")

    def test_the_process_is_an_ordinary_one(self):
        out = self.runtime.run(self.bundle("probe", "prctl")).stdout
        self.assertIn("dumpable 1 death-signal 0", out)
        self.assertIn("subreaper 0", out)

    def test_no_signal_is_blocked_or_ignored(self):
        status = fields(self.runtime.run(self.bundle("cat", "/proc/self/status")).stdout)
        self.assertEqual((int(status["SigBlk"], 16), int(status["SigIgn"], 16)), (0, 0))

    def test_apparmor_where_there_is_none_is_refused(self):
        if os.path.exists("/sys/kernel/security/apparmor"):
            self.skipTest("this kernel has AppArmor")
        bundle = self.bundle()
        bundle.process["apparmorProfile"] = "gantry-test"
        self.assert_create_refused(bundle, "apparmor")

    def test_selinux_where_there_is_none_is_refused(self):
        if os.path.exists("/sys/fs/selinux/enforce"):
            self.skipTest("this kernel has SELinux")
        bundle = self.bundle()
        bundle.process["selinuxLabel"] = "system_u:system_r:container_t:s0"
        self.assert_create_refused(bundle, "selinux")


@beyond_runc
class Scheduling(ProcessTest):
    def attributes(self, **scheduler):
        bundle = self.bundle("probe", "scheduler")
        bundle.process["scheduler"] = scheduler
        words = self.runtime.run(bundle, ok=True).stdout.split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def test_other_with_a_nice_value(self):
        found = self.attributes(policy="SCHED_OTHER", nice=7)
        self.assertEqual((found["policy"], found["nice"]), (0, 7))

    def test_batch(self):
        found = self.attributes(policy="SCHED_BATCH", nice=-3)
        self.assertEqual((found["policy"], found["nice"]), (3, -3))

    def test_idle(self):
        self.assertEqual(self.attributes(policy="SCHED_IDLE")["policy"], 5)

    def test_flag_reset_on_fork(self):
        self.assertEqual(self.attributes(policy="SCHED_BATCH", flags=["SCHED_FLAG_RESET_ON_FORK"])["flags"],
                         1)

    def test_fifo_with_real_time_given_to_the_cgroup(self):
        top = "/sys/fs/cgroup/cpu/cpu.rt_runtime_us"
        if not os.path.exists(top):
            self.skipTest("no real-time limits per cgroup here")
        before = read(top)
        try:
            write(top, "500000")
        except OSError as error:
            self.skipTest(f"this machine's cgroup may have no real time: {error}")
        self.addCleanup(wait_for, lambda: self.try_to_write(top, before), "the time to be given back")
        bundle = self.bundle("probe", "scheduler")
        bundle.process["scheduler"] = {"policy": "SCHED_FIFO", "priority": 10}
        bundle.resources["cpu"] = {"realtimeRuntime": 100000, "realtimePeriod": 1000000}
        self.assertIn("policy 1 flags 0 nice 0 priority 10", self.runtime.run(bundle, ok=True).stdout)

    def try_to_write(self, path, text):
        with contextlib.suppress(OSError):  # the kernel forgets the container's share a moment after its end
            write(path, text)
            return True

    def test_a_policy_that_the_kernel_refuses_is_named(self):
        bundle = self.bundle()
        bundle.process["scheduler"] = {"policy": "SCHED_FIFO", "priority": 1000}
        self.assert_create_refused(bundle, "sched")

    def test_an_unknown_policy_is_refused(self):
        bundle = self.bundle()
        bundle.process["scheduler"] = {"policy": "SCHED_BOGUS"}
        self.assert_create_refused(bundle, "SCHED_BOGUS")

    def test_an_unknown_flag_is_refused(self):
        bundle = self.bundle()
        bundle.process["scheduler"] = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_BOGUS"]}
        self.assert_create_refused(bundle, "SCHED_FLAG_BOGUS")

    def test_exec_has_a_scheduler_of_its_own(self):
        container = self.running()
        out = container.exec_process(["probe", "scheduler"], scheduler={"policy": "SCHED_BATCH",
                                                                        "nice": 4}).stdout
        self.assertIn("policy 3 flags 0 nice 4", out)

    def test_io_priority(self):
        for name, number in (("IOPRIO_CLASS_RT", 1), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", 3)):
            with self.subTest(name):
                bundle = self.bundle("probe", "ioprio")
                bundle.process["ioPriority"] = {"class": name, "priority": 5}
                self.assertEqual(self.runtime.run(bundle, ok=True).stdout, f"{number} 5\n")

    def test_an_unknown_io_class_is_refused(self):
        bundle = self.bundle()
        bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BOGUS", "priority": 1}
        self.assert_create_refused(bundle, "IOPRIO_CLASS_BOGUS")

    def test_an_io_priority_out_of_range_is_refused(self):
        bundle = self.bundle()
        bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 8}
        self.assert_create_refused(bundle, "ioPriority")

    def test_exec_cpu_affinity(self):
        if os.cpu_count() < 2:
            self.skipTest("one CPU only")
        container = self.running()
        for cpus in ("0", "1", "0-1"):
            with self.subTest(cpus):
                status = fields(container.exec_process(["cat", "/proc/self/status"], ok=True,
                                                       execCPUAffinity={"initial": "0",
                                                                        "final": cpus}).stdout)
                self.assertEqual(status["Cpus_allowed_list"], cpus)

    def test_exec_cpu_affinity_of_the_configuration_is_for_exec_only(self):
        bundle = self.script("grep Cpus_allowed_list /proc/self/status; sleep 600")
        bundle.process["execCPUAffinity"] = {"final": "0"}
        container = self.running(bundle)
        container.wait_for_output("\n")
        self.assertEqual(container.stdout.split()[1], f"0-{os.cpu_count() - 1}")
        self.assertIn("Cpus_allowed_list:\t0\n", container.exec("cat", "/proc/self/status").stdout)

    def test_an_affinity_that_is_no_list_is_refused(self):
        container = self.running()
        outcome = container.exec_process(["true"], execCPUAffinity={"initial": "zero"})
        self.assert_refused(outcome, "execCPUAffinity")


@beyond_runc
class Personality(ProcessTest):
    def test_linux32(self):
        bundle = self.bundle()
        bundle.linux["personality"] = {"domain": "LINUX32"}
        machine, number = self.inside("uname -m; cat /proc/self/personality", bundle).split()
        self.assertEqual(machine, "i686")
        self.assertEqual(int(number, 16) & 0xff, 8)

    def test_linux(self):
        bundle = self.bundle()
        bundle.linux["personality"] = {"domain": "LINUX"}
        self.assertEqual(self.inside("uname -m", bundle), os.uname().machine + "\n")

    def test_exec_has_it_too(self):
        bundle = self.bundle("sleep", "600")
        bundle.linux["personality"] = {"domain": "LINUX32"}
        self.assertEqual(self.running(bundle).exec("uname", "-m").stdout, "i686\n")

    def test_an_unknown_domain_is_refused(self):
        bundle = self.bundle()
        bundle.linux["personality"] = {"domain": "BSD"}
        self.assert_create_refused(bundle, "personality", "BSD")


if __name__ == "__main__":
    unittest.main()
