# SPDX-License-Identifier: Apache-2.0
"""The OCI runtime under test, driven as engines drive it: by its command line.

    class TestSomething(RuntimeTest):
        def test_root_is_uid_0(self):
            self.assertEqual(self.inside("id -u"), "0\n")

        def test_exec_sees_the_hostname(self):
            container = self.running(self.bundle("sleep", "60"))
            self.assertEqual(container.exec("hostname").stdout, "gantry-test\n")

GANTRY_RUNTIME names the program (build/release/bin/gantry-runtime unless set). Every test has a state
directory of its own; a process, mount, cgroup or state directory that outlives `delete --force` fails it.
"""

import contextlib
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from typing import NamedTuple

from lib.bundle import CHECKOUT, Bundle, mounts_below, unmount_below
from lib.isolation import cgroup_mounts, remove_cgroup_tree

PROGRAM = os.environ.get("GANTRY_RUNTIME", f"{CHECKOUT}/build/release/bin/gantry-runtime")
IS_RUNC = os.path.basename(PROGRAM) == "runc"

# The tests are tried against runc 1.1 too, which shows that they expect what callers are used to.
beyond_runc = unittest.skipIf(IS_RUNC, "runc 1.1 does not do this")

# Seconds until something that must happen is said not to, on a machine that has much else to do.
PATIENCE = 30


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))


def wait_for(condition, what="it", seconds=PATIENCE):
    """The first true answer of a function, asked again and again."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.005)


def fields(text):
    """'Name:<blank>value' lines, as in /proc/<pid>/status."""
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        return fields(read(f"/proc/{pid}/status"))["State"][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_exit(pid, seconds=PATIENCE):
    wait_for(lambda: not is_alive(pid), f"the end of process {pid}", seconds)


class Outcome(NamedTuple):
    code: int     # exit status; negative: the signal that ended the runtime
    stdout: str
    stderr: str
    log: list     # the entries of the --log file

    @property
    def error(self):
        """What containerd's shim and conmon show to the user: the last line of the log."""
        return self.log[-1].get("msg", "") if self.log and self.log[-1].get("level") == "error" else ""

    @property
    def warnings(self):
        return [entry["msg"] for entry in self.log if entry.get("level") == "warning"]


