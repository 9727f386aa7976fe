# SPDX-License-Identifier: Apache-2.0
"""What docker shows: ps with its filters, inspect, events, stats, top, cp, diff, commit, export, info, version."""

import io
import json
import os
import select
import subprocess
import tarfile
import time

from docker import engine_home
from lib.runtime import wait_for

IMAGE = "busybox"


def setUpModule():
    engine_home.start_with_image(IMAGE)


class Views(engine_home.CleanCase):
    def make(self, name, *options, words=("sleep", "1000"), verb=("run", "-d")):
        return self.out(*verb, "--name", name, "--network", "none", *options, IMAGE, *words)

    def tar_of(self, *arguments):
        result = subprocess.run([engine_home.DOCKER, *arguments], env={**os.environ, **self.home.environment},
                                capture_output=True, check=True)
        return tarfile.open(fileobj=io.BytesIO(result.stdout))


class Ps(Views):
    def names(self, *filters, options=("-a",)):
        arguments = [word for text in filters for word in ("--filter", text)]
        return sorted(self.out("ps", *options, *arguments, "--format", "{{.Names}}").split())

    def test_columns(self):
        made = self.make("web", "--label", "tier=front", words=("sh", "-c", "sleep 1000"))
        line = self.out("ps", "--format", "{{.ID}}|{{.Image}}|{{.Command}}|{{.Status}}|{{.Names}}|{{.Labels}}|{{.State}}")
        identity, image, words, status, name, labels, state = line.split("|")
        self.assertEqual((identity, image, words, name, labels, state),
                         (made[:12], IMAGE, '"sh -c \'sleep 1000\'"', "web", "tier=front", "running"))
        self.assertTrue(status.startswith("Up "))
        self.assert_matches(self.out("ps", "-s", "--format", "{{.Size}}"), r"[\d.]+k?B \(virtual [\d.]+MB\)")

    def test_filters(self):
        self.make("web", "--label", "tier=front", "--label", "app=shop")
        self.make("db", "--label", "tier=back", "--label", "app=shop", "-v", "data:/var/data")
        self.make("done", words=("sh", "-c", "exit 3"))
        self.out("wait", "done")
        self.make("new", verb=("create",))
        self.addCleanup(self.docker, "volume", "rm", "data", status=None)
        self.assertEqual(self.names(options=()), ["db", "web"])
        for filters, expected in {
                ("status=running",): ["db", "web"], ("status=exited",): ["done"], ("status=created",): ["new"],
                ("status=exited", "status=created"): ["done", "new"], ("exited=3",): ["done"], ("exited=0",): [],
                ("label=app",): ["db", "web"], ("label=tier=front",): ["web"], ("label=app", "label=tier=back"): ["db"],
                ("name=w",): ["new", "web"], ("name=^web$",): ["web"], ("name=^/web$",): ["web"], ("volume=data",): ["db"],
                ("volume=/var/data",): ["db"], ("network=none",): ["db", "done", "new", "web"], ("network=bridge",): [],
                (f"ancestor={IMAGE}",): ["db", "done", "new", "web"], ("ancestor=other",): [],
                ("since=web",): ["db", "done", "new"], ("before=done",): ["db", "web"], ("health=none", "name=web"): ["web"],
                (f"id={self.inspect('db')['Id'][:10]}",): ["db"]}.items():
            self.assertEqual(self.names(*filters), expected, filters)
        self.assertEqual(self.names(options=("-n", "2")), ["done", "new"])
        self.assertEqual(self.names(options=("-l",)), ["new"])
        self.assertEqual(self.names("status=exited", options=()), ["done"])

    def test_wrong_filters(self):
        self.assert_mentions(self.refused("ps", "--filter", "colour=red"), "invalid filter 'colour")
        self.assert_mentions(self.refused("ps", "--filter", "status=asleep"), "invalid filter 'status=asleep'")
        self.assert_mentions(self.refused("ps", "--filter", "exited=x"), "invalid filter 'exited=x'")

    def test_an_image_that_lost_its_name_is_shown_by_its_id(self):
        self.docker("tag", IMAGE, "other:1")
        self.out("run", "-d", "--name", "web", "--network", "none", "other:1", "sleep", "1000")
        self.assertEqual(self.out("ps", "--format", "{{.Image}}"), "other:1")
        self.docker("rmi", "other:1")
        self.assertEqual(self.out("ps", "--format", "{{.Image}}"), self.inspect("web")["Image"][7:19])


