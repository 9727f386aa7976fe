# SPDX-License-Identifier: Apache-2.0
"""A gantryd of the test's own, with the engine's role, and a docker client for it."""

import itertools
import json
import os
import shutil
import tempfile

from lib import cgroups, command, isolation
from lib.images import busybox_layer, layer_tar

GANTRYD = os.environ.get("GANTRYD", f"{isolation.CHECKOUT}/build/release/bin/gantryd")
# By path: a newer client elsewhere in PATH is not what Debian ships.
DOCKER = os.environ.get("DOCKER", "/usr/bin/docker")
_numbers = itertools.count()


class GantrydHome:
    """A gantryd with directories, a bridge and a cgroup of its own. `settings` go into its engine's configuration,
    `containers` into that part of it."""

    def __init__(self, containers=None, **settings):
        self.directory = tempfile.mkdtemp(prefix="gantryd-")
        self.number = next(_numbers)
        self.bridge = f"gantry{self.number}"
        self.cgroup = f"gantry-test{self.number}"
        self.socket = f"{self.directory}/run/gantry.sock"
        self.environment = {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": f"{self.directory}/client"}
        self.settings = {"run": f"{self.directory}/run", "network": {"bridge": self.bridge},
                         "containers": {"cgroupParent": f"/{self.cgroup}"} | (containers or {})} | settings
        self.start()

    def start(self):
        config = f"{self.directory}/gantryd.json"
        isolation.write(config, json.dumps({"root": f"{self.directory}/root", "roles": {"engine": self.settings}}))
        self.daemon = command.Daemon(GANTRYD, "--config", config, "--log-level", "debug",
                                     ready=lambda: os.path.exists(self.socket) and self.docker("version", status=None).status == 0)

    def restart(self):
        self.daemon.stop()
        self.start()

    def docker(self, *arguments, **options):
        return command.run(DOCKER, *arguments, env=self.environment, **options)

    def docker_on_terminal(self, *arguments, **options):
        return command.run_on_terminal(DOCKER, *arguments, env=self.environment, **options)

    def make_image(self, name="busybox", files=None):
        """An image of busybox and some more files, whose command is a shell."""
        tar = f"{self.directory}/image.tar"
        with open(tar, "wb") as file:
            file.write(layer_tar(busybox_layer() | (files or {})))
        return self.docker("import", "--change", 'CMD ["/bin/sh"]', tar, name).stdout.strip()

    def remove(self):
        """Ends what runs, looks that nothing is left of it, and takes everything away."""
        self.end()
        shutil.rmtree(self.directory)

    def end(self):
        if containers := self.docker("ps", "-aq").stdout.split():
            self.docker("rm", "-f", "-v", *containers)
        if networks := self.docker("network", "ls", "-q", "--filter", "type=custom").stdout.split():
            self.docker("network", "rm", *networks)
        self.daemon.stop()
        run = f"{self.directory}/run"
        for name in ("shims", "rootfs", "netns", "runtime", "userns", "pods", "mounts", "shm"):
            path = f"{run}/{name}"
            left = os.listdir(path) if os.path.isdir(path) else []
            assert not left, f"left in {path}: {left}"
        left = [directory for parent in cgroups.named(self.cgroup) for directory in next(os.walk(parent))[1]]
        assert not left, f"cgroups of containers that are gone: {left}"
        cgroups.remove_empty(self.cgroup)
        command.run("ip", "link", "delete", self.bridge, status=None)  # it may never have been needed
