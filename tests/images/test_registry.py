# SPDX-License-Identifier: Apache-2.0
"""What our registry refuses, limits, caches and survives, as the clients that people have see it."""

import concurrent.futures
import glob
import json
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import unittest
import urllib.request

from lib import command
from lib.dockerd import DOCKER, DockerHome
from lib.images import DebianRegistry, Layout, OurRegistry, Store, Tls, busybox_layer, digest_of, layer_tar, skopeo
from lib.podman import PodmanHome
from lib.runtime import wait_for

MB = 1 << 20
# Docker trusts every registry of 127.0.0.0/8 unseen, so those with accounts are elsewhere.
ELSEWHERE = "192.0.2.1"


def setUpModule():
    global layout, tls, basic, tokens
    command.run("ip", "address", "add", f"{ELSEWHERE}/32", "dev", "lo")
    unittest.addModuleCleanup(command.run, "ip", "address", "delete", f"{ELSEWHERE}/32", "dev", "lo")
    layout = Layout([layer_tar(busybox_layer()), layer_tar({"etc/": None, "etc/motd": "hello\n"})])
    unittest.addModuleCleanup(layout.remove)
    tls = Tls(ELSEWHERE)
    unittest.addModuleCleanup(tls.remove)
    htpasswd = f"{tls.directory}/htpasswd"
    command.run("htpasswd", "-Bbc", htpasswd, "alice", "secret")
    command.run("htpasswd", "-Bb", htpasswd, "bob", "secret")
    basic = OurRegistry("--htpasswd", htpasswd, tls=tls, host=ELSEWHERE)
    unittest.addModuleCleanup(basic.remove)
    tokens = OurRegistry(tls=tls, host=ELSEWHERE, config={"auth": {
        "htpasswd": htpasswd,
        "token": {"key": f"{tls.directory}/token.pem", "service": "tests", "issuer": "tests"},
        "rules": [{"repositories": ["**"], "users": ["alice"], "actions": ["pull", "push", "delete"]},
                  {"repositories": ["public/**"], "users": ["anonymous"], "actions": ["pull"]}]}})
    unittest.addModuleCleanup(tokens.remove)


def noise_layer(megabytes, seed):
    noise = random.Random(seed)
    return layer_tar({f"noise-{seed}-{i}": noise.randbytes(MB) for i in range(megabytes)})


def push(source, name, *options, **more):
    return skopeo("copy", "--dest-tls-verify=false", *options, source.source, f"docker://{name}", **more)


class Case(unittest.TestCase):
    def registry(self, *options, **more):
        registry = OurRegistry(*options, **more)
        self.addCleanup(registry.remove)
        return registry

    def layout(self, *layers):
        made = Layout(list(layers), level=0)  # noise does not get smaller
        self.addCleanup(made.remove)
        return made

    def digest(self, name):
        return json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{name}").stdout)["Digest"]


class DockerCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.home = DockerHome()
        cls.addClassCleanup(cls.home.remove)
        cls.docker = cls.home.docker

    def explain(self):
        return f"dockerd's log of this time:\n{self.home.daemon.new_log()}"

    def import_image(self, name, *layers):
        path = f"{self.home.directory}/layer.tar"
        for layer in layers:
            with open(path, "wb") as file:
                file.write(layer)
            self.docker("import", path, name)
        os.unlink(path)


class DockerAccounts(DockerCase):
    def trust(self, registry):
        directory = f"/etc/docker/certs.d/{registry.address}"
        os.makedirs(directory)
        self.addCleanup(shutil.rmtree, directory)
        shutil.copy(tls.ca, directory)

    def login(self, registry, password="secret", **options):
        return self.docker("login", "-u", "alice", "--password-stdin", registry.address, stdin=password, **options)

    def test_certificates_accounts_and_tokens(self):
        for registry in (basic, tokens):
            with self.subTest("tokens" if registry is tokens else "basic"):
                refused = self.login(registry, status=1)
                self.assertIn("certificate signed by unknown authority", refused.stderr)
                self.trust(registry)
                self.assertIn("unauthorized", self.login(registry, "guessed", status=1).stderr.lower())
                name = f"{registry.address}/team/app:1"
                self.import_image(name, layer_tar(busybox_layer()))
                self.docker("push", name, status=1)
                self.login(registry)
                self.docker("push", name)
                self.docker("rmi", name)
                self.docker("pull", name)
                self.docker("logout", registry.address)
                self.docker("rmi", name)
                self.docker("pull", name, status=1)

    def test_anybody_pulls_what_the_rules_open(self):
        self.trust(tokens)
        name = f"{tokens.address}/public/app:1"
        skopeo("copy", "--dest-cert-dir", tls.trust, "--dest-creds", "alice:secret", layout.source, f"docker://{name}")
        self.docker("pull", name)
        refused = self.docker("push", name, status=1)
        self.assertIn("denied", refused.stderr)


