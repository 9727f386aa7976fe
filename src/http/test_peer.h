// SPDX-License-Identifier: Apache-2.0
//
// Peers for tests that say exactly what they are told, right or wrong, byte by byte.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "http/listener.h"
#include "testing/must.h"

namespace gantry::http::testing {

class RawPeer {
 public:
  explicit RawPeer(UniqueFd socket) : socket_(std::move(socket)) {}
  static RawPeer connect(std::uint16_t port) {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) std::abort();
    return RawPeer(std::move(socket));
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0) return;  // the other side has had enough
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Up to the end of `mark`; what comes behind it is kept. Everything, when the end comes first.
  std::string read_to(std::string_view mark) {
    std::size_t found = std::string::npos;
    while ((found = received_.find(mark)) == std::string::npos && receive()) {
    }
    const std::size_t size = found == std::string::npos ? received_.size() : found + mark.size();
    std::string result = received_.substr(0, size);
    received_.erase(0, size);
    return result;
  }
  std::string read(std::size_t bytes) {
    while (received_.size() < bytes && receive()) {
    }
    std::string result = received_.substr(0, bytes);
    received_.erase(0, result.size());
    return result;
  }
  // Until the other side closes; "RESET" at the end when it did so the hard way.
  std::string read_all() {
    while (receive()) {
    }
    return std::exchange(received_, {}) + (was_reset_ ? "RESET" : "");
  }
  std::string read_head() { return read_to("\r\n\r\n"); }
  void end() { ::shutdown(socket_.get(), SHUT_WR); }
  int fd() const { return socket_.get(); }
  UniqueFd take() { return std::move(socket_); }

 private:
  bool receive() {
    pollfd waited{.fd = socket_.get(), .events = POLLIN};
    if (::poll(&waited, 1, 10'000) != 1) {
      ADD_FAILURE() << "nothing came for ten seconds, after: " << received_;
      return false;
    }
    char buffer[64 << 10];
    const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    was_reset_ = got < 0;
    if (got > 0) received_.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }

  UniqueFd socket_;
  std::string received_;
  bool was_reset_ = false;
};

// Serves one connection after the other with `script`, until it goes.
class ScriptedServer {
 public:
  using Script = std::function<void(RawPeer&)>;

  explicit ScriptedServer(Script script)
      : listener_(MUST(Listener::tcp("127.0.0.1", 0))),
        script_(std::move(script)),
        thread_([this] { serve(); }) {}
  ~ScriptedServer() {
    ::shutdown(listener_.fd(), SHUT_RDWR);  // accept(2) fails from now on
    thread_.join();
  }
  std::uint16_t port() const { return listener_.port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
  int connections() const { return connections_; }

 private:
  void serve() {
    for (;;) {
      pollfd waited{.fd = listener_.fd(), .events = POLLIN};
      ::poll(&waited, 1, -1);
      UniqueFd socket(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) return;
      ++connections_;
      RawPeer peer(std::move(socket));
      script_(peer);
    }
  }

  Listener listener_;
  Script script_;
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace gantry::http::testing
