// SPDX-License-Identifier: Apache-2.0
//
// Encryption at rest by an EncryptionConfiguration
// (https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/): for each kind the first provider's
// first key writes, and all of them read, so that keys are rotated by putting a new one in front. Providers:
// aescbc, aesgcm, secretbox, kms (of its API v2) and identity. What is in force, and asks the plugins of kms
// from time to time, is a LiveEncryption (live_encryption.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/encryption/cipher.h"
#include "kube/encryption/kms_provider.h"
#include "kube/storage/value_transformer.h"

namespace gantry::kube {

class Encryption final : public ValueTransformer {
 public:
  // InvalidArgument names the place, never a key; Unsupported for the provider kms of its API v1. Asks no
  // plugin.
  static Result<std::unique_ptr<const Encryption>> parse(std::string_view yaml);

  // Whether the plugins of kms are well (KmsProvider::check): the first failure.
  Result<void> check_plugins() const;
  bool has_plugins() const { return !plugins_.empty(); }

  Result<std::string> to_store(std::string_view stored_as, std::string_view key,
                               std::string_view text) const override;
  Result<std::string> from_store(std::string_view stored_as, std::string_view key,
                                 std::string_view value) const override;
  bool is_for(std::string_view stored_as) const override { return find(stored_as) != nullptr; }

 private:
  // A key with its prefix, "k8s:enc:aesgcm:v1:key1:". Without a cipher: identity, no prefix.
  struct Transformer {
    std::string prefix;
    std::shared_ptr<const Cipher> cipher;  // of kms: shared with plugins_
  };
  struct Group {
    std::vector<std::string> resources;  // "secrets", "deployments.apps", "*.apps", "*.", "*.*"
    std::vector<Transformer> transformers;
  };
  class Reader;

  // The first that names the kind; null: none.
  const Group* find(std::string_view stored_as) const;

  std::vector<Group> groups_;
  std::vector<std::shared_ptr<const KmsProvider>> plugins_;
};

}  // namespace gantry::kube
