// SPDX-License-Identifier: Apache-2.0
//
// Where an etcd cluster is, and as whom to speak to it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "http/tls.h"

namespace gantry::store {

struct EtcdOptions {
  std::vector<std::string> endpoints;  // "http://127.0.0.1:2379", "https://etcd-1.example:2379"
  http::TlsClientOptions tls;          // for https
  std::string user, password;          // empty: the cluster asks for none
  std::chrono::milliseconds patience = std::chrono::seconds(10);  // for one answer, and for one connection
};

}  // namespace gantry::store
