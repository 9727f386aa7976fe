// SPDX-License-Identifier: Apache-2.0
//
// What changes a process for good (namespaces, mounts, capabilities, limits) is
// tested in a child of the test; expectations that fail there fail the test.
//
//   in_child([] { EXPECT_EQ(::setrlimit(...), 0); ... });
//   NEEDS_ROOT();
//   in_namespaces(CLONE_NEWNS, [] { ... mounts as it likes ... });
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

namespace gantry::testing {

// A child that runs `body` and ends without the destructors and exit handlers of the test program. To be
// called while there are no other threads.
template <class Body>
pid_t start_child(Body body) {
  std::fflush(nullptr);  // or the child prints again what waits in our buffers
  // Not fork(2), after which the thread sanitizer starts a thread of its own in the child: unshare(2) and
  // setns(2) of some namespaces want a process with one.
  const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child == 0) {
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  return child;
}

// For tests whose child starts threads: the thread sanitizer, which was told nothing of the child, now and
// then does not survive that.
#ifdef __SANITIZE_THREAD__
#define NEEDS_THREADS_IN_CHILD() GTEST_SKIP() << "threads of a cloned child, under the thread sanitizer"
#else
#define NEEDS_THREADS_IN_CHILD() static_cast<void>(0)
#endif

// The wait status that it ends with.
inline int status_of(pid_t child) {
  int status = -1;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

template <class Body>
int status_of_child(Body body) {
  return status_of(start_child(body));
}

template <class Body>
void in_child(Body body) {
  const int status = status_of_child(body);
  if (status != 0)
    ADD_FAILURE() << "the child ended with wait status " << status << "; what it said is above";
}

// The same in new namespaces (CLONE_NEW*). Mounts made there stay there.
template <class Body>
void in_namespaces(int flags, Body body) {
  in_child([&] {
    ASSERT_EQ(::unshare(flags), 0) << errno;
    const bool has_own_mounts = (flags & CLONE_NEWNS) != 0;
    ASSERT_TRUE(!has_own_mounts || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0)
        << errno;
    body();
  });
}

// Whether this process may make namespaces and mounts: uid 0 alone does not say so.
inline bool may_make_namespaces() {
  static const bool may = ::geteuid() == 0 && status_of_child([] {
                                                if (::unshare(CLONE_NEWNS) < 0) ::_exit(2);
                                              }) == 0;
  return may;
}

}  // namespace gantry::testing

#define NEEDS_ROOT()                             \
  if (!::gantry::testing::may_make_namespaces()) \
  GTEST_SKIP() << "needs root, with the right to make namespaces"
