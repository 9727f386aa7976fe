// SPDX-License-Identifier: Apache-2.0
//
// Our HTTP server under our HTTP client, over loopback:
//
//   bench_http            requests a second on kept connections, MB/s of a file, memory at rest
//   bench_http serve DIR  only serves DIR/file at a port that it prints, for other clients
#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file.h"
#include "http/client.h"
#include "http/server.h"

using namespace gantry;
using namespace gantry::http;
using std::chrono::steady_clock;

namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().message());
    std::exit(1);
  }
  return detail_take_value(std::move(result));
}

double seconds_since(steady_clock::time_point began) {
  return std::chrono::duration<double>(steady_clock::now() - began).count();
}

Handler serve_file(int file, std::uint64_t size) {
  return [file, size](Request& request, ResponseWriter& response) -> Result<void> {
    if (request.path() == "/file") return send_ranged_file(request, response, file, size, "\"bench\"");
    return response.send(200, "hello\n");
  };
}

std::unique_ptr<Server> start(int file, std::uint64_t size) {
  std::vector<Listener> listeners;
  listeners.push_back(must(Listener::tcp("127.0.0.1", 0)));
  return must(Server::start(std::move(listeners), serve_file(file, size)));
}

void ask_many(Client& client, const Url& url, std::size_t connections) {
  constexpr auto kTime = std::chrono::seconds(3);
  std::vector<std::vector<double>> latencies(connections);
  std::vector<std::thread> threads;
  const auto began = steady_clock::now();
  for (auto& mine : latencies)
    threads.emplace_back([&] {
      while (steady_clock::now() - began < kTime) {
        const auto asked = steady_clock::now();
        auto response = must(client.send({.url = url}));
        if (must(response.read_body()) != "hello\n") std::abort();
        mine.push_back(seconds_since(asked) * 1e6);
      }
    });
  for (std::thread& thread : threads) thread.join();
  const double elapsed = seconds_since(began);
  std::vector<double> all;
  for (const auto& mine : latencies) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  fmt::print("keep-alive, {:2} connections: {:8.0f} requests/s, median {:5.0f} us, p99 {:5.0f} us\n",
             connections, static_cast<double>(all.size()) / elapsed, all[all.size() / 2],
             all[all.size() * 99 / 100]);
}

void get_file(Client& client, const Url& url, std::uint64_t size) {
  const auto began = steady_clock::now();
  auto response = must(client.send({.url = url}));
  std::vector<std::byte> buffer(256 << 10);
  std::uint64_t total = 0;
  while (const std::size_t got = must(response.body().read(buffer))) total += got;
  if (total != size) std::abort();
  fmt::print("a file of {} MB: {:.0f} MB/s\n", size / 1'000'000,
             static_cast<double>(size) / 1e6 / seconds_since(began));
}

// KiB of this process.
unsigned long memory(std::string_view field) {
  const std::string status = must(read_file("/proc/self/smaps_rollup"));
  return std::strtoul(status.c_str() + status.find(field) + field.size(), nullptr, 10);
}

// Connections that have asked once and wait.
void idle_many(std::uint16_t port) {
  constexpr std::size_t kConnections = 400;
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const unsigned long before = memory("Private_Dirty:");
  std::vector<UniqueFd> sockets;
  for (std::size_t i = 0; i < kConnections; ++i) {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char answer[1024];
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
        ::send(socket.get(), kRequest.data(), kRequest.size(), 0) < 0 ||
        ::recv(socket.get(), answer, sizeof answer, 0) <= 0)
      std::abort();
    sockets.push_back(std::move(socket));
  }
  fmt::print("{} idle connections: {:.1f} KiB each\n", kConnections,
             static_cast<double>(memory("Private_Dirty:") - before) / kConnections);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "serve") {
    const UniqueFd file = must(open_at(AT_FDCWD, std::string(argv[2]) + "/file", O_RDONLY));
    const auto server = start(file.get(), static_cast<std::uint64_t>(::lseek(file.get(), 0, SEEK_END)));
    fmt::print("{}\n", server->listeners().front().port());
    std::fflush(stdout);
    for (;;) ::pause();
  }
  constexpr std::uint64_t kSize = 1'000'000'000;
  const UniqueFd file(::memfd_create("bench", MFD_CLOEXEC));
  if (::posix_fallocate(file.get(), 0, kSize) != 0) std::abort();
  const auto server = start(file.get(), kSize);
  const Url url = must(Url::parse("http://" + server->listeners().front().name() + "/"));
  fmt::print("the process at rest: RSS {} KiB, of its own {} KiB\n", memory("Rss:"),
             memory("Private_Dirty:"));
  idle_many(server->listeners().front().port());
  Client client({.max_idle_per_origin = 64});
  ask_many(client, url, 1);
  ask_many(client, url, 16);
  for (int i = 0; i < 3; ++i) get_file(client, must(url.resolve("/file")), kSize);
  client.close_idle();
}
