// SPDX-License-Identifier: Apache-2.0
#include "store/etcd/etcd_store.h"

#include "http/test_identity.h"
#include "store/etcd/test_cluster.h"
#include "store/store_suite.h"
#include "testing/kill_at_call.h"

namespace gantry::store {
namespace {

#define NEEDS_ETCD() \
  if (!TestCluster::is_possible()) GTEST_SKIP() << "needs Debian's packages etcd-server and etcd-client"

// One member for all tests of the suite.
std::unique_ptr<Store> store_of_one_member() {
  if (!TestCluster::is_possible()) return nullptr;
  static const TestCluster cluster(1);
  return cluster.open();
}

INSTANTIATE_TEST_SUITE_P(Etcd, StoreSuite, ::testing::Values(store_of_one_member));

Revision put(Store& store, std::string_view key, std::string_view value) {
  return MUST(store.commit({.operations = {Operation::put(key, SharedBytes(value))}})).revision;
}

// Again and again while a member that has gone is noticed and another is elected.
Revision put_at_last(Store& store, std::string_view key, std::string_view value) {
  for (int attempt = 0;; ++attempt) {
    auto result = store.commit({.operations = {Operation::put(key, SharedBytes(value))}});
    if (result) return result->revision;
    if (attempt == 600) return MUST(std::move(result)).revision;
    ::usleep(100'000);
  }
}

TEST(EtcdStore, says_what_it_cannot_reach) {
  EtcdOptions options{.endpoints = {"http://127.0.0.1:1"}};
  const auto failed = EtcdStore::open(options);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), Code::Unavailable);
  EXPECT_TRUE(failed.error().message().contains("http://127.0.0.1:1")) << failed.error().message();
  EXPECT_EQ(EtcdStore::open({}).error().code(), Code::InvalidArgument);
  options.endpoints = {"ftp://127.0.0.1"};
  EXPECT_EQ(EtcdStore::open(options).error().code(), Code::InvalidArgument);
}

TEST(EtcdStore, ranges_that_are_larger_than_a_message_come_whole) {
  NEEDS_ETCD();
  const TestCluster cluster(1);
  const auto store = cluster.open();
  const std::string large(400'000, 'x');
  for (int i = 0; i < 60; ++i) put(*store, "large/" + std::to_string(i), large);
  for (int i = 0; i < 1100; ++i) put(*store, "small/" + std::to_string(i), "1");
  const RangeResult found = MUST(store->range({.keys = KeyRange::prefix("large/")}));
  EXPECT_EQ(found.items.size(), 60U);
  EXPECT_EQ(found.count, 60U);
  EXPECT_EQ(MUST(store->range({.keys = KeyRange::prefix("small/")})).items.size(), 1100U);
  EXPECT_EQ(MUST(store->range({.keys = KeyRange::prefix("small/"), .limit = 700})).items.size(), 700U);
}

TEST(EtcdStore, goes_on_when_members_come_and_go) {
  NEEDS_ETCD();
  TestCluster cluster(3);
  const auto store = cluster.open();
  Told told;
  const auto watch = MUST(store->watch(KeyRange::prefix("k"), put_at_last(*store, "start", ""), told));
  int number = 0;
  std::vector<std::string> expected;
  const auto write = [&] {
    const std::string text = std::to_string(number++);
    put_at_last(*store, "k" + text, text);
    expected.push_back("put k" + text + "=" + text);
  };
  // What was written twice, since nobody knew whether it was done, is told twice.
  const auto told_keys = [&] {
    std::vector<std::string> texts;
    for (const std::string& text : told.wait_for(expected.size()))
      if (texts.empty() || texts.back() != text) texts.push_back(text);
    return texts;
  };
  for (int i = 0; i < 10; ++i) write();
  for (int member = 0; member < 3; ++member) {
    cluster.kill(member);
    for (int i = 0; i < 10; ++i) write();
    cluster.start(member);
    for (int i = 0; i < 10; ++i) write();
  }
  for (int attempt = 0; attempt < 600 && told_keys() != expected; ++attempt) ::usleep(100'000);
  EXPECT_EQ(told_keys(), expected);
  EXPECT_EQ(MUST(store->range({.keys = KeyRange::prefix("k")})).items.size(), expected.size());
}

// Writes, one after the other, and says so in files; each of them is killed at every one of its system calls.
TEST(EtcdStore, killed_at_every_call_it_leaves_whole_transactions_and_what_it_acknowledged) {
  NEEDS_ETCD();
  NEEDS_THREADS_IN_CHILD();
  const TestCluster cluster(1);
  const testing::TempDir said;
  for (int call = 1;; ++call) {
    SCOPED_TRACE("killed at system call " + std::to_string(call));
    const std::string path = said / std::to_string(call);
    const auto say = [&](const char* what) { MUST(make_directories(path + "/" + what, 0700)); };
    const auto has_said = [&](const char* what) { return ::access((path + "/" + what).c_str(), F_OK) == 0; };
    {
      const auto store = cluster.open();
      put(*store, "a", "1");
      MUST(store->commit({.operations = {Operation::remove("b")}}));
    }
    const bool is_over = testing::run_until(call, [&] {
      const auto store = MUST(EtcdStore::open(cluster.options()));
      testing::count_from_here();
      MUST(store->commit({.operations = {Operation::put("b", SharedBytes("1")), Operation::remove("a")}}));
      say("committed");
      put(*store, "b", "2");
      say("put");
      ::_exit(0);
    });
    const auto store = cluster.open();
    const auto a = MUST(store->get("a"));
    const auto b = MUST(store->get("b"));
    EXPECT_EQ(a.has_value(), !b.has_value()) << "half a transaction";
    EXPECT_TRUE(!has_said("committed") || !a);
    EXPECT_TRUE(!has_said("put") || (b && b->value.view() == "2"));
    if (!is_over && !::testing::Test::HasFailure()) continue;
    EXPECT_GT(call, 5) << "what was meant to be killed has hardly run";
    return;
  }
}

// Debian's package etcd-client.
void etcdctl(const EtcdOptions& options, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"etcdctl", "--endpoints", options.endpoints.front()});
  if (!options.user.empty()) arguments.push_back("--user=" + options.user + ":" + options.password);
  std::vector<std::string> environment{"ETCDCTL_API=3"};
  const WaitStatus status = MUST(MUST(spawn({.program = "/usr/bin/etcdctl",
                                             .arguments = arguments,
                                             .environment = environment,
                                             .out = kDevNull}))
                                     .wait());
  ASSERT_TRUE(status.is_success()) << arguments[3] << ": " << status.describe();
}

TEST(EtcdStore, logs_in) {
  NEEDS_ETCD();
  const TestCluster cluster(1, {"--auth-token-ttl", "1"});
  EtcdOptions options = cluster.options();
  cluster.open();
  etcdctl(options, {"user", "add", "root:secret"});
  etcdctl(options, {"user", "grant-role", "root", "root"});
  etcdctl(options, {"auth", "enable"});

  options.user = "root";
  options.password = "secret";
  const auto store = MUST(EtcdStore::open(options));
  put(*store, "a", "1");
  // Its token has ended when etcd knows nothing of it any more; then it takes another.
  ::usleep(2'500'000);
  put(*store, "a", "2");
  EXPECT_EQ(MUST(store->get("a"))->value.view(), "2");

  // A watch begins as anything else does: by then the token has ended once more.
  ::usleep(2'500'000);
  Told told;
  const auto watch = MUST(store->watch(KeyRange::one("a"), 0, told));
  const auto other = MUST(EtcdStore::open(options));
  put(*other, "a", "3");
  put(*other, "a", "4");
  EXPECT_EQ(told.wait_for(4).back(), "put a=4");

  options.password = "wrong";
  EXPECT_FALSE(EtcdStore::open(options).has_value());
  options.user.clear();
  EXPECT_FALSE(EtcdStore::open(options).has_value());
}

TEST(EtcdStore, speaks_tls_and_shows_its_certificate) {
  NEEDS_ETCD();
  http::testing::TestAuthority authority;
  const http::TlsIdentity server = authority.issue("server", "IP:127.0.0.1");
  const TestCluster cluster(1,
                            {"--cert-file", server.certificate_file, "--key-file", server.key_file,
                             "--trusted-ca-file", authority.ca_file(), "--client-cert-auth"},
                            "https");
  EtcdOptions options = cluster.options();
  options.tls = {
      .trust_system = false, .ca_files = {authority.ca_file()}, .identity = authority.issue("client", "")};
  const auto store = cluster.open(options);
  put(*store, "a", "1");
  EXPECT_EQ(MUST(store->get("a"))->value.view(), "1");

  options.tls.identity = {};
  EXPECT_FALSE(EtcdStore::open(options).has_value());
  http::testing::TestAuthority other;
  options.tls.ca_files = {other.ca_file()};
  EXPECT_FALSE(EtcdStore::open(options).has_value());
}

}  // namespace
}  // namespace gantry::store
