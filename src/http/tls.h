// SPDX-License-Identifier: Apache-2.0
//
// What a side of TLS connections knows: whom to trust and who it is itself.
// TLS 1.2 and later. A context is made once, is constant, and is shared by all
// connections and threads that use it. Only this folder sees OpenSSL.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

struct ssl_ctx_st;

namespace gantry::http {

// A certificate (PEM, with the chain above it after it) and its private key.
struct TlsIdentity {
  std::string certificate_file;
  std::string key_file;
  // Of clients instead of the files: both as text, without a chain.
  std::string certificate;
  std::string key;
};

struct TlsClientOptions {
  bool trust_system = true;           // the authorities that the host trusts
  std::vector<std::string> ca_files;  // more authorities, PEM
  std::string ca_certificates;        // still more, as PEM text
  TlsIdentity identity;               // for servers that ask; empty names: none
  bool verify = true;                 // false takes any certificate: only for what the user calls insecure
};

struct TlsServerOptions {
  TlsIdentity identity;
  // Clients must show a certificate that one of these authorities has signed. Empty: they are not asked.
  std::vector<std::string> client_ca_files;
  // False: clients without a certificate are served as well, and those with one that does not verify; what
  // they showed is in Peer::certificate, so that they can be told what is wrong with it.
  bool requires_client_certificate = true;
  bool offers_http2 = false;  // to clients that prefer it (ALPN)
};

// What the other end proved to own the key of.
struct PeerCertificate {
  std::string subject;  // "CN=alice,O=ops" (RFC 2253)
  std::string common_name;
  std::vector<std::string> organizations;
  std::string serial;          // in hexadecimal digits
  std::string fingerprint;     // SHA-256 of itself, in hexadecimal digits
  std::string authority;       // SHA-256 of the root that its chain ends at, in hexadecimal digits
  std::string problem;         // why it is not to be trusted; empty: it has verified
  std::int64_t not_after = 0;  // seconds since 1970; a connection may outlive its certificate
};

class TlsContext {
 public:
  static Result<std::shared_ptr<const TlsContext>> for_client(const TlsClientOptions& options);
  static Result<std::shared_ptr<const TlsContext>> for_server(const TlsServerOptions& options);

  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  ssl_ctx_st* get() const { return context_; }  // of this folder's own use
  bool verifies_peer() const { return verifies_peer_; }

 private:
  TlsContext(ssl_ctx_st* context, bool verifies_peer) : context_(context), verifies_peer_(verifies_peer) {}
  ssl_ctx_st* context_;
  bool verifies_peer_;
};

}  // namespace gantry::http
