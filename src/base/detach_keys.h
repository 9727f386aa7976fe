// SPDX-License-Identifier: Apache-2.0
//
// The keys that let a client leave a terminal without ending what runs in it.
//
//   DetachKeys keys = TRY(DetachKeys::parse("ctrl-p,ctrl-q"));
//   DetachKeys::Fed fed = keys.feed(input);
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry {

class DetachKeys {
 public:
  // Comma-separated: a character, or "ctrl-" and one of a-z @ [ \ ] ^ _. Empty: ctrl-p,ctrl-q.
  // InvalidArgument.
  static Result<DetachKeys> parse(std::string_view text);

  struct Fed {
    std::string forward;  // what the process gets; keys that may begin the sequence are held back
    bool is_detached = false;
  };
  Fed feed(std::string_view input);

 private:
  std::string keys_;
  std::size_t matched_ = 0;  // of keys_, and held back
};

}  // namespace gantry
