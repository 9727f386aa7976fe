// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/exit_record.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "base/file.h"
#include "base/timestamp.h"

namespace gantry::shim {

Result<void> write_exit_record(int dir, const std::string& id, pid_t pid, const ExitStatus& status) {
  constexpr const char* kTemporary = "exit.json.tmp";
  // An id has no character that JSON would want escaped.
  const std::string text =
      fmt::format(R"({{"id":"{}","pid":{},"exitCode":{},"signal":{},"oomKilled":{},"exitedAt":"{}"}})"
                  "\n",
                  id, pid, status.code, status.signal, status.oom_killed,
                  format_timestamp({.tv_sec = status.seconds, .tv_nsec = status.nanoseconds}));
  const UniqueFd file = TRY(open_at(dir, kTemporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  TRY(write_all(file.get(), text, kTemporary));
  if (::fsync(file.get()) < 0) return sys_error("sync '{}'", kTemporary);
  if (::renameat(dir, kTemporary, dir, kExitRecord) < 0) return sys_error("rename '{}'", kTemporary);
  if (::fsync(dir) < 0) return sys_error("sync the directory of '{}'", kExitRecord);
  return {};
}

}  // namespace gantry::shim