class Runtime:
    """One state directory, and calls of the program on it."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.program = PROGRAM
        self.root = f"{scratch}/state"
        self.containers = []

    def words(self, *words, log=None):
        return [self.program, "--root", self.root, *(["--log", log, "--log-format", "json"] if log else []),
                *map(str, words)]

    def __call__(self, *words, input="", stdin=None, cwd=None, env=None, open_fds=None, seconds=2 * PATIENCE, ok=False,
                 user=None):
        """Runs one command to its end. Output goes through files: a container that is left behind
        with them open does not block us. With `ok`, failure is an exception. `open_fds` is
        {number: path of a file}: what the program finds open beside the standard streams."""
        log = tempfile.mktemp(prefix="log-", dir=self.scratch)
        words = self.words(*words, log=log)
        if open_fds:
            redirections = " ".join(f"{number}>>'{path}'" for number, path in open_fds.items())
            words = ["sh", "-c", f'exec "$@" {redirections}', "sh", *words]
        temporary = functools.partial(tempfile.TemporaryFile, dir=self.scratch)
        with temporary() as given, temporary() as out, temporary() as err:
            given.write(input.encode())
            given.seek(0)
            command = subprocess.Popen(
                words, stdin=given if stdin is None else stdin, stdout=out, stderr=err, cwd=cwd,
                env=os.environ | (env or {}), user=user, group=user,
                extra_groups=None if user is None else [])
            try:
                code = command.wait(seconds)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{' '.join(words)}: still running after {seconds} s") from None
            finally:
                command.kill()
                command.wait()
            out.seek(0)
            err.seek(0)
            outcome = Outcome(code, out.read().decode(errors="replace"), err.read().decode(errors="replace"),
                              read_log(log))
        if ok and code != 0:
            raise AssertionError(f"{' '.join(words)}: status {code}: {outcome.error or outcome.stderr}")
        return outcome

    def popen(self, *words, **options):
        """Starts one command: for what happens while it runs."""
        return subprocess.Popen(self.words(*words), **options)

    def run(self, bundle, *options, **more):
        """`run` in the foreground."""
        bundle.save()
        self.remember(bundle)
        return self("run", "--bundle", bundle.path, *options, bundle.id, **more)

    def try_create(self, bundle, *options, save=True, **more):
        """`create`, which may fail."""
        if save:
            bundle.save()
        self.remember(bundle)
        return self("create", "--bundle", bundle.path, *options, bundle.id, **more)

    def create(self, bundle, *options, **more):
        bundle.save()
        container = self.remember(bundle)
        # Its output stays where it can be read while it runs.
        with open(container.stdout_path, "ab") as out, open(container.stderr_path, "ab") as err, \
                open(os.devnull) as null:
            log = f"{self.scratch}/{bundle.id}.log"
            stdin = more.pop("stdin", null)
            code = subprocess.run(
                self.words("create", "--bundle", bundle.path, "--pid-file", container.pid_path, *options,
                           bundle.id,
                           log=log),
                stdin=stdin, stdout=out, stderr=err, timeout=2 * PATIENCE, **more).returncode
        if code != 0:
            entries = read_log(log)
            raise AssertionError(f"create {bundle.id}: status {code}: "
                                 f"{entries[-1]['msg'] if entries else read(container.stderr_path)}")
        return container

    def remember(self, bundle):
        container = Container(self, bundle)
        if bundle.id not in [known.id for known in self.containers]:
            self.containers.append(container)
        return container

    def left_of(self, id):
        """What a container has left on the machine, as a list of sentences."""
        left = [f"state directory {self.root}/{id}"] if os.path.lexists(f"{self.root}/{id}") else []
        left += [f"cgroup {path}" for path in cgroups_of(id)]
        left += [f"process {pid}: {line}" for pid, line in processes_of(id)]
        return left

    def clean_up(self):
        """Deletes every container by force. Returns what stayed behind, after removing that too."""
        complaints = []
        for container in self.containers:
            outcome = self("delete", "--force", container.id)
            if outcome.code != 0:
                complaints.append(f"delete --force {container.id}: {outcome.error or outcome.stderr}")
            deadline = time.monotonic() + PATIENCE
            while (left := self.left_of(container.id)) and time.monotonic() < deadline:
                time.sleep(0.01)
            complaints += left
            remove_left_of(container.id)
        for point in mounts_below(self.scratch):
            if not point.startswith(f"{self.scratch}/mnt"):  # where tests mount themselves
                complaints.append(f"mount {point}")
        return complaints


def read_log(path):
    with contextlib.suppress(FileNotFoundError):
        return [json.loads(line) for line in read(path).split("\n") if line]
    return []


def cgroups_of(id):
    return [directory for path in dict.fromkeys(mount.path for mount in cgroup_mounts())
            for directory, _, _ in os.walk(path) if id in os.path.basename(directory)]


def processes_of(id):
    """Processes of ours that name a container in their arguments, environment or cgroup."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            line = read_bytes(f"/proc/{pid}/cmdline")
            if not line or int(pid) == os.getpid() or not is_alive(pid):  # a thread of the kernel has none
                continue
            text = line + read_bytes(f"/proc/{pid}/environ") + read_bytes(f"/proc/{pid}/cgroup")
            # As a whole word: gt7-1 is not gt7-12.
            if any(part in (b"\0", b"/", b"\n", b"=", b"") for part in after(text, id.encode())):
                found.append((int(pid), line.replace(b"\0", b" ").decode(errors="replace")))
    return found


def after(text, word):
    at = text.find(word)
    while at >= 0:
        yield text[at + len(word):at + len(word) + 1]
        at = text.find(word, at + 1)


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def remove_left_of(id):
    for pid, _ in processes_of(id):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for path in sorted(cgroups_of(id), key=len):
        with contextlib.suppress(OSError):
            remove_cgroup_tree(path)


class Container:
    """A container that `create` made, or tried to make."""

    def __init__(self, runtime, bundle):
        self.runtime, self.bundle, self.id = runtime, bundle, bundle.id
        self.stdout_path, self.stderr_path, self.pid_path = (
            f"{runtime.scratch}/{bundle.id}.{name}" for name in ("stdout", "stderr", "pid"))

    @property
    def pid(self):
        return int(read(self.pid_path))

    @property
    def stdout(self):
        return read(self.stdout_path)

    @property
    def state(self):
        return json.loads(self.runtime("state", self.id, ok=True).stdout)

    @property
    def status(self):
        return self.state["status"]

    def start(self):
        self.runtime("start", self.id, ok=True)
        return self

    def kill(self, signal=None, *options, **more):
        return self.runtime("kill", *options, self.id, *([] if signal is None else [signal]), **more)

    def delete(self, *options, **more):
        return self.runtime("delete", *options, self.id, **more)

    def exec(self, *args, options=(), **more):
        """`exec` of a command."""
        return self.runtime("exec", *options, self.id, *args, **more)

    def exec_process(self, args, options=(), ok=False, **process):
        """`exec --process`, as engines call it: process.json as in config.json, with changes."""
        path = tempfile.mktemp(prefix="process-", suffix=".json", dir=self.runtime.scratch)
        write(path, json.dumps(self.bundle.process | {"args": list(args)} | process))
        return self.runtime("exec", "--process", path, *options, self.id, ok=ok)

    def wait(self):
        wait_for_exit(self.pid)
        wait_for(lambda: self.status == "stopped", "status 'stopped'")

    def wait_for_output(self, text):
        wait_for(lambda: text in self.stdout, f"'{text}' in the output of {self.id}")

    def proc(self, name):
        """A file of its first process, as the host sees it."""
        return read(f"/proc/{self.pid}/{name}")

    def cgroup(self, controller):
        """Where the kernel says that its first process is, as a directory of the host ("": cgroup v2). To be
        asked for while that process lives: what may end by itself is asked before it is started."""
        return cgroup_directory(self.pid, controller)

    def cgroup_file(self, controller, name):
        return read(f"{self.cgroup(controller)}/{name}").strip()


