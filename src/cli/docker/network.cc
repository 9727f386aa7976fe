// SPDX-License-Identifier: Apache-2.0
//
// gantry network.
#include "network/config.h"

#include <algorithm>
#include <array>

#include "cli/docker/confirm.h"
#include "cli/docker/each.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/filters.h"
#include "cli/docker/listing.h"
#include "cli/docker/moment.h"
#include "cli/docker/values.h"
#include "cli/docker/verbs.h"
#include "cli/user_config.h"

namespace gantry::cli::docker {
namespace {

std::string path_of(const std::string& name, std::string_view action = "") {
  return fmt::format("/networks/{}{}", path_part(name), action);
}

// ---- create

struct CreateOptions {
  std::string driver = "bridge", ipam_driver = "default", scope;
  Words subnet, ip_range, gateway, aux_address, opt, ipam_opt, label;
  bool internal = false, attachable = false, ingress = false, config_only = false, ipv6 = false, ipv4 = true;

  std::vector<Option> table() {
    return {{0, "attachable", "", &attachable, "Containers may be connected by hand (of clusters)"},
            {0, "aux-address", "NAME=ADDRESS", &aux_address, "An address that no container gets"},
            {0, "config-only", "", &config_only, ""},
            {'d', "driver", "NAME", &driver, "bridge or macvlan"},
            {0, "gateway", "ADDRESS", &gateway, "The gateway of a subnet"},
            {0, "ingress", "", &ingress, ""},
            {0, "internal", "", &internal, "Without a way out"},
            {0, "ip-range", "CIDR", &ip_range, "The part of a subnet that containers get addresses from"},
            {0, "ipam-driver", "NAME", &ipam_driver, "Who gives addresses"},
            {0, "ipam-opt", "KEY=VALUE", &ipam_opt, "An option of that"},
            {0, "ipv4", "", &ipv4, "With IPv4 addresses"},
            {0, "ipv6", "", &ipv6, "With IPv6 addresses"},
            {0, "label", "KEY=VALUE", &label, "Set a label"},
            {'o', "opt", "KEY=VALUE", &opt, "An option of the driver"},
            {0, "scope", "SCOPE", &scope, "local is the only one"},
            {0, "subnet", "CIDR", &subnet, "A subnet; may be given several times"}};
  }
};

// Options of pools stand in the order of the subnets that they belong to.
Result<std::vector<network::IpamPool>> pools_of(const CreateOptions& options) {
  std::vector<network::IpamPool> pools;
  for (const std::string& subnet : options.subnet) pools.push_back({.subnet = subnet});
  if (pools.empty() && options.ip_range.empty() && options.gateway.empty() && options.aux_address.empty())
    return pools;
  if (options.ip_range.size() > pools.size() || options.gateway.size() > pools.size() ||
      (pools.empty() && !options.aux_address.empty()))
    return error(Code::InvalidArgument, "every ip-range or gateway must have a corresponding subnet");
  // By family, so that an IPv6 gateway finds its IPv6 subnet.
  const auto is_ipv6 = [](const std::string& text) { return text.find(':') != std::string::npos; };
  const auto pool_for = [&](const std::string& text, auto member) -> network::IpamPool* {
    for (network::IpamPool& pool : pools)
      if (is_ipv6(pool.subnet) == is_ipv6(text) && (pool.*member).empty()) return &pool;
    return nullptr;
  };
  for (const auto& [texts, member] : {std::pair(&options.ip_range, &network::IpamPool::ip_range),
                                      std::pair(&options.gateway, &network::IpamPool::gateway)})
    for (const std::string& text : *texts) {
      network::IpamPool* pool = pool_for(text, member);
      if (pool == nullptr) return error(Code::InvalidArgument, "no matching subnet for '{}'", text);
      pool->*member = text;
    }
  for (const std::string& text : options.aux_address) {
    const auto [name, address] = key_value(text);
    for (network::IpamPool& pool : pools)
      if (is_ipv6(pool.subnet) == is_ipv6(address)) pool.auxiliary_addresses[name] = address;
  }
  return pools;
}

struct CreateBody {
  network::NetworkConfig config;
  std::string scope;
};
void fields(json::Fields& f, CreateBody& body) {
  fields(f, body.config);
  f("Scope", body.scope);
}

Result<int> create(Context& context, const CreateOptions& options, const Words& words) {
  network::NetworkConfig config{.name = words[0], .driver = options.driver};
  config.internal = options.internal;
  config.attachable = options.attachable;
  config.ingress = options.ingress;
  config.config_only = options.config_only;
  if (options.ipv6) config.enable_ipv6 = true;
  if (!options.ipv4) config.enable_ipv4 = false;
  config.ipam.driver = options.ipam_driver;
  config.ipam.config = TRY(pools_of(options));
  config.ipam.options = TRY(key_values_option("ipam-opt", options.ipam_opt));
  config.options = key_values(options.opt);
  config.labels = key_values(options.label);
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer =
      TRY(engine.post_json("/networks/create", json::encode(CreateBody{std::move(config), options.scope})));
  const auto id = answer.root().find("Id");
  TRY(print(fmt::format("{}\n", id ? id->as_string() : "")));
  return 0;
}

// ---- ls

struct ListOptions {
  bool quiet = false, no_trunc = false;
  std::string format;
  Words filter;

