// SPDX-License-Identifier: Apache-2.0
//
// What a key management plugin is asked and answers (k8s.io/kms, API v2), and what stands in the store of a
// value that was encrypted under its key: protocol buffers both. Everything read is bounded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::kube {

// By names of the plugin's, as domains: "version.example.com".
using KmsAnnotations = std::map<std::string, std::string>;

struct KmsStatus {
  std::string version;  // of the API: "v2"
  std::string health;   // "ok", or what is wrong
  std::string key_id;   // of the key that it encrypts with now
};

// A secret of ours as the plugin has encrypted it: all that he must be told to give it back.
struct KmsSecret {
  std::string bytes;
  std::string key_id;
  KmsAnnotations annotations;

  friend auto operator<=>(const KmsSecret&, const KmsSecret&) = default;
};

// DataLoss for what Kubernetes would not keep: no bytes or no key, more than 1 KiB of either, more than 32
// KiB of annotations or such that have no domain's name.
Result<void> check_secret(const KmsSecret& secret);

// ---- Questions and answers. `uid`: names a question in the plugin's log.

std::string encrypt_request(std::string_view secret, std::string_view uid);
std::string decrypt_request(const KmsSecret& secret, std::string_view uid);
// InvalidArgument for bytes that are no such message.
Result<KmsStatus> read_status(std::string_view message);
Result<KmsSecret> read_encrypted(std::string_view message);
Result<std::string> read_decrypted(std::string_view message);

// ---- In the store

struct EnvelopedValue {
  // What the secret is: the key of this one value (which Kubernetes wrote until 1.28), or a seed that
  // keys of many are made from.
  enum class Secret : std::uint8_t { Key = 0, Seed = 1 };

  KmsSecret secret;
  Secret kind = Secret::Seed;
  std::string data;  // the value, encrypted
};

std::string to_bytes(const EnvelopedValue& value);
// DataLoss for bytes that are none, or whose secret is none.
Result<EnvelopedValue> read_enveloped(std::string_view bytes);

}  // namespace gantry::kube
