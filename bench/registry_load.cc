// SPDX-License-Identifier: Apache-2.0
//
// Clients of a registry that do one thing as fast as it lets them, and count. Driven by bench/registry.py.
//
//   bench_registry_load push|pull|upload|download ADDRESS CLIENTS SECONDS [BYTES]
//
//   push      images of a config and two layers of BYTES (1,024), each new: what skopeo sends, in its order
//   pull      such an image again and again: manifest by tag, then its three blobs
//   upload    one blob of BYTES (67,108,864) a request, each new
//   download  the same blob again and again
//
// Prints: operations, seconds, megabytes moved.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "base/error.h"
#include "http/client.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"

namespace gantry {
namespace {

using Clock = std::chrono::steady_clock;
namespace types = oci::media_type;

class CountingSink final : public ByteSink {
 public:
  Result<void> write(std::span<const std::byte> from) override {
    bytes += from.size();
    return {};
  }
  std::uint64_t bytes = 0;
};

class RegistryUser {
 public:
  RegistryUser(std::string address, int number, std::size_t size)
      : base_("http://" + address), repository_(fmt::format("bench/r{}", number)), content_(size, 'x') {
    for (std::size_t at = 0; at + 8 <= size; at += 8)
      seed_ = seed_ * 6364136223846793005U + 1442695040888963407U, std::memcpy(&content_[at], &seed_, 8);
  }

  Result<std::uint64_t> push(int round) { return push_as(fmt::format("t{}", round), round); }
  Result<std::uint64_t> prepare_pull() { return push_as("pulled", 0); }
  Result<std::uint64_t> pull(int) {
    std::uint64_t bytes = TRY(get("/manifests/pulled"));
    for (const std::string& digest : pulled_) bytes += TRY(get("/blobs/" + digest));
    return bytes;
  }
  Result<std::uint64_t> upload(int round) {
    change(round);
    TRY(push_blob(content_));
    return content_.size();
  }
  Result<std::uint64_t> prepare_download() {
    change(0);
    pulled_ = {TRY(push_blob(content_))};
    return 0;
  }
  Result<std::uint64_t> download(int) { return get("/blobs/" + pulled_.front()); }

 private:
  // Another content than any run had before, of the same size.
  void change(int round) {
    const std::string mark = fmt::format("{}/{}/{};", ::getpid(), repository_, round);
    content_.replace(0, std::min(mark.size(), content_.size()), mark.substr(0, content_.size()));
  }

  Result<std::uint64_t> push_as(const std::string& tag, int round) {
    std::string layers;
    pulled_.clear();
    for (const char* which : {"one", "two"}) {
      change(round);
      content_.replace(content_.size() - 3, 3, which);
      pulled_.push_back(TRY(push_blob(content_)));
      layers += fmt::format(R"({}{{"mediaType":"{}","digest":"{}","size":{}}})", layers.empty() ? "" : ",",
                            types::kOciLayer, pulled_.back(), content_.size());
    }
    const std::string config = fmt::format(R"({{"architecture":"amd64","os":"linux","n":"{}/{}/{}"}})",
                                           ::getpid(), repository_, round);
    pulled_.push_back(TRY(push_blob(config)));
    const std::string manifest = fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":{}}},"layers":[{}]}})",
        types::kOciManifest, types::kOciConfig, pulled_.back(), config.size(), layers);
    TRY(call("PUT", "/manifests/" + tag, 201, manifest, types::kOciManifest));
    return 2 * content_.size() + config.size() + manifest.size();
  }

  // HEAD, POST, PATCH, PUT.
  Result<std::string> push_blob(const std::string& content) {
    const std::string digest = oci::digest_of(content).str();
    TRY(call("HEAD", "/blobs/" + digest, 404));
    std::string location = TRY(call("POST", "/blobs/uploads/", 202));
    location = TRY(call("PATCH", location, 202, content, "application/octet-stream"));
    location += location.find('?') == location.npos ? "?" : "&";
    TRY(call("PUT", location + "digest=" + digest, 201));
    return digest;
  }

  // What Location says.
  Result<std::string> call(std::string method, const std::string& target, int wanted,
                           const std::string& body = {}, std::string_view type = {}) {
    const bool is_whole = target.starts_with("http") || target.starts_with("/v2/");
    http::ClientRequest request{.method = std::move(method)};
    const http::Url base = TRY(http::Url::parse(base_));
    request.url = TRY(base.resolve(is_whole ? target : "/v2/" + repository_ + target));
    if (!type.empty()) request.headers.set("Content-Type", std::string(type));
    StringSource source(body);
    if (!body.empty()) {
      request.body_source = &source;
      request.body_length = body.size();
    }
    http::ClientResponse response = TRY(client_.send(request));
    const std::string answer = TRY(response.read_body());
    if (response.status() != wanted)
      return error(Code::Internal, "{} {}: {} {}", request.method, target, response.status(), answer);
    return std::string(response.headers().get_or("Location", ""));
  }

  Result<std::uint64_t> get(const std::string& target) {
    http::ClientRequest request{.url = TRY(http::Url::parse(base_ + "/v2/" + repository_ + target))};
    request.headers.set("Accept", std::string(types::kOciManifest) + ", */*");
    http::ClientResponse response = TRY(client_.send(request));
    CountingSink sink;
    TRY(copy(response.body(), sink));
    if (response.status() != 200) return error(Code::Internal, "GET {}: {}", target, response.status());
    return sink.bytes;
  }

  const std::string base_, repository_;
  std::string content_;
  std::uint64_t seed_ = 42;
  std::vector<std::string> pulled_;
  http::Client client_;
};

int run(const std::string& what, const std::string& address, int clients, double seconds, std::size_t size) {
  const bool is_large = what == "upload" || what == "download";
  if (size == 0) size = is_large ? 64 << 20 : 1024;
  std::atomic<std::uint64_t> operations = 0, bytes = 0;
  std::atomic<int> ready = 0;
  std::atomic<bool> begun = false, is_over = false;
  std::vector<std::thread> threads;
  for (int number = 0; number < clients; ++number)
    threads.emplace_back([&, number] {
      RegistryUser user(address, number, size);
      const auto must = [](Result<std::uint64_t> result) {
        if (result) return *result;
        fmt::print(stderr, "{}\n", result.error().message());
        std::exit(1);
      };
      if (what == "pull") must(user.prepare_pull());
      if (what == "download") must(user.prepare_download());
      ++ready;
      while (!begun) std::this_thread::yield();
      for (int round = 1; !is_over; ++round) {
        bytes += must(what == "push"     ? user.push(round)
                      : what == "pull"   ? user.pull(round)
                      : what == "upload" ? user.upload(round)
                                         : user.download(round));
        ++operations;
      }
    });
  while (ready < clients) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto begin = Clock::now();
  begun = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print("{} {:.3f} {:.1f}\n", operations.load(), took, static_cast<double>(bytes) / 1e6);
  return 0;
}

}  // namespace
}  // namespace gantry

int main(int count, char** words) {
  if (count < 5) {
    fmt::print(stderr, "usage: {} push|pull|upload|download ADDRESS CLIENTS SECONDS [BYTES]\n", words[0]);
    return 2;
  }
  return gantry::run(words[1], words[2], std::atoi(words[3]), std::atof(words[4]),
                     count > 5 ? std::strtoull(words[5], nullptr, 10) : 0);
}
