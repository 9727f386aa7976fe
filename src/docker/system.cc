// SPDX-License-Identifier: Apache-2.0
//
// Who is there: /_ping, /version and /info.
#include <string>
#include <utility>
#include <vector>

#include "base/json_codec.h"
#include "base/timestamp.h"
#include "container/check.h"
#include "docker/container_counts.h"
#include "docker/daemon_description.h"
#include "docker/endpoints.h"
#include "docker/host_facts.h"
#include "engine/engine.h"

namespace gantry::docker {
namespace {

Result<void> ping(const Context&, Call& call) {
  http::HeaderMap& headers = call.response.headers;
  // BuildKit's. A client that knows only the classic builder does not ask.
  headers.set("Builder-Version", "2");
  headers.set("Swarm", "inactive");
  headers.set("Cache-Control", "no-cache, no-store, must-revalidate");
  headers.set("Pragma", "no-cache");
  headers.set("Content-Type", "text/plain; charset=utf-8");
  return call.response.send(200, "OK");
}

Result<void> version(const Context&, Call& call) {
  const HostFacts host = HostFacts::read();
  const std::string architecture = go_architecture(host.machine);
  json::Writer w;
  w.begin_object();
  w.key("Platform").begin_object().key("Name").value("Gantry " GANTRY_VERSION).end_object();
  w.key("Components").begin_array().begin_object();
  w.key("Name").value("Engine").key("Version").value(kEngineVersion);
  w.key("Details").begin_object();
  w.key("ApiVersion").value(kNewestVersion.str()).key("MinAPIVersion").value(kOldestVersion.str());
  w.key("Os").value("linux").key("Arch").value(architecture).key("KernelVersion").value(host.kernel);
  w.key("Experimental")
      .value("false")
      .key("GitCommit")
      .value("")
      .key("GoVersion")
      .value("")
      .key("BuildTime")
      .value("");
  w.end_object().end_object();
  w.begin_object().key("Name").value("gantry").key("Version").value(GANTRY_VERSION).end_object();
  w.end_array();
  w.key("Version").value(kEngineVersion);
  w.key("ApiVersion").value(kNewestVersion.str()).key("MinAPIVersion").value(kOldestVersion.str());
  w.key("GitCommit").value("").key("GoVersion").value("");
  w.key("Os").value("linux").key("Arch").value(architecture).key("KernelVersion").value(host.kernel);
  w.key("BuildTime").value("");
  w.end_object();
  return call.send_json(std::move(w).text());
}

// ---- info

void write_containers(json::Writer& w, const std::vector<engine::ContainerRef>& containers) {
  const auto counts = ContainerCounts::of(containers);
  w.key("Containers").value(containers.size());
  w.key("ContainersRunning").value(counts.running);
  w.key("ContainersPaused").value(counts.paused);
  w.key("ContainersStopped").value(counts.stopped);
}

void write_words(json::Writer& w, std::string_view key, const std::vector<std::string>& words) {
  w.key(key);
  json::encode(w, words);
}

void write_plugins(json::Writer& w) {
  w.key("Plugins").begin_object();
  write_words(w, "Volume", {"local"});
  write_words(w, "Network", {"bridge", "host", "macvlan", "null"});
  w.key("Authorization").null();
  write_words(w, "Log", {"fluentd", "journald", "json-file", "local", "none", "syslog"});
  w.end_object();
}

// What limits this host can keep; Docker's warnings for those that it cannot.
std::vector<std::string> write_limits(json::Writer& w, const container::HostFacts& facts) {
  w.key("MemoryLimit").value(true).key("SwapLimit").value(facts.has_swap_limit);
  w.key("CpuCfsPeriod").value(true).key("CpuCfsQuota").value(true).key("CPUShares").value(true);
  w.key("CPUSet").value(true).key("PidsLimit").value(true);
  w.key("OomKillDisable").value(facts.has_oom_kill_disable);
  std::vector<std::string> warnings;
  if (!facts.has_swap_limit) warnings.emplace_back("WARNING: No swap limit support");
  return warnings;
}

void write_host(json::Writer& w, const HostFacts& host) {
  w.key("KernelVersion").value(host.kernel).key("OperatingSystem").value(host.operating_system);
  w.key("OSVersion")
      .value(host.os_version)
      .key("OSType")
      .value("linux")
      .key("Architecture")
      .value(host.machine);
  w.key("NCPU").value(host.cpus).key("MemTotal").value(host.memory).key("Name").value(host.name);
}

void write_registries(json::Writer& w, const DaemonDescription& daemon) {
  w.key("IndexServerAddress").value("https://index.docker.io/v1/");
  w.key("RegistryConfig").begin_object();
  write_words(w, "InsecureRegistryCIDRs", {"::1/128", "127.0.0.0/8"});
  w.key("IndexConfigs").begin_object();
  const auto index = [&](const std::string& name, bool is_secure, const std::vector<std::string>& mirrors) {
    w.key(name).begin_object().key("Name").value(name);
    write_words(w, "Mirrors", mirrors);
    w.key("Secure").value(is_secure).key("Official").value(name == "docker.io").end_object();
  };
  index("docker.io", true, daemon.registry_mirrors);
  for (const std::string& name : daemon.insecure_registries) index(name, false, {});
  w.end_object();
  write_words(w, "Mirrors", daemon.registry_mirrors);
  w.end_object();
}

void write_runtimes(json::Writer& w, const engine::EngineOptions& options) {
  w.key("Runtimes").begin_object();
  w.key(options.defaults.runtime).begin_object().key("path").value(options.runtime).end_object();
  for (const auto& [name, path] : options.runtimes)
    w.key(name).begin_object().key("path").value(path).end_object();
  w.end_object().key("DefaultRuntime").value(options.defaults.runtime);
  for (const char* part : {"ContainerdCommit", "RuncCommit", "InitCommit"})
    w.key(part).begin_object().key("ID").value("").end_object();
}

void write_swarm(json::Writer& w) {
  w.key("Swarm").begin_object();
  w.key("NodeID").value("").key("NodeAddr").value("").key("LocalNodeState").value("inactive");
  w.key("ControlAvailable").value(false).key("Error").value("").key("RemoteManagers").null();
  w.end_object();
}

Result<void> info(const Context& context, Call& call) {
  const auto description = context.daemon.get();
  const DaemonDescription& daemon = *description;
  const engine::EngineOptions& options = context.engine.options();
  const container::HostFacts limits = TRY(container::HostFacts::read());
  const HostFacts host = HostFacts::read();
  json::Writer w;
  w.begin_object();
  w.key("ID").value(daemon.id);
  write_containers(w, context.engine.list());
  w.key("Images").value(TRY(context.images.images()).size());
  w.key("Driver").value("overlay2");
  w.key("DriverStatus").begin_array();
  w.begin_array().value("Backing Filesystem").value(file_system_of(daemon.root)).end_array();
  w.begin_array().value("Native Overlay Diff").value("true").end_array().end_array();
  write_plugins(w);
  std::vector<std::string> warnings = write_limits(w, limits);
  // The first network that needs forwarding turns it on; our rules see packets without br_netfilter.
  w.key("IPv4Forwarding")
      .value(true)
      .key("BridgeNfIptables")
      .value(true)
      .key("BridgeNfIp6tables")
      .value(true);
  w.key("Debug").value(daemon.is_debug).key("NFd").value(0).key("NGoroutines").value(0);
  w.key("SystemTime").value(format_timestamp(wall_clock_now()));
  w.key("LoggingDriver").value(options.defaults.log_driver);
  w.key("CgroupDriver").value(options.systemd_cgroup ? "systemd" : "cgroupfs");
  w.key("CgroupVersion").value(limits.has_cgroup_v2 ? "2" : "1").key("NEventsListener").value(0);
  write_host(w, host);
  write_registries(w, daemon);
  w.key("GenericResources").null().key("DockerRootDir").value(daemon.root);
  w.key("HttpProxy").value("").key("HttpsProxy").value("").key("NoProxy").value("");
  write_words(w, "Labels", daemon.labels);
  w.key("ExperimentalBuild").value(false).key("ServerVersion").value(kEngineVersion);
  write_runtimes(w, options);
  write_swarm(w);
  // Containers never depend on the daemon.
  w.key("LiveRestoreEnabled").value(true).key("Isolation").value("");
  w.key("InitBinary").value(options.init).key("ProductLicense").value("");
  std::vector<std::string> security = {"name=seccomp,profile=builtin", "name=cgroupns"};
  if (!options.id_maps.uids.empty()) security.insert(security.begin() + 1, "name=userns");
  write_words(w, "SecurityOptions", security);
  write_words(w, "Warnings", warnings);
  w.end_object();
  return call.send_json(std::move(w).text());
}

}  // namespace

std::span<const Route> system_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/_ping", ping},
      {"GET", "/version", version},
      {"GET", "/info", info},
  };
  return kRoutes;
}

}  // namespace gantry::docker
