// SPDX-License-Identifier: Apache-2.0
//
// A document that is made once and sent often.
#pragma once

#include <string>
#include <string_view>

#include "base/shared_bytes.h"

namespace gantry::kube::views {

struct Page {
  SharedBytes body;
  std::string etag;  // quoted; of the body's content

  static Page of(std::string_view body);
};

// SHA-256, as bytes.
std::string sha256(std::string_view bytes);

}  // namespace gantry::kube::views
