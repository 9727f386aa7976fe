// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "http/connection.h"
#include "http/socket_address.h"

namespace gantry::http {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kLoopStack = 256 << 10;  // bytes of address space
constexpr int kAcceptedAtOnce = 64;
// How long to wait after the process has run out of descriptors.
constexpr milliseconds kAcceptPause{100};

Peer describe(int socket, const SocketAddress& address, bool is_tls) {
  Peer peer{.is_tls = is_tls};
  if (address.family() != AF_UNIX) {
    peer.address = address.str();
    return peer;
  }
  peer.address = "unix";
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0)
    peer.credentials = UnixCredentials{who.pid, who.uid, who.gid};
  return peer;
}

}  // namespace

ServerParts::ServerParts(ServerOptions server_options, Handler server_handler, EventLoop event_loop)
    : options(std::move(server_options)),
      handler(std::move(server_handler)),
      loop(std::move(event_loop)),
      inbox(loop),
      pool({.name = "http",
            .max_threads = options.max_handlers,
            .max_waiting = options.max_waiting,
            .on_rest = options.on_rest}),
      frames(options.body_timeout) {}

class Server::Impl {
 public:
  Impl(std::vector<Listener> listeners, Handler handler, ServerOptions options, EventLoop loop)
      : parts_(std::move(options), std::move(handler), std::move(loop)),
        listeners_(std::move(listeners)),
        stop_timer_(parts_.loop, Callback::to<&Impl::on_grace_over>(*this)),
        accept_timer_(parts_.loop, Callback::to<&Impl::resume_accepting>(*this)) {
    parts_.on_gone = [this] { resume_accepting(); };
    for (const Listener& listener : listeners_) acceptors_.emplace_back(*this, listener);
  }

  Result<void> start() {
    TRY(parts_.inbox.open());
    for (Acceptor& acceptor : acceptors_) TRY(acceptor.watch.start(acceptor.listener.fd(), EPOLLIN));
    return start_thread();
  }

  void stop(milliseconds grace) {
    if (!thread_) return;
    parts_.inbox.post([this, grace] { begin_stop(grace); });
    ::pthread_join(*thread_, nullptr);
    thread_.reset();
  }

  void renew_tls(std::shared_ptr<const TlsContext> tls) {
    parts_.inbox.post([this, tls = std::move(tls)]() mutable { renewed_tls_ = std::move(tls); });
  }

  const std::vector<Listener>& listeners() const { return listeners_; }
  std::size_t connections() const { return parts_.connection_count; }

 private:
  struct Acceptor {
    Acceptor(Impl& server, const Listener& of)
        : impl(server), listener(of), watch(server.parts_.loop, Callback::to<&Acceptor::on_ready>(*this)) {}
    void on_ready() { impl.accept_some(*this); }
    Impl& impl;
    const Listener& listener;
    Watch watch;
  };

  Result<void> start_thread();
  static void* thread_main(void* self);
  void accept_some(Acceptor& acceptor);
  void add_connection(const Acceptor& acceptor, UniqueFd socket, const SocketAddress& address);
  const TlsContext* tls_of(const Listener& listener) const {
    return listener.tls() != nullptr && renewed_tls_ ? renewed_tls_.get() : listener.tls();
  }
  void stop_accepting();
  void resume_accepting();
  void begin_stop(milliseconds grace);
  void on_grace_over();
  bool is_full() const { return parts_.connections.size() >= parts_.options.max_connections; }

  ServerParts parts_;
  const std::vector<Listener> listeners_;
  std::shared_ptr<const TlsContext> renewed_tls_;  // of the loop; null: every listener's own
  std::list<Acceptor> acceptors_;                  // none moves: the loop knows where their watches are
  bool is_accepting_ = true;
  Timer stop_timer_;
  Timer accept_timer_;
  std::optional<pthread_t> thread_;
};

Result<void> Server::Impl::start_thread() {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kLoopStack);
  // Signals are for the program's main thread.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failed = ::pthread_create(&thread, &attributes, &Impl::thread_main, this);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (failed != 0) return sys_error_of(failed, "start the server's thread");
  ::pthread_setname_np(thread, "http-loop");
  thread_ = thread;
  return {};
}

void* Server::Impl::thread_main(void* self) {
  Impl& impl = *static_cast<Impl*>(self);
  while (!impl.parts_.is_stopping || !impl.parts_.connections.empty())
    if (auto waited = impl.parts_.loop.run_once(); !waited) {
      // epoll_wait(2) fails only for a descriptor that is none: nothing that this program could go on with.
      std::fprintf(stderr, "http server: %s\n", waited.error().message().c_str());
      std::abort();
    }
  return nullptr;
}

void Server::Impl::accept_some(Acceptor& acceptor) {
  for (int i = 0; i < kAcceptedAtOnce && !is_full(); ++i) {
    SocketAddress address;
    UniqueFd socket(
        ::accept4(acceptor.listener.fd(), address.get(), &address.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      add_connection(acceptor, std::move(socket), address);
      continue;
    }
    if (errno == EAGAIN) return;
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      stop_accepting();
      accept_timer_.start(kAcceptPause);
      return;
    }
    // Anything else is about that one connection, which has gone already (accept(2)).
  }
  if (is_full()) stop_accepting();  // until one of them goes
}

void Server::Impl::add_connection(const Acceptor& acceptor, UniqueFd socket, const SocketAddress& address) {
  const int yes = 1;
  if (address.family() != AF_UNIX)
    (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes,
                       sizeof yes);  // slower without, not wrong
  Peer peer = describe(socket.get(), address, acceptor.listener.tls() != nullptr);
  auto stream = Stream::over(std::move(socket));
  if (!stream) return;
  parts_.connections.push_back(std::make_unique<Connection>(parts_, *std::move(stream), std::move(peer)));
  ++parts_.connection_count;
  parts_.connections.back()->open(std::prev(parts_.connections.end()), tls_of(acceptor.listener));
}

void Server::Impl::stop_accepting() {
  is_accepting_ = false;
  for (Acceptor& acceptor : acceptors_) acceptor.watch.stop();
}

void Server::Impl::resume_accepting() {
  if (is_accepting_ || parts_.is_stopping || is_full()) return;
  is_accepting_ = true;
  accept_timer_.stop();
  for (Acceptor& acceptor : acceptors_)
    if (!acceptor.watch.start(acceptor.listener.fd(), EPOLLIN)) {
      stop_accepting();
      accept_timer_.start(kAcceptPause);
      return;
    }
}

void Server::Impl::begin_stop(milliseconds grace) {
  parts_.is_stopping = true;
  stop_accepting();
  for (auto next = parts_.connections.begin(); next != parts_.connections.end();) {
    Connection& connection = **next++;  // before it may go
    connection.close_if_waiting();
  }
  if (grace.count() > 0)
    stop_timer_.start(grace);
  else
    on_grace_over();
}

void Server::Impl::on_grace_over() {
  for (const auto& connection : parts_.connections) connection->cut();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop({}); }

Result<std::unique_ptr<Server>> Server::start(std::vector<Listener> listeners, Handler handler,
                                              ServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(listeners), std::move(handler), std::move(options),
                                     TRY(EventLoop::make()));
  TRY_DURING(impl->start(), "start the HTTP server");
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::renew_tls(std::shared_ptr<const TlsContext> tls) { impl_->renew_tls(std::move(tls)); }
void Server::stop(milliseconds grace) { impl_->stop(grace); }
const std::vector<Listener>& Server::listeners() const { return impl_->listeners(); }
std::size_t Server::connections() const { return impl_->connections(); }

}  // namespace gantry::http
