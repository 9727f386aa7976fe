// SPDX-License-Identifier: Apache-2.0
#include "engine/log_address.h"

#include <sys/un.h>

#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace gantry::engine {
namespace {

using Kind = LogAddress::Kind;

constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
constexpr const char* kSyslogSocket = "/dev/log";
constexpr std::uint16_t kSyslogPort = 514, kSyslogTlsPort = 6514, kFluentdPort = 24224;

std::string option(const LogSettings& settings, const char* key) {
  const auto found = settings.options.find(key);
  return found == settings.options.end() ? "" : found->second;
}

struct Words {
  std::string scheme, rest;
};

Result<Words> split(std::string_view key, const std::string& url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string::npos)
    return error(Code::InvalidArgument, "log opt '{}': '{}' should be of form proto://address", key, url);
  return Words{url.substr(0, colon), url.substr(colon + 3)};
}

Result<LogAddress> unix_address(std::string_view key, Kind kind, const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
    return error(Code::InvalidArgument, "log opt '{}': '{}' is not the path of a socket", key, path);
  return LogAddress{.kind = kind, .path = path};
}

Result<LogAddress> host_address(std::string_view key, Kind kind, const std::string& text,
                                std::uint16_t usual_port) {
  LogAddress address{.kind = kind, .port = usual_port};
  std::string_view host = text;
  while (host.ends_with('/')) host.remove_suffix(1);
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    const char* end = port.data() + port.size();
    if (const auto [stop, failure] = std::from_chars(port.data(), end, address.port);
        failure != std::errc{} || stop != end || address.port == 0)
      return error(Code::InvalidArgument, "log opt '{}': '{}' has no port from 1 to 65535", key, text);
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.find_first_of("/?# ") != std::string_view::npos)
    return error(Code::InvalidArgument, "log opt '{}': '{}' is no host and port", key, text);
  address.host = host.empty() ? "localhost" : host;
  return address;
}

Error wrong_scheme(std::string_view key, const std::string& scheme, std::string_view known) {
  return error(Code::InvalidArgument, "log opt '{}': '{}' is not supported: {} are", key, scheme, known);
}

Result<LogAddress> syslog_address(const LogSettings& settings) {
  constexpr const char* kKey = "syslog-address";
  const std::string url = option(settings, kKey);
  if (url.empty()) return LogAddress{.kind = Kind::Unix, .path = kSyslogSocket};
  const Words words = TRY(split(kKey, url));
  if (words.scheme == "unix") return unix_address(kKey, Kind::Unix, words.rest);
  if (words.scheme == "unixgram") return unix_address(kKey, Kind::UnixDatagram, words.rest);
  if (words.scheme == "udp") return host_address(kKey, Kind::Udp, words.rest, kSyslogPort);
  if (words.scheme == "tcp") return host_address(kKey, Kind::Tcp, words.rest, kSyslogPort);
  if (words.scheme != "tcp+tls")
    return wrong_scheme(kKey, words.scheme, "udp, tcp, tcp+tls, unix and unixgram");
  LogAddress address = TRY(host_address(kKey, Kind::Tls, words.rest, kSyslogTlsPort));
  address.ca_file = option(settings, "syslog-tls-ca-cert");
  address.certificate_file = option(settings, "syslog-tls-cert");
  address.key_file = option(settings, "syslog-tls-key");
  // Docker looks at whether the option is there, not at what it says.
  address.verify = !settings.options.contains("syslog-tls-skip-verify");
  return address;
}

Result<LogAddress> fluentd_address(const LogSettings& settings) {
  constexpr const char* kKey = "fluentd-address";
  const std::string text = option(settings, kKey);
  if (text.find("://") == std::string::npos) return host_address(kKey, Kind::Tcp, text, kFluentdPort);
  const Words words = TRY(split(kKey, text));
  if (words.scheme == "unix") return unix_address(kKey, Kind::Unix, words.rest);
  if (words.scheme == "tcp") return host_address(kKey, Kind::Tcp, words.rest, kFluentdPort);
  if (words.scheme == "tls") return host_address(kKey, Kind::Tls, words.rest, kFluentdPort);
  return wrong_scheme(kKey, words.scheme, "tcp, tls and unix");
}

std::string_view scheme_of(Kind kind) {
  switch (kind) {
    case Kind::UnixDatagram: return "unixgram";
    case Kind::Unix: return "unix";
    case Kind::Udp: return "udp";
    case Kind::Tcp: return "tcp";
    case Kind::Tls: break;
  }
  return "tcp+tls";
}

}  // namespace

std::string LogAddress::str() const {
  if (is_unix()) return fmt::format("{}://{}", scheme_of(kind), path);
  return fmt::format("{}://{}:{}", scheme_of(kind), host, port);
}

Result<LogAddress> LogAddress::of(const LogSettings& settings) {
  switch (settings.driver) {
    case LogDriver::Syslog: return syslog_address(settings);
    case LogDriver::Fluentd: return fluentd_address(settings);
    case LogDriver::Journald: return LogAddress{.kind = Kind::UnixDatagram, .path = kJournalSocket};
    default: break;
  }
  return error(Code::Internal, "log driver {} has no service", name_of(settings.driver));
}

}  // namespace gantry::engine
