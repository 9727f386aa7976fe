// SPDX-License-Identifier: Apache-2.0
#include "engine/log_connection.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/byte_stream.h"
#include "base/inbox.h"
#include "base/mutex.h"
#include "http/connect.h"
#include "http/socket_address.h"
#include "http/tls.h"

namespace gantry::engine {
namespace {

constexpr std::chrono::seconds kPatience{3};  // with a service that does not answer, as Docker's
constexpr std::chrono::seconds kMostToReceipt{30};

using http::Stream;

Error unavailable(int number, const LogAddress& address, std::string_view why) {
  return Error(Code::Unavailable, number, fmt::format("log service {}: {}", address.str(), why));
}

Result<Stream> connect_socket(int family, int type, const sockaddr* address, socklen_t size) {
  UniqueFd socket(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return sys_error("make a socket for logs");
  if (::connect(socket.get(), address, size) < 0) return sys_error("connect");
  return Stream::over(std::move(socket));
}

Result<Stream> dial_unix(const LogAddress& address) {
  const auto at = TRY(http::SocketAddress::of_unix(address.path));
  const auto connect = [&](int type) { return connect_socket(AF_UNIX, type, at.get(), at.size); };
  if (address.kind == LogAddress::Kind::UnixDatagram) return connect(SOCK_DGRAM);
  Result<Stream> stream = connect(SOCK_STREAM);
  if (!stream && stream.error().errno_value() == EPROTOTYPE) return connect(SOCK_DGRAM);
  return stream;
}

Result<Stream> dial_udp(const LogAddress& address) {
  const addrinfo hints{.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM};
  addrinfo* found = nullptr;
  if (const int failed =
          ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
      failed != 0)
    return error(Code::NotFound, "look up host '{}': {}", address.host, ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  return connect_socket(found->ai_family, SOCK_DGRAM, found->ai_addr, found->ai_addrlen);
}

Result<Stream> dial_tcp(const LogAddress& address) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Stream stream = TRY(http::connect_tcp(address.host, address.port, deadline));
  if (address.kind != LogAddress::Kind::Tls) return stream;
  http::TlsClientOptions options{.identity = {address.certificate_file, address.key_file},
                                 .verify = address.verify};
  if (!address.ca_file.empty()) options.ca_files.push_back(address.ca_file);
  stream.set_deadline(deadline);
  TRY(stream.start_tls(*TRY(http::TlsContext::for_client(options)), address.host));
  stream.set_deadline(std::nullopt);
  return stream;
}

}  // namespace

Result<Stream> dial(const LogAddress& address) {
  if (address.is_unix()) return dial_unix(address);
  return address.kind == LogAddress::Kind::Udp ? dial_udp(address) : dial_tcp(address);
}

Result<void> check_log_service(const LogSettings& settings) {
  if (settings.driver != LogDriver::Fluentd) return {};
  if (settings.is_on("fluentd-async") || settings.is_on("fluentd-async-connect")) return {};
  const LogAddress address = TRY(LogAddress::of(settings));
  TRY_DURING(dial(address), "failed to initialize logging driver: {}", address.str());
  return {};
}

// Where the pool's thread leaves what it has dialled, as long as there is a connection that wants it.
class LogConnection::Dialled {
 public:
  explicit Dialled(EventLoop& loop) : inbox_(std::in_place, loop) {}

  Result<void> open() {
    MutexLock lock(mutex_);
    return inbox_->open();
  }
  void abandon() {
    MutexLock lock(mutex_);
    inbox_.reset();  // it belongs to the loop, which may end before the thread does
  }
  bool is_wanted() {
    MutexLock lock(mutex_);
    return inbox_.has_value();
  }
  void leave(Result<Stream> stream, LogConnection& connection) {
    MutexLock lock(mutex_);
    if (!inbox_) return;
    inbox_->post([&connection, stream = std::move(stream)]() mutable { connection.take(std::move(stream)); });
  }

