# SPDX-License-Identifier: Apache-2.0
"""A key management plugin (k8s.io/kms, API v2) at a unix socket, over the gRPC that plugins are written with."""

from concurrent import futures

import grpc


def field(number, value):
    data = value if isinstance(value, bytes) else value.encode()
    return bytes([number << 3 | 2, len(data)]) + data  # all of them are short


def first_field(message):
    return message[2:2 + message[1]] if message else b""


class Kms:
    """Encrypts by reading backwards."""

    def __init__(self, socket, key="key-1"):
        self.key = key
        self.asked = []
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        methods = {name: grpc.unary_unary_rpc_method_handler(answer) for name, answer in (
            ("Status", self.status), ("Encrypt", self.encrypt), ("Decrypt", self.decrypt))}
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("v2.KeyManagementService", methods),))
        self.server.add_insecure_port(f"unix:{socket}")
        self.server.start()

    def stop(self):
        self.server.stop(grace=None).wait()

    def status(self, _request, _context):
        self.asked.append("Status")
        return field(1, "v2") + field(2, "ok") + field(3, self.key)

    def encrypt(self, request, _context):
        self.asked.append("Encrypt")
        return field(1, first_field(request)[::-1]) + field(2, self.key) + field(3, field(1, "kind.example.com") + field(2, "x"))

    def decrypt(self, request, _context):
        self.asked.append("Decrypt")
        return field(1, first_field(request)[::-1])
