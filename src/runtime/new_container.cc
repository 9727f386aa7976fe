// SPDX-License-Identifier: Apache-2.0
#include "runtime/new_container.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/file.h"
#include "base/timestamp.h"
#include "runtime/create.h"

namespace gantry::runtime {
namespace {

std::string absolute(const std::string& path, const std::string& base) {
  return path.starts_with('/') ? path : base + "/" + path;
}

Result<std::string> real_path(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return sys_error("find '{}'", path);
  std::string result = real;
  std::free(real);
  return result;
}

}  // namespace

Result<BundlePaths> BundlePaths::find(const std::string& bundle, const oci::Spec& spec) {
  BundlePaths paths{.bundle = TRY(real_path(bundle))};
  paths.rootfs = TRY_DURING(real_path(absolute(spec.root.path, paths.bundle)), "root.path");
  return paths;
}

Record new_record(const std::string& id, const oci::Spec& spec, const NamespacePlan& namespaces,
                  const BundlePaths& paths) {
  return {.oci_version = spec.oci_version,
          .id = id,
          .bundle = paths.bundle,
          .rootfs = paths.rootfs,
          .created = format_timestamp(wall_clock_now()),
          .owner = ::geteuid(),
          .creator = ProcessRef::of(::getpid()),
          .has_pid_namespace = namespaces.creates(CLONE_NEWPID),
          .annotations = spec.annotations,
          .poststart = spec.hooks.poststart,
          .poststop = spec.hooks.poststop};
}

InitProcess::~InitProcess() {
  if (pid_ <= 0) return;
  (void)::kill(pid_, SIGKILL);  // our own child: the pid cannot be another's before it is reaped
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string InitProcess::reap() {
  int status = 0;
  while (::waitpid(std::exchange(pid_, -1), &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  if (WTERMSIG(status) == SIGKILL) return "killed, perhaps because its memory limit is too small";
  return fmt::format("signal {}", WTERMSIG(status));
}

RecordGuard::~RecordGuard() {
  if (container_ == nullptr) return;
  (void)container_->remove();  // the first error is the one to report
  if (hooks_log_ != nullptr) run_poststop(*container_, *hooks_log_);
}

Result<void> write_pid_file(const std::string& path, pid_t pid) {
  if (path.empty()) return {};
  return replace_file_at(AT_FDCWD, path, std::to_string(pid), 0644);
}

}  // namespace gantry::runtime
