// SPDX-License-Identifier: Apache-2.0
#include "image/store_check.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "image/repositories.h"
#include "image/testing_image.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

ImageStore open_store(const std::string& path) { return MUST(ImageStore::open(path)); }

class Check : public ::testing::Test {
 protected:
  Check() {
    Lease lease = MUST(store_.lease("pull"));
    image_.add_to(lease);
    MUST(store_.put_image(image_.image(), std::array{NewName{"reg/web:1", image_.digest()}}));
  }

  std::string path_of(const Digest& digest) {
    return dir_ / fmt::format("content/blobs/sha256/{}/{}", digest.hex().substr(0, 2), digest.hex());
  }
  void write_over(const std::string& path, std::string_view bytes) {
    const UniqueFd fd = MUST(open_at(AT_FDCWD, path, O_WRONLY));
    MUST(write_all(fd.get(), bytes, path));
  }
  void sql(database::Sql text) {
    MUST(store_.database().write([&](database::Connection& c) { return c.execute(text); }));
  }
  std::vector<Finding> check(Repair repair) { return MUST(check_store(store_, {.repair = repair})).findings; }
  // Found, with this subject; repaired when asked for, and then not found any more.
  void expect_repairable(Damage damage, const std::string& subject) {
    const auto is_it = [&](const Finding& f) { return f.damage == damage && f.subject == subject; };
    for (const Repair repair : {Repair::No, Repair::Yes}) {
      const std::vector<Finding> findings = check(repair);
      const auto found = std::ranges::find_if(findings, is_it);
      ASSERT_NE(found, findings.end()) << name_of(damage) << " " << subject;
      EXPECT_EQ(found->is_repaired, repair == Repair::Yes);
      EXPECT_FALSE(found->message.empty());
    }
    EXPECT_TRUE(std::ranges::none_of(check(Repair::No), is_it));
  }
  // The image says what it lacks, and is whole when that comes again.
  void expect_incomplete_until_pulled() {
    const std::vector<Finding> findings = check(Repair::No);
    ASSERT_FALSE(findings.empty());
    for (const Finding& finding : findings) {
      EXPECT_EQ(finding.damage, Damage::Incomplete);
      EXPECT_NE(finding.message.find("reg/web:1"), std::string::npos) << finding.message;
    }
    Lease lease = MUST(store_.lease("pull"));
    image_.add_to(lease);
    MUST(store_.put_image(image_.image(), std::array{NewName{"reg/web:1", image_.digest()}}));
    MUST(lease.release());
    MUST(store_.collect());
    EXPECT_TRUE(check(Repair::No).empty());
  }

  TempDir dir_;
  ImageStore store_ = open_store(dir_.path());
  const TestImage image_{"web", {std::string(kSmallBlob + 5, 'x'), "small"}};
};

TEST_F(Check, finds_nothing_in_a_sound_store) {
  const StoreReport report = MUST(check_store(store_));
  EXPECT_TRUE(report.findings.empty()) << report.findings[0].message;
  EXPECT_EQ(report.blobs, 4U);
  EXPECT_GT(report.bytes, kSmallBlob);
}

TEST_F(Check, a_file_that_is_missing) {
  ASSERT_EQ(::unlink(path_of(image_.layer(0)).c_str()), 0);
  expect_repairable(Damage::BlobMissing, image_.layer(0).str());
  expect_incomplete_until_pulled();
}

TEST_F(Check, a_file_that_was_cut) {
  ASSERT_EQ(::truncate(path_of(image_.layer(0)).c_str(), 100), 0);
  expect_repairable(Damage::BlobSize, image_.layer(0).str());
  expect_incomplete_until_pulled();
}

TEST_F(Check, a_file_with_other_bytes) {
  write_over(path_of(image_.layer(0)), "y");
  EXPECT_TRUE(MUST(check_store(store_, {.read_contents = false})).findings.empty());
  expect_repairable(Damage::BlobContent, image_.layer(0).str());
  expect_incomplete_until_pulled();
}

