// SPDX-License-Identifier: Apache-2.0
#include "network/name_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "base/byte_stream.h"
#include "base/file.h"
#include "kernel/netlink.h"
#include "network/dns_message.h"
#include "network/namespace_sockets.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::network {
namespace {

using namespace std::string_literals;

in_addr ipv4(const std::string& text) {
  in_addr address{};
  EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), &address), 1);
  return address;
}

std::string query_for(const std::string& name, RecordType type = RecordType::A, bool with_edns = false) {
  std::string bytes = "\x12\x34\1\0\0\1\0\0\0\0\0"s + (with_edns ? '\1' : '\0');
  for (std::size_t at = 0; at < name.size();) {
    const std::string label = name.substr(at, name.find('.', at) - at);
    bytes += static_cast<char>(label.size()) + label;
    at += label.size() + 1;
  }
  bytes += "\0\0"s + static_cast<char>(type) + "\0\1"s;
  return with_edns ? bytes + "\0\0\x29\x10\0\0\0\0\0\0\0"s : bytes;
}

UniqueFd connect_to(int network_namespace, int type, const std::string& address, std::uint16_t port) {
  UniqueFd fd = MUST(open_socket_in(network_namespace, AF_INET, type));
  const sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = ipv4(address)};
  (void)::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  return fd;
}

// Waits for as long as it takes, a quarter of a minute at most.
bool is_readable(int fd) {
  pollfd poll{.fd = fd, .events = POLLIN};
  return ::poll(&poll, 1, 15'000) == 1;
}

std::string receive_udp(int fd) {
  std::string answer(65536, '\0');
  const ssize_t n = is_readable(fd) ? ::recv(fd, answer.data(), answer.size(), 0) : -1;
  answer.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return answer;
}

std::string receive_tcp(int fd) {
  std::string answer;
  const auto size = [&]() -> std::size_t {
    const auto byte = [&](std::size_t at) { return std::size_t{static_cast<std::uint8_t>(answer[at])}; };
    return answer.size() < 2 ? 2 : 2 + (byte(0) << 8 | byte(1));
  };
  while (answer.size() < size() && is_readable(fd)) {
    char c = 0;
    if (::recv(fd, &c, 1, 0) != 1) return "";
    answer += c;
  }
  return answer.substr(std::min<std::size_t>(2, answer.size()));
}

std::string with_length(const std::string& message) {
  return std::string{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())} + message;
}

// The addresses of an answer, "cut" or the number of its code.
std::vector<std::string> summary_of(const std::string& answer) {
  const auto response = parse_response(bytes_of(answer));
  if (!response) return {"no response"};
  if (response->is_cut) return {"cut"};
  if (response->code != ResponseCode::NoError) return {std::to_string(static_cast<int>(response->code))};
  std::vector<std::string> addresses;
  for (const std::uint16_t offset : response->ttl_offsets) {
    char text[INET6_ADDRSTRLEN];
    const bool is_ipv4 = answer[offset + 5U] == 4;
    addresses.emplace_back(
        ::inet_ntop(is_ipv4 ? AF_INET : AF_INET6, answer.data() + offset + 6, text, sizeof text));
  }
  return addresses;
}

using Addresses = std::vector<std::string>;

// A name server of the world outside, at a loopback address.
class Upstream {
 public:
  using Handler = std::function<std::string(const DnsQuery&, bool is_tcp)>;  // empty: no answer

  // Port 0: one that is free.
  Upstream(const std::string& address, std::uint16_t port, Handler handler) : handler_(std::move(handler)) {
    do {
      udp_ = bound_socket(SOCK_DGRAM, address, port);
      port_ = MUST(port_of(udp_.get()));
      tcp_ = bound_socket(SOCK_STREAM, address, port_);
    } while (port == 0 && !tcp_);  // free in one protocol is not free in both
    EXPECT_EQ(::listen(tcp_.get(), 8), 0) << errno;
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    stop_ = UniqueFd(ends[0]);
    stopped_ = UniqueFd(ends[1]);
    thread_ = std::thread([this] { serve(); });
  }
  ~Upstream() {
    stop_.reset();
    thread_.join();
  }

  std::uint16_t port() const { return port_; }
  // How many different ones there were: on a slow machine one may be asked again.
  int queries() const { return queries_; }

