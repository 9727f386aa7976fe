// SPDX-License-Identifier: Apache-2.0
//
// Encryption at rest by an EncryptionConfiguration
// (https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/): for each kind the first provider's
// first key writes, and all of them read, so that keys are rotated by putting a new one in front. Providers:
// aescbc, aesgcm, secretbox and identity.
//
//   auto encryption = TRY(Encryption::load("/etc/kubernetes/encryption.yaml"));
//   ObjectCache cache(store, {.transformer = encryption.get()});
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/encryption/cipher.h"
#include "kube/storage/value_transformer.h"

namespace gantry::kube {

class Encryption final : public ValueTransformer {
 public:
  // InvalidArgument names the place, never a key; Unsupported for the provider kms.
  static Result<std::unique_ptr<const Encryption>> parse(std::string_view yaml);
  static Result<std::unique_ptr<const Encryption>> load(const std::string& file);

  Result<std::string> to_store(std::string_view stored_as, std::string_view key,
                               std::string_view text) const override;
  Result<std::string> from_store(std::string_view stored_as, std::string_view key,
                                 std::string_view value) const override;
  bool is_for(std::string_view stored_as) const override { return find(stored_as) != nullptr; }

 private:
  // A key with its prefix, "k8s:enc:aesgcm:v1:key1:". Without a cipher: identity, no prefix.
  struct Transformer {
    std::string prefix;
    std::unique_ptr<const Cipher> cipher;
  };
  struct Group {
    std::vector<std::string> resources;  // "secrets", "deployments.apps", "*.apps", "*.", "*.*"
    std::vector<Transformer> transformers;
  };
  class Reader;

  // The first that names the kind; null: none.
  const Group* find(std::string_view stored_as) const;

  std::vector<Group> groups_;
};

}  // namespace gantry::kube
