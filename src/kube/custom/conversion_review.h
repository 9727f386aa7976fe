// SPDX-License-Identifier: Apache-2.0
//
// What a conversion webhook is sent and what it answers: apiextensions.k8s.io/v1 ConversionReview
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/
// #webhook-request-and-response). It may change everything of an object but who it is: of the metadata
// nothing but labels and annotations.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_tree.h"

namespace gantry::kube::custom {

struct ConversionRequest {
  std::span<const json::Tree> objects;
  std::string_view api_version;     // that they are to be in
  std::string_view uid;             // of the request
  std::string_view review_version;  // "v1" or "v1beta1"
};

// The first of a definition's conversionReviewVersions that is known here; empty: none is.
std::string_view review_version_of(const json::Tree& versions);

std::string conversion_review(const ConversionRequest& request);

inline constexpr std::size_t kConversionAnswer = 64 << 20;  // bytes

// The objects converted, in their order, with their metadata. InvalidArgument for what is no answer, and for
// what the webhook says went wrong; the message goes on behind "conversion webhook for example.com/v1,
// Kind=Widget ".
Result<std::vector<json::Tree>> read_conversion(const ConversionRequest& request, std::string answer);

}  // namespace gantry::kube::custom
