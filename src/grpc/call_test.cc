// SPDX-License-Identifier: Apache-2.0
#include "grpc/call.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "grpc/status.h"
#include "testing/must.h"

namespace gantry::grpc {
namespace {

class Calls : public ::testing::Test {
 protected:
  Calls() {
    methods_.add("/test.Echo/Unary", [](ServerCall& call) -> Result<void> {
      const std::string message = TRY(call.read_one());
      return call.write(std::string(http::value_of(call.metadata(), "x-prefix")) + message);
    });
    methods_.add("/test.Echo/Stream", [](ServerCall& call) -> Result<void> {
      while (const auto message = TRY(call.read())) TRY(call.write(*message));
      return {};
    });
    methods_.add("/test.Echo/Nothing", [](ServerCall& call) -> Result<void> {
      TRY(call.read_one());
      return {};
    });
    methods_.add("/test.Echo/Fail", [](ServerCall& call) -> Result<void> {
      TRY(call.read());
      return error(Code::NotFound, "no 'x'\n100 %");
    });
    methods_.add("/test.Echo/FailLate", [](ServerCall& call) -> Result<void> {
      TRY(call.write("one"));
      return error(Code::PermissionDenied, "enough");
    });
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    server_ =
        MUST(http::Http2Connection::serve(MUST(http::Stream::over(UniqueFd(fds[0]))), methods_.handler()));
    client_ = MUST(http::Http2Connection::connect(MUST(http::Stream::over(UniqueFd(fds[1])))));
  }
  Methods methods_;
  std::unique_ptr<http::Http2Connection> server_, client_;
};

TEST_F(Calls, OneMessageThereAndOneBack) {
  EXPECT_EQ(MUST(call_unary(*client_, "/test.Echo/Unary", "text", {{"x-prefix", "a-"}})), "a-text");
  EXPECT_EQ(MUST(call_unary(*client_, "/test.Echo/Unary", "")), "");
  const std::string large(5 << 20, 'x');
  EXPECT_EQ(MUST(call_unary(*client_, "/test.Echo/Unary", large)), large);
}

TEST_F(Calls, MessagesGoBothWaysOneByOne) {
  ClientCall call = MUST(ClientCall::begin(*client_, "/test.Echo/Stream"));
  for (const std::string text : {"one", "", "three"}) {
    MUST(call.write(text));
    EXPECT_EQ(MUST(call.read()), text);
  }
  MUST(call.finish_writing());
  EXPECT_EQ(MUST(call.read()), std::nullopt);
}

TEST_F(Calls, AFailureComesWithItsCodeAndSentence) {
  const auto failed = call_unary(*client_, "/test.Echo/Fail", "x");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::NotFound);
  EXPECT_EQ(failed.error().message(), "no 'x'\n100 %");
}

TEST_F(Calls, AFailureBehindAMessageIsOne) {
  ClientCall call = MUST(ClientCall::begin(*client_, "/test.Echo/FailLate"));
  MUST(call.finish_writing());
  EXPECT_EQ(MUST(call.read()), "one");
  EXPECT_EQ(call.read().error().code(), Code::PermissionDenied);
}

TEST_F(Calls, AnAnswerWithoutMessagesIsAnEnd) {
  ClientCall call = MUST(ClientCall::begin(*client_, "/test.Echo/Nothing"));
  MUST(call.write("x"));
  MUST(call.finish_writing());
  EXPECT_EQ(MUST(call.read()), std::nullopt);
}

TEST_F(Calls, AnUnknownMethodIsSaidToBeOne) {
  const auto failed = call_unary(*client_, "/test.Echo/None", "x");
  EXPECT_EQ(failed.error().code(), Code::Unsupported);
  EXPECT_EQ(failed.error().message(), "unknown method '/test.Echo/None'");
}

TEST_F(Calls, AMessageThatIsTooLargeIsRefusedBeforeItIsRead) {
  const auto exchange = MUST(client_->request({{":method", "POST"},
                                               {":scheme", "http"},
                                               {":path", "/test.Echo/Unary"},
                                               {":authority", "x"},
                                               {"content-type", "application/grpc"}}));
  MUST(exchange->write(std::string_view("\0\xff\xff\xff\xff", 5)));
  const HeaderFields head = MUST(exchange->head());
  EXPECT_EQ(http::value_of(head, "grpc-status"), "8");
}

TEST_F(Calls, OtherRequestsAreToldWhatThisIs) {
  const auto exchange = MUST(
      client_->request({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "x"}}, true));
  const HeaderFields head = MUST(exchange->head());
  EXPECT_EQ(http::value_of(head, ":status"), "415");
}

TEST(Status, MessagesSurviveTheWire) {
  for (const std::string text : {"plain", "100 %", "two\nlines", "grün", "%41", "%"}) {
    EXPECT_EQ(percent_decode(percent_encode(text)), text);
    for (const char c : percent_encode(text)) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
  }
  EXPECT_EQ(percent_decode("%zz%4"), "%zz%4");
}

TEST(Status, WithoutOneIsAnError) {
  EXPECT_EQ(outcome_of({}).error().code(), Code::DataLoss);
  EXPECT_EQ(outcome_of({{"grpc-status", "x"}}).error().code(), Code::DataLoss);
  EXPECT_EQ(outcome_of({{"grpc-status", "99"}}).error().code(), Code::Internal);
  EXPECT_TRUE(outcome_of({{"grpc-status", "0"}}).has_value());
}

}  // namespace
}  // namespace gantry::grpc
