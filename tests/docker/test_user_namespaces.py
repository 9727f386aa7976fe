# SPDX-License-Identifier: Apache-2.0
"""`--userns-remap`: containers with ids of their own, by docker's command. Images and volumes hold the ids that
containers see."""

import io
import json
import os
import subprocess
import tarfile
import tempfile
import unittest

from docker import engine_home
from lib import command, isolation
from lib.gantryd import DOCKER, GANTRYD, GantrydHome
from lib.images import GANTRY

IMAGE = "busybox"
FIRST, COUNT = 300000, 65536


def setUpModule():
    if engine_home.IS_ORIGINAL:
        raise unittest.SkipTest("it would need a daemon of its own")
    ids = tempfile.NamedTemporaryFile("w")
    unittest.addModuleCleanup(ids.close)
    isolation.write(ids.name, f"dockremap:{FIRST}:{COUNT}\n")
    for file in ("/etc/subuid", "/etc/subgid"):
        subprocess.run(["mount", "--bind", ids.name, file], check=True)
        unittest.addModuleCleanup(subprocess.run, ["umount", file], check=True)
    home = engine_home.Case.home = GantrydHome(containers={"usernsRemap": "default"})
    unittest.addModuleCleanup(home.remove)
    os.chmod(home.directory, 0o711)  # what the containers' root on the host passes through
    home.docker("import", "--change", 'CMD ["/bin/sh"]', engine_home.busybox_tar(home.directory), IMAGE)


