# SPDX-License-Identifier: Apache-2.0
"""A machine of its own for a test run: what the tests do stays inside, and what they leave is seen.

The suite runs in new mount, PID, network, IPC, UTS and cgroup namespaces, below one cgroup of its own in
every hierarchy. Killing the outermost process ends everything started inside; the host keeps no mount, no
interface, no process, and its daemons' directories (/run, /dev/shm) are not the ones the tests see.

    outside:  enter(["suite", "-k", "exec"])  ->  exit status of the command run inside
    inside:   furnish()                           once, before anything else
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import NamedTuple

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CGROUP_PREFIX = "gantry-tests."


class CgroupMount(NamedTuple):
    path: str       # where it is mounted
    type: str       # cgroup or cgroup2
    options: str    # v1: the controllers or the name, as mount(8) takes them


def cgroup_mounts():
    """The cgroup hierarchies mounted below /sys/fs/cgroup, in the order of mounting."""
    found = []
    with open("/proc/self/mountinfo") as mountinfo:
        for line in mountinfo:
            left, right = line.rstrip("\n").split(" - ")
            path = left.split()[4]
            type_, _, super_options = right.split(" ", 2)
            if type_ not in ("cgroup", "cgroup2") or not path.startswith("/sys/fs/cgroup"):
                continue
            options = [o for o in super_options.split(",")
                       if o not in ("rw", "ro", "xattr", "clone_children") and "release_agent" not in o]
            found.append(CgroupMount(path, type_, ",".join(options) if type_ == "cgroup" else ""))
    return found


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def remove_cgroup_tree(path):
    """Removes a cgroup and those below it, killing what still runs there."""
    for directory, _, _ in os.walk(path, topdown=False):
        deadline = time.monotonic() + 30
        while True:
            try:
                os.rmdir(directory)
                break
            except FileNotFoundError:
                break
            except OSError:  # EBUSY: processes, or zombies that their parent has not collected yet
                if time.monotonic() > deadline:
                    raise
                for name in ("freezer.state", "cgroup.freeze"):
                    if os.path.exists(f"{directory}/{name}"):
                        write(f"{directory}/{name}", "THAWED" if name == "freezer.state" else "0")
                for pid in read(f"{directory}/cgroup.procs").split():
                    if pid != "0":  # 0: outside of our PID namespace, not ours to kill
                        os.kill(int(pid), signal.SIGKILL)
                time.sleep(0.02)


def _enable_controllers(directory):
    """cgroup v2: lets the children of a cgroup have the controllers that tests use, as far as it has them."""
    have = read(f"{directory}/cgroup.controllers").split()
    for controller in ("cpu", "cpuset", "io", "memory", "pids"):
        if controller in have:
            write(f"{directory}/cgroup.subtree_control", f"+{controller}")


def _make_cgroups(name):
    made = []
    for mount in cgroup_mounts():
        directory = f"{mount.path}/{name}"
        if mount.type == "cgroup2":
            _enable_controllers(mount.path)
        os.mkdir(directory)
        made.append(directory)
        # A new v1 cpuset has no CPU and no memory node, and accepts no process until it has.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if mount.type == "cgroup" and os.path.exists(f"{directory}/{file}"):
                write(f"{directory}/{file}", read(f"{mount.path}/{file}"))
    return made


def _remove_stale_cgroups():
    """Cgroups of runs that were killed: their process is gone, and so is all that ran inside."""
    for mount in cgroup_mounts():
        for name in os.listdir(mount.path):
            pid = name.removeprefix(CGROUP_PREFIX)
            if pid != name and not os.path.exists(f"/proc/{pid}"):
                remove_cgroup_tree(f"{mount.path}/{name}")


def enter(command, pass_fds=()):
    """Runs a command inside, waits for it and cleans up. Returns its exit status."""
    _remove_stale_cgroups()
    cgroups = _make_cgroups(f"{CGROUP_PREFIX}{os.getpid()}")

    def join():
        for directory in cgroups:
            write(f"{directory}/cgroup.procs", "0")

    child = subprocess.Popen(
        ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc",
         "--net", "--ipc", "--uts", "--cgroup", "--", *command],
        pass_fds=pass_fds, preexec_fn=join)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda *_: child.terminate())
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.kill()
        return 130
    finally:
        child.wait()
        for directory in cgroups:
            remove_cgroup_tree(directory)


def _run(*command):
    subprocess.run(command, check=True)


def _remount_empty(directory, options):
    if os.path.ismount(directory):
        _run("umount", "--recursive", "--lazy", directory)
    _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", directory)


def furnish():
    """Inside: file systems that show this machine only. Becomes the init of the PID namespace on the
    way: the caller goes on as its child, so that orphans are somebody else's to reap."""
    mounts = cgroup_mounts()
    # What the host has below these would only be hidden, and stay in mountinfo, where runtimes look.
    _remount_empty("/dev/shm", "mode=1777")
    kept = "/dev/shm/checkout"  # a place for it while what is around it changes
    os.mkdir(kept)
    _run("mount", "--bind", CHECKOUT, kept)
    _run("umount", "--recursive", "--lazy", "/sys")
    # sysfs shows the network namespace of whoever mounted it. securityfs is left out on purpose: dockerd
    # would load its AppArmor profile into the host's kernel.
    _run("mount", "-t", "sysfs", "sysfs", "/sys")
    if any(mount.type == "cgroup" for mount in mounts):
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/sys/fs/cgroup")
    for mount in mounts:
        os.makedirs(mount.path, exist_ok=True)
        _run("mount", "-t", mount.type, *(["-o", mount.options] if mount.options else []), mount.type, mount.path)
        if "," in mount.options:  # "cpu,cpuacct" is found by either name
            for name in mount.options.split(","):
                link = f"/sys/fs/cgroup/{name}"
                if not os.path.lexists(link):
                    os.symlink(os.path.basename(mount.path), link)
        if mount.type == "cgroup2":
            # Only a cgroup without processes may give controllers to its children.
            os.mkdir(f"{mount.path}/suite")
            write(f"{mount.path}/suite/cgroup.procs", "0")
            _enable_controllers(mount.path)
    _remount_empty("/run", "mode=755")
    for directory in ("/etc", "/var"):  # written to by daemons, whatever they are told: a copy on write
        upper, work = f"/run/changes{directory}/upper", f"/run/changes{directory}/work"
        os.makedirs(upper)
        os.makedirs(work)
        _run("mount", "-t", "overlay", "-o", f"lowerdir={directory},upperdir={upper},workdir={work}",
             "overlay", directory)
    os.makedirs(CHECKOUT, exist_ok=True)
    _run("mount", "--move", kept, CHECKOUT)
    os.rmdir(kept)
    _run("mount", "--make-rshared", "/")  # as systemd has it; private towards the host all the same
    _run("ip", "link", "set", "lo", "up")
    os.mkdir("/run/lock")
    os.mkdir("/run/tmp", 0o1777)
    os.mkdir("/run/home", 0o700)
    os.chdir("/run/home")
    os.environ["HOME"] = "/run/home"
    os.environ["TMPDIR"] = "/run/tmp"
    os.environ["XDG_RUNTIME_DIR"] = "/run"

    suite = os.fork()
    if suite == 0:
        return
    while True:
        pid, status = os.wait()
        if pid == suite:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class Snapshot(NamedTuple):
    """What a test could leave behind. Subtracting two gives what was left between them."""
    processes: dict  # pid -> command line
    mounts: dict     # mount id -> line of mountinfo
    cgroups: dict
    interfaces: dict
    files: dict      # in /run, /run/netns and /dev/shm: names only

    @classmethod
    def take(cls):
        return cls(_processes(), _mounts(), _cgroups(), dict.fromkeys(os.listdir("/sys/class/net")),
                   {entry.path: None for directory in ("/run/tmp", "/run/netns", "/dev/shm")
                    if os.path.isdir(directory) for entry in os.scandir(directory)})

    def __sub__(self, before):
        return {what: [f"{key} {value}" if value else str(key) for key, value in mine.items() if key not in old]
                for what, mine, old in zip(self._fields, self, before)
                if any(key not in old for key in mine)}


