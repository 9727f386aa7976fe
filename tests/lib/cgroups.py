# SPDX-License-Identifier: Apache-2.0
"""What the kernel's cgroup files say about a process, on cgroup v1, v2 and mixed hosts."""

import os

from lib import isolation


def directory_of(pid, controller):
    """(1 or 2, directory) of the cgroup that has this controller for a process."""
    found = {}
    for line in isolation.read(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        found[controllers] = path
    for mount in isolation.cgroup_mounts():
        options = mount.options.split(",")
        if mount.type == "cgroup" and controller in options:
            for controllers, path in found.items():
                if controller in controllers.split(","):
                    return 1, mount.path + path
    for mount in isolation.cgroup_mounts():
        if mount.type == "cgroup2":
            return 2, mount.path + found[""]
    raise LookupError(f"no cgroup with controller {controller}")


def value(pid, v1, v2):
    """A file's text: `v1` is a name like memory.limit_in_bytes, `v2` the one that means the same there."""
    version, directory = directory_of(pid, v1.split(".")[0])
    return isolation.read(f"{directory}/{v1 if version == 1 else v2}").strip()


def named(part):
    """The cgroups that have `part` in their name."""
    return [directory for mount in isolation.cgroup_mounts() for directory, _, _ in os.walk(mount.path)
            if part in os.path.basename(directory) and os.path.isdir(directory)]


def remove_empty(name):
    """Removes the cgroups of this name, which a client keeps for its next container, and what is below them."""
    for top in named(name):
        for directory, _, _ in os.walk(top, topdown=False):
            os.rmdir(directory)
