// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/json_patch.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/printable.h"
#include "kube/patch/patch_faults.h"

namespace gantry::kube {
namespace {

using json::Tree;

// Elements and bytes that the operations of one patch may move around together: some tenths of a second.
constexpr std::size_t kWork = 50'000'000;

// Where something is, RFC 6901: "/spec/containers/0". Empty: the object itself.
class Pointer {
 public:
  static Answer<Pointer> parse(std::string_view text) {
    Pointer pointer;
    if (!text.empty() && text.front() != '/')
      return bad_request(
          fmt::format("error decoding patch: path '{}' does not begin with '/'", printable(text)));
    while (!text.empty()) {
      text.remove_prefix(1);
      const std::size_t size = std::min(text.find('/'), text.size());
      pointer.steps_.push_back(unescaped(text.substr(0, size)));
      text.remove_prefix(size);
    }
    return pointer;
  }

  const std::vector<std::string>& steps() const { return steps_; }
  bool is_root() const { return steps_.empty(); }
  bool is_above(const Pointer& other) const {
    return steps_.size() < other.steps_.size() &&
           std::equal(steps_.begin(), steps_.end(), other.steps_.begin());
  }

 private:
  static std::string unescaped(std::string_view text) {
    std::string step;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::string_view escape = text.substr(i, 2);
      if (escape == "~0" || escape == "~1") ++i;
      step.push_back(escape == "~0" ? '~' : escape == "~1" ? '/' : text[i]);
    }
    return step;
  }

  std::vector<std::string> steps_;
};

std::optional<std::size_t> index_of(std::string_view step) {
  std::size_t index = 0;
  const auto [end, failed] = std::from_chars(step.data(), step.data() + step.size(), index);
  const bool has_leading_zero = step.size() > 1 && step.front() == '0';
  if (failed != std::errc() || end != step.data() + step.size() || has_leading_zero) return std::nullopt;
  return index;
}

Tree* step_into(Tree& value, std::string_view step) {
  if (value.is_object()) return value.object().find(step);
  if (!value.is_array()) return nullptr;
  const auto index = index_of(step);
  return index && *index < value.array().size() ? &value.array()[*index] : nullptr;
}

std::size_t size_of(const Tree& value) { return value.array().size() + value.object().size(); }

// What a value takes, about, and how deep it is.
struct Extent {
  std::size_t bytes = 0;
  std::size_t depth = 0;
};

Extent extent_of(const Tree& value) {
  Extent extent{.bytes = 8 + value.as_string().size(), .depth = 0};
  const auto add = [&](const Tree& part, std::size_t key) {
    const Extent inner = extent_of(part);
    extent.bytes += key + inner.bytes;
    extent.depth = std::max(extent.depth, inner.depth + 1);
  };
  for (const Tree& element : value.array()) add(element, 0);
  for (const auto& [key, member] : value.object()) add(member, key.size());
  return extent;
}

class JsonPatcher {
 public:
  JsonPatcher(Tree object, std::size_t copied_bytes, std::size_t depth)
      : object_(std::move(object)), copied_bytes_left_(copied_bytes), depth_(depth) {}

  Answer<void> apply(const Tree& operation) {
    const std::string_view name = operation.text_at("op");
    const Tree* path_text = operation.find("path");
    if (path_text == nullptr || !path_text->is_string())
      return bad_request("error decoding patch: an operation has no path");
    path_text_ = path_text->as_string();
    const Pointer path = TRY(Pointer::parse(path_text_));
    if (name == "remove") return drop(take(path, name));
    if (name == "copy" || name == "move") {
      const Tree* from = operation.find("from");
      if (from == nullptr || !from->is_string())
        return bad_request(fmt::format("error decoding patch: {} operation has no 'from'", name));
      const Pointer source = TRY(Pointer::parse(from->as_string()));
      return name == "copy" ? copy(source, path) : move(source, path);
    }
    const Tree* value = operation.find("value");
    if (name == "test") return test(path, value == nullptr ? Tree() : *value);
    if (name != "add" && name != "replace")
      return bad_request(fmt::format("error decoding patch: unexpected kind: {}", printable(name)));
    if (value == nullptr)
      return bad_request(fmt::format("error decoding patch: {} operation has no value", name));
    return name == "add" ? add(path, *value, name) : replace(path, *value);
  }

  Tree take_object() && { return std::move(object_); }
  bool has_failed_test() const { return has_failed_test_; }

 private:
  // Of what does not apply, in few words.
  static Status fault(std::string why) {
    return Status({.code = 422, .reason = "Invalid", .message = std::move(why)});
  }
  Status fails(std::string_view name, std::string_view why) const {
    return fault(
        fmt::format("{} operation does not apply: path \"{}\": {}", name, printable(path_text_, 300), why));
  }
  static Answer<void> drop(Answer<Tree> taken) {
    if (!taken) return std::move(taken).error();
    return {};
  }

  // False: enough was moved around.
  bool spend(std::size_t work) {
    if (work > work_left_) return false;
    work_left_ -= work;
    return true;
  }

