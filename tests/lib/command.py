# SPDX-License-Identifier: Apache-2.0
"""Other programs, as tests call them: run one and see all it said, on a terminal if need be; daemons."""

import errno
import fcntl
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import tempfile
import termios
import time
from typing import NamedTuple

from lib.runtime import wait_for


class Completed(NamedTuple):
    command: str
    status: int     # as $? has it: 128 + signal for a killed one
    stdout: str
    stderr: str

    def __str__(self):
        said = "".join(f"\n{name}: {text.rstrip()}" for name, text in
                       (("stdout", self.stdout), ("stderr", self.stderr)) if text)
        return f"$ {self.command}\n[{self.status}]{said}"


class UnexpectedStatus(AssertionError):
    pass


def _completed(argv, returncode, stdout, stderr, expected):
    status = returncode if returncode >= 0 else 128 - returncode
    result = Completed(shlex.join(argv), status, stdout, stderr)
    if expected is not None and status != expected:
        raise UnexpectedStatus(f"exit status {status} instead of {expected}\n{result}")
    return result


def run(*argv, status=0, stdin="", env=None, timeout=60, cwd=None, pass_fds=()):
    """Runs a program to its end. Any exit status but `status` is a failure; None takes them all."""
    try:
        result = subprocess.run(argv, input=stdin, capture_output=True, text=True, errors="replace", cwd=cwd,
                                pass_fds=pass_fds, timeout=timeout, env={**os.environ, **env} if env else None)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"still running after {timeout} s: {shlex.join(argv)}\n"
                             f"stdout: {late.stdout}\nstderr: {late.stderr}") from None
    return _completed(argv, result.returncode, result.stdout, result.stderr, status)


def run_on_terminal(*argv, status=0, stdin="", env=None, timeout=60, rows=30, columns=100):
    """Runs a program as on a keyboard and a screen; what the screen showed is its stdout."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def take_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_terminal,
                               env={**os.environ, **env} if env else None)
    os.close(theirs)
    screen = b""
    typed = stdin.encode()
    deadline = time.monotonic() + timeout
    try:
        while True:
            if not select.select([ours], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"still running after {timeout} s: {shlex.join(argv)}\nscreen: {screen}")
            try:
                data = os.read(ours, 65536)
            except OSError as error:
                if error.errno != errno.EIO:  # the last holder of the other end has gone
                    raise
                break
            screen += data
            if typed:  # not before the other side shows life: it may flush what came earlier
                os.write(ours, typed)
                typed = b""
        process.wait(max(0.1, deadline - time.monotonic()))
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return _completed(argv, process.returncode, screen.decode(errors="replace"), "", status)


class Daemon:
    """A daemon of the test's own: started, waited for, stopped by pid. Its output goes to `log`."""

    def __init__(self, *argv, ready, env=None, timeout=60):
        self.argv = argv
        self.log = tempfile.NamedTemporaryFile("w+b", prefix=os.path.basename(argv[0]) + "-", suffix=".log")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env={**os.environ, **env} if env else None)
        try:
            wait_for(lambda: self._check_alive() and ready(), f"{argv[0]} to be ready", timeout)
        except BaseException as error:
            self.stop()
            raise AssertionError(f"{error}\n{self.new_log()}") from None

    def _check_alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with status {self.process.returncode}: {shlex.join(self.argv)}")
        return True

    def new_log(self, lines=60):
        """What it has logged since the last call."""
        with open(self.log.name, "rb") as log:
            log.seek(getattr(self, "shown", 0))
            text = log.read().decode(errors="replace")
            self.shown = log.tell()
        return "\n".join(text.splitlines()[-lines:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=30):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self.log.close() if self.process.returncode == 0 else None
