# SPDX-License-Identifier: Apache-2.0
"""A file server that can stop answering: a FUSE mount (linux/fuse.h) of one empty directory."""

import ctypes
import errno
import os
import select
import struct
import threading
import time

LOOKUP, GETATTR, STATFS, INIT = 1, 3, 17, 26
_libc = ctypes.CDLL(None, use_errno=True)


class FuseServer:
    """Mounted and answering from the beginning; after hang() whoever touches it waits until end()."""

    def __init__(self, directory):
        self.directory = directory
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_NONBLOCK)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if _libc.mount(b"server", directory.encode(), b"fuse", 0, options.encode()) < 0:
            raise OSError(ctypes.get_errno(), "mount fuse")
        self.wakes, self.wake = os.pipe()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            ready, _, _ = select.select([self.device, self.wakes], [], [])
            if self.wakes in ready:
                return
            try:
                request = os.read(self.device, 1 << 18)
            except BlockingIOError:
                continue
            _, opcode, unique = struct.unpack_from("=IIQ", request)
            error, body = self.answer(opcode)
            os.write(self.device, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)

    def answer(self, opcode):
        if opcode == INIT:
            return 0, struct.pack("=IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 12, 1 << 17, 1, 32, 0, 0)
        if opcode == GETATTR:
            now = int(time.time())
            # Valid for no time at all: every look is a question.
            return 0, struct.pack("=QII6Q10I", 0, 0, 0, 1, 0, 0, now, now, now, 0, 0, 0, 0o40755, 2, 0, 0, 0, 4096, 0)
        if opcode == STATFS:
            return 0, struct.pack("=5Q4I24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)
        return (errno.ENOENT if opcode == LOOKUP else errno.ENOSYS), b""

    def hang(self):
        os.write(self.wake, b"x")
        self.thread.join()

    def end(self):
        """Those who wait get an error."""
        if self.thread.is_alive():
            self.hang()
        for fd in (self.device, self.wake, self.wakes):
            os.close(fd)
        _libc.umount2(self.directory.encode(), 2)  # MNT_DETACH
