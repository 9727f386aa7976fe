# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the runtime at every one of its system calls: the next `delete --force` leaves nothing behind.

Every process of a command is killed at its first call, in another run at its second, and so on to the last.
"""

import contextlib
import os
import re
import shutil
import subprocess
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from lib.bundle import helper, mounts_below
from lib.runtime import PATIENCE, Runtime, RuntimeTest, beyond_runc, read, remove_left_of, wait_for

WORKERS = 2


def call_names():
    """Number -> name of this machine's system calls, for messages."""
    header = subprocess.run(["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-xc", "/dev/null"],
                            stdout=subprocess.PIPE, text=True).stdout
    return {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)$", header, re.M)}


@beyond_runc
class Killed(RuntimeTest):
    timeout = 600

    def setUp(self):
        super().setUp()
        self.names = call_names()
        self.kill_at = helper("kill_at")

    def command(self, name, runtime, bundle):
        """The words of the command, after what it needs to be there is done."""
        create = ["create", "--bundle", bundle.path, bundle.id]
        if name == "create":
            return create
        if name == "run":
            return ["run", "--detach", "--bundle", bundle.path, bundle.id]
        self.quiet(runtime.words(*create))
        if name == "start":
            return ["start", bundle.id]
        if name == "delete":
            return ["delete", "--force", bundle.id]
        self.quiet(runtime.words("start", bundle.id))
        return ["exec", "--detach", bundle.id, "sleep", "600"]

    def usual_bundle(self):
        """With limits, so that every cgroup file is written on the way."""
        bundle = self.bundle("sleep", "600")
        bundle.resources.update({"memory": {"limit": 256 << 20}, "pids": {"limit": 100},
                                 "cpu": {"shares": 512, "quota": 200000, "period": 100000}})
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                   "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_ERRNO"}]}
        return bundle

    def quiet(self, words):
        return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL,
                              timeout=2 * PATIENCE).returncode

    def attempt(self, name, runtime, bundle, process=0, call=0):
        """Runs a command to where it is killed, then deletes. Returns the report and what is left."""
        bundle.process["env"][-1] = f"GANTRY_TEST={bundle.id}"
        bundle.save()
        report = f"{runtime.scratch}/{bundle.id}.report"
        words = self.command(name, runtime, bundle)
        self.quiet([self.kill_at, report, str(process), str(call), *runtime.words(*words)])
        outcome = runtime("delete", "--force", bundle.id)
        left = []
        if outcome.code != 0:
            left.append(f"delete --force: {outcome.error or outcome.stderr}")
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.left(runtime, bundle))
        left += self.left(runtime, bundle)
        if left:
            remove_left_of(bundle.id)
            shutil.rmtree(f"{runtime.root}/{bundle.id}", ignore_errors=True)
        text = read(report)
        os.unlink(report)
        return text.splitlines(), left

    def left(self, runtime, bundle):
        return runtime.left_of(bundle.id) + [f"mount {point}" for point in mounts_below(runtime.scratch)]

    def everywhere(self, name, processes=None):
        first = self.usual_bundle()
        counts = [int(line) for line in self.attempt(name, self.runtime, first)[0]]
        jobs = [(process, call) for process, count in enumerate(counts) for call in range(1, count + 1)
                if processes is None or process in processes]
        self.assertGreater(len(jobs), 10)
        failures = []
        lock = threading.Lock()

        def work(number):
            runtime = Runtime(self.directory(f"worker-{number}"))
            bundle = self.usual_bundle()
            base = bundle.id
            while True:
                with lock:
                    if not jobs or len(failures) > 20:
                        return
                    process, call = jobs.pop()
                bundle.id = f"{base}x{process}x{call}"
                report, left = self.attempt(name, runtime, bundle, process, call)
                if left:
                    killed = [line for line in report if line.startswith("killed")]
                    where = self.names.get(int(killed[0].split()[1]), "?") if killed else "not reached"
                    with lock:
                        failures.append(f"{name}: process {process} killed at call {call} ({where}): "
                                        + "; ".join(left))

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(work, range(WORKERS)))
        self.assertEqual(failures, [], "\n" + "\n".join(sorted(failures)))

    def test_in_create(self):
        self.everywhere("create", processes=[0])

    def test_in_the_processes_that_create_makes(self):
        self.everywhere("create", processes=range(1, 16))

    def test_in_start(self):
        self.everywhere("start")

    def test_in_the_first_process_until_its_program_runs(self):
        self.everywhere("run", processes=range(1, 16))

    def test_in_exec(self):
        self.everywhere("exec")

    def test_in_delete(self):
        self.everywhere("delete")


if __name__ == "__main__":
    unittest.main()