class Inspect(Views):
    def test_what_was_asked_for_is_there(self):
        self.make("web", "-e", "A=b", "-w", "/tmp", "--hostname", "box", "--label", "x=y", "--memory", "100m", "-u", "1:2",
                  "--restart", "on-failure:3", "--cap-add", "NET_ADMIN", "--dns", "192.0.2.9", "--add-host", "a:192.0.2.1")
        shown = self.inspect("web")
        config, host = shown["Config"], shown["HostConfig"]
        self.assertIn("A=b", config["Env"])
        self.assertEqual((config["WorkingDir"], config["Hostname"], config["User"], config["Labels"], config["Cmd"],
                          config["Image"], config["Tty"]),
                         ("/tmp", "box", "1:2", {"x": "y"}, ["sleep", "1000"], IMAGE, False))
        self.assertEqual((host["Memory"], host["RestartPolicy"], host["NetworkMode"], host["Dns"], host["ExtraHosts"]),
                         (100 << 20, {"Name": "on-failure", "MaximumRetryCount": 3}, "none", ["192.0.2.9"], ["a:192.0.2.1"]))
        self.assertTrue(host["CapAdd"][0].endswith("NET_ADMIN"))
        self.assertEqual((shown["Path"], shown["Args"], shown["Name"]), ("sleep", ["1000"], "/web"))
        self.assertTrue(shown["State"]["Running"])
        self.assertGreater(shown["State"]["Pid"], 0)
        self.assertEqual(list(shown["NetworkSettings"]["Networks"]), ["none"])
        for file in ("HostsPath", "HostnamePath", "ResolvConfPath", "LogPath"):
            self.assertTrue(os.path.exists(shown[file]), file)

    def test_sizes(self):
        self.make("web", words=("sh", "-c", "head -c 1000000 /dev/zero > /file; sleep 1000"))
        self.assertNotIn("SizeRw", self.inspect("web"))
        wait_for(lambda: self.inspect("-s", "web")["SizeRw"] >= 1000000, "the file")
        self.assertGreater(self.inspect("-s", "web")["SizeRootFs"], self.inspect("-s", "web")["SizeRw"])


class Events(Views):
    def events(self, since, *filters):
        until = f"{time.time() + 1:.0f}"  # in whole seconds, as this client says it
        arguments = [word for text in filters for word in ("--filter", text)]
        lines = self.out("events", "--since", since, "--until", until, *arguments, "--format", "{{json .}}").splitlines()
        return [json.loads(line) for line in lines]

    def test_a_life(self):
        since = f"{time.time() - 1:.0f}"
        made = self.make("lives", "--label", "tier=front", words=("sh", "-c", "exit 4"))
        self.out("wait", "lives")
        self.docker("rm", "lives")
        found = self.events(since, "container=lives", "type=container")
        self.assertEqual([event["Action"] for event in found], ["create", "start", "die", "destroy"])
        die = found[2]
        self.assertEqual((die["id"], die["status"], die["from"], die["scope"]), (made, "die", IMAGE, "local"))
        self.assertEqual({key: die["Actor"]["Attributes"][key] for key in ("exitCode", "name", "image", "tier")},
                         {"exitCode": "4", "name": "lives", "image": IMAGE, "tier": "front"})
        self.assertEqual(len(self.events(since, "event=die", "label=tier=front")), 1)
        self.assertEqual(self.events(since, "event=die", "label=tier=back"), [])
        self.assertEqual(self.events(since, "type=volume"), [])

    def test_as_they_happen(self):
        client = subprocess.Popen([engine_home.DOCKER, "events", "--format", "{{.Type}} {{.Action}}", "--filter",
                                   "event=create", "--filter", "event=destroy"],
                                  env={**os.environ, **self.home.environment}, stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)

        def is_heard():  # nothing says when the client listens: there is something to hear until it does
            self.docker("volume", "create", "vol")
            self.docker("volume", "rm", "vol")
            return select.select([client.stdout], [], [], 0.1)[0]

        wait_for(is_heard, "an event")
        self.assertIn(client.stdout.readline(), ("volume create\n", "volume destroy\n"))


    def test_those_of_before_a_restart(self):
        since = f"{time.time() - 1:.0f}"
        self.docker("network", "create", "shop")
        self.docker("volume", "create", "data")
        self.docker("tag", IMAGE, "tagged")
        self.docker("run", "--rm", "--name", "brief", "--network", "shop", "-v", "data:/data", IMAGE, "true")
        self.docker("volume", "rm", "data")
        self.docker("network", "rm", "shop")
        self.docker("rmi", "tagged")
        before = self.events(since)
        for action in ("container die", "network create", "network disconnect", "volume mount", "volume destroy", "image tag",
                       "image untag"):
            self.assertIn(action, [f"{event['Type']} {event['Action']}" for event in before])
        self.home.restart()
        self.assertEqual(self.events(since), before)


