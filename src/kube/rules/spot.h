// SPDX-License-Identifier: Apache-2.0
//
// A Spot is a value of an object together with the way to it, so that a rule reads as what it says and the
// path is only written when something is wrong.
//
//   Report report;
//   const Spot object(tree, report);
//   const Spot port = object["spec"]["port"];
//   if (port.number() > 65535) port.invalid("must be between 1 and 65535, inclusive");
//   std::vector<Cause> causes = std::move(report).causes();    // spec.port: Invalid value: 70000: must be
//   ...
//
// Spots are small and live as long as the report and the object; those that each() and each_member() give,
// and what is reached from them, until the visit returns: a list of a million elements costs no more memory
// than one of two.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/names.h"
#include "kube/api/status.h"

namespace gantry::kube::rules {

class Report {
 public:
  // What comes after so many is not told.
  static constexpr std::size_t kCauses = 100;

  bool is_clean() const { return causes_.empty(); }
  std::size_t size() const { return causes_.size(); }
  // What another one has found, too.
  void take(Report&& other);
  std::vector<Cause> causes() && { return std::move(causes_); }

 private:
  friend class Spot;
  // A step of a path; the root is null.
  struct Node {
    const Node* above;
    std::string_view name;  // of a field or a key
    std::size_t index;
    enum class Kind : std::uint8_t { Field, Key, Index } kind;
  };
  // Forgets the nodes that were added while it lived.
  class Mark {
   public:
    explicit Mark(Report& report) : report_(report), count_(report.count_) {}
    ~Mark() { report_.count_ = count_; }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;

   private:
    Report& report_;
    const std::size_t count_;
  };
  const Node* add(const Node& node);
  bool is_full() const { return causes_.size() == kCauses; }
  static std::string text_of(const Node* node);

  // The first `count_` of them are in use; they stay where they are.
  static constexpr std::size_t kChunk = 32;
  std::vector<std::unique_ptr<Node[]>> chunks_;
  std::size_t count_ = 0;
  std::vector<Cause> causes_;
};

class Spot {
 public:
  Spot(const json::Tree& object, Report& report) : value_(&object), report_(&report) {}

  // A member that may not be there; `field` lives as long as the report.
  Spot operator[](std::string_view field) const;
  // The element that is there, or would be.
  Spot at(std::size_t index) const;
  // The same place with the value of another: Kubernetes' paths are not always those of the object.
  Spot with_value_of(const Spot& other) const { return Spot(other.value_, node_, report_); }
  // The same spot, for a report of its own: an attempt that may not count. This spot's report lives longer.
  Spot in(Report& attempt) const { return Spot(value_, node_, &attempt); }
  // The attempt counts.
  void take(Report&& attempt) const { report_->take(std::move(attempt)); }
  // A map's value that may not be there; as `field` above.
  Spot key(std::string_view key) const;
  // visit(Spot) for every element of a list.
  template <class Visit>
  void each(Visit&& visit) const {
    for (std::size_t i = 0; i < value().array().size() && !report_->is_full(); ++i) {
      const Report::Mark mark(*report_);
      visit(at(i));
    }
  }
  // visit(std::string_view key, Spot) for every member of a map; the spot's path is "labels[key]".
  template <class Visit>
  void each_member(Visit&& visit) const {
    for (const auto& member : value().object()) {
      if (report_->is_full()) return;
      const Report::Mark mark(*report_);
      visit(std::string_view(member.first), key(member.first));
    }
  }

  // There, and not null.
  bool is_set() const { return !value_->is_null(); }
  // Null where nothing is.
  const json::Tree& value() const { return *value_; }
  std::string_view text() const { return value().as_string(); }
  bool is_text() const { return value().is_string(); }
  bool flag() const { return value().as_bool(); }
  // 0 where no integer is.
  std::int64_t number() const { return value().as_int64().value_or(0); }
  // Of a list or a map.
  std::size_t size() const { return value().array().size() + value().object().size(); }
  bool has_something() const { return size() != 0 || !text().empty(); }

  // What is wrong with it: one cause each. Those that name a value name this one, or the one given.
  void required(std::string_view why = "") const;
  void forbidden(std::string_view why) const;
  void invalid(std::string_view why) const { invalid(shown(), why); }
  void invalid(const json::Tree& shown, std::string_view why) const;
  // Without the value, which would say nothing.
  void unfit(std::string_view why) const;
  void type_invalid(const json::Tree& shown, std::string_view why) const;
  void not_supported(std::span<const std::string_view> supported) const { not_supported(shown(), supported); }
  void not_supported(const json::Tree& shown, std::span<const std::string_view> supported) const;
  void not_found() const { not_found(shown()); }
  void not_found(const json::Tree& shown, std::string_view why = "") const;
  void duplicate() const { duplicate(shown()); }
  void duplicate(const json::Tree& shown, std::string_view why = "") const;
  void too_long(std::size_t bytes) const;
  void too_many(std::size_t there_are, std::size_t there_may_be) const;
  // One cause of kind invalid for each fault.
  void invalid_for(const Faults& faults) const;

  std::string path() const { return Report::text_of(node_); }

 private:
  Spot(const json::Tree* value, const Report::Node* node, Report* report)
      : value_(value), node_(node), report_(report) {}
  Spot below(const json::Tree* value, const Report::Node& node) const;
  void add(std::string_view reason, std::string message) const;
  // Text that is not there is empty text.
  const json::Tree& shown() const;

  const json::Tree* value_;  // never null: where nothing is, it is a tree of nothing
  const Report::Node* node_ = nullptr;
  Report* report_;
};

}  // namespace gantry::kube::rules
