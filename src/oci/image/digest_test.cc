// SPDX-License-Identifier: Apache-2.0
#include "oci/image/digest.h"

#include <gtest/gtest.h>

#include "oci/image/chain_id.h"
#include "testing/must.h"

namespace gantry::oci {
namespace {

constexpr std::string_view kEmpty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string refusal(std::string_view text) {
  const auto digest = Digest::parse(text);
  return digest ? "" : digest.error().message();
}

TEST(Digest, is_its_text) {
  const Digest digest = MUST(Digest::parse(kEmpty));
  EXPECT_EQ(digest.str(), kEmpty);
  EXPECT_EQ(digest.hex(), kEmpty.substr(7));
  EXPECT_EQ(digest.algorithm(), DigestAlgorithm::Sha256);
  EXPECT_EQ(digest, digest_of(""));
  EXPECT_NE(digest, digest_of("", DigestAlgorithm::Sha512));
  EXPECT_EQ(Digest().str(), "");
  EXPECT_TRUE(Digest().is_empty());
}

TEST(Digest, of_sha512_has_128_digits) {
  const Digest digest = digest_of("abc", DigestAlgorithm::Sha512);
  EXPECT_TRUE(digest.str().starts_with("sha512:ddaf35a193617abacc417349ae204131"));
  EXPECT_EQ(digest.hex().size(), 128U);
  EXPECT_EQ(MUST(Digest::parse(digest.str())), digest);
}

TEST(Digest, is_a_key_of_maps) {
  const Digest digest = digest_of("a");
  EXPECT_FALSE(digest < digest);
  EXPECT_NE(digest < digest_of("b"), digest_of("b") < digest);
  EXPECT_LT(digest, digest_of("a", DigestAlgorithm::Sha512));
  EXPECT_EQ(std::hash<Digest>()(digest), std::hash<Digest>()(MUST(Digest::parse(digest.str()))));
}

TEST(Digest, refuses_what_is_not_of_the_grammar) {
  EXPECT_EQ(refusal(""), "'' is not a digest");
  EXPECT_EQ(refusal("sha256"), "'sha256' is not a digest");
  EXPECT_EQ(refusal(":abc"), "':abc' is not a digest");
  EXPECT_EQ(refusal("sha256+:abc"), "'sha256+:abc' is not a digest");
  EXPECT_EQ(refusal("sha256:abc"),
            "'sha256:abc' is not a digest: sha256 has 64 hexadecimal digits of lower case");
  std::string upper(kEmpty);
  upper[10] = 'B';
  EXPECT_NE(refusal(upper), "");
  EXPECT_NE(refusal(std::string(kEmpty) + "0"), "");
  EXPECT_NE(refusal("sha512:" + std::string(64, 'a')), "");
  EXPECT_EQ(Digest::parse("md5:d41d8cd98f00b204e9800998ecf8427e").error().code(), Code::Unsupported);
}

TEST(Digest, of_pieces_is_that_of_the_whole) {
  Hasher hasher;
  hasher.update("a");
  hasher.update("");
  hasher.update("bc");
  EXPECT_EQ(hasher.finish(), digest_of("abc"));
}

TEST(ChainId, names_a_stack_of_layers) {
  const std::vector<Digest> diff_ids = {digest_of("a"), digest_of("b"),
                                        digest_of("c", DigestAlgorithm::Sha512)};
  const std::vector<Digest> chain = chain_ids(diff_ids);
  ASSERT_EQ(chain.size(), 3U);
  EXPECT_EQ(chain[0], diff_ids[0]);
  EXPECT_EQ(chain[1].str(), "sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676");
  EXPECT_EQ(chain[2].str(), "sha256:518fcb59b09254c8ce793e65ab3da563ba6af7f4b044c316bf2cf4dfbc1ca5ab");
  EXPECT_EQ(chain_id(chain[0], diff_ids[1]), chain[1]);
  EXPECT_TRUE(chain_ids({}).empty());
}

}  // namespace
}  // namespace gantry::oci
