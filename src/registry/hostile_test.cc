// SPDX-License-Identifier: Apache-2.0
//
// Clients that mean harm, or whose network does.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <chrono>

#include <chrono>
#include <latch>
#include <thread>

#include "base/file.h"
#include "registry/test_registry.h"

namespace gantry::registry {
namespace {

namespace types = oci::media_type;

// A connection of bytes alone.
class RawConnection {
 public:
  explicit RawConnection(const std::string& address)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{.sin_family = AF_INET};
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) std::abort();
  }
  void send(std::string_view text) { (void)::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
  // Up to the end, or nothing within a while.
  std::string receive() {
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::recv(socket_.get(), buffer, sizeof buffer, 0)) > 0;)
      text.append(buffer, static_cast<std::size_t>(size));
    return text;
  }
  void finish() { (void)::shutdown(socket_.get(), SHUT_WR); }

 private:
  UniqueFd socket_;
};

// Time that a busy machine may take.
struct Patience {
  using Clock = std::chrono::steady_clock;
  bool is_left() const { return Clock::now() < end; }
  const Clock::time_point end = Clock::now() + std::chrono::minutes(1);
};

class Hostile : public ::testing::Test {
 protected:
  std::string begin_upload() { return registry_.call("POST", "/v2/a/blobs/uploads/").header("Location"); }
  std::string ask(std::string_view request) {
    RawConnection connection(registry_.address());
    connection.send(request);
    connection.finish();
    return connection.receive();
  }
  // Where the upload is, once the registry has seen that the client is gone.
  std::string settled_range(const std::string& location, const std::string& wanted) {
    std::string range;
    for (const Patience patience; range != wanted && patience.is_left();) {
      const Answer answer = registry_.get(location);
      if (answer.status == 204) range = answer.header("Range");
    }
    return range;
  }
  TestRegistry registry_;
};

TEST_F(Hostile, NamesLeadNowhere) {
  for (const char* target :
       {"/v2/../../etc/passwd", "/v2/a/../b/tags/list", "/v2/%2e%2e/tags/list", "/v2/a%2f..%2fb/tags/list",
        "/v2/a%00b/tags/list", "/v2/a/blobs/sha256:../../../etc/passwd", "/v2/a/manifests/..%2f..%2fx",
        "/v2/a/blobs/uploads/..%2f..%2f..%2fetc", "/v2/a/blobs/uploads/%00", "/v2/a/_gantry/history/..",
        "//v2/", "/v2/a/blobs/SHA256:00", "/v2/a/referrers/.."}) {
    const std::string answer =
        ask(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", target));
    EXPECT_NE(answer.find("HTTP/1.1 4"), std::string::npos) << target << "\n" << answer;
  }
  const std::string endless = "/v2/" + std::string(5000, 'a') + "/tags/list";
  EXPECT_EQ(registry_.get(endless).status, 400);
}

TEST_F(Hostile, WhatAClientSendsCannotWriteHeaders) {
  const std::string answer =
      ask("POST /v2/a/blobs/uploads/?mount=sha256:00%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: x\r\n"
          "Content-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.find("X-Evil: 1\r\n"), std::string::npos);
  const Answer page = registry_.get("/v2/a/tags/list?n=1&last=%0d%0aX-Evil:1");
  EXPECT_EQ(page.header("X-Evil"), "");
}

TEST_F(Hostile, ABodyThatBreaksOffCanBeContinued) {
  for (const std::size_t size : {std::size_t{500}, std::size_t{300'000}}) {
    const std::string location = begin_upload();
    const std::string content(size, 'c');
    {
      RawConnection connection(registry_.address());
      connection.send(
          fmt::format("PATCH {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", location, size * 2));
      connection.send(content);
      connection.finish();
      (void)connection.receive();
    }
    EXPECT_EQ(settled_range(location, fmt::format("0-{}", size - 1)), fmt::format("0-{}", size - 1));
    const std::string whole = content + "rest";
    EXPECT_EQ(registry_.call("PUT", location + "?digest=" + oci::digest_of(whole).str(), {}, "rest").status,
              201);
  }
}

TEST_F(Hostile, APushThatBreaksOffLeavesNothingVisible) {
  registry_.push_blob("a", TestRegistry::kConfig);
  registry_.push_blob("a", "layer");
  const std::string json = TestRegistry::manifest_json("layer");
  for (std::size_t cut = 0; cut < json.size(); cut += 50)
    (void)ask(fmt::format(
        "PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
        types::kOciManifest, json.size(), json.substr(0, cut)));
  EXPECT_EQ(registry_.get("/v2/a/manifests/v1").status, 404);
  EXPECT_EQ(registry_.get("/v2/_catalog").body, R"({"repositories":[]})");
}

TEST_F(Hostile, TwoRequestsDoNotWriteToOneUpload) {
  const std::string location = begin_upload();
  RawConnection first(registry_.address());
  first.send(fmt::format(
      "PATCH {} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\n12345", location));
  int status = 0;
  for (const Patience patience; status != 409 && patience.is_left();) status = registry_.get(location).status;
  EXPECT_EQ(status, 409);
  EXPECT_EQ(registry_.call("PATCH", location, {}, "xxxxx").status, 409);
  first.send("67890");
  EXPECT_NE(first.receive().find("202"), std::string::npos);
  EXPECT_EQ(registry_.call("PUT", location + "?digest=" + oci::digest_of("1234567890").str()).status, 201);
}

TEST_F(Hostile, ManifestsThatLieAreRefused) {
  registry_.push_blob("a", TestRegistry::kConfig);
  registry_.push_blob("a", "layer");
  const std::string config = TestRegistry::descriptor(types::kOciConfig, TestRegistry::kConfig);
  const std::string digest = oci::digest_of("layer").str();
  const auto put = [&](std::string_view layers) {
    return registry_
        .put_manifest("a", "v1",
                      fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":{}}})",
                                  types::kOciManifest, config, layers))
        .status;
  };
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  for (const std::string& layers :
       {deep, std::string(R"([{"mediaType":"x","digest":"sha256:00","size":1}])"),
        fmt::format(R"([{{"mediaType":"{}","digest":"{}","size":-1}}])", types::kOciLayer, digest),
        fmt::format(R"([{{"mediaType":"{}","digest":"{}","size":1e300}}])", types::kOciLayer, digest),
        fmt::format(R"([{{"mediaType":"","digest":"{}","size":5}}])", digest), std::string(R"("layers")"),
        std::string(R"([null])")})
    EXPECT_EQ(put(layers), 400) << layers.substr(0, 200);
  std::string many = "[";
  for (int i = 0; i < 5000; ++i)
    many += fmt::format(R"({}{{"mediaType":"{}","digest":"{}","size":5}})", i == 0 ? "" : ",",
                        types::kOciLayer, digest);
  EXPECT_EQ(put(many + "]"), 400);
}

TEST_F(Hostile, ASizeThatIsNotTheBlobsIsRefused) {
  registry_.push_blob("a", TestRegistry::kConfig);
  const std::string digest = registry_.push_blob("a", "layer");
  const std::string json = fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{{"mediaType":"{}","digest":"{}","size":4}}]}})",
      types::kOciManifest, TestRegistry::descriptor(types::kOciConfig, TestRegistry::kConfig),
      types::kOciLayer, digest);
  EXPECT_EQ(registry_.put_manifest("a", "v1", json).status, 400);
  EXPECT_EQ(registry_.get("/v2/a/manifests/v1").status, 404);
}

