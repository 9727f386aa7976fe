# SPDX-License-Identifier: Apache-2.0
"""What leads to nodes and into pods: logs, exec, attach, cp, port-forward and proxies, by kubectl of two releases, the
older of which speaks SPDY and the newer WebSocket; watches over a WebSocket."""

import base64
import contextlib
import http.client
import http.server
import json
import os
import socket
import subprocess
import textwrap
import threading
import unittest

from kube import kube_case
from kube.kube_case import KUBECTLS, Case, config_map, pod
from lib import command, websocket
from lib.fake_kubelet import FakeKubelet
from lib.runtime import wait_for

POD_ADDRESS = "10.250.7.1"  # no loopback: a proxy of the API leads to none


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path == "/page":
            self.reply(200, f"<!-- <a href='/no'> --><a href='/next'>{'x' * 100_000}</a><img src=/i>", "text/html")
        else:
            self.reply(302 if self.path == "/old" else 200, f"{self.command} {self.path}")

    def do_POST(self):
        self.reply(200, "got " + self.rfile.read(int(self.headers["Content-Length"])).decode())

    def reply(self, status, text, content_type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if status == 302:
            self.send_header("Location", "/new")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


def serve_web(address):
    server = http.server.ThreadingHTTPServer((address, 0), Web)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def setUpModule():
    kube_case.start()
    command.run("ip", "address", "add", f"{POD_ADDRESS}/32", "dev", "lo")
    unittest.addModuleCleanup(command.run, "ip", "address", "del", f"{POD_ADDRESS}/32", "dev", "lo")


def set_status(plane, path, status):
    code, body = plane.raw(f"{path}/status", "PATCH", {"status": status}, content_type="application/merge-patch+json")
    assert code == 200, body


class Streams(Case):
    @classmethod
    def setUpClass(cls):
        cls.kubelet = FakeKubelet(f"{cls.plane.directory}/pki/ca.crt")
        cls.addClassCleanup(cls.kubelet.stop)
        cls.web = serve_web(POD_ADDRESS)
        cls.addClassCleanup(cls.web.server_close)
        cls.addClassCleanup(cls.web.shutdown)
        cls.plane.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "fake"}})
        cls.addClassCleanup(cls.plane.kubectl, "delete", "node", "fake")
        cls.declare_node(cls.kubelet.port)

    @classmethod
    def declare_node(cls, port, **more):
        set_status(cls.plane, "/api/v1/nodes/fake",
                   {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                    "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}, **more})

    def setUp(self):
        super().setUp()
        wait_for(lambda: self.kubectl("get", "serviceaccount", "default", status=None).status == 0)
        self.put_pod("web")
        self.kubelet.asked.clear()

    def put_pod(self, name, *more_containers, node="fake"):
        made = pod(name)
        made["spec"] |= {"nodeName": node} if node else {}
        made["spec"]["containers"] += [{"name": each, "image": "busybox"} for each in more_containers]
        made["metadata"]["labels"] = {"app": name}
        self.apply(made)
        set_status(self.plane, f"/api/v1/namespaces/{self.namespace}/pods/{name}",
                   {"phase": "Running", "podIP": POD_ADDRESS, "podIPs": [{"ip": POD_ADDRESS}]})

    def each_kubectl(self):
        for name, program in KUBECTLS.items():
            with self.subTest(kubectl=name):
                yield program

    def popen(self, program, *arguments):
        return subprocess.Popen([program, "-n", self.namespace, *arguments], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, **self.plane.environment()})

    # ---- Logs

    def test_logs(self):
        for program in self.each_kubectl():
            self.assertEqual(self.out("logs", "web", program=program), "first\nsecond")
            self.assertEqual(self.out("logs", "web", "--tail=1", program=program), "second")

    def test_logs_are_followed(self):
        for program in self.each_kubectl():
            with self.popen(program, "logs", "-f", "web") as following:
                self.assertEqual([following.stdout.readline(), following.stdout.readline()], [b"first\n", b"second\n"])
                for line in ("third", "fourth"):
                    self.kubelet.more_log.put(line)
                    self.assertEqual(following.stdout.readline(), f"{line}\n".encode())
                self.kubelet.more_log.put("")
                self.assertEqual(following.communicate(timeout=20), (b"", b""))

    def test_why_there_are_no_logs(self):
        self.put_pod("two", "side")
        status, body = self.plane.raw(f"/api/v1/namespaces/{self.namespace}/pods/two/log")
        self.assertEqual((status, json.loads(body)["message"]),
                         (400, "a container name must be specified for pod two, choose one of: [main side]"))
        self.assertIn("container nope is not valid for pod two", self.refused("logs", "two", "-c", "nope"))
        self.assertIn('container "side" in pod "two" is waiting to start', self.refused("logs", "two", "-c", "side"))
        self.assertIn("must be greater than or equal to 0", self.plane.raw(
            f"/api/v1/namespaces/{self.namespace}/pods/web/log?tailLines=-3")[1].decode())
        self.put_pod("lost", node="gone")
        self.assertIn('nodes "gone" not found', self.refused("logs", "lost"))

    # ---- Sessions

    def test_exec(self):
        for program in self.each_kubectl():
            said = self.kubectl("exec", "-i", "web", "--", "sh", "-c", "cat; echo err >&2; exit 7", stdin="hello\n",
                                status=7, program=program)
            self.assertEqual(said.stdout, "hello\n")
            self.assertIn("err\n", said.stderr)
            self.assertIn("exit code 7", said.stderr)

    def test_exec_by_the_python_client(self):
        script = f"""
            import kubernetes
            from kubernetes.stream import stream
            kubernetes.config.load_kube_config({self.plane.kubeconfig!r})
            core = kubernetes.client.CoreV1Api()
            session = stream(core.connect_get_namespaced_pod_exec, "web", {self.namespace!r}, command=["sh", "-c", "read a; echo got $a; exit 3"],
                             stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False)
            session.write_stdin("word\\n")
            session.run_forever(timeout=30)
            assert session.read_stdout() == "got word\\n" and session.returncode == 3, session.returncode
            assert core.read_namespaced_pod_log("web", {self.namespace!r}) == "first\\nsecond\\n"
            """
        command.run("/usr/bin/python3", "-c", textwrap.dedent(script), env=self.plane.environment())

    def test_a_node_that_speaks_spdy_alone(self):
        """Clients that speak WebSocket are translated for it."""
        self.kubelet.is_new = False
        self.addCleanup(setattr, self.kubelet, "is_new", True)
        content = base64.b64encode(os.urandom(1_000_000)).decode()
        for program in self.each_kubectl():
            self.kubelet.asked.clear()
            self.assertEqual(self.out("exec", "-i", "web", "--", "cat", stdin=content, program=program), content)
            self.assertEqual([line.split()[0] for line in self.kubelet.asked], ["POST"])

    def test_a_node_that_takes_websockets_gets_them(self):
        self.declare_node(self.kubelet.port, declaredFeatures=["ExtendWebSocketsToKubelet"])
        self.addCleanup(self.declare_node, self.kubelet.port, declaredFeatures=None)
        self.assertEqual(self.out("exec", "web", "--", "echo", "hello"), "hello")
        self.assertEqual([line.split()[0] for line in self.kubelet.asked], ["GET"])

    def test_a_node_that_vanishes_in_the_middle(self):
        with self.popen(KUBECTLS["of the next"], "exec", "-i", "web", "--", "cat") as running:
            wait_for(lambda: self.kubelet.asked)
            wait_for(self.kubelet.cut)
            self.assertIn(b"the connection to the node's agent was lost", running.stderr.read())
            self.assertNotEqual(running.wait(20), 0)

    def test_attach(self):
        for program in self.each_kubectl():
            with self.popen(program, "attach", "-i", "web") as attached:
                for word in (b"one\n", b"two\n"):
                    attached.stdin.write(word)
                    attached.stdin.flush()
                    self.assertEqual(attached.stdout.readline(), b"you said " + word)
                attached.stdin.close()
                self.assertEqual(attached.wait(20), 0)

    def test_cp(self):
        there = f"{self.plane.directory}/{self.namespace}"
        os.mkdir(there)
        for program in self.each_kubectl():
            content = base64.b64encode(os.urandom(300_000)).decode()
            with open(f"{there}/up", "w") as file:
                file.write(content)
            os.makedirs(f"{there}/pod", exist_ok=True)
            self.kubectl("cp", f"{there}/up", f"web:{there}/pod/file", program=program)
            self.kubectl("cp", f"web:{there}/pod/file", f"{there}/down", program=program)
            with open(f"{there}/down") as file:
                self.assertEqual(file.read(), content)

    @contextlib.contextmanager
    def forwarded(self, program, what, port):
        with self.popen(program, "port-forward", what, f":{port}") as forwarding:
            try:
                line = forwarding.stdout.readline().decode()
                self.assertIn("Forwarding from 127.0.0.1:", line)
                yield int(line.split("127.0.0.1:")[1].split()[0])
            finally:
                forwarding.terminate()

    def test_port_forward(self):
        local = serve_web("127.0.0.1")
        self.addCleanup(local.server_close)
        self.addCleanup(local.shutdown)
        for program in self.each_kubectl():
            with self.forwarded(program, "pod/web", local.server_address[1]) as port:
                for path in ("/one", "/two"):
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                    connection.request("GET", path)
                    self.assertEqual(connection.getresponse().read().decode(), f"GET {path}")
                    connection.close()

    def test_who_may(self):
        self.kubectl("create", "serviceaccount", "looker")
        self.kubectl("create", "role", "looker", "--verb=get", "--resource=pods,pods/log,pods/exec")
        self.kubectl("create", "rolebinding", "looker", "--role=looker",
                     f"--serviceaccount={self.namespace}:looker")
        user = f"--as=system:serviceaccount:{self.namespace}:looker"
        wait_for(lambda: self.kubectl("logs", "web", user, status=None).status == 0)
        for program in self.each_kubectl():
            self.assertIn('cannot create resource "pods/exec"',
                          self.refused("exec", "web", user, "--", "true", program=program))
        self.assertFalse([line for line in self.kubelet.asked if "exec" in line])

    def test_what_admission_says_of_it(self):
        """A policy that lets nobody run a shell."""
        name = self.namespace
        self.plane.apply(
            {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
             "spec": {"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
                                                              "operations": ["CONNECT"], "resources": ["pods/exec"]}]},
                      "validations": [{"expression": "object.command[0] != 'sh'", "message": "no shells here"}]}},
            {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
             "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {
                 "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}}})
        self.addCleanup(self.plane.kubectl, "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name)
        wait_for(lambda: "no shells here" in self.kubectl("exec", "web", "--", "sh", status=None).stderr)
        self.assertEqual(self.out("exec", "web", "--", "echo", "hello"), "hello")

    def test_a_node_that_does_not_answer(self):
        self.declare_node(1)
        self.addCleanup(self.declare_node, self.kubelet.port)
        self.assertIn("error dialing backend", self.refused("exec", "web", "--", "true"))
        self.assertIn("127.0.0.1:1", self.refused("logs", "web"))

    # ---- Proxies

    def test_proxies_of_the_node_and_of_pods(self):
        namespace = f"/api/v1/namespaces/{self.namespace}"
        self.assertEqual(json.loads(self.plane.raw("/api/v1/nodes/fake/proxy/pods")[1])["kind"], "PodList")
        port = self.web.server_address[1]
        self.assertEqual(self.plane.raw(f"{namespace}/pods/web:{port}/proxy/a%2Fb?c=d")[1], b"GET /a%2Fb?c=d")
        self.assertEqual(self.plane.raw(f"{namespace}/pods/web:{port}/proxy/x", "POST", b"body")[1], b"got body")
        with self.plane.client() as client:
            for path, status, location in (("/proxy", 301, "/proxy/"), ("/proxy/old", 302, "/proxy/new")):
                moved = client.get(f"{namespace}/pods/web:{port}{path}")
                self.assertEqual((moved.status, moved.headers["location"]),
                                 (status, f"{namespace}/pods/web:{port}{location}"))
            prefix = f"{namespace}/pods/web:{port}/proxy"
            self.assertEqual(client.get(f"{prefix}/page", headers={"Accept": "text/html"}).body.decode(),
                             f"<!-- <a href='/no'> --><a href='{prefix}/next'>{'x' * 100_000}</a><img src={prefix}/i>")
        status, body = self.plane.raw(f"{namespace}/pods/web:1/proxy/")
        self.assertEqual(status, 503)
        self.assertIn("error trying to reach service", json.loads(body)["message"])

    def test_a_proxy_of_a_service(self):
        port = self.web.server_address[1]
        path = f"/api/v1/namespaces/{self.namespace}/services"
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                    "spec": {"ports": [{"name": "http", "port": 80, "targetPort": port}]}})
        status, body = self.plane.raw(f"{path}/web/proxy/")
        self.assertEqual((status, json.loads(body)["message"]), (503, 'no endpoints available for service "web"'))
        self.apply({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web"},
                    "subsets": [{"addresses": [{"ip": POD_ADDRESS}], "ports": [{"name": "http", "port": port}]}]})
        for name in ("web:http", "web:80", "http:web:http"):
            self.assertEqual(self.plane.raw(f"{path}/{name}/proxy/hello"), (200, b"GET /hello"))

    # ---- Watches

    def test_a_watch_over_a_websocket(self):
        with self.websocket(f"/api/v1/namespaces/{self.namespace}/configmaps?watch=true&fieldSelector=metadata.name%3Done") as (
                status, watching):
            self.assertEqual(status, 101)
            self.apply(config_map("one", a="1"))
            kind, event = watching.receive()
            self.assertEqual((kind, json.loads(event)["type"]), (websocket.TEXT, "ADDED"))
            self.kubectl("delete", "configmap", "one")
            self.assertEqual(json.loads(watching.receive()[1])["type"], "DELETED")
            watching.close()
            self.assertIsNone(watching.receive())

    @contextlib.contextmanager
    def websocket(self, path):
        context = self.plane.trusting()
        context.load_cert_chain(*self.plane.administrator())
        raw = socket.create_connection(("127.0.0.1", self.plane.port), timeout=20)
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as secured, secured.makefile("rb") as reader:
            secured.sendall((f"GET {path} HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
            status = int(reader.readline().split()[1])
            while reader.readline().strip():
                pass
            yield status, websocket.Socket(reader.read, secured.sendall, is_client=True)
