// SPDX-License-Identifier: Apache-2.0
//
// In network namespaces of their own, where there is but a loopback interface.
#include "kernel/netlink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>

#include "base/file.h"
#include "kernel/namespaces.h"
#include "testing/child.h"
#include "testing/must.h"

namespace gantry::kernel {
namespace {

#define IN_OWN_NETWORK(...) \
  NEEDS_ROOT();             \
  testing::in_namespaces(CLONE_NEWNET, __VA_ARGS__)

// An interface that lives as long as its descriptor.
UniqueFd make_tap(const char* name) {
  auto tun = open_at(AT_FDCWD, "/dev/net/tun", O_RDWR);
  if (!tun) return {};
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (::ioctl(tun->get(), TUNSETIFF, &request) < 0) return {};
  return std::move(*tun);
}

TEST(Netlink, finds_interfaces) {
  IN_OWN_NETWORK([] {
    EXPECT_EQ(MUST(interface_index("lo")), 1U);
    EXPECT_EQ(MUST(interface_indexes()), std::vector<unsigned>{1});
    const auto missing = interface_index("nope0");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message(), "find interface 'nope0': No such device (ENODEV)");
  });
}

TEST(Netlink, brings_an_interface_up_and_down) {
  IN_OWN_NETWORK([] {
    EXPECT_FALSE(MUST(is_up(1)));
    MUST(set_up(1, true));
    EXPECT_TRUE(MUST(is_up(1)));
    MUST(set_up(1, true));
    MUST(set_up(1, false));
    EXPECT_FALSE(MUST(is_up(1)));
  });
}

TEST(Netlink, an_index_that_is_none_is_an_error) {
  IN_OWN_NETWORK([] {
    for (const unsigned index : {99U, 0x7fff'ffffU}) {
      EXPECT_EQ(is_up(index).error().errno_value(), ENODEV);
      EXPECT_EQ(set_up(index, true).error().errno_value(), ENODEV);
      EXPECT_FALSE(add_address(index, {.family = AF_INET, .prefix_length = 8, .address = {10, 0, 0, 1}}));
    }
    EXPECT_TRUE(MUST(permanent_addresses(99)).empty());
  });
}

TEST(Netlink, addresses_that_are_added_are_told_again) {
  IN_OWN_NETWORK([] {
    const InterfaceAddress v4{.family = AF_INET,
                              .prefix_length = 24,
                              .address = {192, 0, 2, 7},
                              .local = {192, 0, 2, 7},
                              .broadcast = {192, 0, 2, 255}};
    MUST(add_address(1, v4));
    const auto found = MUST(permanent_addresses(1));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].family, AF_INET);
    EXPECT_EQ(found[0].prefix_length, 24);
    EXPECT_EQ(found[0].address, v4.address);
    EXPECT_EQ(found[0].local, v4.local);
    EXPECT_EQ(found[0].broadcast, v4.broadcast);
    const auto again = add_address(1, v4);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().errno_value(), EEXIST);
  });
}

TEST(Netlink, many_addresses_are_told_all) {
  IN_OWN_NETWORK([] {
    for (std::uint8_t i = 1; i <= 200; ++i)
      MUST(add_address(
          1, {.family = AF_INET, .prefix_length = 32, .address = {10, 0, 0, i}, .local = {10, 0, 0, i}}));
    EXPECT_EQ(MUST(permanent_addresses(1)).size(), 200U);
  });
}

TEST(Netlink, an_interface_moves_to_another_namespace_under_another_name) {
  IN_OWN_NETWORK([] {
    UniqueFd here = MUST(open_namespace("/proc/self/ns/net", CLONE_NEWNET));
    MUST(unshare_namespaces(CLONE_NEWNET));
    const UniqueFd tap = make_tap("outside0");
    if (!tap) return;  // no /dev/net/tun
    const unsigned index = MUST(interface_index("outside0"));
    MUST(move_interface(index, here.get(), "inside%d"));
    EXPECT_EQ(MUST(interface_indexes()), std::vector<unsigned>{1});
    MUST(enter_namespace(here.get(), CLONE_NEWNET));
    EXPECT_GT(MUST(interface_index("inside0")), 1U);
  });
}

TEST(Netlink, what_cannot_be_moved_is_an_error) {
  IN_OWN_NETWORK([] {
    UniqueFd here = MUST(open_namespace("/proc/self/ns/net", CLONE_NEWNET));
    MUST(unshare_namespaces(CLONE_NEWNET));
    const auto moved = move_interface(1, here.get(), "other");
    ASSERT_FALSE(moved) << "loopback belongs to its namespace";
    EXPECT_TRUE(moved.error().message().starts_with("move interface as 'other': "))
        << moved.error().message();
    for (const std::string& name : {std::string(16, 'x'), std::string(1000, 'x')}) {
      const auto too_long = move_interface(1, here.get(), name);
      ASSERT_FALSE(too_long);
      EXPECT_EQ(too_long.error().code(), Code::InvalidArgument);
    }
    UniqueFd null = MUST(open_at(AT_FDCWD, "/dev/null", O_RDONLY));
    EXPECT_FALSE(move_interface(1, null.get(), "other")) << "a file is no namespace";
  });
}

}  // namespace
}  // namespace gantry::kernel