TEST_F(Hostile, TokensAndAccountsAreNoPlaceToProbe) {
  EXPECT_EQ(registry_.get("/token?service=x&scope=repository:a:pull").status, 404);
  EXPECT_EQ(registry_.get("/v2/", {{"Authorization", "Bearer " + std::string(20'000, 'x')}}).status,
            200);  // open
}

// Sixteen clients push, pull and delete what partly is the same; whatever was acknowledged is right.
TEST_F(Hostile, SixteenClientsAtOnce) {
  constexpr int kClients = 16, kRounds = 4;
  const std::string shared(100'000, 's');
  std::latch begin(kClients);
  std::vector<std::thread> clients;
  for (int client = 0; client < kClients; ++client)
    clients.emplace_back([&, client] {
      http::Client http;
      const auto call = [&](std::string method, const std::string& target, std::string body = {},
                            std::string type = {}) {
        http::ClientRequest request{.method = std::move(method),
                                    .url = MUST(http::Url::parse(registry_.url(target)))};
        if (!type.empty()) request.headers.set("Content-Type", type);
        request.body = std::move(body);
        http::ClientResponse response = MUST(http.send(request));
        std::string text = MUST(response.read_body());
        return std::pair(response.status(), std::move(text));
      };
      const std::string repository = fmt::format("r{}", client % 4);  // four to a repository
      begin.arrive_and_wait();
      for (int round = 0; round < kRounds; ++round) {
        const std::string own = fmt::format("layer {} {}", client, round);
        const std::string config = TestRegistry::kConfig;
        const std::string json =
            fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{},{}]}})",
                        types::kOciManifest, TestRegistry::descriptor(types::kOciConfig, config),
                        TestRegistry::descriptor(types::kOciLayer, shared),
                        TestRegistry::descriptor(types::kOciLayer, own));
        int put = 0;
        // Another client may delete the last image with the shared layer between our upload and our manifest:
        // then the registry says so, and a client pushes again.
        for (int attempt = 0; attempt < 20 && put != 201; ++attempt) {
          for (const std::string& blob : {config, shared, own})
            EXPECT_EQ(
                call("POST",
                     fmt::format("/v2/{}/blobs/uploads/?digest={}", repository, oci::digest_of(blob).str()),
                     blob)
                    .first,
                201);
          put = call("PUT", fmt::format("/v2/{}/manifests/t{}", repository, client), json,
                     std::string(types::kOciManifest))
                    .first;
        }
        EXPECT_EQ(put, 201);
        EXPECT_EQ(call("GET", fmt::format("/v2/{}/manifests/t{}", repository, client)).second, json);
        EXPECT_EQ(
            call("GET", fmt::format("/v2/{}/blobs/{}", repository, oci::digest_of(shared).str())).second,
            shared);
        if (round % 2 == 0) continue;
        EXPECT_EQ(
            call("DELETE", fmt::format("/v2/{}/manifests/{}", repository, oci::digest_of(json).str())).first,
            202);
      }
    });
  for (std::thread& client : clients) client.join();
}

}  // namespace
}  // namespace gantry::registry
