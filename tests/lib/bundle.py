# SPDX-License-Identifier: Apache-2.0
"""OCI bundles for tests: a root of Debian's static busybox and a config.json as engines make it.

    with Bundle("sh", "-c", "id") as bundle:
        bundle.process["user"] = {"uid": 1000, "gid": 1000}
        bundle.bind("/srv/data", "/data", "ro")
        bundle.save()                             # Runtime does it before `create` and `run`

`config` is the document itself, edited freely until then. Leaving the context removes the bundle with
what is still mounted in it; a container made from it is its Runtime's to delete.
"""

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
HELPERS = f"{CHECKOUT}/tests/runtime/helpers"
BUSYBOX = "/bin/busybox"
APPLETS = ("[ awk basename cat chmod chown cp cut date dd df echo env expr false grep head hostname id ip kill "
           "ln ls mkdir mkfifo mknod mount mv od ps pwd readlink rm rmdir sed seq setsid sh sleep sort stat stty "
           "sync tail test timeout touch tr true tty umount uname wc yes").split()

# What dockerd, podman and containerd leave to a container by default.
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
                "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
                "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_numbers = itertools.count(1)


def helper(name):
    """The program of tests/runtime/helpers/NAME.c, static, compiled when its source is new."""
    source = f"{HELPERS}/{name}.c"
    with open(source, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:16]
    program = f"{CHECKOUT}/build/test-helpers/{name}-{digest}"
    if not os.path.exists(program):
        os.makedirs(os.path.dirname(program), exist_ok=True)
        partial = f"{program}.{os.getpid()}"
        subprocess.run(["gcc", "-D_GNU_SOURCE", "-static", "-s", "-O1", "-Wall", "-Wextra", "-Werror",
                        "-o", partial, source], check=True)
        os.rename(partial, program)
    return program


def default_config(args):
    usual = ["nosuid", "noexec", "nodev"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": list(args),
            "env": [PATH, "TERM=xterm"],
            "cwd": "/",
            "capabilities": {which: list(CAPABILITIES) for which in ("bounding", "effective", "permitted")},
            "noNewPrivileges": False,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "gantry-test",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": usual},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": usual + ["ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
             "options": usual + ["ro"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": usual},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": usual + ["mode=1777", "size=67108864"]},
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network", "cgroup")],
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                            "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
                            "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }


class Bundle:
    def __init__(self, *args, parent=None):
        self.id = f"gt{os.getpid()}-{next(_numbers)}"
        self.path = tempfile.mkdtemp(prefix=f"bundle-{self.id}-", dir=parent)
        os.chmod(self.path, 0o755)
        self.root = f"{self.path}/rootfs"
        self.config = default_config(args or ("true",))
        # Found again in /proc/<pid>/environ of whatever a test loses sight of.
        self.process["env"].append(f"GANTRY_TEST={self.id}")
        for directory in ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "var"):
            os.makedirs(f"{self.root}/{directory}")
        os.chmod(f"{self.root}/tmp", 0o1777)
        shutil.copy(BUSYBOX, f"{self.root}/bin/busybox")
        shutil.copy(helper("probe"), f"{self.root}/bin/probe")
        for applet in APPLETS:
            os.symlink("busybox", f"{self.root}/bin/{applet}")
        self.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n")
        self.file("/etc/group", "root:x:0:\nuser:x:1000:\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    @property
    def resources(self):
        return self.linux["resources"]

    def host(self, path):
        """Where a path of the container's root is on the host."""
        return self.root + path

    def file(self, path, content="", mode=0o644):
        """Writes a file of the root, directories included. Returns its path on the host."""
        host = self.host(path)
        os.makedirs(os.path.dirname(host), exist_ok=True)
        with open(host, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(host, mode)
        return host

    def script(self, path, text):
        return self.file(path, f"#!/bin/sh\n{text}\n", 0o755)

    def mount(self, destination, type=None, source=None, options=(), **more):
        """Adds a mount, in place of the one that has the destination already."""
        entry = {"destination": destination, **more}
        if type is not None:
            entry["type"] = type
        if source is not None:
            entry["source"] = source
        if options:
            entry["options"] = list(options)
        self.without_mount(destination)
        self.config["mounts"].append(entry)
        return entry

    def without_mount(self, destination):
        self.config["mounts"] = [m for m in self.config["mounts"] if m["destination"] != destination]

    def bind(self, source, destination, *options):
        """`rbind` unless the options say `bind`."""
        how = () if "bind" in options or "rbind" in options else ("rbind",)
        return self.mount(destination, "bind", source, (*how, *options))

    def namespace(self, type, path=None):
        """A new namespace of that type, or the one at the path."""
        self.without_namespace(type)
        self.linux["namespaces"].append({"type": type, **({"path": path} if path else {})})

    def without_namespace(self, type):
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != type]

    def user_namespace(self, first_host_id=100000, size=65536):
        """A user namespace whose root owns the root file system."""
        self.namespace("user")
        for which in ("uidMappings", "gidMappings"):
            self.linux[which] = [{"containerID": 0, "hostID": first_host_id, "size": size}]
        for directory, _, files in os.walk(self.root):
            os.chown(directory, first_host_id, first_host_id)
            for name in files:
                os.chown(f"{directory}/{name}", first_host_id, first_host_id, follow_symlinks=False)

    def capabilities(self, **sets):
        """All five sets: those named, the others empty."""
        self.process["capabilities"] = {which: list(sets.get(which, ())) for which in
                                        ("bounding", "effective", "permitted", "inheritable", "ambient")}

    def hook(self, kind, path, *args, env=None, timeout=None):
        entry = {"path": path, "args": [os.path.basename(path), *args]}
        if env is not None:
            entry["env"] = env
        if timeout is not None:
            entry["timeout"] = timeout
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(entry)

    def save(self, text=None):
        """Writes config.json: the configuration, or any text in its place."""
        with open(f"{self.path}/config.json", "w") as file:
            file.write(text if text is not None else json.dumps(self.config, indent=1))

    def remove(self):
        unmount_below(self.path)
        shutil.rmtree(self.path)


def mounts_below(path):
    """Mount points in this mount namespace at a path and below, the last mounted first."""
    with open("/proc/self/mountinfo") as mountinfo:
        points = [line.split()[4].encode().decode("unicode_escape") for line in mountinfo]
    return [point for point in reversed(points) if point == path or point.startswith(path + "/")]


def unmount_below(path):
    for point in mounts_below(os.path.realpath(path)):
        subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL)  # it may have gone with another
