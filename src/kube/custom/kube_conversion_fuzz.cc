// SPDX-License-Identifier: Apache-2.0
//
// What a conversion webhook answers: an object that is taken is the one that was asked about.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "kube/custom/conversion_review.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry;
  std::vector<json::Tree> asked;
  asked.push_back(*json::Tree::parse(
      R"({"apiVersion":"e.com/v1","kind":"Widget","metadata":{"name":"a","finalizers":["f"]}})"));
  const auto read = kube::custom::read_conversion(
      {.objects = asked, .api_version = "e.com/v2", .uid = "u", .review_version = "v1"},
      std::string(reinterpret_cast<const char*>(data), size));
  if (!read) return 0;
  const json::Tree& object = read->at(0);
  if (object.text_at("metadata", "name") != "a" || object.find("metadata", "finalizers") == nullptr)
    std::abort();
  return 0;
}
