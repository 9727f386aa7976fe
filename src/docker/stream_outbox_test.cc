// SPDX-License-Identifier: Apache-2.0
#include "docker/stream_outbox.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/unique_fd.h"
#include "testing/must.h"

namespace gantry::docker {
namespace {

// Tells what it heard of first: the task that was posted for it, or that its client has left.
class FirstHeard final : public ClientStream {
 public:
  FirstHeard(StreamLoop& streams, http::Stream client, std::promise<std::string>& heard)
      : ClientStream(streams, {std::move(client), ClientConnection::Kind::Upgraded}), heard_(heard) {
    connection_.pause_input();
  }
  void on_task() { tell("task"); }

 private:
  Result<void> begin() override { return {}; }
  void on_hung_up() override { tell("hung up"); }
  void tell(const char* what) {
    heard_.set_value(what);
    end();
  }

  std::promise<std::string>& heard_;
};

TEST(StreamOutbox, delivers_before_the_client_is_heard_of) {
  const Logger log(STDERR_FILENO, {.level = LogLevel::Warning});
  const auto streams = MUST(StreamLoop::start(log));
  for (int i = 0; i < 200; ++i) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    UniqueFd client(pair[0]);
    http::Stream server = MUST(http::Stream::over(UniqueFd(pair[1])));
    ASSERT_EQ(::write(client.get(), "go\n", 3), 3);
    client.reset();

    std::promise<std::string> heard;
    StreamOutbox<FirstHeard> outbox(*streams);
    outbox.post([](FirstHeard& stream) { stream.on_task(); });
    outbox.add(std::make_unique<FirstHeard>(*streams, std::move(server), heard));
    ASSERT_EQ(heard.get_future().get(), "task") << i;
  }
}

}  // namespace
}  // namespace gantry::docker
