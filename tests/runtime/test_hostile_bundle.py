# SPDX-License-Identifier: Apache-2.0
"""Bundles that are wrong in every field: refused in one line that names it, and nothing is left behind."""

import copy
import json
import os
import random
import subprocess
import unittest

from lib.isolation import cgroup_mounts
from lib.runtime import PATIENCE, RuntimeTest, beyond_runc, read, write

# Every field of the specification with a value of the right type. Not meant to run: types are checked first.
EVERY_FIELD = {
    "ociVersion": "1.2.0",
    "hostname": "h",
    "domainname": "d",
    "annotations": {"key": "value"},
    "root": {"path": "rootfs", "readonly": True},
    "process": {
        "terminal": False,
        "consoleSize": {"height": 1, "width": 1},
        "user": {"uid": 0, "gid": 0, "umask": 18, "additionalGids": [1], "username": "u"},
        "args": ["true"],
        "env": ["A=b"],
        "cwd": "/",
        "capabilities": {which: ["CAP_KILL"] for which in
                         ("bounding", "permitted", "effective", "inheritable", "ambient")},
        "rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}],
        "noNewPrivileges": True,
        "apparmorProfile": "a",
        "selinuxLabel": "s",
        "oomScoreAdj": 1,
        "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 1},
        "scheduler": {"policy": "SCHED_OTHER", "nice": 1, "priority": 0,
                      "flags": ["SCHED_FLAG_RESET_ON_FORK"],
                      "runtime": 1, "deadline": 1, "period": 1},
        "execCPUAffinity": {"initial": "0", "final": "0"},
    },
    "mounts": [{"destination": "/data", "type": "bind", "source": "/tmp", "options": ["rbind"],
                "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}],
                "gidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}],
    "hooks": {kind: [{"path": "/bin/true", "args": ["true"], "env": ["A=b"], "timeout": 1}] for kind in
              ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")},
    "linux": {
        "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": 0, "size": 1}],
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "cgroupsPath": "/x",
        "namespaces": [{"type": "ipc", "path": "/proc/self/ns/ipc"}],
        "devices": [{"type": "c", "path": "/dev/x", "major": 1, "minor": 3, "fileMode": 438, "uid": 0,
                     "gid": 0}],
        "netDevices": {"eth0": {"name": "eth1"}},
        "rootfsPropagation": "private",
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
        "mountLabel": "m",
        "personality": {"domain": "LINUX", "flags": []},
        "timeOffsets": {"monotonic": {"secs": 1, "nanosecs": 1}, "boottime": {"secs": 1, "nanosecs": 1}},
        "intelRdt": {"closID": "c", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=10",
                     "enableMonitoring": True,
                     "schemata": ["L3:0=f"]},
        "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
        "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1,
                    "architectures": ["SCMP_ARCH_X86_64"],
                    "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/x", "listenerMetadata": "m",
                    "syscalls": [{"names": ["sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                                  "args": [{"index": 0, "value": 1, "valueTwo": 1, "op": "SCMP_CMP_EQ"}]}]},
        "resources": {
            "devices": [{"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}],
            "memory": {"limit": 1, "reservation": 1, "swap": 1, "kernel": 1, "kernelTCP": 1, "swappiness": 1,
                       "disableOOMKiller": True, "useHierarchy": True, "checkBeforeUpdate": True},
            "cpu": {"shares": 2, "quota": 1000, "burst": 1, "period": 1000, "realtimeRuntime": 1,
                    "realtimePeriod": 1,
                    "cpus": "0", "mems": "0", "idle": 1},
            "pids": {"limit": 1},
            "blockIO": {"weight": 10, "leafWeight": 10,
                        "weightDevice": [{"major": 8, "minor": 0, "weight": 10, "leafWeight": 10}],
                        **{f"throttle{what}Device": [{"major": 8, "minor": 0, "rate": 1}] for what in
                           ("ReadBps", "WriteBps", "ReadIOPS", "WriteIOPS")}},
            "hugepageLimits": [{"pageSize": "2MB", "limit": 1}],
            "network": {"classID": 1, "priorities": [{"name": "lo", "priority": 1}]},
            "rdma": {"mlx": {"hcaHandles": 1, "hcaObjects": 1}},
            "unified": {"memory.max": "1"},
        },
    },
}

# Keys that are names chosen by the user, not fields: an error may say less about them.
FREE_KEYS = {"annotations", "sysctl", "netDevices", "rdma", "unified"}


def walk(value, path=()):
    """Every field and every element, as paths."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, below in value.items():
            yield from walk(below, (*path, key))
    elif isinstance(value, list) and value:
        yield from walk(value[0], (*path, 0))


def at(value, path):
    for part in path:
        value = value[part]
    return value


def with_value(path, value):
    config = copy.deepcopy(EVERY_FIELD)
    at(config, path[:-1])[path[-1]] = value
    return config


def name_of(path):
    """The last key: what an error has to name."""
    return [part for part in path if isinstance(part, str)][-1]


def shown(path):
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


class BundleTest(RuntimeTest):
    def setUp(self):
        super().setUp()
        self.shared = self.bundle("sleep", "600")

    def create(self, text):
        """`create` with any text as config.json; deleted at once if it works."""
        self.shared.save(text)
        self.runtime.remember(self.shared)
        outcome = self.runtime("create", "--bundle", self.shared.path, self.shared.id,
                               stdin=subprocess.DEVNULL)
        self.assertGreaterEqual(outcome.code, 0, "the runtime was killed by a signal")
        if outcome.code == 0:
            self.runtime("delete", "--force", self.shared.id, ok=True)
        self.assert_nothing_left(self.shared.id)
        return outcome

    def refused(self, config, *words):
        outcome = self.create(json.dumps(config))
        self.assert_refused(outcome, *words)
        return outcome.error


@beyond_runc
class Types(BundleTest):
    WRONG = {str: [7, True, [], {}], bool: ["true", 1, [], {}], int: ["1", True, 1.5, [], {}],
             list: ["x", 7, {}, True],
             dict: ["x", 7, [], True]}

    def test_every_field_of_a_wrong_type_is_named(self):
        for path in walk(EVERY_FIELD):
            right = at(EVERY_FIELD, path)
            for wrong in self.WRONG[type(right)]:
                with self.subTest(field=shown(path), value=wrong):
                    named_freely = any(part in FREE_KEYS for part in path[:-1])
                    self.refused(with_value(path, wrong), *([] if named_freely else [name_of(path)]))

    def test_the_place_of_an_element_is_named(self):
        self.refused(with_value(("mounts", 0, "options", 0), 7), "mounts[0].options[0]")
        self.refused(with_value(("process", "rlimits", 0, "soft"), "x"), "process.rlimits[0].soft")
        self.refused(with_value(("linux", "seccomp", "syscalls", 0, "args", 0, "op"), 1),
                     "linux.seccomp.syscalls[0].args[0].op")

    def test_every_number_out_of_range_is_named(self):
        for path in walk(EVERY_FIELD):
            if type(at(EVERY_FIELD, path)) is int:
                for wrong in ("18446744073709551616", "-9223372036854775809", "99999999999999999999999999"):
                    with self.subTest(field=shown(path), value=wrong):
                        text = json.dumps(with_value(path, "THE NUMBER")).replace('"THE NUMBER"', wrong)
                        outcome = self.create(text)
                        self.assert_refused(outcome, *([] if any(part in FREE_KEYS for part in path) else
                                                       [name_of(path)]))

    def test_a_number_that_is_none_is_refused(self):
        for number in ("1e400", "-1e400", "NaN", "Infinity", "0x10", "01", "+1", ".5", "1."):
            with self.subTest(number):
                text = json.dumps(with_value(("process", "oomScoreAdj"), "THE NUMBER"))
                self.assert_refused(self.create(text.replace('"THE NUMBER"', number)))

    def test_negative_numbers_where_there_are_none_are_named(self):
        for path in (("process", "user", "uid"), ("process", "user", "gid"), ("process", "user", "umask"),
                     ("process", "user", "additionalGids", 0), ("process", "rlimits", 0, "soft"),
                     ("linux", "uidMappings", 0, "size"), ("linux", "resources", "cpu", "shares"),
                     ("linux", "seccomp", "syscalls", 0, "errnoRet"), ("linux", "devices", 0, "uid"),
                     ("linux", "seccomp", "syscalls", 0, "args", 0, "index"),
                     ("process", "consoleSize", "width")):
            with self.subTest(shown(path)):
                self.refused(with_value(path, -1), name_of(path))

    def test_required_fields_are_named_when_missing(self):
        for path in (("ociVersion",), ("root", "path"), ("process", "cwd"), ("mounts", 0, "destination"),
                     ("process", "rlimits", 0, "type"), ("linux", "namespaces", 0, "type"),
                     ("linux", "devices", 0, "path"), ("linux", "devices", 0, "type"),
                     ("linux", "seccomp", "defaultAction"), ("linux", "seccomp", "syscalls", 0, "names"),
                     ("linux", "seccomp", "syscalls", 0, "action"), ("hooks", "createRuntime", 0, "path"),
                     ("linux", "uidMappings", 0, "size"), ("linux", "resources", "devices", 0, "allow")):
            with self.subTest(shown(path)):
                config = copy.deepcopy(EVERY_FIELD)
                del at(config, path[:-1])[path[-1]]
                self.refused(config, name_of(path))

    def test_the_process_may_not_be_missing_when_it_is_to_start(self):
        bundle = self.bundle()
        del bundle.config["process"]
        outcome = self.runtime.try_create(bundle)
        if outcome.code == 0:
            self.assert_refused(self.runtime("start", bundle.id), "process")
        else:
            self.assert_refused(outcome, "process")

    def test_null_is_as_if_absent(self):
        bundle = self.bundle("true")
        bundle.config["hooks"] = None
        bundle.config["annotations"] = None
        bundle.linux["devices"] = None
        bundle.linux["sysctl"] = None
        bundle.process["rlimits"] = None
        bundle.process["oomScoreAdj"] = None
        self.runtime.run(bundle, ok=True)


class Text(BundleTest):
    """What is no JSON, or too much of it."""

    def test_an_empty_file(self):
        self.assert_refused(self.create(""))

    def test_other_documents(self):
        for text in ("null", "[]", "7", '"x"', "{}", "true", "{\"a\"", "{'a': 1}", "\0", "\xff\xfe{}",
                     "{}" * 1000):
            with self.subTest(text[:10]):
                self.assertNotEqual(self.create(text).code, 0)

    def test_cut_off_anywhere(self):
        text = json.dumps(self.shared.config)
        for length in range(0, len(text), max(1, len(text) // 150)):
            with self.subTest(length):
                self.assert_refused(self.create(text[:length]))

    def test_with_something_after_it(self):
        # Go's decoder stops after the document; both ways are in use.
        self.create(json.dumps(self.shared.config) + "garbage")

    def test_nested_a_hundred_thousand_deep(self):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            with self.subTest(opening):
                text = opening * 100000 + "1" + closing * 100000
                self.create('{"ociVersion": "1.0.2", "unknown": ' + text + "}")
                self.create('{"ociVersion": "1.0.2", "process": ' + text + "}")
                self.create(text)
                self.create(opening * 1000000)

    def test_with_a_string_of_50_megabytes(self):
        config = copy.deepcopy(self.shared.config)
        config["annotations"] = {"big": "x" * 50_000_000}
        self.create(json.dumps(config))
        config["annotations"] = {}
        for path in (("hostname",), ("process", "cwd"), ("root", "path"), ("process", "args", 0)):
            with self.subTest(shown(path)):
                broken = copy.deepcopy(config)
                at(broken, path[:-1])[path[-1]] = "/" + "x" * 5_000_000
                self.assert_refused(self.create(json.dumps(broken)))

    def test_with_a_million_elements(self):
        config = copy.deepcopy(self.shared.config)
        config["linux"]["maskedPaths"] = ["/proc/nowhere"] * 100_000
        self.create(json.dumps(config))
        config["linux"]["maskedPaths"] = []
        config["process"]["env"] = ["A=b"] * 1_000_000
        self.create(json.dumps(config))

    def test_with_a_thousand_mounts(self):
        config = copy.deepcopy(self.shared.config)
        config["mounts"] += [{"destination": f"/m/{n}", "type": "tmpfs", "source": "tmpfs"}
                             for n in range(1000)]
        self.create(json.dumps(config))

    def test_with_the_same_key_twice(self):
        text = json.dumps(self.shared.config)
        self.create(text[:-1] + ', "hostname": "second", "process": {"cwd": 7}}')

    def test_with_strange_strings(self):
        for text in ("\\u0000", "\\ud800", "\\udfff\\ud800", "\\x", "\x01", "\t"):
            for field in ("hostname", "cgroupsPath"):
                with self.subTest(text=text, field=field):
                    config = copy.deepcopy(self.shared.config)
                    if field == "hostname":
                        config["hostname"] = "THE TEXT"
                    else:
                        config["linux"]["cgroupsPath"] = "/THE TEXT"
                    self.create(json.dumps(config).replace("THE TEXT", text))

    def test_with_bytes_changed_at_random(self):
        rng = random.Random(2026)
        original = json.dumps(self.shared.config)
        for number in range(300):
            text = list(original)
            for _ in range(rng.randint(1, 4)):
                text[rng.randrange(len(text))] = rng.choice('{}[]",:0-9eE.truefalsn\\/ x')
            with self.subTest(number):
                self.create("".join(text))

    def test_that_is_a_directory_a_fifo_or_a_device(self):
        path = f"{self.shared.path}/config.json"
        for make in (os.mkdir, os.mkfifo, lambda p: os.symlink("/dev/zero", p)):
            make(path)
            self.runtime.remember(self.shared)
            limited = ["prlimit", f"--as={2 << 30}", *self.runtime.words("create", "--bundle",
                                                                         self.shared.path,
                                                                           self.shared.id)]
            try:
                code = subprocess.run(limited, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      timeout=3 if make is os.mkfifo else PATIENCE).returncode
                self.assertNotEqual(code, 0)
            except subprocess.TimeoutExpired:
                if make is not os.mkfifo:  # waiting for a writer of a FIFO is what open(2) does
                    raise
            finally:
                os.rmdir(path) if os.path.isdir(path) else os.unlink(path)


class Strings(BundleTest):
    def test_a_nul_in_any_string_is_refused(self):
        # To the kernel the string would end there: what was checked would not be what is used.
        for path in (("root", "path"), ("process", "cwd"), ("process", "args", 0), ("process", "env", 0),
                     ("mounts", 0, "destination"), ("mounts", 0, "options", 0), ("linux", "maskedPaths", 0),
                     ("linux", "readonlyPaths", 0)):
            with self.subTest(shown(path)):
                config = copy.deepcopy(self.shared.config)
                at(config, path[:-1])[path[-1]] = str(at(config, path)) + "\0x"
                outcome = self.create(json.dumps(config))
                self.assertNotEqual(outcome.code, 0)

    def test_nul_in_the_hostname_is_refused_or_kept_out(self):
        config = copy.deepcopy(self.shared.config)
        config["hostname"] = "a\0b"
        self.create(json.dumps(config))

    def test_a_newline_does_not_make_the_error_two_lines(self):
        bundle = self.bundle("no-such\nprogram")
        error = self.assert_create_refused(bundle)
        self.assertNotIn("\n", error)
        bundle = self.bundle()
        bundle.process["cwd"] = "a\nlevel=info msg=forged"
        self.assert_create_refused(bundle)

    def test_the_log_stays_json_whatever_the_config_says(self):
        bundle = self.bundle('"},{"level":"info","msg":"forged\x1b[31m\u2028')
        outcome = self.runtime.try_create(bundle)
        self.assertEqual(len(outcome.log), 1)


class Paths(BundleTest):
    """`..` and links, wherever a path can be written."""

    def setUp(self):
        super().setUp()
        self.outside = self.directory("outside")
        write(f"{self.outside}/file", "of the host")

    def tearDown(self):
        self.assertEqual(os.listdir(self.outside), ["file"])
        self.assertEqual(read(f"{self.outside}/file"), "of the host")
        self.assertFalse(os.path.exists("/gantry-escaped"))

    UP = "../" * 30

    def test_destinations(self):
        for destination in (f"/{self.UP}gantry-escaped", self.UP + self.outside + "/x",
                            f"/tmp/{self.UP}{self.outside}"):
            for type, source in (("tmpfs", "tmpfs"), ("bind", "/etc")):
                with self.subTest(destination=destination, type=type):
                    bundle = self.bundle("true")
                    bundle.config["mounts"].append({"destination": destination, "type": type,
                                                    "source": source,
                                                    "options": ["rbind"] if type == "bind" else []})
                    self.runtime.run(bundle)
                    self.tearDown()

    def test_devices(self):
        bundle = self.bundle("true")
        bundle.linux["devices"] = [{"type": "c", "path": f"/{self.UP}gantry-escaped", "major": 1, "minor": 3}]
        self.runtime.run(bundle)

    def test_masked_and_read_only_paths(self):
        bundle = self.bundle("true")
        bundle.linux["maskedPaths"] = [f"/{self.UP}{self.outside}/file"]
        bundle.linux["readonlyPaths"] = [f"/{self.UP}{self.outside}"]
        self.runtime.run(bundle)
        write(f"{self.outside}/file", "of the host")  # still the host's, still writable

    def test_the_working_directory(self):
        bundle = self.bundle("probe", "cwd")
        bundle.process["cwd"] = f"/{self.UP}{self.outside}"
        outcome = self.runtime.run(bundle)
        if outcome.code == 0:
            self.assertIn("up is root", outcome.stdout)
            self.assertNotIn("unreachable", outcome.stdout)

    def test_the_program(self):
        bundle = self.bundle(f"/{self.UP}usr/bin/python3", "-c", "print('host')")
        self.assertNotIn("host\n", self.runtime.run(bundle).stdout)

    def test_a_hook_in_the_container(self):
        bundle = self.bundle("true")
        bundle.hook("startContainer", f"/{self.UP}usr/bin/python3", "-c", f"open('{self.outside}/new', 'w')")
        self.runtime.run(bundle)

    def test_the_cgroup(self):
        for path in (f"/{self.UP}gantry-escaped", f"{self.UP}gantry-escaped", "/..", "..", "/a/../../b"):
            with self.subTest(path):
                bundle = self.bundle("true")
                bundle.linux["cgroupsPath"] = path + f"/{bundle.id}"
                self.runtime.run(bundle)
                self.tearDown()
        for directory in ("gantry-escaped", "b", "a"):
            for mount in {mount.path for mount in cgroup_mounts()}:
                if os.path.isdir(f"{mount}/{directory}"):
                    os.rmdir(f"{mount}/{directory}")

    def test_the_cgroup_of_everybody_is_not_the_containers(self):
        bundle = self.bundle("true")
        bundle.linux["cgroupsPath"] = "/"
        bundle.resources["pids"] = {"limit": 5}
        self.runtime.run(bundle)
        if os.path.exists("/sys/fs/cgroup/pids/pids.max"):
            self.assertNotEqual(read("/sys/fs/cgroup/pids/pids.max"), "5\n")

    def test_the_root_itself(self):
        for path in ("/", self.UP, ".."):
            with self.subTest(path):
                bundle = self.bundle("true")
                bundle.without_mount("/dev")
                bundle.config["root"] = {"path": path, "readonly": True}
                self.runtime.run(bundle)
        self.assertTrue(os.path.exists("/dev/null"))

    def test_unified_files(self):
        bundle = self.bundle("true")
        bundle.resources["unified"] = {f"{self.UP}{self.outside}/file": "overwritten"}
        self.runtime.run(bundle)

    def test_devices_by_interface_name(self):
        bundle = self.bundle("true")
        bundle.linux["netDevices"] = {f"{self.UP}x": {"name": "eth0"}}
        self.runtime.run(bundle)

    def test_a_pid_file_by_a_link_does_not_overwrite_its_target(self):
        os.symlink(f"{self.outside}/file", f"{self.scratch}/pid")
        self.shared.save()
        self.runtime.remember(self.shared)
        self.runtime("create", "--bundle", self.shared.path, "--pid-file", f"{self.scratch}/pid",
                     self.shared.id,
                     stdin=subprocess.DEVNULL)


class Resources(BundleTest):
    """A machine that has run out of something."""

    def limited(self, *prlimit):
        bundle = self.bundle("true")
        bundle.save()
        self.runtime.remember(bundle)
        process = subprocess.run(["prlimit", *prlimit, *self.runtime.words("run", "--bundle", bundle.path,
                                                                           bundle.id)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=2 * PATIENCE)
        # Cleaning up takes descriptors too, so something may be left to `delete --force`.
        self.runtime("delete", "--force", bundle.id, ok=True)
        self.assert_nothing_left(bundle.id)
        return process

    @beyond_runc
    def test_of_descriptors(self):
        for limit in range(3, 30, 3):
            with self.subTest(limit):
                process = self.limited(f"--nofile={limit}")
                self.assertGreaterEqual(process.returncode, 0)
                if process.returncode:
                    self.assertTrue(process.stderr.strip())

    def test_of_space_for_the_state(self):
        small = self.mount_tmpfs("mnt-small")
        subprocess.run(["mount", "-o", "remount,size=4k,nr_inodes=3", small], check=True)
        self.runtime.root = f"{small}/state"
        bundle = self.bundle("sleep", "600")
        bundle.config["annotations"] = {"big": "x" * 100000}
        outcome = self.runtime.try_create(bundle)
        self.assertNotEqual(outcome.code, 0)
        self.assertTrue(outcome.error)
        self.assert_nothing_left(bundle.id)

    def test_of_a_writable_place_for_the_state(self):
        small = self.mount_tmpfs("mnt-small")
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        self.runtime.root = f"{small}/state"
        self.assert_refused(self.runtime.try_create(self.bundle("sleep", "600")), small)
        self.runtime.containers.clear()

    def test_of_processes(self):
        bundle = self.bundle("true")
        bundle.resources["pids"] = {"limit": 1}
        self.assertEqual(self.runtime.run(bundle).code, 0)


if __name__ == "__main__":
    unittest.main()
