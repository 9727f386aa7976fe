# SPDX-License-Identifier: Apache-2.0
"""A buildah of the test's own, with our runtime for what RUN runs."""

import shutil
import tempfile

from lib import cgroups, command, isolation
from lib.runtime import PROGRAM


class BuildahHome:
    """Configuration and storage of a buildah of our own."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="buildah-")
        isolation.write(f"{self.directory}/containers.conf", '[engine]\ncgroup_manager = "cgroupfs"\n')
        self.environment = {"CONTAINERS_CONF": f"{self.directory}/containers.conf"}

    def command(self, subcommand, *arguments):
        runtime = ("--isolation", "oci", "--runtime", PROGRAM) if subcommand in ("run", "build") else ()
        return ["buildah", "--root", f"{self.directory}/root", "--runroot", f"{self.directory}/run",
                "--storage-driver", "overlay", subcommand, *runtime, *arguments]

    def buildah(self, *arguments, **options):
        return command.run(*self.command(*arguments), env=self.environment, **options)

    def remove(self):
        self.buildah("rm", "--all")
        command.run("umount", "-l", f"{self.directory}/root/overlay", status=None)  # kept between calls
        command.run("umount", "/run/netns", status=None)
        command.run("ip", "link", "delete", "cni-podman0", status=None)
        shutil.rmtree(self.directory)
        assert not cgroups.named("buildah"), f"cgroups of what has run: {cgroups.named('buildah')}"
