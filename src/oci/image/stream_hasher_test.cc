// SPDX-License-Identifier: Apache-2.0
#include "oci/image/stream_hasher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace gantry::oci {
namespace {

class StreamHasherTest : public testing::TestWithParam<DigestAlgorithm> {
 protected:
  // Bytes in which no block is like another.
  std::string text(std::size_t size) {
    std::string bytes(size, '\0');
    std::ranges::generate(bytes, [this] { return static_cast<char>(random_()); });
    return bytes;
  }
  std::size_t up_to(std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random_); }

  std::mt19937 random_{1};  // NOLINT: the same every time
};

std::span<const std::byte> bytes_in(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST_P(StreamHasherTest, ends_as_a_hasher_whatever_the_length) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string all = text(size);
    StreamHasher hasher(GetParam());
    hasher.update(bytes_in(all));
    EXPECT_EQ(hasher.finish(), digest_of(all, GetParam())) << size;
  }
}

TEST_P(StreamHasherTest, does_not_care_how_the_bytes_were_cut) {
  const std::string all = text(10'000);
  for (int round = 0; round < 50; ++round) {
    StreamHasher hasher(GetParam());
    for (std::string_view rest = all; !rest.empty();) {
      const std::string_view piece = rest.substr(0, up_to(200));
      hasher.update(bytes_in(piece));
      rest.remove_prefix(piece.size());
    }
    EXPECT_EQ(hasher.finish(), digest_of(all, GetParam()));
  }
}

TEST_P(StreamHasherTest, two_side_by_side_end_as_each_alone) {
  const DigestAlgorithm others[] = {DigestAlgorithm::Sha256, DigestAlgorithm::Sha512};
  for (int round = 0; round < 100; ++round) {
    const DigestAlgorithm other = others[round % 2];
    StreamHasher a(GetParam()), b(other);
    std::string all_of_a, all_of_b;
    for (int piece = 0; piece < 20; ++piece) {
      const std::string of_a = text(up_to(500)), of_b = text(up_to(500));
      update_both(a, bytes_in(of_a), b, bytes_in(of_b));
      all_of_a += of_a;
      all_of_b += of_b;
    }
    EXPECT_EQ(a.finish(), digest_of(all_of_a, GetParam()));
    EXPECT_EQ(b.finish(), digest_of(all_of_b, other));
  }
}

INSTANTIATE_TEST_SUITE_P(Algorithms, StreamHasherTest,
                         testing::Values(DigestAlgorithm::Sha256, DigestAlgorithm::Sha512));

}  // namespace
}  // namespace gantry::oci
