// SPDX-License-Identifier: Apache-2.0
#include "http/spdy/header_block.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "http/spdy/big_endian.h"
#include "testing/must.h"

namespace gantry::http::spdy {
namespace {

std::string text_of(const HeaderMap& headers) {
  std::string text;
  for (const Header& header : headers) text += header.name + "=" + header.value + ";";
  return text;
}

TEST(HeaderBlocks, ComeOutAsTheyWentInOneAfterTheOther) {
  HeaderPacker packer;
  HeaderUnpacker unpacker;
  EXPECT_EQ(text_of(MUST(unpacker.unpack(packer.pack({{"streamType", "stdin"}, {"port", "80"}})))),
            "streamtype=stdin;port=80;");
  EXPECT_EQ(text_of(MUST(unpacker.unpack(packer.pack({})))), "");
  EXPECT_EQ(text_of(MUST(unpacker.unpack(packer.pack({{"streamtype", "error"}, {"empty", ""}})))),
            "streamtype=error;empty=;");
}

// As zlib of another language packs {"streamtype": "stdin"} with the dictionary of the specification.
TEST(HeaderBlocks, AreThoseOfOthers) {
  HeaderUnpacker unpacker;
  const std::string block =
      *from_hex("78bbe3c6a7c202e50e703a2b294a4dcc851625acc525c03c819a96dd5d4300000000ffff");
  EXPECT_EQ(text_of(MUST(unpacker.unpack(block))), "streamtype=stdin;method=GET;");
}

TEST(HeaderBlocks, NamesMayHaveSeveralValues) {
  HeaderPacker packer;
  HeaderUnpacker unpacker;
  const std::string two("one\0two", 7);
  EXPECT_EQ(text_of(MUST(unpacker.unpack(packer.pack({{"a", two}})))), "a=one;a=two;");
}

TEST(HeaderBlocks, AreBounded) {
  HeaderPacker packer;
  HeaderUnpacker unpacker;
  const std::string bomb(HeaderUnpacker::kMostBytes, 'x');
  const auto large = unpacker.unpack(packer.pack({{"a", bomb}}));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code(), Code::ResourceExhausted);

  HeaderPacker other;
  HeaderMap many;
  for (std::size_t i = 0; i <= HeaderUnpacker::kMostFields; ++i) many.add("a", "");
  EXPECT_FALSE(HeaderUnpacker().unpack(other.pack(many)));
}

TEST(HeaderBlocks, ThatAreNoneAreRefused) {
  EXPECT_FALSE(HeaderUnpacker().unpack("no compression"));
  EXPECT_FALSE(HeaderUnpacker().unpack(""));
  HeaderPacker packer;
  const std::string block = packer.pack({{"a", "b"}});
  EXPECT_FALSE(HeaderUnpacker().unpack(block.substr(0, block.size() / 2)));
  EXPECT_FALSE(HeaderUnpacker().unpack(HeaderPacker().pack({{"", "b"}})));
}

}  // namespace
}  // namespace gantry::http::spdy
