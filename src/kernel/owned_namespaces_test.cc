// SPDX-License-Identifier: Apache-2.0
#include "kernel/owned_namespaces.h"

#include <gtest/gtest.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "kernel/id_map.h"
#include "kernel/namespaces.h"
#include "testing/child.h"
#include "testing/must.h"

namespace gantry::kernel {
namespace {

TEST(OwnedNamespaces, belong_to_the_user_namespace_and_are_of_the_kinds_asked_for) {
  NEEDS_ROOT();
  const UniqueFd owner = MUST(make_user_namespace({.uids = {{0, 100000, 10}}, .gids = {{0, 100000, 10}}}));
  const auto made = MUST(make_owned_namespaces(owner.get(), {CLONE_NEWUTS, CLONE_NEWIPC}));
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(::ioctl(made[0].get(), NS_GET_NSTYPE), CLONE_NEWUTS);
  EXPECT_EQ(::ioctl(made[1].get(), NS_GET_NSTYPE), CLONE_NEWIPC);
  for (const UniqueFd& one : made) {
    const UniqueFd of(::ioctl(one.get(), NS_GET_USERNS));
    EXPECT_TRUE(is_same_namespace(of.get(), owner.get()));
  }
}

TEST(OwnedNamespaces, what_is_no_user_namespace_is_refused) {
  NEEDS_ROOT();
  const UniqueFd other = MUST(open_namespace("/proc/self/ns/uts", CLONE_NEWUTS));
  EXPECT_FALSE(make_owned_namespaces(other.get(), {CLONE_NEWUTS}));
}

}  // namespace
}  // namespace gantry::kernel
