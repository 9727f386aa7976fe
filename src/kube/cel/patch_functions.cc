// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' library for JSON patches.
#include "kube/cel/function.h"

namespace gantry::kube::cel {
namespace {

// RFC 6901, section 3.
Value escape_key(const Call& call) {
  std::string escaped;
  for (const char c : call.text(0)) {
    if (c == '~')
      escaped += "~0";
    else if (c == '/')
      escaped += "~1";
    else
      escaped += c;
  }
  return call.string(escaped);
}

constexpr Declaration kFunctions[] = {
    {"jsonpatch.escapeKey(string) -> string", Cost::Text, escape_key},
};

}  // namespace

std::span<const Declaration> patch_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
