// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/spot.h"

#include <fmt/format.h>

namespace gantry::kube::rules {
namespace {

constexpr std::size_t kShown = 1024;    // bytes of a value that a message shows at most
constexpr std::size_t kMessage = 8192;  // bytes of a message at most: some tell what there is instead

std::string shown_text(const json::Tree& value) {
  std::string text = value.to_text();
  if (text.size() > kShown) text.replace(kShown, std::string::npos, "...");
  return text;
}

std::string with(std::string_view what, std::string_view why) {
  return why.empty() ? std::string(what) : fmt::format("{}: {}", what, why);
}

}  // namespace

std::string Report::text_of(const Node* node) {
  if (node == nullptr) return "";
  std::string text = text_of(node->above);
  switch (node->kind) {
    case Node::Kind::Field:
      if (!text.empty()) text += '.';
      text += node->name;
      break;
    case Node::Kind::Key: fmt::format_to(std::back_inserter(text), "[{}]", node->name); break;
    case Node::Kind::Index: fmt::format_to(std::back_inserter(text), "[{}]", node->index); break;
  }
  return text;
}

void Report::take(Report&& other) {
  for (Cause& cause : other.causes_)
    if (causes_.size() < kCauses) causes_.push_back(std::move(cause));
}

const Report::Node* Report::add(const Node& node) {
  if (count_ == kChunk * chunks_.size()) chunks_.push_back(std::make_unique_for_overwrite<Node[]>(kChunk));
  Node& added = chunks_[count_ / kChunk][count_ % kChunk];
  ++count_;
  added = node;
  return &added;
}

// `value`: null where nothing is.
Spot Spot::below(const json::Tree* value, const Report::Node& node) const {
  static const json::Tree kNothing;
  return Spot(value == nullptr ? &kNothing : value, report_->add(node), report_);
}

const json::Tree& Spot::shown() const {
  static const json::Tree kNoText("");
  return is_set() ? value() : kNoText;
}

Spot Spot::operator[](std::string_view field) const {
  return below(value().object().find(field), {node_, field, 0, Report::Node::Kind::Field});
}

Spot Spot::at(std::size_t index) const {
  const json::TreeArray& array = value().array();
  return below(index < array.size() ? &array[index] : nullptr, {node_, {}, index, Report::Node::Kind::Index});
}

Spot Spot::key(std::string_view key) const {
  return below(value().object().find(key), {node_, key, 0, Report::Node::Kind::Key});
}

void Spot::add(std::string_view reason, std::string message) const {
  if (report_->is_full()) return;
  if (message.size() > kMessage) message.replace(kMessage, std::string::npos, "...");
  report_->causes_.push_back({std::string(reason), std::move(message), path()});
}

void Spot::required(std::string_view why) const { add("FieldValueRequired", with("Required value", why)); }
void Spot::forbidden(std::string_view why) const { add("FieldValueForbidden", with("Forbidden", why)); }

void Spot::invalid(const json::Tree& shown, std::string_view why) const {
  add("FieldValueInvalid", with(fmt::format("Invalid value: {}", shown_text(shown)), why));
}

void Spot::unfit(std::string_view why) const { add("FieldValueInvalid", with("Invalid value", why)); }

void Spot::type_invalid(const json::Tree& shown, std::string_view why) const {
  add("FieldValueTypeInvalid", with(fmt::format("Invalid value: {}", shown_text(shown)), why));
}

void Spot::not_supported(const json::Tree& shown, std::span<const std::string_view> supported) const {
  std::string why;
  for (const std::string_view word : supported)
    fmt::format_to(std::back_inserter(why), "{}\"{}\"", why.empty() ? "supported values: " : ", ", word);
  add("FieldValueNotSupported", with(fmt::format("Unsupported value: {}", shown_text(shown)), why));
}

void Spot::not_found(const json::Tree& shown, std::string_view why) const {
  add("FieldValueNotFound", with(fmt::format("Not found: {}", shown_text(shown)), why));
}

void Spot::duplicate(const json::Tree& shown, std::string_view why) const {
  add("FieldValueDuplicate", with(fmt::format("Duplicate value: {}", shown_text(shown)), why));
}

void Spot::too_long(std::size_t bytes) const {
  add("FieldValueTooLong",
      fmt::format("Too long: may not be more than {} byte{}", bytes, bytes == 1 ? "" : "s"));
}

void Spot::too_many(std::size_t there_are, std::size_t there_may_be) const {
  add("FieldValueTooMany", fmt::format("Too many: {}: must have at most {} item{}", there_are, there_may_be,
                                       there_may_be == 1 ? "" : "s"));
}

void Spot::invalid_for(const Faults& faults) const {
  for (const std::string& fault : faults) invalid(fault);
}

}  // namespace gantry::kube::rules
