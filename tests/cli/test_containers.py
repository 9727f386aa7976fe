# SPDX-License-Identifier: Apache-2.0
"""What gantry shows of containers and does to them, beside what docker's client shows of the same daemon."""

import json
import os
import tarfile
import tempfile

from cli import home
from lib.runtime import wait_for


def setUpModule():
    home.start()


# What both clients are told, and have to make the same container of.
SETTINGS = [
    ["-e", "A=1", "-l", "x=y", "-w", "/tmp", "-u", "1:2", "-h", "host", "--stop-signal", "TERM", "--stop-timeout", "3"],
    ["-m", "64m", "--memory-swap", "-1", "--cpus", "1.5", "--cpuset-cpus", "0", "--pids-limit", "50", "-c", "512"],
    ["-p", "8080:80", "-p", "127.0.0.1::53/udp", "-p", "9000-9002:9000-9002", "--expose", "7000-7001", "-P"],
    ["-v", "/tmp:/a:ro", "-v", "/b", "-v", "named:/c", "--tmpfs", "/d:size=1m", "--shm-size", "1m", "--read-only"],
    ["--mount", "type=bind,src=/tmp,dst=/e,readonly,bind-propagation=rslave",
     "--mount", 'type=volume,dst=/f,volume-nocopy,volume-opt=type=tmpfs,volume-opt=device=x,"volume-opt=o=size=1m,mode=700"',
     "--mount", "type=volume,dst=/h,volume-label=k=v",
     "--mount", "type=tmpfs,target=/g,tmpfs-size=2m,tmpfs-mode=1770"],
    ["--cap-add", "NET_ADMIN", "--cap-drop", "MKNOD", "--security-opt", "no-new-privileges", "--group-add", "5",
     "--pid", "host", "--ipc", "host", "--uts", "host", "--sysctl", "kernel.msgmax=8192"],
    ["--ulimit", "nofile=100:200", "--ulimit", "core=0", "--device", "/dev/null:/dev/x:r", "--device-cgroup-rule",
     "c 1:3 r", "--oom-score-adj", "10", "--blkio-weight", "100"],
    ["--health-cmd", "true", "--health-interval", "1m30s", "--health-retries", "2", "--health-timeout", "500ms",
     "--restart", "on-failure:3", "--log-driver", "json-file", "--log-opt", "max-size=1m", "--init"],
    ["--no-healthcheck", "--dns", "192.0.2.1", "--dns-search", "a.b", "--dns-option", "ndots:2", "--add-host", "x:192.0.2.2",
     "--entrypoint", "/bin/echo", "-a", "stdout", "-i", "-t"],
]


def without_empty(value):
    """Go leaves out what is empty, or not."""
    if isinstance(value, dict):
        value = {key: without_empty(inner) for key, inner in value.items()}
        return {key: inner for key, inner in value.items() if inner} or None
    if isinstance(value, list):
        return [without_empty(inner) for inner in value] or None
    return value or None


class Create(home.Case):
    def created(self, client, options):
        name = client("create", *options, "busybox", "a", "b").strip()
        self.addCleanup(self.gantry, "rm", "-f", "-v", name)
        container = self.inspect(name)
        config, host = container["Config"], container["HostConfig"]
        if "-h" not in options:
            config.pop("Hostname")
        host.pop("ConsoleSize", None)  # newer clients send it
        host["Binds"] = sorted(host["Binds"] or [])  # docker's are in no order
        return config, host

    def test_options_mean_what_they_mean_to_docker(self):
        for options in SETTINGS:
            with self.subTest(options=options):
                ours = self.created(lambda *a: self.out(*a), options)
                theirs = self.created(self.docker, options)
                for mine, others in zip(ours, theirs):
                    for key in sorted(set(mine) | set(others)):
                        self.assertEqual(without_empty(mine.get(key)), without_empty(others.get(key)), key)

    def test_bad_values_name_their_option(self):
        for option, value in (("--memory", "much"), ("--cpus", "x"), ("--publish", "1:2:3:4:5"), ("--mount", "type=bind"),
                              ("--ulimit", "nofile"), ("--health-interval", "soon"), ("--expose", "99999"), ("--env", "")):
            self.assertIn(option.lstrip("-"), self.refused("create", option, value, "busybox", status=125), (option, value))
        self.assertIn("cannot be used together", self.refused("create", "--rm", "--restart", "always", "busybox",
                                                              status=125))


