// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/kubeconfig.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kTwoContexts = R"(
apiVersion: v1
kind: Config
current-context: here
clusters:
- name: a
  cluster: {server: "https://a:6443", certificate-authority: ca.pem}
- name: b
  cluster: {server: "https://b", insecure-skip-tls-verify: true, tls-server-name: c}
contexts:
- name: here
  context: {cluster: a, user: alice, namespace: work}
- name: there
  context: {cluster: b, user: bob}
users:
- name: alice
  user: {token: secret}
- name: bob
  user: {exec: {command: login}}
)";

TEST(Kubeconfig, SaysWhatTheCurrentContextSays) {
  testing::TempDir directory;
  MUST(replace_file_at(AT_FDCWD, directory / "ca.pem", "authority", 0600));
  const Kubeconfig config = MUST(parse_kubeconfig(kTwoContexts, directory.path()));
  EXPECT_EQ(config.server, "https://a:6443");
  EXPECT_EQ(config.authorities, "authority");
  EXPECT_EQ(config.token, "secret");
  EXPECT_EQ(config.name_space, "work");
}

TEST(Kubeconfig, WhatItCannotDoIsSaid) {
  EXPECT_EQ(parse_kubeconfig(kTwoContexts, ".", "there").error().code(), Code::Unsupported);
  EXPECT_EQ(parse_kubeconfig(kTwoContexts, ".", "nowhere").error().code(), Code::NotFound);
  EXPECT_FALSE(parse_kubeconfig("a: [", "."));
  EXPECT_FALSE(parse_kubeconfig("", "."));
}

TEST(Kubeconfig, IsReadAsItWasWritten) {
  const Kubeconfig config = {.server = "https://[::1]:6443",
                             .authorities = "ca",
                             .certificate = "cert",
                             .key = "key",
                             .token = "t: \"x"};
  const Kubeconfig again =
      MUST(parse_kubeconfig(format_kubeconfig(config, "kubernetes", "system:node:n1"), "."));
  EXPECT_EQ(again.server, config.server);
  EXPECT_EQ(again.authorities, "ca");
  EXPECT_EQ(again.certificate, "cert");
  EXPECT_EQ(again.key, "key");
  EXPECT_EQ(again.token, config.token);
}

}  // namespace
}  // namespace gantry::kube
