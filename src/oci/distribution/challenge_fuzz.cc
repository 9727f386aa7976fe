// SPDX-License-Identifier: Apache-2.0
//
// What a registry says in headers and error bodies: taken, it reads the same once written; refused, in one
// line.
#include <cstdlib>

#include "oci/distribution/byte_range.h"
#include "oci/distribution/challenge.h"
#include "oci/distribution/error_document.h"
#include "oci/distribution/lists.h"
#include "oci/distribution/scope.h"

namespace {

using namespace gantry::oci;

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_one_line(const std::string& text) {
  return text.size() < 16384 && text.find_first_of(std::string_view("\n\r\x1b\0", 4)) == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto challenges = parse_challenges(text)) {
    std::string header;
    for (const Challenge& challenge : *challenges)
      header += (header.empty() ? "" : ", ") + to_header(challenge);
    // Quotes make it longer.
    if (header.size() <= kMaxChallengeBytes) require(parse_challenges(header).value() == *challenges);
  } else {
    require(is_one_line(challenges.error().message()));
  }
  if (const auto scopes = parse_scopes(text)) require(parse_scopes(to_string(*scopes)).value() == *scopes);
  if (const auto token = parse_token_response(text))
    require(parse_token_response(to_json(*token))->token == token->token);
  require(is_one_line(describe(parse_registry_errors(text))));
  if (const auto range = parse_upload_range(text)) require(range->last >= range->first);
  (void)next_page(text);
  return 0;
}
