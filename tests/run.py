#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs end-to-end suites: the folders of tests/ that have test_*.py files of unittest cases.

    tests/run.py                        all suites
    tests/run.py clients -k podman      what contains 'podman' in suite.file.Class.test

Everything runs isolated (lib/isolation.py). A file that leaves a process, mount, cgroup, interface or
temporary file behind fails. A test that takes longer than its class's `timeout` (seconds, 120 unless said)
fails where it hangs. `from lib import ...` finds tests/lib. A test that has a method explain() is asked for
more to print (a daemon's log) when it fails.
"""

import argparse
import importlib
import json
import os
import pathlib
import signal
import sys
import time
import traceback
import unittest

TESTS = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from lib import isolation  # noqa: E402  (needs the path above)

TIMEOUT = 120


class TimedOut(Exception):
    pass


class Result(unittest.TestResult):
    """Says every test in one line as it ends; failures in full, at once."""

    def __init__(self):
        super().__init__()
        self.passed = self.failed = 0
        self.failed_names = []

    def watch(self, seconds):
        signal.alarm(seconds)
        self.limit = seconds

    def on_alarm(self, *_):
        raise TimedOut(f"took longer than {self.limit} s")

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()
        self.subtest_failed = False
        self.watch(getattr(test, "timeout", TIMEOUT))

    def stopTest(self, test):
        super().stopTest(test)
        self.watch(TIMEOUT)  # for the class's own fixtures

    def say(self, word, test, detail=""):
        seconds = time.monotonic() - getattr(self, "started", time.monotonic())
        print(f"{word:5} {name_of(test)}  ({seconds:.2f} s){detail}", flush=True)

    def fail(self, test, error):
        self.failed += 1
        self.failed_names.append(name_of(test))
        self.say("FAIL", test)
        text = self._exc_info_to_string(error, test).rstrip()
        if hasattr(test, "explain"):  # what the test's surroundings know: a daemon's log
            text += f"\n{test.explain()}"
        print("    " + text.replace("\n", "\n    "), flush=True)

    def addSuccess(self, test):
        if not self.subtest_failed:
            self.passed += 1
            self.say("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skip", test, f": {reason}")

    def addFailure(self, test, error):
        self.fail(test, error)

    def addError(self, test, error):
        self.fail(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.subtest_failed = True
            self.fail(subtest, error)


def name_of(test):
    return test.id() if hasattr(test, "id") else str(test)


def cases_in(module, pattern):
    """Selected by a part of the name: suite.file.Class.test without 'test_' before the file."""
    def walk(suite):
        for item in suite:
            if isinstance(item, unittest.TestSuite):
                yield from walk(item)
            else:
                yield item
    return [case for case in walk(unittest.defaultTestLoader.loadTestsFromModule(module))
            if not pattern or any(part in case.id() for part in pattern)]


def run_file(suite, path, pattern, result):
    name = f"{suite}.{path.stem}"
    before = isolation.Snapshot.take()
    result.watch(TIMEOUT)
    try:
        cases = cases_in(importlib.import_module(name), pattern)
    except Exception:
        result.failed += 1
        result.failed_names.append(name)
        print(f"FAIL  {name} cannot be loaded\n{traceback.format_exc()}", flush=True)
        return
    if not cases:
        return
    unittest.TestSuite(cases).run(result)
    result._previousTestClass = None
    signal.alarm(0)
    left = isolation.left_since(before)
    if left:
        result.failed += 1
        result.failed_names.append(f"{name} (left things behind)")
        print(f"FAIL  {name} left behind:")
        for what, items in left.items():
            for item in items:
                print(f"    {what}: {item}")
        isolation.remove_left(before)


def suites():
    return sorted(path.name for path in TESTS.iterdir() if any(path.glob("test_*.py")))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", nargs="*", help="of: " + " ".join(suites()))
    parser.add_argument("-k", action="append", metavar="PART", help="only tests whose name contains this")
    parser.add_argument("--summary-fd", type=int, metavar="FD", help="write the counts there, as JSON")
    parser.add_argument("--shell", metavar="COMMAND", help="run a shell command there instead of tests")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.suite) - set(suites())
    if unknown:
        parser.error(f"no suite {' '.join(sorted(unknown))}; there are: {' '.join(suites())}")

    if not options.inside:
        isolation.require_root()
        pass_fds = () if options.summary_fd is None else (options.summary_fd,)
        return isolation.enter([sys.executable, __file__, "--inside", *sys.argv[1:]], pass_fds)

    isolation.furnish()
    if options.shell:
        return os.waitstatus_to_exitcode(os.system(options.shell))
    result = Result()
    signal.signal(signal.SIGALRM, result.on_alarm)
    started = time.monotonic()
    for suite in options.suite or suites():
        for path in sorted((TESTS / suite).glob("test_*.py")):
            run_file(suite, path, options.k, result)
    counts = {"passed": result.passed, "failed": result.failed, "skipped": len(result.skipped)}
    if options.summary_fd is not None:
        os.write(options.summary_fd, json.dumps(counts | {"failed_names": result.failed_names}).encode())
    print(f"{result.passed} passed, {result.failed} failed, {len(result.skipped)} skipped "
          f"in {time.monotonic() - started:.0f} s", flush=True)
    return 1 if result.failed else 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
