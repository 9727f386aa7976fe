// SPDX-License-Identifier: Apache-2.0
//
// Links of a page (https://html.spec.whatwg.org/multipage/parsing.html#tokenization) changed on its way
// through a proxy; everything else stays byte by byte. The page comes in pieces of any size; nothing but a
// tag whose end has not come is kept.
//
//   HtmlLinks links([&](std::string_view url) { return proxied_location(url, ...); });
//   links.feed(piece, page);
//   links.finish(page);
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace gantry::kube {

class HtmlLinks {
 public:
  // What stands in place of a URL, as it is written in an attribute; empty: it stays.
  using Change = std::function<std::string(std::string_view url)>;
  // Of a tag that is kept until its end comes; larger ones pass as they are.
  static constexpr std::size_t kMostOfATag = 64 << 10;  // bytes

  explicit HtmlLinks(Change change) : change_(std::move(change)) {}

  // What can be said of the page is added to `page`.
  void feed(std::string_view piece, std::string& page);
  // Nothing follows.
  void finish(std::string& page);

 private:
  bool take_text(std::string& page);
  bool take_to_terminator(std::string& page);
  bool take_tag(std::string& page);
  void pass(std::size_t bytes, std::string& page);
  std::string_view rest() const { return std::string_view(waiting_).substr(used_); }

  const Change change_;
  std::string waiting_;
  std::size_t used_ = 0;    // of it
  std::string terminator_;  // in lower case: up to there nothing is a tag; empty: something is
};

}  // namespace gantry::kube
