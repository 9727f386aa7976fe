# SPDX-License-Identifier: Apache-2.0
"""Pulls and pushes through the proxies that the environment names."""

import json
import time
import unittest

from lib import command, isolation
from lib.images import Layout, OurRegistry, Store, Tls, layer_tar
from lib.proxies import Proxy

# Loopback is reached without a proxy, so the registries are elsewhere.
ELSEWHERE = "192.0.2.1"


def setUpModule():
    global tls, plain, secure, layout
    command.run("ip", "address", "add", f"{ELSEWHERE}/32", "dev", "lo")
    unittest.addModuleCleanup(command.run, "ip", "address", "delete", f"{ELSEWHERE}/32", "dev", "lo")
    tls = Tls(ELSEWHERE)
    unittest.addModuleCleanup(tls.remove)
    plain, secure = OurRegistry(host=ELSEWHERE), OurRegistry(host=ELSEWHERE, tls=tls)
    for registry in (plain, secure):
        unittest.addModuleCleanup(registry.remove)
    isolation.write(f"{tls.directory}/registries.json", json.dumps(
        {"hosts": {plain.address: {"plainHttp": True}, secure.address: {"caFiles": [tls.ca]}}}))
    layout = Layout([layer_tar({"etc/": None, "etc/motd": "hello\n"})])
    unittest.addModuleCleanup(layout.remove)


class Proxies(unittest.TestCase):
    def proxy(self, with_tls=False):
        proxy = Proxy(tls if with_tls else None)
        self.addCleanup(proxy.remove)
        return proxy

    def store(self, **variables):
        """One whose commands have these variables."""
        store = Store({"GANTRY_REGISTRIES": f"{tls.directory}/registries.json", "NO_PROXY": "", **variables})
        self.addCleanup(store.remove)
        return store

    def push_and_pull(self, registry, **variables):
        name = f"{registry.address}/{self._testMethodName.replace('_', '-')}:1"
        store = self.store(**variables)
        command.run("skopeo", "copy", "--insecure-policy", layout.source, f"oci-archive:{store.root}/image.tar:{name}")
        store.image("load", "--input", f"{store.root}/image.tar")
        store.image("push", name)
        self.store(**variables).image("pull", name)

    def test_plain_registries_are_asked_by_the_proxy(self):
        proxy = self.proxy()
        self.push_and_pull(plain, HTTP_PROXY=f"http://{proxy.address}")
        for method in ("HEAD", "POST", "PUT", "GET"):
            self.assertTrue([line for line in proxy.seen if line.startswith(f"{method} {plain.url}/v2/")], proxy.seen)

    def test_registries_with_tls_are_reached_by_a_tunnel(self):
        proxy = self.proxy()
        self.push_and_pull(secure, https_proxy=proxy.address)
        self.assertEqual(set(proxy.seen), {f"CONNECT {secure.address} HTTP/1.1"})

    def test_a_proxy_with_tls_of_its_own(self):
        proxy = self.proxy(with_tls=True)
        where = f"https://{proxy.address}"
        for registry in (plain, secure):
            self.push_and_pull(registry, ALL_PROXY=where, SSL_CERT_FILE=tls.ca)
        self.assertIn(f"CONNECT {secure.address} HTTP/1.1", proxy.seen)
        distrusted = self.store(ALL_PROXY=where).image("pull", f"{secure.address}/nothing:1", status=1)
        self.assertIn(f"proxy '{proxy.address}'", distrusted.stderr)
        self.assertIn("not trusted", distrusted.stderr)

    def test_socks(self):
        proxy = self.proxy()
        for registry in (plain, secure):
            self.push_and_pull(registry, ALL_PROXY=f"socks5://{proxy.address}")
        self.assertEqual(set(proxy.seen), {f"SOCKS {plain.address}", f"SOCKS {secure.address}"})

    def test_what_needs_none_goes_without(self):
        proxy = self.proxy()
        for exception in ("192.0.2.0/24", plain.address, ELSEWHERE, "*"):
            self.push_and_pull(plain, HTTP_PROXY=f"http://{proxy.address}", NO_PROXY=f"example.com,{exception}")
        self.assertEqual(proxy.seen, [])

    def test_a_proxy_that_is_not_there_is_named_at_once(self):
        began = time.monotonic()
        refused = self.store(HTTP_PROXY="http://127.0.0.1:1").image("pull", f"{plain.address}/app:1", status=1)
        self.assertIn("proxy '127.0.0.1:1'", refused.stderr)
        self.assertIn("refused", refused.stderr)
        self.assertLess(time.monotonic() - began, 10)
        unknown = self.store(HTTP_PROXY="socks4://127.0.0.1:1").image("pull", f"{plain.address}/app:1", status=1)
        self.assertIn("HTTP_PROXY: proxies at 'socks4://' are not supported", unknown.stderr)
