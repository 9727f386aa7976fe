# SPDX-License-Identifier: Apache-2.0
"""A dockerd of the test's own, with our runtime as the default one, and its client."""

import os
import shutil
import tempfile

from lib import cgroups, command, isolation
from lib.runtime import PROGRAM

# By path: a newer client elsewhere in PATH is not what Debian ships.
DOCKER = "/usr/bin/docker"


class DockerHome:
    """A dockerd of our own. `runtime`: what its containers run by, unless it is ours."""

    def __init__(self, runtime="under-test"):
        self.runtime = runtime
        self.directory = tempfile.mkdtemp(prefix="docker-")
        self.environment = {"DOCKER_HOST": f"unix://{self.directory}/docker.sock",
                            "DOCKER_CONFIG": f"{self.directory}/client"}
        isolation.write(f"{self.directory}/daemon.json", "{}")  # not the machine's own
        self.start()

    def start(self):
        self.daemon = command.Daemon(
            "dockerd", "--data-root", f"{self.directory}/data", "--exec-root", f"{self.directory}/exec",
            "--pidfile", f"{self.directory}/docker.pid", "--host", f"unix://{self.directory}/docker.sock",
            "--config-file", f"{self.directory}/daemon.json",
            "--add-runtime", f"under-test={PROGRAM}", "--default-runtime", self.runtime, "--live-restore",
            env=self.environment, ready=lambda: self.docker("version", status=None).status == 0)

    def docker(self, *arguments, **options):
        return command.run(DOCKER, *arguments, env=self.environment, **options)

    def remove(self):
        containers = self.docker("ps", "-aq").stdout.split()
        if containers:
            self.docker("rm", "-f", *containers)
        self.daemon.stop()
        command.run("umount", f"{self.directory}/exec/netns/default", status=None)  # kept for the next dockerd
        shutil.rmtree(self.directory)
        left = [directory for parent in cgroups.named("docker") for directory in next(os.walk(parent))[1]]
        assert not left, f"cgroups of containers that are gone: {left}"
        cgroups.remove_empty("docker")
        command.run("ip", "link", "delete", "docker0")
