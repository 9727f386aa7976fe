// SPDX-License-Identifier: Apache-2.0
//
// The agents of nodes: where they listen, and a client with the certificate that they know the API server by.
// For any thread.
//
//   const NodeAgent agent = TRY(agents.find("node-1"));
//   auto client = agents.client(NodeAgents::Check::AsConfigured);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "http/client.h"
#include "kube/api/object_source.h"
#include "kube/api/status.h"

namespace gantry::kube {

struct NodeAgentOptions {
  // --kubelet-preferred-address-types, the best first.
  std::vector<std::string> address_types = {"Hostname", "InternalDNS", "InternalIP", "ExternalDNS",
                                            "ExternalIP"};
  // --kubelet-certificate-authority: who signs the agents' certificates, PEM. Empty: any certificate is
  // taken, as agents make their own where nobody has given them one.
  std::string authority_file;
  http::TlsIdentity identity;  // --kubelet-client-certificate and -key
};

struct NodeAgent {
  std::string host;
  std::uint16_t port = 0;
  bool takes_tunnels = false;  // WebSockets as clients since Kubernetes 1.30 send them

  http::Url url(std::string path, const http::Query& query) const;
};

class NodeAgents {
 public:
  enum class Check : std::uint8_t {
    AsConfigured,
    Nothing,  // the client wants to see a log whoever shows it (insecureSkipTLSVerifyBackend)
  };

  // `objects` outlives it.
  NodeAgents(NodeAgentOptions options, const ObjectSource& objects);

  // 404 if there is no such node, 500 if it does not say where its agent is.
  Answer<NodeAgent> find(std::string_view node) const;
  std::shared_ptr<http::Client> client(Check check) const;

  // The certificate was made anew: it is read again.
  void renew();

 private:
  std::shared_ptr<http::Client> make_client(Check check) const;

  const NodeAgentOptions options_;
  const ObjectSource& objects_;
  mutable Mutex mutex_;  // guards what follows
  std::shared_ptr<http::Client> checking_ GUARDED_BY(mutex_), trusting_ GUARDED_BY(mutex_);
};

}  // namespace gantry::kube
