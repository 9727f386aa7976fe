// SPDX-License-Identifier: Apache-2.0
//
// The numbers of an indexed job's pods as its fields have them: "0-3,5", growing
// (batch/v1 JobStatus.completedIndexes).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::kube::rules {

// How many there are; or what is wrong with the text, in Kubernetes' words. All are below `completions`.
std::expected<std::int64_t, std::string> count_indexes(std::string_view text, std::int64_t completions);

// The first that is in both; what is no list of indexes is passed over.
std::optional<std::int64_t> common_index(std::string_view one, std::string_view other,
                                         std::int64_t completions);

}  // namespace gantry::kube::rules