class UserNamespaces(engine_home.Case):
    def run_in(self, *options, script, **more):
        return self.out("run", "--rm", "--network", "none", *options, IMAGE, "sh", "-c", script, **more)

    def sleeper(self, *options, network="none"):
        name = self.out("run", "-d", "--network", network, *options, IMAGE, "sleep", "1000")
        self.addCleanup(self.docker, "rm", "-f", "-v", name)
        return name

    def host_uid(self, name):
        pid = self.inspect(name)["State"]["Pid"]
        return os.stat(f"/proc/{pid}").st_uid

    def test_root_inside_is_somebody_else_outside(self):
        name = self.sleeper()
        self.assertEqual(self.host_uid(name), FIRST)
        self.assertEqual(self.out("exec", name, "cat", "/proc/self/uid_map").split(), ["0", str(FIRST), str(COUNT)])
        self.assertEqual(self.out("exec", name, "id", "-u"), "0")
        self.assertIn("name=userns", self.out("info", "--format", "{{json .SecurityOptions}}"))

    def test_another_user_too(self):
        name = self.sleeper("--user", "1000:1000")
        self.assertEqual(self.host_uid(name), FIRST + 1000)

    def test_files_of_the_image_belong_to_the_containers_root(self):
        self.assertEqual(self.run_in(script="stat -c %u:%g / /etc/passwd /bin; touch /etc/new && stat -c %u /etc/new"),
                         "0:0\n0:0\n0:0\n0")
        self.assertEqual(self.run_in(script="for f in hosts hostname resolv.conf; do stat -c %u:%g /etc/$f; done; echo x >> /etc/hosts"),
                         "0:0\n0:0\n0:0")

    def test_streams_terminal_and_devices(self):
        self.assertEqual(self.run_in(script="echo out > /dev/stdout; head -c2 /dev/zero | wc -c; echo x > /dev/null"), "out\n2")
        self.assertIn("/dev/pts/0", self.home.docker_on_terminal("run", "--rm", "-t", "--network", "none", IMAGE, "tty").stdout)
        self.assertEqual(self.run_in(script="mount -t proc p /mnt 2>&1 | wc -l; cat /proc/sys/kernel/osrelease | wc -l"), "1\n1")

    def test_a_network_of_its_own(self):
        name = self.sleeper("-p", "127.0.0.1::80", network="bridge")
        self.assertIn("eth0", self.out("exec", name, "ip", "-o", "link"))
        self.assertEqual(self.out("exec", name, "sh", "-c", "test -d /sys/class/net/eth0 && echo seen"), "seen")
        self.docker("exec", "-d", name, "sh", "-c", "echo body > /tmp/i; httpd -f -p 80 -h /tmp")
        port = self.out("port", name, "80").rsplit(":", 1)[1]
        said = subprocess.run(["curl", "-s", "--retry", "30", "--retry-connrefused", "--retry-delay", "1",
                               f"http://127.0.0.1:{port}/i"], capture_output=True, text=True, check=False).stdout
        self.assertEqual(said, "body\n")

    def test_volumes_hold_the_containers_ids(self):
        self.addCleanup(self.docker, "volume", "rm", "data")
        self.run_in("-v", "data:/data", script="echo x > /data/file; chown 7:8 /data/file; mkdir /data/dir")
        (shown,) = json.loads(self.out("volume", "inspect", "data"))
        self.assertEqual(os.stat(f"{shown['Mountpoint']}/file").st_uid, 7)
        self.assertEqual(os.stat(f"{shown['Mountpoint']}/dir").st_uid, 0)
        self.assertEqual(self.run_in("-v", "data:/data", script="stat -c %u:%g /data/file"), "7:8")
        # The same volume for a container in the host's user namespace.
        self.assertEqual(self.run_in("--userns=host", "-v", "data:/data", script="stat -c %u:%g /data/file"), "7:8")
        # What is copied up keeps its owner.
        self.assertEqual(self.run_in("-v", "/etc", script="stat -c %u /etc/passwd"), "0")

    def test_binds_have_the_hosts_ids(self):
        host = f"{self.home.directory}/host"
        os.makedirs(host, exist_ok=True)
        os.chmod(host, 0o755)
        self.assertEqual(self.run_in("-v", f"{host}:/x", script="stat -c %u /x; touch /x/f 2>&1 | wc -l"), "65534\n1")
        os.chown(host, FIRST, FIRST)
        self.assertEqual(self.run_in("-v", f"{host}:/x", script="touch /x/f; stat -c %u /x"), "0")
        self.assertEqual(os.stat(f"{host}/f").st_uid, FIRST)

    def tar_out(self, name, path):
        text = subprocess.run(["/usr/bin/docker", "cp", f"{name}:{path}", "-"], env=os.environ | self.home.environment,
                              capture_output=True, check=True).stdout
        return {entry.name: (entry.uid, entry.gid) for entry in tarfile.open(fileobj=io.BytesIO(text))}

    def test_cp_of_what_runs_and_of_what_does_not(self):
        source = f"{self.home.directory}/copied"
        isolation.write(source, "text\n")
        os.chown(source, 12, 34)
        name = self.sleeper("-v", "/vol")
        for state in ("running", "stopped"):
            for directory in ("/tmp", "/vol"):
                with self.subTest(state, directory=directory):
                    self.docker("cp", source, f"{name}:{directory}/{state}")
                    self.assertEqual(self.tar_out(name, f"{directory}/{state}"), {state: (12, 34)})
            self.docker("kill", name, status=None)
            self.docker("wait", name)
        self.docker("start", name)
        self.assertEqual(self.out("exec", name, "sh", "-c", "stat -c %u:%g /tmp/running /tmp/stopped /vol/running /vol/stopped"),
                         "12:34\n" * 3 + "12:34")

    def test_diff_commit_and_export_have_the_containers_ids(self):
        name = self.sleeper()
        self.docker("exec", name, "sh", "-c", "mkdir /made; echo x > /made/file; chown 5:6 /made/file")
        self.assertEqual(self.out("diff", name).split("\n"), ["A /made", "A /made/file"])
        self.docker("commit", name, "committed")
        self.addCleanup(self.docker, "rmi", "committed")
        for mode in ((), ("--userns=host",)):
            self.assertEqual(self.out("run", "--rm", "--network", "none", *mode, "committed", "stat", "-c", "%u:%g", "/made/file"), "5:6")
        tar = f"{self.home.directory}/exported.tar"
        self.docker("export", "-o", tar, name)
        with tarfile.open(tar) as archive:
            self.assertEqual((archive.getmember("made/file").uid, archive.getmember("etc/passwd").uid), (5, 0))

    def test_builds_make_images_with_the_ids_that_they_see(self):
        context = f"{self.home.directory}/context"
        os.makedirs(context, exist_ok=True)
        isolation.write(f"{context}/Dockerfile", f"FROM {IMAGE}\nCOPY --chown=3:4 Dockerfile /copied\nRUN touch /made && id -u > /who\n")
        self.docker("build", "-t", "built", "--network", "none", context, timeout=60)
        self.addCleanup(self.docker, "rmi", "built")
        self.assertEqual(self.out("run", "--rm", "--network", "none", "built", "sh", "-c", "stat -c %u:%g /copied /made; cat /who"),
                         "3:4\n0:0\n0")

    def test_what_builds_run_has_a_user_namespace_and_all_kinds_of_mounts(self):
        context = f"{self.home.directory}/mounts"
        os.makedirs(context, exist_ok=True)
        isolation.write(f"{context}/secret", "tell nobody")
        isolation.write(f"{context}/Dockerfile", f"""\
FROM {IMAGE} AS made
RUN echo made > /made && mkdir /tree && echo leaf > /tree/leaf && chown -R 5:6 /tree
FROM {IMAGE}
RUN --mount=from=made,target=/made --mount=from=made,source=/tree,target=/tree,rw --mount=target=/context \\
    --mount=type=cache,uid=7,target=/cache --mount=type=secret,id=s,uid=8 --mount=type=tmpfs,target=/scratch \\
    head -n 1 /proc/self/uid_map > /map && stat -c %u:%g /made/made /tree/leaf /context/Dockerfile /cache /run/secrets/s > /owners && \\
    touch /tree/new /cache/new /scratch/new && chown 9 /cache/new
RUN --mount=type=cache,uid=7,target=/cache stat -c %u /cache/new >> /owners && ip link > /links
USER 1000
RUN id -u > /tmp/who && touch /tmp/mine
""")
        command.run(DOCKER, "build", "-t", "mounted", "--secret", f"id=s,src={context}/secret", context, timeout=60,
                    env=self.home.environment | {"DOCKER_BUILDKIT": "1"})
        self.addCleanup(self.docker, "rmi", "mounted")
        said = self.out("run", "--rm", "--network", "none", "mounted", "sh", "-c",
                        "cat /map /owners /tmp/who; stat -c %u /tmp/mine; grep -c eth0 /links; ls -d /tree /cache /context 2>&1 | grep -c No")
        self.assertEqual(said.split(), ["0", str(FIRST), str(COUNT), "0:0", "5:6", "0:0", "7:0", "8:0", "9", "1000", "1000", "1", "3"])

    def test_what_builds_run_may_not_have_what_only_the_hosts_users_may(self):
        said = self.docker("build", "--network", "host", "-", stdin=f"FROM {IMAGE}\nRUN true\n", status=1, timeout=60)
        self.assertIn("user namespaces are enabled", said.stderr + said.stdout)

    def test_the_hosts_user_namespace_when_asked_for(self):
        name = self.sleeper("--userns=host")
        self.assertEqual(self.host_uid(name), 0)
        self.assertEqual(self.run_in("--userns=host", "--privileged", script="id -u"), "0")

    def test_what_needs_the_hosts_users(self):
        for options, words in ((["--privileged"], "privileged mode is incompatible with user namespaces"),
                               (["--network", "host"], "cannot share the host's network namespace when user namespaces are enabled"),
                               (["--pid", "host"], "cannot share the host PID namespace when user namespaces are enabled")):
            with self.subTest(options):
                self.assert_mentions(self.refused("run", "--rm", *options, IMAGE, "true", status=125), words)

    def test_who_shares_a_namespace_shares_the_user_namespace(self):
        first = self.sleeper("--ipc=shareable", network="bridge")
        second = self.sleeper("--ipc", f"container:{first}", "--pid", f"container:{first}", network=f"container:{first}")
        pids = [self.inspect(name)["State"]["Pid"] for name in (first, second)]
        self.assertEqual(os.readlink(f"/proc/{pids[0]}/ns/user"), os.readlink(f"/proc/{pids[1]}/ns/user"))
        self.assertIn("sleep", self.out("exec", second, "ps"))
        self.assertIn("different user namespaces", self.refused(
            "create", "--network", f"container:{first}", "--pid", f"container:{self.sleeper()}", IMAGE))

    def test_a_restart_of_the_daemon_changes_nothing(self):
        name = self.sleeper("-v", "/vol")
        self.docker("exec", name, "touch", "/vol/a")
        self.home.restart()
        self.assertEqual(self.host_uid(name), FIRST)
        self.docker("exec", name, "touch", "/vol/b", "/root-file")
        self.docker("restart", "-t", "0", name)
        self.assertEqual(self.out("exec", name, "stat", "-c", "%u", "/vol/a", "/vol/b", "/root-file"), "0\n0\n0")


