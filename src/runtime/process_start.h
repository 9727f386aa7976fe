// SPDX-License-Identifier: Apache-2.0
//
// The last stretch, the same for a container's first process and for `exec`:
// from the runtime's code inside of the container's namespaces to the user's
// program. Split in two, because between them a created container waits:
//
//   ProcessStart start = TRY(ProcessStart::open(process, linux_));  // before the root changes
//   ... enter namespaces and root ...
//   TRY(start.prepare(options));   // all that can fail for a reason the user should see early
//   ... wait for `start` ...
//   return start.run();            // seccomp, the last capabilities, execve: only an error returns
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/capabilities.h"
#include "oci/runtime_spec.h"
#include "runtime/log.h"
#include "runtime/seccomp_filter.h"

namespace gantry::runtime {

struct SeccompListener {
  UniqueFd socket;    // connected to linux.seccomp.listenerPath
  std::string state;  // ContainerProcessState as JSON (runtime-spec, config-linux.md "Seccomp")
};

// ContainerProcessState as JSON, for the process `pid` of a container in that state.
std::string seccomp_listener_state(const oci::Seccomp& seccomp, const oci::State& state, pid_t pid);

// Root of the user namespace that was just entered, where that maps one; nobody else may look into
// this process any more, so its id maps have to be written.
Result<void> become_root_inside();

// The filter of linux.seccomp, if there is one. Made before the process that it is for, because every page of
// memory that is written to after a clone(2) has to be copied.
Result<std::optional<SeccompFilter>> compile_filter(const oci::Linux& linux_, const Log& log);

class ProcessStart {
 public:
  struct Options {
    const oci::Process& process;
    const oci::Linux& linux_;
    const std::optional<SeccompFilter>& filter;
    int preserve_fds = 0;
    // Name of the new session keyring; empty: keep the present one.
    std::string keyring;
    const Log& log;
  };

  // Opens what only the host's /proc can be trusted for.
  static Result<ProcessStart> open(const Options& options);

  // Standard streams are in place already, or come with `terminal` (the slave of a pty; -1: none).
  Result<void> prepare(int terminal);

  // Descriptors it still needs, for whoever closes the others.
  std::vector<int> descriptors() const {
    return {exec_label_.get(), listener_.socket.get(), options_.log.fd()};
  }

  void set_listener(SeccompListener listener) { listener_ = std::move(listener); }
  bool needs_listener() const { return options_.filter && options_.filter->has_notify; }

  // The environment that the program gets, for hooks and lookups.
  const std::vector<std::string>& environment() const { return environment_; }

  Error run();

 private:
  explicit ProcessStart(const Options& options) : options_(options) {}
  Result<void> set_credentials();
  void compute_capabilities();
  // False: this user may not go there.
  Result<bool> enter_working_directory() const;
  int check_program(const std::string& path) const;
  Result<void> find_program();
  Result<void> finish();

  Options options_;
  UniqueFd exec_label_;  // /proc/self/attr/exec of the security module, when a label is asked for
  std::string label_;
  SeccompListener listener_;
  kernel::CapabilitySets capabilities_;
  std::vector<std::string> environment_;
  std::string program_;
  dev_t own_device_ = 0;  // of the file this program runs from
  ino_t own_inode_ = 0;
};

// Standard streams that are not shared with others (/dev/null is) become the user's own, as after a login.
void give_streams_to(uid_t uid);
// The same by who is outside of the process's user namespace: inside, their owner may not exist, and nobody
// may give away what is his.
void give_streams_outside(const std::vector<oci::IdMapping>& uids, const oci::Process& process);

}  // namespace gantry::runtime
