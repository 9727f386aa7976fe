// SPDX-License-Identifier: Apache-2.0
//
// For tests: what a client reads of what a handler writes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "http/client.h"
#include "http/server.h"
#include "testing/must.h"

namespace gantry::docker {

struct Answer {
  int status = 0;
  std::string body;
};

inline Answer answer_of(const std::function<Result<void>(http::ResponseWriter&)>& handler) {
  std::vector<http::Listener> listeners;
  listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0)));
  const auto server =
      MUST(http::Server::start(std::move(listeners), [&](http::Request&, http::ResponseWriter& response) {
        return handler(response);
      }));
  http::Client client;
  auto response =
      MUST(client.send({.url = MUST(http::Url::parse("http://" + server->listeners().front().name()))}));
  return {.status = response.status(), .body = MUST(response.read_body())};
}

// The messages of a progress stream.
inline std::vector<json::Document> messages_in(const std::string& body) {
  std::vector<json::Document> messages;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find("\r\n", at);
    messages.push_back(MUST(json::Document::parse(body.substr(at, end - at))));
    at = end + 2;
  }
  return messages;
}

}  // namespace gantry::docker
