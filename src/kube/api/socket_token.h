// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace gantry::kube {

// A token of a browser, which cannot set headers of a WebSocket: it offers it as a subprotocol with this in
// front.
inline constexpr std::string_view kSocketToken = "base64url.bearer.authorization.k8s.io.";

}  // namespace gantry::kube