class Observed(Case):
    def metrics(self):
        """{'name{labels}': value}"""
        with urllib.request.urlopen(f"{self.watched.url}/metrics", timeout=20) as page:
            lines = [line.rsplit(" ", 1) for line in page.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def lines(self):
        with open(self.log) as log:
            return [json.loads(line) for line in log]

    def requests(self, endpoint, method, code):
        labels = f'endpoint="{endpoint}",method="{method}",code="{code}"'
        return self.metrics().get(f"gantry_registry_requests_total{{{labels}}}", 0)

    def test_requests_are_counted_and_written_down(self):
        store = Store()
        self.addCleanup(store.remove)
        self.log = f"{store.root}/access.log"
        self.watched = self.registry(store=store, config={"accessLog": {"path": self.log, "format": "json"}})
        name = f"{self.watched.address}/app:1"
        push(layout, name)
        skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"dir:{store.root}/copy")
        skopeo("inspect", "--tls-verify=false", f"docker://{self.watched.address}/nosuch:1", status=None)
        # A request is written down and counted once all of its answer is sent.
        wait_for(lambda: self.requests("blob", "GET", 200) == 3, "three blobs to be counted")
        wait_for(lambda: self.requests("manifest", "GET", 404) > 0, "what is not there to be counted")
        self.assertEqual(self.requests("manifest", "PUT", 201), 1)
        # The page that is being made counts neither itself nor a line of itself.
        lines, metrics = [line for line in self.lines() if line["target"] != "/metrics"], self.metrics()
        counted = sum(value for key, value in metrics.items()
                      if key.startswith("gantry_registry_requests_total") and '"metrics"' not in key)
        self.assertEqual(counted, len(lines))
        self.assertEqual(metrics["gantry_registry_received_bytes_total"], sum(line["received"] for line in lines))
        self.assertEqual(metrics["gantry_registry_open_uploads"], 0)
        self.assertEqual([line["status"] for line in lines if (line["method"], line["target"]) ==
                          ("PUT", "/v2/app/manifests/1")], [201])
        self.assertTrue(all("skopeo" in line["agent"] or "containers" in line["agent"] for line in lines
                            if line["target"].startswith("/v2/app")))

    def test_the_log_is_opened_anew_when_it_was_moved_away(self):
        self.watched = self.registry()
        os.rename(self.watched.access_log, f"{self.watched.access_log}.1")
        self.watched.daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: os.path.exists(self.watched.access_log), "a new log")
        push(layout, f"{self.watched.address}/app:1")
        wait_for(lambda: "PUT /v2/app/manifests/1" in self.watched.requests(), "the push to be written down")


class Tokens(Case):
    def copy(self, name, *options, **more):
        return skopeo("copy", "--dest-cert-dir", tls.trust, *options, layout.source, f"docker://{name}", **more)

    def test_skopeo(self):
        name = f"{tokens.address}/skopeo/app:1"
        self.copy(name, status=1)
        self.copy(name, "--dest-creds", "alice:guessed", status=1)
        self.copy(name, "--dest-creds", "bob:secret", status=1)  # whom no rule names
        self.copy(name, "--dest-creds", "alice:secret")
        inspect = ("inspect", "--cert-dir", tls.trust, f"docker://{name}")
        skopeo(*inspect, status=1)
        skopeo(*inspect, "--creds", "alice:secret")
        skopeo("delete", "--cert-dir", tls.trust, "--creds", "alice:secret", f"docker://{name}")
        skopeo(*inspect, "--creds", "alice:secret", status=1)

    def test_podman(self):
        home = PodmanHome()
        self.addCleanup(home.remove)
        own = ("--cert-dir", tls.trust, "--authfile", f"{tls.directory}/podman-tokens.json")
        name = f"{tokens.address}/podman/app:1"
        archive = f"{home.directory}/image.tar"
        skopeo("copy", layout.source, f"docker-archive:{archive}:{name}")
        home.podman("load", "--input", archive)
        home.podman("push", *own, name, status=125)
        home.podman("login", *own, "-u", "alice", "-p", "guessed", tokens.address, status=125)
        home.podman("login", *own, "-u", "alice", "-p", "secret", tokens.address)
        home.podman("push", *own, name)
        home.podman("rmi", name)
        home.podman("pull", *own, name)
        home.podman("logout", "--authfile", own[3], tokens.address)
        home.podman("pull", *own, name, status=125)


