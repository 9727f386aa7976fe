// SPDX-License-Identifier: Apache-2.0
//
// A registry in this process on a free port of loopback, and a client that speaks to it. For tests.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/log.h"
#include "http/client.h"
#include "image/image_store.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "registry/server.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::registry {

struct Answer {
  int status = 0;
  http::HeaderMap headers;
  std::string body;

  std::string header(std::string_view name) const { return std::string(headers.get_or(name, "")); }
  // The code of the first error of the document; empty if it is none.
  std::string code() const {
    const auto document = json::Document::parse(body);
    if (!document) return {};
    const auto errors = document->root().find("errors");
    if (!errors || errors->size() == 0) return {};
    const auto code = errors->at(0).find("code");
    return code ? std::string(code->as_string()) : std::string();
  }
};

class TestRegistry {
 public:
  explicit TestRegistry(Config config = {}, std::string root = {}) : config_(std::move(config)) {
    root_ = root.empty() ? dir_ / "store" : std::move(root);
    config_.listen = {"127.0.0.1:0"};
    start();
  }

  void start() {
    store_ = std::make_unique<image::ImageStore>(MUST(image::ImageStore::open(root_)));
    server_ = MUST(RegistryServer::start(config_, *store_, log_));
    address_ = server_->addresses().front();
  }
  void restart() {
    client_ = std::make_unique<http::Client>();
    server_->stop(std::chrono::seconds(5));
    server_.reset();
    store_.reset();
    start();
  }

  Answer call(std::string method, std::string target, http::HeaderMap headers = {}, std::string body = {}) {
    if (!authorization_.empty() && !headers.has("Authorization"))
      headers.set("Authorization", authorization_);
    http::ClientRequest request;
    request.method = std::move(method);
    request.url = MUST(http::Url::parse(target.starts_with("http") ? target : url(target)));
    request.headers = std::move(headers);
    request.body = std::move(body);
    http::ClientResponse response = MUST(client_->send(request));
    Answer answer{response.status(), response.headers(), {}};
    answer.body = MUST(response.read_body(256 << 20));
    return answer;
  }
  Answer get(std::string target, http::HeaderMap headers = {}) {
    return call("GET", std::move(target), std::move(headers));
  }

  // ---- what pushing an image takes

  std::string push_blob(std::string_view repository, const std::string& content) {
    const std::string digest = oci::digest_of(content).str();
    const Answer answer =
        call("POST", fmt::format("/v2/{}/blobs/uploads/?digest={}", repository, digest), {}, content);
    if (answer.status != 201) throw_away(answer);
    return digest;
  }
  Answer put_manifest(std::string_view repository, std::string_view reference, const std::string& json,
                      std::string_view type = oci::media_type::kOciManifest) {
    return call("PUT", fmt::format("/v2/{}/manifests/{}", repository, reference),
                {{"Content-Type", std::string(type)}}, json);
  }
  // An image of one layer; `extra` goes into the manifest: ",\"annotations\":{...}". Its digest.
  std::string push_image(std::string_view repository, std::string_view tag, const std::string& layer,
                         std::string_view extra = {}) {
    const std::string json = manifest_json(layer, extra);
    push_blob(repository, kConfig);
    push_blob(repository, layer);
    const Answer answer = put_manifest(repository, tag, json);
    if (answer.status != 201) throw_away(answer);
    return answer.header("Docker-Content-Digest");
  }
  static std::string descriptor(std::string_view type, const std::string& content) {
    return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}}})", type, oci::digest_of(content).str(),
                       content.size());
  }
  static std::string manifest_json(const std::string& layer, std::string_view extra = {}) {
    return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]{}}})",
                       oci::media_type::kOciManifest, descriptor(oci::media_type::kOciConfig, kConfig),
                       descriptor(oci::media_type::kOciLayer, layer), extra);
  }

  std::string url(std::string_view target) const { return fmt::format("http://{}{}", address_, target); }
  const std::string& address() const { return address_; }
  const std::string& root() const { return root_; }
  std::string path(const std::string& name) const { return dir_ / name; }
  image::ImageStore& store() { return *store_; }
  RegistryServer& server() { return *server_; }
  void log_in(std::string authorization) { authorization_ = std::move(authorization); }

  static inline const std::string kConfig =
      R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}})";

 private:
  [[noreturn]] static void throw_away(const Answer& answer) {
    std::fprintf(stderr, "the registry refused: %d %s\n", answer.status, answer.body.c_str());
    std::abort();
  }

  testing::TempDir dir_;
  Logger log_{STDERR_FILENO, {.level = LogLevel::Error}};
  Config config_;
  std::string root_, address_, authorization_;
  std::unique_ptr<http::Client> client_ = std::make_unique<http::Client>();
  std::unique_ptr<image::ImageStore> store_;
  std::unique_ptr<RegistryServer> server_;
};

}  // namespace gantry::registry
