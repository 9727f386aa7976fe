// SPDX-License-Identifier: Apache-2.0
#include "engine/create_container.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "container/merge_image.h"
#include "engine/container_events.h"
#include "engine/container_network.h"
#include "engine/container_paths.h"
#include "engine/health.h"
#include "engine/image_mounts.h"
#include "engine/joined_container.h"
#include "engine/links.h"
#include "engine/log_options.h"
#include "engine/names.h"
#include "engine/object_events.h"
#include "engine/pods.h"
#include "engine/remove_container.h"
#include "engine/restart_policy.h"
#include "engine/runtime_program.h"
#include "engine/undo.h"
#include "engine/used_image.h"
#include "engine/user_namespace.h"
#include "engine/volume_mounts.h"
#include "image/unpack_image.h"
#include "network/endpoint_options.h"
#include "oci/image/reference.h"

namespace gantry::engine {

namespace {

using container::HostConfig;
using database::Durability;

// 32 random bytes. The first twelve digits are the short id, and also the hostname, which some programs take
// for a number if it looks like one.
std::string new_id() {
  for (;;) {
    std::string id = random_hex(32);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!std::all_of(id.begin(), id.begin() + 12, is_digit)) return id;
  }
}

Result<std::string> take_name(Core& core, const std::string& wanted, const std::string& id) {
  if (wanted.empty()) return core.containers.reserve_random_name(id);
  const std::string name = TRY(check_name(wanted));
  TRY(core.containers.reserve_name(name, id));
  return name;
}

// ---- settings

// Names of containers become ids, so that renaming one changes nothing.
Result<void> resolve_joined(Core& core, std::string& mode) {
  const auto joined = joined_container(mode);
  if (!joined) return {};
  const auto other = core.find(*joined);
  // Clients take "not found" for a missing image, and pull it.
  if (!other) return error(Code::InvalidArgument, "No such container: {}", *joined);
  mode = "container:" + (*other)->id();
  return {};
}

Result<void> resolve_references(Core& core, HostConfig& host) {
  for (std::string* mode : {&host.network_mode, &host.pid_mode, &host.ipc_mode, &host.userns_mode})
    TRY(resolve_joined(core, *mode));
  for (std::string& link : host.links) link = TRY(resolve_link(core, link));
  return {};
}

// The hostname that a container has if nobody chose one.
Result<void> choose_hostname(Core& core, const std::string& id, container::Config& config,
                             const HostConfig& host) {
  if (const auto joined = joined_container(host.network_mode))
    config.hostname = TRY(core.find(*joined))->record()->settings->config.hostname;
  if (config.hostname.empty() && host.network_mode != "host") config.hostname = id.substr(0, 12);
  return {};
}

Result<void> check_policies(const Core& core, const container::Config& config, const HostConfig& host) {
  const RestartRule rule = TRY(check_restart_policy(host.restart_policy));
  if (host.auto_remove && rule != RestartRule::No)
    return error(Code::InvalidArgument, "can't create 'AutoRemove' container with restart policy");
  (void)TRY(probe_of(config));
  (void)TRY(parse_log_config(host.log_config, {}, config));
  (void)TRY(runtime_of(core.options, host.runtime));
  return {};
}

// What each network is told, the one of the network mode first of all.
Result<EndpointMap> endpoints_of(const Core& core, const CreateRequest& request,
                                 const container::Config& config, const HostConfig& host) {
  if (joined_container(host.network_mode) || !request.pod.empty()) return EndpointMap();
  EndpointMap endpoints = request.endpoints;
  // Clients that name the default network "default" mean "bridge".
  if (auto given = endpoints.extract("default"); !given.empty()) {
    given.key() = host.network_mode;
    endpoints.insert(std::move(given));
  }
  endpoints = TRY(by_network_name(core, std::move(endpoints)));
  network::EndpointSettings& main =
      endpoints[config.network_disabled ? "none" : network_name(core, host.network_mode)];
  if (main.mac_address.empty()) main.mac_address = config.mac_address;
  for (const auto& [name, wanted] : endpoints) TRY(network::check_addresses(wanted));
  return endpoints;
}

// ---- making it

class Creation {
 public:
  Creation(Core& core, CreateRequest& request, std::string id)
      : core_(core), request_(request), settings_(std::make_shared<ContainerSettings>()) {
    record_.id = std::move(id);
    record_.created = wall_clock_ns();
  }

