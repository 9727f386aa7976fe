// SPDX-License-Identifier: Apache-2.0
#include "kube/http/request_body.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "kube/http/media_type.h"
#include "kube/protobuf/envelope.h"
#include "kube/schema/decode.h"
#include "yaml/yaml.h"

namespace gantry::kube {
namespace {

Answer<std::string> read_bytes(http::Request& request) {
  auto body = request.read_body(kObjectLimits.bytes);
  if (body) return std::move(*body);
  if (body.error().code() == Code::ResourceExhausted)
    return too_large(fmt::format("Request entity too large: limit is {}", kObjectLimits.bytes));
  return bad_request(body.error().message());
}

Answer<std::string> json_of_yaml(std::string_view text) {
  auto converted = yaml::to_json(text, {.max_json = kObjectLimits.bytes, .max_depth = kObjectLimits.depth});
  if (!converted) return bad_request(converted.error().message());
  return std::move(*converted);
}

// Most of what may be YAML is not, and reading it as such takes ten times as long. With a key that stands
// twice it is YAML's to judge.
bool is_json(const std::string& text) {
  json::Limits limits = kObjectLimits;
  limits.allows_repeated_keys = false;
  return text.starts_with('{') && json::Document::parse(text, limits);
}

Answer<json::Tree> read_protobuf(std::string_view body, const Type* type) {
  const auto envelope = protobuf::open_envelope(body);
  if (!envelope) return bad_request(envelope.error().message());
  if (type == nullptr) return unsupported_media_type("this kind has no form in protocol buffers");
  auto object = protobuf::decode_object(*envelope, *type);
  if (!object) return bad_request(object.error().message());
  return std::move(*object);
}

}  // namespace

Answer<RequestBody> read_object(http::Request& request, const Type* type) {
  std::string body = TRY(read_bytes(request));
  const MediaType sent = parse_media_type(request.headers().get_or("Content-Type", ""));
  if (body.empty() || sent.name.empty() || sent.name == "application/json")
    return RequestBody(std::move(body));
  if (sent.name == "application/yaml") return RequestBody(TRY(json_of_yaml(body)));
  if (sent.name == protobuf::kMediaType) return RequestBody(TRY(read_protobuf(body, type)));
  return unsupported_media_type(fmt::format(
      "the body of the request was in an unknown format - accepted media types include: application/json, "
      "application/yaml, application/vnd.kubernetes.protobuf, not '{}'",
      printable(sent.name)));
}

Answer<RequestBody> read_patch(http::Request& request, bool may_be_yaml) {
  std::string body = TRY(read_bytes(request));
  if (!may_be_yaml || is_json(body)) return RequestBody(std::move(body));
  return RequestBody(TRY(json_of_yaml(body)));
}

Answer<json::Tree> tree_of(RequestBody body) {
  if (auto* tree = std::get_if<json::Tree>(&body)) return std::move(*tree);
  std::string& text = std::get<std::string>(body);
  if (text.empty()) return json::Tree();
  auto parsed = json::Tree::parse(std::move(text), kObjectLimits);
  if (!parsed) return bad_request(parsed.error().message());
  return std::move(*parsed);
}

}  // namespace gantry::kube
