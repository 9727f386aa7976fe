// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/html_links.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/lower_case.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f";
constexpr std::string_view kComment = "<!--", kEndOfComment = "-->";

struct LinkAttribute {
  std::string_view tag, name;
  friend bool operator==(const LinkAttribute&, const LinkAttribute&) = default;
};
// Attributes that hold one URL (https://html.spec.whatwg.org/multipage/indices.html#attributes-3, and those
// of HTML 4).
constexpr std::array<LinkAttribute, 36> kLinks = {{
    {"a", "href"},          {"applet", "codebase"}, {"area", "href"},       {"audio", "src"},
    {"base", "href"},       {"blockquote", "cite"}, {"body", "background"}, {"button", "formaction"},
    {"command", "icon"},    {"del", "cite"},        {"embed", "src"},       {"form", "action"},
    {"frame", "longdesc"},  {"frame", "src"},       {"head", "profile"},    {"html", "manifest"},
    {"iframe", "longdesc"}, {"iframe", "src"},      {"img", "longdesc"},    {"img", "src"},
    {"img", "usemap"},      {"input", "src"},       {"input", "usemap"},    {"input", "formaction"},
    {"ins", "cite"},        {"link", "href"},       {"object", "classid"},  {"object", "codebase"},
    {"object", "data"},     {"object", "usemap"},   {"q", "cite"},          {"script", "src"},
    {"source", "src"},      {"track", "src"},       {"video", "poster"},    {"video", "src"},
}};

// Elements whose content is text alone, up to their end tag.
constexpr std::array<std::string_view, 9> kTexts = {"iframe", "noembed",  "noframes", "plaintext", "script",
                                                    "style",  "textarea", "title",    "xmp"};

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

struct Attribute {
  std::string name;                   // in lower case
  std::size_t begin = 0, length = 0;  // of its value in the tag
};
struct Tag {
  std::string name;  // in lower case
  std::vector<Attribute> attributes;
  std::size_t length = 0;
};

// Reads "<name attribute=value ...>" from the beginning of a text.
class TagReader {
 public:
  explicit TagReader(std::string_view text) : text_(text) {}

  // Nothing: its end has not come.
  std::optional<Tag> read() {
    at_ = 1;
    Tag tag{.name = in_lower_case(take_until(" \t\r\n\f/>"))};
    for (;;) {
      skip(" \t\r\n\f/");
      if (at_ == text_.size()) return std::nullopt;
      if (text_[at_] == '>') break;
      auto attribute = read_attribute();
      if (!attribute) return std::nullopt;
      tag.attributes.push_back(*std::move(attribute));
    }
    tag.length = at_ + 1;
    return tag;
  }

 private:
  std::optional<Attribute> read_attribute() {
    Attribute attribute{.name = std::string(1, text_[at_++])};
    attribute.name = in_lower_case(attribute.name.append(take_until(" \t\r\n\f/>=")));
    skip(kSpace);
    if (at_ == text_.size()) return std::nullopt;
    if (text_[at_] != '=') return attribute;
    ++at_;
    skip(kSpace);
    if (at_ == text_.size()) return std::nullopt;
    const char quote = text_[at_];
    const bool is_quoted = quote == '"' || quote == '\'';
    if (is_quoted) ++at_;
    attribute.begin = at_;
    attribute.length = take_until(is_quoted ? std::string_view(&quote, 1) : " \t\r\n\f>").size();
    if (at_ == text_.size()) return std::nullopt;
    if (is_quoted) ++at_;
    return attribute;
  }

  std::string_view take_until(std::string_view ends) {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(ends, at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }
  void skip(std::string_view characters) {
    at_ = std::min(text_.find_first_not_of(characters, at_), text_.size());
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

std::string changed(std::string_view text, const Tag& tag, const HtmlLinks::Change& change) {
  std::string written;
  std::size_t at = 0;
  for (const Attribute& attribute : tag.attributes) {
    const bool is_link = std::ranges::find(kLinks, LinkAttribute{tag.name, attribute.name}) != kLinks.end();
    if (!is_link || attribute.length == 0) continue;
    const std::string url = change(text.substr(attribute.begin, attribute.length));
    if (url.empty()) continue;
    written.append(text.substr(at, attribute.begin - at)).append(url);
    at = attribute.begin + attribute.length;
  }
  return written.append(text.substr(at));
}

}  // namespace

void HtmlLinks::feed(std::string_view piece, std::string& page) {
  waiting_.append(piece);
  while (terminator_.empty() ? take_text(page) : take_to_terminator(page)) {
  }
  waiting_.erase(0, std::exchange(used_, 0));
}

void HtmlLinks::finish(std::string& page) { pass(rest().size(), page); }

void HtmlLinks::pass(std::size_t bytes, std::string& page) {
  page.append(rest().substr(0, bytes));
  used_ += bytes;
}

// False: more has to come.
bool HtmlLinks::take_text(std::string& page) {
  pass(std::min(rest().find('<'), rest().size()), page);
  if (rest().size() < kComment.size() && kComment.starts_with(rest())) return false;
  if (rest().starts_with(kComment)) {
    terminator_ = kEndOfComment;
    // "<!-->" is a whole one.
    pass(kComment.size() - 2, page);
    return true;
  }
  if (is_letter(rest()[1])) return take_tag(page);
  pass(1, page);
  return true;
}

bool HtmlLinks::take_to_terminator(std::string& page) {
  const std::string_view text = rest();
  const auto found = std::ranges::search(text, terminator_, {}, to_lower);
  if (found.empty()) {
    pass(text.size() - std::min(text.size(), terminator_.size() - 1), page);
    return false;
  }
  pass(static_cast<std::size_t>(found.begin() - text.begin()), page);
  terminator_.clear();
  pass(1, page);
  return true;
}

bool HtmlLinks::take_tag(std::string& page) {
  const auto tag = TagReader(rest()).read();
  if (!tag && rest().size() <= kMostOfATag) return false;
  if (!tag) {
    // All of it, lest every '<' in it be another beginning that is read to the end.
    pass(rest().size(), page);
    return false;
  }
  const std::string_view text = rest().substr(0, tag->length);
  page += changed(text, *tag, change_);
  used_ += tag->length;
  if (std::ranges::find(kTexts, tag->name) != kTexts.end()) terminator_ = "</" + tag->name;
  return true;
}

}  // namespace gantry::kube
