// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/engine_client.h"

#include <chrono>

#include "cli/user_config.h"

namespace gantry::cli::docker {
namespace {

constexpr std::size_t kMostAnswer = 256 << 20;  // bytes: thousands of containers are a few megabytes
// `wait`, `logs --follow` and `stop` of a container that ignores signals take as long as they take.
constexpr std::chrono::hours kNoLimit(24 * 365);

http::Query query_of(const Parameters& parameters) {
  http::Query query;
  for (const auto& [name, value] : parameters)
    if (!value.empty()) query.add(std::string(name), value);
  return query;
}

// {"message": "No such container: x"}
std::string message_of(const std::string& body, int status) {
  const auto document = json::Document::parse(body);
  if (document)
    if (const auto message = document->root().find("message"); message && !message->as_string().empty())
      return std::string(message->as_string());
  return body.empty() ? fmt::format("status {} {}", status, http::status_text(status)) : body;
}

Result<http::ClientOptions> options_for(const Context& context) {
  http::ClientOptions options;
  options.answer_timeout = kNoLimit;
  options.idle_timeout = kNoLimit;
  options.tls = {.ca_files = context.tls.authority.empty() ? std::vector<std::string>{}
                                                           : std::vector{context.tls.authority},
                 .identity = {context.tls.certificate, context.tls.key},
                 .verify = context.tls.verify};
  return options;
}

}  // namespace

std::string path_part(std::string_view name) { return http::percent_encode(name); }

Result<EngineClient> EngineClient::of(const Context& context) {
  constexpr std::string_view kUnix = "unix://", kTcp = "tcp://";
  http::ClientOptions options = TRY(options_for(context));
  std::string base = "http://localhost";
  if (context.host.starts_with(kUnix)) {
    options.unix_socket = context.host.substr(kUnix.size());
  } else if (context.host.starts_with(kTcp)) {
    base = (context.tls.is_on ? "https://" : "http://") + context.host.substr(kTcp.size());
  } else {
    return error(Code::InvalidArgument, "'{}' is no daemon's address: unix:///PATH or tcp://HOST:PORT",
                 context.host);
  }
  http::Url url = TRY_DURING(http::Url::parse(base), "daemon's address '{}'", context.host);
  return EngineClient(http::Client(std::move(options)), std::move(url), context.host);
}

// The most frequent failure, with what to do about it.
Error EngineClient::explain(Error failed) const {
  if (failed.errno_value() == EACCES)
    return error(Code::PermissionDenied,
                 "permission denied to talk to the daemon at {}: be root, or a member of the socket's group",
                 host_);
  if (failed.errno_value() == ENOENT || failed.errno_value() == ECONNREFUSED)
    return error(Code::Unavailable, "cannot connect to the daemon at {}. Is gantryd running?", host_);
  return failed;
}

Result<http::ClientResponse> EngineClient::exchange(const EngineRequest& request, std::string upgrade) {
  http::ClientRequest sent{.method = request.method, .url = base_};
  for (const auto& [name, value] : user_config().http_headers) sent.headers.set(name, value);
  for (const http::Header& header : request.headers) sent.headers.set(header.name, header.value);
  sent.url.path = request.path;
  if (const http::Query query = query_of(request.parameters); !query.empty()) sent.url.query = query.str();
  sent.body = request.body;
  sent.body_source = request.source;
  sent.upgrade = std::move(upgrade);
  if (!request.body.empty()) sent.headers.set("Content-Type", "application/json");
  auto response = client_.send(sent);
  if (!response) return explain(std::move(response).error());
  if (response->status() < 400) return response;
  const std::string body = TRY(response->read_body());
  return error(http::code_of_status(response->status()), "Error response from daemon: {}",
               message_of(body, response->status()));
}

Result<http::ClientResponse> EngineClient::send(const EngineRequest& request) {
  return exchange(request, "");
}

Result<json::Document> EngineClient::get(std::string path, Parameters parameters) {
  auto response = TRY(send({.path = std::move(path), .parameters = std::move(parameters)}));
  return json::Document::parse(TRY(response.read_body(kMostAnswer)), {.bytes = kMostAnswer});
}

Result<json::Document> EngineClient::post_json(std::string path, std::string body, Parameters parameters) {
  auto response = TRY(send({.method = "POST",
                            .path = std::move(path),
                            .parameters = std::move(parameters),
                            .body = std::move(body)}));
  return json::Document::parse(TRY(response.read_body(kMostAnswer)), {.bytes = kMostAnswer});
}

Result<int> EngineClient::post(std::string path, Parameters parameters, std::string body) {
  auto response = TRY(send({.method = "POST",
                            .path = std::move(path),
                            .parameters = std::move(parameters),
                            .body = std::move(body)}));
  TRY(response.read_body());  // so that the connection can be used again
  return response.status();
}

Result<void> EngineClient::remove(std::string path, Parameters parameters) {
  auto response =
      TRY(send({.method = "DELETE", .path = std::move(path), .parameters = std::move(parameters)}));
  TRY(response.read_body(kMostAnswer));
  return {};
}

Result<http::Stream> EngineClient::hijack(std::string path, Parameters parameters, std::string body) {
  auto response = TRY(exchange({.method = "POST",
                                .path = std::move(path),
                                .parameters = std::move(parameters),
                                .body = std::move(body)},
                               "tcp"));
  http::Stream stream = TRY(std::move(response).take_stream());
  stream.set_timeout(std::nullopt);
  return stream;
}

}  // namespace gantry::cli::docker
