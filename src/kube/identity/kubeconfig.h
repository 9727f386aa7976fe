// SPDX-License-Identifier: Apache-2.0
//
// Kubeconfig files (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/):
// where a server is, whom to trust and who one is. Read is what the current context says, or a named one.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::kube {

struct Kubeconfig {
  std::string server;       // "https://10.0.0.1:6443"
  std::string server_name;  // to expect in its certificate; empty: the URL's host
  std::string authorities;  // PEM; empty: those that the host trusts
  bool skips_verification = false;

  std::string certificate;  // PEM, of the client; empty: none
  std::string key;
  std::string token;
  std::string token_file;  // read anew now and then: tokens in it are renewed
  std::string user;        // with `password`: Basic
  std::string password;
  std::string name_space;  // empty: "default"
};

// `directory`: what relative paths in the text start from. `context`: empty is the current one. NotFound for
// a context, cluster or user that is not there; Unsupported for users that need a program (exec,
// auth-provider).
Result<Kubeconfig> parse_kubeconfig(std::string_view yaml, const std::string& directory,
                                    std::string_view context = {});
Result<Kubeconfig> read_kubeconfig(const std::string& file, std::string_view context = {});

// A file with one context, and everything in it.
std::string format_kubeconfig(const Kubeconfig& config, std::string_view cluster, std::string_view user);

}  // namespace gantry::kube
