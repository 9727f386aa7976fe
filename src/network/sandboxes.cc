// SPDX-License-Identifier: Apache-2.0
//
// Sandboxes: network namespaces by key.
#include "base/file.h"
#include "kernel/network/network_namespace.h"
#include "network/networks_state.h"

namespace gantry::network {
namespace {

// It becomes a file's name.
Result<void> check_key(const std::string& key) {
  constexpr std::size_t kLongest = 128;
  if (!key.empty() && key.size() <= kLongest && key[0] != '.' && key.find('/') == std::string::npos)
    return {};
  return error(Code::InvalidArgument, "invalid key of a sandbox: '{}'", key);
}

}  // namespace

std::string Networks::sandbox_path(const std::string& key) const { return state_->netns_path(key); }

Result<std::string> Networks::make_sandbox(const std::string& key, const SandboxOptions& options) {
  State& state = *state_;
  TRY(check_key(key));
  {
    MutexLock lock(state.mutex);
    if (state.sandboxes.contains(key)) return error(Code::AlreadyExists, "there is a sandbox of '{}'", key);
    SandboxObject sandbox{.record = {.key = key, .dns_servers = options.dns_servers}};
    TRY(state.records.put(sandbox.record));
    state.sandboxes.emplace(key, std::move(sandbox));
  }
  const std::string path = state.netns_path(key);
  // Left behind by a crash at a place where nobody knew of it.
  auto made = kernel::remove_network_namespace(path);
  if (made) made = make_sandbox_namespace(path, options.user_namespace, options.sysctls);
  if (made) return path;
  MutexLock lock(state.mutex);
  (void)state.records.remove_sandbox(key);  // nothing is behind it; it would be found again at the next start
  state.sandboxes.erase(key);
  return std::move(made).error().during("make sandbox of '" + key + "'");
}

Result<void> Networks::State::unplug_all(const std::string& key) {
  std::vector<EndpointRecord> endpoints;
  {
    MutexLock lock(mutex);
    for (const auto& [id, network] : networks)
      if (const auto found = network.endpoints.find(key); found != network.endpoints.end())
        endpoints.push_back(found->second);
  }
  for (const EndpointRecord& endpoint : endpoints) TRY(unplug(endpoint));
  MutexLock lock(mutex);
  for (auto& [id, network] : networks) TRY(forget_endpoint(network, key));
  return {};
}

Result<void> Networks::remove_sandbox(const std::string& key) {
  TRY(check_key(key));
  State& state = *state_;
  const std::shared_lock shared(state.shared_with_repair);
  TRY_DURING(state.unpublish(key), "remove sandbox of '{}'", key);
  state.forget_names(key);
  TRY_DURING(state.unplug_all(key), "remove sandbox of '{}'", key);
  TRY_DURING(kernel::remove_network_namespace(state.netns_path(key)), "remove sandbox of '{}'", key);
  MutexLock lock(state.mutex);
  if (state.sandboxes.erase(key) == 0) return {};
  return state.records.remove_sandbox(key);
}

}  // namespace gantry::network
