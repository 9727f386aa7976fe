// SPDX-License-Identifier: Apache-2.0
#include "docker/client_watch.h"

#include <sys/epoll.h>

#include "http/response_socket.h"

namespace gantry::docker {

ClientWatch::ClientWatch(std::unique_ptr<LoopThread> thread, std::function<void()> on_gone)
    : on_gone_(std::move(on_gone)),
      thread_(std::move(thread)),
      watch_(thread_->loop(), Callback::to<&ClientWatch::on_ready>(*this)) {}

Result<std::unique_ptr<ClientWatch>> ClientWatch::start(const http::ResponseWriter& response,
                                                        std::function<void()> on_gone) {
  std::unique_ptr<LoopThread> thread = TRY(LoopThread::start("client-watch"));
  std::unique_ptr<ClientWatch> watch(new ClientWatch(std::move(thread), std::move(on_gone)));
  TRY(watch->thread_->call([&] { return watch->watch_.start(http::socket_of(response), EPOLLRDHUP); }));
  return watch;
}

ClientWatch::~ClientWatch() {
  thread_->call([this] { watch_.stop(); });
}

void ClientWatch::on_ready() {
  watch_.stop();  // it would be told again and again
  on_gone_();
}

}  // namespace gantry::docker
