// SPDX-License-Identifier: Apache-2.0
#include "engine/log_service.h"

#include <netdb.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>
#include <iterator>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "base/timestamp.h"

namespace gantry::engine {
namespace {

// RFC 5424, section 6.2.1, in the order of their numbers.
constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "solaris-cron",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7"};
constexpr unsigned kError = 3, kInfo = 6;

constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
constexpr const char* kSyslogSocket = "/dev/log";

std::string host_name() {
  char name[256];
  return ::gethostname(name, sizeof name) == 0 ? name : "localhost";
}

Result<unsigned> parse_facility(const std::string& text) {
  const auto found = std::ranges::find(kFacilities, text);
  if (found != kFacilities.end()) return static_cast<unsigned>(found - kFacilities.begin());
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && end == text.data() + text.size() && number < kFacilities.size())
    return number;
  return error(Code::InvalidArgument, "log opt 'syslog-facility': '{}' is none", text);
}

// Names of fields: capitals, digits and underscores.
std::string field_name(std::string_view name) {
  std::string field;
  for (const char c : name) {
    if (c >= 'a' && c <= 'z')
      field += static_cast<char>(c - 'a' + 'A');
    else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9' && !field.empty()))
      field += c;
    else if (!field.empty())
      field += '_';  // the first one would be the journal's own
  }
  return field;
}

// A value with newlines is written with its length (systemd, "Native Journal Protocol").
void put_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  if (value.find('\n') == std::string_view::npos) {
    out += '=';
  } else {
    out += '\n';
    for (unsigned byte = 0; byte < 8; ++byte) out += static_cast<char>(value.size() >> (8 * byte));
  }
  out += value;
  out += '\n';
}

}  // namespace

Result<LogService> LogService::make(const LogSettings& settings, const LogSource& source) {
  LogService service;
  service.source_ = source;
  service.attributes_ = settings.attributes;
  if (settings.driver == LogDriver::Journald) {
    service.form_ = Form::Journal;
    TRY(service.take_address(fmt::format("unixgram://{}", kJournalSocket)));
  } else {
    TRY(service.take_options(settings));
  }
  return service;
}

Result<void> LogService::take_options(const LogSettings& settings) {
  const auto option = [&](const char* key, const char* usual) {
    const auto found = settings.options.find(key);
    return found == settings.options.end() ? std::string(usual) : found->second;
  };
  facility_ = TRY(parse_facility(option("syslog-facility", "daemon")));
  const std::string format = option("syslog-format", "");
  if (format == "rfc5424")
    form_ = Form::Syslog5424;
  else if (format == "rfc5424micro")
    form_ = Form::Syslog5424Micro;
  else if (!format.empty() && format != "rfc3164")
    return error(Code::InvalidArgument, "log opt 'syslog-format': '{}' is not known", format);
  const std::string url = option("syslog-address", "");
  return take_address(url.empty() ? fmt::format("unixgram://{}", kSyslogSocket) : url);
}

Result<void> LogService::take_address(const std::string& url) {
  const std::size_t colon = url.find("://");
  const std::string scheme = url.substr(0, colon);
  if (colon == std::string::npos)
    return error(Code::InvalidArgument, "log opt 'syslog-address': '{}' should be of form proto://address",
                 url);
  const std::string rest = url.substr(colon + 3);
  if (scheme == "unixgram" || scheme == "unix") {
    auto* address = reinterpret_cast<sockaddr_un*>(&address_);
    if (rest.empty() || rest.size() >= sizeof address->sun_path)
      return error(Code::InvalidArgument, "'{}' is not the path of a socket", rest);
    address->sun_family = AF_UNIX;
    std::memcpy(address->sun_path, rest.c_str(), rest.size() + 1);
    address_size_ = sizeof *address;
    return {};
  }
  if (scheme != "udp")
    return error(Code::Unsupported,
                 "log opt 'syslog-address': '{}' is not supported: udp, unix and unixgram are", scheme);
  is_local_ = false;
  const std::size_t port = rest.rfind(':');
  std::string host = rest.substr(0, port);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string service = port == std::string::npos ? "514" : rest.substr(port + 1);
  addrinfo* answer = nullptr;
  const addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
  if (const int failure = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &answer); failure != 0)
    return error(Code::InvalidArgument, "log opt 'syslog-address': '{}': {}", rest, ::gai_strerror(failure));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(answer, ::freeaddrinfo);
  std::memcpy(&address_, answer->ai_addr, answer->ai_addrlen);
  address_size_ = answer->ai_addrlen;
  return {};
}

Result<void> LogService::open() {
  UniqueFd socket(::socket(address_.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return sys_error("make a socket for logs");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address_), address_size_) < 0)
    return Error(Code::Unavailable, errno, fmt::format("reach the log service: {}", describe_errno(errno)));
  socket_ = std::move(socket);
  return {};
}

Result<void> LogService::send(const std::string& datagram) {
  if (!socket_) TRY(open());
  while (::send(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL) < 0) {
    const int failure = errno;
    if (failure == EINTR) continue;
    // It was started anew, and has another socket of that name.
    if (failure != EAGAIN && failure != ENOBUFS) socket_.reset();
    return Error(Code::Unavailable, failure,
                 fmt::format("send to the log service: {}", describe_errno(failure)));
  }
  return {};
}

std::string LogService::encode(const LogRecord& record) const {
  return form_ == Form::Journal ? encode_journal(record) : encode_syslog(record);
}

std::string LogService::encode_syslog(const LogRecord& record) const {
  const unsigned priority = facility_ * 8 + (record.stream == Stream::Stderr ? kError : kInfo);
  if (form_ != Form::Syslog3164) {
    // Six digits behind the point are all that RFC 5424 has.
    const std::string time = form_ == Form::Syslog5424Micro ? fmt::format("{}Z", record.time.substr(0, 26))
                                                            : fmt::format("{}Z", record.time.substr(0, 19));
    return fmt::format("<{}>1 {} {} {} {} {} - {}", priority, time, host_name(), source_.tag, ::getpid(),
                       source_.tag, record.text);
  }
  const std::int64_t nanoseconds = parse_timestamp(record.time).value_or(0);
  const auto seconds = static_cast<time_t>(nanoseconds / 1'000'000'000);
  tm when{};
  ::localtime_r(&seconds, &when);
  char time[32];
  time[std::strftime(time, sizeof time, "%b %e %H:%M:%S", &when)] = '\0';
  const std::string host = is_local_ ? "" : host_name() + " ";
  return fmt::format("<{}>{} {}{}[{}]: {}", priority, time, host, source_.tag, ::getpid(), record.text);
}

std::string LogService::encode_journal(const LogRecord& record) const {
  std::string out;
  put_field(out, "MESSAGE", record.text);
  put_field(out, "PRIORITY", record.stream == Stream::Stderr ? "3" : "6");
  put_field(out, "CONTAINER_ID", std::string_view(source_.container_id).substr(0, 12));
  put_field(out, "CONTAINER_ID_FULL", source_.container_id);
  put_field(out, "CONTAINER_NAME", source_.container_name);
  put_field(out, "CONTAINER_TAG", source_.tag);
  put_field(out, "SYSLOG_IDENTIFIER", source_.tag);
  put_field(out, "IMAGE_NAME", source_.image_name);
  put_field(out, "SYSLOG_TIMESTAMP", record.time);
  if (record.is_partial) put_field(out, "CONTAINER_PARTIAL_MESSAGE", "true");
  for (const auto& [name, value] : attributes_)
    if (const std::string field = field_name(name); !field.empty()) put_field(out, field, value);
  return out;
}

}  // namespace gantry::engine
