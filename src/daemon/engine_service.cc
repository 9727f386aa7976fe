// SPDX-License-Identifier: Apache-2.0
#include "daemon/engine_service.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/heap.h"
#include "base/json_codec.h"
#include "base/random.h"
#include "build/builder.h"
#include "buildkit/buildkit.h"
#include "daemon/build_networks.h"
#include "daemon/listeners.h"
#include "daemon/pid_file.h"
#include "daemon/subordinate_ids.h"
#include "docker/server.h"
#include "engine/bookkeeping.h"
#include "engine/engine.h"
#include "engine/usage.h"
#include "image/snapshots.h"
#include "image/transfer/registries.h"
#include "network/networks.h"

namespace gantry::daemon {
namespace {

// In the order in which they need each other; destroyed from the last to the first.
struct EngineParts {
  PidFile pid_file;
  std::unique_ptr<image::Snapshots> snapshots;
  std::unique_ptr<image::Registries> registries;
  std::unique_ptr<network::Networks> networks;
  std::unique_ptr<engine::UsageLog> usage;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::Bookkeeping> books;
  std::unique_ptr<BuildNetworks> build_networks;
  std::unique_ptr<build::Builder> builder;
  std::unique_ptr<buildkit::BuildKit> buildkit;
  std::unique_ptr<docker::DockerServer> server;
};

// Of gantry-shim and its like: as configured, beside this program, or where packages put them.
Result<std::string> find_programs(const EngineConfig& config) {
  if (!config.programs.empty()) return config.programs;
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  if (length < 0) return sys_error("find this program");
  std::string directory(path, static_cast<std::size_t>(length));
  directory.resize(directory.rfind('/'));
  if (::access((directory + "/gantry-shim").c_str(), X_OK) == 0) return directory;
  return std::string("/usr/libexec/gantry");
}

// The same at every start: a file that is made at the first.
Result<std::string> daemon_id(const std::string& root) {
  const std::string path = root + "/engine-id";
  if (auto known = read_file(path); known && !known->empty()) return known;
  std::string id = random_hex(16);
  for (const std::size_t dash : {8, 13, 18, 23}) id.insert(dash, "-");
  TRY(replace_file_at(AT_FDCWD, path, id, 0600));
  return id;
}

Result<image::RegistriesConfig> registries_config(const EngineConfig& config) {
  image::RegistriesConfig registries = TRY(image::RegistriesConfig::from_host());
  for (const std::string& host : config.insecure_registries) registries.add_insecure(host);
  for (const std::string& url : config.registry_mirrors) TRY(registries.add_hub_mirror(url));
  return registries;
}

Result<std::unique_ptr<image::Registries>> open_registries(const EngineConfig& config) {
  image::RegistriesOptions options = TRY(image::RegistriesOptions::from_host());
  options.credentials = {};  // those of who started us are nobody else's: clients bring their own
  options.config = TRY(registries_config(config));
  return std::make_unique<image::Registries>(std::move(options));
}

Result<std::unique_ptr<network::Networks>> open_networks(const EngineConfig& config, const std::string& root,
                                                         const Logger& log) {
  network::NetworksOptions options{.root = root,
                                   .run = config.run,
                                   .log = &log,
                                   .bridge = config.network.bridge,
                                   .bridge_address = config.network.address,
                                   .mtu = static_cast<int>(config.network.mtu),
                                   .enable_ipv6 = config.network.ipv6,
                                   .ip_forward = config.network.ip_forward};
  for (const AddressPoolConfig& pool : config.network.address_pools)
    options.default_address_pools.push_back({pool.base, static_cast<int>(pool.size)});
  return network::Networks::open(std::move(options));
}

container::HostDefaults defaults_of(const EngineConfig& config) {
  const ContainerDefaults& wanted = config.containers;
  container::HostDefaults defaults{.log_driver = wanted.log_driver,
                                   .log_options = wanted.log_options,
                                   .ipc_mode = wanted.ipc_mode,
                                   .cgroupns_mode = wanted.cgroupns_mode,
                                   .cgroup_parent = wanted.cgroup_parent,
                                   .shm_size = wanted.shm_size,
                                   .init = wanted.init,
                                   .no_new_privileges = wanted.no_new_privileges,
                                   .seccomp_profile = wanted.seccomp_profile};
  if (!config.default_runtime.empty()) defaults.runtime = config.default_runtime;
  for (const auto& [name, limit] : wanted.ulimits) defaults.ulimits.push_back({name, limit.soft, limit.hard});
  return defaults;
}

Result<kernel::IdMaps> id_maps_of(const EngineConfig& config) {
  if (config.containers.userns_remap.empty()) return kernel::IdMaps();
  return TRY_DURING(subordinate_ids(config.containers.userns_remap), "userns-remap");
}

Result<engine::EngineOptions> engine_options(const EngineConfig& config, const std::string& root,
                                             const std::string& programs) {
  kernel::IdMaps id_maps = TRY(id_maps_of(config));
  return engine::EngineOptions{.root = root,
                               .run = config.run,
                               .shim = programs + "/gantry-shim",
                               .runtime = programs + "/gantry-runtime",
                               .init = programs + "/gantry-init",
                               .runtimes = config.runtimes,
                               .systemd_cgroup = config.systemd_cgroup,
                               .defaults = defaults_of(config),
                               .dns = config.containers.dns,
                               .dns_options = config.containers.dns_options,
                               .dns_search = config.containers.dns_search,
                               .id_maps = std::move(id_maps)};
}

Result<docker::DaemonDescription> description_of(const EngineConfig& config, const std::string& root) {
  return docker::DaemonDescription{.id = TRY(daemon_id(root)),
                                   .root = root,
                                   .labels = config.labels,
                                   .is_debug = config.is_debug,
                                   .insecure_registries = config.insecure_registries,
                                   .registry_mirrors = config.registry_mirrors};
}

Result<std::unique_ptr<build::Builder>> open_builder(const EngineConfig& config, const std::string& programs,
                                                     image::ImageStore& store, EngineParts& parts) {
  kernel::IdMaps id_maps = TRY(id_maps_of(config));
  return std::make_unique<build::Builder>(TRY(build::Builder::open(
      {.root = store.root(),
       .run = config.run,
       .images = &store,
       .snapshots = parts.snapshots.get(),
       .registries = parts.registries.get(),
       .networks = parts.build_networks.get(),
       .runtime = programs + "/gantry-runtime",
       .cgroup_parent = config.containers.cgroup_parent.empty() ? "/gantry" : config.containers.cgroup_parent,
       .id_maps = std::move(id_maps)})));
}

class EngineService final : public Service {
 public:
  EngineService(EngineParts parts, std::string root, ReadConfig read_config)
      : parts_(std::move(parts)), root_(std::move(root)), read_config_(std::move(read_config)) {}
  std::string_view name() const override { return "engine"; }
  std::vector<std::string> addresses() const override { return parts_.server->addresses(); }

