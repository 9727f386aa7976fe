// SPDX-License-Identifier: Apache-2.0
#include "daemon/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::daemon {

Result<PidFile> PidFile::make(const std::string& path) {
  if (const std::size_t slash = path.rfind('/'); slash != path.npos && slash > 0)
    TRY(make_directories(path.substr(0, slash), 0755));
  UniqueFd file = TRY(open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0644));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return sys_error("lock '{}'", path);
    const std::string pid = TRY(read_all(file.get(), path));
    return error(Code::Conflict, "a daemon runs already with '{}': process {}", path,
                 std::string_view(pid).substr(0, pid.find('\n')));
  }
  if (::ftruncate(file.get(), 0) < 0) return sys_error("write '{}'", path);
  TRY(write_all(file.get(), fmt::format("{}\n", ::getpid()), path));
  return PidFile(std::move(file), path);
}

PidFile::~PidFile() {
  if (file_) (void)::unlink(path_.c_str());  // before the lock goes: nobody else can have made it anew
}

}  // namespace gantry::daemon
