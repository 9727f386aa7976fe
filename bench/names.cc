// SPDX-License-Identifier: Apache-2.0
//
// What the name service answers: names of a network, and answers of other servers that it remembers.
//
//   bench_names [seconds]
//
// Server and asker run in one process on the loopback interface; the asker keeps 16 questions open, as many
// containers would, and is a realtime thread, so that on a busy machine it is the server's delays that are
// measured. The floor is a thread that sends back what it gets. Prints answers a second, also for each second
// of the server thread's own processor time, and how long an answer takes.
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "network/dns_message.h"
#include "network/name_server.h"
#include "network/namespace_sockets.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace {

using namespace gantry;
using namespace gantry::network;
using namespace std::string_literals;
using Clock = std::chrono::steady_clock;

constexpr int kOpen = 16;
constexpr std::uint32_t kServerAddress = 0x7f00000b;  // 127.0.0.11

std::string query_for(const std::string& label) {
  return "\0\0\1\0\0\1\0\0\0\0\0\0"s + static_cast<char>(label.size()) + label + "\0\0\1\0\1"s;
}

UniqueFd connect_to(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in to{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(kServerAddress)}};
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) std::abort();
  return fd;
}

double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void ask(const char* what, std::uint16_t port, const std::string& label, double seconds) {
  const UniqueFd fd = connect_to(port);
  std::string query = query_for(label);
  std::array<Clock::time_point, kOpen> sent;
  std::vector<float> times;  // microseconds
  const auto send = [&](int slot) {
    query[1] = static_cast<char>(slot);
    sent[static_cast<std::size_t>(slot)] = Clock::now();
    if (::send(fd.get(), query.data(), query.size(), 0) < 0) std::abort();
  };
  const double began = seconds_of(CLOCK_MONOTONIC);
  const double others = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - seconds_of(CLOCK_THREAD_CPUTIME_ID);
  for (int slot = 0; slot < kOpen; ++slot) send(slot);
  while (seconds_of(CLOCK_MONOTONIC) - began < seconds) {
    char answer[512];
    if (::recv(fd.get(), answer, sizeof answer, 0) < static_cast<ssize_t>(query.size())) std::abort();
    const int slot = answer[1];
    const auto took = Clock::now() - sent[static_cast<std::size_t>(slot)];
    times.push_back(std::chrono::duration<float, std::micro>(took).count());
    send(slot);
  }
  const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - seconds_of(CLOCK_THREAD_CPUTIME_ID) - others;
  std::sort(times.begin(), times.end());
  const auto count = static_cast<double>(times.size());
  std::printf("%-12s %8.0f answers/s   %8.0f answers/s of its thread   p50 %4.0f us   p99 %4.0f us\n", what,
              count / seconds, count / cpu, times[times.size() / 2], times[times.size() * 99 / 100]);
}

// Sends back whatever comes, until it is an empty message.
void echo(int fd) {
  for (;;) {
    std::array<std::byte, 512> bytes;
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    auto* from = reinterpret_cast<sockaddr*>(&peer);
    const ssize_t n = ::recvfrom(fd, bytes.data(), bytes.size(), 0, from, &size);
    if (n <= 0) return;
    (void)::sendto(fd, bytes.data(), static_cast<std::size_t>(n), 0, from, size);
  }
}

UniqueFd bind_at(std::uint32_t address) {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in at{.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(address)}};
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0) std::abort();
  return fd;
}

// Threads that this one starts from then on are, too.
void become_realtime() {
  const sched_param param{.sched_priority = 1};
  if (::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &param) != 0)
    std::fprintf(stderr, "not allowed to be a realtime thread: delays of the asker count as well\n");
}

// Answers one question, so that the name service remembers it.
void serve_once(int fd) {
  std::array<std::byte, 512> bytes;
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  const ssize_t n = ::recvfrom(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
  const auto query = parse_query(std::span(bytes).first(static_cast<std::size_t>(n)));
  DnsAnswer answer(*query, ResponseCode::NoError);
  answer.add(in_addr{.s_addr = htonl(0xc0000201)}, 3600);
  const std::string text = std::move(answer).finish(512);
  (void)::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 3;
  const UniqueFd outside = bind_at(INADDR_LOOPBACK);
  std::thread upstream([&] { serve_once(outside.get()); });

  testing::TempDir dir;
  MUST(replace_file_at(dir.fd(), "resolv.conf", "nameserver 127.0.0.1\n", 0644));
  Logger log(2, {.level = LogLevel::Warning});
  const auto server = MUST(NameServer::start(
      {.host_resolv_conf = dir / "resolv.conf", .upstream_port = MUST(port_of(outside.get()))}, log));
  const std::vector<NamedEndpoint> endpoints = {
      {.owner = "web", .names = {"web"}, .ipv4 = {{.s_addr = htonl(0xac120002)}}}};
  server->set_names("1", NameTable::make("shop", endpoints));
  const NamePorts ports = MUST(server->add_sandbox("box", {.networks = {{"1", {}}}}));

  const UniqueFd floor = bind_at(kServerAddress);
  const std::uint16_t floor_port = MUST(port_of(floor.get()));
  std::thread echoing([&] { echo(floor.get()); });

  become_realtime();
  ask("floor", floor_port, "web", seconds);
  ask("local name", ports.udp, "web", seconds);
  ask("remembered", ports.udp, "outside", seconds);
  upstream.join();
  (void)::send(connect_to(floor_port).get(), "", 0, 0);
  echoing.join();
}
