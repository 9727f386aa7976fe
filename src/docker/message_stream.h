// SPDX-License-Identifier: Apache-2.0
//
// What a long operation tells its client while it works: one JSON object a line, each sent at once. docker
// calls them JSON messages, and its clients make bars and lines of them.
//
//   MessageStream messages(response);
//   messages.status("Pulling from library/busybox", "latest");
//   return messages.finish(pull(...));
//
// Nothing is sent before the first message, so that an operation that fails at once is answered with a status
// of its own. Messages may come from several threads at once; one that cannot be sent is dropped, and
// is_gone() is true from then on.
//
// https://docs.docker.com/reference/api/engine/ (BuildInfo, CreateImageInfo, PushImageInfo)
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/mutex.h"
#include "http/server.h"

namespace gantry::docker {

class MessageStream {
 public:
  // The first message that cannot be sent calls `on_gone` once: who works for nobody may stop.
  explicit MessageStream(http::ResponseWriter& response, std::function<void()> on_gone = {})
      : response_(response), on_gone_(std::move(on_gone)) {}

  // A line about the whole, or about the part `id`.
  void status(std::string_view text, std::string_view id = {});
  // So many bytes of a part are done; `total` 0: nobody knows of how many.
  void progress(std::string_view text, std::string_view id, std::uint64_t done, std::uint64_t total);
  // Text as it is, line ends included: the output of builds.
  void stream(std::string_view text);
  // A result for programs. `json` is a value's text.
  void aux(std::string_view json, std::string_view id = {});

  bool is_gone() const;
  // How a handler ends. A failure that comes after the first message is told as a message; one before is
  // handed on, to be answered. `exit_code` is what clients shall end with; 0: they know themselves.
  Result<void> finish(Result<void> outcome, int exit_code = 0);

 private:
  void send(json::Writer message);
  void write_error(const Error& failure, int exit_code);

  http::ResponseWriter& response_;
  const std::function<void()> on_gone_;
  mutable Mutex mutex_;  // guards what follows, and response_
  bool is_gone_ GUARDED_BY(mutex_) = false;
};

// The bar that clients without one of their own show: "[=====>      ]  1.5MB/3MB".
std::string progress_bar(std::uint64_t done, std::uint64_t total);

}  // namespace gantry::docker
