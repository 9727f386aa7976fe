# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes API as bytes: what kubectl would never send, and what it would not show."""

import http.client
import json
import socket
import ssl
from typing import NamedTuple

JSON = "application/json"
ADMINISTRATOR = object()


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict  # names in lower case

    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        """Of a Status; the text itself of what is none."""
        try:
            return self.json()["message"]
        except (ValueError, KeyError, TypeError):
            return self.body.decode(errors="replace")


class Client:
    """One connection of HTTP/1.1: one request after the other. As the administrator, the bearer of a token, who shows
    a certificate (paths of it and its key), or nobody (None)."""

    def __init__(self, plane, identity=ADMINISTRATOR, timeout=30):
        context = plane.trusting()
        if identity is ADMINISTRATOR:
            identity = plane.administrator()
        self.headers = {"Authorization": f"Bearer {identity}"} if isinstance(identity, str) else {}
        if isinstance(identity, tuple):
            context.load_cert_chain(*identity)
        self.connection = http.client.HTTPSConnection("127.0.0.1", plane.port, timeout=timeout, context=context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def begin(self, method, path, body=None, content_type=JSON, headers=None):
        """Sends a request; the answer's head, whose body is still to be read. Objects are sent as JSON."""
        if not (body is None or isinstance(body, (bytes, str)) or hasattr(body, "__next__")):
            body = json.dumps(body)
        fields = self.headers | ({} if body is None else {"Content-Type": content_type}) | (headers or {})
        self.connection.request(method, path, body, fields)
        return self.connection.getresponse()

    def ask(self, method, path, body=None, content_type=JSON, headers=None):
        answer = self.begin(method, path, body, content_type, headers)
        with answer:
            return Answer(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})

    def get(self, path, **options):
        return self.ask("GET", path, **options)


class Watch:
    """The events of a watch, one after the other; over a connection of its own."""

    def __init__(self, plane, path, timeout=30, **query):
        self.client = Client(plane, timeout=timeout)
        words = "&".join(f"{name}={value}" for name, value in ({"watch": "true"} | query).items())
        self.answer = self.client.begin("GET", f"{path}?{words}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()
        self.client.close()

    def __iter__(self):
        """Until the server ends it, in order or not."""
        try:
            for line in self.answer:
                yield json.loads(line)
        except (OSError, http.client.HTTPException, ValueError):  # a line may be cut as well
            return


def raw_connection(plane, protocol="http/1.1", identity=None, receive_buffer=None, timeout=30):
    """TLS, and nothing said yet."""
    context = plane.trusting()
    context.set_alpn_protocols([protocol])
    if identity is ADMINISTRATOR:
        identity = plane.administrator()
    if identity:
        context.load_cert_chain(*identity)
    plain = socket.socket()
    if receive_buffer:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    plain.settimeout(timeout)
    plain.connect(("127.0.0.1", plane.port))
    try:
        return context.wrap_socket(plain, server_hostname="127.0.0.1")
    except (OSError, ssl.SSLError):
        plain.close()
        raise
