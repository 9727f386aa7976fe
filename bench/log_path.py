#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The log path: a container writes 100-byte lines to its standard output as fast as it is allowed to.

    bench/log_path.py [--gib 1] [--runs 3] [--drivers gantry,conmon] [--dir DIR]

For each driver: seconds from the start of the container until every line is in its log, and CPU seconds of
the process that reads the output (its runtime calls included), per GiB written by the container; the median
run. Ends with how many times as fast gantry is. Every log is checked for its number of lines. Needs root,
conmon, dockerd and runc; the container is runc's for all, and its program cat, which costs next to nothing.
dockerd writes with its json-file driver; its CPU is that of the daemon alone, without containerd's shim, which
copies every byte once more. Run it on a machine of its own: tests/run.py --shell $PWD/bench/log_path.py
"""

import argparse
import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

CHECKOUT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, f"{CHECKOUT}/tests")
os.environ.setdefault("GANTRY_SHIM_RUNTIME", "/usr/sbin/runc")

from lib.bundle import Bundle  # noqa: E402
from lib.shim import Shim  # noqa: E402

LINE = b"x" * 99 + b"\n"
CHUNK = 64 << 20
RUNC = "/usr/sbin/runc"
PR_SET_CHILD_SUBREAPER = 36


class Run(NamedTuple):
    seconds: float
    cpu: float


def reap(pid):
    """CPU seconds of a descendant that has been orphaned to us, its own children included."""
    _, _, usage = os.wait4(pid, 0)
    return usage.ru_utime + usage.ru_stime


def gantry(bundle, scratch, log):
    shim = Shim(scratch, bundle, log=log)
    with shim.connect(timeout=600) as client:
        begin = time.monotonic()
        client.start()
        client.wait_exit()
        seconds = time.monotonic() - begin
        client.delete()
    return Run(seconds, reap(shim.pid))


def conmon(bundle, scratch, log):
    bundle.save()
    os.makedirs(f"{scratch}/exits", exist_ok=True)
    pid_file = f"{scratch}/conmon.pid"
    created, report = os.pipe()
    subprocess.run(["conmon", "--api-version", "1", "-c", bundle.id, "-u", bundle.id, "-r", RUNC, "-b", bundle.path,
                    "-p", f"{scratch}/init.pid", "-P", pid_file, "-n", bundle.id, "--exit-dir", f"{scratch}/exits",
                    "--socket-dir-path", scratch, "--full-attach", "-l", f"k8s-file:{log}", "--log-level", "error"],
                   check=True, pass_fds=[report], env=os.environ | {"_OCI_SYNCPIPE": str(report)})
    os.close(report)
    with open(created) as file:
        file.readline()  # {"pid": ...}
    with open(pid_file) as file:
        pid = int(file.read())
    begin = time.monotonic()
    subprocess.run([RUNC, "start", bundle.id], check=True)
    cpu = reap(pid)  # it ends when everything is written
    seconds = time.monotonic() - begin
    subprocess.run([RUNC, "delete", "--force", bundle.id], check=True)
    return Run(seconds, cpu)


def cpu_of(pid):
    """CPU seconds of a process that goes on living."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def dockerd(bundle, scratch, log):
    bundle.save()
    home = f"{scratch}/docker"
    address = ["--host", f"unix://{home}/socket"]
    os.makedirs(home)
    with open(f"{home}/daemon.json", "w") as file:
        file.write("{}")
    with open(f"{home}/log", "w") as output:
        daemon = subprocess.Popen(["dockerd", *address, "--data-root", f"{home}/data", "--exec-root", f"{home}/exec",
                                   "--pidfile", f"{home}/pid", "--config-file", f"{home}/daemon.json",
                                   "--bridge", "none", "--iptables=false"], stdout=output, stderr=output)

    def docker(*arguments, **options):
        return subprocess.run(["/usr/bin/docker", *address, *arguments], check=True, capture_output=True, text=True,
                              **options).stdout.strip()

    try:
        while subprocess.run(["/usr/bin/docker", *address, "version"], capture_output=True).returncode:
            if daemon.poll() is not None:
                sys.exit(f"dockerd does not start:\n{open(f'{home}/log').read()}")
            time.sleep(0.1)
        with subprocess.Popen(["tar", "-C", bundle.root, "-c", "."], stdout=subprocess.PIPE) as tar:
            docker("import", "-", "bench", stdin=tar.stdout)
        container = docker("create", "--network", "none", "bench", *bundle.process["args"])
        before = cpu_of(daemon.pid)
        begin = time.monotonic()
        docker("start", container)
        docker("wait", container)
        seconds = time.monotonic() - begin
        cpu = cpu_of(daemon.pid) - before
        os.rename(f"{home}/data/containers/{container}/{container}-json.log", log)
        docker("rm", container)
    finally:
        daemon.terminate()
        daemon.wait()
        subprocess.run(["umount", f"{home}/exec/netns/default"], stderr=subprocess.DEVNULL)
        shutil.rmtree(home)
    return Run(seconds, cpu)


DRIVERS = {"gantry": gantry, "conmon": conmon, "dockerd": dockerd}


def measure(driver, chunks, scratch):
    log = f"{scratch}/log"
    with Bundle("cat", *["/data"] * chunks, parent=scratch) as bundle:
        bundle.file("/data", LINE * (CHUNK // len(LINE)))
        run = DRIVERS[driver](bundle, scratch, log)
    lines = int(subprocess.run(["wc", "-l", log], check=True, capture_output=True, text=True).stdout.split()[0])
    written = CHUNK // len(LINE) * chunks
    # conmon cuts a line where its reads end, so it may have more.
    if lines < written or (driver == "gantry" and lines != written):
        sys.exit(f"{driver} logged {lines} lines of {written}")
    os.unlink(log)
    return run


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gib", type=float, default=1)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--drivers", default=",".join(DRIVERS))
    options.add_argument("--dir", help="where bundles and logs are (default: the temporary directory)")
    options = options.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    chunks = max(1, round(options.gib * (1 << 30) / CHUNK))
    drivers = options.drivers.split(",")
    runs = {driver: [] for driver in drivers}
    scratch = tempfile.mkdtemp(prefix="log-path-", dir=options.dir)
    try:
        for _ in range(options.runs):
            for driver in drivers:  # taken in turns, so that the machine's moods hit all of them
                runs[driver].append(measure(driver, chunks, scratch))
    finally:
        shutil.rmtree(scratch)
    gib = chunks * CHUNK / (1 << 30)
    print(f"{'driver':<10} {'s/GiB':>8} {'CPU s/GiB':>10}")
    median = {}
    for driver in drivers:
        median[driver] = statistics.median(run.seconds for run in runs[driver]) / gib
        cpu = statistics.median(run.cpu for run in runs[driver]) / gib
        print(f"{driver:<10} {median[driver]:8.2f} {cpu:10.2f}")
    for driver in drivers:
        if driver != "gantry" and "gantry" in median:
            print(f"gantry is {median[driver] / median['gantry']:.1f} times as fast as {driver}")


if __name__ == "__main__":
    main()