  Tree* find(const Pointer& path) {
    Tree* value = &object_;
    for (const std::string& step : path.steps())
      if (value = step_into(*value, step); value == nullptr) return nullptr;
    return value;
  }
  // What holds the last step; not for the root.
  Tree* find_parent(const Pointer& path) {
    Tree* value = &object_;
    for (std::size_t i = 0; i + 1 < path.steps().size(); ++i)
      if (value = step_into(*value, path.steps()[i]); value == nullptr) return nullptr;
    return value;
  }

  Answer<void> add(const Pointer& path, Tree value, std::string_view name) {
    if (path.steps().size() + extent_of(value).depth > depth_) return fails(name, "the object gets too deep");
    if (path.is_root()) {
      object_ = std::move(value);
      return {};
    }
    Tree* parent = find_parent(path);
    const std::string& step = path.steps().back();
    if (parent == nullptr || (!parent->is_object() && !parent->is_array()))
      return fails(name, "missing path");
    if (!spend(size_of(*parent))) return fails(name, "too much to move");
    if (parent->is_object()) {
      parent->object()[step] = std::move(value);
      return {};
    }
    json::TreeArray& array = parent->array();
    const auto index = step == "-" ? array.size() : index_of(step);
    if (!index || *index > array.size()) return fails(name, "invalid index referenced");
    array.insert(array.begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
    return {};
  }

  Answer<void> replace(const Pointer& path, Tree value) {
    if (path.steps().size() + extent_of(value).depth > depth_)
      return fails("replace", "the object gets too deep");
    Tree* target = find(path);
    if (target == nullptr) return fails("replace", "missing key");
    *target = std::move(value);
    return {};
  }

  Answer<Tree> take(const Pointer& path, std::string_view name) {
    Tree* value = find(path);
    if (value == nullptr) return fails(name, "missing key");
    Tree taken = std::move(*value);
    if (path.is_root()) {
      object_ = Tree();
      return taken;
    }
    Tree& parent = *find_parent(path);
    if (!spend(size_of(parent))) return fails(name, "too much to move");
    if (parent.is_object())
      parent.object().erase(path.steps().back());
    else
      parent.array().erase(parent.array().begin() + (value - parent.array().data()));
    return taken;
  }

  Answer<void> move(const Pointer& from, const Pointer& path) {
    if (from.is_above(path)) return fails("move", "it is inside of what is moved");
    Tree value = TRY(take(from, "move"));
    // The extent is asked for again when it is added.
    if (!spend(2 * extent_of(value).bytes)) return fails("move", "too much to move");
    return add(path, std::move(value), "move");
  }

  Answer<void> copy(const Pointer& from, const Pointer& path) {
    const Tree* value = find(from);
    if (value == nullptr) return fails("copy", "missing key");
    const std::size_t bytes = extent_of(*value).bytes;
    if (!spend(2 * bytes) || bytes > copied_bytes_left_) return fails("copy", "too much to copy");
    copied_bytes_left_ -= bytes;
    return add(path, *value, "copy");
  }

  // What is not there is equal to null, as Kubernetes has it.
  Answer<void> test(const Pointer& path, const Tree& value) {
    const Tree* found = find(path);
    if (found == nullptr ? value.is_null() : *found == value) return {};
    has_failed_test_ = true;
    return fault(fmt::format("testing value {} failed: test failed", printable(path_text_, 300)));
  }

  Tree object_;
  std::string_view path_text_;  // of the operation that is being done
  std::size_t copied_bytes_left_;
  std::size_t work_left_ = kWork;
  std::size_t depth_;
  bool has_failed_test_ = false;
};

Answer<void> apply_all(JsonPatcher& patcher, const Tree& patch) {
  if (!patch.is_array())
    return bad_request("error decoding patch: a JSON patch has to be an array of operations");
  if (patch.array().size() > kJsonPatchOperations)
    return too_large(fmt::format("The allowed maximum operations in a JSON patch is {}, got {}",
                                 kJsonPatchOperations, patch.array().size()));
  for (const Tree& operation : patch.array()) TRY(patcher.apply(operation));
  return {};
}

}  // namespace

Answer<Tree> apply_json_patch(Tree object, const Tree& patch, std::size_t copied_bytes, std::size_t depth) {
  JsonPatcher patcher(std::move(object), copied_bytes, depth);
  auto applied = apply_all(patcher, patch);
  if (!applied && applied.error()->code == 422) return does_not_apply(applied.error()->message);
  TRY(std::move(applied));
  return std::move(patcher).take_object();
}

Answer<std::optional<Tree>> apply_tested_json_patch(Tree object, const Tree& patch) {
  JsonPatcher patcher(std::move(object), kJsonPatchCopies, json::Limits().depth);
  auto applied = apply_all(patcher, patch);
  if (patcher.has_failed_test()) return std::optional<Tree>();
  TRY(std::move(applied));
  return std::optional(std::move(patcher).take_object());
}

}  // namespace gantry::kube
