// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/network_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>

#include <csignal>

#include "base/file.h"
#include "kernel/namespaces.h"
#include "kernel/network/route_socket.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kernel {
namespace {

Result<void> nothing() { return {}; }

TEST(NetworkNamespace, LivesByItsMountAlone) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  testing::in_namespaces(CLONE_NEWNET | CLONE_NEWNS, [] {
    const testing::TempDir dir;
    bool ran_inside = false;
    {
      const UniqueFd made = MUST(make_network_namespace(dir / "ns", -1, [&]() -> Result<void> {
        auto routes = TRY(RouteSocket::open());
        ran_inside = TRY(routes.links()).size() == 1;
        return {};
      }));
      EXPECT_TRUE(made);
    }
    EXPECT_TRUE(ran_inside);
    const UniqueFd found = MUST(open_namespace(dir / "ns", CLONE_NEWNET));
    const UniqueFd own = MUST(open_namespace("/proc/self/ns/net", CLONE_NEWNET));
    EXPECT_FALSE(is_same_namespace(found.get(), own.get()));
    MUST(remove_network_namespace(dir / "ns"));
    MUST(remove_network_namespace(dir / "ns"));  // none there: fine
  });
}

TEST(NetworkNamespace, NothingIsLeftWhenItsPreparationFails) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  testing::in_namespaces(CLONE_NEWNS, [] {
    const testing::TempDir dir;
    const auto failed =
        make_network_namespace(dir / "ns", -1, []() -> Result<void> { return error(Code::Conflict, "no"); });
    EXPECT_EQ(failed.error().code(), Code::Conflict);
    EXPECT_NE(::access((dir / "ns").c_str(), F_OK), 0);
  });
}

TEST(NetworkNamespace, BelongsToTheUserNamespaceThatIsNamed) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  testing::in_namespaces(CLONE_NEWNS, [] {
    const testing::TempDir dir;
    const pid_t owner = testing::start_child([] {
      if (::unshare(CLONE_NEWUSER) == 0) ::raise(SIGSTOP);
    });
    int status = 0;
    ASSERT_EQ(::waitpid(owner, &status, WUNTRACED), owner);
    ASSERT_TRUE(WIFSTOPPED(status));
    const UniqueFd users =
        MUST(open_at(AT_FDCWD, fmt::format("/proc/{}/ns/user", owner), O_RDONLY | O_CLOEXEC));
    const UniqueFd made = MUST(make_network_namespace(dir / "ns", users.get(), nothing));
    const UniqueFd found(::ioctl(made.get(), NS_GET_USERNS));
    EXPECT_TRUE(found && is_same_namespace(found.get(), users.get()));
    MUST(remove_network_namespace(dir / "ns"));
    ::kill(owner, SIGKILL);
    (void)testing::status_of(owner);
  });
}

}  // namespace
}  // namespace gantry::kernel
