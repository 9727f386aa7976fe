// SPDX-License-Identifier: Apache-2.0
//
// The daemon, as the verbs of the command talk to it: its API over a unix socket or TCP.
//
//   EngineClient engine = TRY(EngineClient::of(context));
//   json::Document container = TRY(engine.get("/containers/" + path_part(name) + "/json"));
//   TRY(engine.post("/containers/" + path_part(name) + "/stop", {{"t", "5"}}));
//
// Errors of the daemon have its own sentence behind "Error response from daemon: ", and the code that goes
// with its status.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"
#include "http/client.h"

namespace gantry::cli::docker {

// Parameters of a URL; empty values are left out.
using Parameters = std::vector<std::pair<std::string_view, std::string>>;

// A name or id as one part of a path.
std::string path_part(std::string_view name);

struct EngineRequest {
  std::string method = "GET";
  std::string path;
  Parameters parameters = {};
  std::string body = {};         // JSON
  ByteSource* source = nullptr;  // a body that is not JSON, instead; borrowed
  http::HeaderMap headers = {};
};

class EngineClient {
 public:
  // Connects at the first call.
  static Result<EngineClient> of(const Context& context);

  // Only answers that are no error. Waits for as long as the daemon takes.
  Result<http::ClientResponse> send(const EngineRequest& request);

  Result<json::Document> get(std::string path, Parameters parameters = {});
  Result<json::Document> post_json(std::string path, std::string body, Parameters parameters = {});
  // Without an answer but the status, which is told: 304 is "was so already".
  Result<int> post(std::string path, Parameters parameters = {}, std::string body = {});
  Result<void> remove(std::string path, Parameters parameters = {});
  // The connection itself, after the daemon has taken it over for the streams of a process.
  Result<http::Stream> hijack(std::string path, Parameters parameters, std::string body = {});

 private:
  EngineClient(http::Client client, http::Url base, std::string host)
      : client_(std::move(client)), base_(std::move(base)), host_(std::move(host)) {}
  Result<http::ClientResponse> exchange(const EngineRequest& request, std::string upgrade);
  Error explain(Error error) const;

  http::Client client_;
  http::Url base_;
  std::string host_;  // as the user says it
};

}  // namespace gantry::cli::docker
