# SPDX-License-Identifier: Apache-2.0
"""linux.seccomp: every action, operator and architecture, and the agent that answers for the kernel."""

import array
import contextlib
import errno
import fcntl
import json
import os
import platform
import socket
import struct
import threading
import unittest

from lib.runtime import PATIENCE, RuntimeTest, beyond_runc, fields, read, read_bytes

SYNC = 162      # sync(2): takes nothing, always works, and nothing of ours needs it
ALARM = 37      # alarm(2): one number, harmless
SOCKET = 41
PRIORITY_MAX = 146  # sched_get_priority_max(SCHED_FIFO) is 99
KILLED = 128 + 31  # by SIGSYS

SECCOMP_IOCTL_NOTIF_RECV = 0xC0502100
SECCOMP_IOCTL_NOTIF_SEND = 0xC0182101
PROFILE = "/usr/share/containers/seccomp.json"  # package golang-github-containers-common


def rule(action, *names, errno_ret=None, args=None):
    entry = {"names": list(names or ["sync"]), "action": f"SCMP_ACT_{action}"}
    if errno_ret is not None:
        entry["errnoRet"] = errno_ret
    if args is not None:
        entry["args"] = args
    return entry


def argument(op, value, value_two=0, index=0):
    return {"index": index, "value": value, "valueTwo": value_two, "op": f"SCMP_CMP_{op}"}


@unittest.skipUnless(platform.machine() == "x86_64", "has the system call numbers of x86_64")
class SeccompTest(RuntimeTest):
    def with_rules(self, *rules, default="ALLOW", **more):
        bundle = self.bundle()
        bundle.linux["seccomp"] = {"defaultAction": f"SCMP_ACT_{default}",
                                   "architectures": ["SCMP_ARCH_X86_64"],
                                   "syscalls": list(rules), **more}
        return bundle

    def call(self, bundle, *numbers):
        """What a system call answers: "EPERM", "0"; nothing if it was deadly."""
        return self.inside("probe call " + " ".join(map(str, numbers or [SYNC])), bundle).strip()


class Actions(SeccompTest):
    def test_errno_is_eperm_unless_said(self):
        self.assertEqual(self.call(self.with_rules(rule("ERRNO"))), "EPERM")

    def test_errno_ret(self):
        self.assertEqual(self.call(self.with_rules(rule("ERRNO", errno_ret=errno.ENOMSG))), "ENOMSG")

    def test_errno_of_zero_pretends_success(self):
        self.assertEqual(self.call(self.with_rules(rule("ERRNO", "sched_get_priority_max", errno_ret=0)),
                                   PRIORITY_MAX, 1), "0")

    def status_of(self, action):
        return self.inside("probe call 162 >/dev/null; echo $?", self.with_rules(rule(action))).strip()

    def test_kill(self):
        self.assertEqual(self.status_of("KILL"), str(KILLED))

    def test_kill_thread(self):
        self.assertEqual(self.status_of("KILL_THREAD"), str(KILLED))

    def test_kill_process(self):
        self.assertEqual(self.status_of("KILL_PROCESS"), str(KILLED))

    def test_trap(self):
        self.assertEqual(self.status_of("TRAP"), str(KILLED))

    def test_log_lets_it_pass(self):
        self.assertEqual(self.status_of("LOG"), "0")

    def test_allow_in_front_of_a_default(self):
        self.assertEqual(self.status_of("ALLOW"), "0")

    def test_trace_without_a_tracer_is_enosys(self):
        self.assertEqual(self.call(self.with_rules(rule("TRACE"))), "ENOSYS")

    def test_the_default_action_takes_the_rest(self):
        if not os.path.exists(PROFILE):
            self.skipTest(f"no {PROFILE} here")
        names = sorted({name for entry in json.loads(read(PROFILE))["syscalls"]
                        if entry["action"] == "SCMP_ACT_ALLOW" for name in entry["names"]} - {"sync"})
        bundle = self.with_rules(rule("ALLOW", *names), default="ERRNO", defaultErrnoRet=errno.ENOANO)
        self.assertEqual(self.call(bundle), "ENOANO")

    def test_the_first_process_has_one_filter(self):
        status = fields(self.inside("cat /proc/self/status", self.with_rules(rule("ERRNO"))))
        self.assertEqual((status["Seccomp"], status["Seccomp_filters"]), ("2", "1"))

    @beyond_runc
    def test_exec_has_the_same_filter_kept_or_compiled_again(self):
        bundle = self.with_rules(rule("ERRNO", errno_ret=errno.ENOMSG))
        bundle.process["args"] = ["sleep", "600"]
        container = self.running(bundle)
        kept = f"{self.runtime.root}/{container.id}/seccomp.bpf"
        whole = read_bytes(kept)
        for content in (whole, whole[:-1], b"seccomp0" + whole[8:], b"", None):
            with self.subTest(content):
                if content is None:
                    os.unlink(kept)
                else:
                    with open(kept, "wb") as file:
                        file.write(content)
                self.assertEqual(container.exec("probe", "call", str(SYNC)).stdout, "ENOMSG\n")

    def test_without_the_field_there_is_none(self):
        self.assertEqual(fields(self.inside("cat /proc/self/status"))["Seccomp"], "0")

    def test_an_ordinary_user_without_capabilities_gets_it_too(self):
        for no_new_privileges in (True, False):
            with self.subTest(no_new_privileges=no_new_privileges):
                bundle = self.with_rules(rule("ERRNO"))
                bundle.process["user"] = {"uid": 1000, "gid": 1000}
                bundle.process["noNewPrivileges"] = no_new_privileges
                bundle.capabilities()
                self.assertEqual(self.inside("probe call 162", bundle), "EPERM\n")

    def test_does_not_set_no_new_privileges(self):
        self.assertEqual(fields(self.inside("cat /proc/self/status",
                                            self.with_rules(rule("ERRNO"))))["NoNewPrivs"],
                         "0")

    def test_names_this_kernel_does_not_know_are_skipped(self):
        self.assertEqual(self.call(self.with_rules(rule("ERRNO", "of_tomorrow", "sync"))), "EPERM")

    def test_a_rule_may_have_many_names(self):
        bundle = self.with_rules(rule("ERRNO", "sync", "alarm", "sched_get_priority_max"))
        for number in (SYNC, ALARM, PRIORITY_MAX):
            self.assertEqual(self.call(bundle, number), "EPERM")

    @beyond_runc
    def test_an_unknown_action_is_named(self):
        self.assert_create_refused(self.with_rules(rule("BOGUS")), "seccomp", "SCMP_ACT_BOGUS")

    def test_an_unknown_default_action_is_refused(self):
        self.assert_create_refused(self.with_rules(default="BOGUS"), "BOGUS")


