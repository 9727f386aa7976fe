// SPDX-License-Identifier: Apache-2.0
//
// Values as JSON. What a short expression makes can be deep and, since parts of it are shared, larger than
// memory when each is written out: both are bounded.
#include "base/base64.h"
#include "kube/cel/time_text.h"
#include "kube/cel/value.h"

namespace gantry::kube::cel {
namespace {

constexpr std::size_t kNodeBytes = 8;  // what a value counts for beside its text

class TreeMaker {
 public:
  explicit TreeMaker(Memory& memory) : memory_(memory) {}

  std::optional<json::Tree> make(const Value& value, std::size_t depth) {
    if (depth > kTreeDepth || !take(kNodeBytes)) return {};
    switch (value.kind()) {
      case Kind::Null: return json::Tree();
      case Kind::Bool: return json::Tree(value.as_bool());
      case Kind::Int: return json::Tree(value.as_int());
      case Kind::Uint: return json::Tree(value.as_uint());
      case Kind::Double: return json::Tree(value.as_double());
      case Kind::String: return text(value.text());
      case Kind::Bytes: return text(to_base64(value.text()));
      case Kind::Timestamp: return text(format_instant(value.as_timestamp()));
      case Kind::Duration: return text(format_seconds(value.as_duration()));
      case Kind::Optional:
        return value.as_optional() == nullptr ? json::Tree() : make(*value.as_optional(), depth + 1);
      case Kind::List: return list(value, depth);
      case Kind::Map: return map(value, depth);
      case Kind::Object: return value.is_lazy() ? std::nullopt : map(value, depth);
      default: return {};
    }
  }

 private:
  bool take(std::size_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

  std::optional<json::Tree> text(std::string_view text) {
    return take(text.size()) ? std::optional(json::Tree(text)) : std::nullopt;
  }

  std::optional<json::Tree> list(const Value& value, std::size_t depth) {
    json::TreeArray array;
    for (std::size_t i = 0; i < value.count(); ++i) {
      auto element = make(value.element(i, memory_), depth + 1);
      if (!element) return {};
      array.push_back(std::move(*element));
    }
    return json::Tree(std::move(array));
  }

  std::optional<json::Tree> map(const Value& value, std::size_t depth) {
    std::vector<json::TreeObject::Member> members;
    for (std::size_t i = 0; i < value.count(); ++i) {
      const Value key = value.key(i, memory_);
      if (key.kind() != Kind::String || !take(key.text().size())) return {};
      auto member = make(value.value(i, memory_), depth + 1);
      if (!member) return {};
      members.emplace_back(std::string(key.text()), std::move(*member));
    }
    return json::Tree(json::TreeObject(std::move(members)));
  }

  Memory& memory_;
  std::size_t left_ = kTreeBytes;
};

}  // namespace

std::optional<json::Tree> to_tree(const Value& value, Memory& memory) {
  return TreeMaker(memory).make(value, 0);
}

}  // namespace gantry::kube::cel
