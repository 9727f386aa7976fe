// SPDX-License-Identifier: Apache-2.0
//
// The same requests as shim_client.h for a thread that may wait: one request, its answer. Who attaches takes
// the connection out of it next, because output would come between the answers.
//
//   BlockingShimClient shim = TRY(BlockingShimClient::connect(socket_path));
//   TRY(shim.start());
//   shim::ExitStatus exit = TRY(shim.wait_exit(shim::kContainerSession, 10s));
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "container/shim_client.h"
#include "runtime/shim/protocol.h"

namespace gantry::container {

class BlockingShimClient {
 public:
  // How long an answer may take before it is an error (TimedOut): the runtime may have to freeze a group or
  // run hooks.
  static constexpr std::chrono::seconds kPatience{120};

  // Fails as ShimClient::connect does.
  static Result<BlockingShimClient> connect(const std::string& socket,
                                            std::chrono::milliseconds patience = kPatience);

  Result<shim::Status> status();
  Result<void> start();
  Result<void> signal(std::uint32_t session, int number, std::uint16_t flags = 0);
  Result<void> resize(std::uint32_t session, shim::WindowSize size);
  // Without streams: standard input is /dev/null, output is discarded.
  Result<ShimClient::Exec> exec(const std::string& process_file);
  // Attached with these flags. Give the connection to a ShimClient then, which gets the output from its first
  // byte on.
  Result<void> attach(std::uint32_t session, std::uint16_t flags);
  Result<ShimClient::Exec> exec(const std::string& process_file, std::uint16_t flags, shim::WindowSize size);
  UniqueFd release() && { return std::move(socket_); }

  // TimedOut when it still runs after `limit`.
  Result<shim::ExitStatus> wait_exit(std::uint32_t session, std::chrono::milliseconds limit);
  Result<void> remove(std::uint32_t session, bool force);

 private:
  BlockingShimClient(UniqueFd socket, std::chrono::milliseconds patience)
      : socket_(std::move(socket)), patience_(patience) {}
  // Sends a frame and answers the body of its Ok.
  Result<std::string> ask(const std::string& frame, std::uint32_t tag);

  UniqueFd socket_;
  std::chrono::milliseconds patience_;
  std::uint32_t last_tag_ = 0;
  std::string buffer_;
};

}  // namespace gantry::container
