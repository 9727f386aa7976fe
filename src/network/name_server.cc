// SPDX-License-Identifier: Apache-2.0
#include "network/name_server.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <utility>

#include "base/loop_thread.h"
#include "network/name_sandbox.h"
#include "network/namespace_sockets.h"
#include "network/resolver_watch.h"

namespace gantry::network {
namespace {

constexpr std::size_t kCacheOfSandbox = 256 << 10;  // bytes; of one with name servers of its own

Result<UniqueFd> duplicate(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return sys_error("duplicate descriptor");
  return copy;
}

Result<UniqueFd> open_wanted(int network_namespace, int type, std::uint16_t port) {
  auto socket = open_name_socket(network_namespace, type, port);
  if (!socket && socket.error().errno_value() == EADDRINUSE)
    return std::move(socket).error().with_code(Code::AlreadyExists);
  return socket;
}

}  // namespace

// Everything but the thread itself belongs to the thread.
class NameServer::Impl {
 public:
  Impl(std::unique_ptr<LoopThread> thread, NameServerOptions options, const Logger& log)
      : thread_(std::move(thread)),
        options_(std::move(options)),
        log_(log),
        host_(std::make_shared<DnsForwarder>(loop(), DnsForwarderOptions{.port = options_.upstream_port})),
        host_watch_(loop(), options_.host_resolv_conf, log,
                    [this](const ResolverConfig& config) { use_host_servers(config); }) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // On the caller's thread
  template <class Function>
  auto on_loop(Function function) {
    return thread_->call(std::move(function));
  }

  Result<NamePorts> add(const std::string& key, SandboxNames names) {
    const NamePorts wanted = names.ports.value_or(NamePorts{});
    NameSandbox::Sockets sockets;
    sockets.udp = TRY(open_wanted(names.network_namespace, SOCK_DGRAM, wanted.udp));
    sockets.tcp = TRY(open_wanted(names.network_namespace, SOCK_STREAM, wanted.tcp));
    NamePorts ports;
    ports.udp = TRY(port_of(sockets.udp.get()));
    ports.tcp = TRY(port_of(sockets.tcp.get()));
    const bool is_visited = !names.upstreams.empty() && names.network_namespace >= 0;
    UniqueFd home = is_visited ? TRY(duplicate(names.network_namespace)) : UniqueFd();
    TRY(on_loop([&]() -> Result<void> {
      auto forwarder = names.upstreams.empty() ? host_ : TRY(forwarder_to(names.upstreams, std::move(home)));
      return insert(key, std::move(names), std::move(sockets), std::move(forwarder));
    }));
    return ports;
  }

  // On the loop's thread
  Result<void> follow_host() { return host_watch_.open(); }

  void set_names(const std::string& network, std::shared_ptr<const NameTable> names) {
    if (names)
      tables_[network] = std::move(names);
    else
      tables_.erase(network);
  }

  Result<void> set_networks(const std::string& key, std::vector<SandboxNetwork> networks, bool forwards) {
    const auto found = sandboxes_.find(key);
    if (found == sandboxes_.end())
      return error(Code::NotFound, "the name service knows no sandbox '{}'", key);
    found->second->set_networks(std::move(networks), forwards);
    return {};
  }

  void remove(const std::string& key) { sandboxes_.erase(key); }

  std::unique_ptr<LoopThread> take_thread() { return std::move(thread_); }

 private:
  EventLoop& loop() { return thread_->loop(); }

  void use_host_servers(const ResolverConfig& config) {
    if (const auto set = host_->set_servers(config.nameservers); !set)
      log_.warn("a name server of this host is left out", {{"error", set.error().message()}});
    log_.debug("name servers of this host",
               {{"servers", fmt::format("{}", fmt::join(config.nameservers, " "))}});
  }

  Result<std::shared_ptr<DnsForwarder>> forwarder_to(const std::vector<std::string>& servers, UniqueFd home) {
    auto forwarder =
        std::make_shared<DnsForwarder>(loop(), DnsForwarderOptions{.network_namespace = std::move(home),
                                                                   .port = options_.upstream_port,
                                                                   .cache_bytes = kCacheOfSandbox});
    TRY(forwarder->set_servers(servers));
    return forwarder;
  }

  Result<void> insert(const std::string& key, SandboxNames names, NameSandbox::Sockets sockets,
                      std::shared_ptr<DnsForwarder> forwarder) {
    if (sandboxes_.contains(key))
      return error(Code::AlreadyExists, "the name service has a sandbox '{}' already", key);
    auto sandbox = std::make_unique<NameSandbox>(loop(), tables_, std::move(sockets), std::move(forwarder));
    sandbox->set_networks(std::move(names.networks), names.forwards);
    TRY(sandbox->open());
    sandboxes_.emplace(key, std::move(sandbox));
    return {};
  }

  std::unique_ptr<LoopThread> thread_;
  const NameServerOptions options_;
  const Logger& log_;
  NameTables tables_;
  std::shared_ptr<DnsForwarder> host_;
  ResolverWatch host_watch_;
  std::map<std::string, std::unique_ptr<NameSandbox>> sandboxes_;
};

NameServer::NameServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

NameServer::~NameServer() {
  // What hangs on the loop goes on its thread, then the thread itself.
  const auto thread = impl_->take_thread();
  thread->call([this] { impl_.reset(); });
}

Result<std::unique_ptr<NameServer>> NameServer::start(NameServerOptions options, const Logger& log) {
  auto thread = TRY(LoopThread::start("names"));
  auto impl = std::make_unique<Impl>(std::move(thread), std::move(options), log);
  std::unique_ptr<NameServer> server(new NameServer(std::move(impl)));
  TRY(server->impl_->on_loop([&] { return server->impl_->follow_host(); }));
  return server;
}

void NameServer::set_names(const std::string& network, std::shared_ptr<const NameTable> names) {
  impl_->on_loop([&] { impl_->set_names(network, std::move(names)); });
}

Result<NamePorts> NameServer::add_sandbox(const std::string& key, SandboxNames names) {
  return impl_->add(key, std::move(names));
}

Result<void> NameServer::set_networks(const std::string& key, std::vector<SandboxNetwork> networks,
                                      bool forwards) {
  return impl_->on_loop([&] { return impl_->set_networks(key, std::move(networks), forwards); });
}

void NameServer::remove_sandbox(const std::string& key) {
  impl_->on_loop([&] { impl_->remove(key); });
}

}  // namespace gantry::network
