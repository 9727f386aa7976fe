// SPDX-License-Identifier: Apache-2.0
//
// Which servers a name leads to and how they are reached: mirrors, rewritten names, plain HTTP, authorities.
//
//   RegistriesConfig config = TRY(RegistriesConfig::from_host());
//   for (const RegistryEndpoint& endpoint : TRY(config.pull_endpoints(reference))) ...   // mirrors first
//
// Format: docs/formats/registries-config.md
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/tls.h"
#include "oci/archive/compression.h"
#include "oci/image/reference.h"

namespace gantry::image {

enum class Transport : std::uint8_t {
  Tls,
  Plain,
  Either,  // this host itself, where nothing was configured: TLS if it answers with it, plain HTTP if not
};

// How one server is reached.
struct HostSettings {
  Transport transport = Transport::Tls;
  http::TlsClientOptions tls;
};

// One place where a repository is found.
struct RegistryEndpoint {
  std::string registry;    // whose credentials to show: "docker.io"
  std::string host;        // whom to connect to: "registry-1.docker.io", "localhost:5000", "[::1]:5000"
  std::string repository;  // as it is called there
  bool is_mirror = false;
  HostSettings settings;
};

// The file's words.
struct HostRule {
  bool is_insecure =
      false;  // not of the file: any certificate, and plain HTTP from who has none (dockerd's word)
  std::optional<bool> plain_http;
  bool skip_verify = false;
  std::vector<std::string> ca_files;
  std::string client_certificate;
  std::string client_key;
};
struct PrefixRule {
  std::string prefix;    // "docker.io", "quay.io/team", "*.lab"
  std::string location;  // what the prefix is replaced by; empty: nothing
  std::vector<std::string> mirrors;
  bool blocked = false;
};

struct LayerRule {
  std::optional<std::uint64_t> max_bytes;  // decompressed
  std::optional<std::uint64_t> max_ratio;  // bytes that may come of one
};

// Constant after it was read, so threads may share it; certificates are looked for at each question.
class RegistriesConfig {
 public:
  // Nothing configured.
  RegistriesConfig() = default;

  // Errors name the field. Unknown keys are refused: a mistyped one would leave a setting out.
  static Result<RegistriesConfig> parse(std::string_view json);
  // What is not there configures nothing.
  static Result<RegistriesConfig> read(const std::string& path);
  // $GANTRY_REGISTRIES, else /etc/gantry/registries.json.
  static Result<RegistriesConfig> from_host();

  // What dockerd is told by --insecure-registry HOST and --registry-mirror URL, on top of what was read.
  void add_insecure(const std::string& host) { hosts_[host].is_insecure = true; }
  Result<void> add_hub_mirror(std::string_view url);

  // In the order in which to try them: the mirrors, then the origin. PermissionDenied if it is blocked.
  Result<std::vector<RegistryEndpoint>> pull_endpoints(const oci::Reference& reference) const;
  // Mirrors are not pushed to.
  Result<RegistryEndpoint> push_endpoint(const oci::Reference& reference) const;

  // What a layer may become when it is decompressed.
  const oci::DecompressLimits& layer_limits() const { return layer_limits_; }

  // A registry by itself, for no repository, nor for mirrors.
  Result<RegistryEndpoint> registry(const std::string& name) const;
  // Also of servers that no name leads to. `host` may have a port.
  Result<HostSettings> settings_of(const std::string& host) const;

 private:
  Result<RegistryEndpoint> endpoint(const oci::Reference& place) const;

  std::map<std::string, HostRule> hosts_;
  std::vector<PrefixRule> prefixes_;
  std::vector<std::string> certificate_directories_;
  oci::DecompressLimits layer_limits_;
};

}  // namespace gantry::image
