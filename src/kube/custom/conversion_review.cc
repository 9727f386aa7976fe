// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/conversion_review.h"

#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "base/printable.h"

namespace gantry::kube::custom {
namespace {

using json::Tree;
using json::TreeObject;

constexpr std::string_view kGroup = "apiextensions.k8s.io";
constexpr std::size_t kToldOfAFailure = 1024;  // bytes of what a webhook says of it
constexpr json::Limits kAnswerLimits{.bytes = kConversionAnswer, .depth = 256};

// "apiextensions.k8s.io/v1, Kind=ConversionReview".
std::string kind_text(std::string_view api_version, std::string_view kind) {
  return fmt::format("{}, Kind={}", printable(api_version), printable(kind));
}

// v1beta1 asked less of an answer.
Result<void> check_review(const ConversionRequest& request, const Tree& review, const Tree& response) {
  if (request.review_version != "v1") return {};
  const std::string wanted = kind_text(fmt::format("{}/v1", kGroup), "ConversionReview");
  const std::string found = kind_text(review.text_at("apiVersion"), review.text_at("kind"));
  if (found != wanted)
    return error(Code::InvalidArgument, "failed: expected webhook response of {}, got {}", wanted, found);
  if (response.text_at("uid") != request.uid)
    return error(Code::InvalidArgument, "failed: expected response.uid=\"{}\", got \"{}\"", request.uid,
                 printable(response.text_at("uid")));
  return {};
}

Result<void> check_result(const Tree& response) {
  const std::string_view status = response.text_at("result", "status");
  if (status == "Success") return {};
  if (const std::string_view why = response.text_at("result", "message"); !why.empty())
    return error(Code::InvalidArgument, "failed: {}", printable(why, kToldOfAFailure));
  return error(Code::InvalidArgument, "failed: response.result.status was '{}', not 'Success'",
               printable(status));
}

Result<void> check_same(const Tree& before, const Tree& after) {
  constexpr std::pair<const char*, const char*> kSame[] = {
      {"name", "name"}, {"namespace", "namespace"}, {"uid", "UID"}};
  for (const auto& [key, name] : kSame)
    if (const auto was = before.text_at("metadata", key), is = after.text_at("metadata", key); was != is)
      return error(Code::InvalidArgument, "must have the same {}: {} != {}", name, was, printable(is));
  return {};
}

Result<void> check_object(const ConversionRequest& request, const Tree& before, const Tree& after) {
  if (!after.is_object()) return error(Code::InvalidArgument, "it is no object");
  if (after.text_at("apiVersion") != request.api_version)
    return error(Code::InvalidArgument, "invalid groupVersion (expected {}, received {})",
                 request.api_version, printable(after.text_at("apiVersion")));
  if (after.text_at("kind") != before.text_at("kind"))
    return error(Code::InvalidArgument, "invalid kind (expected {}, received {})", before.text_at("kind"),
                 printable(after.text_at("kind")));
  const Tree* metadata = after.find("metadata");
  if (metadata == nullptr || !metadata->is_object())
    return error(Code::InvalidArgument, "missing metadata in converted object");
  for (const char* key : {"labels", "annotations"})
    if (const Tree* texts = metadata->find(key); texts != nullptr && !texts->is_null())
      for (const auto& [name, value] : texts->object())
        if (!value.is_string()) return error(Code::InvalidArgument, "metadata.{}: a value is no string", key);
  return check_same(before, after);
}

void restore_metadata(const Tree& before, Tree& after) {
  const Tree* original = before.find("metadata");
  TreeObject kept = original == nullptr ? TreeObject() : original->object();
  for (const char* key : {"labels", "annotations"}) {
    const Tree* converted = after.find("metadata", key);
    if (converted != nullptr && converted->is_object())
      kept[key] = *converted;
    else
      kept.erase(key);
  }
  after.object()["metadata"] = std::move(kept);
}

}  // namespace

std::string_view review_version_of(const Tree& versions) {
  for (const Tree& version : versions.array())
    for (const std::string_view known : {"v1", "v1beta1"})
      if (version.as_string() == known) return known;
  return {};
}

std::string conversion_review(const ConversionRequest& request) {
  json::Writer writer;
  writer.begin_object().key("kind").value("ConversionReview");
  writer.key("apiVersion").value(fmt::format("{}/{}", kGroup, request.review_version));
  writer.key("request").begin_object().key("uid").value(request.uid);
  writer.key("desiredAPIVersion").value(request.api_version);
  writer.key("objects").begin_array();
  for (const Tree& object : request.objects) object.write_to(writer);
  writer.end_array().end_object().end_object();
  return std::move(writer).text();
}

Result<std::vector<Tree>> read_conversion(const ConversionRequest& request, std::string answer) {
  const Tree review = TRY_DURING(Tree::parse(std::move(answer), kAnswerLimits), "failed");
  const Tree* response = review.find("response");
  if (response == nullptr || !response->is_object())
    return error(Code::InvalidArgument, "failed: no response provided");
  TRY(check_review(request, review, *response));
  TRY(check_result(*response));
  const Tree* converted = response->find("convertedObjects");
  const std::size_t count = converted == nullptr ? 0 : converted->array().size();
  if (count != request.objects.size())
    return error(Code::InvalidArgument, "returned {} objects, expected {}", count, request.objects.size());
  std::vector<Tree> objects;
  objects.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Tree object = converted->array()[i];
    TRY_DURING(check_object(request, request.objects[i], object),
               "returned invalid converted object at index {}", i);
    restore_metadata(request.objects[i], object);
    objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace gantry::kube::custom