 private:
  Mutex mutex_;  // guards what follows
  std::optional<Inbox> inbox_ GUARDED_BY(mutex_);
};

LogConnection::LogConnection(EventLoop& loop, ThreadPool& dialers, LogAddress address,
                             std::function<void()> on_room)
    : loop_(loop),
      dialers_(dialers),
      address_(std::move(address)),
      on_room_(std::move(on_room)),
      watch_(loop, Callback::to<&LogConnection::on_ready>(*this)) {}

LogConnection::~LogConnection() {
  if (dialled_) dialled_->abandon();
}

Error LogConnection::not_now() { return unavailable(EAGAIN, address_, "it takes no more now"); }

Error LogConnection::broken(const Error& why) {
  watch_.stop();
  stream_.reset();
  written_ = 0;
  received_.clear();
  awaits_since_.reset();
  return unavailable(why.errno_value() == EAGAIN ? EIO : why.errno_value(), address_, why.message());
}

Result<void> LogConnection::connect() {
  if (address_.is_unix()) {
    take(dial(address_));
  } else if (!is_dialing_ && !failure_) {
    if (!dialled_) {
      auto dialled = std::make_shared<Dialled>(loop_);
      TRY(dialled->open());
      dialled_ = std::move(dialled);
    }
    TRY(dialers_.run([this, dialled = dialled_, address = address_] {
      if (dialled->is_wanted()) dialled->leave(dial(address), *this);
    }));
    is_dialing_ = true;
  }
  if (failure_) return broken(*std::exchange(failure_, std::nullopt));
  if (!stream_) return not_now();
  return {};
}

void LogConnection::take(Result<Stream> stream) {
  is_dialing_ = false;
  if (stream) {
    stream_.emplace(*std::move(stream));
    if (Result<void> watched = watch_.start(stream_->fd(), EPOLLIN); !watched)
      failure_ = std::move(watched).error();
  } else {
    failure_ = std::move(stream).error();
  }
  if (!address_.is_unix()) on_room_();
}

Result<void> LogConnection::send(std::string_view record, std::string_view receipt) {
  if (stream_ && written_ == 0) (void)check_open();  // else a new one is made, and the service misses nothing
  if (!stream_) TRY(connect());
  TRY(write(record));
  if (!receipt.empty()) TRY(await(receipt));
  written_ = 0;
  return {};
}

Result<void> LogConnection::write(std::string_view record) {
  while (written_ < record.size()) {
    const auto attempt = stream_->try_write(bytes_of(record.substr(written_)));
    if (!attempt) {
      const int number = attempt.error().errno_value();
      if (number == EINTR) continue;
      // Of sockets for datagrams: the network's own queue is full, which nobody reports the end of.
      if (number == ENOBUFS) return not_now();
      return broken(attempt.error());
    }
    if (attempt->wants != Stream::Wants::Nothing) {
      watch_.wait_for(EPOLLIN | EPOLLOUT);
      return not_now();
    }
    written_ += attempt->bytes;
  }
  return {};
}

Result<void> LogConnection::await(std::string_view receipt) {
  const auto now = std::chrono::steady_clock::now();
  if (!awaits_since_) awaits_since_ = now;
  std::array<std::byte, 256> bytes;
  while (received_.size() < receipt.size()) {
    const std::size_t missing = std::min(bytes.size(), receipt.size() - received_.size());
    const auto attempt = stream_->try_read(std::span(bytes).first(missing));
    if (!attempt) return broken(attempt.error());
    if (attempt->wants != Stream::Wants::Nothing) {
      if (now - *awaits_since_ > kMostToReceipt)
        return broken(error(Code::Unavailable, "it has not acknowledged what it was sent"));
      watch_.wait_for(EPOLLIN);
      return not_now();
    }
    if (attempt->bytes == 0) return broken(error(Code::Unavailable, "it has closed the connection"));
    received_.append(reinterpret_cast<const char*>(bytes.data()), attempt->bytes);
  }
  if (received_ != receipt) return broken(error(Code::Unavailable, "it has acknowledged something else"));
  received_.clear();
  awaits_since_.reset();
  return {};
}

// Services say nothing but receipts; what can be read is the end of the connection, or why it broke.
Result<void> LogConnection::check_open() {
  std::array<std::byte, 4096> ignored;
  for (;;) {
    const auto attempt = stream_->try_read(ignored);
    if (!attempt) return broken(attempt.error());
    if (attempt->wants != Stream::Wants::Nothing) return {};
    if (attempt->bytes == 0) return broken(error(Code::Unavailable, "it has closed the connection"));
  }
}

void LogConnection::on_ready() {
  if (!awaits_since_ && check_open()) watch_.wait_for(EPOLLIN);
  on_room_();
}

}  // namespace gantry::engine
