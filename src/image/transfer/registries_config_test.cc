// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/registries_config.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

constexpr std::string_view kConfig = R"({
  "hosts": {
    "registry.lab:5000": {"plainHttp": true},
    "*.secure.lab": {"caFiles": ["/ca.pem"], "clientCertificate": "/c.pem", "clientKey": "/k.pem"},
    "127.0.0.1:6000": {"plainHttp": false, "skipVerify": true}
  },
  "prefixes": [
    {"prefix": "docker.io", "mirrors": ["registry.lab:5000/hub", "mirror.gcr.io"]},
    {"prefix": "docker.io/team", "location": "quay.io/ours"},
    {"prefix": "*.old.lab", "location": "new.lab/moved"},
    {"prefix": "keep.old.lab/x"},
    {"prefix": "bad.example", "blocked": true}
  ],
  "certificateDirectories": []
})";

std::string places(std::string_view image) {
  const RegistriesConfig config = MUST(RegistriesConfig::parse(kConfig));
  const auto endpoints = config.pull_endpoints(MUST(oci::Reference::parse(image)));
  if (!endpoints) return endpoints.error().message();
  std::string text;
  for (const RegistryEndpoint& endpoint : *endpoints)
    text += fmt::format("{}{}{}/{}", text.empty() ? "" : " ", endpoint.is_mirror ? "~" : "", endpoint.host,
                        endpoint.repository);
  return text;
}

TEST(RegistriesConfig, tries_mirrors_first) {
  EXPECT_EQ(places("busybox"),
            "~registry.lab:5000/hub/library/busybox ~mirror.gcr.io/library/busybox "
            "registry-1.docker.io/library/busybox");
  EXPECT_EQ(places("quay.io/a/b"), "quay.io/a/b");
}

TEST(RegistriesConfig, follows_the_most_particular_prefix) {
  EXPECT_EQ(places("team/app"), "quay.io/ours/app");
  EXPECT_EQ(places("docker.io/team/a/b"), "quay.io/ours/a/b");
  EXPECT_EQ(places("teams/app"),
            "~registry.lab:5000/hub/teams/app ~mirror.gcr.io/teams/app registry-1.docker.io/teams/app");
  EXPECT_EQ(places("a.old.lab/x/y"), "new.lab/moved/x/y");
  EXPECT_EQ(places("keep.old.lab/x/y"), "keep.old.lab/x/y");
  EXPECT_EQ(places("keep.old.lab/xx"), "new.lab/moved/xx");
  EXPECT_EQ(places("old.lab/x"), "old.lab/x");
}

TEST(RegistriesConfig, pushes_to_the_origin_only) {
  const RegistriesConfig config = MUST(RegistriesConfig::parse(kConfig));
  const RegistryEndpoint hub = MUST(config.push_endpoint(MUST(oci::Reference::parse("busybox"))));
  EXPECT_EQ(hub.registry, "docker.io");
  EXPECT_EQ(hub.host, "registry-1.docker.io");
  EXPECT_FALSE(hub.is_mirror);
  EXPECT_EQ(MUST(config.push_endpoint(MUST(oci::Reference::parse("team/app")))).registry, "quay.io");
}

TEST(RegistriesConfig, blocks) {
  EXPECT_EQ(places("bad.example/a"),
            "'bad.example/a' is blocked by the configuration (prefix 'bad.example')");
  const RegistriesConfig config = MUST(RegistriesConfig::parse(kConfig));
  EXPECT_EQ(config.push_endpoint(MUST(oci::Reference::parse("bad.example/a"))).error().code(),
            Code::PermissionDenied);
}

TEST(RegistriesConfig, says_how_a_host_is_reached) {
  const RegistriesConfig config = MUST(RegistriesConfig::parse(kConfig));
  EXPECT_EQ(MUST(config.settings_of("registry.lab:5000")).transport, Transport::Plain);
  EXPECT_EQ(MUST(config.settings_of("registry.lab:5001")).transport, Transport::Tls);
  const HostSettings secure = MUST(config.settings_of("a.secure.lab"));
  EXPECT_EQ(secure.tls.ca_files, std::vector<std::string>{"/ca.pem"});
  EXPECT_EQ(secure.tls.identity.key_file, "/k.pem");
  EXPECT_TRUE(secure.tls.verify);
  for (const char* host : {"localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"})
    EXPECT_EQ(MUST(config.settings_of(host)).transport, Transport::Either) << host;
  for (const char* host : {"localhost.example", "127.example", "[::2]", "128.0.0.1"})
    EXPECT_EQ(MUST(config.settings_of(host)).transport, Transport::Tls) << host;
  EXPECT_EQ(MUST(config.settings_of("127.0.0.1:6000")).transport, Transport::Tls);
  EXPECT_FALSE(MUST(config.settings_of("127.0.0.1:6000")).tls.verify);
}