def cgroup_directory(pid, controller):
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            for mount in cgroup_mounts():
                if (mount.type == "cgroup2") if not names else (mount.options == names):
                    return mount.path + path.rstrip("/")
    raise AssertionError(f"process {pid} is in no cgroup of '{controller}'")


class ConsoleSocket:
    """The other end of --console-socket: gets the terminal's descriptor."""

    def __init__(self, directory):
        self.directory = tempfile.mkdtemp(prefix="tty-", dir=directory)  # short: sun_path has 108 bytes
        self.path = f"{self.directory}/s"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(self.path)
        self.socket.listen()
        self.socket.settimeout(PATIENCE)
        self.master = None

    def accept(self):
        """The terminal's master, and the message that came with it."""
        connection, _ = self.socket.accept()
        with connection:
            message, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
        assert len(descriptors) == 1, f"{len(descriptors)} descriptors came through the console socket"
        self.master = descriptors[0]
        return self.master, message

    def read_until(self, text, seconds=PATIENCE):
        """What the terminal says until a text has come (None: until it hangs up)."""
        got = b""
        deadline = time.monotonic() + seconds
        while text is None or text.encode() not in got:
            if not select.select([self.master], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"no '{text}' from the terminal, only {got!r}")
            try:
                piece = os.read(self.master, 4096)
            except OSError:  # EIO: the last process that had it open is gone
                piece = b""
            if not piece:
                break
            got += piece
        return got.decode(errors="replace")

    def close(self):
        self.socket.close()
        if self.master is not None:
            os.close(self.master)


class RuntimeTest(unittest.TestCase):
    timeout = 180  # seconds; tests/run.py

    def setUp(self):
        self.scratch = os.path.realpath(tempfile.mkdtemp(prefix="gantry-test-"))
        os.chmod(self.scratch, 0o1777)  # some tests are ordinary users
        self.addCleanup(self.remove_scratch)
        self.runtime = Runtime(self.scratch)
        self.addCleanup(self.delete_containers)

    def remove_scratch(self):
        unmount_below(self.scratch)
        shutil.rmtree(self.scratch)

    def delete_containers(self):
        left = self.runtime.clean_up()
        if left:
            raise AssertionError("left behind:\n" + "\n".join(left))

    def bundle(self, *args):
        return Bundle(*args, parent=self.scratch)

    def script(self, text):
        """A bundle that runs a shell script."""
        return self.bundle("sh", "-c", text)

    def directory(self, name="directory"):
        path = f"{self.scratch}/{name}"
        os.makedirs(path, exist_ok=True)
        return path

    def inside(self, script=None, bundle=None):
        """What a script prints that runs as the container's first process, however it ends."""
        bundle = bundle or self.bundle()
        if script is not None:
            bundle.process["args"] = ["sh", "-c", script]
        outcome = self.runtime.run(bundle)
        if outcome.error or outcome.code < 0:
            raise AssertionError(f"status {outcome.code}: {outcome.error}")
        return outcome.stdout

    def created(self, bundle=None, *options, **more):
        return self.runtime.create(bundle or self.bundle("sleep", "600"), *options, **more)

    def running(self, bundle=None, *options, **more):
        return self.created(bundle, *options, **more).start()

    def console(self):
        console = ConsoleSocket(self.scratch)
        self.addCleanup(console.close)
        return console

    def mount_tmpfs(self, name="mnt"):
        """A file system of the test's own, which starts with 'mnt' so that it is not taken for a leak."""
        path = self.directory(name)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
        return path

    def assert_refused(self, outcome, *words):
        """An error of one line that has these words in it, in small or capital letters."""
        self.assertNotEqual(outcome.code, 0, f"was not refused: {outcome.stdout}")
        self.assertGreater(outcome.code, 0, "the runtime was killed by a signal")
        self.assertTrue(outcome.error, f"no error in the log; stderr: {outcome.stderr}")
        self.assertNotIn("\n", outcome.error if not IS_RUNC else "")
        for word in words:
            self.assertIn(word.lower(), outcome.error.lower())

    def assert_nothing_left(self, id, seconds=PATIENCE):
        """What is on its way out gets a moment to go."""
        deadline = time.monotonic() + seconds
        while (left := self.runtime.left_of(id)) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(left, [])

    def assert_create_refused(self, bundle, *words, save=True):
        """`create` says these words, and leaves nothing on the machine."""
        outcome = self.runtime.try_create(bundle, save=save)
        self.assert_refused(outcome, *words)
        self.assert_nothing_left(bundle.id)
        return outcome.error
