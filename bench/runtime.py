#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The OCI runtime beside crun and runc from Debian, and beside a floor of bare system calls.

    bench/runtime.py [--rounds 40] [--only run,run16,life,exec,v2,size,shim] [--shims 200] [--runtime PROGRAM]

Run as root after `cmake --preset release && ninja -C build/release gantry-runtime bench_calls bench_floor`.
Prints what was measured (floor.cc and calls.cc say how), then a line for each target with its ratio.

All runtimes see the same: this script goes on in a mount namespace of its own, with the cgroup v2 hierarchy
taken away, because crun refuses hosts that have both, and with a tmpfs for the runtimes' records, as /run is
one on most hosts. Ours is measured once more with cgroup v2 in view (`v2`). The runtimes take turns in every
round; the machine should have nothing else to do.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
from typing import NamedTuple

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, f"{CHECKOUT}/tests")

CLONE_NEWNS, MS_REC, MS_SLAVE, MNT_DETACH = 0x20000, 0x4000, 0x80000, 2
UNIFIED = "/sys/fs/cgroup/unified"
PROFILE = "/usr/share/containers/seccomp.json"  # package golang-github-containers-common
KIB = 1024


class Figure(NamedTuple):
    least: float  # ms, as the next two
    median: float
    p95: float
    cpu: float  # ms, mean
    rss: int  # KiB, the largest peak


def new_mount_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None) != 0:
        sys.exit(f"mount namespace: {os.strerror(ctypes.get_errno())}")
    return libc


