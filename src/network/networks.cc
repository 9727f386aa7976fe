// SPDX-License-Identifier: Apache-2.0
#include "network/networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "network/networks_state.h"
#include "network/watcher.h"

namespace gantry::network {
namespace {

// Docker's words for both: the network "none" is of driver "null".
constexpr std::pair<std::string_view, std::string_view> kWithoutInterfaces[] = {{"host", "host"},
                                                                                {"none", "null"}};
constexpr std::string_view kDefaultNetwork = "bridge";
constexpr int kEthernetMtu = 1500;

Result<NetworkObject> object_of(NetworkRecord record) {
  auto settings = TRY_DURING(parse_settings(record.config), "network '{}'", record.config.name);
  return NetworkObject::make(std::move(record), std::move(settings));
}

// What the options say of it, as Docker's shows it.
Result<NetworkConfig> default_network(const NetworksOptions& options) {
  NetworkConfig config{.name = std::string(kDefaultNetwork), .enable_ipv6 = options.enable_ipv6};
  config.options = {{std::string(kOptionBridgeName), options.bridge},
                    {std::string(kOptionDefaultBridge), "true"},
                    {std::string(kOptionIcc), "true"},
                    {std::string(kOptionMasquerade), "true"},
                    {std::string(kOptionHostBinding), "0.0.0.0"},
                    {std::string(kOptionMtu), std::to_string(options.mtu != 0 ? options.mtu : kEthernetMtu)}};
  if (options.bridge_address.empty()) return config;
  const auto address = kernel::IpPrefix::parse(options.bridge_address);
  if (!address) return error(Code::InvalidArgument, "invalid bridge address '{}'", options.bridge_address);
  config.ipam.config.push_back({.subnet = address->network().str(), .gateway = address->address.str()});
  return config;
}

// The subnet counts only where one is wanted; else it was chosen.
bool is_as_wanted(const NetworkConfig& recorded, const NetworkConfig& wanted) {
  if (recorded.options != wanted.options || recorded.enable_ipv6 != wanted.enable_ipv6) return false;
  if (wanted.ipam.config.empty()) return true;
  return !recorded.ipam.config.empty() &&
         recorded.ipam.config.front().subnet == wanted.ipam.config.front().subnet &&
         recorded.ipam.config.front().gateway == wanted.ipam.config.front().gateway;
}

}  // namespace

std::string_view name_of(Protocol protocol) { return names_of(protocol)[static_cast<std::size_t>(protocol)]; }

std::string name_for_people(const EndpointRecord& endpoint) {
  return endpoint.container_name.empty() ? endpoint.key : endpoint.container_name;
}

bool Network::is_predefined() const {
  return config.name == kDefaultNetwork || config.driver == "host" || config.driver == "null";
}

Networks::State::State(NetworksOptions given, Records opened, std::unique_ptr<Firewall> opened_firewall,
                       kernel::RouteSocket opened_host)
    : options(std::move(given)),
      log(*options.log),
      records(std::move(opened)),
      firewall(std::move(opened_firewall)),
      host(std::move(opened_host)) {}

Networks::State::~State() = default;

Networks::Networks(std::unique_ptr<State> state) : state_(std::move(state)) {}
Networks::~Networks() = default;

Result<std::unique_ptr<Networks>> Networks::open(NetworksOptions options) {
  TRY(make_directories(options.run + "/netns", 0711));
  TRY(make_directories(options.root, 0711));
  Records records = TRY(Records::open(options.root));
  auto firewall = TRY(Firewall::open(options.bridge));
  auto host = TRY(kernel::RouteSocket::open());
  auto networks = std::unique_ptr<Networks>(new Networks(
      std::make_unique<State>(std::move(options), std::move(records), std::move(firewall), std::move(host))));
  TRY_DURING(networks->state_->load(), "open networks");
  TRY_DURING(networks->state_->make_predefined(), "open networks");
  return networks;
}

Result<void> Networks::State::load() {
  MutexLock lock(mutex);
  for (NetworkRecord& record : TRY(records.networks())) {
    NetworkObject object = TRY(object_of(std::move(record)));
    networks.emplace(object.id(), std::move(object));
  }
  for (SandboxRecord& record : TRY(records.sandboxes())) {
    const std::string key = record.key;
    sandboxes[key].record = std::move(record);
  }
  for (EndpointRecord& record : TRY(records.endpoints())) {
    const auto network = networks.find(record.network);
    if (network == networks.end()) continue;  // its network cannot have gone before it did
    TRY(network->second.claim(record));
    const std::string key = record.key;
    network->second.endpoints.emplace(key, std::move(record));
  }
  return {};
}

Result<void> Networks::State::make_predefined() {
  MutexLock lock(mutex);
  for (const auto& [name, driver] : kWithoutInterfaces)
    if (!resolve(name)) TRY(add(NetworkConfig{.name = std::string(name), .driver = std::string(driver)}));
  NetworkConfig wanted = TRY(default_network(options));
  if (const auto found = resolve(kDefaultNetwork)) {
    if (is_as_wanted((*found)->record.config, wanted)) return {};
    if (!(*found)->endpoints.empty()) {
      log.warn("the default network keeps its settings, since containers are connected to it", {});
      return {};
    }
    TRY(forget(**found));
  }
  TRY(add(std::move(wanted)));
  return {};
}

// First the kernel: were we killed in between, the record would still say that there is something.
Result<void> Networks::State::forget(const NetworkObject& network) {
  const std::string id = network.id();
  TRY_DURING(take_down(network), "remove network '{}'", network.name());
  TRY(records.remove_network(id));
  if (names) names->set_names(id, nullptr);
  networks.erase(id);
  return {};
}

// ---- Looking things up

Result<NetworkObject*> Networks::State::resolve(std::string_view ref) {
  for (auto& [id, network] : networks)
    if (network.name() == ref) return &network;
  NetworkObject* found = nullptr;
  int matches = 0;
  for (auto& [id, network] : networks) {
    if (id == ref) return &network;
    if (ref.empty() || !id.starts_with(ref)) continue;
    found = &network;
    ++matches;
  }
  if (matches == 1) return found;
  if (matches > 1)
    return error(Code::InvalidArgument, "network {} is ambiguous ({} matches found based on ID prefix)", ref,
                 matches);
  return error(Code::NotFound, "network {} not found", ref);
}

Result<SandboxObject*> Networks::State::sandbox(const std::string& key) {
  const auto found = sandboxes.find(key);
  if (found == sandboxes.end()) return error(Code::NotFound, "no sandbox of '{}'", key);
  return &found->second;
}

Network Networks::State::view_of(const NetworkObject& network) const {
  Network view{.id = network.id(), .created = network.record.created, .config = network.record.config};
  for (const auto& [key, endpoint] : network.endpoints)
    view.endpoints.push_back({.key = key,
                              .container_id = endpoint.container_id,
                              .container_name = endpoint.container_name,
                              .settings = endpoint.settings});
  return view;
}

Result<Network> Networks::find(std::string_view ref) const {
  MutexLock lock(state_->mutex);
  return state_->view_of(*TRY(state_->resolve(ref)));
}

Result<std::string> Networks::find_name(std::string_view ref) const {
  MutexLock lock(state_->mutex);
  return std::string(TRY(state_->resolve(ref))->name());
}

std::vector<Network> Networks::list() const {
  MutexLock lock(state_->mutex);
  std::vector<Network> views;
  for (const auto& [id, network] : state_->networks) views.push_back(state_->view_of(network));
  std::ranges::sort(views, {}, [](const Network& network) { return network.config.name; });
  return views;
}

// ---- Removing

Result<void> Networks::remove(std::string_view ref) {
  State& state = *state_;
  const std::shared_lock shared(state.shared_with_repair);  // which would make its bridge again
  MutexLock lock(state.mutex);
  NetworkObject& network = *TRY(state.resolve(ref));
  if (state.view_of(network).is_predefined())
    return error(Code::PermissionDenied, "{} is a pre-defined network and cannot be removed", network.name());
  if (!network.endpoints.empty())
    return error(Code::PermissionDenied,
                 "error while removing network: network {} id {} has active endpoints ('{}')", network.name(),
                 network.id(), name_for_people(network.endpoints.begin()->second));
  return state.forget(network);
}

Result<std::vector<Network>> Networks::prune(const std::function<bool(const Network&)>& may_remove) {
  std::vector<Network> removed;
  for (Network& network : list()) {
    if (network.is_predefined() || !network.endpoints.empty() || !may_remove(network)) continue;
    // Somebody may have come to use it, or removed it, a moment ago.
    if (remove(network.id)) removed.push_back(std::move(network));
  }
  return removed;
}

}  // namespace gantry::network
