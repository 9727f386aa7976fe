// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/credentials.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

// Sets a variable of the environment, and puts it back.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (old_)
      ::setenv(name_, old_->c_str(), 1);
    else
      ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

std::string auth(std::string_view user_and_password) {
  return fmt::format(R"({{"auth":"{}"}})", to_base64(user_and_password));
}

const Credentials kAlice{.username = "alice", .password = "pass:word"};

std::string refusal(std::string_view json) {
  const auto store = CredentialStore::parse(json);
  return store ? "accepted" : store.error().message();
}

TEST(Credentials, are_found_by_registry_however_it_is_written) {
  const CredentialStore store = MUST(CredentialStore::parse(fmt::format(
      R"({{"auths":{{"https://index.docker.io/v1/":{0},"https://quay.io/v2/":{0},"http://r:5000":{0},
                      "plain.example":{0}}},"HttpHeaders":{{"a":"b"}}}})",
      auth("alice:pass:word"))));
  for (const char* registry :
       {"docker.io", "index.docker.io", "registry-1.docker.io", "quay.io", "r:5000", "plain.example"})
    EXPECT_EQ(MUST(store.find(registry)), kAlice) << registry;
  EXPECT_EQ(MUST(store.find("r")), std::nullopt);
  EXPECT_EQ(MUST(store.find("other.example", "a/b")), std::nullopt);
}

TEST(Credentials, of_a_longer_name_go_first) {
  const CredentialStore store = MUST(CredentialStore::parse(
      fmt::format(R"({{"auths":{{"quay.io":{},"quay.io/team":{},"quay.io/team/app":{}}}}})", auth("a:1"),
                  auth("b:2"), auth("c:3"))));
  EXPECT_EQ(MUST(store.find("quay.io", "other"))->username, "a");
  EXPECT_EQ(MUST(store.find("quay.io", "team/x"))->username, "b");
  EXPECT_EQ(MUST(store.find("quay.io", "team/app/x"))->username, "c");
  EXPECT_EQ(MUST(store.find("quay.io", "teams/app"))->username, "a");
}

TEST(Credentials, may_be_tokens) {
  const CredentialStore store = MUST(CredentialStore::parse(
      fmt::format(R"({{"auths":{{"a":{{"auth":"{}","identitytoken":"i"}},"b":{{"registrytoken":"r"}},"c":{{}},
                      "d":{{"username":"u","password":"p"}},"e":{{"auth":"{}"}}}}}})",
                  to_base64("user:"), to_base64(std::string("u:p\0\0", 5)))));
  EXPECT_EQ(MUST(store.find("a")), (Credentials{.username = "user", .identity_token = "i"}));
  EXPECT_EQ(MUST(store.find("b")), (Credentials{.registry_token = "r"}));
  EXPECT_EQ(MUST(store.find("c")), std::nullopt);
  EXPECT_EQ(MUST(store.find("d")), (Credentials{.username = "u", .password = "p"}));
  EXPECT_EQ(MUST(store.find("e")), (Credentials{.username = "u", .password = "p"}));
}

TEST(Credentials, are_refused_where_they_cannot_be_understood) {
  EXPECT_EQ(refusal(R"({"auths":{"a":{"auth":"?"}}})"),
            "auths['a']: auth: expected base64 of 'username:password'");
  EXPECT_EQ(refusal(R"({"auths":{"a":{"auth":"YQ=="}}})"),
            "auths['a']: auth: expected base64 of 'username:password'");
  EXPECT_EQ(refusal(R"({"auths":[]})"), "auths: expected an object, is an array");
  EXPECT_EQ(refusal(R"({"credsStore":"../x"})"), "credsStore: '../x' is not the name of a helper");
  EXPECT_EQ(refusal(R"({"credHelpers":{"a":"b c"}})"), "credHelpers['a']: 'b c' is not the name of a helper");
}

TEST(Credentials, are_read_from_where_docker_and_podman_keep_them) {
  const TempDir folder;
  MUST(replace_file_at(AT_FDCWD, folder / "config.json",
                       fmt::format(R"({{"auths":{{"r":{}}}}})", auth("a:b")), 0600));
  {
    const Variable config("DOCKER_CONFIG", folder.path());
    const Variable none("REGISTRY_AUTH_FILE", "");
    EXPECT_EQ(MUST(MUST(CredentialStore::from_environment()).find("r"))->username, "a");
    const Variable file("REGISTRY_AUTH_FILE", folder / "missing.json");
    EXPECT_EQ(MUST(MUST(CredentialStore::from_environment()).find("r")), std::nullopt);
  }
  MUST(replace_file_at(AT_FDCWD, folder / "broken.json", "{", 0600));
  EXPECT_TRUE(CredentialStore::read(folder / "broken.json")
                  .error()
                  .message()
                  .starts_with("'" + (folder / "broken.json") + "': JSON line 1"));
}

// A helper of the name docker-credential-test, which notes what it was asked.
class Helper : public ::testing::Test {
 protected:
  void answer(std::string_view script) {
    MUST(replace_file_at(
        AT_FDCWD, folder_ / "docker-credential-test",
        fmt::format("#!/bin/sh\necho \"$1\" > {0}/asked; cat >> {0}/asked\n{1}\n", folder_.path(), script),
        0700));
  }
  std::string asked() { return MUST(read_file(folder_ / "asked")); }

  const TempDir folder_;
  const Variable path_{"PATH", folder_.path() + ":/usr/bin:/bin"};
};

