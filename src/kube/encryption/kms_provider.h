// SPDX-License-Identifier: Apache-2.0
//
// Encryption under a key that only a plugin has: envelopes as Kubernetes makes them
// (https://kubernetes.io/docs/tasks/administer-cluster/kms-provider/, docs/formats/encryption-at-rest.md). A
// seed is made here, and encrypted by the plugin; from it come the keys of all values that are written until
// the plugin says that it uses another key. So it is asked once for each seed, and not for values.
//
// check() has to be called every minute or so: a key that was not said to be the plugin's for three minutes
// is not written with any more. What was read once, and what was written here, is read without the plugin.
// For any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"
#include "kube/encryption/cipher.h"
#include "kube/encryption/kms_messages.h"
#include "kube/encryption/kms_plugin.h"

namespace gantry::kube {

struct KmsSettings {
  std::string name;
  std::string socket;                        // path of the plugin's
  std::chrono::milliseconds patience{3000};  // with one call
};

class KmsProvider final : public Cipher {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Now = std::function<Time()>;

  explicit KmsProvider(KmsSettings settings, Now now = std::chrono::steady_clock::now)
      : settings_(std::move(settings)), now_(std::move(now)), plugin_(settings_.socket, settings_.patience) {}

  // Unavailable: there is no key to write with, as check() said why.
  Result<std::string> encrypt(std::string_view context, std::string_view text) const override;
  // Asks the plugin for a seed that is not known yet: Unavailable and TimedOut if it cannot be asked now.
  Result<std::string> decrypt(std::string_view context, std::string_view bytes) const override;

  // Whether the plugin is well, and which key it uses; a new seed if that is another one than before. What
  // was found a moment ago is said again: 20 seconds, or three if it was bad.
  Result<void> check() const;

 private:
  using SharedCipher = std::shared_ptr<const Cipher>;
  struct Writer {
    KmsSecret seed;
    SharedCipher cipher;
    Time good_until;
  };
  struct Finding {
    std::optional<std::pair<Code, std::string>> failure;  // nothing: all is well
    Time said_again_until;
  };
  // Which secret, and what it is.
  using Known = std::map<std::pair<KmsSecret, EnvelopedValue::Secret>, SharedCipher>;

  Result<void> ask_for_status() const;
  Result<void> use_key(const std::string& key_id) const;
  Result<Writer> new_writer(const std::string& key_id) const;
  Result<SharedCipher> cipher_of(const EnvelopedValue& value) const;
  void keep_locked(const KmsSecret& secret, EnvelopedValue::Secret kind, SharedCipher cipher) const
      REQUIRES(mutex_);

  const KmsSettings settings_;
  const Now now_;
  mutable KmsPlugin plugin_;

  mutable Mutex check_mutex_;  // guards what follows; held while the plugin is asked how it is
  mutable std::optional<Finding> finding_ GUARDED_BY(check_mutex_);

  mutable Mutex mutex_;  // guards what follows
  mutable std::optional<Writer> writer_ GUARDED_BY(mutex_);
  mutable std::string why_not_ GUARDED_BY(mutex_) = "the plugin was not asked yet";  // of the last check
  mutable Known known_ GUARDED_BY(mutex_);
};

}  // namespace gantry::kube
