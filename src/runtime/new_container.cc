// SPDX-License-Identifier: Apache-2.0
#include "runtime/new_container.h"

#include <fcntl.h>
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

// Says what the caller, who is still alive, is about to make.
Record new_record(const NewContainerOptions& options) {
  return {.oci_version = options.spec.oci_version,
          .id = options.id,
          .bundle = options.paths.bundle,
          .rootfs = options.paths.rootfs,
          .created = format_timestamp(wall_clock_now()),
          .owner = ::geteuid(),
          .creator = ProcessRef::of(::getpid()),
          .has_pid_namespace = options.namespaces.creates(CLONE_NEWPID),
          .annotations = options.spec.annotations,
          .poststart = options.spec.hooks.poststart,
          .poststop = options.spec.hooks.poststop};
}

Result<void> write_pid_file(const std::string& path, pid_t pid) {
  if (path.empty()) return {};
  return replace_file_at(AT_FDCWD, path, std::to_string(pid), 0644);
}

}  // namespace

Result<BundlePaths> BundlePaths::find(const std::string& bundle, const oci::Spec& spec) {
  BundlePaths paths{.bundle = TRY(real_path(bundle))};
  paths.rootfs = TRY_DURING(real_path(absolute(spec.root.path, paths.bundle)), "root.path");
  return paths;
}

std::string reason_of_end(ChildProcess& init) {
  const auto status = init.wait();
  if (!status) return status.error().message();
  if (status->signal() == SIGKILL) return "killed, perhaps because its memory limit is too small";
  return status->describe();
}

NewRecord::~NewRecord() {
  if (!container_) return;
  (void)container_->remove();  // the first error is the one to report
  if (hooks_log_ != nullptr) run_poststop(*container_, *hooks_log_);
}

Result<NewContainer> NewContainer::begin(const NewContainerOptions& options, const Log& log) {
  NewRecord record(TRY(Container::create(options.root, options.id)));
  Container& container = record.container();
  container.record() = new_record(options);
  ContainerCgroup cgroup = TRY(ContainerCgroup::plan(options.spec, options.id, options.systemd_cgroup, log));
  cgroup.describe(container.record());
  TRY(container.save());
  TRY(container.save_config(options.config_json));
  if (!cgroup.is_made_around_process()) TRY(cgroup.create());
  return NewContainer(std::move(record), std::move(cgroup));
}

Result<void> NewContainer::complete(const std::string& pid_file) {
  Record& record = container().record();
  TRY(write_pid_file(pid_file, record.init.pid));
  record.is_created = true;
  return container().save();
}

Container NewContainer::keep(ChildProcess init) {
  (void)init.release();
  cgroup_.keep();
  return record_.release();
}

}  // namespace gantry::runtime
