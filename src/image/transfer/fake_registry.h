// SPDX-License-Identifier: Apache-2.0
//
// A registry for tests, that does what a test tells it to: right by default for what was put into it, and
// wrong in as many ways as somebody may think of.
//
//   FakeRegistry registry;
//   const oci::Digest blob = registry.put_blob("app", bytes);
//   registry.answer("GET /v2/app/blobs/" + blob.str(), [](auto& request, auto& response) { ... });
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http/server.h"
#include "http/url.h"
#include "image/transfer/registry_client.h"
#include "oci/image/digest.h"
#include "testing/must.h"

namespace gantry::image {

class FakeRegistry {
 public:
  FakeRegistry() {
    std::vector<http::Listener> listeners;
    listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0)));
    server_ = MUST(http::Server::start(std::move(listeners),
                                       [this](http::Request& request, http::ResponseWriter& response) {
                                         return handle(request, response);
                                       }));
  }

  std::string host() const { return server_->listeners().front().name(); }
  http::Url url() const { return MUST(http::Url::parse("http://" + host())); }

  oci::Digest put_blob(const std::string& repository, const std::string& bytes) {
    const oci::Digest digest = oci::digest_of(bytes);
    const std::string path = "/v2/" + repository + "/blobs/" + digest.str();
    put(path, {bytes, "application/octet-stream"});
    return digest;
  }

  oci::Digest put_manifest(const std::string& repository, const std::string& tag, const std::string& bytes,
                           const std::string& media_type) {
    const oci::Digest digest = oci::digest_of(bytes);
    for (const std::string& reference : {tag, digest.str()})
      put("/v2/" + repository + "/manifests/" + reference, {bytes, media_type});
    return digest;
  }

  // Waits for its handlers: for tests whose handlers use variables of the test.
  void stop() { server_->stop(std::chrono::seconds(10)); }

  // In place of what would be answered to that request ("GET /v2/app/tags/list").
  void answer(const std::string& request, http::Handler handler) {
    MutexLock lock(mutex_);
    answers_[request] = std::move(handler);
  }
  // Before anything else; true if it has answered.
  void before_all(std::function<Result<bool>(http::Request&, http::ResponseWriter&)> check) {
    MutexLock lock(mutex_);
    before_all_ = std::move(check);
  }

  // "GET /v2/app/blobs/sha256:..."; with the query and, if there was one, " Range: bytes=0-".
  std::vector<std::string> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }
  std::size_t count(std::string_view beginning) const {
    MutexLock lock(mutex_);
    std::size_t count = 0;
    for (const std::string& request : requests_) count += request.starts_with(beginning) ? 1 : 0;
    return count;
  }
  // What was uploaded.
  std::map<std::string, std::string> uploaded() const {
    MutexLock lock(mutex_);
    return uploaded_;
  }

 private:
  struct Content {
    std::string bytes;
    std::string media_type;
  };

  void put(const std::string& path, Content content) {
    auto kept = std::make_shared<const Content>(std::move(content));
    MutexLock lock(mutex_);
    contents_[path] = std::move(kept);
  }

  Result<void> handle(http::Request& request, http::ResponseWriter& response) {
    const std::string line = request.method() + " " + std::string(request.path());
    http::Handler special;
    std::function<Result<bool>(http::Request&, http::ResponseWriter&)> before;
    std::shared_ptr<const Content> content;  // shared with contents_, where another may take its place
    {
      MutexLock lock(mutex_);
      std::string entry = line;
      if (!request.query().empty()) entry += "?" + std::string(request.query());
      if (const auto range = request.headers().get("Range")) entry += " Range: " + std::string(*range);
      requests_.push_back(entry);
      before = before_all_;
      if (const auto found = answers_.find(line); found != answers_.end()) special = found->second;
      if (const auto found = contents_.find(std::string(request.path())); found != contents_.end())
        content = found->second;
    }
    if (before && TRY(before(request, response))) return {};
    if (special) return special(request, response);
    if (request.method() == "GET" || request.method() == "HEAD") {
      if (content != nullptr) return send(request, response, *content);
      return response.send(404, R"({"errors":[{"code":"NOT_HERE","message":"nothing of that name"}]})");
    }
    return take_upload(request, response);
  }

  static Result<void> send(const http::Request& request, http::ResponseWriter& response,
                           const Content& content) {
    response.headers.set("Content-Type", content.media_type);
    response.headers.set("Docker-Content-Digest", oci::digest_of(content.bytes).str());
    response.headers.set("Accept-Ranges", "bytes");
    const auto range = http::parse_range(request.headers().get_or("Range", ""), content.bytes.size());
    if (!range) return response.send(416);
    if (!*range) return response.send(200, content.bytes);
    response.headers.set("Content-Range", http::format_content_range({**range, content.bytes.size()}));
    return response.send(206, std::string_view(content.bytes).substr((*range)->offset, (*range)->length));
  }

  // Uploads in one or several pieces, and manifests.
  Result<void> take_upload(http::Request& request, http::ResponseWriter& response) {
    const std::string path(request.path());
    const http::Query query = TRY(http::Query::parse(request.query()));
    const std::string body = TRY(request.read_body(1 << 30));
    MutexLock lock(mutex_);
    if (request.method() == "POST" && path.ends_with("/blobs/uploads/")) {
      response.headers.set("Location", path + std::to_string(++uploads_));
      return response.send(202);
    }
    if (request.method() == "PATCH") {
      std::string& upload = parts_[path];
      upload += body;
      response.headers.set("Location", path);
      response.headers.set("Range", "0-" + std::to_string(upload.size() - 1));
      return response.send(202);
    }
    if (request.method() == "PUT" && query.has("digest")) {
      const std::string whole = parts_[path] + body;
      if (oci::digest_of(whole).str() != *query.get("digest")) return response.send(400);
      const std::string blob =
          path.substr(0, path.find("/uploads/")) + "/" + std::string(*query.get("digest"));
      uploaded_[blob] = whole;
      contents_[blob] = std::make_shared<const Content>(Content{whole, "application/octet-stream"});
      return response.send(201);
    }
    if (request.method() == "PUT") {
      uploaded_[path] = body;
      return response.send(201);
    }
    return response.send(405);
  }

  mutable Mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<const Content>> contents_ GUARDED_BY(mutex_);
  std::map<std::string, http::Handler> answers_ GUARDED_BY(mutex_);
  std::function<Result<bool>(http::Request&, http::ResponseWriter&)> before_all_ GUARDED_BY(mutex_);
  std::vector<std::string> requests_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> parts_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> uploaded_ GUARDED_BY(mutex_);
  unsigned uploads_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<http::Server> server_;  // last: its threads use all of the above
};

// For tests of what is tried again: no test waits.
inline RegistryClientOptions impatient() {
  RegistryClientOptions options;
  options.retry = {
      .attempts = 4, .first_delay = std::chrono::milliseconds(1), .max_delay = std::chrono::milliseconds(4)};
  return options;
}

}  // namespace gantry::image
