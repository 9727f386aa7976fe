// SPDX-License-Identifier: Apache-2.0
//
//   bench_packets serve PORT
//   bench_packets stream ADDRESS PORT STREAMS SECONDS      prints MB/s
//   bench_packets ask ADDRESS PORT STREAMS SECONDS         prints requests a second, and their median and p99
//   in us bench_packets connect ADDRESS PORT STREAMS SECONDS     prints connections a second
//
// TCP load that bench/network.py starts at both ends of a path: bytes one way, requests of 64 bytes with
// answers, or connections of one request each.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMessage = 64;
constexpr std::size_t kChunk = 128 << 10;
constexpr char kStream = 's';
constexpr char kAsk = 'a';

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

bool receive_all(int fd, char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::recv(fd, data, size, 0);
    if (got <= 0) return false;
    data += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

void no_delay(int fd) {
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// What it does with a connection is said by its first byte.
void answer(int fd) {
  std::vector<char> buffer(kChunk);
  no_delay(fd);
  char kind = 0;
  if (receive_all(fd, &kind, 1)) {
    if (kind == kStream)
      while (::recv(fd, buffer.data(), buffer.size(), 0) > 0) {
      }
    else
      while (receive_all(fd, buffer.data(), kMessage) &&
             ::send(fd, buffer.data(), kMessage, MSG_NOSIGNAL) > 0) {
      }
  }
  (void)::close(fd);
}

// Threads that each serve one connection after the other: making one for each connection would be most of
// what "connect" measures, and where ends come late there would be more of them than a machine has.
[[noreturn]] void serve(int port) {
  constexpr int kAtOnce = 64;  // more than any load has streams
  const int server = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  (void)::setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in any{.sin_family = AF_INET, .sin_port = htons(static_cast<std::uint16_t>(port))};
  if (::bind(server, reinterpret_cast<const sockaddr*>(&any), sizeof any) < 0) fail("bind");
  if (::listen(server, 1024) < 0) fail("listen");
  const auto accept_and_answer = [server] {
    for (;;) {
      const int fd = ::accept(server, nullptr, nullptr);
      if (fd < 0) fail("accept");
      answer(fd);
    }
  };
  for (int i = 1; i < kAtOnce; ++i) std::thread(accept_and_answer).detach();
  std::puts("ready");
  std::fflush(stdout);
  accept_and_answer();
  std::unreachable();
}

struct Load {
  sockaddr_in to{};
  Clock::time_point end;
  std::size_t done = 0;        // bytes, requests or connections
  std::vector<float> us = {};  // of each request

  int open(char kind) const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) fail("connect");
    no_delay(fd);
    if (::send(fd, &kind, 1, 0) != 1) fail("send");
    return fd;
  }
  bool ask_once(int fd) {
    char message[kMessage] = {};
    return ::send(fd, message, sizeof message, 0) == static_cast<ssize_t>(sizeof message) &&
           receive_all(fd, message, sizeof message);
  }
  void stream() {
    const int fd = open(kStream);
    const std::vector<char> chunk(kChunk);
    while (Clock::now() < end) {
      const ssize_t sent = ::send(fd, chunk.data(), chunk.size(), 0);
      if (sent < 0) fail("send");
      done += static_cast<std::size_t>(sent);
    }
    (void)::close(fd);
  }
  void ask() {
    const int fd = open(kAsk);
    for (auto start = Clock::now(); start < end; ++done) {
      if (!ask_once(fd)) fail("ask");
      const auto now = Clock::now();
      us.push_back(std::chrono::duration<float, std::micro>(now - start).count());
      start = now;
    }
    (void)::close(fd);
  }
  void connect() {
    for (; Clock::now() < end; ++done) {
      const int fd = open(kAsk);
      if (!ask_once(fd)) fail("ask");
      // Without waiting in TIME_WAIT, of which there would be more than ports.
      const linger now{.l_onoff = 1, .l_linger = 0};
      (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      (void)::close(fd);
    }
  }
};

void report(std::string_view kind, std::vector<Load>& loads, double seconds) {
  double done = 0;
  std::vector<float> us;
  for (const Load& load : loads) {
    done += static_cast<double>(load.done);
    us.insert(us.end(), load.us.begin(), load.us.end());
  }
  std::ranges::sort(us);
  std::printf("%.1f", kind == "stream" ? done / seconds / 1e6 : done / seconds);
  if (!us.empty()) std::printf(" %.0f %.0f", us[us.size() / 2], us[us.size() * 99 / 100]);
  std::puts("");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc > 1 ? argv[1] : "";
  if (kind == "serve" && argc == 3) serve(std::atoi(argv[2]));
  if ((kind != "stream" && kind != "ask" && kind != "connect") || argc != 6) {
    std::fputs("see the head of bench/packets.cc\n", stderr);
    return 2;
  }
  const double seconds = std::atof(argv[5]);
  Load load{.end = Clock::now() + std::chrono::milliseconds(static_cast<long>(seconds * 1000))};
  load.to = {.sin_family = AF_INET, .sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[3])))};
  if (::inet_pton(AF_INET, argv[2], &load.to.sin_addr) != 1) fail("address");
  std::vector<Load> loads(static_cast<std::size_t>(std::max(1, std::atoi(argv[4]))), load);
  std::vector<std::thread> threads;
  for (Load& each : loads)
    threads.emplace_back(kind == "stream" ? &Load::stream
                         : kind == "ask"  ? &Load::ask
                                          : &Load::connect,
                         &each);
  for (std::thread& thread : threads) thread.join();
  report(kind, loads, seconds);
}
