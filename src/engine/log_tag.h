// SPDX-License-Identifier: Apache-2.0
//
// The log option `tag`: a text with {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageName}}, {{.ImageID}} and
// {{.DaemonName}} in it, by which a container is known to a log service.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::engine {

struct LogTagWords {
  std::string id;  // all 64 digits
  std::string name;
  std::string image_name;
  std::string image_id;
};
// An empty `tag` is "{{.ID}}", as Docker's. InvalidArgument for another word.
Result<std::string> expand_log_tag(std::string_view tag, const LogTagWords& words);

}  // namespace gantry::engine
