// SPDX-License-Identifier: Apache-2.0
#include "base/detach_keys.h"

namespace gantry {
namespace {

Result<char> parse_key(std::string_view name) {
  constexpr std::string_view kControl = "ctrl-";
  if (name.size() == 1) return name[0];
  if (name.starts_with(kControl) && name.size() == kControl.size() + 1) {
    const char key = name.back();
    if (key >= 'a' && key <= 'z') return static_cast<char>(key - 'a' + 1);
    if (key == '@') return '\0';
    if (key >= '[' && key <= '_') return static_cast<char>(key - '[' + 27);
  }
  return error(Code::InvalidArgument, "invalid detach keys: unknown key '{}'", name);
}

}  // namespace

Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  DetachKeys keys;
  if (text.empty()) text = "ctrl-p,ctrl-q";
  for (;;) {
    // A comma is a key, too: "ctrl-a,,".
    const std::size_t comma = text.find(',', 1);
    keys.keys_ += TRY(parse_key(text.substr(0, comma)));
    if (comma == text.npos) return keys;
    text.remove_prefix(comma + 1);
    if (text.empty())
      return error(Code::InvalidArgument, "invalid detach keys: nothing after the last comma");
  }
}

DetachKeys::Fed DetachKeys::feed(std::string_view input) {
  Fed fed;
  for (const char key : input) {
    if (key != keys_[matched_]) {
      fed.forward.append(keys_, 0, matched_);
      matched_ = 0;
    }
    if (key != keys_[matched_]) {
      fed.forward += key;
    } else if (++matched_ == keys_.size()) {
      matched_ = 0;
      fed.is_detached = true;
      break;
    }
  }
  return fed;
}

}  // namespace gantry
