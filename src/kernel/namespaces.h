// SPDX-License-Identifier: Apache-2.0
//
// The eight kinds of namespaces and the calls that make and enter them.
#pragma once

#include <linux/sched.h>
#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080  // sched.h of glibc has it only with some feature macros
#endif

namespace gantry::kernel {

// `flag` is one CLONE_NEW* flag. The file name below /proc/<pid>/ns ("mnt", "net", "pid", ...), and the word
// for people and in config.json ("mount", "network", "pid", ...).
std::string_view namespace_file(std::uint64_t flag);
std::string_view namespace_name(std::uint64_t flag);

// Opens a namespace by path (a /proc/<pid>/ns/... link or a bind mount of one) and makes sure
// that it is a namespace of that kind, whatever the path says.
Result<UniqueFd> open_namespace(const std::string& path, std::uint64_t flag);

Result<void> enter_namespace(int fd, std::uint64_t flags);  // setns(2); fd may be a pidfd
Result<void> unshare_namespaces(std::uint64_t flags);       // unshare(2)

// Whether this process is in a user namespace other than the first, where no device can be made and marks of
// overlayfs are in user.overlay.*.
bool is_in_user_namespace();

// Whether two descriptors name the same namespace.
bool is_same_namespace(int a, int b);

struct CloneOptions {
  std::uint64_t flags = 0;  // CLONE_NEW*, CLONE_PARENT
  int cgroup = -1;          // a cgroup v2 directory that the child starts in, or -1
  int* pidfd = nullptr;     // receives a pidfd of the child
};

// clone3(2) with the semantics of fork(2): 0 in the child. Only for programs with one thread.
Result<pid_t> clone_process(const CloneOptions& options);

}  // namespace gantry::kernel
