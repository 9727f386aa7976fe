// SPDX-License-Identifier: Apache-2.0
#include "daemon/dockerd_options.h"

#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json_codec.h"

namespace gantry::daemon {
namespace {

constexpr const char* kDefaultFile = "/etc/docker/daemon.json";

// What dockerd takes and this daemon has no use for. Both a flag's name and a key of daemon.json.
struct Ignored {
  std::string_view name;
  enum class Kind : std::uint8_t { Flag, Value, List } kind;
  std::string_view reason;
};
using enum Ignored::Kind;
constexpr Ignored kIgnored[] = {
    {"allow-nondistributable-artifacts", List, "such layers are never pushed"},
    {"authorization-plugins", List, "there are no plugins"},
    {"authorization-plugin", List, "there are no plugins"},
    {"builder", Value, "the build cache is pruned by 'docker builder prune'"},
    {"cdi-spec-dirs", List, "CDI devices are not supported"},
    {"containerd", Value, "there is no containerd"},
    {"containerd-namespace", Value, "there is no containerd"},
    {"containerd-plugins-namespace", Value, "there is no containerd"},
    {"experimental", Flag, "there are no experimental features"},
    {"features", Value, "there are no features to switch"},
    {"fixed-cidr", Value, "set the default network's range by bip and default-address-pools"},
    {"icc", Flag, "containers of the default network reach each other"},
    {"ip", Value, "ports are published on all addresses unless their -p says"},
    {"ip-masq", Flag, "networks masquerade unless their options say"},
    {"ip6tables", Flag, "rules are kept in an nftables table of our own"},
    {"iptables", Flag, "rules are kept in an nftables table of our own, which published ports need"},
    {"live-restore", Flag, "containers always live on when the daemon ends"},
    {"max-concurrent-downloads", Value, "transfers limit themselves"},
    {"max-concurrent-uploads", Value, "transfers limit themselves"},
    {"max-download-attempts", Value, "transfers are repeated as long as they get on"},
    {"node-generic-resources", List, "there is no swarm"},
    {"oom-score-adjust", Value, "the service manager sets it"},
    {"proxies", Value, "the environment's proxies are used"},
    {"http-proxy", Value, "the environment's proxies are used"},
    {"https-proxy", Value, "the environment's proxies are used"},
    {"no-proxy", Value, "the environment's proxies are used"},
    {"raw-logs", Flag, "logs have no colours"},
    {"shutdown-timeout", Value, "containers live on when the daemon ends"},
    {"storage-opts", List, "overlay file systems need no options"},
    {"storage-opt", List, "overlay file systems need no options"},
    {"swarm-default-advertise-addr", Value, "there is no swarm"},
    {"userland-proxy", Flag, "published ports need no process"},
    {"userland-proxy-path", Value, "published ports need no process"},
};

std::string note_of(const Ignored& ignored) {
  return fmt::format("{} is ignored: {}", ignored.name, ignored.reason);
}

// dockerd's flags that add to a map: "name=value".
struct MapFlags {
  std::vector<std::string> log_opts, add_runtimes, default_ulimits, address_pools;
  std::optional<std::int64_t> mtu;
};

std::vector<Option> flags_of(DockerdOptions& o, MapFlags& maps) {
  return {
      {0, "config-file", "FILE", &o.config_file, "Daemon configuration (default: /etc/docker/daemon.json)"},
      {0, "data-root", "DIR", &o.data_root, "What must survive (default: /var/lib/gantry)"},
      {'g', "graph", "DIR", &o.data_root, "The same, as it was called"},
      {0, "exec-root", "DIR", &o.exec_root, "What ends with the host (default: /run/gantry)"},
      {'p', "pidfile", "FILE", &o.pidfile, "File for the daemon's process id"},
      {'H', "host", "SOCKET", &o.hosts, "Where to listen: unix://PATH, tcp://HOST:PORT, fd://"},
      {'G', "group", "GROUP", &o.group, "Group of the unix socket (default: docker, if there is one)"},
      {'D', "debug", "", &o.debug, "Say more in the log"},
      {'l', "log-level", "LEVEL", &o.log_level, "debug, info, warn, error or fatal"},
      {0, "log-format", "FORMAT", &o.log_format, "text or json"},
      {0, "metrics-addr", "HOST:PORT", &o.metrics_addr, "Where to serve metrics"},
      {0, "tls", "", &o.tls, "TLS on TCP"},
      {0, "tlsverify", "", &o.tls_verify, "TLS on TCP, and clients show certificates"},
      {0, "tlscacert", "FILE", &o.tls_ca_cert, "Who signs certificates of clients"},
      {0, "tlscert", "FILE", &o.tls_cert, "Certificate of the daemon"},
      {0, "tlskey", "FILE", &o.tls_key, "Key of the daemon"},
      {0, "label", "KEY=VALUE", &o.labels, "Label of the daemon"},
      {0, "insecure-registry", "HOST", &o.insecure_registries,
       "Registry without TLS, or with any certificate"},
      {0, "registry-mirror", "URL", &o.registry_mirrors, "Asked before Docker Hub"},
      {0, "dns", "ADDRESS", &o.dns, "Name server of containers"},
      {0, "dns-opt", "OPTION", &o.dns_opts, "Option of their resolv.conf"},
      {0, "dns-search", "DOMAIN", &o.dns_search, "Their search domain"},
      {'b', "bridge", "NAME", &o.bridge, "Bridge of the default network"},
      {0, "bip", "CIDR", &o.bip, "Its address"},
      {0, "mtu", "BYTES", &maps.mtu, "MTU of networks"},
      {0, "ipv6", "", &o.ipv6, "IPv6 on the default network"},
      {0, "ip-forward", "", &o.ip_forward, "Turn forwarding on where a network needs it"},
      {0, "default-address-pool", "POOL", &maps.address_pools,
       "base=CIDR,size=N: networks are cut out of it"},
      {0, "cgroup-parent", "PATH", &o.cgroup_parent, "Control group above those of containers"},
      {0, "default-cgroupns-mode", "MODE", &o.default_cgroupns_mode, "host or private"},
      {0, "default-ipc-mode", "MODE", &o.default_ipc_mode, "shareable or private"},
      {0, "default-runtime", "NAME", &o.default_runtime, "OCI runtime of containers"},
      {0, "add-runtime", "NAME=PATH", &maps.add_runtimes, "A further OCI runtime"},
      {0, "default-shm-size", "BYTES", &o.default_shm_size, "Size of /dev/shm (default: 64m)"},
      {0, "default-ulimit", "NAME=SOFT:HARD", &maps.default_ulimits, "Limit of processes in containers"},
      {0, "exec-opt", "NAME=VALUE", &o.exec_opts, "native.cgroupdriver=cgroupfs or systemd"},
      {0, "init", "", &o.init, "Run an init process in containers"},
      {0, "no-new-privileges", "", &o.no_new_privileges, "Set it for containers"},
      {0, "seccomp-profile", "FILE", &o.seccomp_profile, "Profile of containers, or unconfined"},
      {0, "log-driver", "NAME", &o.log_driver, "Where containers log to (default: json-file)"},
      {0, "log-opt", "NAME=VALUE", &maps.log_opts, "Option of that"},
      {'s', "storage-driver", "NAME", &o.storage_driver, "overlay2 is the only one"},
      {0, "userns-remap", "USER", &o.userns_remap,
       "Whose subordinate ids containers get: default, or user[:group]"},
      {0, "validate", "", &o.validate, "Only look whether the configuration is right"},
      {'v', "version", "", &o.version, "Show the version"},
      {'h', "help", "", &o.help, "Show this text"}};
}

// Where the values of flags go that are only noted.
struct IgnoredFlags {
  IgnoredFlags() {
    for (const Ignored& ignored : kIgnored) {
      if (ignored.kind == Flag)
        options.push_back({0, ignored.name, "", &flags.emplace_back(), "Ignored"});
      else
        options.push_back({0, ignored.name, "VALUE", &lists.emplace_back(), "Ignored"});
    }
  }
  std::deque<bool> flags;
  std::deque<std::vector<std::string>> lists;
  std::vector<Option> options;
};

bool is_given(std::span<const std::string> arguments, std::string_view name) {
  return std::ranges::any_of(arguments, [&](std::string_view argument) {
    argument.remove_prefix(std::min(argument.find_first_not_of('-'), argument.size()));
    return argument.substr(0, argument.find('=')) == name;
  });
}

Result<std::pair<std::string, std::string>> split(std::string_view flag, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals == 0)
    return error(Code::InvalidArgument, "--{} {}: expected 'name=value'", flag, text);
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

template <class T>
Result<T> parse_number(std::string_view what, std::string_view text) {
  T number = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || std::from_chars(text.data(), end, number).ptr != end)
    return error(Code::InvalidArgument, "{}: '{}' is not a number", what, text);
  return number;
}

// "64m", "67108864"
Result<std::int64_t> parse_bytes(std::string_view what, std::string_view text) {
  std::string_view digits = text;
  if (digits.ends_with('b') || digits.ends_with('B')) digits.remove_suffix(1);
  int shift = 0;
  constexpr std::string_view kUnits = "kmg";
  if (!digits.empty())
    if (const std::size_t unit = kUnits.find(static_cast<char>(digits.back() | 0x20)); unit != kUnits.npos) {
      shift = static_cast<int>(unit + 1) * 10;
      digits.remove_suffix(1);
    }
  const auto number = TRY(parse_number<std::int64_t>(what, digits));
  if (number < 0 || number > (INT64_MAX >> shift))
    return error(Code::InvalidArgument, "{}: '{}' is too much", what, text);
  return number << shift;
}

// "nofile=1024:2048"
Result<void> add_ulimit(DockerdOptions& options, const std::string& text) {
  const auto [name, limits] = TRY(split("default-ulimit", text));
  const std::size_t colon = limits.find(':');
  DockerdOptions::Ulimit limit{.name = name};
  limit.soft = TRY(parse_number<std::int64_t>("--default-ulimit", std::string_view(limits).substr(0, colon)));
  limit.hard =
      colon == limits.npos
          ? limit.soft
          : TRY(parse_number<std::int64_t>("--default-ulimit", std::string_view(limits).substr(colon + 1)));
  options.default_ulimits[name] = limit;
  return {};
}

// "base=10.0.0.0/8,size=24"
Result<void> add_pool(DockerdOptions& options, std::string_view text) {
  AddressPoolConfig pool;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const auto [name, value] = TRY(split("default-address-pool", std::string(part)));
    if (name == "base")
      pool.base = value;
    else if (name == "size")
      pool.size = TRY(parse_number<std::int64_t>("--default-address-pool", value));
    else
      return error(Code::InvalidArgument, "--default-address-pool: expected base=CIDR,size=N, found '{}'",
                   name);
  }
  options.default_address_pools.push_back(std::move(pool));
  return {};
}