class Content(Views):
    def test_copy_in_and_out(self):
        self.make("web")
        source = f"{self.home.directory}/source"
        os.makedirs(f"{source}/sub", exist_ok=True)
        for path, text in {"file": "text\n", "sub/other": "more\n"}.items():
            with open(f"{source}/{path}", "w") as file:
                file.write(text)
        for name in ("web", "stopped"):
            if name == "stopped":
                self.make("stopped", verb=("create",))
            self.docker("cp", f"{source}/file", f"{name}:/tmp/renamed")
            self.docker("cp", source, f"{name}:/srv")
            with self.tar_of("cp", f"{name}:/srv", "-") as tar:
                self.assertEqual(sorted(tar.getnames()), ["srv", "srv/file", "srv/sub", "srv/sub/other"])
            with self.tar_of("cp", f"{name}:/tmp/renamed", "-") as tar:
                self.assertEqual(tar.extractfile("renamed").read(), b"text\n")
        self.assertEqual(self.out("exec", "web", "cat", "/tmp/renamed"), "text")
        self.assert_mentions(self.refused("cp", "web:/none", "-"), "/none")
        self.assert_mentions(self.refused("cp", f"{source}/file", "web:/none/there"), "/none")

    def test_diff(self):
        self.make("web", words=("sh", "-c", "touch /etc/new; rm /etc/group; sleep 1000"))
        wait_for(lambda: "/etc/group" in self.out("diff", "web"), "the changes")
        self.assertEqual(self.out("diff", "web").splitlines(), ["C /etc", "D /etc/group", "A /etc/new"])

    def test_commit(self):
        self.make("web", "-e", "A=b", words=("sh", "-c", "echo kept > /new; mv /new /file; sleep 1000"))
        wait_for(lambda: "/file" in self.out("diff", "web"), "the file")
        made = self.out("commit", "-a", "me", "-m", "why", "-c", "CMD [\"cat\", \"/file\"]", "-c", "ENV C=d", "web", "kept:1")
        image = self.inspect(made)
        self.assertEqual((image["Author"], image["Comment"], image["Config"]["Cmd"]), ("me", "why", ["cat", "/file"]))
        self.assertTrue({"A=b", "C=d"} <= set(image["Config"]["Env"]))
        self.assertEqual(self.out("run", "--rm", "--network", "none", "kept:1"), "kept")
        self.docker("rmi", "kept:1")

    def test_export(self):
        self.make("web", words=("sh", "-c", "touch /new; sleep 1000"))
        wait_for(lambda: "/new" in self.out("diff", "web"), "the file")
        with self.tar_of("export", "web") as tar:
            names = {name.strip("/") for name in tar.getnames()}
        self.assertTrue({"new", "bin/busybox", "etc/passwd"} <= names)
        self.assertFalse([name for name in names if name.startswith("proc/")])

    def test_top(self):
        self.make("web", words=("sh", "-c", "sleep 77 & sleep 1000"))
        wait_for(lambda: "sleep 77" in self.out("top", "web"), "the processes")
        titles = self.out("top", "web").splitlines()[0].split()
        self.assertEqual(titles, ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"])
        self.assertEqual(self.out("top", "web", "-o", "pid,comm").splitlines()[0].split(), ["PID", "COMMAND"])
        self.docker("stop", "-t", "0", "web")
        self.assert_mentions(self.refused("top", "web"), "is not running")

    def test_stats(self):
        self.make("web", "--memory", "64m", words=("sh", "-c", "while true; do :; done"))
        shown = json.loads(self.out("stats", "--no-stream", "--format", "{{json .}}", "web"))
        self.assertEqual((shown["Name"], shown["PIDs"]), ("web", "1"))
        self.assertTrue(shown["MemUsage"].endswith("/ 64MiB"), shown)
        self.assertGreater(float(shown["CPUPerc"].rstrip("%")), 5)


class System(Views):
    def test_version(self):
        server = json.loads(self.out("version", "--format", "{{json .Server}}"))
        self.assertEqual((server["Os"], server["MinAPIVersion"]), ("linux", "1.24") if not engine_home.IS_ORIGINAL else
                         (server["Os"], server["MinAPIVersion"]))
        self.assertEqual(self.out("version", "--format", "{{.Client.APIVersion}}"), "1.41")

    def test_info(self):
        self.make("web")
        self.make("done", verb=("create",))
        info = json.loads(self.out("info", "--format", "{{json .}}"))
        self.assertEqual((info["Containers"], info["ContainersRunning"], info["ContainersStopped"]), (2, 1, 1))
        self.assertEqual((info["OSType"], info["Driver"], info["Swarm"]["LocalNodeState"]), ("linux", "overlay2", "inactive"))
        self.assertEqual(info["NCPU"], os.cpu_count())
        self.assertIn("bridge", info["Plugins"]["Network"])
