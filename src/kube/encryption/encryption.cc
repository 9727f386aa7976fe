// SPDX-License-Identifier: Apache-2.0
#include "kube/encryption/encryption.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/duration.h"
#include "base/json_tree.h"
#include "kube/api/tree_lists.h"
#include "yaml/yaml.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kEncrypted = "k8s:enc:";
constexpr std::chrono::minutes kMostPatience{1};  // with a plugin's answer

struct Provider {
  const char* name;
  Result<std::unique_ptr<const Cipher>> (*make)(std::string_view key);
};
constexpr Provider kProviders[] = {
    {"aescbc", make_aes_cbc}, {"aesgcm", make_aes_gcm}, {"secretbox", make_secretbox}};

// "apps/deployments" is "deployments.apps" in a configuration, "secrets" is itself.
bool names(std::string_view pattern, std::string_view stored_as) {
  const std::size_t slash = stored_as.rfind('/');
  const std::string_view group = slash == stored_as.npos ? std::string_view() : stored_as.substr(0, slash);
  const std::string_view plural = slash == stored_as.npos ? stored_as : stored_as.substr(slash + 1);
  if (pattern == "*.*") return true;
  if (pattern.starts_with("*.")) return pattern.substr(2) == group;
  if (!pattern.starts_with(plural)) return false;
  const std::string_view rest = pattern.substr(plural.size());
  return group.empty() ? rest.empty() : rest.starts_with('.') && rest.substr(1) == group;
}

Result<KmsSettings> read_kms(const json::Tree& settings) {
  constexpr std::string_view kScheme = "unix://";
  // Without a word it is v1, as in Kubernetes, whose values only the plugin could decrypt one by one.
  if (settings.text_at("apiVersion") != "v2")
    return error(Code::Unsupported, "apiVersion: v2 is supported, and has to be said");
  KmsSettings kms{.name = std::string(settings.text_at("name"))};
  if (kms.name.empty() || kms.name.find(':') != std::string::npos)
    return error(Code::InvalidArgument, "name: required, and without ':'");
  const std::string_view endpoint = settings.text_at("endpoint");
  if (!endpoint.starts_with(kScheme) || endpoint.size() == kScheme.size())
    return error(Code::InvalidArgument, "endpoint: '{}' is none like unix:///run/kms.sock", endpoint);
  kms.socket = endpoint.substr(kScheme.size());
  if (const std::string_view timeout = settings.text_at("timeout"); !timeout.empty())
    kms.patience =
        std::chrono::duration_cast<std::chrono::milliseconds>(TRY_DURING(parse_duration(timeout), "timeout"));
  if (kms.patience <= kms.patience.zero() || kms.patience > kMostPatience)
    return error(Code::InvalidArgument, "timeout: more than 0, and at most a minute");
  return kms;
}

}  // namespace

// Makes an encryption of its configuration.
class Encryption::Reader {
 public:
  explicit Reader(Encryption& encryption) : encryption_(encryption) {}

  Result<void> read(const json::Tree& config) {
    if (config.text_at("kind") != "EncryptionConfiguration" ||
        config.text_at("apiVersion") != "apiserver.config.k8s.io/v1")
      return error(Code::InvalidArgument, "not an EncryptionConfiguration of apiserver.config.k8s.io/v1");
    std::vector<Group>& groups = encryption_.groups_;
    for (const json::Tree& entry : list_of(config, "resources"))
      groups.push_back(TRY_DURING(read_group(entry), "resources[{}]", groups.size()));
    if (groups.empty()) return error(Code::InvalidArgument, "resources: required");
    return {};
  }

 private:
  Result<Group> read_group(const json::Tree& entry) {
    Group group;
    for (const json::Tree& resource : list_of(entry, "resources")) {
      if (resource.as_string().empty()) return error(Code::InvalidArgument, "resources: an empty name");
      group.resources.emplace_back(resource.as_string());
    }
    const json::TreeArray& providers = list_of(entry, "providers");
    for (std::size_t i = 0; i < providers.size(); ++i)
      TRY_DURING(add_provider(providers[i], group), "providers[{}]", i);
    if (group.resources.empty() || group.transformers.empty())
      return error(Code::InvalidArgument, "resources and providers: both are required");
    return group;
  }

