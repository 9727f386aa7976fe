// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/protocol.h"

#include <gtest/gtest.h>

#include <cstring>

#include "testing/must.h"

namespace gantry::shim {
namespace {

using namespace std::string_literals;

std::string frame(std::uint16_t type, std::uint16_t flags, std::string_view body) {
  std::string bytes;
  const auto put = [&bytes](auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  put(type);
  put(flags);
  put(std::uint32_t{77});
  put(std::uint32_t{3});
  return bytes.append(body);
}

Code refusal(const std::string& bytes) {
  const auto request = parse_request(bytes);
  EXPECT_FALSE(request);
  return request ? Code::Internal : request.error().code();
}

TEST(Protocol, reads_a_request_and_its_address) {
  const std::string bytes = frame(6, 0, "\x18\x00\x50\x00"s);
  const Request request = MUST(parse_request(bytes));
  EXPECT_EQ(request.type, RequestType::Resize);
  EXPECT_EQ(request.tag, 77u);
  EXPECT_EQ(request.session, 3u);
  EXPECT_EQ(request.size, (WindowSize{24, 80}));
  EXPECT_EQ(tag_of(bytes), 77u);
}

TEST(Protocol, reads_an_exec_with_window_size_and_path) {
  const std::string bytes = frame(8, kAttachStdout | kTerminal, "\x18\x00\x50\x00/run/p.json"s);
  const Request request = MUST(parse_request(bytes));
  EXPECT_EQ(request.payload, "/run/p.json");
  EXPECT_EQ(request.flags, kAttachStdout | kTerminal);
}

TEST(Protocol, refuses_what_is_malformed) {
  EXPECT_EQ(refusal(""), Code::InvalidArgument);
  EXPECT_EQ(refusal("short"), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(6, 0, "\x18")), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(6, 0, "\x18\x00\x50\x00\x00"s)), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(7, 0, "\x00\x00\x00\x00"s)), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(7, 0, "\x41\x00\x00\x00"s)), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(8, 0, "\x18\x00\x50\x00relative"s)), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(8, 0, "\x18\x00\x50\x00/nul\0byte"s)), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(8, 0, "\x18\x00\x50\x00/"s + std::string(4096, 'x'))), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(4, 0, "")), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(4, 0, std::string(kMaxBody + 1, 'x'))), Code::InvalidArgument);
  EXPECT_EQ(refusal(frame(9, 0, "x")), Code::InvalidArgument);
}

TEST(Protocol, tells_a_request_of_a_later_version_from_garbage) {
  EXPECT_EQ(refusal(frame(12, 0, "")), Code::Unsupported);
  EXPECT_EQ(refusal(frame(0x100, 0, "")), Code::Unsupported);
  EXPECT_EQ(refusal(frame(3, 0x8000, "")), Code::Unsupported);
}

TEST(Protocol, writes_an_exit_as_documented) {
  const ExitStatus status{
      .code = 137, .signal = 9, .oom_killed = true, .log_incomplete = true, .seconds = 5, .nanoseconds = 6};
  EXPECT_EQ(
      make_exited({1, 2}, status),
      "\x02\x02\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"
      "\x89\x00\x00\x00\x09\x00\x00\x00\x03\x00\x00\x00\x06\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00"s);
}

TEST(Protocol, an_error_frame_carries_code_and_sentence) {
  EXPECT_EQ(make_error({1, 0}, error(Code::NotFound, "no session {}", 4)),
            "\x01\x01\x03\x00\x01\x00\x00\x00\x00\x00\x00\x00no session 4"s);
}

}  // namespace
}  // namespace gantry::shim
