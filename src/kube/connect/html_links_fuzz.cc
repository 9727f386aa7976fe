// SPDX-License-Identifier: Apache-2.0
//
// Whatever a page is, and in pieces of whatever size it comes (the first byte says which): links that stay
// leave it as it is, and where they change, the rest of it is there in order.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "kube/connect/html_links.h"

using gantry::kube::HtmlLinks;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

std::string changed(std::string_view html, std::size_t piece, std::string_view prefix) {
  HtmlLinks links([&](std::string_view url) {
    return prefix.empty() ? std::string() : std::string(prefix) + std::string(url);
  });
  std::string page;
  for (; !html.empty(); html.remove_prefix(std::min(piece, html.size())))
    links.feed(html.substr(0, piece), page);
  links.finish(page);
  return page;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > HtmlLinks::kMostOfATag) return 0;
  const std::size_t piece = data[0] % 32 + 1;
  const std::string_view html(reinterpret_cast<const char*>(data) + 1, size - 1);
  check(changed(html, piece, "") == html);
  const std::string whole = changed(html, html.size() + 1, "\x01");
  check(changed(html, piece, "\x01") == whole);
  std::string before = whole;
  if (!html.contains('\x01')) {
    std::erase(before, '\x01');
    check(before == html);
  }
  return 0;
}