  Result<void> add_provider(const json::Tree& provider, Group& group) {
    if (provider.object().size() != 1)
      return error(Code::InvalidArgument, "not exactly one kind of provider");
    const auto& [name, settings] = *provider.object().begin();
    if (name == "identity") {
      group.transformers.emplace_back();
      return {};
    }
    if (name == "kms") {
      TRY_DURING(add_plugin(settings, group), "kms");
      return {};
    }
    const auto* kind =
        std::ranges::find_if(kProviders, [&](const Provider& each) { return each.name == name; });
    if (kind == std::end(kProviders)) return error(Code::InvalidArgument, "'{}': no such provider", name);
    const json::TreeArray& keys = list_of(settings, "keys");
    if (keys.empty()) return error(Code::InvalidArgument, "{}.keys: required", name);
    for (std::size_t i = 0; i < keys.size(); ++i)
      TRY_DURING(add_key(*kind, keys[i], group), "{}.keys[{}]", name, i);
    return {};
  }

  Result<void> add_plugin(const json::Tree& settings, Group& group) {
    KmsSettings kms = TRY(read_kms(settings));
    for (const std::string& other : plugin_names_)
      if (other == kms.name) return error(Code::InvalidArgument, "name: '{}' stands twice", kms.name);
    plugin_names_.push_back(kms.name);
    std::string prefix = fmt::format("{}kms:v2:{}:", kEncrypted, kms.name);
    const auto provider = std::make_shared<const KmsProvider>(std::move(kms));
    encryption_.plugins_.push_back(provider);
    group.transformers.push_back({.prefix = std::move(prefix), .cipher = provider});
    return {};
  }

  static Result<void> add_key(const Provider& provider, const json::Tree& key, Group& group) {
    const std::string_view name = key.text_at("name");
    if (name.empty() || name.find(':') != name.npos)
      return error(Code::InvalidArgument, "name: required, and without ':'");
    const auto secret = from_base64(key.text_at("secret"));
    if (!secret) return error(Code::InvalidArgument, "secret: not base64");
    auto cipher = TRY(provider.make(*secret));
    Transformer transformer{.prefix = fmt::format("{}{}:v1:{}:", kEncrypted, provider.name, name),
                            .cipher = std::move(cipher)};
    for (const Transformer& other : group.transformers)
      if (other.prefix == transformer.prefix)
        return error(Code::InvalidArgument, "name: '{}' stands twice", name);
    group.transformers.push_back(std::move(transformer));
    return {};
  }

  Encryption& encryption_;
  std::vector<std::string> plugin_names_;
};

Result<std::unique_ptr<const Encryption>> Encryption::parse(std::string_view yaml) {
  const json::Tree config = TRY(json::Tree::parse(TRY(yaml::to_json(yaml))));
  auto encryption = std::make_unique<Encryption>();
  TRY(Reader(*encryption).read(config));
  return std::unique_ptr<const Encryption>(std::move(encryption));
}

Result<void> Encryption::check_plugins() const {
  for (const auto& plugin : plugins_) TRY(plugin->check());
  return {};
}

const Encryption::Group* Encryption::find(std::string_view stored_as) const {
  for (const Group& group : groups_)
    if (std::ranges::any_of(group.resources, [&](const std::string& each) { return names(each, stored_as); }))
      return &group;
  return nullptr;
}

Result<std::string> Encryption::to_store(std::string_view stored_as, std::string_view key,
                                         std::string_view text) const {
  const Group* group = find(stored_as);
  if (group == nullptr || group->transformers.front().cipher == nullptr) return std::string(text);
  const Transformer& writer = group->transformers.front();
  return fmt::format("{}{}", writer.prefix, TRY_DURING(writer.cipher->encrypt(key, text), "'{}'", key));
}

Result<std::string> Encryption::from_store(std::string_view stored_as, std::string_view key,
                                           std::string_view value) const {
  const Group* group = find(stored_as);
  const bool is_encrypted = value.starts_with(kEncrypted);
  if (group == nullptr && !is_encrypted) return std::string(value);
  if (group != nullptr) {
    for (const Transformer& transformer : group->transformers) {
      if (transformer.cipher == nullptr && !is_encrypted) return std::string(value);
      if (transformer.cipher != nullptr && value.starts_with(transformer.prefix))
        return TRY_DURING(transformer.cipher->decrypt(key, value.substr(transformer.prefix.size())), "'{}'",
                          key);
    }
  }
  if (is_encrypted)
    return error(Code::DataLoss, "'{}': encrypted by a provider or key that is not configured", key);
  return error(Code::DataLoss, "'{}': not encrypted, and the provider identity is not configured", key);
}

}  // namespace gantry::kube
