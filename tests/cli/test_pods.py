# SPDX-License-Identifier: Apache-2.0
"""Pods: `gantry pod`, and what containers in one share."""

import json
import os
import subprocess
import time

from cli import home
from lib import cgroups, isolation

MB = 1 << 20
V1 = any(mount.type == "cgroup" and "memory" in mount.options.split(",") for mount in isolation.cgroup_mounts())


def setUpModule():
    home.start()


class Pods(home.Case):
    def pod(self, *options, name="web", start=True):
        pod = self.out("pod", "create", *options, name)
        self.addCleanup(self.gantry, "pod", "rm", "-f", "-v", name, status=None)
        if start:
            self.assertEqual(self.out("pod", "start", name), name)
        return pod

    def run_in(self, *words, pod="web", **options):
        return self.out("pod", "run", *words[:-1], pod, home.IMAGE, "sh", "-c", words[-1], **options)

    def sleeper(self, name, *options, pod="web", run="sleep 1000"):
        return self.run_in("-d", "--name", name, *options, f"exec {run}", pod=pod)

    def view(self, pod="web"):
        return json.loads(self.out("pod", "inspect", pod))[0]

    def states(self, pod="web"):
        return {container["Name"]: container["State"] for container in self.view(pod)["Containers"]}

    def pid(self, container):
        return self.inspect(container)["State"]["Pid"]

    def namespace(self, container, kind):
        return os.readlink(f"/proc/{self.pid(container)}/ns/{kind}")

    def processes_in(self, network):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/ns/net") == network:
                    found.append(pid)
            except OSError:  # it has just ended
                continue
        return found

    # ---- what is shared

    def test_containers_share_network_names_and_memory_but_not_processes(self):
        self.pod("--hostname", "shared", "--network", "bridge")
        self.sleeper("one")
        self.sleeper("two")
        for kind in ("net", "ipc", "uts"):
            self.assertEqual(self.namespace("one", kind), self.namespace("two", kind), kind)
        self.assertNotEqual(self.namespace("one", "pid"), self.namespace("two", "pid"))
        self.assertEqual(self.out("exec", "one", "hostname"), "shared")
        self.assertEqual(self.out("exec", "one", "sh", "-c", "echo $HOSTNAME"), "shared")
        self.gantry("exec", "one", "sh", "-c", "echo x > /dev/shm/file")
        self.assertEqual(self.out("exec", "two", "cat", "/dev/shm/file"), "x")
        self.gantry("exec", "-d", "one", "sh", "-c", "echo served | nc -l -p 8080")
        self.assertEqual(self.out("exec", "two", "sh", "-c", "until nc 127.0.0.1 8080 </dev/null; do sleep 0.05; done"), "served")
        self.assertEqual(self.out("exec", "one", "cat", "/etc/hosts"), self.out("exec", "two", "cat", "/etc/hosts"))

    def test_no_process_holds_a_pod(self):
        self.pod("--hostname", "held", "--network", "none")
        self.sleeper("one")
        network = self.namespace("one", "net")
        self.gantry("rm", "-f", "one")
        while self.processes_in(network):  # what ends takes a moment
            time.sleep(0.01)
        self.sleeper("next")
        self.assertEqual(self.namespace("next", "net"), network)

    def test_one_container_ends_and_starts_without_the_others(self):
        self.pod("--network", "none")
        self.sleeper("one")
        self.sleeper("two")
        pid = self.pid("two")
        self.gantry("restart", "-t", "0", "one")
        self.assertEqual(self.pid("two"), pid)
        self.assertEqual(self.namespace("one", "net"), self.namespace("two", "net"))

    def test_shared_processes_are_those_of_the_first(self):
        self.pod("--share-pid", "--network", "none")
        self.sleeper("leader")
        self.sleeper("other", run="sleep 2000")
        self.assertEqual(self.namespace("leader", "pid"), self.namespace("other", "pid"))
        self.assertIn("sleep 1000", self.out("exec", "other", "ps"))
        self.assertIn("sleep 2000", self.out("exec", "leader", "ps"))
        pid = self.pid("leader")
        self.gantry("restart", "-t", "0", "other")
        self.assertEqual(self.pid("leader"), pid)
        # They live with it, and cannot live without it.
        self.gantry("stop", "-t", "0", "leader")
        self.gantry("wait", "other")
        self.assertEqual(self.states(), {"leader": "exited", "other": "exited"})
        self.assertIn("live with its container 'leader', which was stopped", self.refused("start", "other"))
        self.gantry("pod", "stop", "web")
        self.gantry("pod", "start", "web")
        self.assertEqual(self.states(), {"leader": "running", "other": "running"})

    def test_published_ports_are_the_pods(self):
        self.pod("-p", "127.0.0.1::8080", "--network", "bridge")
        self.sleeper("server", run="sh -c 'mkdir /www; echo page > /www/i; httpd -f -p 8080 -h /www'")
        port = self.view()["Ports"]["8080/tcp"][0]["HostPort"]
        said = subprocess.run(["curl", "-s", "--retry", "30", "--retry-connrefused", "--retry-delay", "1",
                               f"http://127.0.0.1:{port}/i"], capture_output=True, text=True, check=False).stdout
        self.assertEqual(said, "page\n")

    def test_limits_are_for_all_together(self):
        self.pod("--memory", "64m", "--pids-limit", "50", "--network", "none")
        self.sleeper("one", "--memory", "32m")
        pid = self.pid("one")
        self.assertEqual(cgroups.value(pid, "memory.limit_in_bytes", "memory.max"), str(32 * MB))
        for v1, v2, value in (("memory.limit_in_bytes", "memory.max", str(64 * MB)), ("pids.max", "pids.max", "50")):
            version, directory = cgroups.directory_of(pid, v1.split(".")[0])
            above = os.path.dirname(directory)
            self.assertIn("pod-", above)
            self.assertEqual(isolation.read(f"{above}/{v1 if version == 1 else v2}").strip(), value)
        self.gantry("pod", "rm", "-f", "web")
        self.assertFalse(os.path.exists(above))

    def test_sysctls_and_the_size_of_shared_memory(self):
        self.pod("--sysctl", "kernel.msgmax=4321", "--sysctl", "net.ipv4.ip_default_ttl=77", "--shm-size", "2m", "--network", "none")
        self.assertEqual(self.run_in("--rm", "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl; "
                                     "grep ' /dev/shm ' /proc/mounts | grep -o 'size=[0-9]*k'"), "4321\n77\nsize=2048k")

    def test_the_hosts_network(self):
        self.pod("--network", "host")
        self.sleeper("one")
        self.assertEqual(self.namespace("one", "net"), os.readlink("/proc/self/ns/net"))

    # ---- life

    def test_it_starts_in_order_and_stops_the_other_way_round(self):
        self.pod("--network", "none", start=False)
        for name in ("first", "second", "third"):
            self.gantry("pod", "add", "--name", name, "web", home.IMAGE, "sleep", "1000")
        self.assertEqual(set(self.states().values()), {"created"})
        self.assertIn("is not started", self.refused("start", "first"))
        self.gantry("pod", "start", "web")
        self.gantry("pod", "stop", "-t", "0", "web")
        moments = [self.inspect(name)["State"] for name in ("first", "second", "third")]
        started, ended = [[moment[key] for moment in moments] for key in ("StartedAt", "FinishedAt")]
        self.assertEqual((sorted(started), sorted(ended, reverse=True)), (started, ended))
        self.assertFalse(self.view()["Running"])
        self.gantry("pod", "restart", "web")
        self.assertEqual(set(self.states().values()), {"running"})

    def test_list_and_remove(self):
        pod = self.pod("--label", "a=b", "--network", "none")
        self.sleeper("one")
        self.assertEqual(self.out("pod", "ls", "--format", "{{.Name}} {{.Status}} {{.Containers}} {{.Labels}}"),
                         "web Started 1 of 1 running a=b")
        self.assertEqual(self.out("pod", "ls", "-q", "--no-trunc"), pod)
        self.assertEqual(self.out("pod", "inspect", "--format", "{{.Name}}", pod[:12]), "web")
        self.assertIn("container 'one' is running", self.refused("pod", "rm", "web"))
        self.gantry("pod", "rm", "-f", "web")
        self.assertEqual(self.out("pod", "ls", "-q"), "")
        self.assertIn("No such container", self.refused("start", "one"))
        self.assertIn("No such pod: web", self.refused("pod", "start", "web"))

    def test_it_survives_the_daemon(self):
        self.pod("--network", "bridge", "-p", "127.0.0.1::80")
        self.sleeper("one")
        pid, network, port = self.pid("one"), self.namespace("one", "net"), self.view()["Ports"]
        self.home.daemon.process.kill()
        self.home.daemon.process.wait()
        self.home.start()
        self.assertEqual((self.pid("one"), self.view()["Ports"]), (pid, port))
        self.sleeper("two")
        self.assertEqual(self.namespace("two", "net"), network)
        self.assertEqual(self.out("system", "check", "--quick").splitlines()[-1].split(": ")[1], "0 findings")

    # ---- what cannot be

    def test_bad_input(self):
        self.pod("--network", "none")
        for words, refusal in ((("create", "web"), "already in use"), (("create", "--network", "nothing-there", "lost"), ""),
                               (("create", "--sysctl", "kernel.hostname=x", "xx"), "not of a network or IPC namespace"),
                               (("create", "--memory", "1m", "xx"), "Minimum memory limit"),
                               (("create", "--ipc", "container:x", "xx"), "--ipc"),
                               (("create", "a/b"), "a/b")):
            with self.subTest(words):
                said = self.gantry("pod", *words, status=None)
                if said.status == 0:  # a network is looked for at the start
                    self.addCleanup(self.gantry, "pod", "rm", "lost")
                    said = self.gantry("pod", "start", "lost", status=1)
                self.assertIn(refusal, said.stderr)

    def test_help_completion_and_candidates(self):
        self.pod("--network", "none", start=False)
        self.assertIn("--share-pid", self.out("pod", "create", "--help"))
        self.assertNotIn("--privileged", self.out("pod", "create", "--help"))
        self.assertIn("POD IMAGE", self.out("pod", "run", "--help"))


