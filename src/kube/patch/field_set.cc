// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/field_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::kube {
namespace {

using json::Tree;
using Child = FieldSet::Child;

constexpr std::string_view kSelf = ".";

bool is_before(const Child& child, std::string_view step) { return child.step < step; }

// "f:", "k:", "v:" or "i:" and what belongs to it. The JSON inside is compared by its bytes, so nobody reads
// it.
bool is_step(std::string_view text) {
  if (text.size() < 2 || text[1] != ':') return false;
  const std::string_view rest = text.substr(2);
  switch (text[0]) {
    case 'f': return true;
    case 'k': return rest.starts_with('{') && rest.ends_with('}');
    case 'v': return !rest.empty();
    case 'i': return !rest.empty() && std::ranges::all_of(rest, [](char c) { return c >= '0' && c <= '9'; });
    default: return false;
  }
}

// `[name="web",port=80]` of {"name":"web","port":80}.
std::string keys_text(const std::string& json) {
  const auto keys = Tree::parse(json);
  if (!keys) return "[" + json + "]";
  std::string text;
  for (const auto& [key, value] : keys->object())
    fmt::format_to(std::back_inserter(text), "{}{}={}", text.empty() ? '[' : ',', key, value.to_text());
  return text + "]";
}

std::string step_text(const Step& step) {
  const std::string rest = step.substr(2);
  switch (step[0]) {
    case 'f': return "." + rest;
    case 'k': return keys_text(rest);
    case 'v': return fmt::format("[={}]", rest);
    default: return fmt::format("[{}]", rest);
  }
}

}  // namespace

FieldSet FieldSet::of(std::vector<Child> children) {
  if (!std::ranges::is_sorted(children, {}, &Child::step))
    std::ranges::stable_sort(children, {}, &Child::step);
  std::size_t kept = 0;  // in front
  for (Child& child : children) {
    if (child.below.empty()) continue;
    if (kept > 0 && children[kept - 1].step == child.step)
      children[kept - 1].below.unite(std::move(child.below));
    else if (Child& place = children[kept++]; &place != &child)
      place = std::move(child);
  }
  children.resize(kept);
  FieldSet set;
  set.children_ = std::move(children);
  return set;
}

Answer<FieldSet> FieldSet::from_tree(const Tree& fields) {
  if (!fields.is_object()) return bad_request("fieldsV1 is not an object");
  FieldSet set;
  set.children_.reserve(fields.object().size());
  for (const auto& [key, value] : fields.object()) {
    if (key == kSelf) {
      set.is_member_ = true;
      continue;
    }
    if (!is_step(key)) return bad_request(fmt::format("fieldsV1 has no path element '{}'", printable(key)));
    FieldSet below = TRY(from_tree(value));
    if (value.object().empty()) below.is_member_ = true;
    if (!below.empty()) set.children_.push_back({key, std::move(below)});
  }
  return set;
}

Tree FieldSet::to_tree() && {
  if (children_.empty()) return json::TreeObject();
  std::vector<json::TreeObject::Member> members;
  members.reserve(children_.size() + 1);
  if (is_member_) members.emplace_back(kSelf, json::TreeObject());
  for (Child& child : children_)
    members.emplace_back(std::move(child.step), std::move(child.below).to_tree());
  return json::TreeObject(std::move(members));
}

const FieldSet* FieldSet::find(std::string_view step) const {
  const auto at = std::lower_bound(children_.begin(), children_.end(), step, is_before);
  return at != children_.end() && at->step == step ? &at->below : nullptr;
}

void FieldSet::erase(std::string_view step) {
  const auto at = std::lower_bound(children_.begin(), children_.end(), step, is_before);
  if (at != children_.end() && at->step == step) children_.erase(at);
}

FieldSet& FieldSet::unite(FieldSet other) {
  is_member_ |= other.is_member_;
  if (children_.empty()) {
    children_ = std::move(other.children_);
    return *this;
  }
  std::vector<Child> all;
  all.reserve(children_.size() + other.children_.size());
  auto mine = children_.begin();
  for (Child& theirs : other.children_) {
    while (mine != children_.end() && mine->step < theirs.step) all.push_back(std::move(*mine++));
    if (mine != children_.end() && mine->step == theirs.step) {
      all.push_back(std::move(*mine++));
      all.back().below.unite(std::move(theirs.below));
    } else {
      all.push_back(std::move(theirs));
    }
  }
  std::move(mine, children_.end(), std::back_inserter(all));
  children_ = std::move(all);
  return *this;
}

FieldSet& FieldSet::subtract(const FieldSet& other) {
  is_member_ &= !other.is_member_;
  auto theirs = other.children_.begin();
  for (Child& mine : children_) {
    while (theirs != other.children_.end() && theirs->step < mine.step) ++theirs;
    if (theirs == other.children_.end()) break;
    if (theirs->step == mine.step) mine.below.subtract(theirs->below);
  }
  std::erase_if(children_, [](const Child& child) { return child.below.empty(); });
  return *this;
}

bool FieldSet::is_within(const FieldSet& other) const {
  if (is_member_ && !other.is_member_) return false;
  auto theirs = other.children_.begin();
  for (const Child& mine : children_) {
    while (theirs != other.children_.end() && theirs->step < mine.step) ++theirs;
    if (theirs == other.children_.end() || theirs->step != mine.step || !mine.below.is_within(theirs->below))
      return false;
  }
  return true;
}

FieldSet FieldSet::intersected(const FieldSet& other) const {
  FieldSet both;
  both.is_member_ = is_member_ && other.is_member_;
  auto theirs = other.children_.begin();
  for (const Child& mine : children_) {
    while (theirs != other.children_.end() && theirs->step < mine.step) ++theirs;
    if (theirs == other.children_.end()) break;
    if (theirs->step != mine.step) continue;
    if (FieldSet below = mine.below.intersected(theirs->below); !below.empty())
      both.children_.push_back({mine.step, std::move(below)});
  }
  return both;
}

bool operator==(const FieldSet& a, const FieldSet& b) {
  return a.is_member_ == b.is_member_ &&
         std::ranges::equal(a.children_, b.children_, [](const Child& one, const Child& other) {
           return one.step == other.step && one.below == other.below;
         });
}

void FieldSet::add_paths(const std::string& above, std::vector<std::string>& paths) const {
  if (is_member_) paths.push_back(above);
  for (const Child& child : children_) child.below.add_paths(above + step_text(child.step), paths);
}

std::vector<std::string> FieldSet::paths() const {
  std::vector<std::string> paths;
  add_paths("", paths);
  return paths;
}

}  // namespace gantry::kube
