// SPDX-License-Identifier: Apache-2.0
//
// What was acknowledged is there after kill -9 and on a full disk, and what was not is not seen.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <map>
#include <random>
#include <thread>

#include "base/file.h"
#include "image/repositories.h"
#include "registry/test_registry.h"
#include "testing/child.h"

namespace gantry::registry {
namespace {

namespace types = oci::media_type;

// A registry in a process of its own, to be killed.
class RegistryProcess {
 public:
  explicit RegistryProcess(const std::string& root) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) std::abort();
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      Logger log(STDERR_FILENO, {.level = LogLevel::Error});
      image::ImageStore store = MUST(image::ImageStore::open(root));
      Config config;
      config.listen = {"127.0.0.1:0"};
      const auto server = MUST(RegistryServer::start(std::move(config), store, log));
      MUST(write_all(writer.get(), server->addresses().front(), "pipe"));
      writer.reset();
      for (;;) ::pause();
    }
    writer.reset();
    address_ = MUST(read_all(reader.get(), "pipe"));
  }
  ~RegistryProcess() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  const std::string& address() const { return address_; }

 private:
  pid_t pid_ = 0;
  std::string address_;
};

// 0 where the registry did not answer.
std::pair<int, std::string> call(http::Client& client, const std::string& address, std::string method,
                                 const std::string& target, std::string body = {},
                                 std::string_view type = {}) {
  http::ClientRequest request{.method = std::move(method),
                              .url = MUST(http::Url::parse("http://" + address + target))};
  if (!type.empty()) request.headers.set("Content-Type", std::string(type));
  request.body = std::move(body);
  auto response = client.send(request);
  if (!response) return {0, ""};
  auto text = response->read_body(16 << 20);
  if (!text) return {0, ""};
  return {response->status(), std::move(*text)};
}

