# SPDX-License-Identifier: Apache-2.0
"""From the first report to the last file: what survives whom."""

import os
import shutil
import signal
import subprocess
import time

from lib.bundle import Bundle
from lib.runtime import wait_for
from lib.shim import RUNTIME, SHIM, STDOUT, Client, Closed, Refused, Shim, is_running
from shim.shim_case import ShimTest

PSS_LIMIT = 300 << 10  # bytes a shim at rest


class Exit(ShimTest):
    def test_status_and_time_are_on_disk_when_the_shim_has_gone(self):
        shim = self.shim("exit 42")
        begin = int(time.time())
        shim.start()
        shim.wait_gone()
        record = shim.exit_record()
        self.assertEqual((record["id"], record["pid"], record["exitCode"], record["signal"], record["oomKilled"]),
                         (shim.id, shim.init, 42, 0, False))
        exited = time.mktime(time.strptime(record["exitedAt"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        self.assertTrue(begin <= exited <= time.time())
        self.assertEqual(os.listdir(shim.state), ["exit.json"])

    def test_the_record_is_there_before_anybody_is_told(self):
        shim = self.shim("exit 3")
        with shim.connect() as client:
            client.start()
            client.wait_exit()
            self.assertEqual(shim.exit_record()["exitCode"], 3)

    def test_a_signal_is_told_from_a_status(self):
        shim = self.shim("sleep 60")
        with shim.connect() as client:
            client.start()
            client.signal(signal.SIGKILL)
            exited = client.wait_exit()
        self.assertEqual((exited.code, exited.signal), (137, 9))
        self.assertEqual(shim.exit_record()["signal"], 9)

    def test_it_is_kept_for_as_long_as_somebody_is_connected(self):
        shim = self.shim("exit 5")
        with shim.connect() as early, shim.connect() as late:
            early.start()
            early.wait_exit()
            self.assertEqual(late.wait_exit().code, 5)
            with shim.connect() as later:
                later.attach(STDOUT)
                self.assertEqual(later.wait_exit().code, 5)
                self.assertEqual(later.status().state, "exited")
        shim.wait_gone()

    def test_delete_collects_it(self):
        shim = self.shim("true", "x")
        with shim.connect() as client:
            client.start()
            client.wait_exit()
            client.delete()
            with self.assertRaises(Closed):
                client.receive()
        shim.wait_gone()
        self.assertEqual(os.listdir(shim.state), [])
        self.assertNotEqual(shim.runtime("state", shim.id).returncode, 0)

    def test_a_shim_whose_directory_was_removed_ends_with_its_container(self):
        shim = self.shim("sleep 60")
        with shim.connect() as client:
            client.start()
        shutil.rmtree(shim.state)
        os.kill(shim.init, signal.SIGKILL)
        shim.wait_gone()

    def test_a_running_container_is_deleted_only_by_force(self):
        shim = self.shim("sleep 60")
        with shim.connect() as client:
            client.start()
            with self.assertRaises(Refused):
                client.delete()
            client.delete(force=True)
        shim.wait_gone()
        self.assertFalse(is_running(shim.init))

    def test_a_signal_to_all_reaches_all(self):
        bundle = self.bundle("sh", "-c", "sleep 61 & wait")
        bundle.without_namespace("pid")
        shim = self.shim(bundle=bundle)
        with shim.connect() as client:
            client.start()
            wait_for(lambda: b"sleep\x0061" in b"".join(children(shim.init)), "the child")
            client.signal(signal.SIGKILL, everything=True)
            self.assertEqual(client.wait_exit().signal, 9)
        shim.wait_gone()

    def test_out_of_memory_is_told(self):
        bundle = self.bundle("sh", "-c", "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo survived")
        bundle.resources["memory"] = {"limit": 32 << 20, "swap": 32 << 20}
        shim = self.shim(bundle=bundle)
        exited = self.run_to_exit(shim)
        self.assertTrue(exited.oom_killed)
        self.assertTrue(shim.exit_record()["oomKilled"])


class Start(ShimTest):
    def test_the_container_is_created_but_does_not_run_when_the_shim_is_ready(self):
        shim = self.shim("echo ran")
        self.assertEqual(shim.report, f"ready {shim.init}\n")
        time.sleep(0.2)
        self.assertEqual(shim.log_bytes(), b"")
        self.assertIn('"created"', shim.runtime("state", shim.id).stdout)

    def test_the_runtime_may_be_asked_directly(self):
        shim = self.shim("exit 6")
        with shim.connect() as client:
            self.assertEqual(shim.runtime("start", shim.id).returncode, 0)
            self.assertEqual(client.wait_exit().code, 6)

    def test_a_second_start_is_the_runtimes_error(self):
        shim = self.shim("sleep 60")
        with shim.connect() as client:
            client.start()
            with self.assertRaises(Refused):
                client.start()

    def failure(self, bundle, *options):
        with self.assertRaises(Refused) as refused:
            Shim(self.scratch, bundle, *options)
        report = str(refused.exception)
        self.assertTrue(report.startswith("error "), report)
        self.assertNotIn("\n", report)
        return report

    def test_what_the_runtime_cannot_create_is_reported_in_its_words(self):
        bundle = self.bundle("/no/such/program")
        self.assertIn("/no/such/program", self.failure(bundle))
        self.assertEqual(os.listdir(f"{self.scratch}/shim-{bundle.id}"), [])

    def test_a_runtime_that_is_not_there_is_reported(self):
        self.assertIn("'/no/runtime': No such file or directory",
                      self.failure(self.bundle("true"), "--runtime", "/no/runtime"))

    def test_a_runtime_that_fails_without_a_log_is_quoted(self):
        runtime = f"{self.scratch}/broken-runtime"
        with open(runtime, "w") as file:
            file.write("#!/bin/sh\necho 'all is lost' >&2\nexit 9\n")
        os.chmod(runtime, 0o755)
        self.assertIn("exit status 9: 'all is lost", self.failure(self.bundle("true"), "--runtime", runtime))

    def test_a_log_that_cannot_be_opened_is_reported(self):
        self.assertIn("No such file or directory",
                      self.failure(self.bundle("true"), "--log-path", f"{self.scratch}/missing/log"))

    def test_bad_options_are_reported(self):
        result = subprocess.run([SHIM, "--id", "../x"], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (2, "error option --id: '../x' is not a container id\n"))

    def test_the_report_goes_where_it_is_asked_to(self):
        ours, theirs = os.pipe()
        bundle = self.bundle("sleep", "60")
        bundle.save()
        words = [SHIM, "--id", bundle.id, "--bundle", bundle.path, "--runtime", RUNTIME, "--runtime-root",
                 f"{self.scratch}/runtime", "--state", f"{self.scratch}/s", "--sync-fd", str(theirs)]
        result = subprocess.run(words, capture_output=True, text=True, pass_fds=[theirs])
        os.close(theirs)
        with open(ours) as report:
            self.assertRegex(report.read(), r"^ready \d+\n$")  # and the end of it: the shim does not keep it open
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        with Client(f"{self.scratch}/s/shim.sock") as client:
            client.delete(force=True)
        wait_for(lambda: not os.path.exists(f"{self.scratch}/s/shim.sock"), "the end of the shim")

    def test_it_keeps_nothing_of_its_caller(self):
        with open("/dev/zero") as leak:
            bundle = self.bundle("sleep", "60")
            os.set_inheritable(leak.fileno(), True)
            shim = self.shim(bundle=bundle)
        with open(f"/proc/{shim.pid}/stat") as file:
            session = int(file.read().rpartition(")")[2].split()[3])
        self.assertEqual(session, shim.pid)
        self.assertEqual(os.readlink(f"/proc/{shim.pid}/cwd"), "/")
        links = {os.readlink(f"/proc/{shim.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{shim.pid}/fd")}
        self.assertNotIn("/dev/zero", links)


class Death(ShimTest):
    def test_signals_do_not_end_a_shim(self):
        shim = self.shim("sleep 60")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1):
            os.kill(shim.pid, number)
        time.sleep(0.1)
        with shim.connect() as client:
            self.assertEqual(client.status().state, "live")

    def test_a_killed_shim_takes_pipes_and_status_but_not_the_container(self):
        shim = self.shim("trap '' PIPE; while echo tick; do sleep .05; done; sleep 600")
        shim.start()
        wait_for(shim.log_records, "some output")
        os.kill(shim.pid, signal.SIGKILL)
        wait_for(lambda: not is_running(shim.pid), "the end of the shim")
        self.assertTrue(is_running(shim.init))
        self.assertFalse(shim.is_listening())
        self.assertFalse(os.path.exists(f"{shim.state}/exit.json"))
        self.assertEqual(shim.runtime("delete", "--force", shim.id).returncode, 0)
        wait_for(lambda: not is_running(shim.init), "the end of the container")
        records = shim.log_records()  # whole ones
        self.assertEqual({r.text for r in records}, {b"tick"})

    def test_orphans_are_reaped(self):
        bundle = self.bundle("sh", "-c", "for i in 1 2 3 4 5; do (sleep .1 &) ; done; echo made; sleep 600")
        bundle.without_namespace("pid")
        shim = self.shim(bundle=bundle)
        shim.start()
        wait_for(shim.log_records, "the orphans")
        wait_for(lambda: child_pids(shim.pid) == [shim.init], "the end of the orphans")


class Memory(ShimTest):
    timeout = 180

    def test_two_hundred_at_rest(self):
        with Bundle("sh", "-c", "seq 1 20000; sleep 600", parent=self.scratch) as bundle:
            shims = []
            name = bundle.id
            try:
                for number in range(200):
                    bundle.id = f"{name}-{number}"
                    shims.append(Shim(self.scratch, bundle))
                    shims[-1].start()
                wait_for(lambda: all(len(shim.log_records()) == 20000 for shim in shims), "the logs")
                time.sleep(4)  # for what they give back when they have had nothing to do for a while
                sizes = sorted(pss(shim.pid) for shim in shims)
            finally:
                for shim in shims:
                    shim.remove()
        print(f"      PSS of 200 shims: median {sizes[100] >> 10} KiB, largest {sizes[-1] >> 10} KiB")
        self.assertLessEqual(sizes[-1], PSS_LIMIT)


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))


def child_pids(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def children(pid):
    """The command lines of a process's children."""
    for child in child_pids(pid):
        with open(f"/proc/{child}/cmdline", "rb") as file:
            yield file.read()
