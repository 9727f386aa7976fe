// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/gunzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <deque>

#include "testing/must.h"

namespace gantry::kube {
namespace {

std::string gzip(std::string text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  EXPECT_EQ(::deflateEnd(&stream), Z_OK);
  return packed;
}

// A body that comes in pieces; an empty one is a moment at which there is nothing.
class Pieces final : public http::FrameSource {
 public:
  explicit Pieces(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}
  State take(std::vector<SharedBytes>& frames, std::size_t /*bytes*/) override {
    if (pieces_.empty()) return State::End;
    if (!pieces_.front().empty()) frames.emplace_back(pieces_.front());
    pieces_.pop_front();
    return State::Open;
  }
  void set_wake(std::function<void()> /*wake*/) override {}

 private:
  std::deque<std::string> pieces_;
};

struct Unpacked {
  std::string text;
  http::FrameSource::State state = http::FrameSource::State::Open;
  std::size_t largest = 0;
};

Unpacked unpack(std::deque<std::string> pieces, std::size_t bytes = 1000) {
  const auto source = unpacked(std::make_unique<Pieces>(std::move(pieces)));
  Unpacked all;
  while (all.state == http::FrameSource::State::Open) {
    std::vector<SharedBytes> frames;
    all.state = source->take(frames, bytes);
    for (const SharedBytes& frame : frames) {
      all.text += frame.view();
      all.largest = std::max(all.largest, frame.size());
    }
  }
  return all;
}

using State = http::FrameSource::State;

TEST(Gunzip, gives_back_what_was_packed_however_it_comes) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += fmt::format("line {}\n", i);
  const std::string packed = gzip(text);
  std::deque<std::string> bytes;
  for (const char c : packed) bytes.emplace_back(1, c);
  for (const std::size_t most : {1UL, 1000UL, 1UL << 20}) EXPECT_EQ(unpack({packed}, most).text, text);
  EXPECT_EQ(unpack(bytes).text, text);
  EXPECT_EQ(unpack({packed.substr(0, 100), "", packed.substr(100), ""}).text, text);
  EXPECT_EQ(unpack({gzip("a") + gzip("b"), gzip("c")}).text, "abc");
  EXPECT_EQ(unpack({gzip("")}).state, State::End);
}

TEST(Gunzip, little_that_stands_for_much_comes_bit_by_bit) {
  const Unpacked all = unpack({gzip(std::string(10 << 20, ' '))}, 64 << 10);
  EXPECT_EQ(all.text.size(), 10U << 20);
  EXPECT_LE(all.largest, 64U << 10);
  EXPECT_EQ(all.state, State::End);
}

TEST(Gunzip, what_breaks_off_or_is_none_is_cut) {
  const std::string packed = gzip("a text");
  EXPECT_EQ(unpack({packed.substr(0, packed.size() - 1)}).state, State::Cut);
  EXPECT_EQ(unpack({"<html>"}).state, State::Cut);
  EXPECT_EQ(unpack({packed + "more"}).state, State::Cut);
  EXPECT_EQ(unpack({}).state, State::Cut);
}

}  // namespace
}  // namespace gantry::kube
