// SPDX-License-Identifier: Apache-2.0
#include "kube/encryption/live_encryption.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "kube/encryption/test_kms.h"
#include "kube/storage/object_cache.h"
#include "store/embedded_store.h"

namespace gantry::kube {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kKey = "/registry/secrets/default/a";

class Live : public ::testing::Test {
 protected:
  std::string file() const { return dir_ / "encryption.yaml"; }
  void write(const std::string& providers) {
    MUST(replace_file_at(AT_FDCWD, file(),
                         fmt::format("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n"
                                     "resources:\n- resources: [secrets]\n  providers: [{}]\n",
                                     providers),
                         0600));
  }
  std::string kms() const {
    return fmt::format("{{kms: {{apiVersion: v2, name: test, endpoint: '{}', timeout: 5s}}}}",
                       plugin_.endpoint());
  }
  static std::string secretbox() {
    return fmt::format("{{secretbox: {{keys: [{{name: k, secret: {}}}]}}}}", to_base64(std::string(32, 'k')));
  }
  std::unique_ptr<LiveEncryption> open(bool reloads = false) {
    return MUST(LiveEncryption::open({.file = file(), .reloads = reloads, .look_every = 1ms}, log_));
  }
  static std::string written(const LiveEncryption& live) {
    return MUST(live.to_store("secrets", kKey, "text"));
  }
  template <class Condition>
  static void wait_for(Condition condition) {
    while (!condition()) ::usleep(1000);
  }

  testing::TempDir dir_;
  TestKms plugin_;
  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  Logger log_{nowhere_.get()};
};

TEST_F(Live, values_have_the_prefix_that_kubernetes_gives_them) {
  write(kms());
  const auto live = open();
  const std::string value = written(*live);
  EXPECT_TRUE(value.starts_with("k8s:enc:kms:v2:test:"));
  EXPECT_EQ(MUST(live->from_store("secrets", kKey, value)), "text");
}

TEST_F(Live, a_plugin_may_come_later) {
  plugin_.stop();
  write(kms());
  const auto live = open();
  EXPECT_EQ(live->check_plugins().error().code(), Code::Unavailable);
  EXPECT_EQ(live->to_store("secrets", kKey, "text").error().code(), Code::Unavailable);
}

TEST_F(Live, another_text_in_the_file_counts_once_its_plugins_are_well) {
  write(secretbox());
  const auto live = open(true);
  const std::string old = written(*live);
  plugin_.behave({.version = "v1"});
  write(kms() + ", " + secretbox());
  wait_for([&] { return plugin_.asked("Status") > 0; });
  EXPECT_TRUE(written(*live).starts_with("k8s:enc:secretbox:")) << "it is not";
  plugin_.behave({});
  wait_for([&] { return written(*live).starts_with("k8s:enc:kms:v2:test:"); });
  EXPECT_EQ(MUST(live->from_store("secrets", kKey, old)), "text");
}

TEST_F(Live, a_broken_file_leaves_what_was_in_force) {
  write(secretbox());
  const auto live = open(true);
  MUST(replace_file_at(AT_FDCWD, file(), "nonsense", 0600));
  write("{rot13: {}}");
  write(kms());
  wait_for([&] { return written(*live).starts_with("k8s:enc:kms:"); });
}

// As it is where another server, which has another seed, writes to the same store.
TEST_F(Live, no_object_vanishes_because_a_plugin_is_away) {
  write(kms());
  const auto live = open(), other = open(), third = open();
  const auto store = MUST(store::EmbeddedStore::open(dir_ / "store.db"));
  const auto put = [&](const LiveEncryption& encryption, int number) {
    const std::string text =
        fmt::format(R"({{"apiVersion":"v1","kind":"Secret","metadata":{{}},"data":{{"a":"{}"}}}})", number);
    const std::string value = MUST(encryption.to_store("secrets", kKey, text));
    return MUST(store->commit({.operations = {store::Operation::put(kKey, SharedBytes(value))}})).revision;
  };
  put(*other, 1);
  const auto cache = MUST(ObjectCache::open(*store, {.kinds = {{"secrets", {}}}, .transformer = live.get()}));
  const auto shows = [&](int number) {
    const ObjectRef object = cache->collection("secrets").find("default/a");
    return object && object->json().view().contains(fmt::format(R"("a":"{}")", number));
  };
  EXPECT_TRUE(shows(1));

  plugin_.stop();
  EXPECT_TRUE(cache->wait_for(put(*other, 2), 5s)) << "that seed is known";
  EXPECT_TRUE(shows(2));
  EXPECT_FALSE(cache->wait_for(put(*third, 3), 20ms));
  EXPECT_TRUE(shows(2)) << "what was known stays";
  EXPECT_FALSE(ObjectCache::open(*store, {.kinds = {{"secrets", {}}}, .transformer = open().get()}))
      << "a server does not start without the objects";
  plugin_.start();
  wait_for([&] { return shows(3); });
}

}  // namespace
}  // namespace gantry::kube
