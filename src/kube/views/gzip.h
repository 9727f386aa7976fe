// SPDX-License-Identifier: Apache-2.0
//
// Whole documents compressed at once, for clients that accept it (Accept-Encoding: gzip).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::kube::views {

std::string gzip(std::string_view bytes);
// DataLoss for what is no gzip, or stands for more than `limit` bytes.
Result<std::string> gunzip(std::string_view bytes, std::size_t limit);

}  // namespace gantry::kube::views
