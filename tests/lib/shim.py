# SPDX-License-Identifier: Apache-2.0
"""The shim as its daemon uses it: start one, talk to it as docs/formats/shim-protocol.md says.

    shim = Shim(scratch, bundle)                 # gantry-shim has created the container
    with shim.connect() as client:
        client.attach(STDOUT | STDERR)
        client.start()
        status = client.wait_exit()              # collects client.output meanwhile
    shim.log_records()                           # [(time, stream, flag, text)]

GANTRY_SHIM names the program (build/release/bin/gantry-shim unless set), GANTRY_SHIM_RUNTIME the runtime it
calls (the GANTRY_RUNTIME of the other tests unless set).
"""

import json
import os
import re
import select
import socket
import struct
import subprocess
import time
from typing import NamedTuple

from lib.bundle import CHECKOUT
from lib.runtime import PATIENCE

SHIM = os.environ.get("GANTRY_SHIM", f"{CHECKOUT}/build/release/bin/gantry-shim")
RUNTIME = os.environ.get("GANTRY_SHIM_RUNTIME") or os.environ.get(
    "GANTRY_RUNTIME", f"{CHECKOUT}/build/release/bin/gantry-runtime")

STDIN, STDOUT, STDERR, LOSSLESS, STDIN_ONCE, TERMINAL = 1, 2, 4, 8, 16, 32
STATUS, START, ATTACH, SEND_STDIN, CLOSE_STDIN, RESIZE, SIGNAL, EXEC, WAIT, REOPEN_LOG, DELETE = range(1, 12)
OK, ERROR, OUTPUT, LOST, EXITED = 0x100, 0x101, 0x200, 0x201, 0x202
INVALID_ARGUMENT, NOT_FOUND, CONFLICT, UNSUPPORTED = 2, 3, 5, 7

HEADER = struct.Struct("<HHII")
MAX_BODY = 64 << 10


class Frame(NamedTuple):
    type: int
    flags: int
    tag: int
    session: int
    body: bytes


class Exit(NamedTuple):
    code: int
    signal: int
    oom_killed: bool
    log_incomplete: bool
    time: float

    @classmethod
    def parse(cls, body):
        code, signal, flags, nanoseconds, seconds = struct.unpack("<IIIIq", body)
        return cls(code, signal, bool(flags & 1), bool(flags & 2), seconds + nanoseconds / 1e9)


class Status(NamedTuple):
    version: int
    state: str
    pid: int
    log_errno: int
    clients: int
    live_execs: int
    exit: Exit


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Closed(Exception):
    """The shim closed the connection."""


class Client:
    """One connection. Output is collected in `output` by (session, stream), exits in `exits` by session."""

    def __init__(self, path, timeout=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # sun_path is short and temporary directories may be deep.
        directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.socket.connect(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
        finally:
            os.close(directory)
        self.socket.settimeout(timeout)
        self.tag = 0
        self.output = {}
        self.exits = {}
        self.lost = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, type, body=b"", flags=0, session=0):
        """Sends a request; its tag."""
        self.tag += 1
        self.socket.send(HEADER.pack(type, flags, self.tag, session) + body)
        return self.tag

    def receive(self):
        data = self.socket.recv(HEADER.size + MAX_BODY)
        if not data:
            raise Closed
        frame = Frame(*HEADER.unpack_from(data), data[HEADER.size:])
        if frame.type == OUTPUT:
            key = frame.session, ("stdout", "stderr")[frame.flags]
            self.output[key] = self.output.get(key, b"") + frame.body
        elif frame.type == LOST:
            self.lost += struct.unpack("<Q", frame.body)[0]
        elif frame.type == EXITED:
            self.exits[frame.session] = Exit.parse(frame.body)
        return frame

    def answer(self, tag):
        while True:
            frame = self.receive()
            if frame.tag != tag or frame.type not in (OK, ERROR):
                continue
            if frame.type == ERROR:
                raise Refused(frame.flags, frame.body.decode())
            return frame

    def ask(self, type, body=b"", flags=0, session=0):
        return self.answer(self.send(type, body, flags, session))

    def start(self):
        self.ask(START)

    def attach(self, flags, session=0):
        self.ask(ATTACH, flags=flags, session=session)

    def write(self, data, session=0):
        self.send(SEND_STDIN, data, session=session)

    def close_stdin(self, session=0):
        self.ask(CLOSE_STDIN, session=session)

    def resize(self, rows, columns, session=0):
        self.ask(RESIZE, struct.pack("<HH", rows, columns), session=session)

    def signal(self, number, session=0, everything=False):
        self.ask(SIGNAL, struct.pack("<I", number), flags=int(everything), session=session)

    def exec(self, process_file, flags=0, rows=0, columns=0):
        """(session, pid) of a new exec session."""
        frame = self.ask(EXEC, struct.pack("<HH", rows, columns) + process_file.encode(), flags=flags)
        return frame.session, struct.unpack("<I", frame.body)[0]

    def status(self):
        version, state, pid, log_errno, clients, live_execs = struct.unpack_from("<6I", body := self.ask(STATUS).body)
        return Status(version, {1: "live", 2: "exited"}[state], pid, log_errno, clients, live_execs,
                      Exit.parse(body[24:]))

    def wait_exit(self, session=0):
        """The exit of a session, waited for with Wait if this connection was not told of it yet."""
        if session not in self.exits:
            self.send(WAIT, session=session)
        while session not in self.exits:
            frame = self.receive()
            if frame.type == ERROR:
                raise Refused(frame.flags, frame.body.decode())
        return self.exits[session]

    def read_until(self, text, session=0, stream="stdout"):
        """Reads until a stream has shown the bytes; all it has shown."""
        while text not in self.output.get((session, stream), b""):
            self.receive()
        return self.output[session, stream]

    def is_silent_for(self, seconds):
        return not select.select([self.socket], [], [], seconds)[0]

    def delete(self, session=0, force=False):
        self.ask(DELETE, flags=int(force), session=session)


class Record(NamedTuple):
    time: str
    stream: str
    flag: str
    text: bytes


RECORD = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) ([^\n]*)\n")


