// SPDX-License-Identifier: Apache-2.0
#include "kube/aggregation/aggregated_apis.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/file.h"
#include "http/test_identity.h"
#include "http/test_peer.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

using namespace std::chrono_literals;
using http::Request;
using http::ResponseWriter;

std::unique_ptr<http::StreamLoop> start_loop() { return MUST(http::StreamLoop::start("streams", 8)); }

constexpr std::string_view kResources =
    R"({"kind":"APIResourceList","resources":[{"name":"things","singularName":"thing","kind":"Thing",
        "verbs":["get"]}]})";

// Another API server behind the service "things" in "far", and this one in front of it.
class Aggregation : public ::testing::Test {
 protected:
  Aggregation() {
    put_service(443);
    put_endpoints(server_->listeners().front().port());
    put_api_service(to_base64(MUST(read_file(authority_.ca_file()))));
  }

  void put_service(int port) {
    objects_.put(stored::kServices, fmt::format(R"({{"metadata":{{"namespace":"far","name":"things"}},
      "spec":{{"ports":[{{"name":"https","port":{}}}]}}}})",
                                                port));
  }
  void put_endpoints(std::uint16_t port) {
    objects_.put(stored::kEndpoints,
                 fmt::format(R"({{"metadata":{{"namespace":"far","name":"things"}},"subsets":[
      {{"addresses":[{{"ip":"127.0.0.1"}}],"ports":[{{"name":"https","port":{}}}]}}]}})",
                             port));
  }
  void put_api_service(std::string_view bundle) {
    objects_.put(stored::kApiServices, fmt::format(R"({{"metadata":{{"name":"v1.example.com"}},"spec":{{
      "group":"example.com","version":"v1","caBundle":"{}",
      "service":{{"namespace":"far","name":"things","port":443}}}}}})",
                                                   bundle));
  }
  Availability look() {
    const auto verdicts = apis_.look(now_);
    EXPECT_EQ(verdicts.size(), 1u);
    return verdicts.empty() ? Availability{} : verdicts.front().availability;
  }
  std::string get(std::string_view path, std::string_view more = "") {
    auto peer = http::testing::RawPeer::connect(front_->listeners().front().port());
    peer.send(fmt::format("GET {} HTTP/1.1\r\nHost: api\r\nConnection: close\r\n{}\r\n", path, more));
    return peer.read_all();
  }

  Result<void> serve_foreign(Request& request, ResponseWriter& response) {
    ++asked_;
    EXPECT_EQ(request.peer().certificate->common_name, "front-proxy-client");
    if (is_ill_) return response.send(503, "not now");
    if (request.path() == "/openapi/v3") return response.send(404, "none");
    if (request.path() == "/openapi/v2") {
      response.headers.set("ETag", "\"1\"");
      const bool is_known = request.headers().get("If-None-Match") == "\"1\"";
      if (!is_known) ++documents_sent_;
      return response.send(is_known ? 304 : 200, is_known ? "" : "{}");
    }
    if (request.path() == "/apis/example.com/v1") return response.send(200, kResources);
    std::string heard(request.head().target);
    for (const http::Header& header : request.headers()) heard += "\n" + header.name + ": " + header.value;
    return response.send(200, heard);
  }
  Result<void> serve_front(Request& request, ResponseWriter& response) {
    const auto api = apis_.find(request.path());
    if (!api) return response.send(404, "served here");
    const User user{
        .name = "jane", .uid = "7", .groups = {"a", "b"}, .extra = {{"example.org/scope", {"x"}}}};
    response.headers.set("Audit-Id", "event-7");
    const auto answered = apis_.answer(*api, user, request, response, *loop_);
    if (answered) return {};
    return response.send(answered.error()->code, answered.error()->message);
  }
  static std::unique_ptr<http::Server> serve(http::Handler handler, http::Listener listener) {
    std::vector<http::Listener> listeners;
    listeners.push_back(std::move(listener));
    return MUST(http::Server::start(std::move(listeners), std::move(handler)));
  }
  static http::Listener listener() { return MUST(http::Listener::tcp("127.0.0.1", 0)); }
  http::Listener tls_listener() {
    return listener().with_tls(
        MUST(http::TlsContext::for_server({.identity = authority_.issue("things", "DNS:things.far.svc"),
                                           .client_ca_files = {authority_.ca_file()}})));
  }

  std::atomic<int> asked_ = 0;
  std::atomic<int> documents_sent_ = 0;
  std::atomic<bool> is_ill_ = false;
  http::testing::TestAuthority authority_;
  std::unique_ptr<http::Server> server_ =
      serve([this](Request& request, ResponseWriter& response) { return serve_foreign(request, response); },
            tls_listener());
  testing::TestObjects objects_;
  ServiceRouter services_{objects_, ServiceRouting::Endpoints};
  AggregatedApis apis_{objects_, services_, authority_.issue("front-proxy-client", "")};
  AggregatedApis::Time now_ = std::chrono::steady_clock::now();
  std::unique_ptr<http::StreamLoop> loop_ = start_loop();
  std::unique_ptr<http::Server> front_ =
      serve([this](Request& request, ResponseWriter& response) { return serve_front(request, response); },
            listener());
};

