// SPDX-License-Identifier: Apache-2.0
//
// Pages (text/html) that come through a proxy of the API: their links lead back through it, as they would
// otherwise lead to the API server's own paths.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/frame_source.h"
#include "http/headers.h"
#include "http/stream_loop.h"
#include "http/url.h"

namespace gantry::kube {

// proxied_headers.h says what these are.
struct ProxiedLinks {
  std::string prefix;
  http::Url asked;
  std::string host;

  std::string change(std::string_view link) const;  // empty: it stays
};

// Whether a client asks for pages. What is behind the proxy is then asked to send them as they are.
bool wants_pages(const http::HeaderMap& headers);
// It may be compressed by gzip nevertheless; in what is so in another way no links are found.
bool is_page(const http::ClientResponse& answer);

// The body of such an answer, as it was before it was compressed. `loop` outlives it.
std::shared_ptr<http::FrameSource> page_frames(http::StreamLoop& loop, http::ClientResponse answer,
                                               ProxiedLinks links);

}  // namespace gantry::kube