class ReadOnly(DockerCase):
    def test_pulls_go_on_and_pushes_are_told_why_not(self):
        store = Store()
        self.addCleanup(store.remove)
        writable = self.registry(store=store)
        push(layout, f"{writable.address}/app:1")
        writable.daemon.stop()
        registry = self.registry("--read-only", store=store)
        name = f"{registry.address}/app:1"
        self.docker("pull", name)
        for refused in (self.docker("push", name, status=None), push(layout, f"{registry.address}/other:1", status=None),
                        skopeo("delete", "--tls-verify=false", f"docker://{name}", status=None)):
            self.assertNotEqual(refused.status, 0)
            self.assertIn("read-only", (refused.stdout + refused.stderr).lower())
        self.assertEqual(self.digest(name), layout.manifest["digest"])


class Quotas(DockerCase):
    def test_what_is_too_much_for_a_repository_is_told_and_leaves_nothing(self):
        registry = self.registry(config={"quotas": [{"repositories": ["small/*"], "bytes": 2 * MB}]})
        large = self.layout(noise_layer(4, 1))
        push(layout, f"{registry.address}/small/app:1")
        self.import_image(f"{registry.address}/small/docker:1", noise_layer(4, 2))
        for refused in (push(large, f"{registry.address}/small/app:2", status=None),
                        self.docker("push", f"{registry.address}/small/docker:1", status=None)):
            self.assertNotEqual(refused.status, 0)
            self.assertIn("quota", refused.stdout + refused.stderr)
        push(large, f"{registry.address}/roomy/app:1")
        listed = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{registry.address}/small/app").stdout)
        self.assertEqual(listed["Tags"], ["1"])


class Deletion(Case):
    def on_disk(self, registry):
        """Bytes of all blobs that are files."""
        return sum(os.stat(path).st_blocks * 512 for path in glob.glob(f"{registry.store.root}/content/blobs/*/*/*"))

    def delete(self, name, **more):
        skopeo("delete", "--tls-verify=false", f"docker://{name}", **more)

    def test_pushes_go_on_beside_it(self):
        registry = self.registry()
        shared = noise_layer(1, 1)
        images = [self.layout(shared, noise_layer(1, 2 + i)) for i in range(3)]
        pushed = queue.Queue()

        def delete_all():
            while (name := pushed.get()) is not None:
                self.delete(name)

        with concurrent.futures.ThreadPoolExecutor() as pool:
            deleting = pool.submit(delete_all)
            # Every push needs a layer that a deletion may just be taking away.
            for i in range(9):
                name = f"{registry.address}/app-{i}:1"
                push(images[i % 3], name)
                pushed.put(name) if i < 6 else None
            pushed.put(None)
            deleting.result()
        for i in range(6, 9):
            skopeo("copy", "--src-tls-verify=false", f"docker://{registry.address}/app-{i}:1",
                   f"dir:{registry.store.root}/copy-{i}")
            self.delete(f"{registry.address}/app-{i}:1")
        # Blobs of which a client was told that they are there wait for its manifest, by default for a day.
        registry.daemon.stop()
        with open(registry.config, "w") as file:
            json.dump({"uploadTimeoutSeconds": 1}, file)
        registry.start()

        def is_free():
            push(layout, f"{registry.address}/other:1", status=None)
            self.delete(f"{registry.address}/other:1", status=None)
            return self.on_disk(registry) == 0
        wait_for(is_free, "all space to be free", 60)
        self.assertIn("0 findings", registry.store.image("check").stdout)

    def test_space_is_free_when_it_is_answered_and_what_others_have_stays(self):
        registry = self.registry()
        shared, own = noise_layer(4, 1), noise_layer(8, 2)
        push(self.layout(shared), f"{registry.address}/one:1")
        before = self.on_disk(registry)
        push(self.layout(shared, own), f"{registry.address}/two:1")
        self.assertGreater(self.on_disk(registry) - before, 8 * MB)
        self.delete(f"{registry.address}/two:1")
        self.assertEqual(self.on_disk(registry), before)
        skopeo("copy", "--src-tls-verify=false", f"docker://{registry.address}/one:1", f"dir:{registry.store.root}/one")
        self.assertIn("0 findings", registry.store.image("check").stdout)


