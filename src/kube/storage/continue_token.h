// SPDX-License-Identifier: Apache-2.0
//
// Where a list that was given in part goes on: opaque to clients, checked when it comes back
// (docs/formats/kube-objects.md).
#pragma once

#include <string>
#include <string_view>

#include "kube/api/status.h"
#include "store/store.h"

namespace gantry::kube {

struct ContinueToken {
  store::Revision revision = 0;  // that all parts show; -1: the latest, whatever came before
  std::string path;              // of the object that the part before ended with

  std::string text() const;
  // 400 for what was no token of ours.
  static Answer<ContinueToken> parse(std::string_view text);
};

}  // namespace gantry::kube
