// SPDX-License-Identifier: Apache-2.0
#include "image/hash_beside.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_stream.h"

namespace gantry::image {
namespace {

using oci::DigestAlgorithm;

TEST(HashBeside, many_streams_at_once_have_the_digests_they_have_alone) {
  std::vector<std::thread> owners;
  for (int owner = 0; owner < 8; ++owner)
    owners.emplace_back([owner] {
      const auto algorithm = owner % 4 == 3 ? DigestAlgorithm::Sha512 : DigestAlgorithm::Sha256;
      oci::StreamHasher hasher(algorithm);
      std::string all;
      for (int round = 0; round < 200; ++round) {
        const std::string piece(static_cast<std::size_t>(owner * 997 + round * 31), static_cast<char>(round));
        const HashBeside hashing(hasher, bytes_of(piece));
        all += piece;
      }
      EXPECT_EQ(hasher.finish(), oci::digest_of(all, algorithm));
    });
  for (std::thread& owner : owners) owner.join();
}

TEST(HashBeside, pieces_may_end_in_any_order) {
  const std::string first(100'000, 'a'), second(10, 'b'), third(300'000, 'c');
  oci::StreamHasher a(DigestAlgorithm::Sha256), b(DigestAlgorithm::Sha256), c(DigestAlgorithm::Sha256);
  std::optional<HashBeside> of_a, of_b, of_c;
  of_a.emplace(a, bytes_of(first));
  of_b.emplace(b, bytes_of(second));
  of_c.emplace(c, bytes_of(third));
  of_b.reset();
  of_c.reset();
  of_a.reset();
  EXPECT_EQ(a.finish(), oci::digest_of(first));
  EXPECT_EQ(b.finish(), oci::digest_of(second));
  EXPECT_EQ(c.finish(), oci::digest_of(third));
}

}  // namespace
}  // namespace gantry::image
