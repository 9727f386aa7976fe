// SPDX-License-Identifier: Apache-2.0
#include "buildkit/ssh_forward.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <list>
#include <thread>

#include "base/file.h"
#include "base/unique_fd.h"
#include "buildkit/message.h"

namespace gantry::buildkit {
namespace {

constexpr std::string_view kCheckAgent = "/moby.sshforward.v1.SSH/CheckAgent";
constexpr std::string_view kForwardAgent = "/moby.sshforward.v1.SSH/ForwardAgent";
constexpr int kBacklog = 16;

Result<UniqueFd> listen_at(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.size() >= sizeof address.sun_path)
    return error(Code::InvalidArgument, "the path '{}' is too long", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(listener.get(), kBacklog) < 0)
    return sys_error("listen at '{}'", path);
  return listener;
}

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

struct SshForward::State {
  std::shared_ptr<Session> session;
  std::string id;
  std::string path;
  UniqueFd listener;
  UniqueFd stop;
  std::thread acceptor;

  struct Connection {
    UniqueFd socket;
    std::thread thread;
  };
  std::list<Connection> connections;  // of the acceptor, and of the destructor when that has ended

  void accept_all() {
    std::array<pollfd, 2> watched = {{{listener.get(), POLLIN, 0}, {stop.get(), POLLIN, 0}}};
    while (::poll(watched.data(), watched.size(), -1) >= 0 || errno == EINTR) {
      if (watched[1].revents != 0) return;
      UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) continue;
      Connection& connection = connections.emplace_back();
      connection.socket = std::move(socket);
      connection.thread = std::thread([this, fd = connection.socket.get()] { carry(*session, id, fd); });
    }
  }
};

SshForward::SshForward(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<SshForward>> SshForward::open(std::shared_ptr<Session> session, const std::string& id,
                                                     std::string path) {
  TRY(session->require(kForwardAgent));
  pb::CheckAgentRequest request;
  request.set_id(id);
  TRY(grpc::call_unary(session->connection(), kCheckAgent, request.SerializeAsString()));
  auto state = std::make_unique<State>();
  state->listener = TRY(listen_at(path));
  state->stop = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!state->stop) return sys_error("make an eventfd");
  state->session = std::move(session);
  state->id = id;
  state->path = std::move(path);
  state->acceptor = std::thread([raw = state.get()] { raw->accept_all(); });
  return std::unique_ptr<SshForward>(new SshForward(std::move(state)));
}

SshForward::~SshForward() {
  const std::uint64_t one = 1;
  (void)!::write(state_->stop.get(), &one, sizeof one);  // cannot fail: one is far from the counter's end
  state_->acceptor.join();
  for (State::Connection& connection : state_->connections) {
    ::shutdown(connection.socket.get(), SHUT_RDWR);
    connection.thread.join();
  }
  (void)::unlink(state_->path.c_str());  // somebody may have tidied up
}

const std::string& SshForward::path() const { return state_->path; }

}  // namespace gantry::buildkit