 private:
  static UniqueFd bound_socket(int type, const std::string& address, std::uint16_t port) {
    UniqueFd fd = MUST(open_socket_in(-1, AF_INET, type));
    const int on = 1;
    if (type == SOCK_STREAM) (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = ipv4(address)};
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0) return {};
    return fd;
  }

  void serve() {
    for (;;) {
      pollfd fds[] = {{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}, {stopped_.get(), POLLIN, 0}};
      (void)::poll(fds, 3, -1);
      if (fds[2].revents != 0) return;
      if (fds[0].revents != 0) serve_udp();
      if (fds[1].revents != 0) serve_tcp();
    }
  }

  void serve_udp() {
    char buffer[4096];
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const ssize_t n =
        ::recvfrom(udp_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer), &size);
    if (n < 0) return;
    const std::string answer = answer_to(std::string(buffer, static_cast<std::size_t>(n)), false);
    if (!answer.empty())
      (void)::sendto(udp_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&peer), size);
  }

  void serve_tcp() {
    UniqueFd connection(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string answer = answer_to(receive_tcp(connection.get()), true);
    (void)write_all(connection.get(), with_length(answer), "answer");
  }

  std::string answer_to(const std::string& bytes, bool is_tcp) {
    const auto query = parse_query(bytes_of(bytes));
    if (query && ids_.insert(query->id).second) ++queries_;
    return query ? handler_(*query, is_tcp) : "";
  }

  Handler handler_;
  UniqueFd udp_, tcp_, stop_, stopped_;
  std::uint16_t port_ = 0;
  std::set<std::uint16_t> ids_;  // of the thread
  std::atomic<int> queries_ = 0;
  std::thread thread_;
};

std::string address_answer(const DnsQuery& query, const std::string& address, int times = 1) {
  DnsAnswer answer(query, ResponseCode::NoError);
  for (int i = 0; i < times; ++i) answer.add(ipv4(address), 300);
  return std::move(answer).finish(kMostTcpAnswer);
}

Upstream::Handler always(const std::string& address) {
  return [address](const DnsQuery& query, bool) { return address_answer(query, address); };
}

class NameServerTest : public ::testing::Test {
 protected:
  void start(const std::vector<std::string>& servers, std::uint16_t port) {
    write_servers(servers);
    server_ =
        MUST(NameServer::start({.host_resolv_conf = dir_ / "resolv.conf", .upstream_port = port}, log_));
  }
  void write_servers(const std::vector<std::string>& servers) {
    std::string text;
    for (const std::string& server : servers) text += "nameserver " + server + "\n";
    MUST(replace_file_at(dir_.fd(), "resolv.conf", text, 0644));
  }
  void add(SandboxNames names) { ports_ = MUST(server_->add_sandbox("box", std::move(names))); }

  std::string ask_bytes(const std::string& query) const {
    const UniqueFd fd = connect_to(-1, SOCK_DGRAM, "127.0.0.11", ports_.udp);
    EXPECT_EQ(::send(fd.get(), query.data(), query.size(), 0), static_cast<ssize_t>(query.size()));
    return receive_udp(fd.get());
  }
  Addresses ask(const std::string& name, RecordType type = RecordType::A) const {
    return summary_of(ask_bytes(query_for(name, type)));
  }
  Addresses ask_tcp(const std::string& name) const {
    const UniqueFd fd = connect_to(-1, SOCK_STREAM, "127.0.0.11", ports_.tcp);
    pollfd poll{.fd = fd.get(), .events = POLLOUT};
    (void)::poll(&poll, 1, -1);
    MUST(write_all(fd.get(), with_length(query_for(name)), "query"));
    return summary_of(receive_tcp(fd.get()));
  }

  testing::TempDir dir_;
  UniqueFd null_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  Logger log_{null_.get()};
  std::unique_ptr<NameServer> server_;
  NamePorts ports_;
};

std::shared_ptr<const NameTable> shop() {
  const std::vector<NamedEndpoint> endpoints = {
      {.owner = "web", .names = {"web", "www"}, .ipv4 = {ipv4("172.18.0.2")}},
      {.owner = "db", .names = {"db", "www"}, .ipv4 = {ipv4("172.18.0.3")}, .ipv6 = {in6addr_loopback}}};
  return NameTable::make("shop", endpoints);
}

TEST_F(NameServerTest, answers_with_the_names_of_the_networks) {
  start({}, 53);
  server_->set_names("1", shop());
  add({.networks = {{"1", {{"Store", "db"}}}}});
  EXPECT_EQ(ask("web"), Addresses{"172.18.0.2"});
  EXPECT_EQ(ask("WEB.shop"), Addresses{"172.18.0.2"});
  EXPECT_EQ(ask("store"), Addresses{"172.18.0.3"});
  EXPECT_EQ(ask("db", RecordType::Aaaa), Addresses{"::1"});
  EXPECT_EQ(ask("web", RecordType::Aaaa), Addresses{});
  EXPECT_EQ(ask_tcp("db"), Addresses{"172.18.0.3"});
  EXPECT_NE(ask_bytes(query_for("2.0.18.172.in-addr.arpa", RecordType::Ptr)).find("\3web\4shop"),
            std::string::npos);
}