  Result<CreateResult> run() {
    const UsedImage used = TRY(find_image(core_, request_.config.image, request_.platform));
    TRY(settle(used));
    record_.name = TRY(take_name(core_, request_.name, record_.id));
    Undo release_name([&] { core_.containers.release_name(record_.name); });
    Undo forget([&] { forget_mounts(record_.id, settings_->mounts, *core_.volumes); });
    Undo remove([&] {  // the error that is answered is nearer
      (void)remove_image_mounts(core_, record_.id, settings_->mounts);
      (void)remove_files(core_, record_.id);
    });
    TRY(make_files(used));
    auto container = std::make_shared<Container>(record());
    container->number = TRY(core_.database.add_container(*container->record()));
    Undo remove_row([&] { (void)core_.database.remove_container(container->number); });
    TRY(core_.store.add_user(used.image.id, image_user_of(record_.id), Durability::Lazy));
    remove_row.dismiss();
    remove.dismiss();
    forget.dismiss();
    release_name.dismiss();
    core_.containers.add(container);
    publish_event(core_.events, *container->record(), "create");
    return CreateResult{.id = record_.id, .warnings = std::move(warnings_)};
  }

 private:
  // What it is told, by itself, its image and the engine.
  Result<void> settle(const UsedImage& used) {
    settings_->config = TRY(container::merge_image(std::move(request_.config), used.config.config));
    settings_->host_config = std::move(request_.host_config);
    settings_->image = used.image.id.str();
    settings_->image_name = settings_->config.image;
    settings_->image_manifest = used.image.manifest.str();
    settings_->platform = used.config.platform.os;
    container::apply_defaults(settings_->config, settings_->host_config, core_.options.defaults, core_.facts);
    HostConfig& host = settings_->host_config;
    if (!request_.pod.empty()) join_pod(core_, *TRY(core_.pods.find(request_.pod))->record(), *settings_);
    if (host.network_mode.empty() || host.network_mode == "default") host.network_mode = "bridge";
    TRY(check_policies(core_, settings_->config, host));
    warnings_ = TRY(container::check_settings(settings_->config, host, core_.facts));
    TRY(resolve_references(core_, host));
    TRY(choose_user_namespace(core_, *settings_));
    TRY(choose_hostname(core_, record_.id, settings_->config, host));
    auto networks = std::make_shared<ContainerNetworks>();
    networks->wanted = TRY(endpoints_of(core_, request_, settings_->config, host));
    networks->endpoints = networks->wanted;
    record_.networks = std::move(networks);
    return {};
  }

  Result<void> make_files(const UsedImage& used) {
    const oci::Digest top = TRY(image::unpack_image(core_.store, core_.snapshots, used.image));
    const auto find = [&](std::string_view ref) -> Result<ContainerRef> {
      return TRY(core_.find(ref))->record();
    };
    PlannedMounts plan =
        TRY(plan_mounts(record_.id, settings_->config, settings_->host_config, *core_.volumes, find));
    settings_->mounts = std::move(plan.mounts);
    settings_->anonymous_volumes = std::move(plan.anonymous_volumes);
    for (const VolumeRef& volume : plan.new_volumes)
      publish_volume_event(core_.events, "create", volume->name, volume->driver);
    // After a crash of the host nobody sees again what was in a container that removes itself: so nothing of
    // it is synced, not even at its end, which would write back the whole file system.
    (void)TRY(core_.snapshots.prepare(
        snapshot_key_of(record_.id), top.is_empty() ? std::nullopt : std::optional(top),
        {.id_maps = id_maps_of(*settings_), .is_volatile = settings_->host_config.auto_remove},
        Durability::Lazy));
    TRY(prepare_image_mounts(core_, record_.id, *settings_));
    TRY(make_directories(containers_directory(core_.options) + "/" + record_.id, 0710));
    return fill(top);
  }

  // New volumes get what the image has in their places, owners as the image has them.
  Result<void> fill(const oci::Digest& top) {
    if (top.is_empty() || !needs_contents(*settings_, *core_.volumes)) return {};
    const kernel::OverlayMount image = TRY(core_.snapshots.mount_layers(top));
    return fill_volumes(image.mount.fd(), *settings_, *core_.volumes);
  }

  ContainerRecord record() const {
    ContainerRecord record = record_;
    record.settings = settings_;
    return record;
  }

  Core& core_;
  CreateRequest& request_;
  const std::shared_ptr<ContainerSettings> settings_;
  ContainerRecord record_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<CreateResult> create_container(Core& core, CreateRequest request) {
  return Creation(core, request, new_id()).run();
}

}  // namespace gantry::engine