class Arguments(SeccompTest):
    def refused(self, *arguments, values):
        """Those of the values that alarm(2) may not be called with."""
        bundle = self.with_rules(rule("ERRNO", "alarm", args=list(arguments)))
        script = "; ".join(f"probe call {ALARM} {value}" for value in values)
        answers = self.inside(script, bundle).split()
        self.assertEqual(len(answers), len(values))
        return [value for value, answer in zip(values, answers) if answer == "EPERM"]

    BIG = 5 + (1 << 32)
    VALUES = [0, 4, 5, 6, BIG, (1 << 64) - 1]

    def test_eq(self):
        self.assertEqual(self.refused(argument("EQ", 5), values=self.VALUES), [5])

    def test_eq_of_64_bits(self):
        self.assertEqual(self.refused(argument("EQ", self.BIG), values=self.VALUES), [self.BIG])

    def test_ne(self):
        self.assertEqual(self.refused(argument("NE", 5), values=self.VALUES),
                         [0, 4, 6, self.BIG, (1 << 64) - 1])

    def test_lt(self):
        self.assertEqual(self.refused(argument("LT", 5), values=self.VALUES), [0, 4])

    def test_le(self):
        self.assertEqual(self.refused(argument("LE", 5), values=self.VALUES), [0, 4, 5])

    def test_ge(self):
        self.assertEqual(self.refused(argument("GE", 5), values=self.VALUES), [5, 6, self.BIG, (1 << 64) - 1])

    def test_gt(self):
        self.assertEqual(self.refused(argument("GT", 5), values=self.VALUES), [6, self.BIG, (1 << 64) - 1])

    def test_gt_of_64_bits(self):
        self.assertEqual(self.refused(argument("GT", self.BIG - 1), values=self.VALUES),
                         [self.BIG, (1 << 64) - 1])

    def test_lt_of_64_bits(self):
        self.assertEqual(self.refused(argument("LT", self.BIG), values=self.VALUES), [0, 4, 5, 6])

    def test_masked_eq(self):
        self.assertEqual(self.refused(argument("MASKED_EQ", 4, 4), values=[0, 1, 4, 5, 6, 8]), [4, 5, 6])

    def test_masked_eq_of_the_high_half(self):
        self.assertEqual(self.refused(argument("MASKED_EQ", 1 << 32, 1 << 32), values=self.VALUES),
                         [self.BIG, (1 << 64) - 1])

    def test_all_of_a_rule_must_fit(self):
        # socket(AF_NETLINK, SOCK_DGRAM, anything)
        bundle = self.with_rules(rule("ERRNO", "socket", args=[argument("EQ", 16),
                                                               argument("EQ", 2, index=1)]))
        calls = [f"probe call {SOCKET} {arguments}" for arguments in ("16 2 0", "16 3 0", "1 2 0")]
        out = self.inside("; ".join(calls), bundle)
        self.assertEqual(out.split()[0], "EPERM")
        self.assertTrue(all(word.isdigit() for word in out.split()[1:]), out)

    def test_one_of_two_rules_is_enough(self):
        bundle = self.with_rules(rule("ERRNO", "alarm", args=[argument("EQ", 4)]),
                                 rule("ERRNO", "alarm", args=[argument("EQ", 6)]))
        out = self.inside(f"for n in 4 5 6; do probe call {ALARM} $n; done", bundle)
        self.assertEqual(out.split(), ["EPERM", "0", "EPERM"])

    def test_the_same_argument_twice_in_a_rule_means_either(self):
        # What engines rely on since libseccomp 2.2 refused the combination.
        self.assertEqual(self.refused(argument("EQ", 4), argument("EQ", 6), values=[4, 5, 6]), [4, 6])

    def test_the_sixth_argument(self):
        bundle = self.with_rules(rule("ERRNO", "sync", args=[argument("EQ", 9, index=5)]))
        out = self.inside(f"probe call {SYNC} 0 0 0 0 0 9; probe call {SYNC} 0 0 0 0 0 8", bundle)
        self.assertEqual(out.split(), ["EPERM", "0"])

    def test_an_unknown_operator_is_refused(self):
        self.assert_create_refused(self.with_rules(rule("ERRNO", args=[argument("BOGUS", 1)])), "BOGUS")

    @beyond_runc
    def test_an_index_beyond_the_sixth_is_refused(self):
        self.assert_create_refused(self.with_rules(rule("ERRNO", args=[argument("EQ", 1, index=6)])), "index")


