// SPDX-License-Identifier: Apache-2.0
#include "kube/audit/log_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/timestamp.h"

namespace gantry::kube {
namespace {

// "2026-11-21T10-20-30.123": sorts as time does, and needs no quotes in a shell.
std::string time_for_name() {
  std::string text = format_timestamp(wall_clock_now()).substr(0, 23);
  std::ranges::replace(text, ':', '-');
  return text;
}

}  // namespace

AuditLog::AuditLog(AuditLogOptions options) : options_(std::move(options)) {
  const std::size_t slash = options_.path.rfind('/');
  directory_ = slash == std::string::npos ? "." : options_.path.substr(0, slash + 1);
  name_ = options_.path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (const std::size_t dot = name_.rfind('.'); dot != std::string::npos && dot > 0) {
    extension_ = name_.substr(dot);
    name_.erase(dot);
  }
}

Result<std::unique_ptr<AuditLog>> AuditLog::open(AuditLogOptions options) {
  std::unique_ptr<AuditLog> log(new AuditLog(std::move(options)));
  MutexLock lock(log->mutex_);
  TRY(log->open_file());
  return log;
}

Result<void> AuditLog::open_file() {
  if (options_.path == "-") {
    file_ = UniqueFd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
    if (!file_) return sys_error("audit log to the standard output");
    return {};
  }
  file_ = TRY_DURING(open_at(AT_FDCWD, options_.path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600),
                     "audit log");
  struct stat st{};
  size_ = ::fstat(file_.get(), &st) == 0 ? static_cast<std::size_t>(st.st_size) : 0;
  return {};
}

Result<void> AuditLog::write(const std::string& event) {
  const std::string line = fmt::format("{}\n", event);
  MutexLock lock(mutex_);
  if (options_.path != "-" && size_ != 0 && size_ + line.size() > options_.max_size) TRY(rotate());
  TRY_DURING(write_all(file_.get(), line, options_.path), "audit log");
  size_ += line.size();
  return {};
}

Result<void> AuditLog::rotate() {
  std::string backup = fmt::format("{}-{}{}", name_, time_for_name(), extension_);
  if (directory_ != ".") backup.insert(0, directory_);
  // Two within a millisecond: the second waits for the next event.
  if (::access(backup.c_str(), F_OK) == 0) return {};
  if (::rename(options_.path.c_str(), backup.c_str()) < 0)
    return sys_error("rename audit log '{}'", options_.path);
  TRY(open_file());
  return remove_old();
}

Result<void> AuditLog::remove_old() const {
  std::vector<std::string> backups;
  for (std::string& name : TRY(names_in(AT_FDCWD, directory_)))
    if (name.starts_with(name_ + "-") && name.ends_with(extension_) &&
        name.size() == name_.size() + 24 + extension_.size())
      backups.push_back(std::move(name));
  std::ranges::sort(backups, std::greater());
  const UniqueFd directory = TRY(open_at(AT_FDCWD, directory_, O_RDONLY | O_DIRECTORY));
  const std::time_t oldest = ::time(nullptr) - static_cast<std::time_t>(options_.max_age_days) * 86'400;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    struct stat st{};
    const bool is_too_old = options_.max_age_days != 0 &&
                            ::fstatat(directory.get(), backups[i].c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                            st.st_mtime < oldest;
    const bool is_too_much = options_.max_backups != 0 && i >= options_.max_backups;
    if (is_too_old || is_too_much)
      (void)::unlinkat(directory.get(), backups[i].c_str(), 0);  // tried again next time
  }
  return {};
}

}  // namespace gantry::kube
