# SPDX-License-Identifier: Apache-2.0
"""Images made on the spot, stores of ours, and registries: ours and Debian's docker-registry."""

import contextlib
import gzip
import hashlib
import io
import itertools
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request

from lib import command
from lib.isolation import CHECKOUT, write

GANTRY = os.environ.get("GANTRY", f"{CHECKOUT}/build/release/bin/gantry")
_ports = itertools.count(5000)


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_tar(files):
    """A layer: {path: text or bytes, or None for a directory}; names ending in '/' are directories as well."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path.rstrip("/"))
            if content is None or path.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
                continue
            content = content.encode() if isinstance(content, str) else content
            member.size, member.mode = len(content), 0o755 if path.startswith("bin/") else 0o644
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def busybox_layer():
    """Files of a root that can be run: busybox and the links to it."""
    with open("/bin/busybox", "rb") as file:
        busybox = file.read()
    return {"bin/": None, "bin/busybox": busybox, **{f"bin/{name}": busybox for name in ("sh",)},
            "etc/": None, "etc/passwd": "root:x:0:0::/:/bin/sh\n", "tmp/": None, "proc/": None, "sys/": None,
            "dev/": None}


class Layout:
    """An OCI image layout in a directory, made here, byte by byte, by none of the programs under test."""

    def __init__(self, layers, *, tag="latest", config=None, level=6, zstd=None):
        """Layers are gzip of that level, or what zstd(1) with these options makes of its input."""
        self.directory = tempfile.mkdtemp(prefix="layout-")
        os.makedirs(f"{self.directory}/blobs/sha256")
        method = "gzip" if zstd is None else "zstd"
        self.layers = [self.blob(gzip.compress(tar, level, mtime=0) if zstd is None else
                                 subprocess.run(["zstd", "-c", *zstd], input=tar, check=True, capture_output=True).stdout)
                       for tar in layers]
        self.config = self.blob(json.dumps({
            "created": "2026-11-21T10:20:30Z", "architecture": "amd64", "os": "linux",
            "config": config or {"Cmd": ["/bin/sh"], "Labels": {"made.by": "tests"}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in layers]},
            "history": [{"created_by": f"layer {i}"} for i in range(len(layers))]}).encode())
        prefix = "application/vnd.oci.image"
        self.manifest = self.blob(json.dumps({
            "schemaVersion": 2, "mediaType": f"{prefix}.manifest.v1+json",
            "config": {"mediaType": f"{prefix}.config.v1+json", **self.config},
            "layers": [{"mediaType": f"{prefix}.layer.v1.tar+{method}", **layer} for layer in self.layers]}).encode())
        write(f"{self.directory}/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
        write(f"{self.directory}/index.json", json.dumps({
            "schemaVersion": 2, "manifests": [{"mediaType": f"{prefix}.manifest.v1+json", **self.manifest,
                                               "annotations": {"org.opencontainers.image.ref.name": tag}}]}))
        self.source = f"oci:{self.directory}:{tag}"

    def blob(self, data):
        digest = digest_of(data)
        with open(f"{self.directory}/blobs/{digest.replace(':', '/')}", "wb") as file:
            file.write(data)
        return {"digest": digest, "size": len(data)}

    def remove(self):
        shutil.rmtree(self.directory)


class Store:
    """A store of ours, and the gantry command on it."""

    def __init__(self, environment=None):
        self.root = tempfile.mkdtemp(prefix="store-")
        self.environment = {"NO_PROXY": "*", **(environment or {})}

    def gantry(self, *arguments, **options):
        return command.run(GANTRY, "--root", self.root, *arguments, env=self.environment, **options)

    def image(self, *arguments, **options):
        return self.gantry("image", *arguments, **options)

    def small_blobs(self):
        """{digest: bytes} of those that are in the database (docs/formats/image-store.md)."""
        with contextlib.closing(sqlite3.connect(f"{self.root}/metadata.db")) as database:
            return dict(database.execute("SELECT digest, content FROM small_blobs"))

    def popen(self, *arguments, **options):
        return subprocess.Popen([GANTRY, "--root", self.root, *arguments], env=os.environ | self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                **options)

    def list(self):
        """{"repository:tag": the line of `ls --format json`}"""
        lines = self.image("ls", "--format", "json").stdout.splitlines()
        return {f"{line['Repository']}:{line['Tag']}": line for line in map(json.loads, lines)}

    def inspect(self, name):
        return json.loads(self.image("inspect", name).stdout)[0]

    def mount(self, name, key, directory):
        self.gantry("snapshot", "create", name, key)
        self.gantry("snapshot", "mount", key, directory)

    def remove(self):
        shutil.rmtree(self.root)


def answers(url, context=None):
    try:
        urllib.request.urlopen(url, timeout=5, context=context)
    except urllib.error.HTTPError:
        return True  # it wants to know who asks
    except (OSError, ValueError):
        return False
    return True


class OurRegistry:
    """`gantry registry serve` on a port of its own, with a store of its own or a given one."""

    def __init__(self, *options, store=None, tls=None, config=None, environment=None, host="localhost"):
        self.own_store = None if store else Store()
        self.store = store or self.own_store
        self.address = f"{host}:{next(_ports)}"
        self.url = f"{'https' if tls else 'http'}://{self.address}"
        self.access_log = f"{self.store.root}/access.log"
        self.config = f"{self.store.root}/registry.json"
        write(self.config, json.dumps({"accessLog": {"path": self.access_log}} | (config or {})))
        self.options = options + (("--tls-cert", tls.certificate, "--tls-key", tls.key) if tls else ())
        self.context = tls.context() if tls else None
        self.environment = environment
        self.start()

    def start(self):
        listen = self.address.replace("localhost", "127.0.0.1")
        self.daemon = command.Daemon(GANTRY, "--root", self.store.root, "registry", "serve", "--config", self.config,
                                     "--listen", listen, *self.options, env=self.environment,
                                     ready=lambda: answers(f"{self.url}/v2/", self.context))

    def requests(self):
        """["GET /v2/...", ...] as the access log has them."""
        with open(self.access_log) as log:
            return [line.split('"')[1].rsplit(" ", 1)[0] for line in log]

    def remove(self):
        self.daemon.stop()
        if self.own_store:
            self.own_store.remove()


class DebianRegistry:
    """Debian's docker-registry on a port of its own."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="registry-")
        self.address = f"localhost:{next(_ports)}"
        write(f"{self.directory}/config.yml", "version: 0.1\nlog: {level: warn}\nstorage:\n"
              f"  filesystem: {{rootdirectory: {self.directory}/data}}\n  delete: {{enabled: true}}\n"
              f"http: {{addr: '127.0.0.1:{self.address.split(':')[1]}'}}\n")
        self.daemon = command.Daemon("docker-registry", "serve", f"{self.directory}/config.yml",
                                     ready=lambda: answers(f"http://{self.address}/v2/"))

    def remove(self):
        self.daemon.kill()  # its own end is an error to it
        self.daemon.log.close()
        shutil.rmtree(self.directory)


class Tls:
    """An authority of the test's own and a certificate of it for localhost and an address."""

    def __init__(self, address="127.0.0.1"):
        self.directory = tempfile.mkdtemp(prefix="tls-")
        self.trust = f"{self.directory}/trust"  # nothing but the authority, as clients want such a folder
        os.mkdir(self.trust)
        self.ca = f"{self.trust}/ca.crt"
        self.certificate, self.key = f"{self.directory}/server.crt", f"{self.directory}/server.key"
        ca_key, request, extensions = (f"{self.directory}/{name}" for name in ("ca.key", "request", "extensions"))
        command.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", ca_key, "-out", self.ca, "-subj", "/CN=tests", "-days", "2")
        command.run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                    "-out", request, "-subj", "/CN=localhost")
        write(extensions, f"subjectAltName=DNS:localhost,IP:{address}\n")
        command.run("openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial",
                    "-out", self.certificate, "-days", "2", "-extfile", extensions)

    def context(self):
        import ssl
        return ssl.create_default_context(cafile=self.ca)

    def remove(self):
        shutil.rmtree(self.directory)


def skopeo(*arguments, **options):
    return command.run("skopeo", "--insecure-policy", *arguments, **options)


def free_port_is_closed(address):
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0
