// SPDX-License-Identifier: Apache-2.0
#include "registry/htpasswd.h"

#include <crypt.h>
#include <gtest/gtest.h>

#include <fstream>

#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::registry {
namespace {

// At bcrypt's lowest cost, so that tests take milliseconds.
std::string hash_of(const char* password) { return ::crypt(password, "$2y$04$abcdefghijklmnopqrstuu"); }

std::string why(std::string_view text) {
  const Result<Accounts> accounts = parse_htpasswd(text);
  return accounts ? "no error" : accounts.error().message();
}

class HtpasswdFile : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(path_) << text; }
  testing::TempDir dir_;
  const std::string path_ = dir_ / "users";
};

TEST(HtpasswdFormat, LinesCommentsAndCarriageReturnsAreRead) {
  const Accounts accounts = MUST(parse_htpasswd("# people\r\nalice:$2y$05$x\r\n\nbob:$6$y\n"));
  EXPECT_EQ(accounts.size(), 2U);
  EXPECT_EQ(accounts.at("alice"), "$2y$05$x");
}

TEST(HtpasswdFormat, WeakHashesAreRefusedByLineAndUser) {
  for (const char* weak : {"$apr1$x$y", "{SHA}abc=", "plain", "aaDESdesdes12"}) {
    const std::string message = why(std::string("ok:$2y$05$x\neve:") + weak);
    EXPECT_NE(message.find("line 2"), std::string::npos) << message;
    EXPECT_NE(message.find("'eve'"), std::string::npos) << message;
  }
}

TEST(HtpasswdFormat, WhatIsNoAccountIsAnError) {
  EXPECT_NE(why("alice"), "no error");
  EXPECT_NE(why(":$2y$05$x"), "no error");
  EXPECT_NE(why("a:$2y$05$x\na:$2y$05$y"), "no error");
  EXPECT_NE(why("anonymous:$2y$05$x"), "no error");
}

TEST_F(HtpasswdFile, TheRightPasswordAndNoOther) {
  write("alice:" + hash_of("secret") + "\n");
  const auto file = MUST(Htpasswd::open(path_));
  EXPECT_TRUE(file->verify("alice", "secret"));
  EXPECT_TRUE(file->verify("alice", "secret"));  // remembered
  EXPECT_FALSE(file->verify("alice", "Secret"));
  EXPECT_FALSE(file->verify("alice", ""));
  EXPECT_FALSE(file->verify("alice", std::string("secret\0x", 8)));
  EXPECT_FALSE(file->verify("bob", "secret"));
}

TEST_F(HtpasswdFile, AChangeCountsAtOnce) {
  write("alice:" + hash_of("old") + "\n");
  const auto file = MUST(Htpasswd::open(path_));
  EXPECT_TRUE(file->verify("alice", "old"));
  const std::string before = file->generation("alice");
  write("alice:" + hash_of("new") + "\nbob:" + hash_of("b") + "\n");
  EXPECT_FALSE(file->verify("alice", "old"));
  EXPECT_TRUE(file->verify("alice", "new"));
  EXPECT_TRUE(file->verify("bob", "b"));
  EXPECT_NE(file->generation("alice"), before);
  EXPECT_EQ(file->generation("eve"), "");
}

TEST_F(HtpasswdFile, NobodyGetsInWhileTheFileIsBroken) {
  write("alice:" + hash_of("a") + "\n");
  const auto file = MUST(Htpasswd::open(path_));
  write("alice:plain\n");
  EXPECT_FALSE(file->verify("alice", "a"));
  EXPECT_FALSE(file->verify("alice", "plain"));
}

TEST_F(HtpasswdFile, AMissingFileIsAnError) { EXPECT_FALSE(Htpasswd::open(dir_ / "none")); }

}  // namespace
}  // namespace gantry::registry
