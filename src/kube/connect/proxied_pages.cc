// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/proxied_pages.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "base/lower_case.h"
#include "http/response_frames.h"
#include "kube/connect/gunzip.h"
#include "kube/connect/html_links.h"
#include "kube/connect/proxied_headers.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kPage = "text/html";
constexpr std::string_view kGzip = "gzip";

// A body whose links change on its way.
class PageFrames final : public http::FrameSource {
 public:
  PageFrames(std::unique_ptr<http::FrameSource> frames, ProxiedLinks links)
      : frames_(std::move(frames)),
        links_([links = std::move(links)](std::string_view url) { return links.change(url); }) {}

  State take(std::vector<SharedBytes>& frames, std::size_t bytes) override {
    std::string page;
    for (;;) {
      std::vector<SharedBytes> taken;
      const State state = frames_->take(taken, bytes);
      for (const SharedBytes& frame : taken) links_.feed(frame.view(), page);
      if (state == State::End) links_.finish(page);
      // Of a tag that has only begun nothing is told, but more of it may be there already.
      if (state == State::Open && page.empty() && !taken.empty()) continue;
      if (!page.empty()) frames.emplace_back(std::move(page));
      return state;
    }
  }
  void set_wake(std::function<void()> wake) override { frames_->set_wake(std::move(wake)); }

 private:
  const std::unique_ptr<http::FrameSource> frames_;
  HtmlLinks links_;
};

std::string encoding_of(const http::ClientResponse& answer) {
  return in_lower_case(answer.headers().get_or("Content-Encoding", ""));
}

}  // namespace

std::string ProxiedLinks::change(std::string_view link) const {
  return proxied_location(link, prefix, asked, host);
}

bool wants_pages(const http::HeaderMap& headers) {
  return std::ranges::any_of(headers.all("Accept"), [](std::string_view accepted) {
    return in_lower_case(accepted).contains(kPage);
  });
}

bool is_page(const http::ClientResponse& answer) {
  const std::string type = in_lower_case(answer.headers().get_or("Content-Type", ""));
  const std::string_view name = http::trim(std::string_view(type).substr(0, type.find(';')));
  // A part of a page need not begin outside of its tags.
  const std::string encoding = encoding_of(answer);
  return name == kPage && answer.status() != 206 && (encoding.empty() || encoding == kGzip) &&
         !answer.headers().has("Location");
}

std::shared_ptr<http::FrameSource> page_frames(http::StreamLoop& loop, http::ClientResponse answer,
                                               ProxiedLinks links) {
  const bool is_packed = encoding_of(answer) == kGzip;
  std::unique_ptr<http::FrameSource> frames = std::make_unique<http::ResponseFrames>(loop, std::move(answer));
  if (is_packed) frames = unpacked(std::move(frames));
  return std::make_shared<PageFrames>(std::move(frames), std::move(links));
}

}  // namespace gantry::kube
