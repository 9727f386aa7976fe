// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kube/encryption/kms_provider.h"
#include "kube/encryption/test_kms.h"

namespace gantry::kube {
namespace {

using namespace std::chrono_literals;

class Kms : public ::testing::Test {
 protected:
  std::unique_ptr<KmsProvider> provider(std::chrono::milliseconds patience = 5s) {
    return std::make_unique<KmsProvider>(
        KmsSettings{.name = "test", .socket = plugin_.socket(), .patience = patience},
        [this] { return now_; });
  }
  static std::string why(const Result<void>& result) { return result ? "" : result.error().message(); }

  TestKms plugin_;
  KmsProvider::Time now_ = std::chrono::steady_clock::now();
};

TEST_F(Kms, a_plugin_is_asked_once_for_many_values) {
  const auto kms = provider();
  MUST(kms->check());
  for (int i = 0; i < 10; ++i) {
    const std::string text = fmt::format("value {}", i);
    const std::string bytes = MUST(kms->encrypt("/a", text));
    EXPECT_EQ(bytes.find(text), std::string::npos);
    EXPECT_EQ(MUST(kms->decrypt("/a", bytes)), text);
    EXPECT_EQ(kms->decrypt("/b", bytes).error().code(), Code::DataLoss) << "it belongs to another key";
  }
  EXPECT_EQ(plugin_.asked("Encrypt"), 1);
  EXPECT_EQ(plugin_.asked("Decrypt"), 1) << "to see that it gives back what it was given";
}

TEST_F(Kms, another_server_asks_the_plugin_for_the_seed_once) {
  const auto first = provider();
  MUST(first->check());
  const auto second = provider();
  for (const char* text : {"a", "b", "c"})
    EXPECT_EQ(MUST(second->decrypt("/a", MUST(first->encrypt("/a", text)))), text);
  EXPECT_EQ(plugin_.asked("Decrypt"), 2);
}

TEST_F(Kms, another_key_of_the_plugins_is_used_from_then_on_and_the_old_one_still_read) {
  const auto kms = provider();
  MUST(kms->check());
  const std::string old = MUST(kms->encrypt("/a", "old"));
  plugin_.behave({.key = "key-2"});
  MUST(kms->check());
  EXPECT_EQ(MUST(read_enveloped(MUST(kms->encrypt("/a", "x")))).secret.key_id, "key-1") << "asked just now";
  now_ += 1min;
  MUST(kms->check());
  EXPECT_EQ(MUST(read_enveloped(MUST(kms->encrypt("/a", "x")))).secret.key_id, "key-2");
  EXPECT_EQ(MUST(kms->decrypt("/a", old)), "old");
}

TEST_F(Kms, without_its_plugin_what_is_known_is_read_and_written_for_three_minutes) {
  const auto kms = provider();
  MUST(kms->check());
  const std::string bytes = MUST(kms->encrypt("/a", "text"));
  plugin_.stop();
  now_ += 1min;
  EXPECT_EQ(kms->check().error().code(), Code::Unavailable);
  EXPECT_TRUE(kms->encrypt("/a", "more"));
  now_ += 3min;
  const auto refused = kms->encrypt("/a", "more");
  EXPECT_EQ(refused.error().code(), Code::Unavailable);
  EXPECT_NE(refused.error().message().find("kms 'test': there is no key to write with"), std::string::npos);
  EXPECT_EQ(MUST(kms->decrypt("/a", bytes)), "text");
  EXPECT_EQ(provider()->decrypt("/a", bytes).error().code(), Code::Unavailable) << "who has to ask";
  plugin_.start();
  now_ += 10s;
  MUST(kms->check());
  EXPECT_EQ(MUST(read_enveloped(MUST(kms->encrypt("/a", "x")))).secret, MUST(read_enveloped(bytes)).secret)
      << "the same key goes on with the same seed";
}

TEST_F(Kms, a_silent_plugin_is_not_waited_for_longer_than_is_said) {
  plugin_.behave({.is_silent = true});
  const auto kms = provider(20ms);
  EXPECT_EQ(kms->check().error().code(), Code::TimedOut);
  EXPECT_EQ(kms->encrypt("/a", "x").error().code(), Code::Unavailable);
  plugin_.behave({});
  now_ += 10s;
}

TEST_F(Kms, a_plugin_that_lies_or_is_ill_gets_nothing_to_keep) {
  const struct {
    TestKms::Manner manner;
    const char* why;
  } cases[] = {
      {{.version = "v1"}, "speaks version 'v1'"},
      {{.key = ""}, "the key's id is empty"},
      {{.key = std::string(2000, 'k')}, "2000 bytes"},
      {{.encrypts_with = "key-0"}, "says that its key is 'key-1', and encrypts with 'key-0'"},
      {{.forgets = true}, "does not give back"},
      {{.refuses = true}, "this key was destroyed"},
  };
  for (const auto& each : cases) {
    const auto kms = provider();
    plugin_.behave(each.manner);
    EXPECT_NE(why(kms->check()).find(each.why), std::string::npos) << why(kms->check());
    EXPECT_FALSE(kms->encrypt("/a", "x")) << each.why;
  }
  const auto kms = provider();
  plugin_.behave({.health = "the HSM is on fire"});
  EXPECT_NE(why(kms->check()).find("the HSM is on fire"), std::string::npos);
  EXPECT_TRUE(kms->encrypt("/a", "x")) << "it has encrypted nevertheless";
}

TEST_F(Kms, what_a_plugin_decrypts_to_something_else_or_refuses_is_lost) {
  const auto kms = provider();
  MUST(kms->check());
  const std::string bytes = MUST(kms->encrypt("/a", "text"));
  for (const TestKms::Manner& manner : {TestKms::Manner{.forgets = true}, TestKms::Manner{.refuses = true}}) {
    plugin_.behave(manner);
    EXPECT_EQ(provider()->decrypt("/a", bytes).error().code(), Code::DataLoss);
  }
}

TEST_F(Kms, a_failure_is_said_again_for_three_seconds_and_success_for_twenty) {
  const auto kms = provider();
  plugin_.behave({.version = "v1"});
  EXPECT_FALSE(kms->check());
  EXPECT_FALSE(kms->check());
  EXPECT_EQ(plugin_.asked("Status"), 1);
  plugin_.behave({});
  now_ += 3s;
  MUST(kms->check());
  now_ += 19s;
  MUST(kms->check());
  EXPECT_EQ(plugin_.asked("Status"), 2);
}

TEST(Envelopes, are_read_as_they_were_written_and_nothing_else_is) {
  EnvelopedValue value{.secret = {.bytes = "sealed", .key_id = "k", .annotations = {{"a.example.com", "x"}}},
                       .data = "data"};
  for (const auto kind : {EnvelopedValue::Secret::Key, EnvelopedValue::Secret::Seed}) {
    value.kind = kind;
    const EnvelopedValue read = MUST(read_enveloped(to_bytes(value)));
    EXPECT_EQ(read.secret, value.secret);
    EXPECT_EQ(read.data, "data");
    EXPECT_EQ(read.kind, kind);
  }
  for (const char* bytes : {"", "nonsense", "\x28\x02"})
    EXPECT_EQ(read_enveloped(bytes).error().code(), Code::DataLoss);
  const auto is_kept = [&](auto change) {
    EnvelopedValue changed = value;
    change(changed);
    return read_enveloped(to_bytes(changed)).has_value();
  };
  EXPECT_FALSE(is_kept([](EnvelopedValue& v) { v.data.clear(); }));
  EXPECT_FALSE(is_kept([](EnvelopedValue& v) { v.secret.bytes.clear(); }));
  EXPECT_FALSE(is_kept([](EnvelopedValue& v) { v.secret.bytes.assign(1025, 'x'); }));
  EXPECT_FALSE(is_kept([](EnvelopedValue& v) { v.secret.annotations = {{"no domain", ""}}; }));
  EXPECT_FALSE(
      is_kept([](EnvelopedValue& v) { v.secret.annotations["b.example.com"].assign(32 << 10, 'x'); }));
}

}  // namespace
}  // namespace gantry::kube