class Lists(home.Case):
    def test_ps_shows_what_docker_shows(self):
        self.container("--name", "listed", "-l", "a=b")
        ended = self.container("--name", "ended", run=("false",))
        self.gantry("wait", ended)
        for arguments in (["ps"], ["ps", "-a"], ["ps", "-aq"], ["ps", "-a", "--no-trunc"], ["ps", "-a", "-f", "status=exited"],
                          ["ps", "--format", "{{.ID}} {{.Names}} {{.Image}} {{.State}} {{.Label \"a\"}}"],
                          ["ps", "-a", "--format", "table {{.Names}}\t{{.Status}}"], ["ps", "-l", "--format", "{{.Names}}"]):
            with self.subTest(arguments):
                self.assert_same_as_docker(*arguments)

    def test_json_rows_have_docker_s_fields(self):
        self.container("--name", "row")
        row = json.loads(self.out("ps", "--format", "json", "--filter", "name=row"))
        theirs = json.loads(self.docker("ps", "--format", "{{json .}}", "--filter", "name=row"))
        for field, value in theirs.items():
            if field not in ("Size", "RunningFor", "Status"):  # docker asks for the first by this format; time passes
                self.assertEqual(row[field], value, field)

    def test_networks_and_volumes_as_docker_lists_them(self):
        self.gantry("network", "create", "--subnet", "10.99.0.0/24", "--label", "k=v", "shop")
        self.addCleanup(self.gantry, "network", "rm", "shop")
        self.gantry("volume", "create", "--label", "k=v", "data")
        self.addCleanup(self.gantry, "volume", "rm", "data")
        for arguments in (["network", "ls"], ["network", "ls", "-q", "--no-trunc"], ["volume", "ls"], ["volume", "ls", "-q"],
                          ["volume", "ls", "--format", "{{.Name}} {{.Links}} {{.Size}}"],
                          ["volume", "inspect", "-f", "{{.Labels.k}} {{.Labels.none}} {{.Options.none}}", "data"],
                          ["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Internal}}"],
                          ["network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "shop"],
                          ["volume", "inspect", "-f", "{{.Name}} {{json .Labels}}", "data"]):
            with self.subTest(arguments):
                self.assert_same_as_docker(*arguments)

    def test_ports_as_docker_shows_them(self):
        name = self.out("run", "-d", "-p", "127.0.0.1:18080:80", "-p", "127.0.0.1:18081:81/udp", "--expose", "82", home.IMAGE,
                        "sleep", "1000")
        self.addCleanup(self.gantry, "rm", "-f", name)
        self.assert_same_as_docker("ps", "--format", "{{.Ports}}", "--filter", f"id={name}")

    def test_a_wrong_command_line_has_docker_s_status(self):
        for arguments, status in ((["odd"], 1), (["rmi"], 1), (["ps", "extra"], 1), (["volume", "create", "a", "b"], 1),
                                  (["exec", "x"], 1), (["system", "odd"], 1), (["ps", "--odd"], 125),
                                  (["run", "--odd", "x"], 125)):
            with self.subTest(arguments):
                self.gantry(*arguments, status=status)
                self.home.docker(*arguments, status=status)

    def test_inspect_finds_every_kind(self):
        name = self.container("--name", "seen")
        self.assertEqual(self.out("inspect", "-f", "{{.Name}} {{.State.Status}} {{len .Mounts}}", "seen"), "/seen running 0")
        self.assertEqual(self.out("inspect", "-f", "{{.Id}}", "seen"), name)
        self.assertEqual(self.out("inspect", "-f", "{{.Name}}", "bridge"), "bridge")
        self.assertEqual(self.out("inspect", "-f", "{{index .RepoTags 0}}", "busybox"), "busybox:latest")
        result = self.gantry("inspect", "seen", "nothing", status=1)
        self.assertEqual(json.loads(result.stdout)[0]["Id"], name)
        self.assertIn("no such object: nothing", result.stderr)
        self.assertIn("no field '.Nothing'", self.refused("inspect", "-f", "{{.Nothing}}", "seen"))


class Life(home.Case):
    def test_verbs_show_the_names_and_go_on_after_a_failure(self):
        one, two = self.container("--name", "one"), self.container("--name", "two")
        result = self.gantry("pause", "one", "nothing", "two", status=1)
        self.assertEqual(result.stdout.split(), ["one", "two"])
        self.assertIn("No such container: nothing", result.stderr)
        self.assertEqual(self.out("unpause", "one", "two").split(), ["one", "two"])
        self.assertEqual(self.out("stop", "-t", "0", "one"), "one")
        self.assertEqual(self.out("wait", "one"), "137")
        self.assertEqual(self.out("restart", "-t", "0", "one"), "one")
        self.assertEqual(self.out("kill", "-s", "KILL", "two"), "two")
        self.gantry("rename", "two", "three")
        self.assertEqual(self.inspect(two)["Name"], "/three")
        self.assertIn("running", self.refused("rm", one))
        self.assertEqual(self.out("rm", "-f", one, "three").split(), [one, "three"])
        self.container()  # so that the clean-ups of both find nothing and do not mind

    def test_update_changes_limits(self):
        name = self.container("-m", "64m")
        self.gantry("update", "-m", "128m", "--memory-swap", "256m", "--restart", "no", name)
        self.assertEqual(self.inspect(name)["HostConfig"]["Memory"], 128 << 20)

    def test_top_port_and_stats(self):
        name = self.container("--name", "shown")
        self.assertIn("sleep 1000", self.out("top", name))
        self.assertEqual(self.out("top", name, "-o", "pid,args").splitlines()[0].split(), ["PID", "COMMAND"])
        self.assertEqual(self.out("port", name), "")
        line = self.out("stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}} {{.PIDs}}", name)
        self.assertRegex(line, r"^shown [\d.]+% 1$")

    def test_events_of_a_time(self):
        name = self.container("--name", "eventful", run=("true",))
        self.gantry("wait", name)
        said = self.out("events", "--since", "1h", "--until", "0s", "--filter", f"container={name}", "--format",
                        "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}").splitlines()
        for action in ("create", "start", "die"):
            self.assertIn(f"container {action} eventful", said)
        plain = self.out("events", "--since", "1h", "--until", "0s", "--filter", f"container={name}")
        self.assertRegex(plain.splitlines()[0], r"^\S+T\S+ container create [0-9a-f]{64} \(.*name=eventful.*\)$")

    def test_prune_asks_first(self):
        ended = self.out("run", "-d", "--network", "none", "busybox", "true")
        self.gantry("wait", ended)
        self.assertIn("Are you sure", self.out("container", "prune", stdin="n\n"))
        self.assertIn(ended, self.out("container", "prune", stdin="y\n"))
        self.assertEqual(self.out("ps", "-aq"), "")


class Files(home.Case):
    def setUp(self):
        super().setUp()
        self.directory = tempfile.TemporaryDirectory(prefix="copy-")
        self.addCleanup(self.directory.cleanup)
        self.path = self.directory.name
        os.makedirs(f"{self.path}/tree/inner")
        for name, text in (("file", "one"), ("tree/a", "two"), ("tree/inner/b", "three")):
            with open(f"{self.path}/{name}", "w") as file:
                file.write(text)

    def read(self, name):
        with open(f"{self.path}/{name}") as file:
            return file.read()

    def test_in_by_the_rules_of_cp(self):
        name = self.container()
        self.gantry("cp", f"{self.path}/file", f"{name}:/tmp/")
        self.gantry("cp", f"{self.path}/file", f"{name}:/tmp/other")
        self.gantry("cp", f"{self.path}/tree", f"{name}:/tmp")
        self.gantry("cp", f"{self.path}/tree", f"{name}:/tmp/fresh")
        self.gantry("cp", f"{self.path}/tree/.", f"{name}:/tmp/fresh")
        said = self.out("exec", name, "sh", "-c", "cd /tmp; cat file other tree/a tree/inner/b fresh/a fresh/inner/b; ls fresh")
        self.assertEqual(said, "oneonetwothreetwothreea\ninner")

    def test_out_by_the_rules_of_cp(self):
        name = self.container()
        self.gantry("exec", name, "sh", "-c", "mkdir -p /t/inner; echo -n 1 > /t/a; echo -n 2 > /t/inner/b; ln -s a /t/link")
        self.gantry("cp", f"{name}:/t/a", self.path)
        self.gantry("cp", f"{name}:/t/a", f"{self.path}/renamed")
        self.gantry("cp", f"{name}:/t", f"{self.path}/new")
        self.gantry("cp", f"{name}:/t", self.path)
        self.assertEqual([self.read(path) for path in ("a", "renamed", "new/a", "new/inner/b", "t/inner/b")],
                         ["1", "1", "1", "2", "2"])
        self.assertEqual(os.readlink(f"{self.path}/t/link"), "a")

    def test_archives_by_standard_streams(self):
        name = self.container()
        with tarfile.open(f"{self.path}/in.tar", "w") as tar:
            tar.add(f"{self.path}/file", "from-tar")
        with open(f"{self.path}/in.tar", encoding="latin-1", newline="") as tar:
            self.gantry("cp", "-", f"{name}:/tmp", stdin=tar.read())
        self.assertEqual(self.out("exec", name, "cat", "/tmp/from-tar"), "one")
        self.assertIn("from-tar", self.out("cp", f"{name}:/tmp/from-tar", "-"))

    def test_what_cannot_be_copied(self):
        name = self.container()
        self.assertIn("No such container", self.refused("cp", f"{self.path}/file", "nothing:/"))
        self.assertIn("nothing", self.refused("cp", f"{name}:/nothing", self.path))
        self.assertIn("cannot copy directory", self.refused("cp", f"{self.path}/tree", f"{name}:/etc/passwd"))
        self.assertIn("between containers", self.refused("cp", f"{name}:/a", f"{name}:/b"))

    def test_diff_commit_and_export(self):
        name = self.container(run=("sh", "-c", "echo x > /new; rm /etc/group"))
        self.gantry("wait", name)
        said = self.out("diff", name).splitlines()
        for line in ("C /etc", "D /etc/group", "A /new"):
            self.assertIn(line, said)
        self.gantry("commit", "-m", "why", "-c", "ENV A=b", name, "committed:1")
        self.addCleanup(self.docker, "rmi", "committed:1")
        self.assertEqual(self.out("run", "--rm", "--network", "none", "committed:1", "sh", "-c", "cat /new; echo $A"), "x\nb")
        self.gantry("export", "-o", f"{self.path}/all.tar", name)
        with tarfile.open(f"{self.path}/all.tar") as tar:
            self.assertIn("new", [member.name.removeprefix("./") for member in tar])


class Networks(home.Case):
    def test_connect_and_disconnect(self):
        self.gantry("network", "create", "front")
        self.addCleanup(self.gantry, "network", "rm", "front")
        name = self.out("run", "-d", "busybox", "sleep", "1000")
        self.addCleanup(self.gantry, "rm", "-f", name)
        self.gantry("network", "connect", "--alias", "www", "front", name)
        self.assertIn("www", self.inspect(name)["NetworkSettings"]["Networks"]["front"]["Aliases"])
        self.gantry("network", "disconnect", "front", name)
        self.assertNotIn("front", self.inspect(name)["NetworkSettings"]["Networks"])

    def test_a_used_one_is_not_removed(self):
        self.gantry("network", "create", "used")
        name = self.out("run", "-d", "--network", "name=used,alias=other", "busybox", "sleep", "1000")
        self.refused("network", "rm", "used")
        self.gantry("rm", "-f", name)
        self.assertEqual(self.out("network", "rm", "used"), "used")


class System(home.Case):
    def test_what_the_daemon_says_of_itself(self):
        self.assertIn("Server Version:", self.out("info"))
        self.assertEqual(self.out("info", "-f", "{{.OSType}}"), "linux")
        self.assertTrue(self.out("version", "-f", "{{.Server.APIVersion}}"))
        self.assertEqual([line.split("  ")[0] for line in self.out("system", "df").splitlines()],
                         ["TYPE", "Images", "Containers", "Local Volumes", "Build Cache"])

    def test_without_a_daemon_it_says_what_to_look_at(self):
        self.assertIn("Is gantryd running?", self.refused("--host", "unix:///nothing.sock", "ps"))

    def test_completion_offers_verbs_options_and_names(self):
        self.container("--name", "completed")
        self.assertEqual(self.out("complete", "unp"), "unpause")
        self.assertEqual(self.out("complete", "network", "dis"), "disconnect")
        self.assertIn("--memory-swap", self.out("complete", "run", "--mem").split())
        self.assertEqual(self.out("complete", "stop", "comp"), "completed")
        self.assertIn("compdef", self.out("completion", "zsh"))
        self.assertIn("complete -o", self.out("completion", "bash"))

    def test_every_verb_has_a_manual_page(self):
        with tempfile.TemporaryDirectory() as directory:
            self.gantry("manual", directory)
            pages = os.listdir(directory)
            for page in ("gantry.1", "gantry-run.1", "gantry-network-create.1"):
                self.assertIn(page, pages)
            with open(f"{directory}/gantry-run.1") as page:
                self.assertIn("\\-\\-memory\\-swap", page.read())

    def test_help_of_run_leaves_h_to_the_host_name(self):
        said = self.out("run", "--help")
        self.assertIn("-h, --hostname", said)
        self.assertNotIn("--net-alias", said)

    def test_changes_made_meanwhile_are_seen(self):
        name = self.container()
        self.gantry("stop", "-t", "0", name)
        wait_for(lambda: self.inspect(name)["State"]["Status"] == "exited", "the end")
