// SPDX-License-Identifier: Apache-2.0
//
// With from_json.cc the border of yaml-cpp, which throws: nothing it throws leaves these files.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "base/json.h"
#include "base/printable.h"
#include "yaml/refusal.h"
#include "yaml/yaml.h"

namespace gantry::yaml {
namespace {

// Thrown and caught in here, where exceptions are the library's way.
struct Refused {
  YAML::Mark mark;
  std::string why;
};

// JSON is UTF-8, and other bytes would make two keys one.
void check_text(const YAML::Mark& mark, std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) throw Refused{mark, "bytes that are not UTF-8"};
    text.remove_prefix(length);
  }
}

bool is_integer(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_float(std::string_view text) {
  if (text.find_first_of("0123456789") == std::string_view::npos ||
      text.find_first_not_of("0123456789+-.eE") != std::string_view::npos)
    return false;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size();
}

template <class Number>
bool parse(std::string_view text, Number& number) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failed == std::errc() && end == text.data() + text.size();
}

template <class Scalar>
std::string json_of(const Scalar& scalar) {
  json::Writer writer;
  writer.value(scalar);
  return std::move(writer).text();
}

// A scalar without quotes is what it says.
std::string json_of_plain(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return "true";
  if (text == "false" || text == "False" || text == "FALSE") return "false";
  if (text == "~" || text == "null" || text == "Null" || text == "NULL" || text.empty()) return "null";
  if (std::int64_t number = 0; is_integer(text) && parse(text, number)) return json_of(number);
  if (double fraction = 0; is_float(text) && parse(text, fraction)) return json_of(fraction);
  return json_of(text);
}

// Makes JSON of a document as it is read, and keeps nothing else of it: what an anchor stands for is a part
// of that JSON, too.
class Converter final : public YAML::EventHandler {
 public:
  explicit Converter(const Limits& limits) : limits_(limits) {}

  // Where the document began.
  const YAML::Mark& mark() const { return mark_; }
  // Of the document that has just ended.
  std::string take_json() { return std::move(json_); }

 private:
  // A sequence or a map that has not ended.
  struct Open {
    bool is_map = false;
    bool is_empty = true;
    bool has_key = false;  // whose value comes next
    std::size_t begin = 0;
    std::size_t height = 0;  // of what is in it
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::set<std::string> keys = {};
  };
  struct Part {
    std::size_t begin, size, height;
  };

  void OnDocumentStart(const YAML::Mark& mark) override {
    mark_ = mark;
    json_.clear();
    open_.clear();
    anchors_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, "null", 0, anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    // Inside of what it stands for.
    if (found == anchors_.end()) throw Refused{mark, "nested too deeply"};
    const Part part = found->second;
    add(mark, json_.substr(part.begin, part.size), part.height, YAML::NullAnchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    check_text(mark, text);
    if (is_key_next()) return add_key(mark, text, anchor);
    // yaml-cpp marks what stood in quotes, and blocks, with "!".
    const bool is_plain = tag == "?" || tag.empty();
    add(mark, is_plain ? json_of_plain(text) : json_of(text), 0, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, '[', anchor);
  }
  void OnSequenceEnd() override { end(']'); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, '{', anchor);
  }
  void OnMapEnd() override { end('}'); }

  bool is_key_next() const { return !open_.empty() && open_.back().is_map && !open_.back().has_key; }

  void add_key(const YAML::Mark& mark, const std::string& text, YAML::anchor_t anchor) {
    Open& map = open_.back();
    if (!map.keys.insert(text).second) throw Refused{mark, "the key '" + text + "' is there twice"};
    if (!std::exchange(map.is_empty, false)) json_ += ',';
    const std::size_t begin = json_.size();
    json_ += json_of(text);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {begin, json_.size() - begin, 0};
    json_ += ':';
    map.has_key = true;
  }

  void add(const YAML::Mark& mark, const std::string& json, std::size_t height, YAML::anchor_t anchor) {
    before_value(mark, height);
    const std::size_t begin = json_.size();
    json_ += json;
    after_value(begin, height, anchor);
    if (json_.size() > limits_.max_json) throw Refused{mark, "becomes too large"};
  }

  void begin(const YAML::Mark& mark, char bracket, YAML::anchor_t anchor) {
    before_value(mark, 0);
    open_.push_back({.is_map = bracket == '{', .begin = json_.size(), .anchor = anchor});
    json_ += bracket;
  }

  void end(char bracket) {
    json_ += bracket;
    const Open ended = std::move(open_.back());
    open_.pop_back();
    after_value(ended.begin, ended.height, ended.anchor);
  }

  void before_value(const YAML::Mark& mark, std::size_t height) {
    if (open_.size() + height > limits_.max_depth) throw Refused{mark, "nested too deeply"};
    if (is_key_next()) throw Refused{mark, "a key of a map has to be text"};
    if (open_.empty() || open_.back().is_map) return;
    if (!std::exchange(open_.back().is_empty, false)) json_ += ',';
  }

  void after_value(std::size_t begin, std::size_t height, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {begin, json_.size() - begin, height};
    if (open_.empty()) return;
    open_.back().has_key = false;
    open_.back().height = std::max(open_.back().height, height + 1);
  }

  const Limits& limits_;
  YAML::Mark mark_;
  std::string json_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Part> anchors_;
};

std::vector<std::string> convert_all(std::string_view text, const Limits& limits) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  Converter converter(limits);
  std::vector<std::string> documents;
  int last = -1;
  while (parser.HandleNextDocument(converter)) {
    // yaml-cpp stays for ever at some tokens that begin no document (a comma, for one) and finds an empty
    // document there again and again; so each has to begin behind the one before.
    if (converter.mark().pos <= last) throw Refused{converter.mark(), "no document can begin here"};
    last = converter.mark().pos;
    std::string json = converter.take_json();
    if (json != "null") documents.push_back(std::move(json));
  }
  return documents;
}

}  // namespace

Result<std::vector<std::string>> documents_to_json(std::string_view text, const Limits& limits) {
  try {
    return convert_all(text, limits);
  } catch (const Refused& refused) {
    return refusal(refused.mark, refused.why);
  } catch (const YAML::Exception& exception) {
    return refusal(exception.mark, exception.msg);
  }
}

Result<std::string> to_json(std::string_view text, const Limits& limits) {
  std::vector<std::string> documents = TRY(documents_to_json(text, limits));
  if (documents.size() != 1)
    return error(Code::InvalidArgument, "there are {} documents, not one", documents.size());
  return std::move(documents.front());
}

}  // namespace gantry::yaml
