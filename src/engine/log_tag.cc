// SPDX-License-Identifier: Apache-2.0
#include "engine/log_tag.h"

#include "base/trim.h"

namespace gantry::engine {
namespace {

Result<std::string> word_for(std::string_view word, const LogTagWords& words) {
  if (word == ".ID") return words.id.substr(0, 12);
  if (word == ".FullID") return words.id;
  if (word == ".Name") return words.name;
  if (word == ".ImageName") return words.image_name;
  if (word == ".ImageID") return words.image_id.substr(0, 12);
  if (word == ".ImageFullID") return words.image_id;
  if (word == ".DaemonName") return std::string("docker");
  return error(Code::InvalidArgument, "log opt 'tag': '{{{{{}}}}}' is not known", word);
}

}  // namespace

Result<std::string> expand_log_tag(std::string_view tag, const LogTagWords& words) {
  if (tag.empty()) tag = "{{.ID}}";
  std::string expanded;
  for (;;) {
    const std::size_t open = tag.find("{{");
    expanded += tag.substr(0, open);
    if (open == std::string_view::npos) return expanded;
    const std::size_t close = tag.find("}}", open);
    if (close == std::string_view::npos)
      return error(Code::InvalidArgument, "log opt 'tag': '{{{{' without '}}}}'");
    expanded += TRY(word_for(trimmed(tag.substr(open + 2, close - open - 2), " "), words));
    tag.remove_prefix(close + 2);
  }
}

}  // namespace gantry::engine
