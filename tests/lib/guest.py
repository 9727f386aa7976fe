# SPDX-License-Identifier: Apache-2.0
"""Tests that run in a virtual machine, for what this machine's kernel was not booted with.

    # tests/vm/test_cgroup2.py
    Cgroup2 = guest.tests_of("cgroup2", "cgroup_no_v1=all")

The tests themselves are unittest cases in tests/vm/guest_cgroup2.py, like those of any other suite. The guest
boots once, without KVM, from build/guests (tools/guests makes it) and what the checkout has built, runs them
all, and says of each how it ended; here each is a test that waits for its own result.

    tests/lib/guest.py cgroup2 -k memory      boots it with these tests only; --shell: with a shell
"""

import argparse
import contextlib
import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [f"{CHECKOUT}/tests"] * (f"{CHECKOUT}/tests" not in sys.path)

from lib import bundle  # noqa: E402  (needs the path above)
from lib.runtime import PROGRAM  # noqa: E402

IMAGES = f"{CHECKOUT}/build/guests"
QEMU = "qemu-system-x86_64"
INSIDE = "/gantry"  # where the guest has what it needs of the checkout
# The console is for people; results have a line of their own.
RESULTS = "/dev/ttyS1"
BOOT = 120  # seconds, on two busy cores; without load it takes 10


def why_not(programs=()):
    """What is missing for a guest, or None."""
    if platform.machine() != "x86_64":
        return "the guests' kernel is for x86-64"
    for program in [QEMU, *programs]:
        if not shutil.which(program):
            return f"{program} is not installed"
    if not os.path.exists(f"{IMAGES}/stamp"):
        return "tools/guests could not make build/guests (it needs Debian's packages)"
    return None


