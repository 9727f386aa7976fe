// SPDX-License-Identifier: Apache-2.0
//
// fieldsV1 from anywhere: what is read is written as the same; sets that are united hold what is taken away.
// Behind a line, an object to which the rest is applied.
#include <cstdlib>
#include <string_view>

#include "kube/patch/apply.h"
#include "kube/patch/field_set.h"
#include "kube/patch/test_kind.h"

namespace {

using namespace gantry;

void check_set(const json::Tree& tree) {
  const auto set = kube::FieldSet::from_tree(tree);
  if (!set) return;
  const auto again = kube::FieldSet::from_tree(kube::FieldSet(*set).to_tree());
  if (!again || !(*again == *set)) std::abort();
  kube::FieldSet united;
  if (!(united.unite(*set) == *set) || !(set->intersected(*set) == *set)) std::abort();
  if (!united.subtract(*set).empty()) std::abort();
  (void)set->paths();
}

// What was applied once changes nothing when it is applied again.
void check_apply(const json::Tree& live, const json::Tree& applied) {
  const kube::FieldManager manager{"fuzz", "v1", "", "2026-11-21T10:00:00Z", {}};
  const auto once = kube::apply(kube::TestKind::type(), &live, applied, manager, kube::OnConflict::Force);
  if (!once || !*once) return;
  const auto twice = kube::apply(kube::TestKind::type(), &**once, applied, manager, kube::OnConflict::Refuse);
  if (!twice || *twice) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const auto first = json::Tree::parse(std::string(input.substr(0, line)));
  if (!first) return 0;
  if (line == std::string_view::npos) {
    check_set(*first);
    return 0;
  }
  if (const auto second = json::Tree::parse(std::string(input.substr(line + 1)));
      second && second->is_object())
    check_apply(*first, *second);
  return 0;
}
