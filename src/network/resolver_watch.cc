// SPDX-License-Identifier: Apache-2.0
#include "network/resolver_watch.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>

namespace gantry::network {
namespace {

// A file is often written in several steps, and read half way it would have no name servers.
constexpr std::chrono::milliseconds kSettle(50);

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

}  // namespace

ResolverWatch::ResolverWatch(EventLoop& loop, std::string path, const Logger& log,
                             std::function<void(const ResolverConfig&)> on_change)
    : path_(std::move(path)),
      log_(log),
      on_change_(std::move(on_change)),
      watch_(loop, Callback::to<&ResolverWatch::on_event>(*this)),
      settle_(loop, Callback::to<&ResolverWatch::read>(*this)) {}

Result<void> ResolverWatch::open() {
  TRY(watch_files());
  read();
  return {};
}

// The directory of the file, that of what it links to, and the file itself, which may be a mount of its own.
// Made anew each time: the link may lead elsewhere now, and the file is another one after a rename.
Result<void> ResolverWatch::watch_files() {
  watch_.stop();
  inotify_ = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_) return sys_error("watch '{}'", path_);
  constexpr std::uint32_t kNames = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE;
  if (::inotify_add_watch(inotify_.get(), directory_of(path_).c_str(), kNames) < 0)
    return sys_error("watch '{}'", path_);
  if (std::array<char, PATH_MAX> target; ::realpath(path_.c_str(), target.data()) != nullptr) {
    // None of these has to work: with the directory above, the next change of the link is seen.
    (void)::inotify_add_watch(inotify_.get(), directory_of(target.data()).c_str(), kNames);
    (void)::inotify_add_watch(inotify_.get(), target.data(), IN_CLOSE_WRITE);
  }
  return watch_.start(inotify_.get(), EPOLLIN);
}

void ResolverWatch::on_event() {
  std::array<std::byte, 4096> events;
  while (::read(inotify_.get(), events.data(), events.size()) > 0) {
    // Which of them it was does not matter: what the file says is compared.
  }
  if (!settle_.is_started()) settle_.start(kSettle);
}

void ResolverWatch::read() {
  if (config_) {
    if (const auto watched = watch_files(); !watched)
      log_.warn("resolv.conf is not followed any more", {{"error", watched.error().message()}});
  }
  auto config = read_host_resolver_config(path_);
  if (!config) {
    log_.warn("resolv.conf cannot be read; the name servers stay as they are",
              {{"error", config.error().message()}});
    return;
  }
  if (config_ == *config) return;
  config_ = *std::move(config);
  on_change_(*config_);
}

}  // namespace gantry::network
