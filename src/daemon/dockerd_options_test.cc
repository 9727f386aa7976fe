// SPDX-License-Identifier: Apache-2.0
#include "daemon/dockerd_options.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::daemon {
namespace {

class DockerdOptionsTest : public ::testing::Test {
 protected:
  // With that daemon.json.
  Result<DockerdOptions> parse(std::vector<std::string> arguments, std::string_view json = "{}") {
    MUST(replace_file_at(AT_FDCWD, file_, json, 0600));
    arguments.push_back("--config-file=" + file_);
    return DockerdOptions::parse(arguments);
  }
  EngineConfig engine(std::vector<std::string> arguments, std::string_view json = "{}") {
    return MUST(MUST(parse(std::move(arguments), json)).engine());
  }
  std::string refusal(std::vector<std::string> arguments, std::string_view json = "{}") {
    const auto options = parse(std::move(arguments), json);
    if (!options) return options.error().message();
    const auto config = options->engine();
    return config ? "accepted" : config.error().message();
  }

  testing::TempDir dir_;
  const std::string file_ = dir_ / "daemon.json";
};

TEST_F(DockerdOptionsTest, HaveOurDirectoriesAndDockersSocketUnlessSaid) {
  const DockerdOptions options = MUST(parse({}));
  EXPECT_EQ(options.data_root, "/var/lib/gantry");
  EXPECT_EQ(MUST(options.engine()).run, "/run/gantry");
  EXPECT_EQ(MUST(options.engine()).listen, std::vector<std::string>{"unix:/var/run/docker.sock"});
}

TEST_F(DockerdOptionsTest, AreFlagsAsDockerHasThem) {
  const EngineConfig config = engine({"-H",
                                      "unix:///run/a.sock",
                                      "--host=tcp://127.0.0.1:2375",
                                      "-H",
                                      "fd://",
                                      "--exec-root",
                                      "/run/x",
                                      "--pidfile=/run/x.pid",
                                      "--debug",
                                      "--init=true",
                                      "--label",
                                      "zone=a",
                                      "--dns",
                                      "192.0.2.1",
                                      "--mtu",
                                      "1400",
                                      "--bip=10.9.0.1/24",
                                      "--default-address-pool",
                                      "base=10.8.0.0/16,size=24",
                                      "--default-ulimit=nofile=1024:2048",
                                      "--add-runtime",
                                      "crun=/usr/bin/crun",
                                      "--log-opt",
                                      "max-size=1m",
                                      "--exec-opt",
                                      "native.cgroupdriver=systemd",
                                      "--default-shm-size=128m"});
  EXPECT_EQ(config.listen, (std::vector<std::string>{"unix:/run/a.sock", "127.0.0.1:2375", "fd:"}));
  EXPECT_EQ(config.run, "/run/x");
  EXPECT_EQ(config.pid_file, "/run/x.pid");
  EXPECT_TRUE(config.is_debug);
  EXPECT_TRUE(config.containers.init);
  EXPECT_TRUE(config.systemd_cgroup);
  EXPECT_EQ(config.labels, std::vector<std::string>{"zone=a"});
  EXPECT_EQ(config.containers.dns, std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(config.network.mtu, 1400);
  EXPECT_EQ(config.network.address, "10.9.0.1/24");
  ASSERT_EQ(config.network.address_pools.size(), 1U);
  EXPECT_EQ(config.network.address_pools[0].size, 24);
  EXPECT_EQ(config.containers.ulimits.at("nofile").soft, 1024);
  EXPECT_EQ(config.runtimes.at("crun"), "/usr/bin/crun");
  EXPECT_EQ(config.containers.log_options.at("max-size"), "1m");
  EXPECT_EQ(config.containers.shm_size, 128 << 20);
}

TEST_F(DockerdOptionsTest, AreReadFromTheFileUnderTheFlags) {
  constexpr std::string_view kJson = R"({"data-root":"/srv","debug":true,"mtu":1200,"dns":["192.0.2.1"],
      "hosts":["unix:///run/file.sock"],"log-opts":{"max-file":"2"},"runtimes":{"crun":{"path":"/bin/crun"}},
      "default-ulimits":{"core":{"Name":"core","Hard":0,"Soft":0}}})";
  const DockerdOptions options = MUST(parse({"--mtu=1300", "--dns", "192.0.2.2"}, kJson));
  EXPECT_EQ(options.data_root, "/srv");
  EXPECT_TRUE(options.debug);
  EXPECT_EQ(options.mtu, 1300);
  EXPECT_EQ(options.dns, std::vector<std::string>{"192.0.2.2"});
  EXPECT_EQ(options.hosts, std::vector<std::string>{"unix:///run/file.sock"});
  EXPECT_EQ(options.runtimes.at("crun").path, "/bin/crun");
  EXPECT_TRUE(options.default_ulimits.contains("core"));
}

TEST_F(DockerdOptionsTest, SayWhatIsIgnoredAndWhy) {
  const DockerdOptions options = MUST(parse({"--userland-proxy=false", "--iptables=false"},
                                            R"({"live-restore":true,"features":{"buildkit":true}})"));
  EXPECT_EQ(
      options.notes,
      (std::vector<std::string>{
          "live-restore is ignored: containers always live on when the daemon ends",
          "features is ignored: there are no features to switch",
          "--iptables is ignored: rules are kept in an nftables table of our own, which published ports need",
          "--userland-proxy is ignored: published ports need no process"}));
}

TEST_F(DockerdOptionsTest, RefuseWhatMustNotBeIgnored) {
  EXPECT_EQ(refusal({"--storage-driver=zfs"}), "storage driver 'zfs' is not supported; overlay2 is");
  EXPECT_EQ(refusal({"--storage-driver=overlay2"}), "accepted");
  EXPECT_TRUE(refusal({"--no-such-flag"}).find("no-such-flag") != std::string::npos);
  EXPECT_TRUE(
      refusal({}, R"({"no-such-key":1})").ends_with("don't match any configuration option: no-such-key"));
  EXPECT_TRUE(refusal({}, R"({"debug":"yes"})").ends_with("debug: expected a boolean, is a string"));
  EXPECT_TRUE(refusal({"-H", "ssh://x"}).starts_with("-H ssh://x: expected"));
  EXPECT_TRUE(refusal({"--default-shm-size=much"}).starts_with("default-shm-size: 'much' is not a number"));
  EXPECT_TRUE(refusal({"--exec-opt=native.cgroupdriver=none"}).starts_with("exec-opt"));
}

TEST_F(DockerdOptionsTest, HaveTlsWithAndWithoutProofOfClients) {
  const EngineConfig verified = engine({"--tlsverify", "--tlscacert=/a", "--tlscert=/b", "--tlskey=/c"});
  ASSERT_TRUE(verified.tls);
  EXPECT_EQ(verified.tls->client_ca, "/a");
  const EngineConfig open = engine({"--tls", "--tlscert=/b", "--tlskey=/c"});
  EXPECT_EQ(open.tls->client_ca, "");
  EXPECT_FALSE(engine({}).tls);
}

}  // namespace
}  // namespace gantry::daemon
