# SPDX-License-Identifier: Apache-2.0
"""A node agent as far as the API server sees one: logs, and exec, attach and port-forward over SPDY or WebSocket, as
stock kubelets answer them. Commands run on the test's own machine."""

import contextlib
import http.server
import json
import queue
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.parse

from lib import command, spdy, websocket

CHANNELS = {"stdin": 0, "stdout": 1, "stderr": 2, "error": 3, "resize": 4}
CLOSE_CHANNEL = 255


def certificate(directory, name, names):
    """A certificate that nobody signed but itself; the paths of it and of its key."""
    files = f"{directory}/{name}.crt", f"{directory}/{name}.key"
    command.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-out", files[0], "-keyout", files[1])
    return files


class HttpsServer(http.server.ThreadingHTTPServer):
    """On a port of its own; its clients show a certificate that `authority` has signed."""

    daemon_threads = True

    def __init__(self, handler, identity, authority, address="127.0.0.1"):
        super().__init__((address, 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*identity)
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
        self.context = context
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    def finish_request(self, request, client_address):
        """The handshake is the connection's own matter: it holds up no other."""
        try:
            with self.context.wrap_socket(request, server_side=True) as secured:
                self.RequestHandlerClass(secured, client_address, self)
        except OSError:
            pass

    def handle_error(self, request, client_address):
        pass

    def stop(self):
        self.shutdown()
        self.server_close()


class Session:
    """The streams of one exec or attach, whatever carries them: `sent` to the client, `stdin` from it."""

    def __init__(self):
        self.stdin = queue.Queue()  # bytes; empty at the end

    def status(self, code):
        if code == 0:
            return {"metadata": {}, "status": "Success"}
        return {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
                "message": f"command terminated with non-zero exit code: exit status {code}",
                "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}

    def run(self, argv, has_stdin):
        """Runs a command, and says how it ended."""
        process = subprocess.Popen(argv, stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if has_stdin:
            threading.Thread(target=self._feed, args=(process.stdin,), daemon=True).start()
        readers = [threading.Thread(target=self._copy, args=(pipe, name), daemon=True)
                   for pipe, name in ((process.stdout, "stdout"), (process.stderr, "stderr"))]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        self.send("error", json.dumps(self.status(process.wait())).encode())

    def _feed(self, pipe):
        try:
            while data := self.stdin.get():
                pipe.write(data)
                pipe.flush()
            pipe.close()
        except OSError:
            pass

    def _copy(self, pipe, name):
        with pipe:
            while data := pipe.read1(65536):
                self.send(name, data)


class SpdySession(Session):
    def __init__(self):
        super().__init__()
        self.streams = {}
        self.arrived = threading.Condition()

    def on_stream(self, stream):
        with self.arrived:
            self.streams[stream.headers["streamtype"]] = stream
            self.arrived.notify_all()
        if stream.headers["streamtype"] == "stdin":
            self.stdin = stream.received

    def wait_for(self, names):
        with self.arrived:
            self.arrived.wait_for(lambda: names <= self.streams.keys(), timeout=10)

    def send(self, name, data):
        if name in self.streams:
            self.streams[name].write(data)

    def close(self):
        for name in ("stdout", "stderr", "error"):
            if name in self.streams:
                self.streams[name].close()


class WebSocketSession(Session):
    def __init__(self, web_socket, closes_streams):
        super().__init__()
        self.socket, self.closes_streams = web_socket, closes_streams

    def receive(self):
        try:
            while message := self.socket.receive():
                channel, data = message[1][0], message[1][1:]
                if channel == CHANNELS["stdin"] and data:
                    self.stdin.put(data)
                elif channel == CLOSE_CHANNEL and self.closes_streams:
                    self.stdin.put(b"")
        except (OSError, EOFError):
            pass
        self.stdin.put(b"")

    def send(self, name, data):
        self.socket.send(bytes([CHANNELS[name]]) + data)

    def close(self):
        self.socket.close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.kubelet.asked.append(f"{self.command} {self.path}")
        url = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(url.query)
        self.parts = url.path.strip("/").split("/")
        serve = {"containerLogs": self.show_log, "exec": self.exec, "attach": self.attach,
                 "portForward": self.forward_ports, "pods": self.show_pods}.get(self.parts[0])
        if serve:
            serve()
        else:
            self.answer(404, "404 page not found\n")

    do_POST = do_GET

    @property
    def kubelet(self):
        return self.server.kubelet

    def answer(self, status, text, content_type="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def show_pods(self):
        self.answer(200, json.dumps({"kind": "PodList", "items": []}), "application/json")

    def show_log(self):
        lines = self.kubelet.logs.get(self.parts[3])
        if lines is None:
            self.answer(400, f'container "{self.parts[3]}" in pod "{self.parts[2]}" is waiting to start: ContainerCreating')
            return
        lines = lines[-int(self.query.get("tailLines", ["1000"])[0]):]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            self.chunk(line)
        if "follow" in self.query:
            while line := self.kubelet.more_log.get():
                self.chunk(line)
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, line):
        data = f"{line}\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    # ---- Sessions

    def read_exactly(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def switch(self, protocol, **headers):
        self.send_response_only(101)
        for name, value in {"Connection": "Upgrade", "Upgrade": protocol, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.close_connection = True

    def exec(self):
        self.session(lambda session: session.run(self.query["command"], "input" in self.query))

    def attach(self):
        self.session(lambda session: session.run(["sed", "-u", "s/^/you said /"], "input" in self.query))

    def session(self, run):
        if self.headers["Upgrade"].lower() == "websocket":
            self.websocket_session(run)
        else:
            self.spdy_session(run)

    def websocket_session(self, run):
        spoken = ["v5.channel.k8s.io", "v4.channel.k8s.io"] if self.kubelet.is_new else ["v4.channel.k8s.io"]
        offered = [word.strip() for word in self.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        protocol = next((word for word in spoken if word in offered), None)
        if protocol is None:
            self.answer(403, "none of the protocols is spoken")
            return
        self.switch("websocket", Sec_WebSocket_Accept=websocket.acceptance(self.headers["Sec-WebSocket-Key"]),
                    Sec_WebSocket_Protocol=protocol)
        session = WebSocketSession(websocket.Socket(self.read_exactly, self.wfile.write), protocol.startswith("v5"))
        receiving = threading.Thread(target=session.receive, daemon=True)
        receiving.start()
        run(session)
        session.close()
        receiving.join(10)

    def spdy_session(self, run):
        self.switch("SPDY/3.1", X_Stream_Protocol_Version="v4.channel.k8s.io")
        session = SpdySession()
        names = {"error"} | {name for name, key in (("stdin", "input"), ("stdout", "output"), ("stderr", "error"))
                             if key in self.query}
        connection = spdy.Connection(self.read_exactly, self.wfile.write, session.on_stream)

        def work():
            session.wait_for(names)
            self.kubelet.sessions.append(self.connection)
            with contextlib.suppress(OSError):  # it was cut
                run(session)
                session.close()

        working = threading.Thread(target=work, daemon=True)
        working.start()
        connection.serve()
        with contextlib.suppress(ValueError):  # it was cut
            self.kubelet.sessions.remove(self.connection)

    def forward_ports(self):
        if self.headers["Upgrade"].lower() == "websocket":
            self.answer(403, "ports are forwarded over SPDY here")
            return
        self.switch("SPDY/3.1", X_Stream_Protocol_Version="portforward.k8s.io")
        pairs = {}

        def on_stream(stream):
            pair = pairs.setdefault(stream.headers["requestid"], {})
            pair[stream.headers["streamtype"]] = stream
            if len(pair) == 2:
                threading.Thread(target=forward, args=(pair,), daemon=True).start()

        spdy.Connection(self.read_exactly, self.wfile.write, on_stream).serve()


def forward(pair):
    """Between the streams of one connection and a port of this machine."""
    data, error = pair["data"], pair["error"]
    try:
        peer = socket.create_connection(("127.0.0.1", int(data.headers["port"])))
    except OSError as failure:
        error.write(str(failure).encode(), fin=True)
        data.close()
        return
    with peer, contextlib.suppress(OSError):  # the client may go at any time
        def send():
            with contextlib.suppress(OSError):
                while received := data.read():
                    peer.sendall(received)
                peer.shutdown(socket.SHUT_WR)
        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        while received := peer.recv(65536):
            data.write(received)
        data.close()
        error.close()
        sending.join(10)


class FakeKubelet:
    """`is_new`: takes WebSockets of the version that clients since Kubernetes 1.30 speak."""

    def __init__(self, authority, is_new=True):
        self.directory = tempfile.mkdtemp(prefix="fake-kubelet-")
        self.is_new = is_new
        self.asked = []
        self.sessions = []  # connections
        self.logs = {"main": ["first", "second"]}
        self.more_log = queue.Queue()  # lines; empty at the end
        self.server = HttpsServer(Handler, certificate(self.directory, "node", "IP:127.0.0.1"), authority)
        self.server.kubelet = self

    @property
    def port(self):
        return self.server.port

    def cut(self):
        """The sessions that there are, without a word; whether there were any."""
        were = self.sessions[:]
        for connection in were:
            self.sessions.remove(connection)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return bool(were)

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.directory)
