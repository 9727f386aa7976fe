// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/timestamp.h"
#include "engine/log_address.h"
#include "engine/log_encoder.h"

namespace gantry::engine {
namespace {

// RFC 5424, section 6.2.1, in the order of their numbers.
constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "solaris-cron",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7"};
constexpr unsigned kError = 3, kInfo = 6;

// How a message is told from the next one.
enum class Framing : std::uint8_t {
  Datagram,
  Newline,  // RFC 6587, section 3.4.2: what syslog daemons expect on plain TCP
  Length,   // RFC 5425, section 4.3: its length in front
};
enum class Form : std::uint8_t { Rfc3164, Rfc5424, Rfc5424Micro };

std::string host_name() {
  char name[256];
  return ::gethostname(name, sizeof name) == 0 ? name : "localhost";
}

Result<unsigned> parse_facility(const std::string& text) {
  if (text.empty()) return 3u;  // daemon
  const auto found = std::ranges::find(kFacilities, text);
  if (found != kFacilities.end()) return static_cast<unsigned>(found - kFacilities.begin());
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && end == text.data() + text.size() && number < kFacilities.size())
    return number;
  return error(Code::InvalidArgument, "log opt 'syslog-facility': '{}' is none", text);
}

Result<Form> parse_form(const std::string& text) {
  if (text.empty() || text == "rfc3164") return Form::Rfc3164;
  if (text == "rfc5424") return Form::Rfc5424;
  if (text == "rfc5424micro") return Form::Rfc5424Micro;
  return error(Code::InvalidArgument, "log opt 'syslog-format': '{}' is not known", text);
}

Framing framing_for(const LogAddress& address, Form form) {
  switch (address.kind) {
    case LogAddress::Kind::Tcp: return Framing::Newline;
    case LogAddress::Kind::Tls: return form == Form::Rfc3164 ? Framing::Newline : Framing::Length;
    // A stream socket of the host, too, takes what ends with a newline; for one of datagrams it is no harm.
    case LogAddress::Kind::Unix: return Framing::Newline;
    case LogAddress::Kind::UnixDatagram:
    case LogAddress::Kind::Udp: break;
  }
  return Framing::Datagram;
}

class SyslogEncoder final : public LogEncoder {
 public:
  SyslogEncoder(unsigned facility, Form form, const LogAddress& address, LogSource source)
      : facility_(facility),
        form_(form),
        framing_(framing_for(address, form)),
        is_local_(address.is_unix()),
        source_(std::move(source)) {}

  std::string encode(const LogRecord& record) const override {
    std::string message = form_ == Form::Rfc3164 ? rfc3164(record) : rfc5424(record);
    if (framing_ == Framing::Length) return fmt::format("{} {}", message.size(), message);
    if (framing_ == Framing::Newline) message += '\n';
    return message;
  }

 private:
  unsigned priority(const LogRecord& record) const {
    return facility_ * 8 + (record.stream == Stream::Stderr ? kError : kInfo);
  }

  std::string rfc5424(const LogRecord& record) const {
    // Six digits behind the point are all that RFC 5424 has.
    const std::size_t digits = form_ == Form::Rfc5424Micro ? 26 : 19;
    return fmt::format("<{}>1 {}Z {} {} {} {} - {}", priority(record), record.time.substr(0, digits),
                       host_name(), source_.tag, ::getpid(), source_.tag, record.text);
  }

  std::string rfc3164(const LogRecord& record) const {
    const std::int64_t nanoseconds = parse_timestamp(record.time).value_or(0);
    const auto seconds = static_cast<time_t>(nanoseconds / 1'000'000'000);
    tm when{};
    ::localtime_r(&seconds, &when);
    char time[32];
    time[std::strftime(time, sizeof time, "%b %e %H:%M:%S", &when)] = '\0';
    // Syslog on this host adds its name by itself.
    const std::string host = is_local_ ? "" : host_name() + " ";
    return fmt::format("<{}>{} {}{}[{}]: {}", priority(record), time, host, source_.tag, ::getpid(),
                       record.text);
  }

  const unsigned facility_;
  const Form form_;
  const Framing framing_;
  const bool is_local_;
  const LogSource source_;
};

}  // namespace

Result<std::unique_ptr<LogEncoder>> make_syslog_encoder(const LogSettings& settings,
                                                        const LogSource& source) {
  const auto option = [&](const char* key) {
    const auto found = settings.options.find(key);
    return found == settings.options.end() ? std::string() : found->second;
  };
  const unsigned facility = TRY(parse_facility(option("syslog-facility")));
  const Form form = TRY(parse_form(option("syslog-format")));
  return std::make_unique<SyslogEncoder>(facility, form, TRY(LogAddress::of(settings)), source);
}

}  // namespace gantry::engine
