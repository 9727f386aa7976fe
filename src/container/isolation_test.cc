// SPDX-License-Identifier: Apache-2.0
#include "container/isolation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernel/capabilities.h"
#include "testing/must.h"

namespace gantry::container {
namespace {

using List = std::vector<std::string>;

List capabilities(List add, List drop) {
  HostConfig host;
  host.cap_add = std::move(add);
  host.cap_drop = std::move(drop);
  return MUST(capabilities_of(host));
}

bool has(const List& names, const char* name) { return std::ranges::find(names, name) != names.end(); }

TEST(Capabilities, are_Dockers_fourteen_by_default) {
  EXPECT_EQ(capabilities({}, {}), default_capabilities());
  EXPECT_EQ(default_capabilities().size(), 14U);
}

TEST(Capabilities, are_named_with_or_without_prefix_in_any_case) {
  EXPECT_TRUE(has(capabilities({"net_admin"}, {}), "CAP_NET_ADMIN"));
  EXPECT_TRUE(has(capabilities({"CAP_NET_ADMIN"}, {}), "CAP_NET_ADMIN"));
  EXPECT_FALSE(has(capabilities({}, {"chown"}), "CAP_CHOWN"));
}

TEST(Capabilities, all_stands_for_what_is_not_named) {
  EXPECT_EQ(capabilities({"kill"}, {"ALL"}), List{"CAP_KILL"});
  EXPECT_EQ(capabilities({}, {"all"}), List{});
  EXPECT_FALSE(has(capabilities({"ALL"}, {"NET_RAW"}), "CAP_NET_RAW"));
  EXPECT_EQ(capabilities({"ALL"}, {"ALL"}), available_capabilities());
}

TEST(Capabilities, that_do_not_exist_are_named_with_their_list) {
  HostConfig host;
  host.cap_drop = {"fly"};
  EXPECT_EQ(capabilities_of(host).error().message(), "invalid CapDrop: unknown capability: \"CAP_FLY\"");
}

TEST(Capabilities, of_an_ordinary_user_are_only_what_it_may_gain) {
  const oci::Capabilities user = capability_sets({"CAP_KILL"}, false);
  EXPECT_EQ(user.bounding, List{"CAP_KILL"});
  EXPECT_TRUE(user.effective.empty() && user.permitted.empty() && user.inheritable.empty());
  EXPECT_EQ(capability_sets({"CAP_KILL"}, true).effective, List{"CAP_KILL"});
}

TEST(SecurityOptions, are_read_in_both_spellings) {
  const SecurityOptions options = MUST(parse_security_options(
      {"no-new-privileges", "seccomp=unconfined", "apparmor:mine", "label=disable", "label:type:x_t"}));
  EXPECT_TRUE(options.no_new_privileges);
  EXPECT_EQ(options.seccomp, "unconfined");
  EXPECT_EQ(options.apparmor, "mine");
  EXPECT_TRUE(options.is_label_disabled);
  EXPECT_EQ(options.labels, List{"type:x_t"});
}

TEST(SecurityOptions, keep_a_profile_with_all_its_signs) {
  EXPECT_EQ(MUST(parse_security_options({R"(seccomp={"a":"b=c"})"})).seccomp, R"({"a":"b=c"})");
}

TEST(SecurityOptions, override_the_daemons_default) {
  EXPECT_TRUE(MUST(parse_security_options({}, true)).no_new_privileges);
  EXPECT_FALSE(MUST(parse_security_options({"no-new-privileges=false"}, true)).no_new_privileges);
}

TEST(SecurityOptions, that_are_unknown_are_refused_by_name) {
  for (const char* option : {"magic", "magic=1", "no-new-privileges=maybe", "systempaths=some"})
    EXPECT_NE(parse_security_options({option}).error().message().find(option), std::string::npos) << option;
}

}  // namespace
}  // namespace gantry::container
