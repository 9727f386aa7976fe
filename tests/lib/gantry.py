# SPDX-License-Identifier: Apache-2.0
"""Which runtime is under test: $GANTRY_RUNTIME, or what ./test has built.

Every client test also passes against Debian's runc (GANTRY_RUNTIME=/usr/sbin/runc): what we expect is what
the original does, and the few places where we do better say so with `better_than_runc`.
"""

import os
import re
import unittest

from lib import command, isolation

RUNTIME = os.environ.get("GANTRY_RUNTIME") or f"{isolation.CHECKOUT}/build/release/bin/gantry-runtime"


def is_runc():
    return command.run(RUNTIME, "--version").stdout.startswith("runc")


def better_than_runc(why):
    """Marks a test that the original fails, and says how."""
    return unittest.skipIf(is_runc(), f"runc: {why}")


def has_capability(bit):
    """Whether this machine lets root have it (the bounding set)."""
    bounding = re.search(r"CapBnd:\s*(\w+)", isolation.read("/proc/self/status")).group(1)
    return int(bounding, 16) >> bit & 1 == 1


CAP_SYS_RESOURCE = 24
