// SPDX-License-Identifier: Apache-2.0
#include "cli/build_network.h"

#include <fcntl.h>
#include <sys/file.h>

#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/random.h"
#include "network/resolv_conf.h"
#include "network/resolver_config.h"

namespace gantry::cli {
namespace {

constexpr const char* kNetwork = "build";
constexpr std::size_t kIdBytes = 4;  // an interface's name has room for few

// Nothing if somebody has it and may not be waited for.
Result<UniqueFd> lock(const std::string& directory, int flags) {
  UniqueFd fd = TRY(open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  while (::flock(fd.get(), LOCK_EX | flags) < 0) {
    if (errno == EWOULDBLOCK) return UniqueFd();
    if (errno != EINTR) return sys_error("lock '{}'", directory);
  }
  return fd;
}

// Of the bridge, and of the table of rules.
std::string name_of(const std::string& directory) {
  return "gb-" + directory.substr(directory.rfind('/') + 1);
}

Result<std::unique_ptr<network::Networks>> open_networks(const std::string& directory, const Logger& log) {
  return network::Networks::open(
      {.root = directory,
       .run = directory,
       .log = &log,
       .bridge = name_of(directory) + "-0",  // the default one, which is never made
       .follow_changes = false});
}

// With everything that is on it.
Result<void> take_down(network::Networks& networks, const std::string& directory) {
  TRY(networks.reconcile({}));
  if (auto removed = networks.remove(kNetwork); !removed && removed.error().code() != Code::NotFound)
    return removed;
  return remove_tree_at(AT_FDCWD, directory);
}

Result<void> sweep(const std::string& parent, const Logger& log) {
  if (TRY(names_in(AT_FDCWD, parent)).empty()) return {};
  const UniqueFd turn = TRY(lock(parent, 0));  // nobody is making one now
  for (const std::string& id : TRY(names_in(AT_FDCWD, parent))) {
    const std::string directory = fmt::format("{}/{}", parent, id);
    auto held = lock(directory, LOCK_NB);
    if (!held && held.error().code() == Code::NotFound) continue;  // its build has just ended
    const UniqueFd owner = TRY(std::move(held));
    if (!owner) continue;
    const auto networks = TRY(open_networks(directory, log));
    TRY_DURING(take_down(*networks, directory), "remove the network that a build has left");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<BuildNetwork>> BuildNetwork::open(const std::string& run, const Logger& log) {
  const std::string parent = run + "/build-networks";
  TRY(make_directories(parent, 0711));
  TRY(sweep(parent, log));
  return std::unique_ptr<BuildNetwork>(new BuildNetwork(parent, log));
}

BuildNetwork::~BuildNetwork() {
  const MutexLock guard(mutex_);
  // What cannot be removed now is found by the next sweep.
  if (networks_) (void)take_down(*networks_, directory_);
}

Result<network::Networks*> BuildNetwork::networks() {
  const MutexLock guard(mutex_);
  if (networks_) return networks_.get();
  // Subnets are chosen past what the host has routes to: by one build after the other.
  const UniqueFd turn = TRY(lock(parent_, 0));
  const std::string directory = fmt::format("{}/{}", parent_, random_hex(kIdBytes));
  TRY(make_directories(directory, 0711));
  UniqueFd held = TRY(lock(directory, LOCK_NB));
  auto networks = TRY(open_networks(directory, log_));
  TRY(networks->create(
      {.name = kNetwork, .options = {{std::string(network::kOptionBridgeName), name_of(directory)}}}));
  directory_ = directory;
  lock_ = std::move(held);
  networks_ = std::move(networks);
  return networks_.get();
}

Result<build::RunNetworks::Sandbox> BuildNetwork::make(const std::string& key, const std::string& network,
                                                       int owner) {
  if (!network.empty())
    return error(Code::NotFound,
                 "there is no network '{}' outside of the daemon; 'default', 'none' and 'host' are there",
                 network);
  network::Networks& networks =
      *TRY_DURING(this->networks(), "make a network for RUN (--network=host and --network=none need none)");
  Sandbox sandbox{.path = TRY(networks.make_sandbox(key, {.user_namespace = owner}))};
  if (auto connected = networks.connect(key, kNetwork, {.container_name = key}); !connected) {
    (void)networks.remove_sandbox(key);  // what is left goes with the network
    return std::move(connected).error();
  }
  sandbox.resolv_conf = network::resolv_conf_text(network::NameSource::NameService,
                                                  TRY(network::read_host_resolver_config()), {});
  return sandbox;
}

void BuildNetwork::remove(const std::string& key) {
  const MutexLock guard(mutex_);
  (void)networks_->remove_sandbox(key);  // what is left goes with the network
}

}  // namespace gantry::cli
