// SPDX-License-Identifier: Apache-2.0
#include "daemon/listeners.h"

#include <grp.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "http/tls.h"

namespace gantry::daemon {
namespace {

using Tls = std::shared_ptr<const http::TlsContext>;

Result<gid_t> find_group(const std::string& name) {
  gid_t number = 0;
  const char* end = name.data() + name.size();
  if (std::from_chars(name.data(), end, number).ptr == end) return number;
  char buffer[16 << 10];
  struct group entry{};
  struct group* found = nullptr;
  if (const int failed = ::getgrnam_r(name.c_str(), &entry, buffer, sizeof buffer, &found); failed != 0)
    return sys_error_of(failed, "look for group '{}'", name);
  if (found == nullptr) return error(Code::NotFound, "there is no group '{}'", name);
  return found->gr_gid;
}

Result<http::Listener> listen_unix(const std::string& path, const std::string& group) {
  if (const std::size_t slash = path.rfind('/'); slash != path.npos && slash > 0)
    TRY_DURING(make_directories(path.substr(0, slash), 0755), "make the directory of socket '{}'", path);
  http::Listener listener = TRY(http::Listener::unix_socket(path, group.empty() ? 0600 : 0660));
  if (group.empty()) return listener;
  if (::chown(path.c_str(), static_cast<uid_t>(-1), TRY(find_group(group))) < 0)
    return sys_error("give socket '{}' to group '{}'", path, group);
  return listener;
}

bool is_loopback(std::string_view host) {
  return host.starts_with("127.") || host == "::1" || host == "localhost";
}

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

Result<HostPort> parse_address(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  HostPort parsed;
  const char* end = address.data() + address.size();
  if (colon == address.npos || colon + 1 == address.size() ||
      std::from_chars(address.data() + colon + 1, end, parsed.port).ptr != end)
    return error(Code::InvalidArgument, "listen on '{}': expected 'unix:/path', 'fd:' or 'host:port'",
                 address);
  std::string_view host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  parsed.host = host == "localhost" ? "127.0.0.1" : host;
  return parsed;
}

class Opener {
 public:
  Opener(const EngineConfig& config, std::vector<ActivatedSocket> activated, Tls tls, const Logger& log)
      : config_(config), activated_(std::move(activated)), tls_(std::move(tls)), log_(log) {}

  Result<void> open(std::string_view word) {
    if (word.starts_with("unix:")) {
      listeners_.push_back(TRY(listen_unix(std::string(word.substr(5)), config_.group)));
      return {};
    }
    if (word.starts_with("fd:")) return take(word.substr(3));
    const HostPort address = TRY(parse_address(word));
    TRY(check_proof(word, is_loopback(address.host)));
    return add_tcp(TRY(http::Listener::tcp(address.host, address.port)));
  }

  std::vector<http::Listener> listeners() && { return std::move(listeners_); }

 private:
  // Sockets of that name, or all.
  Result<void> take(std::string_view name) {
    bool has_any = false;
    for (ActivatedSocket& activated : activated_) {
      if (!activated.socket || (!name.empty() && activated.name != name)) continue;
      has_any = true;
      http::Listener listener = TRY(http::Listener::adopt(std::move(activated.socket)));
      if (listener.port() == 0) {
        listeners_.push_back(std::move(listener));
        continue;
      }
      TRY(check_proof(listener.name(), is_loopback(TRY(parse_address(listener.name())).host)));
      TRY(add_tcp(std::move(listener)));
    }
    if (!has_any)
      return error(Code::NotFound, "the service manager has handed over no socket for 'fd:{}'", name);
    return {};
  }

  Result<void> check_proof(std::string_view address, bool is_local) const {
    if (config_.tls && !config_.tls->client_ca.empty()) return {};
    if (!config_.allows_anybody && !is_local)
      return error(
          Code::InvalidArgument,
          "listen on '{}': whoever reaches it would be root here; set tls with clientCa, or allowAnybody",
          address);
    log_.warn("the engine can be used by everybody who reaches this address, who is root here thereby",
              {{"address", address}});
    return {};
  }

  Result<void> add_tcp(http::Listener listener) {
    listeners_.push_back(tls_ ? std::move(listener).with_tls(tls_) : std::move(listener));
    return {};
  }

  const EngineConfig& config_;
  std::vector<ActivatedSocket> activated_;
  const Tls tls_;
  const Logger& log_;
  std::vector<http::Listener> listeners_;
};

}  // namespace

Result<Tls> read_tls(const EngineConfig& config) {
  if (!config.tls) return Tls();
  http::TlsServerOptions options{.identity = {config.tls->certificate, config.tls->key}};
  if (!config.tls->client_ca.empty()) options.client_ca_files.push_back(config.tls->client_ca);
  return TRY_DURING(http::TlsContext::for_server(options), "TLS of the engine's API");
}

Result<std::vector<http::Listener>> open_listeners(const EngineConfig& config,
                                                   std::vector<ActivatedSocket> activated,
                                                   const Logger& log) {
  Opener opener(config, std::move(activated), TRY(read_tls(config)), log);
  if (config.listen.empty()) TRY(opener.open("unix:" + config.run + "/gantry.sock"));
  for (const std::string& word : config.listen) TRY(opener.open(word));
  return std::move(opener).listeners();
}

Result<std::vector<http::Listener>> open_metrics_listeners(const EngineConfig& config) {
  std::vector<http::Listener> listeners;
  if (config.metrics_address.empty()) return listeners;
  const HostPort address = TRY_DURING(parse_address(config.metrics_address), "address of metrics");
  listeners.push_back(TRY(http::Listener::tcp(address.host, address.port)));
  return listeners;
}

}  // namespace gantry::daemon