  std::vector<Option> table() {
    return {filter_option('f', filter, "Only those: driver=, name=, label=, dangling= ..."),
            {0, "format", "FORMAT", &format, "table, json, or a template: '{{.Name}}'"},
            {0, "no-trunc", "", &no_trunc, "Show all of each id"},
            {'q', "quiet", "", &quiet, "Ids only"}};
  }
};

struct Listed {
  std::string name, id, created, scope, driver;
  bool enable_ipv4 = true, enable_ipv6 = false, internal = false;
  std::map<std::string, std::string> labels;
};
void fields(json::Fields& f, Listed& network) {
  f("Name", network.name);
  f("Id", network.id);
  f("Created", network.created);
  f("Scope", network.scope);
  f("Driver", network.driver);
  f("EnableIPv4", network.enable_ipv4);
  f("EnableIPv6", network.enable_ipv6);
  f("Internal", network.internal);
  f("Labels", network.labels);
}

constexpr Listing::Column kColumns[] = {
    {"ID", "NETWORK ID"},
    {"Name", "NAME"},
    {"Driver", "DRIVER"},
    {"Scope", "SCOPE"},
    {"IPv4", "IPV4", false},
    {"IPv6", "IPV6", false},
    {"Internal", "INTERNAL", false},
    {"Labels", "LABELS", false},
    {"CreatedAt", "CREATED AT", false},
};

Result<int> list(Context& context, const ListOptions& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer =
      TRY(engine.get("/networks", {{"filters", filters_parameter(options.filter)}}));
  auto networks = TRY(json::decode<std::vector<Listed>>(answer.root()));
  std::ranges::sort(networks, {}, &Listed::name);
  const auto truth = [](bool yes) { return std::string(yes ? "true" : "false"); };
  Listing listing(kColumns);
  std::string ids;
  for (const Listed& network : networks) {
    ids += short_id(network.id, options.no_trunc) + "\n";
    listing.add(
        {.cells = {short_id(network.id, options.no_trunc), network.name, network.driver, network.scope,
                   truth(network.enable_ipv4), truth(network.enable_ipv6), truth(network.internal),
                   labels_text(network.labels), local_time(seconds_of(network.created))},
         .labels = network.labels});
  }
  TRY(print(options.quiet && options.format.empty()
                ? ids
                : TRY(listing.text(or_configured(options.format, user_config().networks_format)))));
  return 0;
}

// ---- rm, prune

struct RemoveOptions {
  bool force = false;
  std::vector<Option> table() { return {{'f', "force", "", &force, "Do not mind what is not there"}}; }
};

Result<int> remove(Context& context, const RemoveOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(
      names,
      [&](const std::string& name) -> Result<std::string> {
        TRY(engine.remove(path_of(name)));
        return name;
      },
      options.force ? IfMissing::Tell : IfMissing::Fail);
}

struct PruneOptions {
  bool force = false;
  Words filter;
  std::vector<Option> table() {
    return {filter_option(0, filter, "Only those: until=, label="), {'f', "force", "", &force, "Do not ask"}};
  }
};

Result<int> prune(Context& context, const PruneOptions& options, const Words&) {
  if (!options.force &&
      !TRY(confirm("This will remove all custom networks not used by at least one container.")))
    return 0;
  EngineClient engine = TRY(EngineClient::of(context));
  TRY(print(
      TRY(prune_report(engine, "/networks/prune", options.filter, "NetworksDeleted", "Deleted Networks:"))));
  return 0;
}

// ---- connect, disconnect

struct ConnectOptions {
  Words alias, link, link_local_ip, driver_opt;
  std::string ip, ip6;
  std::optional<std::int64_t> gw_priority;

