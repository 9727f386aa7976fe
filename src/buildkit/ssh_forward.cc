// SPDX-License-Identifier: Apache-2.0
#include "buildkit/ssh_forward.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <thread>
#include <utility>

#include "base/file.h"
#include "buildkit/message.h"

namespace gantry::buildkit {
namespace {

constexpr std::string_view kCheckAgent = "/moby.sshforward.v1.SSH/CheckAgent";
constexpr std::string_view kForwardAgent = "/moby.sshforward.v1.SSH/ForwardAgent";

// What one side says goes to the other, until either ends.
void carry(Session& session, const std::string& id, int socket) {
  auto begun = grpc::ClientCall::begin(session.connection(), kForwardAgent, {{"buildkit.ssh.id", id}});
  if (!begun) return;
  grpc::ClientCall& call = *begun;
  std::thread answers([&] {
    for (;;) {
      const Result<std::optional<std::string>> bytes = call.read();
      if (!bytes || !*bytes) break;
      const auto message = parse<pb::BytesMessage>(**bytes, kForwardAgent);
      if (!message || !write_all(socket, message->data(), "an agent's client")) break;
    }
    ::shutdown(socket, SHUT_RDWR);
  });
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = ::read(socket, buffer.data(), buffer.size());
    if (size <= 0) break;
    pb::BytesMessage message;
    message.set_data(buffer.data(), static_cast<std::size_t>(size));
    if (!call.write(message.SerializeAsString())) break;
  }
  (void)call.finish_writing();  // the client may have gone
  answers.join();
}

}  // namespace

Result<std::unique_ptr<build::AgentListener>> forward_agent(std::shared_ptr<Session> session,
                                                            const std::string& id, std::string path) {
  TRY(session->require(kForwardAgent));
  pb::CheckAgentRequest request;
  request.set_id(id);
  TRY(grpc::call_unary(session->connection(), kCheckAgent, request.SerializeAsString()));
  return build::AgentListener::open(
      std::move(path), {}, [session = std::move(session), id](int socket) { carry(*session, id, socket); });
}

}  // namespace gantry::buildkit
