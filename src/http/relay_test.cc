// SPDX-License-Identifier: Apache-2.0
#include "http/relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>
#include <thread>

#include "base/byte_stream.h"
#include "testing/must.h"

namespace gantry::http {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    outside.emplace(MUST(Stream::over(UniqueFd(fds[0]))));
    inside.emplace(MUST(Stream::over(UniqueFd(fds[1]))));
  }
  std::optional<Stream> outside, inside;
};

std::string read_all(Stream& stream) {
  StringSink sink;
  MUST(copy(stream, sink));
  return sink.text();
}

TEST(Relay, PassesBothWaysAndTheEndOfEach) {
  Pair left, right;
  std::thread relaying([&] { MUST(relay(*left.inside, *right.inside)); });
  const std::string large(1 << 20, 'x');
  std::thread writing([&] {
    MUST(left.outside->write(std::as_bytes(std::span(large))));
    MUST(left.outside->shut_down_writing());
  });
  EXPECT_EQ(read_all(*right.outside), large);
  writing.join();
  MUST(right.outside->write(std::as_bytes(std::span(std::string_view("still here")))));
  MUST(right.outside->shut_down_writing());
  EXPECT_EQ(read_all(*left.outside), "still here");
  relaying.join();
}

TEST(Relay, EndsWhenOneBreaks) {
  Pair left, right;
  std::thread relaying([&] { EXPECT_FALSE(relay(*left.inside, *right.inside)); });
  MUST(left.outside->write(std::as_bytes(std::span(std::string_view("hello")))));
  std::array<std::byte, 5> got;
  EXPECT_EQ(MUST(right.outside->read(got)), 5u);
  right.outside.reset();
  // Nobody takes this.
  MUST(left.outside->write(std::as_bytes(std::span(std::string_view("anybody?")))));
  relaying.join();
}

}  // namespace
}  // namespace gantry::http
