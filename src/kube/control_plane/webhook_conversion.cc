// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/webhook_conversion.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/random.h"
#include "kube/api/tree_lists.h"
#include "kube/custom/conversion_review.h"

namespace gantry::kube {
namespace {

constexpr std::chrono::seconds kTimeout{10};
// Asked at once.
constexpr std::size_t kMostObjects = 500;
constexpr std::size_t kMostBytes = 4 << 20;
constexpr std::size_t kRemembered = 8 << 20;  // bytes for one definition

// Without a reason, as Kubernetes has it.
Status failure(const json::Tree& object, const Error& why) {
  return Status({.code = 500,
                 .reason = {},
                 .message = fmt::format("conversion webhook for {}, Kind={} {}", object.text_at("apiVersion"),
                                        object.text_at("kind"), why.message())});
}

// One after the other, as many as are asked about at once.
class Batches {
 public:
  explicit Batches(const std::vector<std::string>& texts) : texts_(texts) {}

  // How many of those from `first` on.
  std::size_t size_from(std::size_t first) const {
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (first + count < texts_.size() && count < kMostObjects) {
      bytes += texts_[first + count].size();
      if (bytes > kMostBytes && count > 0) break;
      ++count;
    }
    return count;
  }

 private:
  const std::vector<std::string>& texts_;
};

}  // namespace

// ---- Memory

std::optional<std::string> WebhookConversion::Memory::find(const std::string& asked) {
  const MutexLock lock(mutex_);
  if (const auto found = recent_.find(asked); found != recent_.end()) return found->second;
  auto found = older_.extract(asked);
  if (found.empty()) return std::nullopt;
  std::string answered = found.mapped();
  keep_locked(std::move(found.key()), std::move(found.mapped()));
  return answered;
}

void WebhookConversion::Memory::keep(std::string asked, std::string answered) {
  const MutexLock lock(mutex_);
  keep_locked(std::move(asked), std::move(answered));
}

void WebhookConversion::Memory::keep_locked(std::string asked, std::string answered) {
  const std::size_t bytes = asked.size() + answered.size();
  if (recent_bytes_ + bytes > kRemembered / 2) {
    older_ = std::exchange(recent_, {});
    recent_bytes_ = 0;
  }
  if (bytes > kRemembered / 2) return;
  if (recent_.emplace(std::move(asked), std::move(answered)).second) recent_bytes_ += bytes;
}

// ---- Asking

WebhookConversion::WebhookConversion(const json::Tree& conversion, const ServiceRouter& services)
    : services_(services),
      review_version_(
          custom::review_version_of(member_of(member_of(conversion, "webhook"), "conversionReviewVersions"))),
      client_(member_of(member_of(conversion, "webhook"), "clientConfig"), kTimeout, "kube-apiserver") {}

Result<std::vector<json::Tree>> WebhookConversion::ask(std::span<const json::Tree> objects,
                                                       std::string_view api_version) const {
  if (review_version_.empty())
    return error(Code::Unsupported, "failed: no supported conversion review versions");
  const std::string uid = random_uuid();
  const custom::ConversionRequest request{
      .objects = objects, .api_version = api_version, .uid = uid, .review_version = review_version_};
  std::string answer = TRY_DURING(
      client_.post(custom::conversion_review(request), {}, custom::kConversionAnswer, services_), "failed");
  return custom::read_conversion(request, std::move(answer));
}

Answer<std::vector<json::Tree>> WebhookConversion::convert(std::span<const json::Tree> objects,
                                                           std::string_view api_version) const {
  std::vector<json::Tree> converted(objects.size());
  std::vector<std::size_t> unknown;
  std::vector<std::string> texts;  // of those
  std::vector<json::Tree> asked;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    std::string text = fmt::format("{} {}", api_version, objects[i].to_text());
    if (auto known = memory_.find(text)) {
      converted[i] =
          TRY(json::Tree::parse(*std::move(known), {.bytes = custom::kConversionAnswer, .depth = 256}));
      continue;
    }
    unknown.push_back(i);
    texts.push_back(std::move(text));
    asked.push_back(objects[i]);
  }
  const Batches batches(texts);
  for (std::size_t first = 0; first < unknown.size();) {
    const auto batch = std::span(asked).subspan(first, batches.size_from(first));
    auto answered = ask(batch, api_version);
    if (!answered) return failure(batch.front(), answered.error());
    for (json::Tree& object : *answered) {
      memory_.keep(std::move(texts[first]), object.to_text());
      converted[unknown[first]] = std::move(object);
      ++first;
    }
  }
  return converted;
}

}  // namespace gantry::kube