TEST(Durability, AKilledRegistryLosesNothingThatItAcknowledged) {
  const testing::TempDir dir;
  const std::string root = dir / "store";
  std::mt19937 random(1);                           // the same every time
  std::map<std::string, std::string> acknowledged;  // tag -> manifest
  std::map<std::string, std::string> layers;        // digest -> content, of acknowledged images
  int number = 0;
  // Slow machines need more rounds for as many pushes.
  for (int round = 0; round < 12 || (round < 200 && acknowledged.size() <= 10); ++round) {
    RegistryProcess registry(root);
    std::atomic<bool> is_over = false;
    std::thread pusher([&] {
      http::Client client;
      while (!is_over) {
        const std::string tag = fmt::format("t{}", number++);
        // Small blobs are in the database, large ones are files.
        const std::string layer = tag + std::string(number % 2 == 0 ? 100 : 200'000, 'l');
        const std::string json = TestRegistry::manifest_json(layer);
        for (const std::string& blob : {TestRegistry::kConfig, layer}) {
          const std::string digest = oci::digest_of(blob).str();
          if (call(client, registry.address(), "POST", "/v2/a/blobs/uploads/?digest=" + digest, blob).first !=
              201)
            return;
        }
        const int status =
            call(client, registry.address(), "PUT", "/v2/a/manifests/" + tag, json, types::kOciManifest)
                .first;
        if (status != 201) return;
        acknowledged[tag] = json;
        layers[oci::digest_of(layer).str()] = layer;
      }
    });
    ::usleep(std::uniform_int_distribution<useconds_t>(1'000, 120'000)(random));
    registry.kill();
    is_over = true;
    pusher.join();
  }
  EXPECT_GT(acknowledged.size(), 10U);

  // In this process, to look at the store as well.
  TestRegistry registry({}, root);
  for (const auto& [tag, json] : acknowledged) EXPECT_EQ(registry.get("/v2/a/manifests/" + tag).body, json);
  for (const auto& [digest, layer] : layers) EXPECT_EQ(registry.get("/v2/a/blobs/" + digest).body, layer);
  // Whatever has a tag is whole.
  const json::Document tags = MUST(json::Document::parse(registry.get("/v2/a/tags/list").body));
  const json::Value list = *tags.root().find("tags");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string manifest = registry.get("/v2/a/manifests/" + std::string(list.at(i).as_string())).body;
    const json::Document document = MUST(json::Document::parse(manifest));
    for (std::size_t l = 0; l < document.root().find("layers")->size(); ++l) {
      const std::string digest(document.root().find("layers")->at(l).find("digest")->as_string());
      EXPECT_EQ(oci::digest_of(registry.get("/v2/a/blobs/" + digest).body).str(), digest);
    }
  }
  // And what was not finished goes when its time is over.
  MUST(registry.store().collect(
      {.pending_blobs = std::chrono::seconds(0), .saved_ingests = std::chrono::seconds(0)}));
  std::uint64_t expected = TestRegistry::kConfig.size();
  for (const auto& [digest, layer] : layers) expected += layer.size();
  for (const auto& [tag, json] : acknowledged) expected += json.size();
  EXPECT_LE(MUST(registry.store().repositories().usage("a")), expected + 12 * 201'000);
}

TEST(Durability, AnUploadSurvivesTheRegistrysDeath) {
  const testing::TempDir dir;
  const std::string content(150'000, 'u');
  http::Client client;
  std::string location;
  {
    RegistryProcess registry(dir / "store");
    http::ClientRequest request{
        .method = "POST",
        .url = MUST(http::Url::parse("http://" + registry.address() + "/v2/a/blobs/uploads/"))};
    location = MUST(client.send(request)).headers().get_or("Location", "");
    EXPECT_EQ(call(client, registry.address(), "PATCH", location, content.substr(0, 100'000)).first, 202);
    registry.kill();
  }
  RegistryProcess registry(dir / "store");
  EXPECT_EQ(call(client, registry.address(), "PATCH", location, content.substr(100'000)).first, 202);
  EXPECT_EQ(
      call(client, registry.address(), "PUT", location + "?digest=" + oci::digest_of(content).str()).first,
      201);
}

TEST(Durability, AFullDiskRefusesAndLosesNothing) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNS, [] {
    const testing::TempDir dir;
    // The database and its log take two of them, and grow a little: what is to fit below leaves room for
    // that.
    ASSERT_EQ(::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=7m"), 0);
    {
      TestRegistry registry({}, dir / "store");
      const std::string first(3 << 20, '1');
      std::string second(4 << 20, '2');
      std::ranges::generate(second, std::minstd_rand());
      const std::string digest = registry.push_image("a", "first", first);
      const std::string target = "/v2/a/blobs/uploads/?digest=" + oci::digest_of(second).str();
      const Answer full = registry.call("POST", target, {}, second);
      EXPECT_EQ(full.status, 507) << full.body;
      EXPECT_NE(full.body.find("ENOSPC"), std::string::npos) << full.body;
      // In chunks: what fits stays, and the rest is refused.
      const std::string location = registry.call("POST", "/v2/a/blobs/uploads/").header("Location");
      EXPECT_EQ(registry.call("PATCH", location, {}, second).status, 507);
      const std::string kept = registry.get(location).header("Range");
      ASSERT_NE(kept, "0-0");  // which is how an upload of nothing looks

      EXPECT_EQ(registry.get("/v2/a/manifests/first").status, 200);
      EXPECT_EQ(registry.get("/v2/a/blobs/" + oci::digest_of(first).str()).body, first);
      EXPECT_EQ(registry.call("DELETE", "/v2/a/manifests/" + digest).status, 202);

      // There is room now: it goes on where it stood.
      const std::string rest = second.substr(std::stoul(kept.substr(2)) + 1);
      const Answer more = registry.call("PATCH", location, {}, rest);
      EXPECT_EQ(more.status, 202) << more.body;
      const std::string whole = oci::digest_of(second).str();
      const Answer done = registry.call("PUT", location + "?digest=" + whole);
      EXPECT_EQ(done.status, 201) << done.body << more.header("Range") << " after " << kept;
      EXPECT_TRUE(registry.get("/v2/a/blobs/" + whole).body == second);
    }
    ASSERT_EQ(::umount(dir.path().c_str()), 0);
  });
}

}  // namespace
}  // namespace gantry::registry
