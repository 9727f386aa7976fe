// SPDX-License-Identifier: Apache-2.0
//
// What is at paths that are no resources: health, version, discovery, keys of tokens.
#include <sys/utsname.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "base/process_metrics.h"
#include "base/split.h"
#include "kube/http/answer_writer.h"
#include "kube/http/api_server.h"
#include "kube/http/refusals.h"
#include "kube/schema/release.h"

namespace gantry::kube {
namespace {

std::string git_version() { return fmt::format("v{}.{}.0+gantry", kReleaseMajor, kReleaseMinor); }

std::string version_text() {
  utsname host{};
  ::uname(&host);
  const std::string_view machine = host.machine;
  const std::string_view architecture = machine == "x86_64"    ? "amd64"
                                        : machine == "aarch64" ? "arm64"
                                                               : machine;
  json::Writer writer(json::Style::Indented);
  writer.begin_object();
  writer.key("major").value(kReleaseMajor);
  writer.key("minor").value(kReleaseMinor);
  writer.key("gitVersion").value(git_version());
  writer.key("gitCommit").value("");
  writer.key("gitTreeState").value("clean");
  writer.key("buildDate").value("1970-01-01T00:00:00Z");
  writer.key("goVersion").value("");
  writer.key("compiler").value("gcc");
  writer.key("platform").value(fmt::format("linux/{}", architecture));
  writer.end_object();
  return std::move(writer).text();
}

Answer<void> send(http::ResponseWriter& response, std::string_view type, std::string_view body) {
  response.headers.set("Content-Type", std::string(type));
  return response.send(200, body);
}

// 304 for what the client has.
Answer<void> send_page(http::Request& request, http::ResponseWriter& response, std::string_view type,
                       const views::Page& page) {
  response.headers.set("Vary", "Accept");
  if (!page.etag.empty()) response.headers.set("ETag", page.etag);
  if (!page.etag.empty() && request.headers().get_or("If-None-Match", "") == page.etag)
    return response.send(304);
  return send(response, type, page.body.view());
}

bool accepts(const http::Request& request, std::string_view media_type) {
  for (const MediaType& type : parse_accept(request.headers().get_or("Accept", "")))
    if (type.name == media_type) return true;
  return false;
}

// The pages are compressed; who does not take that gets them plain.
Answer<void> send_openapi(http::Request& request, http::ResponseWriter& response, std::string_view type,
                          const views::Page& page) {
  if (request.headers().has_token("Accept-Encoding", "gzip")) {
    response.headers.set("Content-Encoding", "gzip");
    return send_page(request, response, type, page);
  }
  views::Page plain{.body = SharedBytes(TRY(views::plain_openapi(page))), .etag = page.etag};
  return send_page(request, response, type, plain);
}

bool accepts_aggregated(std::string_view accept) {
  for (const MediaType& type : parse_accept(accept)) {
    if (type.parameter("g") == "apidiscovery.k8s.io")
      return type.parameter("v") == "v2" && type.parameter("as") == "APIGroupDiscoveryList";
    if (type.name == "application/json") return false;
  }
  return false;
}

std::string_view without_slash(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

Answer<void> ApiServer::show_path(const Call& call) const {
  const std::string_view path = without_slash(call.info.path);
  if (call.info.verb != "get" && call.info.verb != "head")
    return method_not_allowed("only GET is served here");
  if (path == "/metrics") return show_metrics(call);
  if (path == "/version") return send(call.response, "application/json", version_text());
  if (path == "/api" || path == "/apis" || path.starts_with("/api/") || path.starts_with("/apis/"))
    return show_discovery(call);
  if (path == "/openapi/v2" || path == "/openapi/v3" || path.starts_with("/openapi/v3/"))
    return show_openapi(call);
  if (path == "/.well-known/openid-configuration" || path == "/openid/v1/jwks") return show_token_keys(call);
  for (const std::string_view check : {"/healthz", "/livez", "/readyz"})
    if (path == check || path.starts_with(fmt::format("{}/", check))) return show_health(call);
  return no_such_path();
}

Answer<void> ApiServer::show_health(const Call& call) const {
  const std::vector<std::string_view> words = split(without_slash(call.info.path).substr(1), '/');
  if (words.size() > 2) return no_such_path();
  std::vector<HealthCheck> checks = {{"ping", [] { return Result<void>(); }}};
  std::ranges::copy(parts_.health_checks, std::back_inserter(checks));
  if (words.front() == "readyz")
    checks.push_back({"started", [this] {
                        if (is_ready_) return Result<void>();
                        return Result<void>(error(Code::Unavailable, "the server is still starting"));
                      }});
  HealthReport report;
  if (words.size() == 2) {
    const auto named = std::ranges::find(checks, words.back(), &HealthCheck::name);
    if (named == checks.end()) return no_such_path();
    report = one_health_report(*named);
  } else {
    report = health_report(words.front(), checks, call.query);
  }
  if (!report.why.empty())
    parts_.log.debug("a health check failed", {{"path", call.info.path}, {"error", report.why}});
  call.told.code = report.code;
  call.response.headers.set("Content-Type", "text/plain; charset=utf-8");
  return call.response.send(report.code, report.text);
}

Answer<void> ApiServer::show_metrics(const Call& call) const {
  MetricsPage page;
  page.family("kubernetes_build_info", MetricKind::Gauge, "Which version this is.");
  page.sample(1, {{"major", kReleaseMajor},
                  {"minor", kReleaseMinor},
                  {"git_version", git_version()},
                  {"compiler", "gcc"}});
  metrics_.write(page);
  if (parts_.more_metrics) parts_.more_metrics(page);
  write_process(page);
  return send(call.response, MetricsPage::kContentType, std::move(page).text());
}

Answer<void> ApiServer::show_discovery(const Call& call) const {
  const std::shared_ptr<const Served> served = parts_.served.get();
  const std::string_view path = without_slash(call.info.path);
  if (accepts_aggregated(call.request.headers().get_or("Accept", "")))
    if (const views::Page* page = served->discovery().find_aggregated(path); page != nullptr)
      return send_page(call.request, call.response, views::kAggregatedMediaType, *page);
  const views::Page* page = served->discovery().find(path);
  if (page == nullptr) return no_such_path();
  return send_page(call.request, call.response, "application/json", *page);
}

Answer<void> ApiServer::show_openapi(const Call& call) const {
  const std::shared_ptr<const Served> served = parts_.served.get();
  const views::OpenApi& openapi = served->openapi();
  const std::string_view path = without_slash(call.info.path);
  if (path == "/openapi/v3")
    return send_page(call.request, call.response, "application/json", openapi.v3_index());
  if (path == "/openapi/v2") {
    const bool is_protobuf = accepts(call.request, views::kAcceptsOpenApiProtobuf);
    return send_openapi(call.request, call.response,
                        is_protobuf ? views::kOpenApiProtobuf : std::string_view("application/json"),
                        is_protobuf ? openapi.v2_protobuf() : openapi.v2_json());
  }
  constexpr std::string_view kVersions = "/openapi/v3/";
  const std::string_view version = path.substr(kVersions.size());
  if (const auto api = parts_.aggregated.find(fmt::format("/{}", version))) return ask(call, *api);
  const auto page = openapi.v3(version);
  if (!page) return no_such_path();
  return send_openapi(call.request, call.response, "application/json", *page);
}

Answer<void> ApiServer::show_token_keys(const Call& call) const {
  const bool is_keys = call.info.path.starts_with("/openid");
  const std::string document =
      is_keys ? TRY(parts_.account_tokens.key_set()) : TRY(parts_.account_tokens.discovery_document());
  call.response.headers.set("Cache-Control", "public, max-age=3600");
  return send(call.response, is_keys ? "application/jwk-set+json" : "application/json", document);
}

}  // namespace gantry::kube
