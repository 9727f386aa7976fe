// SPDX-License-Identifier: Apache-2.0
#include "oci/image/platform.h"

#include <gtest/gtest.h>

#include "oci/image/index.h"
#include "testing/must.h"

namespace gantry::oci {
namespace {

Platform platform(std::string_view text) { return MUST(Platform::parse(text)); }

std::string refusal(std::string_view text) {
  const auto parsed = Platform::parse(text);
  return parsed ? "" : parsed.error().message();
}

Index index_of(std::initializer_list<std::string_view> platforms) {
  Index index;
  for (const std::string_view text : platforms)
    index.manifests.push_back({.media_type = std::string(media_type::kOciManifest),
                               .digest = digest_of(text),
                               .platform = text.empty() ? std::nullopt : std::optional(platform(text))});
  return index;
}

std::string order(const Index& index, std::string_view wanted) {
  std::string text;
  for (const Descriptor* found : candidates(index, platform(wanted)))
    text += (text.empty() ? "" : " ") + (found->platform ? found->platform->str() : "?");
  return text;
}

TEST(Platform, is_written_as_system_architecture_variant) {
  EXPECT_EQ(platform("linux/arm64/v8").str(), "linux/arm64");
  EXPECT_EQ(platform("linux/arm").str(), "linux/arm/v7");
  EXPECT_EQ(platform("linux/arm/6").str(), "linux/arm/v6");
  EXPECT_EQ(platform("Linux/x86_64").str(), "linux/amd64");
  EXPECT_EQ(platform("linux/amd64/v1").str(), "linux/amd64");
  EXPECT_EQ(platform("linux/amd64/v3").str(), "linux/amd64/v3");
  EXPECT_EQ(platform("linux/aarch64").str(), "linux/arm64");
  EXPECT_EQ(platform("linux/armel").str(), "linux/arm/v6");
  EXPECT_EQ(platform("macos/arm64").str(), "darwin/arm64");
  EXPECT_EQ(platform("windows(10.0.17763)/amd64").str(), "windows(10.0.17763)/amd64");
}

TEST(Platform, may_be_one_word) {
  EXPECT_EQ(platform("riscv64").str(), "linux/riscv64");
  EXPECT_EQ(platform("armhf").str(), "linux/arm/v7");
  EXPECT_EQ(platform("linux"), normalized(host_platform()));
  EXPECT_EQ(platform("windows").architecture, host_platform().architecture);
}

TEST(Platform, refuses_what_is_no_platform) {
  EXPECT_EQ(refusal("foo"), "platform 'foo': neither an operating system nor an architecture is called so");
  EXPECT_EQ(refusal("a/b/c/d"), "platform 'a/b/c/d': expected os/architecture/variant");
  for (const char* text : {"", "/", "linux/", "/amd64", "linux//v8", "linux/am d64", "linux(/amd64",
                           "linux()/amd64", "linux/amd64\n"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(Platform, of_this_host_runs_here) {
  EXPECT_EQ(host_platform().os, "linux");
  EXPECT_EQ(match(host_platform(), host_platform()), 0U);
}

TEST(Platform, prefers_the_newest_that_runs) {
  EXPECT_EQ(order(index_of({"linux/arm/v5", "linux/arm/v6", "linux/arm64", "linux/arm/v7"}), "linux/arm/v7"),
            "linux/arm/v7 linux/arm/v6 linux/arm/v5");
  EXPECT_EQ(order(index_of({"linux/arm/v5", "linux/arm/v7", "linux/arm/v6"}), "linux/arm/v6"),
            "linux/arm/v6 linux/arm/v5");
  EXPECT_EQ(
      order(index_of({"linux/arm/v5", "linux/arm/v7", "linux/arm64/v9", "linux/arm64/v8"}), "linux/arm64/v8"),
      "linux/arm64 linux/arm/v7 linux/arm/v5");
  EXPECT_EQ(order(index_of({"linux/arm64/v8", "linux/arm64/v8.6", "linux/arm64/v8.5", "linux/arm64/v9"}),
                  "linux/arm64/v9"),
            "linux/arm64/v9 linux/arm64/v8.5 linux/arm64");
  EXPECT_EQ(
      order(index_of({"linux/386", "linux/amd64", "linux/amd64/v4", "linux/amd64/v2", "linux/amd64/v3"}),
            "linux/amd64/v3"),
      "linux/amd64/v3 linux/amd64/v2 linux/amd64 linux/386");
  EXPECT_EQ(order(index_of({"linux/amd64/v2", "linux/amd64", "linux/386"}), "linux/amd64"),
            "linux/amd64 linux/386");
  EXPECT_EQ(order(index_of({"linux/amd64"}), "linux/386"), "");
  EXPECT_EQ(order(index_of({"linux/ppc64le", "linux/riscv64"}), "linux/riscv64"), "linux/riscv64");
}

TEST(Platform, takes_the_first_of_equals_and_the_silent_last) {
  const Index index = index_of({"", "linux/amd64", "windows/amd64", "linux/amd64/v1"});
  const auto found = candidates(index, platform("linux/amd64"));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], &index.manifests[1]);
  EXPECT_EQ(found[1], &index.manifests[3]);
  EXPECT_EQ(found[2], &index.manifests[0]);
}

TEST(Platform, compares_versions_of_windows_by_build) {
  const Index index = index_of(
      {"windows(10.0.14393.1)/amd64", "windows(10.0.17763.9)/amd64", "windows(10.0.17763.1339)/amd64"});
  EXPECT_EQ(order(index, "windows(10.0.17763.1339)/amd64"),
            "windows(10.0.17763.1339)/amd64 windows(10.0.17763.9)/amd64");
}

TEST(Platform, needs_the_features_that_an_image_asks_for) {
  Platform wants_win32k = platform("windows/amd64");
  wants_win32k.os_features = {"win32k"};
  EXPECT_FALSE(match(platform("windows/amd64"), wants_win32k));
  EXPECT_TRUE(match(wants_win32k, wants_win32k));
}

TEST(Platform, tells_what_there_is_when_none_fits) {
  Index index = index_of({"linux/amd64", "windows/amd64", "unknown/unknown"});
  const auto none = select(index, platform("linux/s390x"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::NotFound);
  EXPECT_EQ(none.error().message(), "no image for 'linux/s390x'; there is linux/amd64, windows/amd64");
  EXPECT_EQ(MUST(select(index, platform("linux/amd64/v4"))), index.manifests.data());

  index.manifests[0].media_type = "application/vnd.example.sbom";
  EXPECT_FALSE(select(index, platform("linux/amd64")));
}

}  // namespace
}  // namespace gantry::oci