def parse_log(data):
    """Every record of a log; an assertion if anything in it is not one."""
    records = []
    at = 0
    while at < len(data):
        match = RECORD.match(data, at)
        assert match, f"not a record: {data[at:at + 100]!r}"
        records.append(Record(match[1].decode(), match[2].decode(), match[3].decode(), match[4]))
        at = match.end()
    return records


class Shim:
    def __init__(self, scratch, bundle, *options, log=None):
        """Starts gantry-shim for a bundle; returns when the container is created."""
        self.bundle = bundle
        self.id = bundle.id
        self.state = f"{scratch}/shim-{self.id}"
        self.root = f"{scratch}/runtime"
        self.log = log or f"{scratch}/{self.id}.log"
        self.pid = None
        bundle.save()
        self.words = [SHIM, "--id", self.id, "--bundle", bundle.path, "--runtime", RUNTIME, "--runtime-root",
                      self.root, "--state", self.state, "--log-path", self.log, *options]
        started = subprocess.run(self.words, capture_output=True, text=True, timeout=2 * PATIENCE)
        self.report = started.stdout
        if started.returncode != 0:
            raise Refused(started.returncode, self.report.strip() + started.stderr)
        self.init = int(self.report.removeprefix("ready "))
        with open(f"{self.state}/shim.pid") as file:
            self.pid = int(file.read())

    def connect(self, **options):
        return Client(f"{self.state}/shim.sock", **options)

    def start(self):
        with self.connect() as client:
            client.start()

    def is_listening(self):
        try:
            self.connect().close()
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def exit_record(self):
        with open(f"{self.state}/exit.json") as file:
            return json.load(file)

    def runtime(self, *words):
        return subprocess.run([RUNTIME, "--root", self.root, *words], capture_output=True, text=True, timeout=2 * PATIENCE)

    def wait_gone(self, seconds=PATIENCE):
        """Waits for the shim to end by itself."""
        deadline = time.monotonic() + seconds
        while is_running(self.pid):
            assert time.monotonic() < deadline, f"the shim still runs after {seconds} s"
            time.sleep(0.01)

    def remove(self):
        """Whatever state it is in: no container, no shim."""
        if self.pid is None:
            return
        if is_running(self.pid):
            try:
                with self.connect() as client:
                    client.delete(force=True)
            except (Closed, OSError):
                pass  # its container has ended, and so does it
            self.wait_gone()
        self.runtime("delete", "--force", self.id)

    def log_files(self):
        """The log's files, the oldest first."""
        names = [self.log]
        while os.path.exists(f"{self.log}.{len(names)}"):
            names.append(f"{self.log}.{len(names)}")
        return names[::-1]

    def log_bytes(self):
        data = b""
        for name in self.log_files():
            with open(name, "rb") as file:
                data += file.read()
        return data

    def log_records(self):
        return parse_log(self.log_bytes())

    def logged(self, stream="stdout"):
        """The text of a stream, its records joined again."""
        return b"".join(record.text + (b"\n" if record.flag == "F" else b"")
                        for record in self.log_records() if record.stream == stream)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
