// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/client_frames.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::shim {
namespace {

using namespace std::string_literals;

constexpr Address kAddress{.tag = 7, .session = 3};

Request parsed(const std::string& frame) {
  Request request = MUST(parse_request(frame));
  EXPECT_EQ(request.tag, kAddress.tag);
  EXPECT_EQ(request.session, kAddress.session);
  return request;
}

TEST(ClientFrames, are_what_the_shim_reads) {
  const std::string attach = make_request(RequestType::Attach, kAddress, kAttachStdin | kLossless);
  EXPECT_EQ(parsed(attach).type, RequestType::Attach);
  EXPECT_EQ(parsed(attach).flags, kAttachStdin | kLossless);
  EXPECT_EQ(parsed(make_resize(kAddress, {24, 80})).size, (WindowSize{24, 80}));
  EXPECT_EQ(parsed(make_signal(kAddress, 15, kSignalAll)).signal, 15);
  const std::string exec = make_exec(kAddress, "/run/p.json", kTerminal, {24, 80});
  EXPECT_EQ(parsed(exec).payload, "/run/p.json");
  EXPECT_EQ(parsed(exec).size, (WindowSize{24, 80}));
  const std::string input = std::string(make_stdin_header(kAddress).bytes, kHeaderSize) + "typed";
  EXPECT_EQ(parsed(input).payload, "typed");
}

TEST(ClientFrames, read_what_the_shim_makes) {
  const std::string ok = make_ok(kAddress, 4711);
  EXPECT_EQ(MUST(parse_answer(ok)).to.tag, 7u);
  EXPECT_EQ(MUST(parse_pid(MUST(parse_answer(ok)).body)), 4711u);

  const std::string lost = make_lost(kAddress, Stream::Stderr, 1234567890123);
  EXPECT_EQ(MUST(parse_answer(lost)).stream, Stream::Stderr);
  EXPECT_EQ(MUST(parse_answer(lost)).lost, 1234567890123u);

  const std::string output =
      std::string(make_output_header(kAddress, Stream::Stdout).bytes, kHeaderSize) + "hi";
  EXPECT_EQ(MUST(parse_answer(output)).body, "hi");
  EXPECT_EQ(MUST(parse_answer(output)).to.session, 3u);
}

TEST(ClientFrames, read_an_exit_and_a_status) {
  const ExitStatus exit{
      .code = 137, .signal = 9, .oom_killed = true, .seconds = 1'700'000'000, .nanoseconds = 5};
  const std::string frame = make_exited(kAddress, exit);
  const ExitStatus read = MUST(parse_answer(frame)).exit;
  EXPECT_EQ(read.code, 137u);
  EXPECT_EQ(read.signal, 9u);
  EXPECT_TRUE(read.oom_killed);
  EXPECT_FALSE(read.log_incomplete);
  EXPECT_EQ(read.seconds, 1'700'000'000);
  EXPECT_EQ(read.nanoseconds, 5u);

  const std::string ok =
      make_ok(kAddress, Status{.state = State::Exited, .pid = 12, .clients = 2, .exit = exit});
  const Status status = MUST(parse_status(MUST(parse_answer(ok)).body));
  EXPECT_EQ(status.state, State::Exited);
  EXPECT_EQ(status.pid, 12u);
  EXPECT_EQ(status.clients, 2u);
  EXPECT_EQ(status.exit.code, 137u);
}

TEST(ClientFrames, read_every_code_of_an_error) {
  for (const Code code : {Code::Internal, Code::InvalidArgument, Code::NotFound, Code::AlreadyExists,
                          Code::Conflict, Code::PermissionDenied, Code::Unsupported, Code::Unavailable,
                          Code::ResourceExhausted, Code::TimedOut, Code::DataLoss}) {
    const std::string frame = make_error(kAddress, error(code, "no such thing"));
    const Answer answer = MUST(parse_answer(frame));
    EXPECT_EQ(answer.code, code);
    EXPECT_EQ(answer.body, "no such thing");
  }
}

TEST(ClientFrames, refuse_what_no_shim_sends) {
  const std::string exited = make_exited(kAddress, {});
  for (const std::string& frame :
       {"short"s, exited.substr(0, exited.size() - 1), exited + "x",
        std::string(make_output_header(kAddress, static_cast<Stream>(2)).bytes, kHeaderSize)})
    EXPECT_EQ(parse_answer(frame).error().code(), Code::DataLoss);
  EXPECT_EQ(parse_answer("\x99\x09"s + std::string(10, '\0')).error().code(), Code::Unsupported);
  EXPECT_EQ(parse_status("12").error().code(), Code::DataLoss);
}

}  // namespace
}  // namespace gantry::shim
