// SPDX-License-Identifier: Apache-2.0
#include "kube/http/received_body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "kube/schema/decode.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

// A body that comes in pieces; an empty one is the end, and what follows breaks off.
class Pieces final : public ByteSource {
 public:
  explicit Pieces(std::vector<std::string> pieces, std::function<void()> on_read = {})
      : pieces_(std::move(pieces)), on_read_(std::move(on_read)) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (on_read_) on_read_();
    if (next_ == pieces_.size()) return error(Code::DataLoss, "the body broke off");
    const std::string_view left = std::string_view(pieces_[next_]).substr(read_);
    const std::size_t size = std::min(left.size(), into.size());
    std::ranges::copy(bytes_of(left.substr(0, size)), into.begin());
    read_ += size;
    if (size > 0 && size == left.size()) {
      ++next_;
      read_ = 0;
    }
    return size;
  }
  std::size_t left() const { return pieces_.size() - next_; }

 private:
  const std::vector<std::string> pieces_;
  const std::function<void()> on_read_;
  std::size_t read_ = 0;  // of the next one
  std::size_t next_ = 0;
};

class ReceivedBodies : public ::testing::Test {
 protected:
  http::Request request(ByteSource& body, std::optional<std::uint64_t> length = {}) const {
    return {head_, peer_, body, length};
  }

  const http::RequestHead head_{.method = "POST", .target = "/"};
  const http::Peer peer_;
  BodyRoom room_{{.bodies = 2}};
};

TEST_F(ReceivedBodies, AreWholeBeforeAnybodyElseSeesThem) {
  Pieces pieces({"one ", "two", ""}, [&] { EXPECT_EQ(room_.coming(), 1u); });
  http::Request sent = request(pieces);
  ReceivedBody body(sent);
  ASSERT_TRUE(body.receive(room_, "alice"));
  EXPECT_TRUE(body.is_whole());
  EXPECT_EQ(room_.coming(), 0u);
  EXPECT_EQ(body.request().body_length(), 7u);
  EXPECT_EQ(MUST(body.request().read_body()), "one two");
}

TEST_F(ReceivedBodies, OfRequestsWithoutOneTakeNoRoom) {
  Pieces nothing({}, [] { ADD_FAILURE() << "nobody is to ask for it"; });
  http::Request sent = request(nothing, 0);
  ReceivedBody body(sent);
  const auto place = room_.enter("alice");
  ASSERT_TRUE(place);
  EXPECT_TRUE(body.receive(room_, "alice"));
  EXPECT_EQ(&body.request(), &sent);
}

TEST_F(ReceivedBodies, OfAUserWithTooManyAreRefusedUnread) {
  const auto place = room_.enter("alice");
  Pieces pieces({"one", ""});
  http::Request sent = request(pieces);
  ReceivedBody body(sent);
  const auto refused = body.receive(room_, "alice");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error()->code, 429);
  EXPECT_EQ(pieces.left(), 2u);
}

TEST_F(ReceivedBodies, ThatBreakOffAreBadRequests) {
  Pieces pieces({"one"});
  http::Request sent = request(pieces);
  ReceivedBody body(sent);
  const auto refused = body.receive(room_, "alice");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error()->code, 400);
}

TEST_F(ReceivedBodies, ThatAreLargerThanAnyObjectGoOnWhileTheyComeAndKeepTheirPlace) {
  const std::string large(kObjectLimits.bytes + 1, 'x');
  Pieces pieces({large, "the rest", ""});
  http::Request sent = request(pieces);
  ReceivedBody body(sent);
  ASSERT_TRUE(body.receive(room_, "alice"));
  EXPECT_FALSE(body.is_whole());
  EXPECT_EQ(room_.coming(), 1u);
  EXPECT_EQ(body.request().body_length(), std::nullopt);
  EXPECT_EQ(MUST(body.request().read_body(large.size() + 100)), large + "the rest");
}

}  // namespace
}  // namespace gantry::kube
