// SPDX-License-Identifier: Apache-2.0
#include "store/snapshot_file.h"

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"
#include "store/embedded_store.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::store {
namespace {

using testing::TempDir;

class Snapshot : public ::testing::Test {
 protected:
  std::string store() const { return dir_ / "store.db"; }
  std::string file() const { return dir_ / "saved"; }
  std::string restored() const { return dir_ / "restored.db"; }

  // Two keys in one transaction, which always say the same.
  static void write_pair(Store& to, const std::string& value) {
    const SharedBytes bytes(value);
    ASSERT_TRUE(
        MUST(to.commit({.operations = {Operation::put("a", bytes), Operation::put("b", bytes)}})).committed);
  }
  static std::string value(Store& of, std::string_view key) {
    const auto found = MUST(of.get(key));
    return found ? std::string(found->value.view()) : "none";
  }
  std::string refusal() const {
    const auto made = restore_snapshot(file(), restored());
    return made ? "" : made.error().message();
  }

  TempDir dir_;
};

TEST_F(Snapshot, SavedWhileOthersWriteIsOneMoment) {
  const auto from = MUST(EmbeddedStore::open(store()));
  write_pair(*from, "0");
  std::atomic<bool> is_enough = false;
  std::thread writer([&] {
    for (int i = 1; !is_enough; ++i) write_pair(*from, std::to_string(i));
  });
  auto saved = save_snapshot(store(), file());
  is_enough = true;
  writer.join();
  EXPECT_GT(MUST(std::move(saved)), 0U);
  MUST(restore_snapshot(file(), restored()));
  const auto again = MUST(EmbeddedStore::open(restored()));
  EXPECT_EQ(value(*again, "a"), value(*again, "b"));
  EXPECT_NE(value(*again, "a"), "none");
}

TEST_F(Snapshot, NoRevisionComesTwice) {
  Revision revision = 0;
  {
    const auto from = MUST(EmbeddedStore::open(store()));
    write_pair(*from, "1");
    revision = MUST(from->range({})).revision;
    MUST(save_snapshot(store(), file()));
    write_pair(*from, "2");
  }
  EXPECT_EQ(MUST(restore_snapshot(file(), restored())), revision + kAheadOfSnapshot);
  const auto again = MUST(EmbeddedStore::open(restored()));
  EXPECT_EQ(value(*again, "a"), "1");
  EXPECT_EQ(MUST(again->range({})).revision, revision + kAheadOfSnapshot);
  const auto remembered = again->range({.at = revision + 1});
  ASSERT_FALSE(remembered);
  EXPECT_EQ(remembered.error().code(), Code::Conflict);
}

TEST_F(Snapshot, ReplacesNothing) {
  const auto from = MUST(EmbeddedStore::open(store()));
  MUST(save_snapshot(store(), file()));
  EXPECT_EQ(save_snapshot(store(), file()).error().code(), Code::AlreadyExists);
  EXPECT_EQ(restore_snapshot(file(), store()).error().code(), Code::AlreadyExists);
  EXPECT_EQ(save_snapshot(dir_ / "nowhere.db", dir_ / "other").error().code(), Code::NotFound);
}

TEST_F(Snapshot, IsForItsOwnerAlone) {
  const auto from = MUST(EmbeddedStore::open(store()));
  MUST(save_snapshot(store(), file()));
  struct stat info{};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(Snapshot, WhatIsNotAsItWasSavedIsRefused) {
  {
    const auto from = MUST(EmbeddedStore::open(store()));
    write_pair(*from, "1");
    MUST(save_snapshot(store(), file()));
  }
  const std::string right = MUST(read_file(file()));
  const auto with = [&](const std::string& bytes) {
    MUST(replace_file_at(dir_.fd(), file(), bytes, 0600));
    return refusal();
  };
  EXPECT_NE(with(right.substr(0, right.size() / 2)).find("is no snapshot, or was cut off"),
            std::string::npos);
  EXPECT_NE(with("").find("is no snapshot"), std::string::npos);
  std::string flipped = right;
  flipped[right.size() / 3] = static_cast<char>(flipped[right.size() / 3] ^ 1);
  EXPECT_NE(with(flipped).find("its digest is another"), std::string::npos);
  EXPECT_NE(::access(restored().c_str(), F_OK), 0);
  EXPECT_NE(::access((restored() + ".partial").c_str(), F_OK), 0);
  EXPECT_EQ(with(right), "");
}

}  // namespace
}  // namespace gantry::store
