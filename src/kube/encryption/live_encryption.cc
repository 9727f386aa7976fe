// SPDX-License-Identifier: Apache-2.0
#include "kube/encryption/live_encryption.h"

#include <algorithm>
#include <utility>

#include "base/file.h"

namespace gantry::kube {

using std::chrono::steady_clock;

// A key may be written with for three minutes after its plugin was well last (KmsProvider).
static constexpr std::chrono::seconds kAskPlugins{60};
static constexpr std::chrono::seconds kAskAgain{10};

Result<std::unique_ptr<LiveEncryption>> LiveEncryption::open(LiveEncryptionOptions options,
                                                             const Logger& log) {
  const std::string what = fmt::format("encryption configuration '{}'", options.file);
  std::string text = TRY_DURING(read_file(options.file), "{}", what);
  Shared encryption = TRY_DURING(Encryption::parse(text), "{}", what);
  std::unique_ptr<LiveEncryption> live(
      new LiveEncryption(std::move(options), log, std::move(text), std::move(encryption)));
  if (!live->may_have_plugins()) return live;
  live->look_at_plugins();  // so that who writes first finds a key
  live->next_file_ = steady_clock::now() + live->options_.look_every;
  live->thread_ = std::thread([&live = *live] { live.work(); });
  return live;
}

LiveEncryption::~LiveEncryption() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    wanted_.notify_one();
  }
  thread_.join();
}

LiveEncryption::Shared LiveEncryption::current() const {
  MutexLock lock(mutex_);
  return current_;
}

void LiveEncryption::work() {
  MutexLock lock(mutex_);
  while (!is_stopping_) {
    const Time now = steady_clock::now();
    const Time next = options_.reloads ? std::min(next_plugins_, next_file_) : next_plugins_;
    if (now < next) {
      wanted_.wait_until(mutex_, next);
      continue;
    }
    lock.unlock();
    if (options_.reloads && now >= next_file_) look_at_file();
    if (now >= next_plugins_) look_at_plugins();
    lock.lock();
  }
}

void LiveEncryption::look_at_plugins() {
  const auto well = check_plugins();
  if (!well)
    log_.warn("a plugin of the encryption is not well: it is asked again",
              {{"error", well.error().message()}});
  else if (!are_well_)
    log_.info("the plugins of the encryption are well again");
  are_well_ = well.has_value();
  next_plugins_ = steady_clock::now() + (well ? kAskPlugins : kAskAgain);
}

// What was refused is tried again, since its plugins may be well by now, but told of once.
void LiveEncryption::look_at_file() {
  next_file_ = steady_clock::now() + options_.look_every;
  Result<std::string> text = read_file(options_.file);
  if (text && *text == text_ && refused_.empty()) return;
  Result<void> taken = text ? take(*text) : Result<void>(std::move(text).error());
  if (taken) {
    refused_.clear();
    return;
  }
  if (std::exchange(refused_, taken.error().message()) != taken.error().message())
    log_.error("the encryption configuration is not reloaded: the one before stays in force",
               {{"file", options_.file}, {"error", taken.error().message()}});
}

Result<void> LiveEncryption::take(const std::string& text) {
  if (text == text_) return {};  // it is back to what is in force
  Shared encryption = TRY(Encryption::parse(text));
  TRY(encryption->check_plugins());
  text_ = text;
  {
    MutexLock lock(mutex_);
    current_.swap(encryption);
  }
  next_plugins_ = steady_clock::now() + kAskPlugins;
  log_.info("the encryption configuration was reloaded", {{"file", options_.file}});
  return {};
}

}  // namespace gantry::kube
