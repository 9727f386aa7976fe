// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/kubeconfig.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/json_tree.h"
#include "yaml/yaml.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kMaxFile = 4 << 20;  // bytes

// The entry of that name in a list of {name: ..., KIND: {...}}.
Result<const json::Tree*> named(const json::Tree& config, const char* list, const char* kind,
                                std::string_view name) {
  if (const json::Tree* entries = config.find(list))
    for (const json::Tree& entry : entries->array())
      if (entry.text_at("name") == name)
        if (const json::Tree* value = entry.find(kind)) return value;
  return error(Code::NotFound, "kubeconfig: no {} '{}'", kind, name);
}

std::string absolute(const std::string& directory, std::string_view path) {
  return path.starts_with('/') ? std::string(path) : fmt::format("{}/{}", directory, path);
}

// What stands in the text as base64, or in a file that it names; empty: neither.
Result<std::string> data_or_file(const json::Tree& from, const std::string& key,
                                 const std::string& directory) {
  const std::string data_key = key + "-data";
  if (const std::string_view data = from.text_at(std::string_view(data_key)); !data.empty()) {
    auto bytes = from_base64(data);
    if (!bytes) return error(Code::InvalidArgument, "kubeconfig: '{}' is not base64", data_key);
    return *std::move(bytes);
  }
  const std::string_view path = from.text_at(std::string_view(key));
  if (path.empty()) return std::string();
  return TRY_DURING(read_file(absolute(directory, path), kMaxFile), "kubeconfig: {}", key);
}

Result<void> read_cluster(const json::Tree& cluster, const std::string& directory, Kubeconfig& config) {
  config.server = cluster.text_at("server");
  config.server_name = cluster.text_at("tls-server-name");
  config.authorities = TRY(data_or_file(cluster, "certificate-authority", directory));
  if (const json::Tree* skips = cluster.find("insecure-skip-tls-verify"))
    config.skips_verification = skips->as_bool();
  if (config.server.empty()) return error(Code::InvalidArgument, "kubeconfig: the cluster has no server");
  return {};
}

Result<void> read_user(const json::Tree& user, const std::string& directory, Kubeconfig& config) {
  for (const char* program : {"exec", "auth-provider"})
    if (user.find(program) != nullptr)
      return error(Code::Unsupported, "kubeconfig: a user by '{}', which is not supported", program);
  config.certificate = TRY(data_or_file(user, "client-certificate", directory));
  config.key = TRY(data_or_file(user, "client-key", directory));
  config.token = user.text_at("token");
  if (const std::string_view file = user.text_at("tokenFile"); !file.empty())
    config.token_file = absolute(directory, file);
  config.user = user.text_at("username");
  config.password = user.text_at("password");
  return {};
}

}  // namespace

Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& directory,
                                    std::string_view context) {
  const json::Tree file =
      TRY_DURING(json::Tree::parse(TRY_DURING(yaml::to_json(text), "kubeconfig")), "kubeconfig");
  if (context.empty()) context = file.text_at("current-context");
  if (context.empty()) return error(Code::NotFound, "kubeconfig: no current context");
  const json::Tree* chosen = TRY(named(file, "contexts", "context", context));
  Kubeconfig config{.name_space = std::string(chosen->text_at("namespace"))};
  TRY(read_cluster(*TRY(named(file, "clusters", "cluster", chosen->text_at("cluster"))), directory, config));
  if (const std::string_view user = chosen->text_at("user"); !user.empty())
    TRY(read_user(*TRY(named(file, "users", "user", user)), directory, config));
  return config;
}

Result<Kubeconfig> read_kubeconfig(const std::string& file, std::string_view context) {
  const std::size_t slash = file.rfind('/');
  const std::string directory = slash == file.npos ? "." : file.substr(0, slash);
  return TRY_DURING(parse_kubeconfig(TRY(read_file(file, kMaxFile)), directory, context), "'{}'", file);
}

// Written by hand, in the order that people know; names and values hold nothing that YAML would take for
// more.
std::string format_kubeconfig(const Kubeconfig& config, std::string_view cluster, std::string_view user) {
  std::string text = fmt::format(
      "apiVersion: v1\n"
      "kind: Config\n"
      "clusters:\n"
      "- name: {0}\n"
      "  cluster:\n"
      "    server: {3}\n"
      "    certificate-authority-data: {4}\n"
      "contexts:\n"
      "- name: {2}\n"
      "  context:\n"
      "    cluster: {0}\n"
      "    user: {1}\n"
      "current-context: {2}\n"
      "preferences: {{}}\n"
      "users:\n"
      "- name: {1}\n"
      "  user:\n",
      cluster, json::Tree(user).to_text(), json::Tree(fmt::format("{}@{}", user, cluster)).to_text(),
      json::Tree(config.server).to_text(), to_base64(config.authorities));
  if (!config.certificate.empty())
    text += fmt::format("    client-certificate-data: {}\n    client-key-data: {}\n",
                        to_base64(config.certificate), to_base64(config.key));
  if (!config.token.empty()) text += fmt::format("    token: {}\n", json::Tree(config.token).to_text());
  return text;
}

}  // namespace gantry::kube