TEST_F(Check, a_small_blob_with_other_bytes) {
  sql("UPDATE small_blobs SET content = x'736d616c6d' WHERE content = x'736d616c6c'");
  expect_repairable(Damage::BlobContent, image_.layer(1).str());
  expect_incomplete_until_pulled();
}

TEST_F(Check, a_manifest_with_other_bytes) {
  MUST(store_.database().write([&](database::Connection& c) {
    return c.execute("UPDATE small_blobs SET content = zeroblob(?2) WHERE digest = ?1", image_.digest().str(),
                     image_.manifest_bytes.size());
  }));
  expect_repairable(Damage::BlobContent, image_.digest().str());
  expect_incomplete_until_pulled();
}

TEST_F(Check, a_file_that_no_row_knows) {
  const Digest digest = oci::digest_of("lost");
  MUST(make_directories(dir_ / "content/blobs/sha256/" + digest.hex().substr(0, 2), 0700));
  MUST(replace_file_at(AT_FDCWD, path_of(digest), "lost", 0600));
  expect_repairable(Damage::OrphanedFile,
                    fmt::format("blobs/sha256/{}/{}", digest.hex().substr(0, 2), digest.hex()));
  EXPECT_LT(::access(path_of(digest).c_str(), F_OK), 0);
}

TEST_F(Check, what_is_not_ours_is_said_and_left) {
  MUST(replace_file_at(AT_FDCWD, dir_ / "content/blobs/sha256/notes", "x", 0600));
  const std::vector<Finding> findings = check(Repair::Yes);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].damage, Damage::ForeignFile);
  EXPECT_FALSE(findings[0].is_repaired);
  EXPECT_EQ(::access((dir_ / "content/blobs/sha256/notes").c_str(), F_OK), 0);
}

TEST_F(Check, a_blob_that_nothing_holds) {
  sql("DELETE FROM edges WHERE child IN (SELECT digest FROM small_blobs WHERE content = x'736d616c6c')");
  sql("DELETE FROM candidates");
  expect_repairable(Damage::Unreferenced, image_.layer(1).str());
}

TEST_F(Check, edges_that_are_not_the_manifests) {
  sql("UPDATE edges SET is_required = 0");
  expect_repairable(Damage::Edges, image_.digest().str());
  EXPECT_TRUE(check(Repair::No).empty());
}

TEST_F(Check, edges_that_are_lost) {
  sql("DELETE FROM edges");
  sql("DELETE FROM candidates");
  expect_repairable(Damage::Edges, image_.digest().str());
  MUST(store_.collect());
  EXPECT_TRUE(check(Repair::No).empty());
}

TEST_F(Check, the_size_of_a_repository) {
  MUST(store_.repositories().mount_blob("web", "", image_.layer(0)));
  sql("UPDATE repositories SET bytes = 1");
  expect_repairable(Damage::Usage, "web");
}

TEST_F(Check, a_damaged_database) {
  MUST(store_.database().compact());
  // Behind the first page, which has the tables' names.
  const UniqueFd fd = MUST(open_at(AT_FDCWD, dir_ / "copy", O_WRONLY | O_CREAT, 0600));
  std::string bytes = MUST(read_file(dir_ / "metadata.db"));
  for (std::size_t at = 8192; at < bytes.size(); at += 4096) bytes.replace(at, 8, "damaged!");
  MUST(write_all(fd.get(), bytes, "copy"));
  const TempDir other;
  ASSERT_EQ(::rename((dir_ / "copy").c_str(), (other / "metadata.db").c_str()), 0);
  auto opened = ImageStore::open(other.path());
  if (!opened) {
    EXPECT_EQ(opened.error().code(), Code::DataLoss);
    return;
  }
  const auto report = check_store(*opened);
  if (report)
    EXPECT_EQ(report->findings.at(0).damage, Damage::Database);
  else
    EXPECT_EQ(report.error().code(), Code::DataLoss) << report.error().message();
}

}  // namespace
}  // namespace gantry::image