TEST(RegistriesConfig, finds_certificates_in_folders_of_hosts) {
  const TempDir folder;
  const RegistriesConfig config = MUST(RegistriesConfig::parse(
      fmt::format(R"({{"certificateDirectories":["{0}/missing","{0}"]}})", folder.path())));
  const std::string host = folder / "registry.lab:5000";
  MUST(make_directories(host, 0700));
  for (const char* name : {"b.crt", "a.crt", "client.cert", "client.key", "README", ".crt"})
    MUST(replace_file_at(AT_FDCWD, host + "/" + name, "", 0600));
  const HostSettings settings = MUST(config.settings_of("registry.lab:5000"));
  EXPECT_EQ(settings.tls.ca_files, (std::vector<std::string>{host + "/a.crt", host + "/b.crt"}));
  EXPECT_EQ(settings.tls.identity.certificate_file, host + "/client.cert");
  EXPECT_EQ(settings.tls.identity.key_file, host + "/client.key");
  EXPECT_TRUE(MUST(config.settings_of("registry.lab")).tls.ca_files.empty());

  MUST(make_directories(folder / "docker.io", 0700));
  MUST(replace_file_at(AT_FDCWD, folder / "docker.io/ca.crt", "", 0600));
  EXPECT_EQ(MUST(config.push_endpoint(MUST(oci::Reference::parse("a")))).settings.tls.ca_files.size(), 1U);

  MUST(replace_file_at(AT_FDCWD, host + "/second.cert", "", 0600));
  EXPECT_EQ(config.settings_of("registry.lab:5000").error().message(),
            fmt::format("'{}/second.cert': there is no key 'second.key' beside it", host));
}

TEST(RegistriesConfig, refuses_what_it_cannot_do) {
  const auto refusal = [](std::string_view json) {
    const auto config = RegistriesConfig::parse(json);
    return config ? "accepted" : config.error().message();
  };
  EXPECT_EQ(refusal("{}"), "accepted");
  EXPECT_EQ(refusal(R"({"host":{}})"), "unknown key 'host'");
  EXPECT_EQ(refusal(R"({"hosts":{"a":{"insecure":true}}})"), "hosts['a']: unknown key 'insecure'");
  EXPECT_EQ(refusal(R"({"hosts":{"a/b":{}}})"), "hosts['a/b']: is not a host name");
  EXPECT_EQ(refusal(R"({"hosts":{"a":{"clientKey":"k"}}})"),
            "hosts['a']: 'clientCertificate' and 'clientKey' go together");
  EXPECT_EQ(refusal(R"({"layers":{"maxRatio":0}})"), "layers: a limit of 0 leaves nothing to pull");
  EXPECT_EQ(refusal(R"({"prefixes":[{}]})"), "prefixes[0].prefix: is required");
  EXPECT_EQ(refusal(R"({"prefixes":[{"prefix":"https://a"}]})"),
            "prefixes[0].prefix: 'https://a' is not a registry with a path behind it or not");
  EXPECT_EQ(refusal(R"({"prefixes":[{"prefix":"a"},{"prefix":"a"}]})"),
            "prefixes[1].prefix: 'a' is there twice");
  EXPECT_EQ(refusal(R"({"prefixes":[{"prefix":"a","mirrors":["b","*.c"]}]})"),
            "prefixes[0].mirrors[1]: '*.c' must be one host, not '*'");
  EXPECT_EQ(refusal(R"({"prefixes":[{"prefix":"a","location":"b/"}]})"),
            "prefixes[0].location: 'b/' is not a registry with a path behind it or not");
  EXPECT_EQ(refusal(R"({"prefixes":[{"prefix":"a","location":"b","blocked":true}]})"),
            "prefixes[0].blocked: leaves nothing for 'location' and 'mirrors' to do");
}

TEST(RegistriesConfig, tells_when_nothing_is_left_of_a_name) {
  const RegistriesConfig config =
      MUST(RegistriesConfig::parse(R"({"prefixes":[{"prefix":"a.lab/app","location":"b.lab"}]})"));
  EXPECT_EQ(config.push_endpoint(MUST(oci::Reference::parse("a.lab/app"))).error().message(),
            "'a.lab/app' at 'b.lab': no repository is left of the name");
}

TEST(RegistriesConfig, of_a_missing_file_configures_nothing) {
  const TempDir folder;
  const RegistriesConfig config = MUST(RegistriesConfig::read(folder / "none.json"));
  EXPECT_EQ(MUST(config.pull_endpoints(MUST(oci::Reference::parse("a")))).size(), 1U);
  MUST(replace_file_at(AT_FDCWD, folder / "bad.json", R"({"x":1})", 0600));
  EXPECT_EQ(RegistriesConfig::read(folder / "bad.json").error().message(),
            "'" + (folder / "bad.json") + "': unknown key 'x'");
}

}  // namespace
}  // namespace gantry::image
