// SPDX-License-Identifier: Apache-2.0
//
// What is done to an object's text on its way into the store, and undone on its way out: encryption at rest.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::kube {

// For any thread.
class ValueTransformer {
 public:
  virtual ~ValueTransformer() = default;

  // `stored_as`: the kind (Resource::stored_as). `key`: of the store; a value belongs to its key and cannot
  // be read under another.
  virtual Result<std::string> to_store(std::string_view stored_as, std::string_view key,
                                       std::string_view text) const = 0;
  // Quick: the cache calls it for every change. DataLoss for what cannot be read (any more); Unavailable and
  // TimedOut for what cannot just now.
  virtual Result<std::string> from_store(std::string_view stored_as, std::string_view key,
                                         std::string_view value) const = 0;
  // Whether it does anything to the values of a kind. If not it is not called.
  virtual bool is_for(std::string_view stored_as) const = 0;
};

}  // namespace gantry::kube
