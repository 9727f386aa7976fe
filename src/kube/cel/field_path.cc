// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/field_path.h"

namespace gantry::kube::cel {
namespace {

class FieldPath {
 public:
  FieldPath(std::string_view path, const json::Tree& schema) : rest_(path), schema_(&schema) {}

  std::optional<std::string> run() {
    while (!rest_.empty()) {
      const auto name = rest_.front() == '[' ? quoted() : plain();
      if (!name || !step(*name)) return {};
    }
    return text_;
  }

 private:
  std::optional<std::string> plain() {
    if (rest_.front() != '.') return {};
    rest_.remove_prefix(1);
    const std::size_t size = std::min(rest_.find_first_of(".[]"), rest_.size());
    std::string name(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return name.empty() ? std::nullopt : std::optional(std::move(name));
  }

  // ['...'], with the escapes that Go's strings have.
  std::optional<std::string> quoted() {
    if (!rest_.starts_with("['")) return {};
    rest_.remove_prefix(2);
    std::string name;
    while (!rest_.empty() && rest_.front() != '\'') {
      if (rest_.front() != '\\') {
        name += rest_.front();
        rest_.remove_prefix(1);
        continue;
      }
      constexpr std::string_view kNames = "abfnrtv'\\";
      constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v'\\";
      const std::size_t escape = rest_.size() < 2 ? std::string_view::npos : kNames.find(rest_[1]);
      if (escape == std::string_view::npos) return {};
      name += kMeanings[escape];
      rest_.remove_prefix(2);
    }
    if (!rest_.starts_with("']")) return {};
    rest_.remove_prefix(2);
    return name;
  }

  bool step(const std::string& name) {
    if (const json::Tree* properties = schema_->find("properties")) {
      schema_ = properties->find(name);
      text_ += text_.empty() ? name : "." + name;
      return schema_ != nullptr;
    }
    schema_ = schema_->find("additionalProperties");
    text_ += "[" + name + "]";
    return schema_ != nullptr && schema_->is_object();
  }

  std::string_view rest_;
  const json::Tree* schema_;
  std::string text_;
};

}  // namespace

std::optional<std::string> field_of_path(std::string_view path, const json::Tree& schema) {
  return FieldPath(path, schema).run();
}

}  // namespace gantry::kube::cel
