// SPDX-License-Identifier: Apache-2.0
#include "docker/router.h"

#include <gtest/gtest.h>

#include "http/client.h"
#include "testing/must.h"

namespace gantry::docker {
namespace {

std::string joined(std::string_view pattern, std::string_view path) {
  const auto found = Router::match(pattern, path);
  if (!found) return "no";
  std::string text;
  for (const std::string_view parameter : *found) text.append("[").append(parameter).append("]");
  return text;
}

TEST(Route, matches_whole_segments) {
  EXPECT_EQ(joined("/info", "/info"), "");
  EXPECT_EQ(joined("/info", "/info/"), "no");
  EXPECT_EQ(joined("/info", "/information"), "no");
  EXPECT_EQ(joined("/containers/{id}/json", "/containers/web/json"), "[web]");
  EXPECT_EQ(joined("/containers/{id}/json", "/containers//json"), "no");
  EXPECT_EQ(joined("/containers/{id}/json", "/containers/json"), "no");
  EXPECT_EQ(joined("/containers/{id}", "/containers/a/b"), "no");
}

TEST(Route, has_names_with_slashes) {
  EXPECT_EQ(joined("/images/{name...}/json", "/images/busybox/json"), "[busybox]");
  EXPECT_EQ(joined("/images/{name...}/json", "/images/localhost:5000/team/web/json"),
            "[localhost:5000/team/web]");
  EXPECT_EQ(joined("/images/{name...}/json", "/images/json/json"), "[json]");
  EXPECT_EQ(joined("/images/{name...}/json", "/images/a/json/json"), "[a/json]");
  EXPECT_EQ(joined("/images/{name...}", "/images/a/b"), "[a/b]");
  EXPECT_EQ(joined("/images/{name...}/json", "/images/json"), "no");
  EXPECT_EQ(joined("/plugins/{a...}/x/{b}", "/plugins/1/2/x/3"), "[1/2][3]");
}

// ---- with a server

Result<void> say_what_came(const Context&, Call& call) {
  return call.send_json(fmt::format(R"({{"version":"{}","name":"{}","all":{},"t":{}}})", call.version.str(),
                                    call.parameter(0), call.flag("all"), TRY(call.number("t")).value_or(-1)));
}

struct Named {
  std::string name;
};
void fields(json::Fields& f, Named& named) { f("Name", named.name); }

Result<void> read_name(const Context&, Call& call) { return call.send_object(TRY(call.body<Named>()), 201); }

constexpr Route kRoutes[] = {{"GET", "/things/{name...}/json", say_what_came},
                             {"POST", "/things", read_name}};

struct Answer {
  int status = 0;
  std::string body;
  http::HeaderMap headers;
};

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    router_.add(kRoutes);
    std::vector<http::Listener> listeners;
    listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0)));
    server_ =
        MUST(http::Server::start(std::move(listeners), [this](http::Request& q, http::ResponseWriter& a) {
          return router_.serve(q, a);
        }));
  }

  Answer call(std::string method, std::string target, std::string body = {},
              std::string type = "application/json") {
    http::ClientRequest request{
        .method = std::move(method),
        .url = MUST(http::Url::parse("http://" + server_->listeners()[0].name() + target)),
        .headers = {{"Content-Type", std::move(type)}},
        .body = std::move(body)};
    http::ClientResponse response = MUST(client_.send(request));
    Answer answer{response.status(), {}, response.headers()};
    answer.body = MUST(response.read_body());
    return answer;
  }

  // No handler of these tests looks at it.
  alignas(Context) std::byte context_[sizeof(Context)] = {};
  Router router_{*reinterpret_cast<const Context*>(context_)};
  std::unique_ptr<http::Server> server_;
  http::Client client_;
};

TEST_F(RouterTest, hands_version_parameters_and_query_to_the_handler) {
  EXPECT_EQ(call("GET", "/v1.41/things/a%2fb/c/json?all=1&t=5").body,
            R"({"version":"1.41","name":"a/b/c","all":true,"t":5})");
  EXPECT_EQ(call("GET", "/things/x/json?all=False").body,
            R"({"version":"1.51","name":"x","all":false,"t":-1})");
}

TEST_F(RouterTest, tells_clients_who_it_is_in_every_answer) {
  for (const char* target : {"/things/x/json", "/nothing"}) {
    const Answer answer = call("GET", target);
    EXPECT_EQ(answer.headers.get_or("Api-Version", ""), "1.51");
    EXPECT_EQ(answer.headers.get_or("Ostype", ""), "linux");
    EXPECT_EQ(answer.headers.get_or("Docker-Experimental", ""), "false");
  }
}

TEST_F(RouterTest, refuses_in_dockers_form) {
  const Answer unknown = call("GET", "/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, "{\"message\":\"page not found\"}\n");
  EXPECT_EQ(call("DELETE", "/things").status, 404);
  EXPECT_EQ(call("GET", "/v1.23/things/x/json").status, 400);
  EXPECT_EQ(call("GET", "/v1.99/things/x/json").body,
            "{\"message\":\"client version 1.99 is too new. Maximum supported API version is 1.51\"}\n");
  EXPECT_EQ(call("GET", "/things/x/json?t=soon").body,
            "{\"message\":\"invalid value for 't': 'soon' is not an integer\"}\n");
}

TEST_F(RouterTest, reads_objects_from_bodies) {
  const Answer made = call("POST", "/things", R"({"Name":"web","Later":1})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.body, R"({"Name":"web"})");
  EXPECT_EQ(call("POST", "/things", "").status, 400);
  EXPECT_EQ(call("POST", "/things", "{").status, 400);
  EXPECT_EQ(call("POST", "/things", "{}", "text/plain").status, 400);
  EXPECT_NE(call("POST", "/things", R"({"Name":1})").body.find("Name: expected a string"), std::string::npos);
}

}  // namespace
}  // namespace gantry::docker
