// SPDX-License-Identifier: Apache-2.0
#include "build/agent_listener.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::build {
namespace {

constexpr int kBacklog = 16;

// By the directory's descriptor: a path may be longer than an address can hold.
Result<UniqueFd> open_parent(const std::string& path, sockaddr_un& address) {
  const std::size_t slash = path.rfind('/');
  UniqueFd parent = TRY(open_at(AT_FDCWD, path.substr(0, slash + 1), O_PATH | O_DIRECTORY));
  const std::string name = fmt::format("/proc/self/fd/{}/{}", parent.get(), path.substr(slash + 1));
  if (name.size() >= sizeof address.sun_path)
    return error(Code::InvalidArgument, "the name of the socket '{}' is too long", path);
  address = {.sun_family = AF_UNIX};
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  return parent;
}

Result<UniqueFd> listen_at(const std::string& path, const AgentListener::Access& access) {
  sockaddr_un address{};
  const UniqueFd parent = TRY(open_parent(path, address));
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return sys_error("bind a socket to '{}'", path);
  if (::chmod(address.sun_path, access.mode) < 0 || ::lchown(address.sun_path, access.uid, access.gid) < 0 ||
      ::listen(listener.get(), kBacklog) < 0) {
    Error failure = sys_error("listen at '{}'", path);
    (void)::unlink(path.c_str());  // nobody will serve it
    return failure;
  }
  return listener;
}

Result<UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  const UniqueFd parent = TRY(open_parent(path, address));
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return sys_error("connect to the agent '{}'", path);
  return socket;
}

// False at the end of `from`.
bool hand_on(int from, int to) {
  std::array<char, 16 << 10> buffer;
  const ssize_t size = ::read(from, buffer.data(), buffer.size());
  if (size < 0 && errno == EINTR) return true;
  return size > 0 && write_all(to, {buffer.data(), static_cast<std::size_t>(size)}, "an agent's client");
}

void relay(int client, int agent) {
  std::array<pollfd, 2> watched = {{{client, POLLIN, 0}, {agent, POLLIN, 0}}};
  for (;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (watched[0].revents != 0 && !hand_on(client, agent)) return;
    if (watched[1].revents != 0 && !hand_on(agent, client)) return;
  }
}

}  // namespace

Result<std::unique_ptr<AgentListener>> AgentListener::open(std::string path, const Access& access,
                                                           Serve serve) {
  UniqueFd listener = TRY(listen_at(path, access));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return sys_error("make an eventfd");
  return std::unique_ptr<AgentListener>(
      new AgentListener(std::move(path), std::move(listener), std::move(stop), std::move(serve)));
}

AgentListener::AgentListener(std::string path, UniqueFd listener, UniqueFd stop, Serve serve)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      stop_(std::move(stop)),
      serve_(std::move(serve)),
      acceptor_([this] { accept_all(); }) {}

void AgentListener::accept_all() {
  std::array<pollfd, 2> watched = {{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (::poll(watched.data(), watched.size(), -1) >= 0 || errno == EINTR) {
    if (watched[1].revents != 0) return;
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) continue;
    Connection& connection = connections_.emplace_back();
    connection.socket = std::move(socket);
    connection.thread = std::thread([this, fd = connection.socket.get()] {
      serve_(fd);
      ::shutdown(fd, SHUT_RDWR);  // the descriptor is closed at the end of all
    });
  }
}

AgentListener::~AgentListener() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);  // cannot fail: one is far from the counter's end
  acceptor_.join();
  for (Connection& connection : connections_) {
    ::shutdown(connection.socket.get(), SHUT_RDWR);
    connection.thread.join();
  }
  (void)::unlink(path_.c_str());  // somebody may have tidied up
}

AgentListener::Serve relay_to_agent(std::string path) {
  return [path = std::move(path)](int client) {
    // Without an agent there the client sees the end at once, as it would at the agent's own socket.
    if (const auto agent = connect_to(path)) relay(client, agent->get());
  };
}

}  // namespace gantry::build