class Architectures(SeccompTest):
    def test_calls_of_one_that_is_not_named_are_killed(self):
        bundle = self.with_rules(rule("ERRNO"))
        self.assertEqual(self.inside("probe call32 20 > /dev/null; echo $?", bundle).strip(), str(KILLED))

    def test_calls_of_one_that_is_named_pass(self):
        bundle = self.with_rules(rule("ERRNO"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
        self.assertTrue(self.inside("probe call32 20", bundle).strip().isdigit())

    def test_rules_hold_by_name_in_each(self):
        bundle = self.with_rules(rule("ERRNO"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
        self.assertEqual(self.inside("probe call32 36; probe call 36", bundle).split()[0], "EPERM")

    def test_x32_is_not_a_way_around(self):
        bundle = self.with_rules(rule("ERRNO"))
        out = self.inside(f"probe call {0x40000000 + SYNC} 2>&1; echo $?", bundle).split()
        self.assertIn(out[-1], (str(KILLED), "1"), out)

    def test_absent_means_the_native_one(self):
        bundle = self.with_rules(rule("ERRNO"))
        del bundle.linux["seccomp"]["architectures"]
        self.assertEqual(self.call(bundle), "EPERM")

    def test_foreign_ones_are_accepted(self):
        bundle = self.with_rules(rule("ERRNO"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"])
        self.assertEqual(self.call(bundle), "EPERM")

    def test_an_unknown_one_is_refused(self):
        self.assert_create_refused(self.with_rules(architectures=["SCMP_ARCH_BOGUS"]), "BOGUS")


@beyond_runc
class Flags(SeccompTest):
    def test_log(self):
        self.assertEqual(self.call(self.with_rules(rule("ERRNO"), flags=["SECCOMP_FILTER_FLAG_LOG"])),
                         "EPERM")

    def test_spec_allow(self):
        self.assertEqual(self.call(self.with_rules(rule("ERRNO"), flags=["SECCOMP_FILTER_FLAG_SPEC_ALLOW"])),
                         "EPERM")

    def test_tsync(self):
        self.assertEqual(self.call(self.with_rules(rule("ERRNO"), flags=["SECCOMP_FILTER_FLAG_TSYNC"])),
                         "EPERM")

    def test_an_unknown_one_is_refused(self):
        self.assert_create_refused(self.with_rules(flags=["SECCOMP_FILTER_FLAG_BOGUS"]), "BOGUS")


class Agent:
    """What listens at listenerPath: answers every system call it is asked about."""

    def __init__(self, path, value=0, error=0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        self.socket.settimeout(PATIENCE)
        self.value, self.error = value, error
        self.states, self.calls = [], []
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                with connection:
                    message, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(64))
                    if not message:  # who only tries whether we are there
                        continue
                    descriptors = array.array("i")
                    for _, _, data in ancillary:
                        descriptors.frombytes(data[:len(data) - len(data) % descriptors.itemsize])
                    self.states.append((json.loads(message), len(descriptors)))
                thread = threading.Thread(target=self.answer, args=(descriptors[0],), daemon=True)
                self.threads.append(thread)
                thread.start()

    def answer(self, listener):
        with contextlib.suppress(OSError):  # the last process with the filter is gone
            while True:
                request = bytearray(80)
                fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request)
                id, pid, _, number = struct.unpack_from("QIIi", request)
                self.calls.append((pid, number))
                fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND,
                            bytearray(struct.pack("QqiI", id, self.value, -self.error, 0)))
        os.close(listener)

    def close(self):
        self.socket.close()


class Notify(SeccompTest):
    def agent(self, **answer):
        self.path = f"{self.scratch}/agent"
        agent = Agent(self.path, **answer)
        self.addCleanup(agent.close)
        return agent

    def notifying(self, **more):
        return self.with_rules(rule("NOTIFY"), listenerPath=self.path, **more)

    def test_the_agent_answers_with_a_value(self):
        agent = self.agent(value=4242)
        self.assertEqual(self.call(self.notifying()), "4242")
        self.assertEqual([number for _, number in agent.calls], [SYNC])

    def test_the_agent_answers_with_an_error(self):
        self.agent(error=errno.ENOMEDIUM)
        self.assertEqual(self.call(self.notifying()), "ENOMEDIUM")

    def test_the_agent_gets_the_state_of_the_container(self):
        agent = self.agent()
        bundle = self.notifying(listenerMetadata="for the agent")
        bundle.config["annotations"] = {"org.example.key": "value"}
        bundle.process["args"] = ["sleep", "600"]
        container = self.running(bundle)
        (message, count), = agent.states
        self.assertEqual(count, 1)
        self.assertEqual(message["fds"], ["seccompFd"])
        self.assertEqual(message["metadata"], "for the agent")
        self.assertEqual(message["pid"], container.pid)
        self.assertRegex(message["ociVersion"], r"^1\.")
        state = message["state"]
        self.assertEqual((state["id"], state["bundle"], state["pid"]),
                         (bundle.id, bundle.path, container.pid))
        # The filter may be set by `create` or by `start`.
        self.assertIn(state["status"], ("creating", "created"))
        self.assertEqual(state["annotations"], {"org.example.key": "value"})

    def test_exec_gets_a_descriptor_of_its_own(self):
        agent = self.agent(value=7)
        bundle = self.notifying()
        bundle.process["args"] = ["sleep", "600"]
        container = self.running(bundle)
        self.assertEqual(container.exec("probe", "call", str(SYNC)).stdout, "7\n")
        self.assertEqual(len(agent.states), 2)
        self.assertEqual(agent.states[1][0]["state"]["status"], "running")

    def test_the_container_does_not_get_the_descriptor(self):
        self.agent()
        out = self.inside("probe fds", self.notifying())
        self.assertEqual(sorted(line.split()[0] for line in out.splitlines()), ["0", "1", "2"])

    def test_an_agent_that_is_not_there_is_named(self):
        self.path = f"{self.scratch}/no-agent"
        self.assert_create_refused(self.notifying(), self.path)

    def test_without_a_path_is_refused(self):
        self.assert_create_refused(self.with_rules(rule("NOTIFY")), "listenerPath")

    @beyond_runc
    def test_a_path_without_the_action_is_harmless(self):
        agent = self.agent()
        self.assertEqual(self.call(self.with_rules(rule("ERRNO"), listenerPath=self.path)), "EPERM")
        self.assertEqual(agent.calls, [])


if __name__ == "__main__":
    unittest.main()
