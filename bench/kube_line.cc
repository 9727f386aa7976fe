// SPDX-License-Identifier: Apache-2.0
#include "kube_line.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "http/connect.h"
#include "testing/must.h"

namespace gantry::bench {

using namespace std::chrono_literals;

constexpr std::size_t kRead = 64 << 10;  // bytes at once

Result<http::Stream> Server::connect(const http::TlsContext& tls) const {
  http::Stream stream = TRY(http::connect_tcp("127.0.0.1", port, std::chrono::steady_clock::now() + 30s));
  TRY(stream.start_tls(tls, "127.0.0.1"));
  return stream;
}

double Server::processor_time() const {
  const std::string stat = MUST(read_file(fmt::format("/proc/{}/stat", pid)));
  unsigned long user = 0, system = 0;
  (void)std::sscanf(stat.substr(stat.rfind(')')).c_str(),
                    ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::string text_of(const Call& call) {
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: application/json\r\n"
      "Content-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
      call.method, call.target, call.type, call.body.size(), call.body);
}

Line::Line(http::Stream stream) : stream_(std::move(stream)), buffer_(kRead) {}

Result<Line> Line::open(const Server& server) { return Line(TRY(server.connect(*server.http1))); }

Result<void> Line::send(std::string_view request) {
  in_.clear();
  finder_.start_over();
  head_size_ = 0;
  // No server leaves a request unread while it owes no answer, so this does not wait.
  return stream_.write(std::as_bytes(std::span(request)));
}

Result<bool> Line::is_whole() {
  if (head_size_ == 0) {
    const auto found = TRY(finder_.find(in_));
    if (!found) return false;
    const auto answer = TRY(http::parse_response(std::string_view(in_).substr(0, *found), "GET"));
    if (answer.framing.kind != http::Framing::Kind::Length)
      return error(Code::Unsupported, "an answer without a length");
    head_size_ = *found;
    size_ = head_size_ + answer.framing.length;
    status_ = answer.head.status;
  }
  return in_.size() >= size_;
}

Result<std::optional<std::string_view>> Line::take() {
  while (!TRY(is_whole())) {
    const auto attempt = TRY(stream_.try_read(buffer_));
    if (attempt.wants != http::Stream::Wants::Nothing) return std::nullopt;
    if (attempt.bytes == 0) return error(Code::DataLoss, "the server closed the connection");
    in_.append(reinterpret_cast<const char*>(buffer_.data()), attempt.bytes);
  }
  const std::string_view body = std::string_view(in_).substr(head_size_);
  if (status_ >= 300) return error(Code::Internal, "status {}: {}", status_, body);
  return body;
}

Result<std::string> Line::ask(const Call& call) {
  TRY(send(text_of(call)));
  for (;;) {
    const auto body = TRY_DURING(take(), "{} {}", call.method, call.target);
    if (body) return std::string(*body);
    TRY(stream_.wait_until(http::Stream::Wants::Reading));
  }
}

}  // namespace gantry::bench
