// SPDX-License-Identifier: Apache-2.0
#include "runtime/mount_options.h"

#include <gtest/gtest.h>
#include <linux/mount.h>
#include <sys/mount.h>

#include <algorithm>
#include <set>

namespace gantry::runtime {
namespace {

using Words = std::vector<std::string>;

// ---- words for the mount itself

constexpr std::uint64_t kAtime = MOUNT_ATTR__ATIME;

struct AttributeCase {
  const char* word;
  std::uint64_t set, clear;
};
constexpr AttributeCase kAttributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    // mount_setattr(2) wants the whole field cleared along with a value of it.
    {"noatime", MOUNT_ATTR_NOATIME, kAtime},
    {"atime", 0, kAtime},
    {"strictatime", MOUNT_ATTR_STRICTATIME, kAtime},
    {"nostrictatime", 0, kAtime},
    {"relatime", 0, kAtime},
    {"norelatime", 0, kAtime},
};

TEST(MountOptions, attributes_hold_for_the_mount_and_with_an_r_for_the_tree) {
  for (const auto& [word, set, clear] : kAttributes) {
    const MountOptions one = parse_mount_options({word});
    EXPECT_EQ(one.attributes.set, set) << word;
    EXPECT_EQ(one.attributes.clear, clear) << word;
    EXPECT_TRUE(one.recursive.empty()) << word;
    const MountOptions tree = parse_mount_options({"r" + std::string(word)});
    EXPECT_EQ(tree.recursive.set, set) << "r" << word;
    EXPECT_EQ(tree.recursive.clear, clear) << "r" << word;
    EXPECT_TRUE(tree.attributes.empty()) << "r" << word;
    EXPECT_TRUE(one.data.empty() && tree.data.empty()) << word;
  }
}

TEST(MountOptions, the_later_word_wins) {
  const struct {
    Words words;
    std::uint64_t set, clear;
  } cases[] = {
      {{"ro", "rw"}, 0, MOUNT_ATTR_RDONLY},
      {{"rw", "ro"}, MOUNT_ATTR_RDONLY, 0},
      {{"nosuid", "nodev", "suid"}, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID},
      {{"ro", "nosuid", "rw", "ro"}, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0},
      {{"noatime", "strictatime"}, MOUNT_ATTR_STRICTATIME, kAtime},
      {{"strictatime", "noatime"}, MOUNT_ATTR_NOATIME, kAtime},
      {{"noatime", "relatime"}, 0, kAtime},
      {{"noatime", "atime"}, 0, kAtime},
      {{"relatime", "noatime"}, MOUNT_ATTR_NOATIME, kAtime},
      {{"noatime", "nodiratime"}, MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME, kAtime},
      {{"noatime", "diratime"}, MOUNT_ATTR_NOATIME, kAtime | MOUNT_ATTR_NODIRATIME},
  };
  for (const auto& [words, set, clear] : cases) {
    const auto parsed = parse_mount_options(words).attributes;
    EXPECT_EQ(parsed.set, set) << fmt::format("{}", words[0] + " " + words.back());
    EXPECT_EQ(parsed.clear, clear) << fmt::format("{}", words[0] + " " + words.back());
  }
}

TEST(MountOptions, one_mount_and_its_tree_do_not_mix) {
  const MountOptions parsed = parse_mount_options({"rro", "rw", "noexec", "rexec"});
  EXPECT_EQ(parsed.recursive.set, std::uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(parsed.recursive.clear, std::uint64_t{MOUNT_ATTR_NOEXEC});
  EXPECT_EQ(parsed.attributes.set, std::uint64_t{MOUNT_ATTR_NOEXEC});
  EXPECT_EQ(parsed.attributes.clear, std::uint64_t{MOUNT_ATTR_RDONLY});
}

// The kernel refuses attr_set with bits of the access time field unless all of that field is in attr_clr, and
// any bit in both but those (mount_setattr(2), EINVAL).
TEST(MountOptions, every_pair_of_words_is_a_request_that_the_kernel_takes) {
  for (const AttributeCase& first : kAttributes) {
    for (const AttributeCase& second : kAttributes) {
      const auto [set, clear, propagation] = parse_mount_options({first.word, second.word}).attributes;
      EXPECT_EQ(set & clear & ~kAtime, 0U) << first.word << "," << second.word;
      EXPECT_TRUE((set & kAtime) == 0 || (clear & kAtime) == kAtime) << first.word << "," << second.word;
      EXPECT_TRUE((clear & kAtime) == 0 || (clear & kAtime) == kAtime) << first.word << "," << second.word;
      EXPECT_NE(set & kAtime, std::uint64_t{MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME})
          << first.word << "," << second.word;
    }
  }
}

// ---- other words

TEST(MountOptions, propagation_is_one_way_of_four_and_recursive_or_not) {
  const struct {
    const char* word;
    unsigned long flag;
  } ways[] = {
      {"private", MS_PRIVATE}, {"shared", MS_SHARED}, {"slave", MS_SLAVE}, {"unbindable", MS_UNBINDABLE}};
  for (const auto& [word, flag] : ways) {
    const MountOptions one = parse_mount_options({word});
    EXPECT_EQ(one.attributes.propagation, flag);
    EXPECT_FALSE(one.recursive_propagation);
    const MountOptions tree = parse_mount_options({"r" + std::string(word)});
    EXPECT_EQ(tree.attributes.propagation, flag);
    EXPECT_TRUE(tree.recursive_propagation);
    EXPECT_EQ(propagation_flag(word), flag);
    EXPECT_EQ(propagation_flag("r" + std::string(word)), flag | MS_REC);
  }
  const MountOptions last = parse_mount_options({"rshared", "private"});
  EXPECT_EQ(last.attributes.propagation, std::uint64_t{MS_PRIVATE});
  EXPECT_FALSE(last.recursive_propagation);
  for (const char* word : {"", "bind", "ro", "Private", "rrprivate"})
    EXPECT_EQ(propagation_flag(word), 0U) << word;
}

TEST(MountOptions, binds_copies_and_id_maps) {
  EXPECT_TRUE(parse_mount_options({"bind"}).bind);
  EXPECT_FALSE(parse_mount_options({"bind"}).bind_recursive);
  EXPECT_TRUE(parse_mount_options({"rbind"}).bind);
  EXPECT_TRUE(parse_mount_options({"rbind"}).bind_recursive);
  EXPECT_FALSE(parse_mount_options({"rbind", "bind"}).bind_recursive);
  EXPECT_TRUE(parse_mount_options({"tmpcopyup"}).copy_up);
  EXPECT_TRUE(parse_mount_options({"idmap"}).id_map);
  EXPECT_FALSE(parse_mount_options({"idmap"}).id_map_recursive);
  EXPECT_TRUE(parse_mount_options({"ridmap"}).id_map_recursive);
  EXPECT_FALSE(parse_mount_options({}).bind);
}

TEST(MountOptions, what_is_not_known_is_for_the_file_system_in_its_order) {
  const Words words = {"size=64k", "mode=1777",  "sync", "lazytime", "lowerdir=/a:/b",
                       "ROOT",     "rsize=4096", "ro=1", "r",        "rbindx"};
  Words with_others = {"ro", "defaults", ""};
  with_others.insert(with_others.end(), words.begin(), words.end());
  with_others.emplace_back("nofail");
  EXPECT_EQ(parse_mount_options(with_others).data, words);
}

TEST(MountOptions, hints_of_mount_8_have_no_effect) {
  for (const char* word : {"defaults", "loud", "nomand", "nolazytime", "iversion", "noiversion", "silent",
                           "nofail", "_netdev", ""}) {
    const MountOptions parsed = parse_mount_options({word});
    EXPECT_TRUE(parsed.attributes.empty() && parsed.recursive.empty() && parsed.data.empty() && !parsed.bind)
        << word;
  }
}

TEST(MountOptions, the_known_words_are_told_once_each_and_are_known) {
  const Words known = known_mount_options();
  EXPECT_EQ(std::set<std::string>(known.begin(), known.end()).size(), known.size());
  for (const AttributeCase& attribute : kAttributes) {
    EXPECT_NE(std::ranges::find(known, attribute.word), known.end()) << attribute.word;
    EXPECT_NE(std::ranges::find(known, "r" + std::string(attribute.word)), known.end()) << attribute.word;
  }
  // Only the flags that every superblock has go on to the file system.
  Words passed_on;
  for (const std::string& word : known)
    if (!parse_mount_options({word}).data.empty()) passed_on.push_back(word);
  EXPECT_EQ(passed_on, (Words{"sync", "async", "dirsync", "lazytime", "mand"}));
}

}  // namespace
}  // namespace gantry::runtime