  // All that can fail comes first, so that it is done whole or not at all.
  Result<void> reload() override {
    const EngineConfig config = TRY(read_config_());
    auto tls = TRY(read_tls(config));
    image::RegistriesConfig registries = TRY(registries_config(config));
    docker::DaemonDescription description = TRY(description_of(config, root_));
    if (tls) parts_.server->renew_tls(std::move(tls));
    parts_.registries->configure(std::move(registries));
    tell_reload(description);
    parts_.server->describe(std::move(description));
    return {};
  }

  void stop(std::chrono::milliseconds grace) override { parts_.server->stop(grace); }

 private:
  void tell_reload(const docker::DaemonDescription& daemon) {
    parts_.engine->events().publish(
        {.type = "daemon",
         .action = "reload",
         .actor = daemon.id,
         .attributes = {{"debug", daemon.is_debug ? "true" : "false"},
                        {"labels", json::encode(daemon.labels)},
                        {"insecure-registries", json::encode(daemon.insecure_registries)},
                        {"registry-mirrors", json::encode(daemon.registry_mirrors)},
                        {"live-restore", "true"}}});
  }

  EngineParts parts_;
  const std::string root_;
  const ReadConfig read_config_;
};

}  // namespace

Result<std::unique_ptr<Service>> start_engine(const EngineConfig& config, ReadConfig read_config,
                                              image::ImageStore& store,
                                              std::vector<ActivatedSocket> activated, const Logger& log) {
  keep_heap_small();
  TRY_DURING(make_directories(config.run, 0711), "make the run directory");
  const std::string& root = store.root();
  const std::string programs = TRY(find_programs(config));
  // First, so that clients of a socket that systemd made for us wait rather than fail.
  std::vector<http::Listener> listeners = TRY(open_listeners(config, std::move(activated), log));

  EngineParts parts;
  parts.pid_file =
      TRY(PidFile::make(config.pid_file.empty() ? config.run + "/gantryd.pid" : config.pid_file));
  parts.snapshots = std::make_unique<image::Snapshots>(TRY(image::Snapshots::open(root, store.database())));
  parts.registries = TRY(open_registries(config));
  parts.networks = TRY_DURING(open_networks(config, root, log), "open the networks");
  parts.engine = TRY_DURING(engine::Engine::start(TRY(engine_options(config, root, programs)), store,
                                                  *parts.snapshots, *parts.networks, log),
                            "start the engine");
  parts.usage = TRY_DURING(engine::UsageLog::open(root), "open the usage accounts");
  parts.books = TRY_DURING(engine::Bookkeeping::start(*parts.engine, *parts.usage, *parts.snapshots, log),
                           "begin the books");
  parts.build_networks = std::make_unique<BuildNetworks>(*parts.networks);
  parts.builder = TRY_DURING(open_builder(config, programs, store, parts), "open the builder");
  parts.buildkit =
      std::make_unique<buildkit::BuildKit>(buildkit::BuildKitOptions{.builder = parts.builder.get(),
                                                                     .store = &store,
                                                                     .kept = root + "/build/contexts",
                                                                     .run = config.run,
                                                                     .version = GANTRY_VERSION});
  parts.server =
      TRY(docker::DockerServer::start(std::move(listeners), TRY(open_metrics_listeners(config)),
                                      {*parts.engine, store, *parts.snapshots, *parts.registries,
                                       *parts.networks, *parts.builder, *parts.buildkit, *parts.usage, log},
                                      TRY(description_of(config, root))));
  return std::make_unique<EngineService>(std::move(parts), root, std::move(read_config));
}

}  // namespace gantry::daemon