class Ranges(engine_home.Case):
    def test_a_user_without_ids_is_told_what_to_write(self):
        directory = self.home.directory
        os.symlink(GANTRYD, f"{directory}/dockerd")
        said = command.run(f"{directory}/dockerd", "--userns-remap=nobody-like-that", "--data-root", f"{directory}/other",
                           "--exec-root", f"{directory}/other-run", "-H", f"unix://{directory}/other.sock", status=1)
        self.assert_mentions(said.stderr, f"this line in it would: nobody-like-that:{FIRST + COUNT}:{COUNT}")


class Pods(engine_home.Case):
    """The containers of a pod share one user namespace, which owns what else they share."""

    def gantry(self, *words, **options):
        return command.run(GANTRY, *words, env={"GANTRY_HOST": self.home.environment["DOCKER_HOST"]}, **options).stdout.strip()

    def pod(self, *options):
        self.gantry("pod", "create", *options, "web")
        self.addCleanup(self.gantry, "pod", "rm", "-f", "-v", "web")
        self.gantry("pod", "start", "web")

    def sleeper(self, name, *options):
        self.gantry("pod", "run", "-d", "--name", name, *options, "web", IMAGE, "sleep", "1000")
        return self.inspect(name)["State"]["Pid"]

    def namespaces(self, pid, *kinds):
        return [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in kinds]

    def test_they_share_a_user_namespace_of_their_own(self):
        self.pod("--hostname", "shared", "--network", "bridge", "-p", "127.0.0.1::80")
        one = self.sleeper("one", "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN")
        two = self.sleeper("two", "--user", "1000")
        self.assertEqual([os.stat(f"/proc/{pid}").st_uid for pid in (one, two)], [FIRST, FIRST + 1000])
        shared = ("user", "net", "ipc", "uts")
        self.assertEqual(self.namespaces(one, *shared), self.namespaces(two, *shared))
        self.assertNotEqual(self.namespaces(one, "user"), self.namespaces("self", "user"))
        # Only who is root in the user namespace that owns the others may do these.
        self.assertEqual(self.out("exec", "one", "sh", "-c",
                                  "hostname changed && ip link set lo down && ip link set lo up && hostname"), "changed")
        self.docker("exec", "one", "sh", "-c", "echo x > /dev/shm/file; chown 5:6 /dev/shm/file")
        self.assertEqual(self.out("exec", "two", "stat", "-c", "%u:%g", "/dev/shm/file"), "5:6")
        self.docker("exec", "-d", "one", "sh", "-c", "echo body > /tmp/i; httpd -f -p 80 -h /tmp")
        port = json.loads(self.gantry("pod", "inspect", "web"))[0]["Ports"]["80/tcp"][0]["HostPort"]
        said = subprocess.run(["curl", "-s", "--retry", "30", "--retry-connrefused", "--retry-delay", "1",
                               f"http://127.0.0.1:{port}/i"], capture_output=True, text=True, check=False).stdout
        self.assertEqual(said, "body\n")

    def test_a_restart_of_the_daemon_changes_nothing(self):
        self.pod("--network", "none", "--share-pid")
        one = self.sleeper("one")
        before = self.namespaces(one, "user", "net", "ipc", "pid")
        self.home.daemon.kill()
        self.home.start()
        self.assertEqual(self.namespaces(one, "user", "net", "ipc", "pid"), before)
        self.assertEqual(self.namespaces(self.sleeper("two"), "user", "net", "ipc", "pid"), before)
        self.gantry("pod", "stop", "-t", "0", "web")
        self.gantry("pod", "start", "web")
        self.assertEqual(self.out("exec", "two", "cat", "/proc/self/uid_map").split(), ["0", str(FIRST), str(COUNT)])
        report = self.gantry("system", "check", "--quick")
        self.assertEqual(report.splitlines()[-1].split(": ")[1], "0 findings", report)
