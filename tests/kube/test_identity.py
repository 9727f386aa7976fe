# SPDX-License-Identifier: Apache-2.0
"""Who is believed, and who is not: tokens and certificates that are forged, expired, of others, or renewed."""

import base64
import datetime
import hmac
import http.client
import json
import os
import signal
import ssl
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kube import kube_case
from kube.kube_case import config_map
from lib.kube_client import Watch, raw_connection
from lib.runtime import read_bytes, wait_for

HOUR = datetime.timedelta(hours=1)


def setUpModule():
    kube_case.start()


def private_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def part(claims):
    return base64url(json.dumps(claims).encode())


class Tokens(kube_case.Case):
    def setUp(self):
        super().setUp()
        self.out("create", "serviceaccount", "robot")
        self.token = self.out("create", "token", "robot")
        self.key = read_bytes(f"{self.plane.directory}/pki/sa.key")
        self.head = jwt.get_unverified_header(self.token)
        self.claims = jwt.decode(self.token, options={"verify_signature": False})

    def status_of(self, token):
        """What the bearer of this token gets of pods: 403 who is believed and may not, 401 who is not believed."""
        with self.plane.client(token) as client:
            answer = client.get(f"/api/v1/namespaces/{self.namespace}/pods")
            self.assertEqual(answer.json()["kind"], "Status")
            return answer.status

    def signed(self, key=None, algorithm=None, head=None, **claims):
        return jwt.encode(self.claims | claims, key or self.key, algorithm or self.head["alg"], {"kid": self.head["kid"]} | (head or {}))

    def test_one_that_is_right_is_believed(self):
        self.assertEqual(self.status_of(self.token), 403)
        self.assertEqual(self.status_of(self.signed()), 403)

    def test_forged_ones_are_not(self):
        head, body, signature = self.token.split(".")
        other = ec.generate_private_key(ec.SECP256R1())
        public = public_pem(serialization.load_pem_private_key(self.key, None))
        for what, token in {
                "no algorithm": part({"alg": "none"}) + f".{body}.", "no algorithm, and a signature": part({"alg": "None"}) + f".{body}.{signature}",
                "another algorithm": part(self.head | {"alg": "RS256"}) + f".{body}.{signature}",
                "the public key as a secret": self.with_secret(public), "another key": self.signed(private_pem(other)),
                "another key that is sent along": self.signed(private_pem(other), head={"jku": "https://other", "x5c": ["AAAA"]}),
                "another body": f"{head}.{part(self.claims | {'sub': 'system:admin'})}.{signature}",
                "half a signature": self.token[:-20], "no signature": f"{head}.{body}.", "two parts": f"{head}.{body}",
                "five parts": f"{self.token}.a.b", "empty parts": "..", "no token": "nothing",
                "a long one": "a" * 20_000 + ".b.c", "deep claims": f"{head}.{base64url(b'[' * 4000)}.{signature}"}.items():
            with self.subTest(what):
                self.assertEqual(self.status_of(token), 401)

    def with_secret(self, secret):
        signed = f"{part(self.head | {'alg': 'HS256'})}.{part(self.claims)}"
        return f"{signed}.{base64url(hmac.digest(secret, signed.encode(), 'sha256'))}"

    def test_those_of_another_time_audience_issuer_or_account_are_not(self):
        now = int(time.time())
        bound = self.claims["kubernetes.io"]
        for what, claims in {
                "expired": {"exp": now - 60, "iat": now - 7200, "nbf": now - 7200}, "not yet": {"nbf": now + 3600},
                "another audience": {"aud": ["other"]}, "another issuer": {"iss": "https://other"},
                "no such account": {"sub": f"system:serviceaccount:{self.namespace}:nobody",
                                    "kubernetes.io": bound | {"serviceaccount": {"name": "nobody", "uid": "1"}}},
                "an account of before": {"kubernetes.io": bound | {"serviceaccount": {"name": "robot", "uid": "1"}}},
                "a number as subject": {"sub": 5}, "a text as time": {"exp": "tomorrow"}}.items():
            with self.subTest(what):
                self.assertEqual(self.status_of(self.signed(**claims)), 401)

    def test_one_ends_with_its_account(self):
        self.out("delete", "serviceaccount", "robot")
        self.assertEqual(self.status_of(self.token), 401)


class Certificates(kube_case.Case):
    def issue(self, name, authority=None, begin=-HOUR, end=HOUR, key=None):
        """Certificate and key files for a client of the cluster's authority, or of another (key and certificate)."""
        pki = f"{self.plane.directory}/pki"
        key = key or ec.generate_private_key(ec.SECP256R1())
        signer, issuer = authority or (serialization.load_pem_private_key(read_bytes(f"{pki}/ca.key"), None),
                                       x509.load_pem_x509_certificate(read_bytes(f"{pki}/ca.crt")).subject)
        now = datetime.datetime.utcnow()
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters"),
                             x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), now + begin,
                                              now + end).sign(signer, hashes.SHA256())
        files = f"{self.plane.directory}/{name}.crt", f"{self.plane.directory}/{name}.key"
        for path, pem in zip(files, (certificate.public_bytes(serialization.Encoding.PEM), private_pem(key))):
            with open(path, "wb") as file:
                file.write(pem)
        return files

    def status_of(self, files):
        """None: the connection was refused."""
        try:
            with self.plane.client(files) as client:
                return client.get("/api/v1/nodes").status
        except (ssl.SSLError, ConnectionError, http.client.HTTPException):
            return None

    def test_expired_early_and_foreign_ones_are_not_believed(self):
        self.assertEqual(self.status_of(self.issue("right")), 200)
        other = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
        for what, files in {"expired": self.issue("expired", begin=-2 * HOUR, end=-HOUR),
                            "early": self.issue("early", begin=HOUR, end=2 * HOUR),
                            "foreign": self.issue("foreign", authority=other)}.items():
            with self.subTest(what):
                self.assertIn(self.status_of(files), (None, 401))

    def test_the_server_s_own_is_renewed_while_it_serves(self):
        pki = f"{self.plane.directory}/pki"
        key = serialization.load_pem_private_key(read_bytes(f"{pki}/apiserver.key"), None)
        old, _ = self.issue("old", key=key)  # what is left of it is not enough
        maps = f"/api/v1/namespaces/{self.namespace}/configmaps"
        with Watch(self.plane, maps) as watch:
            before = self.served()
            os.replace(old, f"{pki}/apiserver.crt")
            self.plane.daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: self.served() != before, "another certificate")
            renewed = x509.load_pem_x509_certificate(read_bytes(f"{pki}/apiserver.crt"))
            self.assertEqual(self.served(), renewed.public_bytes(serialization.Encoding.DER))
            self.assertGreater(renewed.not_valid_after, datetime.datetime.utcnow() + 24 * 300 * HOUR)
            self.apply(config_map("after"))
            event = next(iter(watch))  # over the connection of before
            self.assertEqual((event["type"], event["object"]["metadata"]["name"]), ("ADDED", "after"))

    def served(self):
        with raw_connection(self.plane) as connection:
            return connection.getpeercert(binary_form=True)
