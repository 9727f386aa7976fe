# SPDX-License-Identifier: Apache-2.0
"""The runtime with --systemd-cgroup. Runs inside of the guest of test_systemd.py."""

import os
import subprocess

from lib.runtime import Runtime, RuntimeTest, cgroups_of, read, wait_for, wait_for_exit

ROOT = "/sys/fs/cgroup"
MB = 1 << 20


def show(unit, *properties):
    """What systemd says of a unit."""
    text = subprocess.run(["systemctl", "show", "--property", ",".join(properties), unit], check=True,
                          capture_output=True, text=True).stdout
    values = dict(line.split("=", 1) for line in text.splitlines())
    return [values[name] for name in properties]


def is_gone(unit):
    return show(unit, "LoadState") == ["not-found"]


class SystemdRuntime(Runtime):
    wrapper = ()

    def words(self, *words, log=None):
        program, *rest = super().words(*words, log=log)
        return [*self.wrapper, program, "--systemd-cgroup", *rest]


class SystemdTest(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.runtime = SystemdRuntime(self.scratch)

    def unit(self, container):
        return f"runc-{container.id}.scope"

    def with_resources(self, **resources):
        bundle = self.bundle("sleep", "600")
        bundle.resources.update(resources)
        return bundle

    def file(self, container, name):
        return container.cgroup_file("", name)


class Life(SystemdTest):
    def test_from_create_to_delete(self):
        container = self.created()
        unit = self.unit(container)
        self.assertEqual(container.cgroup(""), f"{ROOT}/system.slice/{unit}")
        self.assertEqual(show(unit, "ActiveState", "SubState", "Slice", "Delegate"),
                         ["active", "running", "system.slice", "yes"])
        container.start()
        self.assertEqual(container.status, "running")
        self.assertEqual(self.file(container, "cgroup.procs"), str(container.pid))
        container.kill("KILL", ok=True)
        container.wait()
        container.delete(ok=True)
        wait_for(lambda: is_gone(unit), "the end of the scope")
        self.assertEqual(cgroups_of(container.id), [])

    def test_run(self):
        bundle = self.script("cat /proc/self/cgroup; exit 3")
        outcome = self.runtime.run(bundle)
        self.assertEqual((outcome.code, outcome.stdout), (3, "0::/\n"))
        wait_for(lambda: is_gone(f"runc-{bundle.id}.scope"), "the end of the scope")
        self.assertEqual(cgroups_of(bundle.id), [])

    def test_slice_prefix_and_name(self):
        bundle = self.bundle("sleep", "600")
        bundle.linux["cgroupsPath"] = f"gantry-test.slice:pre:{bundle.id}"
        self.addCleanup(subprocess.run, ["systemctl", "stop", "gantry-test.slice", "gantry.slice"])
        container = self.running(bundle)
        unit = f"pre-{container.id}.scope"
        self.assertEqual(container.cgroup(""), f"{ROOT}/gantry.slice/gantry-test.slice/{unit}")
        self.assertEqual(show(unit, "Slice"), ["gantry-test.slice"])
        container.delete("--force", ok=True)
        wait_for(lambda: is_gone(unit), "the end of the scope")
        self.assertEqual(cgroups_of(container.id), [])

    def test_a_path_of_another_form_is_refused(self):
        bundle = self.bundle()
        bundle.linux["cgroupsPath"] = f"/{bundle.id}"
        self.assert_create_refused(bundle, "cgroupsPath", "slice:prefix:name")

    def test_a_refusal_after_the_scope_is_there_takes_it_away(self):
        bundle = self.with_resources(unified={"memory.nonsense": "1"})
        self.assert_create_refused(bundle, "memory.nonsense")
        wait_for(lambda: is_gone(f"runc-{bundle.id}.scope"), "the end of the scope")

    def test_exec_joins_the_scope(self):
        container = self.running()
        container.exec("sleep", "600", options=["--detach"], ok=True)
        self.assertEqual(len(self.file(container, "cgroup.procs").split()), 2)

    def test_a_user_namespace(self):
        bundle = self.bundle("sleep", "600")
        bundle.user_namespace()
        container = self.running(bundle)
        self.assertEqual(container.cgroup(""), f"{ROOT}/system.slice/{self.unit(container)}")

    def test_namespaces_that_take_a_process_between(self):
        bundle = self.script("cat /proc/self/cgroup; cat /proc/uptime >/dev/null; sleep 600")
        bundle.user_namespace()
        bundle.namespace("time")
        container = self.running(bundle)
        container.wait_for_output("0::/\n")
        self.assertEqual(self.file(container, "cgroup.procs").split()[0], str(container.pid))

    def test_pause_resume_and_kill(self):
        container = self.running()
        self.runtime("pause", container.id, ok=True)
        self.assertEqual(container.status, "paused")
        self.runtime("resume", container.id, ok=True)
        self.assertEqual(container.status, "running")
        self.runtime("pause", container.id, ok=True)
        container.kill("KILL", ok=True)
        container.wait()

    def test_nothing_survives_delete_by_force(self):
        bundle = self.script("trap '' TERM; for i in 1 2 3; do setsid sleep 600 & done; echo ok; wait")
        bundle.without_namespace("pid")
        container = self.running(bundle)
        container.wait_for_output("ok")
        pids = self.file(container, "cgroup.procs").split()
        container.delete("--force", ok=True)
        for pid in pids:
            wait_for_exit(int(pid))
        wait_for(lambda: is_gone(self.unit(container)), "the end of the scope")

    def test_a_killed_runtime_leaves_what_delete_by_force_removes(self):
        bundle = self.bundle("sleep", "600")
        ours, theirs = os.pipe()  # the hook lasts until we let it go
        bundle.hook("createRuntime", "/usr/bin/cat", f"/proc/{os.getpid()}/fd/{ours}")
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        bundle.save()
        container = self.runtime.remember(bundle)
        unit = self.unit(container)
        maker = self.runtime.popen("create", "--bundle", bundle.path, bundle.id)
        self.addCleanup(maker.wait)
        self.addCleanup(maker.kill)
        wait_for(lambda: show(unit, "ActiveState") == ["active"], "the scope")
        (group,) = cgroups_of(bundle.id)
        wait_for(lambda: read(f"{group}/cgroup.procs"), "the first process")
        maker.kill()
        maker.wait()
        container.delete("--force", ok=True)
        wait_for(lambda: is_gone(unit), "the end of the scope")
        self.assertEqual(cgroups_of(bundle.id), [])

    def test_over_the_bus(self):
        # Without systemd's own socket, which dbus-broker, a container's mounts or a policy can take away.
        subprocess.run(["systemctl", "start", "dbus.service"], check=True)
        self.addCleanup(subprocess.run, ["systemctl", "stop", "dbus.service"])
        self.runtime.wrapper = ("unshare", "--mount", "sh", "-c",
                                'mount --bind /dev/null /run/systemd/private && exec "$@"', "sh")
        container = self.running()
        self.assertEqual(show(self.unit(container), "ActiveState"), ["active"])
        self.runtime("update", "--pids-limit", "33", container.id, ok=True)
        self.assertEqual(show(self.unit(container), "TasksMax"), ["33"])
        container.delete("--force", ok=True)
        wait_for(lambda: is_gone(self.unit(container)), "the end of the scope")


class Limits(SystemdTest):
    def test_systemd_and_the_kernel_know_them(self):
        container = self.running(self.with_resources(
            memory={"limit": 64 * MB, "reservation": 32 * MB, "swap": 96 * MB}, pids={"limit": 19},
            cpu={"shares": 1024, "quota": 30000, "period": 60000, "cpus": "1", "mems": "0"},
            unified={"memory.high": str(48 * MB)}))
        self.assertEqual(
            show(self.unit(container), "MemoryMax", "MemoryLow", "MemorySwapMax", "MemoryHigh", "TasksMax", "CPUWeight",
                 "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec", "AllowedCPUs", "AllowedMemoryNodes", "DevicePolicy"),
            [str(64 * MB), str(32 * MB), str(32 * MB), str(48 * MB), "19", "100", "500ms", "60ms", "1", "0", "strict"])
        self.assertEqual(
            [self.file(container, name) for name in ("memory.max", "memory.low", "memory.swap.max", "memory.high",
                                                     "pids.max", "cpu.weight", "cpu.max", "cpuset.cpus", "cpuset.mems")],
            [str(64 * MB), str(32 * MB), str(32 * MB), str(48 * MB), "19", "100", "30000 60000", "1", "0"])

    def test_what_systemd_has_no_words_for(self):
        container = self.running(self.with_resources(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MB}],
                                                     cpu={"quota": 12345, "period": 100000}))
        self.assertEqual(self.file(container, "hugetlb.2MB.max"), str(4 * MB))
        self.assertEqual(self.file(container, "cpu.max"), "12345 100000")  # systemd counts in whole percents

    def test_update(self):
        container = self.running()
        self.runtime("update", "--memory", str(48 * MB), "--pids-limit", "21", "--cpu-quota", "12345",
                     "--cpu-period", "100000", container.id, ok=True)
        self.assertEqual(show(self.unit(container), "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec"),
                         [str(48 * MB), "21", "130ms"])
        self.assertEqual([self.file(container, name) for name in ("memory.max", "pids.max", "cpu.max")],
                         [str(48 * MB), "21", "12345 100000"])

    def test_a_reload_of_systemd_keeps_limits_and_device_rules(self):
        major, minor = read("/sys/block/vda/dev").strip().split(":")
        bundle = self.script(f"mknod /tmp/a b {major} {minor}; mknod /tmp/b c 1 1; echo made; sleep 600")
        bundle.resources["pids"] = {"limit": 19}
        bundle.resources["devices"].append({"allow": True, "type": "b", "major": int(major), "minor": int(minor),
                                            "access": "r"})
        container = self.running(bundle)
        container.wait_for_output("made")
        self.runtime("update", "--memory", str(48 * MB), container.id, ok=True)

        def look():
            opened = [container.exec("probe", "open", path, "r").stdout.strip() for path in ("/tmp/a", "/tmp/b")]
            return opened + [self.file(container, name) for name in ("pids.max", "memory.max")]

        before = look()
        self.assertEqual(before, ["ok", "EPERM", "19", str(48 * MB)])
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        self.assertEqual(look(), before)

    def test_privileged(self):
        major, minor = read("/sys/block/vda/dev").strip().split(":")
        bundle = self.script(f"mknod /tmp/a b {major} {minor}; probe open /tmp/a rw")
        bundle.resources["devices"] = [{"allow": True, "access": "rwm"}]
        self.assertEqual(self.inside(bundle=bundle, script=bundle.process["args"][2]), "ok\n")