def seccomp_profile(capabilities):
    """The default profile of engines, resolved for this machine and these capabilities as they do it."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    with open(PROFILE) as file:
        profile = json.load(file)

    def applies(rule):
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        return (machine in includes.get("arches", [machine]) and machine not in excludes.get("arches", [])
                and all(name in capabilities for name in includes.get("caps", []))
                and not any(name in capabilities for name in excludes.get("caps", [])))

    architectures = next(entry for entry in profile["archMap"]
                         if entry["architecture"] == {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}[machine])
    kept = ("names", "action", "args", "errnoRet")
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
            "architectures": [architectures["architecture"], *architectures["subArchitectures"]],
            "syscalls": [{key: rule[key] for key in kept if rule.get(key) is not None}
                         for rule in profile["syscalls"] if applies(rule)]}


def engine_bundle(*args):
    from lib.bundle import CAPABILITIES, Bundle

    bundle = Bundle(*args)
    devices = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)]
    bundle.resources["devices"] += [{"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
                                    for major, minor in devices]
    bundle.resources["devices"].append({"allow": True, "type": "c", "major": 136, "access": "rwm"})
    bundle.resources["memory"] = {"limit": 256 << 20}
    bundle.resources["cpu"] = {"shares": 512, "quota": 200000, "period": 100000}
    bundle.resources["pids"] = {"limit": 256}
    bundle.process["oomScoreAdj"] = 0
    bundle.linux["seccomp"] = seccomp_profile(CAPABILITIES)
    bundle.save()
    return bundle


class Bench:
    def __init__(self, options, state):
        self.options, self.state = options, state
        self.ours = os.path.realpath(options.runtime)
        beside = os.path.dirname(self.ours)
        self.calls = f"{beside}/bench_calls"
        self.peers = {"gantry": self.ours, "crun": "/usr/bin/crun", "runc": "/usr/sbin/runc"}
        self.floor = {"floor": f"{beside}/bench_floor"}
        self.figures = {}

    def measure(self, title, mode, rounds, at_once, bundle, peers):
        """Figures by (title, peer, operation), and a table of them."""
        for name in peers:
            os.makedirs(f"{self.state}/{name}", exist_ok=True)
        output = subprocess.run([self.calls, mode, str(rounds), str(at_once), bundle.path, self.state,
                                 *(f"{name}={program}" for name, program in peers.items())],
                                check=True, stdout=subprocess.PIPE, text=True).stdout
        print(f"\n{title}, {rounds} rounds\n{'':15}{'least':>9}{'median':>9}{'p95':>9}{'CPU ms':>9}{'RSS KiB':>9}")
        for line in output.splitlines():
            name, operation, *numbers, rss = line.split()
            figure = self.figures[title, name, operation] = Figure(*map(float, numbers), int(rss))
            print(f"{name:7} {operation:7}" + "".join(f"{value:9.2f}" for value in figure[:4]) + f"{figure.rss:9}",
                  flush=True)

    def run(self, at_once):
        rounds = self.options.rounds if at_once == 1 else max(self.options.rounds // 8, 3)
        with engine_bundle("/bin/true") as bundle:
            self.measure(f"run, {at_once} at once", "run", rounds, at_once, bundle, self.peers | self.floor)

    def life(self):
        with engine_bundle("/bin/true") as bundle:
            self.measure("create, start, delete", "life", self.options.rounds, 1, bundle, self.peers)

    def exec(self):
        with engine_bundle("/bin/sleep", "1000") as bundle:
            try:
                for name, program in self.peers.items():
                    os.makedirs(f"{self.state}/{name}", exist_ok=True)
                    subprocess.run([program, "--root", f"{self.state}/{name}", "run", "--detach", "--bundle",
                                    bundle.path, f"bench-{name}"], stdin=subprocess.DEVNULL, check=True)
                self.measure("exec", "exec", self.options.rounds, 1, bundle, self.peers)
            finally:
                for name, program in self.peers.items():
                    subprocess.run([program, "--root", f"{self.state}/{name}", "delete", "--force", f"bench-{name}"],
                                   check=False)

    def v2(self):
        """Ours as it runs where nobody hides anything: in a child with a mount namespace made before."""
        if not os.path.ismount(UNIFIED):
            return print("\nno mixed cgroups here")
        with engine_bundle("/bin/true") as bundle:
            self.measure("run with cgroup v2 in view, 1 at once", "run", self.options.rounds, 1, bundle,
                         {"gantry": self.ours} | self.floor)

    def shims(self):
        """Memory of a shim at rest, with many of them: proportional set size, shared pages divided by their users."""
        from lib.shim import Shim

        count, shims, pss, private = self.options.shims, [], [], []
        with engine_bundle("/bin/sleep", "1000") as bundle:
            try:
                for number in range(count):
                    scratch = f"{self.state}/shim-{number}"
                    os.mkdir(scratch)
                    bundle.id = f"bench-shim-{os.getpid()}-{number}"
                    shims.append(Shim(scratch, bundle))
                    with shims[-1].connect() as client:
                        client.start()
                for shim in shims:
                    with open(f"/proc/{shim.pid}/smaps_rollup") as file:
                        sizes = {line.split()[0]: int(line.split()[1]) for line in list(file)[1:]}
                    pss.append(sizes["Pss:"])
                    private.append(sizes["Private_Clean:"] + sizes["Private_Dirty:"])
            finally:
                for shim in shims:
                    with shim.connect() as client:
                        client.signal(9)
                        client.wait_exit()
                        client.delete()
        print(f"\n{count} shims at rest: PSS {sum(pss) / count:.0f} KiB each (most {max(pss)}), "
              f"private {sum(private) / count:.0f} KiB")
        self.pss = max(pss)

    def size(self):
        stripped = f"{self.state}/stripped"
        subprocess.run(["strip", "-o", stripped, self.ours], check=True)
        self.bytes = os.path.getsize(self.ours)
        print(f"\n{self.ours}: {self.bytes} bytes, stripped {os.path.getsize(stripped)}")

    def verdicts(self):
        """One line a target: the measured value, the limit, and whether it holds."""
        def line(what, value, limit, unit=""):
            print(f"{what:42}{value:8.2f}{unit:4} at most {limit}{unit:4} {'ok' if value <= limit else 'MISSED'}")

        print("\ntargets (medians)")
        titles = {title for title, _, _ in self.figures}
        for title in sorted(titles):
            operations = sorted({operation for t, _, operation in self.figures if t == title})
            for operation in operations:
                ours = self.figures[title, "gantry", operation]
                for peer, limit in {"crun": 0.3, "runc": 0.15, "floor": 1.5}.items():
                    theirs = self.figures.get((title, peer, operation))
                    if theirs is None or (operation != "run" and peer != "crun"):
                        continue
                    line(f"{title}: {operation} / {peer}", ours.median / theirs.median,
                         limit if operation == "run" else 0.4)
        rss = [figure.rss for (_, name, _), figure in self.figures.items() if name == "gantry"]
        if rss:
            line("peak memory of the runtime", max(rss) / KIB, 2.5, " MiB")
        if hasattr(self, "bytes"):
            line("the program on disk", self.bytes / 1e6, 3, " MB")
        if hasattr(self, "pss"):
            line("a shim at rest, PSS", self.pss, 300, " KiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--shims", type=int, default=200)
    parser.add_argument("--only", default="size,v2,run,run16,life,exec,shim")
    parser.add_argument("--runtime", default=f"{CHECKOUT}/build/release/bin/gantry-runtime")
    options = parser.parse_args()
    only = options.only.split(",")
    os.environ["GANTRY_RUNTIME"] = os.path.realpath(options.runtime)
    os.environ["GANTRY_SHIM"] = f"{os.path.dirname(os.path.realpath(options.runtime))}/gantry-shim"
    libc = new_mount_namespace()
    state = tempfile.mkdtemp(prefix="gantry-bench-", dir="/run")
    if libc.mount(b"tmpfs", state.encode(), b"tmpfs", 0, b"mode=700") != 0:
        sys.exit(f"mount tmpfs on '{state}': {os.strerror(ctypes.get_errno())}")
    try:
        bench = Bench(options, state)
        if "size" in only:
            bench.size()
        if "v2" in only:
            bench.v2()
        if os.path.ismount(UNIFIED):
            libc.umount2(UNIFIED.encode(), MNT_DETACH)
        for name, step in {"run": lambda: bench.run(1), "run16": lambda: bench.run(16), "life": bench.life,
                           "exec": bench.exec, "shim": bench.shims}.items():
            if name in only:
                step()
        bench.verdicts()
    finally:
        libc.umount2(state.encode(), MNT_DETACH)
        os.rmdir(state)


if __name__ == "__main__":
    main()