class Cache(DockerCase):
    def test_what_is_pulled_through_stays_when_the_upstream_is_gone(self):
        theirs = DebianRegistry()
        self.addCleanup(theirs.remove)
        push(layout, f"{theirs.address}/library/app:1", "--format", "v2s2")
        cache = self.registry(config={"upstreams": [{"prefix": "hub", "registry": theirs.address}]})
        name = f"{cache.address}/hub/library/app:1"
        self.docker("pull", name)
        self.assertEqual(self.digest(name), self.digest(f"{theirs.address}/library/app:1"))
        theirs.daemon.kill()
        self.docker("rmi", name)
        self.docker("pull", name)
        skopeo("copy", "--src-tls-verify=false", f"docker://{name}", f"dir:{cache.store.root}/copy")
        self.docker("pull", f"{cache.address}/hub/library/app:never-seen", status=1)
        self.assertNotEqual(self.docker("push", name, status=None).status, 0)
        self.assertIn("0 findings", cache.store.image("check").stdout)


class Killed(DockerCase):
    """The registry, by kill -9, while a client pushes."""

    def kill_in_the_middle_of_an_upload(self, registry, pushing):
        def half_way():
            self.assertIsNone(pushing.poll(), "the push was over before it could be disturbed")
            return any(os.stat(path).st_size > MB for path in glob.glob(f"{registry.store.root}/content/ingest/*"))
        wait_for(half_way, "an upload under way", 60)
        registry.daemon.kill()

    def test_docker_goes_on_by_itself(self):
        registry = self.registry()
        name = f"{registry.address}/app:1"
        self.import_image(name, noise_layer(64, 1))
        pushing = subprocess.Popen([DOCKER, "push", name], env=os.environ | self.home.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.kill_in_the_middle_of_an_upload(registry, pushing)
        registry.start()
        said, _ = pushing.communicate(timeout=90)
        self.assertEqual(pushing.returncode, 0, said)
        self.docker("rmi", name)
        self.docker("pull", name)
        self.assertIn("0 findings", registry.store.image("check").stdout)

    def test_skopeo_is_told_and_pushes_again(self):
        registry = self.registry()
        name = f"{registry.address}/app:1"
        large = self.layout(noise_layer(96, 1))
        pushing = subprocess.Popen(["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", large.source,
                                    f"docker://{name}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.kill_in_the_middle_of_an_upload(registry, pushing)
        said, _ = pushing.communicate(timeout=60)
        self.assertNotEqual(pushing.returncode, 0, said)
        registry.start()
        skopeo("inspect", "--tls-verify=false", f"docker://{name}", status=1)
        push(large, name)
        self.assertEqual(self.digest(name), large.manifest["digest"])
        self.assertIn("0 findings", registry.store.image("check").stdout)

    def test_curl_resumes_what_was_acknowledged(self):
        registry = self.registry()
        data = random.Random(1).randbytes(3 * MB)
        pieces = [f"{registry.store.root}/piece-{i}" for i in range(2)]
        for path, piece in zip(pieces, (data[:2 * MB], data[2 * MB:])):
            with open(path, "wb") as file:
                file.write(piece)

        def curl(method, url, *options):
            answer = command.run("curl", "--silent", "--show-error", "--include", "--header", "Expect:", "--request", method, *options,
                                 url if "://" in url else registry.url + url).stdout
            headers = dict(re.findall(r"^([\w-]+): (.*?)\r?$", answer, re.M))
            return int(answer.split()[1]), headers

        def send(url, piece):
            return curl("PATCH", url, "--data-binary", f"@{piece}", "--header", "Content-Type: application/octet-stream")

        _, begun = curl("POST", "/v2/app/blobs/uploads/")
        status, sent = send(begun["Location"], pieces[0])
        self.assertEqual((status, sent["Range"]), (202, f"0-{2 * MB - 1}"))
        registry.daemon.kill()
        registry.start()
        status, found = curl("GET", sent["Location"])
        self.assertEqual((status, found["Range"]), (204, f"0-{2 * MB - 1}"))
        _, sent = send(found["Location"], pieces[1])
        digest = digest_of(data)
        status, _ = curl("PUT", f"{sent['Location']}?digest={digest}")
        self.assertEqual(status, 201)
        self.assertEqual(curl("HEAD", f"/v2/app/blobs/{digest}", "--head")[0], 200)