  std::vector<Option> table() {
    return {{0, "alias", "NAME", &alias, "A further name of the container on the network"},
            {0, "driver-opt", "KEY=VALUE", &driver_opt, "An option of the driver"},
            {0, "gw-priority", "NUMBER", &gw_priority, "The network with the highest one is the way out"},
            {0, "ip", "ADDRESS", &ip, "Its IPv4 address there"},
            {0, "ip6", "ADDRESS", &ip6, "Its IPv6 address there"},
            {0, "link", "CONTAINER[:ALIAS]", &link, "Make another container known to it"},
            {0, "link-local-ip", "ADDRESS", &link_local_ip, "A further link-local address"}};
  }
};

struct ConnectBody {
  std::string container;
  network::EndpointSettings endpoint_config;
};
void fields(json::Fields& f, ConnectBody& body) {
  f("Container", body.container);
  f("EndpointConfig", body.endpoint_config);
}

Result<int> connect(Context& context, const ConnectOptions& options, const Words& words) {
  network::EndpointSettings endpoint{.links = options.link, .aliases = options.alias};
  endpoint.driver_opts = TRY(key_values_option("driver-opt", options.driver_opt));
  endpoint.gw_priority = options.gw_priority.value_or(0);
  if (!options.ip.empty() || !options.ip6.empty() || !options.link_local_ip.empty())
    endpoint.ipam_config = {
        .ipv4_address = options.ip, .ipv6_address = options.ip6, .link_local_ips = options.link_local_ip};
  EngineClient engine = TRY(EngineClient::of(context));
  const ConnectBody body{words[1], std::move(endpoint)};
  TRY(engine.post(path_of(words[0], "/connect"), {}, json::encode(body)));
  return 0;
}

struct DisconnectOptions {
  bool force = false;
  std::vector<Option> table() { return {{'f', "force", "", &force, "Also when the container has gone"}}; }
};

struct DisconnectBody {
  std::string container;
  bool force = false;
};
void fields(json::Fields& f, DisconnectBody& body) {
  f("Container", body.container);
  f("Force", body.force);
}

Result<int> disconnect(Context& context, const DisconnectOptions& options, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  const DisconnectBody body{words[1], options.force};
  TRY(engine.post(path_of(words[0], "/disconnect"), {}, json::encode(body)));
  return 0;
}

}  // namespace

std::span<const Verb> network_verbs() {
  static const std::array kVerbs = {
      make_verb<ConnectOptions, connect>("connect", "NETWORK CONTAINER", {2, 2},
                                         "Connect a container to a network"),
      make_verb<CreateOptions, create>("create", "NETWORK", {1, 1}, "Create a network"),
      make_verb<DisconnectOptions, disconnect>("disconnect", "NETWORK CONTAINER", {2, 2},
                                               "Take a container from a network"),
      kInspectNetwork,
      with_alias(make_verb<ListOptions, list>("ls", "", {0, 0}, "List networks"), "list"),
      make_verb<PruneOptions, prune>("prune", "", {0, 0}, "Remove all networks that nobody uses"),
      with_alias(make_verb<RemoveOptions, remove>("rm", "NETWORK [NETWORK...]", {1, kAny}, "Remove networks"),
                 "remove"),
      kTraceNetwork};
  return kVerbs;
}

}  // namespace gantry::cli::docker