TEST_F(Aggregation, AnswersInTheNameOfWhoAsks) {
  EXPECT_EQ(look(), (Availability{true, "Passed", "all checks passed"}));
  const std::string answer =
      get("/apis/example.com/v1/things?a=b%2Fc", "Authorization: Bearer secret\r\nX-Remote-User: root\r\n");
  EXPECT_TRUE(answer.contains("\r\n\r\n/apis/example.com/v1/things?a=b%2Fc\n")) << answer;
  for (const char* line : {"X-Remote-User: jane\n", "X-Remote-Uid: 7\n", "X-Remote-Group: a\n",
                           "X-Remote-Group: b\n", "X-Remote-Extra-example.org%2Fscope: x"})
    EXPECT_TRUE(answer.contains(line)) << line << answer;
  EXPECT_FALSE(answer.contains("secret") || answer.contains("root")) << answer;
}

TEST_F(Aggregation, SaysWhichEventOfTheAuditLogItIs) {
  look();
  const std::string answer = get("/apis/example.com/v1/things", "Audit-Id: the client's\r\n");
  EXPECT_TRUE(answer.contains("\nAudit-Id: event-7")) << answer;
  EXPECT_FALSE(answer.contains("the client's")) << answer;
}

TEST_F(Aggregation, LeavesTheRestToThisServer) {
  look();
  for (const char* path :
       {"/apis/example.com/v2/things", "/apis/example.com", "/apis", "/api/v1/pods", "/apis/other.com/v1"})
    EXPECT_TRUE(get(path).ends_with("served here")) << path;
}

TEST_F(Aggregation, KnowsWhatIsServedThere) {
  look();
  const auto versions = apis_.versions();
  ASSERT_EQ(versions.size(), 1u);
  EXPECT_EQ(versions[0].group, "example.com");
  EXPECT_TRUE(versions[0].resources.contains(R"("resource":"things")")) << versions[0].resources;
}

TEST_F(Aggregation, AsksForALongDocumentOnlyWhenItIsAnotherOne) {
  look();
  const auto before = apis_.versions().at(0).openapi_v2;
  ASSERT_NE(before, nullptr);
  EXPECT_EQ(*before, "{}");
  now_ += 1h;
  look();
  EXPECT_EQ(apis_.versions().at(0).openapi_v2, before);
  EXPECT_EQ(documents_sent_, 1);
}

TEST_F(Aggregation, SaysWhyAServerIsNotThere) {
  put_service(8443);
  EXPECT_EQ(look().reason, "ServicePortError");
  put_service(443);
  objects_.remove(stored::kEndpoints, "far", "things");
  EXPECT_EQ(look().reason, "MissingEndpoints");
  objects_.remove(stored::kServices, "far", "things");
  const Availability gone = look();
  EXPECT_EQ(gone.reason + ": " + gone.message, "ServiceNotFound: service/things in \"far\" is not present");
  EXPECT_EQ(asked_, 0);
  EXPECT_TRUE(get("/apis/example.com/v1/things").starts_with("HTTP/1.1 503 "));
}

TEST_F(Aggregation, NoticesWhatIsIllAndWhatIsWellAgain) {
  EXPECT_TRUE(look().is_available);
  is_ill_ = true;
  EXPECT_TRUE(look().is_available) << "nobody has asked again";
  now_ += 11s;
  const Availability ill = look();
  EXPECT_EQ(ill.reason, "FailedDiscoveryCheck");
  EXPECT_TRUE(ill.message.ends_with("bad status: 503")) << ill.message;
  is_ill_ = false;
  now_ += 3s;
  EXPECT_TRUE(look().is_available);
}

TEST_F(Aggregation, TrustsTheBundleAlone) {
  http::testing::TestAuthority other;
  put_api_service(to_base64(MUST(read_file(other.ca_file()))));
  EXPECT_EQ(look().reason, "FailedDiscoveryCheck");
}

TEST_F(Aggregation, ForgetsWhatWasDeleted) {
  look();
  objects_.remove(stored::kApiServices, "", "v1.example.com");
  EXPECT_TRUE(apis_.look(now_).empty());
  EXPECT_EQ(apis_.find("/apis/example.com/v1/things"), nullptr);
}

}  // namespace
}  // namespace gantry::kube
