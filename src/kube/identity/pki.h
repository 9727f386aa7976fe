// SPDX-License-Identifier: Apache-2.0
//
// Everything secret of a control plane, in one directory (docs/formats/control-plane-directory.md):
// authorities, certificates, the key that signs service accounts' tokens, and kubeconfigs. What is missing is
// made, what is there is kept, and what would expire soon or names too little is made anew. A process that is
// killed leaves a directory that the next one completes.
//
//   Pki pki = TRY(Pki::open(options, now));
//   serve(pki.server_identity(), pki.client_authorities());
//   if (TRY(pki.renew(now))) server.renew_tls(...);           // every hour or so
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/tls.h"
#include "kube/identity/certificate.h"
#include "kube/identity/key.h"

namespace gantry::kube {

struct PkiOptions {
  std::string directory;
  std::string cluster_domain = "cluster.local";
  // What clients may call the server beside kubernetes.default.svc and so on: host names and addresses, the
  // address of the service "kubernetes" among them.
  std::vector<std::string> server_names;
  std::string server_url;  // what kubeconfigs say: "https://10.0.0.1:6443"
  std::string node_name;   // whose kubeconfig is made as well; empty: nobody's
};

class Pki {
 public:
  // `now`: seconds since 1970. Waits for another process that is at it.
  static Result<Pki> open(PkiOptions options, std::int64_t now);

  // Makes anew what expires soon. Whether anything was.
  Result<bool> renew(std::int64_t now);

  // ---- Files; absolute if the directory is

  http::TlsIdentity server_identity() const { return identity("apiserver"); }
  // With which the server asks node agents.
  http::TlsIdentity node_client_identity() const { return identity("apiserver-kubelet-client"); }
  // With which it asks aggregated API servers.
  http::TlsIdentity proxy_client_identity() const { return identity("front-proxy-client"); }
  std::string cluster_authority_file() const { return path("ca.crt"); }
  std::string proxy_authority_file() const { return path("front-proxy-ca.crt"); }
  std::string admin_kubeconfig() const { return path("admin.conf"); }

  // ---- In memory

  // Signs certificates of clients and nodes, and is what clients trust.
  const Authority& cluster_authority() const { return cluster_; }
  const Authority& proxy_authority() const { return proxy_; }
  // Signs service accounts' tokens.
  const Key& token_key() const { return token_key_; }

 private:
  class Directory;
  Pki(PkiOptions options, Authority cluster, Authority proxy, Key token_key)
      : options_(std::move(options)),
        cluster_(std::move(cluster)),
        proxy_(std::move(proxy)),
        token_key_(std::move(token_key)) {}
  Result<bool> complete(const Directory& directory, std::int64_t now) const;
  std::string path(const std::string& name) const { return options_.directory + "/" + name; }
  http::TlsIdentity identity(const std::string& name) const {
    return {path(name + ".crt"), path(name + ".key")};
  }

  PkiOptions options_;
  Authority cluster_;
  Authority proxy_;
  Key token_key_;
};

}  // namespace gantry::kube
