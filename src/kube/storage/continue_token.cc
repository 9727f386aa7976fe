// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/continue_token.h"

#include "base/base64.h"
#include "base/json.h"

namespace gantry::kube {

static constexpr json::Limits kLimits{.bytes = 4 << 10, .depth = 4};

std::string ContinueToken::text() const {
  json::Writer writer;
  writer.begin_object().key("rv").value(revision).key("after").value(path).end_object();
  return to_base64url(std::move(writer).text());
}

static Status not_valid() { return bad_request("continue key is not valid"); }

Answer<ContinueToken> ContinueToken::parse(std::string_view text) {
  if (text.size() > kLimits.bytes) return not_valid();
  const auto json = from_base64(text);
  if (!json) return not_valid();
  const auto document = json::Document::parse(*json, kLimits);
  if (!document) return not_valid();
  const auto revision = document->root().find("rv");
  const auto path = document->root().find("after");
  if (!revision || !revision->as_int64() || !path || path->as_string().empty()) return not_valid();
  ContinueToken token{.revision = *revision->as_int64(), .path = std::string(path->as_string())};
  if (token.revision != -1 && token.revision <= 0) return not_valid();
  return token;
}

}  // namespace gantry::kube