Result<void> take_maps(DockerdOptions& options, const MapFlags& maps) {
  for (const std::string& text : maps.log_opts) {
    const auto [name, value] = TRY(split("log-opt", text));
    options.log_opts[name] = value;
  }
  for (const std::string& text : maps.add_runtimes) {
    const auto [name, path] = TRY(split("add-runtime", text));
    options.runtimes[name] = {.path = path};
  }
  for (const std::string& text : maps.default_ulimits) TRY(add_ulimit(options, text));
  for (const std::string& text : maps.address_pools) TRY(add_pool(options, text));
  if (maps.mtu) options.mtu = *maps.mtu;
  return {};
}

}  // namespace

static void fields(json::Fields& f, DockerdOptions::Runtime& runtime) {
  f("path", runtime.path);
  f("runtimeArgs", runtime.runtime_args);
}

static void fields(json::Fields& f, DockerdOptions::Ulimit& limit) {
  f("Name", limit.name);
  f("Hard", limit.hard);
  f("Soft", limit.soft);
}

// The keys of daemon.json.
static void fields(json::Fields& f, DockerdOptions& o) {
  f("data-root", o.data_root);
  f("exec-root", o.exec_root);
  f("pidfile", o.pidfile);
  f("hosts", o.hosts);
  f("group", o.group);
  f("debug", o.debug);
  f("log-level", o.log_level);
  f("log-format", o.log_format);
  f("metrics-addr", o.metrics_addr);
  f("tls", o.tls);
  f("tlsverify", o.tls_verify);
  f("tlscacert", o.tls_ca_cert);
  f("tlscert", o.tls_cert);
  f("tlskey", o.tls_key);
  f("labels", o.labels);
  f("insecure-registries", o.insecure_registries);
  f("registry-mirrors", o.registry_mirrors);
  f("dns", o.dns);
  f("dns-opts", o.dns_opts);
  f("dns-search", o.dns_search);
  f("bridge", o.bridge);
  f("bip", o.bip);
  f("mtu", o.mtu);
  f("ipv6", o.ipv6);
  f("ip-forward", o.ip_forward);
  f("default-address-pools", o.default_address_pools);
  f("cgroup-parent", o.cgroup_parent);
  f("default-cgroupns-mode", o.default_cgroupns_mode);
  f("default-ipc-mode", o.default_ipc_mode);
  f("default-runtime", o.default_runtime);
  f("runtimes", o.runtimes);
  f("default-shm-size", o.default_shm_size);
  f("default-ulimits", o.default_ulimits);
  f("exec-opts", o.exec_opts);
  f("init", o.init);
  f("no-new-privileges", o.no_new_privileges);
  f("seccomp-profile", o.seccomp_profile);
  f("log-driver", o.log_driver);
  f("log-opts", o.log_opts);
  f("storage-driver", o.storage_driver);
  f("userns-remap", o.userns_remap);
}

