# SPDX-License-Identifier: Apache-2.0
"""A webhook of a test's own: HTTPS with a certificate for 127.0.0.1."""

import base64
import http.server
import json
import ssl
import threading

from lib.images import Tls


class Webhook:
    """Answers every review with what `review(request)` says of its request; counts them."""

    def __init__(self, review):
        self.review, self.asked = review, 0
        self.tls = Tls()
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                webhook.asked += 1
                asked["response"] = {"uid": asked["request"]["uid"]} | webhook.review(asked.pop("request"))
                body = json.dumps(asked).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.tls.certificate, self.tls.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def client_config(self):
        """What tells a server of it."""
        with open(self.tls.ca, "rb") as authority:
            bundle = base64.b64encode(authority.read()).decode()
        return {"url": f"https://127.0.0.1:{self.server.server_port}/", "caBundle": bundle}

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.tls.remove()