TEST_F(NameServerTest, gives_the_addresses_of_a_shared_name_in_turn) {
  start({}, 53);
  server_->set_names("1", shop());
  add({.networks = {{"1", {}}}});
  std::set<std::string> first;
  for (int i = 0; i < 2; ++i) {
    const Addresses addresses = ask("www");
    ASSERT_EQ(addresses.size(), 2U);
    first.insert(addresses[0]);
  }
  EXPECT_EQ(first.size(), 2U);
}

TEST_F(NameServerTest, changes_are_seen_by_the_next_query) {
  start({}, 53);
  add({.networks = {{"1", {}}}, .forwards = false});
  EXPECT_EQ(ask("web"), Addresses{"3"});
  server_->set_names("1", shop());
  EXPECT_EQ(ask("web"), Addresses{"172.18.0.2"});
  MUST(server_->set_networks("box", {}, false));
  EXPECT_EQ(ask("web"), Addresses{"3"});
  EXPECT_EQ(server_->set_networks("other", {}, false).error().code(), Code::NotFound);
}

TEST_F(NameServerTest, a_sandbox_gets_its_ports_again) {
  start({}, 53);
  add({});
  const NamePorts before = ports_;
  server_->remove_sandbox("box");
  add({.ports = before});
  EXPECT_EQ(ports_, before);
  EXPECT_EQ(server_->add_sandbox("other", {.ports = before}).error().code(), Code::AlreadyExists);
  EXPECT_EQ(server_->add_sandbox("box", {}).error().code(), Code::AlreadyExists);
}

TEST_F(NameServerTest, asks_the_host_s_servers_once_for_what_it_remembers) {
  Upstream upstream("127.0.0.1", 0, always("192.0.2.1"));
  start({"127.0.0.1"}, upstream.port());
  add({});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("example.org"), Addresses{"192.0.2.1"});
  EXPECT_EQ(ask_tcp("Example.ORG"), Addresses{"192.0.2.1"});
  EXPECT_EQ(upstream.queries(), 1);
}

TEST_F(NameServerTest, a_silent_server_costs_one_wait) {
  Upstream silent("127.0.0.1", 0, [](const DnsQuery&, bool) { return ""s; });
  Upstream other("127.0.0.2", silent.port(), always("192.0.2.2"));
  start({"127.0.0.1", "127.0.0.2"}, silent.port());
  add({});
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(ask("host" + std::to_string(i) + ".example.org"), Addresses{"192.0.2.2"});
  EXPECT_EQ(silent.queries(), 1);
}

TEST_F(NameServerTest, a_dead_server_and_one_that_fails_are_passed_over) {
  Upstream failing("127.0.0.2", 0, [](const DnsQuery& query, bool) {
    return DnsAnswer(query, ResponseCode::ServerFailure).finish(512);
  });
  Upstream good("127.0.0.3", failing.port(), always("192.0.2.3"));
  start({"127.0.0.1", "127.0.0.2", "127.0.0.3"}, failing.port());
  add({});
  EXPECT_EQ(ask("example.org"), Addresses{"192.0.2.3"});
}

TEST_F(NameServerTest, when_none_can_answer_it_says_so) {
  Upstream failing("127.0.0.1", 0, [](const DnsQuery& query, bool) {
    return DnsAnswer(query, ResponseCode::ServerFailure).finish(512);
  });
  start({"127.0.0.1", "127.0.0.9"}, failing.port());
  add({});
  EXPECT_EQ(ask("example.org"), Addresses{"2"});
  write_servers({});
  server_ = nullptr;
  start({}, 53);
  add({});
  EXPECT_EQ(ask("example.org"), Addresses{"2"});
}

TEST_F(NameServerTest, forged_answers_are_not_taken) {
  Upstream upstream("127.0.0.1", 0, [](const DnsQuery& query, bool) {
    DnsQuery other = query;
    ++other.id;
    return address_answer(other, "192.0.2.66");
  });
  Upstream honest("127.0.0.2", upstream.port(), always("192.0.2.1"));
  start({"127.0.0.1", "127.0.0.2"}, upstream.port());
  add({});
  EXPECT_EQ(ask("example.org"), Addresses{"192.0.2.1"});
}

TEST_F(NameServerTest, what_was_cut_is_asked_by_tcp_and_cut_for_who_takes_little) {
  Upstream upstream("127.0.0.1", 0, [](const DnsQuery& query, bool is_tcp) {
    std::string answer = address_answer(query, "192.0.2.1", 100);
    if (!is_tcp) cut_response(answer, query, 512);
    return answer;
  });
  start({"127.0.0.1"}, upstream.port());
  add({});
  EXPECT_EQ(ask("example.org"), Addresses{"cut"});
  EXPECT_EQ(ask_tcp("example.org").size(), 100U);
  EXPECT_EQ(upstream.queries(), 2);
}

