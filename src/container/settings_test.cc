// SPDX-License-Identifier: Apache-2.0
#include "container/settings.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::container {
namespace {

template <class T>
Result<T> read(std::string text) {
  const json::Document document = MUST(json::Document::parse(std::move(text)));
  return json::decode<T>(document.root());
}

TEST(Settings, take_a_command_as_a_list_or_as_one_word) {
  EXPECT_EQ(MUST(read<Config>(R"({"Cmd":["echo","a"]})")).cmd, (Words{"echo", "a"}));
  EXPECT_EQ(MUST(read<Config>(R"({"Cmd":"date"})")).cmd, Words{"date"});
  EXPECT_TRUE(MUST(read<Config>(R"({"Cmd":null})")).cmd.empty());
}

TEST(Settings, tell_an_entrypoint_that_is_absent_from_an_empty_one) {
  EXPECT_FALSE(MUST(read<Config>(R"({"Entrypoint":null})")).entrypoint);
  EXPECT_EQ(MUST(read<Config>(R"({"Entrypoint":[]})")).entrypoint, Words{});
  EXPECT_EQ(MUST(read<Config>(R"({"Entrypoint":""})")).entrypoint, Words{""});
}

TEST(Settings, take_what_Gos_clients_write_for_nothing) {
  const HostConfig host = MUST(read<HostConfig>(
      R"({"Binds":null,"PortBindings":{"80/tcp":null},"MemorySwappiness":-1,"PidsLimit":null,"Init":null,
          "MaskedPaths":null,"ReadonlyPaths":[],"ConsoleSize":[24,80],"Sysctls":null})"));
  EXPECT_TRUE(host.port_bindings.at("80/tcp").empty());
  EXPECT_EQ(host.memory_swappiness, -1);
  EXPECT_FALSE(host.pids_limit);
  EXPECT_FALSE(host.masked_paths);
  EXPECT_EQ(host.readonly_paths, std::vector<std::string>());
  EXPECT_EQ(host.console_size, (std::vector<std::uint32_t>{24, 80}));
}

TEST(Settings, ignore_unknown_keys_and_name_the_field_of_a_wrong_type) {
  EXPECT_TRUE(read<HostConfig>(R"({"Nonsense":{"a":1},"Memory":1})"));
  EXPECT_EQ(read<HostConfig>(R"({"Memory":"1g"})").error().message(),
            "Memory: expected a 64-bit integer, is a string");
  EXPECT_EQ(read<HostConfig>(R"({"Mounts":[{"BindOptions":{"NonRecursive":1}}]})").error().message(),
            "Mounts[0].BindOptions.NonRecursive: expected a boolean, is a number");
  EXPECT_EQ(read<Config>(R"({"Cmd":[1]})").error().message(), "Cmd[0]: expected a string, is a number");
}

TEST(Settings, come_back_as_they_were_written) {
  HostConfig host;
  host.memory = 64 << 20;
  host.binds = {"/a:/b:ro"};
  host.ulimits = {{.name = "nofile", .soft = 10, .hard = -1}};
  host.mounts = {{.type = "tmpfs", .target = "/t", .tmpfs_options = TmpfsOptions{.options = {{"noexec"}}}}};
  host.masked_paths = std::vector<std::string>{};
  host.device_requests = {{.driver = "nvidia", .count = -1, .capabilities = {{"gpu"}}}};
  EXPECT_EQ(MUST(read<HostConfig>(json::encode(host))), host);
  Config config{.env = {"A=b"}, .cmd = {"sh"}, .entrypoint = Words{}, .stop_timeout = 0};
  config.healthcheck = HealthConfig{.test = {"CMD", "x"}, .interval = 5};
  config.exposed_ports = {{"80/tcp", {}}};
  EXPECT_EQ(MUST(read<Config>(json::encode(config))), config);
}

TEST(Settings, always_have_the_keys_that_clients_take_without_a_look) {
  const std::string text = json::encode(HostConfig{});
  for (const char* key : {"\"NetworkMode\":\"\"", "\"RestartPolicy\":{\"Name\":\"\"", "\"LogConfig\":{",
                          "\"Binds\":[]", "\"Memory\":0", "\"PidsLimit\":null", "\"PortBindings\":{}"})
    EXPECT_NE(text.find(key), std::string::npos) << key;
}

}  // namespace
}  // namespace gantry::container