def _stage(directory, programs):
    """What comes on top of the Debian: init, the programs under test, the tests, programs of this machine."""
    def put(source, target):
        os.makedirs(os.path.dirname(f"{directory}{target}"), exist_ok=True)
        shutil.copy(source, f"{directory}{target}")

    put(f"{CHECKOUT}/tests/vm/init", "/init")
    put(f"{CHECKOUT}/tests/vm/gantry-tests.service", "/etc/systemd/system/gantry-tests.service")
    put(PROGRAM, f"{INSIDE}/build/release/bin/gantry-runtime")
    for name in ("probe",):
        put(bundle.helper(name), bundle.helper(name).replace(CHECKOUT, INSIDE))
        put(f"{bundle.HELPERS}/{name}.c", f"{bundle.HELPERS}/{name}.c".replace(CHECKOUT, INSIDE))
    put(f"{CHECKOUT}/tests/run.py", f"{INSIDE}/tests/run.py")
    for folder in ("lib", "vm"):
        shutil.copytree(f"{CHECKOUT}/tests/{folder}", f"{directory}{INSIDE}/tests/{folder}",
                        ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    for program in programs:
        put(shutil.which(program), f"/usr/bin/{program}")
        needed = subprocess.run(["ldd", shutil.which(program)], stdout=subprocess.PIPE, text=True, check=True).stdout
        for library in {word for word in needed.split() if word.startswith("/")}:
            put(library, f"{os.path.realpath(os.path.dirname(library))}/{os.path.basename(library)}")
    # Compiling them is slower there than here.
    subprocess.run([sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
                    f"{directory}{INSIDE}/tests"], check=True)


class Guest:
    """A running machine."""

    def __init__(self, name, kernel_parameters="", programs=(), test_arguments=(), interactive=False):
        self.directory = tempfile.mkdtemp(prefix=f"guest-{name}-")
        stage = f"{self.directory}/stage"
        _stage(stage, programs)
        with open(f"{stage}{INSIDE}/arguments", "w") as file:
            file.write(" ".join([name, *test_arguments]))
        initrd, disk = f"{self.directory}/initrd", f"{self.directory}/disk"
        with open(initrd, "wb") as file:  # the kernel unpacks archives one after the other
            with open(f"{IMAGES}/root.cpio", "rb") as root:
                shutil.copyfileobj(root, file, 1 << 20)
            names = "\n".join(os.path.relpath(os.path.join(at, name), stage)
                              for at, directories, files in os.walk(stage) for name in [*directories, *files])
            subprocess.run([bundle.BUSYBOX, "cpio", "-o", "-H", "newc"], cwd=stage, input=names.encode(),
                           stdout=file, stderr=subprocess.DEVNULL, check=True)
        with open(disk, "wb") as file:
            file.truncate(64 << 20)
        self.console_path = f"{self.directory}/console"
        console = "mon:stdio" if interactive else f"file:{self.console_path}"
        ours, theirs = os.pipe()
        self.process = subprocess.Popen(
            [QEMU, "-accel", "tcg,thread=multi", "-cpu", "Nehalem", "-smp", "2", "-m", "1024", "-nodefaults",
             "-no-user-config", "-no-reboot", "-display", "none", "-serial", console,
             "-chardev", f"file,id=results,path=/dev/fd/{theirs}", "-serial", "chardev:results",
             "-drive", f"if=none,id=disk,format=raw,file={disk}", "-device", "virtio-blk-pci,drive=disk,serial=disk",
             "-kernel", f"{IMAGES}/vmlinuz", "-initrd", initrd,
             "-append", f"console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off {kernel_parameters}"
                        + (" gantry.shell" if interactive else "")],
            stdin=None if interactive else subprocess.DEVNULL, pass_fds=[theirs])
        os.close(theirs)
        self.results = os.fdopen(ours, errors="replace")

    def __iter__(self):
        """What the tests say, one dictionary a line, until the machine is off."""
        for line in self.results:
            with contextlib.suppress(ValueError):  # a line that was cut as the machine stopped
                yield json.loads(line)

    def console(self, lines=60):
        with open(self.console_path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def end(self):
        self.process.kill()
        self.process.wait()
        self.results.close()
        shutil.rmtree(self.directory)


class GuestTest(unittest.TestCase):
    """One test of the guest: tests_of() makes the subclasses."""

    timeout = BOOT + 60
    name = kernel_parameters = programs = None

    @classmethod
    def setUpClass(cls):
        if why_not(cls.programs):
            raise unittest.SkipTest(why_not(cls.programs))
        cls.guest = Guest(cls.name, cls.kernel_parameters, cls.programs)
        cls.addClassCleanup(cls.guest.end)
        cls.lines = iter(cls.guest)
        cls.known = {}

    @classmethod
    def tearDownClass(cls):
        for line in cls.lines:
            cls.known[line["name"]] = line
        left = [line["text"] for line in cls.known.values() if line["outcome"] == "left"]
        if left:
            raise AssertionError("left behind in the guest:\n" + "\n".join(left))

    def result_of(self, name):
        while name not in self.known:
            line = next(self.lines, None)
            if line is None:
                self.fail("the guest ended without a word on this test")
            self.known[line["name"]] = line
        return self.known[name]

    def check(self, name):
        result = self.result_of(name)
        if result["outcome"] == "skip":
            self.skipTest(result["text"])
        if result["outcome"] != "ok":
            self.fail(result["text"])

    def explain(self):
        return f"the guest's console:\n{self.guest.console()}"


def tests_of(name, kernel_parameters="", programs=()):
    """A class with a test for each of tests/vm/guest_<name>.py, which needs programs that this machine has."""
    members = {"__module__": f"vm.test_{name}", "name": name, "kernel_parameters": kernel_parameters,
               "programs": programs}
    module = importlib.import_module(f"vm.guest_{name}")
    for suite in unittest.defaultTestLoader.loadTestsFromModule(module):
        for case in suite:
            class_name, method = case.id().split(".")[-2:]
            members[f"test_{class_name}.{method}"] = lambda self, id=f"{class_name}.{method}": self.check(id)
    return type(name.capitalize(), (GuestTest,), members)


# ---- inside


def run_tests_inside():
    """What the guest's init starts."""
    import pathlib
    import signal

    import run

    results = open(RESULTS, "w")

    def short(test):
        return ".".join(run.name_of(test).split(".")[-2:])

    class Result(run.Result):
        def say(self, word, test, detail=""):
            super().say(word, test, detail)
            if word != "FAIL":
                self.tell(short(test), word, detail.removeprefix(": "))

        def fail(self, test, error):
            super().fail(test, error)
            self.tell(short(test), "FAIL", self._exc_info_to_string(error, test).rstrip())

        def tell(self, name, outcome, text=""):
            print(json.dumps({"name": name, "outcome": outcome, "text": text}), file=results, flush=True)

    with open(f"{INSIDE}/arguments") as file:
        name, *patterns = file.read().split()
    result = Result()
    signal.signal(signal.SIGALRM, result.on_alarm)
    run.TIMEOUT = 60
    run.run_file("vm", pathlib.Path(f"guest_{name}.py"), patterns, result)
    for failure in result.failed_names:
        if "left things" in failure:
            result.tell("left", "left", failure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?")
    parser.add_argument("-k", action="append", default=[], metavar="PART")
    parser.add_argument("--shell", action="store_true", help="a shell on the console instead of tests")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return run_tests_inside()
    if why_not():
        sys.exit(why_not())
    module = importlib.import_module(f"vm.test_{options.name}")
    (case,) = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, GuestTest)]
    started = time.monotonic()
    guest = Guest(options.name, case.kernel_parameters, case.programs, options.k, options.shell)
    try:
        for line in guest:
            print(f"{time.monotonic() - started:5.1f} {line['outcome']:5} {line['name']} {line['text']}", flush=True)
        print(f"{time.monotonic() - started:5.1f} off")
        if not options.shell:
            print(guest.console())
    finally:
        guest.end()


if __name__ == "__main__":
    from lib import guest  # so that there is one GuestTest

    guest.main()
