// SPDX-License-Identifier: Apache-2.0
#include "docker/message_stream.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/human.h"

namespace gantry::docker {

static json::Writer message_with(std::string_view key, std::string_view text) {
  json::Writer message;
  message.begin_object().key(key).value(text);
  return message;
}

static void add_id(json::Writer& message, std::string_view id) {
  if (!id.empty()) message.key("id").value(id);
}

void MessageStream::status(std::string_view text, std::string_view id) {
  json::Writer message = message_with("status", text);
  // Clients take a message with an id and without progress for a line that replaces nothing.
  if (!id.empty()) message.key("progressDetail").begin_object().end_object();
  add_id(message, id);
  send(std::move(message));
}

void MessageStream::progress(std::string_view text, std::string_view id, std::uint64_t done,
                             std::uint64_t total) {
  json::Writer message = message_with("status", text);
  message.key("progressDetail").begin_object().key("current").value(done);
  if (total > 0) message.key("total").value(total);
  message.end_object();
  message.key("progress").value(progress_bar(done, total));
  add_id(message, id);
  send(std::move(message));
}

void MessageStream::stream(std::string_view text) { send(message_with("stream", text)); }

void MessageStream::aux(std::string_view json, std::string_view id) {
  json::Writer message;
  message.begin_object();
  add_id(message, id);
  message.key("aux").raw(json);
  send(std::move(message));
}

bool MessageStream::is_gone() const {
  MutexLock lock(mutex_);
  return is_gone_;
}

Result<void> MessageStream::finish(Result<void> outcome, int exit_code) {
  if (is_gone()) return error(Code::Unavailable, "the client has gone");
  if (outcome) {
    // Nothing to tell is an answer, too.
    return response_.has_started() ? Result<void>() : response_.start(200, 0);
  }
  if (!response_.has_started()) return outcome;
  write_error(outcome.error(), exit_code);
  return {};
}

void MessageStream::write_error(const Error& failure, int exit_code) {
  json::Writer message;
  message.begin_object();
  message.key("errorDetail").begin_object();
  if (exit_code != 0) message.key("code").value(exit_code);
  message.key("message").value(failure.message()).end_object();
  message.key("error").value(failure.message());
  send(std::move(message));
}

void MessageStream::send(json::Writer message) {
  message.end_object();
  const std::string line = std::move(message).text() + "\r\n";
  MutexLock lock(mutex_);
  if (is_gone_) return;
  Result<void> sent;
  if (!response_.has_started()) {
    response_.headers.set("Content-Type", "application/json");
    sent = response_.start(200);
  }
  if (sent) sent = response_.write(line);
  if (sent) return;
  is_gone_ = true;
  lock.unlock();
  if (on_gone_) on_gone_();
}

std::string progress_bar(std::uint64_t done, std::uint64_t total) {
  constexpr std::size_t kWidth = 50;
  if (total == 0) return human_size(done);
  const std::size_t full =
      static_cast<std::size_t>(std::min(double(done) / double(total), 1.0) * double(kWidth));
  const std::string_view head = full < kWidth ? ">" : "";
  const std::size_t rest = kWidth - full - head.size();
  return fmt::format("[{:=<{}}{}{: <{}}] {:>8}/{}", "", full, head, "", rest, human_size(done),
                     human_size(total));
}

}  // namespace gantry::docker
