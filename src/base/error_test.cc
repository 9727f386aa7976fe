// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace gantry {
namespace {

Result<int> open_nothing() {
  errno = ENOENT;
  return sys_error("open '{}'", "x");
}

Result<int> start() { return TRY_DURING(open_nothing(), "start '{}'", "web") + 1; }

TEST(Error, reads_from_wish_to_cause) {
  const Result<int> result = start();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "start 'web': open 'x': No such file or directory (ENOENT)");
  EXPECT_EQ(result.error().code(), Code::NotFound);
  EXPECT_EQ(result.error().errno_value(), ENOENT);
}

// How many there are.
struct Counted {
  Counted() { ++count; }
  Counted(const Counted&) { ++count; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --count; }
  static inline int count = 0;
  std::string text = std::string(100, 'x');  // a leak is seen by the address sanitizer, too
};
struct Two {
  Counted first, second;
};

Result<Counted> refuse() { return error(Code::Internal, "refused"); }
Counted joined(const Counted& first, const Counted&) { return first; }

// A function of each form of expression that a TRY may leave in the middle; `before` is there already.
using Form = Result<Two> (*)(const Counted& before);
constexpr Form kForms[] = {
    [](const Counted& before) -> Result<Two> {
      Two two{.first = before};
      two.second = TRY(refuse());
      return two;
    },
    [](const Counted& before) -> Result<Two> { return Two{.first = TRY(refuse()), .second = before}; },
    [](const Counted& before) -> Result<Two> { return Two{joined(Counted(before), TRY(refuse())), before}; },
    [](const Counted& before) -> Result<Two> { return *std::make_unique<Two>(before, TRY(refuse())); },
    [](const Counted& before) -> Result<Two> {
      std::vector<Two> all;
      all.push_back({before, before});
      all.emplace_back(Counted(before), TRY(refuse()));
      return all.back();
    },
    [](const Counted& before) -> Result<Two> {
      const Counted copy = Counted::count > 0 ? TRY(refuse()) : before;
      return Two{copy, copy};
    },
};

TEST(Error, frees_what_was_built_by_then) {
  const Counted before;
  for (const Form form : kForms) {
    EXPECT_FALSE(form(before)) << "form " << &form - kForms;
    EXPECT_EQ(Counted::count, 1) << "form " << &form - kForms;
  }
}

TEST(Error, is_one_pointer_wide) { EXPECT_EQ(sizeof(Error), sizeof(void*)); }

TEST(Error, an_unknown_errno_still_has_a_text) { EXPECT_EQ(describe_errno(4242), "error 4242"); }

}  // namespace
}  // namespace gantry
