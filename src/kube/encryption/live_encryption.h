// SPDX-License-Identifier: Apache-2.0
//
// The encryption that is in force: of a file, which may be read anew while it runs, with the plugins of kms
// asked from time to time. One thread of its own, if it has any of that to do.
//
//   auto encryption = TRY(LiveEncryption::open({.file = "/etc/kubernetes/encryption.yaml"}, log));
//   ObjectCache cache(store, {.transformer = encryption.get()});
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kube/encryption/encryption.h"
#include "kube/storage/value_transformer.h"

namespace gantry::kube {

struct LiveEncryptionOptions {
  std::string file;
  // Another text in the file counts from then on, once all of its plugins are well; until then the one
  // before.
  bool reloads = false;
  std::chrono::milliseconds look_every{2000};  // at the file
};

class LiveEncryption final : public ValueTransformer {
 public:
  // A plugin that is not there yet is none of its errors: it is asked again. `log` outlives it.
  static Result<std::unique_ptr<LiveEncryption>> open(LiveEncryptionOptions options, const Logger& log);
  LiveEncryption(const LiveEncryption&) = delete;
  LiveEncryption& operator=(const LiveEncryption&) = delete;
  ~LiveEncryption() override;

  Result<std::string> to_store(std::string_view stored_as, std::string_view key,
                               std::string_view text) const override {
    return current()->to_store(stored_as, key, text);
  }
  Result<std::string> from_store(std::string_view stored_as, std::string_view key,
                                 std::string_view value) const override {
    return current()->from_store(stored_as, key, value);
  }
  bool is_for(std::string_view stored_as) const override { return current()->is_for(stored_as); }

  Result<void> check_plugins() const { return current()->check_plugins(); }
  // Whether there can be any.
  bool may_have_plugins() const { return options_.reloads || current()->has_plugins(); }

 private:
  using Shared = std::shared_ptr<const Encryption>;
  using Time = std::chrono::steady_clock::time_point;

  LiveEncryption(LiveEncryptionOptions options, const Logger& log, std::string text, Shared encryption)
      : options_(std::move(options)), log_(log), text_(std::move(text)), current_(std::move(encryption)) {}
  Shared current() const;
  void work();
  void look_at_plugins();
  void look_at_file();
  Result<void> take(const std::string& text);

  const LiveEncryptionOptions options_;
  const Logger& log_;

  // Of the thread, once it runs.
  std::string text_;     // of the file, as it was looked at last
  std::string refused_;  // why it is not in force; empty: it is
  bool are_well_ = true;
  Time next_plugins_{};
  Time next_file_{};

  mutable Mutex mutex_;  // guards what follows
  CondVar wanted_;
  Shared current_ GUARDED_BY(mutex_);  // shared by those who use it just now
  bool is_stopping_ GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace gantry::kube
