// SPDX-License-Identifier: Apache-2.0
//
// The formats of strings that custom resources' schemas may name
// (https://spec.openapis.org/registry/format/).
#pragma once

#include <string_view>

namespace gantry::kube::custom {

// Whether `text` has the format. Of a format that is not known: yes, as Kubernetes has it.
bool has_format(std::string_view text, std::string_view format);

}  // namespace gantry::kube::custom
