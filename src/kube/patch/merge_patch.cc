// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/merge_patch.h"

#include <vector>

#include "kube/patch/merge_objects.h"

namespace gantry::kube {
namespace {

using json::Tree;

Tree merged(Tree target, Tree patch) {
  if (!patch.is_object()) return patch;
  target = merge_objects(std::move(target.object()), std::move(patch.object()),
                         [](std::string_view, Tree* before, Tree& change) -> std::optional<Tree> {
                           if (change.is_null()) return std::nullopt;
                           return merged(before == nullptr ? Tree() : std::move(*before), std::move(change));
                         });
  return target;
}

}  // namespace

Answer<Tree> apply_merge_patch(Tree object, Tree patch) {
  if (!patch.is_object()) return bad_request("error decoding patch: a merge patch has to be a JSON object");
  return merged(std::move(object), std::move(patch));
}

}  // namespace gantry::kube
