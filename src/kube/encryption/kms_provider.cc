// SPDX-License-Identifier: Apache-2.0
#include "kube/encryption/kms_provider.h"

#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/random.h"

namespace gantry::kube {
namespace {

constexpr std::chrono::seconds kSaidAgain{20};
constexpr std::chrono::seconds kFailureSaidAgain{3};
constexpr std::chrono::minutes kGoodFor{3};  // without a word from the plugin
constexpr std::size_t kSeed = 32;            // bytes
// Each start of a server and each key of the plugin's makes one; what is in the cache is not asked for again.
constexpr std::size_t kMostKnown = 4096;

std::string random_seed() {
  std::string seed(kSeed, '\0');
  fill_random(std::as_writable_bytes(std::span(seed)));
  return seed;
}

}  // namespace

// ---- Values

Result<std::string> KmsProvider::encrypt(std::string_view context, std::string_view text) const {
  EnvelopedValue value;
  SharedCipher cipher;
  {
    MutexLock lock(mutex_);
    if (!writer_ || now_() > writer_->good_until)
      return error(Code::Unavailable, "kms '{}': there is no key to write with: {}", settings_.name,
                   why_not_);
    value.secret = writer_->seed;
    cipher = writer_->cipher;
  }
  value.data = TRY(cipher->encrypt(context, text));
  return to_bytes(value);
}

Result<std::string> KmsProvider::decrypt(std::string_view context, std::string_view bytes) const {
  const EnvelopedValue value = TRY_DURING(read_enveloped(bytes), "kms '{}'", settings_.name);
  const SharedCipher cipher = TRY_DURING(cipher_of(value), "kms '{}'", settings_.name);
  return TRY_DURING(cipher->decrypt(context, value.data), "kms '{}'", settings_.name);
}

static Result<std::shared_ptr<const Cipher>> make_cipher(EnvelopedValue::Secret kind,
                                                         std::string_view secret) {
  auto made = kind == EnvelopedValue::Secret::Seed ? make_seeded_gcm(secret) : make_aes_gcm(secret);
  if (!made)
    return error(Code::DataLoss, "what the plugin has decrypted is none of ours: {}", made.error().message());
  return std::shared_ptr<const Cipher>(*std::move(made));
}

static bool is_about_now(Code code) { return code == Code::Unavailable || code == Code::TimedOut; }

Result<KmsProvider::SharedCipher> KmsProvider::cipher_of(const EnvelopedValue& value) const {
  {
    MutexLock lock(mutex_);
    const auto found = known_.find({value.secret, value.kind});
    if (found != known_.end()) return found->second;
  }
  auto secret = plugin_.decrypt(value.secret);
  if (!secret) {
    const Code code = secret.error().code();
    // What it cannot decrypt when it answers it will not later.
    return std::move(secret).error().with_code(is_about_now(code) ? code : Code::DataLoss);
  }
  SharedCipher cipher = TRY(make_cipher(value.kind, *secret));
  MutexLock lock(mutex_);
  keep_locked(value.secret, value.kind, cipher);
  return cipher;
}

void KmsProvider::keep_locked(const KmsSecret& secret, EnvelopedValue::Secret kind,
                              SharedCipher cipher) const {
  if (known_.size() >= kMostKnown) known_.clear();
  known_.insert_or_assign({secret, kind}, std::move(cipher));
}

// ---- The plugin's key

Result<void> KmsProvider::check() const {
  MutexLock checking(check_mutex_);
  if (!finding_ || now_() >= finding_->said_again_until) {
    const auto asked = ask_for_status();
    finding_ = Finding{.said_again_until = now_() + (asked ? kSaidAgain : kFailureSaidAgain)};
    if (!asked) finding_->failure.emplace(asked.error().code(), asked.error().message());
    MutexLock lock(mutex_);
    why_not_ = asked ? "the plugin was not asked for too long" : asked.error().message();
  }
  if (!finding_->failure) return {};
  return error(finding_->failure->first, "kms '{}': {}", settings_.name, finding_->failure->second);
}

// A plugin that is not well may still be able to say its key, and to encrypt.
Result<void> KmsProvider::ask_for_status() const {
  const KmsStatus status = TRY(plugin_.status());
  if (status.version != "v2" && status.version != "v2beta1")
    return error(Code::Unsupported, "the plugin speaks version '{}' of its API, not v2",
                 printable(status.version, 50));
  auto used = use_key(status.key_id);
  if (status.health != "ok")
    return error(Code::Unavailable, "the plugin says that it is not well: '{}'",
                 printable(status.health, 300));
  return used;
}

Result<void> KmsProvider::use_key(const std::string& key_id) const {
  const Time good_until = now_() + kGoodFor;
  {
    MutexLock lock(mutex_);
    if (writer_ && writer_->seed.key_id == key_id) {
      writer_->good_until = good_until;
      return {};
    }
  }
  Writer writer = TRY(new_writer(key_id));
  writer.good_until = good_until;
  MutexLock lock(mutex_);
  keep_locked(writer.seed, EnvelopedValue::Secret::Seed, writer.cipher);
  writer_ = std::move(writer);
  return {};
}

// What is written with the seed can be read for as long as the plugin gives it back: it has to, once, before
// it is used.
Result<KmsProvider::Writer> KmsProvider::new_writer(const std::string& key_id) const {
  const std::string seed = random_seed();
  Writer writer{.seed = TRY(plugin_.encrypt(seed))};
  TRY_DURING(check_secret(writer.seed), "what the plugin has encrypted");
  if (writer.seed.key_id != key_id)
    return error(Code::Conflict, "the plugin says that its key is '{}', and encrypts with '{}'",
                 printable(key_id, 100), printable(writer.seed.key_id, 100));
  if (TRY(plugin_.decrypt(writer.seed)) != seed)
    return error(Code::DataLoss, "the plugin does not give back what it has encrypted");
  writer.cipher = TRY(make_cipher(EnvelopedValue::Secret::Seed, seed));
  return writer;
}

}  // namespace gantry::kube