def left_since(before, patience=30.0):
    """{kind: [what was left]} since a Snapshot; what is on its way out gets a moment to go."""
    deadline = time.monotonic() + patience
    while True:
        left = Snapshot.take() - before
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def remove_left(before):
    """Puts things back as a Snapshot has them, so that one bad test does not fail the next."""
    now = Snapshot.take()
    for pid in now.processes.keys() - before.processes.keys():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for mount_id in sorted(now.mounts.keys() - before.mounts.keys(), reverse=True):
        point = now.mounts[mount_id].split()[0].encode().decode("unicode_escape")
        subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL)
    for path in sorted(now.cgroups.keys() - before.cgroups.keys(), key=len):
        remove_cgroup_tree(path)
    for name in now.interfaces.keys() - before.interfaces.keys():
        subprocess.run(["ip", "link", "delete", name])
    for path in now.files.keys() - before.files.keys():
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def _processes():
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            state = re.search(r"^State:\s+(\S)", read(f"/proc/{name}/status"), re.M).group(1)
            command = read(f"/proc/{name}/cmdline").replace("\0", " ")
            if command and state != "Z" and int(name) != os.getpid():  # a thread of the kernel has none
                found[int(name)] = command
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def _mounts():
    found = {}
    for line in read("/proc/self/mountinfo").splitlines():
        fields = line.split(" ")
        found[int(fields[0])] = f"{fields[4]} {line.split(' - ')[1]}"
    return found


def _cgroups():
    return {directory: None for mount in cgroup_mounts() for directory, _, _ in os.walk(mount.path)}


def require_root():
    if os.geteuid() != 0:
        sys.exit("these tests make containers for real and need root")
