# SPDX-License-Identifier: Apache-2.0
"""A podman of the test's own, with our runtime."""

import shutil
import tempfile
import textwrap

from lib import cgroups, command, isolation
from lib.runtime import PROGRAM


class PodmanHome:
    """Configuration and storage of a podman of our own."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="podman-")
        isolation.write(f"{self.directory}/containers.conf", textwrap.dedent(f"""
            [engine]
            runtime = "under-test"
            runtime_supports_json = ["under-test", "runc", "crun"]
            cgroup_manager = "cgroupfs"
            events_logger = "file"
            lock_type = "file"
            tmp_dir = "{self.directory}/libpod"
            [engine.runtimes]
            under-test = ["{PROGRAM}"]
            """))
        self.environment = {"CONTAINERS_CONF": f"{self.directory}/containers.conf"}

    def command(self, *arguments):
        return ["podman", "--root", f"{self.directory}/root", "--runroot", f"{self.directory}/run",
                "--storage-driver", "overlay", *arguments]

    def podman(self, *arguments, **options):
        return command.run(*self.command(*arguments), env=self.environment, **options)

    def remove(self):
        self.podman("pod", "rm", "--all", "--force", "--time", "0")
        self.podman("rm", "--all", "--force", "--time", "0")
        command.run("umount", "-l", f"{self.directory}/root/overlay", status=None)  # kept by podman between calls
        shutil.rmtree(self.directory)
        left = cgroups.named("libpod-")
        assert not left, f"cgroups of containers that are gone: {left}"
        cgroups.remove_empty("libpod_parent")
        command.run("umount", "/run/netns", status=None)
        command.run("ip", "link", "delete", "cni-podman0", status=None)
