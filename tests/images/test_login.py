# SPDX-License-Identifier: Apache-2.0
"""login and logout: checked against the registry, kept where docker, podman and skopeo look."""

import json
import os
import shutil
import stat
import tempfile
import unittest

from lib import command
from lib.images import GANTRY, Layout, OurRegistry, Tls, layer_tar, skopeo
from lib.isolation import read, write

# A credential helper, as docker's are: what it keeps is a file for each server.
HELPER = """#!/bin/sh
cd {directory}/kept
case $1 in
store) read -r given; server=$(echo "$given" | jq -r .ServerURL); echo "$given" > "$(echo "$server" | tr / _)" ;;
get) read -r server; cat "$(echo "$server" | tr / _)" 2>/dev/null || {{ echo "credentials not found in native keychain"; exit 1; }} ;;
erase) read -r server; rm "$(echo "$server" | tr / _)" ;;
esac
"""


def setUpModule():
    global layout, tls, basic, tokens, registries
    layout = Layout([layer_tar({"file": "x"})])
    unittest.addModuleCleanup(layout.remove)
    tls = Tls()
    unittest.addModuleCleanup(tls.remove)
    htpasswd = f"{tls.directory}/htpasswd"
    command.run("htpasswd", "-Bbc", htpasswd, "alice", "sec:ret")
    basic = OurRegistry("--htpasswd", htpasswd, tls=tls)
    unittest.addModuleCleanup(basic.remove)
    tokens = OurRegistry(tls=tls, config={"auth": {"htpasswd": htpasswd, "token": {
        "key": f"{tls.directory}/token.pem", "service": "tests", "issuer": "tests"}}})
    unittest.addModuleCleanup(tokens.remove)
    registries = f"{tls.directory}/registries.json"
    write(registries, json.dumps({"hosts": {host.address: {"caFiles": [tls.ca]} for host in (basic, tokens)}}))


class Login(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="home-")
        self.addCleanup(shutil.rmtree, self.home)
        self.config = f"{self.home}/.docker/config.json"
        self.environment = {"HOME": self.home, "GANTRY_REGISTRIES": registries, "NO_PROXY": "*",
                            "PATH": f"{self.home}/bin:{os.environ['PATH']}"}

    def gantry(self, *words, **options):
        return command.run(GANTRY, "--root", f"{self.home}/store", *words, env=self.environment, **options)

    def login(self, host, password="sec:ret", **options):
        return self.gantry("registry", "login", "-u", "alice", "--password-stdin", host, stdin=password + "\n", **options)

    def auths(self):
        return json.loads(read(self.config)).get("auths")

    def test_what_is_kept_serves_us_and_others(self):
        for registry in (basic, tokens):
            with self.subTest(registry.address):
                self.assertIn("Login Succeeded", self.login(registry.address).stdout)
                self.assertEqual(stat.S_IMODE(os.stat(self.config).st_mode), 0o600)
                name = f"{registry.address}/app:1"
                skopeo("copy", "--authfile", self.config, "--dest-cert-dir", tls.trust, layout.source, f"docker://{name}")
                self.gantry("image", "pull", name)
                self.gantry("registry", "logout", registry.address)
                self.assertNotIn(registry.address, self.auths())
                self.gantry("image", "pull", name, status=1)

    def test_a_wrong_password_is_not_kept(self):
        for registry in (basic, tokens):
            with self.subTest(registry.address):
                refused = self.login(registry.address, "guessed", status=1)
                self.assertIn(registry.address, refused.stderr)
                self.assertIn("401", refused.stderr)
                self.assertNotIn("guessed", refused.stderr)
                self.assertFalse(os.path.exists(self.config))

    def test_the_rest_of_the_file_stays(self):
        os.mkdir(f"{self.home}/.docker")
        before = {"HttpHeaders": {"X": "y"}, "auths": {"other.example": {"auth": "YTpi"}}, "proxies": {"default": {"n": 1.5}}}
        write(self.config, json.dumps(before))
        self.login(basic.address)
        self.login(basic.address)  # replaced, not added
        self.gantry("registry", "logout", basic.address)
        self.assertEqual(json.loads(read(self.config)), before)
        self.assertIn("Not logged in", self.gantry("registry", "logout", basic.address).stdout)

    def test_a_file_that_cannot_be_read_is_left_alone(self):
        os.mkdir(f"{self.home}/.docker")
        write(self.config, '{"auths": [')
        self.assertIn(self.config, self.login(basic.address, status=1).stderr)
        self.assertEqual(read(self.config), '{"auths": [')

    def test_a_helper_keeps_the_secret(self):
        os.makedirs(f"{self.home}/bin")
        os.makedirs(f"{self.home}/kept")
        os.mkdir(f"{self.home}/.docker")
        program = f"{self.home}/bin/docker-credential-tests"
        write(program, HELPER.format(directory=self.home))
        os.chmod(program, 0o755)
        for config in ({"credsStore": "tests"}, {"credHelpers": {basic.address: "tests"}}):
            with self.subTest(config):
                write(self.config, json.dumps(config))
                self.assertIn("docker-credential-tests", self.login(basic.address).stderr)
                self.assertEqual(self.auths(), {basic.address: {}})
                self.assertEqual(len(os.listdir(f"{self.home}/kept")), 1)
                name = f"{basic.address}/helped:1"
                skopeo("copy", "--dest-creds", "alice:sec:ret", "--dest-cert-dir", tls.trust, layout.source, f"docker://{name}")
                self.gantry("image", "pull", name)
                self.gantry("registry", "logout", basic.address)
                self.assertEqual(os.listdir(f"{self.home}/kept"), [])
                self.assertEqual(self.auths(), {})

    def test_a_password_is_not_shown_on_the_terminal(self):
        result = command.run_on_terminal(GANTRY, "registry", "login", "-u", "alice", basic.address, stdin="sec:ret\n",
                                         env=self.environment)
        self.assertIn("Password: ", result.stdout)
        self.assertIn("Login Succeeded", result.stdout)
        self.assertNotIn("sec:ret", result.stdout)

    def test_what_is_missing_is_said(self):
        for words in (("-u", "alice"), ("--password-stdin",), ("-u", "a", "-p", "b", "--password-stdin"), ("not a host",)):
            self.gantry("registry", "login", *words, *((basic.address,) if words[0].startswith("-") else ()), status=1)
