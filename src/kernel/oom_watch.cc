// SPDX-License-Identifier: Apache-2.0
#include "kernel/oom_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/file.h"

namespace gantry::kernel {

Result<OomWatch> OomWatch::of(Cgroup& cgroup) {
  const auto version = cgroup.version_of(Controller::Memory);
  if (!version) return error(Code::NotFound, "the container has no memory control group");
  const int directory = cgroup.directory_of(Controller::Memory);
  if (*version == CgroupVersion::V2) {
    OomWatch watch(TRY(open_at(directory, "memory.events", O_RDONLY)), *version);
    watch.seen_ = watch.read_count();
    return watch;
  }
  // Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control".
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return sys_error("make event descriptor");
  UniqueFd control = TRY(open_at(directory, "memory.oom_control", O_RDONLY));
  TRY(write_existing_at(directory, "cgroup.event_control", fmt::format("{} {}", event.get(), control.get())));
  return OomWatch(std::move(event), *version);
}

short OomWatch::poll_events() const { return version_ == CgroupVersion::V2 ? POLLPRI : POLLIN; }

std::uint64_t OomWatch::take() {
  if (version_ == CgroupVersion::V1) {
    std::uint64_t count = 0;
    return ::read(event_.get(), &count, sizeof count) == sizeof count ? count : 0;
  }
  const std::uint64_t count = read_count();
  return count - std::exchange(seen_, count);
}

std::uint64_t OomWatch::read_count() const {
  char text[512];
  const ssize_t n = ::pread(event_.get(), text, sizeof text - 1, 0);
  if (n <= 0) return seen_;
  text[n] = '\0';
  constexpr std::string_view kKey = "\noom_kill ";
  const std::size_t at = std::string_view(text).find(kKey);
  return at == std::string_view::npos ? seen_ : std::strtoull(text + at + kKey.size(), nullptr, 10);
}

}  // namespace gantry::kernel
