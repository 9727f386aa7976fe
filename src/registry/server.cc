// SPDX-License-Identifier: Apache-2.0
#include "registry/server.h"

#include <fcntl.h>

#include <charconv>
#include <thread>

#include "base/heap.h"
#include "base/mutex.h"
#include "http/listener.h"
#include "http/server.h"
#include "http/tls.h"
#include "registry/registry.h"

namespace gantry::registry {

using namespace std::chrono_literals;
using TlsPointer = std::shared_ptr<const http::TlsContext>;

class RegistryServer::Impl {
 public:
  Impl(Config config, image::ImageStore& store, std::unique_ptr<Registry> registry, const Logger& log)
      : config_(std::move(config)), store_(store), log_(log), registry_(std::move(registry)) {}
  ~Impl() { stop(0ms); }

  Result<void> start();
  std::vector<std::string> addresses() const;
  Result<void> reload();
  void stop(std::chrono::milliseconds grace);

 private:
  Result<TlsPointer> read_tls() const;
  Result<std::unique_ptr<http::Server>> serve(std::vector<http::Listener> listeners);
  void keep_house();

  const Config config_;
  image::ImageStore& store_;
  const Logger& log_;
  const std::unique_ptr<Registry> registry_;
  // Two, because a new certificate means a new server on the same sockets, which unix sockets have no use
  // for.
  std::unique_ptr<http::Server> tcp_, unix_;

  Mutex mutex_;  // guards what follows
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  CondVar stopping_;
  std::thread housekeeper_;
};

// "host:port", "[::1]:port", ":port".
static Result<http::Listener> listen_tcp(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  std::uint16_t port = 0;
  const char* end = address.data() + address.size();
  if (colon == address.npos || std::from_chars(address.data() + colon + 1, end, port).ptr != end ||
      colon + 1 == address.size())
    return error(Code::InvalidArgument, "listen on '{}': neither 'host:port' nor 'unix:/path'", address);
  std::string_view host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return http::Listener::tcp(std::string(host), port);
}

Result<TlsPointer> RegistryServer::Impl::read_tls() const {
  if (!config_.tls) return TlsPointer();
  http::TlsServerOptions options{.identity = {config_.tls->certificate, config_.tls->key}};
  if (!config_.tls->client_ca.empty()) options.client_ca_files.push_back(config_.tls->client_ca);
  return http::TlsContext::for_server(options);
}

Result<std::unique_ptr<http::Server>> RegistryServer::Impl::serve(std::vector<http::Listener> listeners) {
  http::ServerOptions options;
  options.max_handlers = static_cast<std::size_t>(config_.threads);
  options.on_rest = [this] {
    store_.database().release_memory();
    trim_heap();
  };
  options.on_done = [this](const http::RequestSummary& summary) { registry_->record(summary); };
  return http::Server::start(
      std::move(listeners),
      [this](http::Request& request, http::ResponseWriter& response) {
        return registry_->handle(request, response);
      },
      std::move(options));
}

Result<void> RegistryServer::Impl::start() {
  const TlsPointer tls = TRY(read_tls());
  std::vector<http::Listener> tcp, local;
  for (const std::string_view address : config_.listen) {
    if (address.starts_with("unix:")) {
      local.push_back(TRY(http::Listener::unix_socket(std::string(address.substr(5)), 0660)));
      continue;
    }
    http::Listener listener = TRY(listen_tcp(address));
    tcp.push_back(tls ? std::move(listener).with_tls(tls) : std::move(listener));
  }
  if (!tcp.empty()) tcp_ = TRY(serve(std::move(tcp)));
  if (!local.empty()) unix_ = TRY(serve(std::move(local)));
  housekeeper_ = std::thread([this] { keep_house(); });
  return {};
}

// Uploads that were given up, and what a killed process left behind.
void RegistryServer::Impl::keep_house() {
  MutexLock lock(mutex_);
  while (!is_stopping_) {
    lock.unlock();
    if (const Result<void> done = registry_->expire_uploads(); !done)
      log_.warn("registry could not clean up; it tries again in ten minutes",
                {{"error", done.error().message()}});
    lock.lock();
    const auto next = std::chrono::steady_clock::now() + 10min;
    while (!is_stopping_ && stopping_.wait_until(mutex_, next)) {
    }
  }
}

std::vector<std::string> RegistryServer::Impl::addresses() const {
  std::vector<std::string> names;
  for (const http::Server* server : {tcp_.get(), unix_.get()})
    if (server != nullptr)
      for (const http::Listener& listener : server->listeners()) names.push_back(listener.name());
  return names;
}

Result<void> RegistryServer::Impl::reload() {
  TRY(registry_->reopen_access_log());
  if (!config_.tls || !tcp_) return {};
  const TlsPointer tls = TRY(read_tls());
  std::vector<http::Listener> again;
  for (const http::Listener& listener : tcp_->listeners()) {
    UniqueFd socket(::fcntl(listener.fd(), F_DUPFD_CLOEXEC, 0));
    if (!socket) return sys_error("keep the socket of '{}'", listener.name());
    again.push_back(TRY(http::Listener::adopt(std::move(socket))).with_tls(tls));
  }
  // Both accept for a moment; connections that wait in the sockets' queues are lost by neither.
  std::unique_ptr<http::Server> old = std::exchange(tcp_, TRY(serve(std::move(again))));
  old->stop(30s);
  return {};
}

void RegistryServer::Impl::stop(std::chrono::milliseconds grace) {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    stopping_.notify_all();
  }
  if (tcp_) tcp_->stop(grace);
  if (unix_) unix_->stop(grace);
  tcp_.reset();
  unix_.reset();
  if (housekeeper_.joinable()) housekeeper_.join();
}

RegistryServer::RegistryServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RegistryServer::~RegistryServer() = default;

Result<std::unique_ptr<RegistryServer>> RegistryServer::start(Config config, image::ImageStore& store,
                                                              const Logger& log) {
  auto registry = TRY(Registry::open(config, store, log));
  auto impl = std::make_unique<Impl>(std::move(config), store, std::move(registry), log);
  TRY_DURING(impl->start(), "start the registry");
  return std::unique_ptr<RegistryServer>(new RegistryServer(std::move(impl)));
}

std::vector<std::string> RegistryServer::addresses() const { return impl_->addresses(); }
Result<void> RegistryServer::reload() { return impl_->reload(); }
void RegistryServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

}  // namespace gantry::registry