TEST_F(Helper, is_asked_for_the_registries_that_it_is_named_for) {
  const CredentialStore store = MUST(CredentialStore::parse(fmt::format(
      R"({{"auths":{{"r":{0},"docker.io":{0}}},"credHelpers":{{"docker.io":"test"}}}})", auth("in:file"))));
  answer(R"(echo '{"ServerURL":"x","Username":"helped","Secret":"s"}')");
  EXPECT_EQ(MUST(store.find("docker.io", "library/busybox")),
            (Credentials{.username = "helped", .password = "s"}));
  EXPECT_EQ(asked(), "get\nhttps://index.docker.io/v1/");
  EXPECT_EQ(MUST(store.find("r"))->username, "in");
}

TEST_F(Helper, may_keep_tokens_of_every_registry) {
  const CredentialStore store = MUST(CredentialStore::parse(R"({"auths":{"r:1":{}},"credsStore":"test"})"));
  answer(R"(echo '{"Username":"<token>","Secret":"t"}')");
  EXPECT_EQ(MUST(store.find("r:1", "a")), (Credentials{.identity_token = "t"}));
  EXPECT_EQ(asked(), "get\nr:1");
}

TEST_F(Helper, that_knows_none_means_anonymous_and_one_that_fails_is_an_error) {
  const CredentialStore store = MUST(CredentialStore::parse(R"({"credsStore":"test"})"));
  answer("echo 'credentials not found in native keychain'; exit 1");
  EXPECT_EQ(MUST(store.find("r")), std::nullopt);
  answer("echo 'the key ring is locked'; exit 1");
  EXPECT_EQ(store.find("r").error().message(),
            "'docker-credential-test' has no credentials for 'r': the key ring is locked");
  answer("exit 3");
  EXPECT_EQ(store.find("r").error().message(),
            "'docker-credential-test' has no credentials for 'r': exit status 3");
  answer("echo nonsense");
  EXPECT_TRUE(
      store.find("r").error().message().starts_with("answer of 'docker-credential-test': JSON line 1"));
  const CredentialStore missing = MUST(CredentialStore::parse(R"({"credsStore":"not-installed"})"));
  EXPECT_EQ(missing.find("r").error().code(), Code::NotFound);
}

TEST(RegistryAuth, is_base64_of_either_alphabet) {
  const std::string json =
      R"({"username":"alice","password":"pass:word","email":"a??>","serveraddress":"r"})";
  EXPECT_EQ(MUST(parse_registry_auth(to_base64(json))), kAlice);
  EXPECT_EQ(MUST(parse_registry_auth(to_base64url(json))), kAlice);
  EXPECT_EQ(MUST(parse_registry_auth(to_base64url(R"({"identitytoken":"i"})"))),
            (Credentials{.identity_token = "i"}));
  for (const char* nothing : {"", "e30=", "e30", "bnVsbA=="})
    EXPECT_EQ(MUST(parse_registry_auth(nothing)), std::nullopt);
  EXPECT_EQ(parse_registry_auth("?").error().message(), "X-Registry-Auth: is not base64");
  EXPECT_EQ(parse_registry_auth(to_base64("[]")).error().message(),
            "X-Registry-Auth: expected an object, is an array");
}

TEST(RegistryAuth, of_a_build_names_registries) {
  const CredentialStore store = MUST(parse_registry_config(
      to_base64url(R"({"https://index.docker.io/v1/":{"username":"alice","password":"pass:word"}})")));
  EXPECT_EQ(MUST(store.find("docker.io")), kAlice);
  EXPECT_EQ(MUST(MUST(parse_registry_config("")).find("docker.io")), std::nullopt);
}

TEST(CredentialFile, keeps_and_forgets_one_registry_and_nothing_else) {
  const TempDir directory;
  const std::string path = directory.path() + "/new/config.json";
  const CredentialFile file(path);
  EXPECT_FALSE(MUST(file.erase("r:5000")));
  EXPECT_EQ(MUST(file.store("docker.io", kAlice)), path);
  EXPECT_EQ(MUST(file.store("r:5000", {.identity_token = "token"})), path);
  EXPECT_EQ(MUST(MUST(CredentialStore::read(path)).find("docker.io")), kAlice);
  EXPECT_EQ(MUST(MUST(CredentialStore::read(path)).find("r:5000"))->identity_token, "token");
  EXPECT_NE(MUST(read_file(path)).find("\"https://index.docker.io/v1/\""), std::string::npos);
  EXPECT_TRUE(MUST(file.erase("docker.io")));
  EXPECT_FALSE(MUST(MUST(CredentialStore::read(path)).find("docker.io")));
  EXPECT_TRUE(MUST(MUST(CredentialStore::read(path)).find("r:5000")));
}

TEST(CredentialFile, replaces_every_spelling_of_a_registry) {
  const TempDir directory;
  const std::string path = directory.path() + "/config.json";
  const std::string old = auth("a:b");
  MUST(replace_file_at(AT_FDCWD, path,
                       fmt::format(R"({{"auths":{{"https://r/v2/":{0},"r":{0}}},"x":[1]}})", old), 0600));
  MUST(CredentialFile(path).store("r", kAlice));
  const std::string text = MUST(read_file(path));
  EXPECT_EQ(text.find(to_base64("a:b")), std::string::npos) << text;
  EXPECT_NE(text.find("\"x\""), std::string::npos) << text;
}

TEST(CredentialFile, is_written_where_a_link_leads) {
  const TempDir directory;
  const std::string path = directory.path() + "/config.json", link = directory.path() + "/link";
  MUST(replace_file_at(AT_FDCWD, path, "{}", 0600));
  ASSERT_EQ(::symlink("config.json", link.c_str()), 0);
  MUST(CredentialFile(link).store("r", kAlice));
  EXPECT_EQ(MUST(MUST(CredentialStore::read(path)).find("r")), kAlice);
}

}  // namespace
}  // namespace gantry::image
