// SPDX-License-Identifier: Apache-2.0
//
// The same requests as shim_client.h for a thread that may wait: one request, its answer.
//
//   BlockingShimClient shim = TRY(BlockingShimClient::connect(socket_path));
//   TRY(shim.start());
//   shim::ExitStatus exit = TRY(shim.wait_exit(shim::kContainerSession, 10s));
//
// What it attaches to is for somebody else to read: release() gives the connection to a ShimClient, with all
// output still in it.
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
  // After these two there may be output in the way of other answers: release() it.
  Result<void> attach(std::uint32_t session, std::uint16_t flags);
  Result<ShimClient::Exec> exec(const std::string& process_file, std::uint16_t flags = 0,
                                shim::WindowSize size = {});
  Result<void> close_stdin(std::uint32_t session);
  Result<void> signal(std::uint32_t session, int number, std::uint16_t flags = 0);
  Result<void> resize(std::uint32_t session, shim::WindowSize size);
  // TimedOut when it still runs after `limit`.
  Result<shim::ExitStatus> wait_exit(std::uint32_t session, std::chrono::milliseconds limit);
  Result<void> remove(std::uint32_t session, bool force);

  // The connection, to go on with elsewhere.
  UniqueFd release() && { return std::move(socket_); }

 private:
  using Time = std::chrono::steady_clock::time_point;

  BlockingShimClient(UniqueFd socket, std::chrono::milliseconds patience)
      : socket_(std::move(socket)), patience_(patience) {}
  shim::Address new_address(std::uint32_t session) { return {.tag = ++last_tag_, .session = session}; }
  // Sends a request and answers its Ok; the body is a view into buffer_.
  Result<shim::Answer> ask(const std::string& frame);
  Result<void> send(const std::string& frame, Time deadline);
  // The next frame.
  Result<shim::Answer> receive(Time deadline);
  Result<void> wait_for(short events, Time deadline);

  UniqueFd socket_;
  std::chrono::milliseconds patience_;
  std::uint32_t last_tag_ = 0;
  std::string buffer_;
};

}  // namespace gantry::container
