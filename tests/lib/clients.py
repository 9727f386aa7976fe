# SPDX-License-Identifier: Apache-2.0
"""Docker's command with buildx and compose 2, and etcd, newer than what this Debian has, and two kubectls (tools/newer-clients)."""

import json
import os

CLIENTS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))), "build", "clients")
DOCKER = f"{CLIENTS}/usr/bin/docker"
KUBECTL = f"{CLIENTS}/usr/bin/kubectl"
ETCD = f"{CLIENTS}/usr/bin/etcd"  # 3.5, where this Debian has 3.4
OLD_KUBECTL = f"{CLIENTS}/this/usr/bin/kubectl"  # of this Debian


def are_there():
    return os.path.exists(OLD_KUBECTL)  # which is fetched last


def configure(directory):
    """Makes a configuration directory for DOCKER_CONFIG in which the plugins are found; its path."""
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/config.json", "w") as file:
        json.dump({"cliPluginsExtraDirs": [f"{CLIENTS}/usr/libexec/docker/cli-plugins"]}, file)
    return directory
