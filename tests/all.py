#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds everything and runs all tests; ./test calls it once the machine is set up.

    ./test                    all stages
    ./test unit clients       these
    ./test clients -k podman  only tests whose name contains 'podman'
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
STEP_LIMIT = 20 * 60  # seconds for any one step: a hang is a failure and not the end of the run
BUILD_LIMIT = 40 * 60  # seconds for the build of a preset, which with an empty compiler cache takes its time


class Count:
    def __init__(self):
        self.passed = self.skipped = 0
        self.failures = []

    def fail(self, name):
        self.failures.append(name)

    def line(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {len(self.failures)} failed{skipped}"


def say(text):
    print(f"== {text}", flush=True)


def step(*command, env=None, limit=STEP_LIMIT, **options):
    """Runs a program with its output shown; returns its exit status."""
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL,
                               env=os.environ | (env or {}), **options)
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        say(f"stopped after {limit} s: {' '.join(map(str, command))}")
        process.terminate()
        return process.wait()


class Tests:
    def __init__(self, pattern):
        self.count = Count()
        self.pattern = pattern
        self.built = {}

    def build(self, preset, target):
        """Once; whether it went well."""
        if (preset, target) not in self.built:
            say(f"build {preset}: {target}")
            self.built[preset, target] = (step("cmake", "--preset", preset, stdout=subprocess.DEVNULL) == 0
                                          and step("cmake", "--build", "--preset", preset, "--target", target,
                                                   "--", "--quiet", limit=BUILD_LIMIT) == 0)
            if not self.built[preset, target]:
                self.count.fail(f"build {preset}: {target}")
        return self.built[preset, target]

    def ctest(self, preset, label, prefix=()):
        """Unit tests are counted case by case, other programs as one."""
        say(f"{label} tests, {preset}")
        results = ROOT / "build" / preset / "results"
        shutil.rmtree(results, ignore_errors=True)
        results.mkdir(parents=True)
        summary = results / "ctest.xml"
        select = [f"-R{re.escape(self.pattern)}"] if self.pattern else []
        status = step(*prefix, "ctest", "--test-dir", ROOT / "build" / preset, "-L", label, *select,
                      f"-j{os.cpu_count()}", "--output-on-failure", "--progress", "--no-tests=ignore",
                      "--output-junit", summary, env={"GTEST_OUTPUT": f"xml:{results}/", "GTEST_BRIEF": "1"})
        if not summary.exists():
            self.count.fail(f"ctest {preset} (status {status})")
            return
        for program in ElementTree.parse(summary).iter("testcase"):
            self.count_program(preset, program, results / f"{program.get('name')}.xml")

    def count_program(self, preset, program, cases):
        name = f"{preset} {program.get('name')}"
        failed_before = len(self.count.failures)
        if cases.exists():
            for case in ElementTree.parse(cases).iter("testcase"):
                if case.get("status") == "notrun":
                    continue  # disabled in the source
                if case.find("failure") is not None:
                    self.count.fail(f"{name} {case.get('classname')}.{case.get('name')}")
                elif case.get("result") == "skipped":
                    self.count.skipped += 1
                else:
                    self.count.passed += 1
        elif program.find("skipped") is not None:
            self.count.skipped += 1
        elif program.get("status") == "run":
            self.count.passed += 1
        # A program can also fail as a whole: a crash, a leak that is seen as it exits, a time-out.
        if program.get("status") == "fail" and len(self.count.failures) == failed_before:
            self.count.fail(name)

    def check(self):
        say("tools/check")
        if step("tools/check"):
            self.count.fail("tools/check")
        else:
            self.count.passed += 1

    def unit(self):
        if self.build("release", "unit_tests"):
            self.ctest("release", "unit")

    def sanitized(self, preset):
        if self.build(preset, "unit_tests"):
            # The sanitizers of g++ 12 cannot place their shadow memory under every layout that newer
            # kernels draw; without randomization they can.
            self.ctest(preset, "unit", prefix=("setarch", "-R"))

    def fuzz(self):
        if self.build("fuzz", "fuzz_tests"):
            self.ctest("fuzz", "fuzz", prefix=("setarch", "-R"))

    def suites(self, names):
        """End-to-end tests of the release build, as many suites at once as there are processors: each has a machine
        of its own (lib/isolation.py), and many of them wait. What a suite prints comes when it has ended."""
        if not self.build("release", "programs"):
            return
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = [pool.submit(self.run_suite, name, is_alone=len(names) == 1)
                    for name in sorted(names, key=size_of_suite, reverse=True)]
            for run in concurrent.futures.as_completed(runs):
                self.count_suite(*run.result())

    def run_suite(self, name, is_alone):
        """Its name, how long it took, its exit status, what it printed (nothing if it is alone: that is shown at
        once), and its counts as JSON."""
        say(f"end to end: tests/{name}")
        started = time.monotonic()
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as counts:
            shown = {} if is_alone else {"stdout": output, "stderr": output}
            status = step(sys.executable, "tests/run.py", name, *(["-k", self.pattern] if self.pattern else []),
                          "--summary-fd", counts.fileno(), pass_fds=[counts.fileno()], **shown)
            output.seek(0)
            counts.seek(0)
            return name, time.monotonic() - started, status, output.read(), counts.read()

    def count_suite(self, name, seconds, status, output, summary):
        sys.stdout.flush()
        sys.stdout.buffer.write(output)
        if summary:
            counts = json.loads(summary)
            self.count.passed += counts["passed"]
            self.count.skipped += counts["skipped"]
            for failure in counts["failed_names"]:
                self.count.fail(failure)
        else:
            self.count.fail(f"tests/{name} (status {status})")
        say(f"{name} took {seconds:.0f} s; so far {self.count.line()}")


def size_of_suite(name):
    """Bytes of its tests: the longest first, so that none is left alone at the end."""
    return sum(path.stat().st_size for path in ROOT.glob(f"tests/{name}/*.py"))


def main():
    suites = sorted({path.parent.name for path in ROOT.glob("tests/*/test_*.py")})
    stages = {"check": Tests.check, "unit": Tests.unit,
              "asan": lambda tests: tests.sanitized("asan"), "tsan": lambda tests: tests.sanitized("tsan"),
              "fuzz": Tests.fuzz}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", nargs="*", help="of: " + " ".join([*stages, *suites]))
    parser.add_argument("-k", dest="pattern", metavar="PART", help="only tests whose name contains this")
    options = parser.parse_args()
    unknown = set(options.stage) - set(stages) - set(suites)
    if unknown:
        parser.error(f"no stage {' '.join(sorted(unknown))}; there are: {' '.join([*stages, *suites])}")

    tests = Tests(options.pattern)
    for name, stage in stages.items():
        if not options.stage or name in options.stage:
            started = time.monotonic()
            stage(tests)
            say(f"{name} took {time.monotonic() - started:.0f} s; so far {tests.count.line()}")
    if wanted := [name for name in suites if not options.stage or name in options.stage]:
        tests.suites(wanted)
    for failure in tests.count.failures:
        print(f"FAILED {failure}")
    print(tests.count.line(), flush=True)
    return 1 if tests.count.failures else 0


if __name__ == "__main__":
    sys.exit(main())