namespace {

Result<void> read_daemon_json(DockerdOptions& options, std::string_view text) {
  const json::Document document = TRY(json::Document::parse(std::string(text)));
  const json::Value root = document.root();
  if (root.kind() != json::Kind::Object)
    return error(Code::InvalidArgument, "expected an object, not {}", json::name_of(root.kind()));
  const std::vector<std::string> known = json::keys_of<DockerdOptions>();
  for (std::size_t i = 0; i < root.size(); ++i) {
    const std::string_view key = root.key(i);
    if (const auto* ignored = std::ranges::find(kIgnored, key, &Ignored::name); ignored != std::end(kIgnored))
      options.notes.push_back(note_of(*ignored));
    else if (std::ranges::find(known, key) == known.end())
      return error(Code::InvalidArgument, "the following directives don't match any configuration option: {}",
                   key);
  }
  return json::decode_into(options, root);
}

// The file lies under the flags, so it is read before they are; but they say which it is.
Result<std::string> find_file(std::span<const std::string> arguments) {
  DockerdOptions named;
  MapFlags maps;
  IgnoredFlags ignored;
  std::vector<Option> table = flags_of(named, maps);
  table.insert(table.end(), ignored.options.begin(), ignored.options.end());
  TRY(parse_options(table, arguments, Operands::Anywhere));
  if (!named.config_file.empty()) return named.config_file;
  return std::string(::access(kDefaultFile, F_OK) == 0 ? kDefaultFile : "");
}

Result<std::string> host_of(std::string_view host) {
  if (host.starts_with("unix://")) return fmt::format("unix:{}", host.substr(7));
  if (host.starts_with("fd://")) return fmt::format("fd:{}", host.substr(5) == "*" ? "" : host.substr(5));
  if (host.starts_with("tcp://")) {
    host.remove_prefix(6);
    while (host.ends_with('/')) host.remove_suffix(1);
  } else if (host.find("://") != host.npos) {
    return error(Code::InvalidArgument, "-H {}: expected unix://PATH, tcp://HOST:PORT or fd://", host);
  }
  return std::string(host);
}

std::optional<EngineTls> tls_of(const DockerdOptions& options) {
  if (!options.tls && !options.tls_verify) return std::nullopt;
  const char* home = std::getenv("DOCKER_CERT_PATH");  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  const std::string directory = home == nullptr ? "/root/.docker" : home;
  const auto or_default = [&](const std::string& path, const char* name) {
    return path.empty() ? directory + "/" + name : path;
  };
  EngineTls tls{.certificate = or_default(options.tls_cert, "cert.pem"),
                .key = or_default(options.tls_key, "key.pem")};
  if (options.tls_verify) tls.client_ca = or_default(options.tls_ca_cert, "ca.pem");
  return tls;
}

bool has_group(const char* name) {
  char buffer[16 << 10];
  struct group entry{};
  struct group* found = nullptr;
  return ::getgrnam_r(name, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr;
}

}  // namespace

Result<DockerdOptions> DockerdOptions::parse(std::span<const std::string> arguments) {
  DockerdOptions options;
  const std::string file = TRY(find_file(arguments));
  if (!file.empty())
    TRY_DURING(read_daemon_json(options, TRY(read_file(file))),
               "unable to configure the Docker daemon with file {}", file);
  MapFlags maps;
  IgnoredFlags ignored;
  std::vector<Option> table = flags_of(options, maps);
  table.insert(table.end(), ignored.options.begin(), ignored.options.end());
  // A list in the file is replaced by one of flags, not continued.
  for (const Option& option : table)
    if (auto* const* list = std::get_if<std::vector<std::string>*>(&option.target);
        list != nullptr && is_given(arguments, option.name))
      (*list)->clear();
  const auto words = TRY(parse_options(table, arguments, Operands::Anywhere));
  if (!words.empty())
    return error(Code::InvalidArgument, "unknown word '{}'; see 'dockerd --help'", words.front());
  for (const Ignored& entry : kIgnored)
    if (is_given(arguments, entry.name)) options.notes.push_back("--" + note_of(entry));
  TRY(take_maps(options, maps));
  return options;
}

Result<EngineConfig> DockerdOptions::engine() const {
  if (!storage_driver.empty() && storage_driver != "overlay2" && storage_driver != "overlay")
    return error(Code::Unsupported, "storage driver '{}' is not supported; overlay2 is", storage_driver);
  EngineConfig config{.run = exec_root,
                      .tls = tls_of(*this),
                      .allows_anybody = true,  // dockerd allows it, and warns
                      .metrics_address = metrics_addr,
                      .pid_file = pidfile,
                      .default_runtime = default_runtime,
                      .labels = labels,
                      .insecure_registries = insecure_registries,
                      .registry_mirrors = registry_mirrors,
                      .is_debug = debug};
  for (const std::string& host : hosts) config.listen.push_back(TRY(host_of(host)));
  if (hosts.empty()) config.listen = {"unix:/var/run/docker.sock"};
  config.group = !group.empty() ? group : has_group("docker") ? "docker" : "";
  for (const auto& [name, runtime] : runtimes) {
    if (!runtime.runtime_args.empty())
      return error(Code::Unsupported, "runtime '{}': runtimeArgs are not supported", name);
    config.runtimes[name] = runtime.path;
  }
  for (const std::string& option : exec_opts) {
    if (option != "native.cgroupdriver=systemd" && option != "native.cgroupdriver=cgroupfs")
      return error(Code::InvalidArgument, "exec-opt '{}': expected native.cgroupdriver=systemd or cgroupfs",
                   option);
    config.systemd_cgroup = option.ends_with("systemd");
  }
  config.network = {.address = bip,
                    .address_pools = default_address_pools,
                    .mtu = mtu,
                    .ipv6 = ipv6,
                    .ip_forward = ip_forward};
  if (!bridge.empty()) config.network.bridge = bridge;
  ContainerDefaults& containers = config.containers;
  containers = {.cgroup_parent = cgroup_parent,
                .cgroupns_mode = default_cgroupns_mode,
                .init = init,
                .no_new_privileges = no_new_privileges,
                .seccomp_profile = seccomp_profile == "builtin" ? "" : seccomp_profile,
                .log_driver = log_driver,
                .log_options = log_opts,
                .dns = dns,
                .dns_options = dns_opts,
                .dns_search = dns_search,
                .userns_remap = userns_remap};
  if (!default_ipc_mode.empty()) containers.ipc_mode = default_ipc_mode;
  if (!default_shm_size.empty()) containers.shm_size = TRY(parse_bytes("default-shm-size", default_shm_size));
  for (const auto& [name, limit] : default_ulimits) containers.ulimits[name] = {limit.soft, limit.hard};
  return config;
}

std::string DockerdOptions::help_text() {
  DockerdOptions options;
  MapFlags maps;
  std::string text =
      "Usage: dockerd [options]\n\nGantry's engine with the flags and the daemon.json of Docker's "
      "daemon.\n\nOptions:\n" +
      describe_options(flags_of(options, maps)) + "\nAccepted and ignored:\n";
  for (const Ignored& ignored : kIgnored) text += fmt::format("  --{}: {}\n", ignored.name, ignored.reason);
  return text;
}

}  // namespace gantry::daemon
