// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/pki.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "base/file.h"
#include "kube/identity/kubeconfig.h"
#include "testing/kill_at_call.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kube {
namespace {

using gantry::testing::TempDir;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kDay = 86'400;

PkiOptions options_in(const TempDir& directory) {
  return {.directory = directory / "pki",
          .server_names = {"10.96.0.1", "server.example"},
          .server_url = "https://127.0.0.1:6443",
          .node_name = "n1"};
}

CertificateInfo certificate_in(const std::string& file) {
  return MUST(read_certificate(MUST(read_file(file))));
}

std::map<std::string, std::string> files_of(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const std::string& name : MUST(names_in(AT_FDCWD, directory)))
    files[name] = MUST(read_file(directory + "/" + name));
  return files;
}

TEST(Pki, MakesAllThatAControlPlaneNeeds) {
  TempDir directory;
  const Pki pki = MUST(Pki::open(options_in(directory), kNow));
  const CertificateInfo server = certificate_in(pki.server_identity().certificate_file);
  EXPECT_TRUE(std::ranges::count(server.names.dns, "kubernetes.default.svc.cluster.local"));
  EXPECT_TRUE(std::ranges::count(server.names.dns, "server.example"));
  EXPECT_TRUE(std::ranges::count(server.names.addresses, "10.96.0.1"));
  EXPECT_TRUE(pki.cluster_authority().has_signed(MUST(read_file(pki.server_identity().certificate_file))));
  EXPECT_TRUE(
      pki.proxy_authority().has_signed(MUST(read_file(pki.proxy_client_identity().certificate_file))));
  const Kubeconfig admin = MUST(read_kubeconfig(pki.admin_kubeconfig()));
  EXPECT_EQ(admin.server, "https://127.0.0.1:6443");
  EXPECT_EQ(admin.authorities, pki.cluster_authority().pem());
  EXPECT_EQ(MUST(read_certificate(admin.certificate)).organizations,
            std::vector<std::string>{"system:masters"});
  const Kubeconfig node = MUST(read_kubeconfig(directory / "pki/kubelet.conf"));
  EXPECT_EQ(MUST(read_certificate(node.certificate)).common_name, "system:node:n1");
}

TEST(Pki, SecretsAreForTheOwnerAlone) {
  TempDir directory;
  MUST(Pki::open(options_in(directory), kNow));
  for (const std::string& name : MUST(names_in(AT_FDCWD, directory / "pki"))) {
    struct stat st{};
    ASSERT_EQ(::stat((directory / ("pki/" + name)).c_str(), &st), 0);
    const bool is_public = name.ends_with(".crt") || name.ends_with(".pub");
    EXPECT_EQ(st.st_mode & 077, is_public ? 044u : 0u) << name;
  }
}

TEST(Pki, WhatIsThereIsKept) {
  TempDir directory;
  MUST(Pki::open(options_in(directory), kNow));
  const auto before = files_of(directory / "pki");
  Pki again = MUST(Pki::open(options_in(directory), kNow + kDay));
  EXPECT_FALSE(MUST(again.renew(kNow + kDay)));
  EXPECT_EQ(files_of(directory / "pki"), before);
}

TEST(Pki, WhatExpiresSoonIsMadeAnew) {
  TempDir directory;
  Pki pki = MUST(Pki::open(options_in(directory), kNow));
  const std::int64_t later = kNow + 250 * kDay;
  EXPECT_TRUE(MUST(pki.renew(later)));
  EXPECT_GT(certificate_in(pki.server_identity().certificate_file).not_after, later + 300 * kDay);
  EXPECT_GT(MUST(read_certificate(MUST(read_kubeconfig(pki.admin_kubeconfig())).certificate)).not_after,
            later + 300 * kDay);
  EXPECT_FALSE(MUST(pki.renew(later)));
}

TEST(Pki, ANewNameOfTheServerNeedsANewCertificate) {
  TempDir directory;
  MUST(Pki::open(options_in(directory), kNow));
  PkiOptions options = options_in(directory);
  options.server_names.emplace_back("192.0.2.7");
  const Pki pki = MUST(Pki::open(options, kNow));
  const auto names = certificate_in(pki.server_identity().certificate_file).names;
  EXPECT_TRUE(std::ranges::count(names.addresses, "192.0.2.7"));
}

TEST(Pki, AnAuthorityWithoutItsKeyIsNotReplaced) {
  TempDir directory;
  MUST(Pki::open(options_in(directory), kNow));
  ASSERT_EQ(::unlink((directory / "pki/ca.key").c_str()), 0);
  const auto failed = Pki::open(options_in(directory), kNow);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("ca.key"), std::string::npos);
}

TEST(Pki, IsCompletedWhereverItWasKilled) {
  NEEDS_THREADS_IN_CHILD();
  // Every few calls only: a start makes some two hundred.
  for (int call = 1;; call += 7) {
    TempDir directory;
    const bool is_over = gantry::testing::run_until(call, [&] {
      gantry::testing::count_from_here();
      (void)Pki::open(options_in(directory), kNow);
    });
    const Pki pki = MUST(Pki::open(options_in(directory), kNow));
    EXPECT_TRUE(pki.cluster_authority().has_signed(MUST(read_file(pki.server_identity().certificate_file))));
    for (const auto& [name, text] : files_of(directory / "pki"))
      EXPECT_FALSE(name.starts_with(".tmp")) << name;
    if (is_over) break;
  }
}

}  // namespace
}  // namespace gantry::kube