TEST_F(NameServerTest, follows_the_host_s_resolv_conf) {
  Upstream first("127.0.0.1", 0, always("192.0.2.1"));
  Upstream second("127.0.0.2", first.port(), always("192.0.2.2"));
  start({"127.0.0.1"}, first.port());
  add({});
  EXPECT_EQ(ask("example.org"), Addresses{"192.0.2.1"});
  write_servers({"127.0.0.2"});
  while (ask("example.org") != Addresses{"192.0.2.2"}) {
  }
}

TEST_F(NameServerTest, many_questions_on_one_connection) {
  Upstream upstream("127.0.0.1", 0, always("192.0.2.1"));
  start({"127.0.0.1"}, upstream.port());
  add({});
  const UniqueFd fd = connect_to(-1, SOCK_STREAM, "127.0.0.11", ports_.tcp);
  pollfd poll{.fd = fd.get(), .events = POLLOUT};
  (void)::poll(&poll, 1, -1);
  for (int i = 0; i < 20; ++i)
    MUST(write_all(fd.get(), with_length(query_for("host" + std::to_string(i))), "query"));
  (void)::shutdown(fd.get(), SHUT_WR);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(summary_of(receive_tcp(fd.get())), Addresses{"192.0.2.1"});
}

TEST_F(NameServerTest, broken_messages_disturb_nobody) {
  start({}, 53);
  server_->set_names("1", shop());
  add({.networks = {{"1", {}}}});
  const std::string query = query_for("web");
  const UniqueFd fd = connect_to(-1, SOCK_DGRAM, "127.0.0.11", ports_.udp);
  for (std::size_t size = 1; size < query.size(); ++size) (void)::send(fd.get(), query.data(), size, 0);
  EXPECT_EQ(ask("web"), Addresses{"172.18.0.2"});
}

// A network namespace of its own with its loopback interface up.
UniqueFd make_namespace() {
  UniqueFd fd;
  std::thread([&fd] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    MUST(kernel::set_up(MUST(kernel::interface_index("lo")), true));
    fd = MUST(open_at(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY));
  }).join();
  return fd;
}

TEST_F(NameServerTest, sandboxes_have_their_own_sockets_and_servers) {
  NEEDS_ROOT();
  start({}, 53);
  server_->set_names("1", shop());
  const UniqueFd one = make_namespace(), two = make_namespace();
  const NamePorts ports =
      MUST(server_->add_sandbox("one", {.network_namespace = one.get(), .networks = {{"1", {}}}}));
  // The same ports are free in the other one, where the first answers as if it were a server outside.
  MUST(server_->add_sandbox("two", {.network_namespace = two.get(), .ports = ports}));
  const UniqueFd fd = connect_to(one.get(), SOCK_DGRAM, "127.0.0.11", ports.udp);
  const std::string query = query_for("web");
  ASSERT_EQ(::send(fd.get(), query.data(), query.size(), 0), static_cast<ssize_t>(query.size()));
  EXPECT_EQ(summary_of(receive_udp(fd.get())), Addresses{"172.18.0.2"});
}

TEST_F(NameServerTest, servers_of_a_sandbox_are_asked_from_inside) {
  NEEDS_ROOT();
  const UniqueFd sandbox = make_namespace();
  // Another name service in there is the server; nobody outside could reach it.
  const auto inside = MUST(NameServer::start({.host_resolv_conf = dir_ / "none"}, log_));
  inside->set_names("1", shop());
  const NamePorts server =
      MUST(inside->add_sandbox("a", {.network_namespace = sandbox.get(), .networks = {{"1", {}}}}));
  start({}, server.udp);
  const NamePorts ports =
      MUST(server_->add_sandbox("b", {.network_namespace = sandbox.get(), .upstreams = {"127.0.0.11"}}));
  const UniqueFd fd = connect_to(sandbox.get(), SOCK_DGRAM, "127.0.0.11", ports.udp);
  const std::string query = query_for("web");
  ASSERT_EQ(::send(fd.get(), query.data(), query.size(), 0), static_cast<ssize_t>(query.size()));
  EXPECT_EQ(summary_of(receive_udp(fd.get())), Addresses{"172.18.0.2"});
}

TEST_F(NameServerTest, refuses_a_server_that_is_no_address) {
  start({}, 53);
  EXPECT_EQ(server_->add_sandbox("box", {.upstreams = {"dns.example"}}).error().code(),
            Code::InvalidArgument);
}

}  // namespace
}  // namespace gantry::network
