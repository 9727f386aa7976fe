// SPDX-License-Identifier: Apache-2.0
#include "registry/access_log.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/timestamp.h"

namespace gantry::registry {

// What a client sent must not end a line, leave its quotes, or speak to a terminal.
static std::string quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out.append(1, '\\').append(1, c);
    else if (byte < 0x20 || byte >= 0x7f)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

static std::string or_dash(std::string_view text) { return text.empty() ? "-" : quoted(text); }

// The address without its port: "[2001:db8::1]:4711", "192.0.2.1:4711", "unix".
static std::string_view host_of(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  return colon == address.npos ? address : address.substr(0, colon);
}

std::string access_line(AccessLogFormat format, const http::RequestSummary& summary, std::string_view user,
                        timespec time) {
  const http::RequestHead& head = summary.head;
  const auto header = [&](std::string_view name) { return head.headers.get_or(name, ""); };
  const double milliseconds = std::chrono::duration<double, std::milli>(summary.duration).count();
  if (format == AccessLogFormat::Json) {
    json::Writer w;
    w.begin_object().key("time").value(format_timestamp(time));
    w.key("remote").value(summary.peer.address);
    if (!user.empty()) w.key("user").value(user);
    w.key("method").value(head.method).key("target").value(head.target).key("status").value(summary.status);
    w.key("received").value(summary.bytes_read).key("sent").value(summary.bytes_written);
    w.key("milliseconds").value(milliseconds).key("agent").value(header("User-Agent"));
    if (summary.error != nullptr) w.key("error").value(summary.error->message());
    w.end_object();
    return std::move(w).text();
  }
  std::tm utc{};
  ::gmtime_r(&time.tv_sec, &utc);
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  return fmt::format("{} - {} [{:02}/{}/{}:{:02}:{:02}:{:02} +0000] \"{} {} HTTP/{}\" {} {} \"{}\" \"{}\"",
                     host_of(summary.peer.address), or_dash(user), utc.tm_mday,
                     kMonths.substr(static_cast<std::size_t>(utc.tm_mon) * 3, 3), utc.tm_year + 1900,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, quoted(head.method), quoted(head.target),
                     head.is_http_1_0 ? "1.0" : "1.1", summary.status, summary.bytes_written,
                     or_dash(header("Referer")), or_dash(header("User-Agent")));
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const AccessLogConfig& config) {
  std::unique_ptr<AccessLog> log(new AccessLog(config));
  TRY(log->reopen());
  return log;
}

Result<void> AccessLog::reopen() {
  if (!is_on()) return {};
  UniqueFd file;
  if (config_.path == "-") {
    file.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!file) return sys_error("use standard output for the access log");
  } else {
    file = TRY_DURING(open_at(AT_FDCWD, config_.path, O_WRONLY | O_APPEND | O_CREAT, 0640), "access log");
  }
  const MutexLock lock(mutex_);
  file_ = std::move(file);
  return {};
}

void AccessLog::write(const http::RequestSummary& summary, std::string_view user) {
  if (!is_on()) return;
  const std::string line = access_line(config_.format, summary, user, wall_clock_now()) + "\n";
  const MutexLock lock(mutex_);
  (void)::write(file_.get(), line.data(), line.size());  // nobody could be told
}

}  // namespace gantry::registry
