// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon_address.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::cli {
namespace {

// Every test begins with none of the variables.
struct DaemonAddressOf : ::testing::Test {
  testing::TempDir home;
  DaemonAddressOf() {
    for (const char* name : {"GANTRY_HOST", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS",
                             "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG"})
      ::unsetenv(name);
    set("HOME", home.path());
  }
  static void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
};

TEST_F(DaemonAddressOf, NobodySaysIsTheOneOfThisHost) {
  const DaemonAddress daemon = MUST(find_daemon("", {}));
  EXPECT_EQ(daemon.host, "unix:///run/gantry/gantry.sock");
  EXPECT_FALSE(daemon.tls.is_on);
}

TEST_F(DaemonAddressOf, TheOptionGoesBeforeOurVariableAndThatBeforeDockers) {
  set("DOCKER_HOST", "tcp://c:1");
  EXPECT_EQ(MUST(find_daemon("", {})).host, "tcp://c:1");
  set("GANTRY_HOST", "tcp://b:1");
  EXPECT_EQ(MUST(find_daemon("", {})).host, "tcp://b:1");
  const DaemonAddress daemon = MUST(find_daemon("tcp://a:1", {}));
  EXPECT_EQ(daemon.host, "tcp://a:1");
}

TEST_F(DaemonAddressOf, CertificatesAreFoundInTheirDirectory) {
  set("DOCKER_TLS_VERIFY", "1");
  set("DOCKER_CERT_PATH", home.path());
  std::ofstream(home.path() + "/ca.pem") << "x";
  const DaemonAddress daemon = MUST(find_daemon("tcp://a:1", {.key = "/own/key.pem"}));
  EXPECT_TRUE(daemon.tls.is_on);
  EXPECT_TRUE(daemon.tls.verify);
  EXPECT_EQ(daemon.tls.authority, home.path() + "/ca.pem");
  EXPECT_EQ(daemon.tls.certificate, "");
  EXPECT_EQ(daemon.tls.key, "/own/key.pem");
}

TEST_F(DaemonAddressOf, AContextIsRefusedUnlessAHostIsNamed) {
  set("DOCKER_CONTEXT", "default");
  EXPECT_TRUE(find_daemon("", {}));
  set("DOCKER_CONTEXT", "staging");
  const auto refused = find_daemon("", {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("'staging'"), std::string::npos);
  EXPECT_TRUE(find_daemon("tcp://a:1", {}));
}

}  // namespace
}  // namespace gantry::cli