class Check(home.Case):
    def check(self, *options, status=0):
        return self.gantry("system", "check", *options, status=status).stdout.strip().splitlines()

    def test_all_is_well(self):
        self.container("-v", "/data")
        self.assertRegex(self.check()[-1], r"^\d+ blobs, .* read: 0 findings$")

    def test_what_belongs_to_nobody_and_what_is_missing_is_found(self):
        root = f"{self.home.directory}/root"
        name = self.out("create", "--network", "none", home.IMAGE)
        os.makedirs(f"{root}/containers/{'a' * 64}")
        os.rename(f"{root}/containers/{name}", f"{root}/moved")
        found = self.check("--quick", status=1)
        self.assertEqual(len(found), 3, found)
        self.assertIn(f"'{root}/containers/{'a' * 64}' belongs to no container and no pod", "\n".join(found))
        self.assertIn(f"{name} has no directory", "\n".join(found))
        self.assertIn("a restart of gantryd removes what belongs to nobody", found[0])
        os.rename(f"{root}/moved", f"{root}/containers/{name}")
        self.home.restart()
        self.gantry("rm", name)
        # It is removed in the background.
        while os.path.exists(f"{root}/containers/{'a' * 64}"):
            time.sleep(0.01)
        self.assertEqual(self.check("--quick")[-1].split(": ")[1], "0 findings")

    def test_images_are_mended(self):
        blobs = f"{self.home.directory}/root/content/blobs/sha256/00"
        os.makedirs(blobs, exist_ok=True)
        isolation.write(f"{blobs}/{'0' * 64}", "x")
        found = self.check("--repair")
        self.assertIn("orphaned-file", found[0])
        self.assertIn("(repaired)", found[0])
        self.assertEqual(self.check()[-1].split(": ")[1], "0 findings")
