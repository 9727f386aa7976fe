# SPDX-License-Identifier: Apache-2.0
"""Builds from Dockerfiles: ours and buildah's, and what came out of them in a form to compare."""

import hashlib
import json
import os
import shutil
import tarfile
import tempfile

from lib import cgroups
from lib.buildah import BuildahHome
from lib.images import Layout, Store, busybox_layer, layer_tar

BASE = "localhost/base:latest"
CGROUP = "gantry-test-builds"


def base_files():
    """A root that can be run: busybox under the names that Dockerfiles of tests use, and some users."""
    files = busybox_layer()
    busybox = files["bin/busybox"]
    for name in ("cat", "chmod", "chown", "cp", "echo", "env", "false", "id", "ln", "ls", "mkdir", "mv", "rm", "sed",
                 "seq", "sleep", "sort", "stat", "tee", "test", "touch", "true", "wc", "dd", "find", "grep", "head"):
        files[f"bin/{name}"] = busybox
    return files | {"etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n",
                    "etc/group": "root:x:0:\napp:x:1001:\n", "root/": None, "etc/hosts": "", "etc/hostname": "", "etc/resolv.conf": "",
                    "run/": None}


def write_files(directory, files):
    """{path: text, bytes, None (a directory), ("link", target) or (text, mode)}"""
    for path, content in files.items():
        full = os.path.join(directory, path)
        mode = None
        if content is None:
            os.makedirs(full, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if isinstance(content, tuple) and content[0] == "link":
            os.symlink(content[1], full)
            continue
        if isinstance(content, tuple):
            content, mode = content
        with open(full, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(full, 0o644 if mode is None else mode)
        os.utime(full, (1_600_000_000, 1_600_000_000))


class Context:
    """A directory to build from."""

    def __init__(self, files):
        self.directory = tempfile.mkdtemp(prefix="context-")
        os.chmod(self.directory, 0o755)
        write_files(self.directory, files)

    def remove(self):
        shutil.rmtree(self.directory)


class OurBuilds:
    """A store of ours with the base image."""

    def __init__(self, files=None, config=None):
        self.store = Store()
        self.layout = Layout([layer_tar(files or base_files())], config=config or {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]})
        self.store.image("load", "--input", self.layout.directory, "--name", BASE)

    def command(self, context, *options):
        return ("builder", "build", "--progress", "plain", "--cgroup-parent", f"/{CGROUP}", *options, context)

    def build(self, context, *options, **more):
        more.setdefault("timeout", 110)
        return self.store.gantry(*self.command(context, *options), **more)

    def popen(self, context, *options):
        return self.store.popen(*self.command(context, *options))

    def tar_of(self, context, *options):
        path = f"{self.store.root}/result.tar"
        self.build(context, "-o", f"type=tar,dest={path}", *options)
        return path

    def config(self, name):
        document = self.store.inspect(name)
        return document.get("Config") or document["config"]

    def leftovers(self):
        """What a build may leave nowhere but in the store's own folders."""
        work = f"{self.store.root}/build/work"
        return sorted(os.listdir(work)) if os.path.exists(work) else []

    def remove(self):
        self.layout.remove()
        self.store.remove()
        left = [directory for parent in cgroups.named(CGROUP) for directory in next(os.walk(parent))[1]]
        assert not left, f"cgroups of RUNs that are over: {left}"
        cgroups.remove_empty(CGROUP)


class BuildahBuilds:
    """A buildah with the same base image."""

    def __init__(self, ours):
        self.home = BuildahHome()
        archive = f"{self.home.directory}/base.tar"
        ours.store.image("save", "--output", archive, BASE)
        self.home.buildah("pull", "-q", f"docker-archive:{archive}")

    def build(self, context, *options):
        return self.home.buildah("build", "-q", "--format", "docker", "--identity-label=false", "--pull-never",
                                 "--layers", *options, context, timeout=110)

    def tar_of(self, name):
        """The image's files as `buildah mount` shows them, as a tar."""
        container = self.home.buildah("from", "--pull-never", name).stdout.strip()
        path = f"{self.home.directory}/result.tar"
        try:
            root = self.home.buildah("mount", container).stdout.strip()
            with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
                for entry in sorted(os.listdir(root)):
                    tar.add(f"{root}/{entry}", arcname=entry)
            self.home.buildah("umount", container)
        finally:
            self.home.buildah("rm", container)
        return path

    def config(self, name):
        return json.loads(self.home.buildah("inspect", "--type", "image", name).stdout)["Docker"]["config"]

    def remove(self):
        self.home.remove()


def files_in(tar_path, *, times=()):
    """{path: what it is}: type, mode, owner, contents or link; the time of those that `times` names."""
    found = {}
    with tarfile.open(tar_path) as tar:
        inodes = {}
        for member in tar:
            path = member.name.strip("/").removeprefix("./")
            if path in ("", "."):
                continue
            entry = {"mode": oct(member.mode), "owner": f"{member.uid}:{member.gid}"}
            if member.isdir():
                entry["type"] = "directory"
            elif member.issym():
                entry |= {"type": "link", "target": member.linkname, "mode": None}
            elif member.islnk():
                entry |= {"type": "file", "content": inodes[member.linkname.strip("/").removeprefix("./")]}
            else:
                content = hashlib.sha256(tar.extractfile(member).read()).hexdigest() if member.isfile() else ""
                inodes[path] = content
                entry |= {"type": "file", "content": content}
            if path in times:
                entry["time"] = int(member.mtime)
            found[path] = entry
    return found


CONFIG_FIELDS = ("User", "Env", "Entrypoint", "Cmd", "WorkingDir", "ExposedPorts", "Volumes", "Labels", "StopSignal",
                 "Healthcheck", "OnBuild", "Shell")


def comparable(config):
    """The fields that a Dockerfile can set, without those that hold nothing."""
    return {name: config[name] for name in CONFIG_FIELDS if config.get(name)}
