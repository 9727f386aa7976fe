// SPDX-License-Identifier: Apache-2.0
#include "engine/attach_shim.h"

#include <utility>

#include "container/blocking_shim_client.h"

namespace gantry::engine {

namespace {

std::uint16_t flags_of(const container::Config& config, const AttachRequest& request) {
  std::uint16_t flags = 0;
  if (request.stdin_too && config.open_stdin) flags |= shim::kAttachStdin;
  if (request.stdin_too && config.open_stdin && config.stdin_once) flags |= shim::kStdinOnce;
  if (request.stdout_too) flags |= shim::kAttachStdout;
  if (request.stderr_too) flags |= shim::kAttachStderr;
  if (request.is_lossless) flags |= shim::kLossless;
  return flags;
}

}  // namespace

Result<Attachment> attach_shim(const std::string& socket, const container::Config& config,
                               const AttachRequest& request) {
  auto shim = TRY(container::BlockingShimClient::connect(socket));
  TRY(shim.attach(shim::kContainerSession, flags_of(config, request)));
  return Attachment{
      .connection = std::move(shim).release(), .session = shim::kContainerSession, .is_terminal = config.tty};
}

}  // namespace gantry::engine
